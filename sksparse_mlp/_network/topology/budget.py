"""How many connections each layer drops and grows, where their numbers are not fixed."""

import numpy as np

from .admission import n_admitted
from .base import Move
from .redistribution import REDISTRIBUTION_RULES
from .scope import DROP_SCOPES, sizes_of_groups


def plan_moves(team, layers, saliencies, zeta, budget):
    """Share out what some layers drop and grow.

    Parameters
    ----------
    team : Team
    layers : list of LayerView
    saliencies : list of ndarray of uint32
    zeta : float
        The fraction of the connections that moves.
    budget : Budget
        Its total is that of these layers; it is held exactly as far as they have the cells.

    Returns
    -------
    list of Move
    """
    held = np.array([saliency.size for saliency in saliencies])
    cells = np.array([layer.n_cells for layer in layers])
    total = int(np.clip(budget.total, len(layers), cells.sum()))
    admitted = np.zeros_like(held)
    if budget.admits and total > held.sum():
        admitted = n_admitted(team, layers)
        total = min(total, int(held.sum() + admitted.sum()))
    surplus = max(0, held.sum() - total)
    fraction = zeta + (1.0 - zeta) * surplus / held.sum()
    movable = saliencies
    if surplus == 0 and budget.redistribution is None:
        # What a full layer lost would grow at the same cells.
        movable = [s if room else s[:0] for s, room in zip(saliencies, held < cells, strict=True)]
    dropped = np.array(DROP_SCOPES[budget.drop_scope](movable, fraction))
    _drop_at_least(surplus, dropped, saliencies)
    n_dropped = dropped.sum(axis=1)
    kept = held - n_dropped
    grown = _grown(team, layers, budget, int(total - kept.sum()), n_dropped + admitted, kept)
    return [Move(tuple(d), int(n)) for d, n in zip(dropped.tolist(), kept + grown, strict=True)]


def _grown(team, layers, budget, n_grown, wanted, kept):
    """How many connections each layer grows: what it wants, if nothing says else."""
    room = np.array([layer.n_cells for layer in layers]) - kept
    if budget.redistribution is not None:
        rule = REDISTRIBUTION_RULES[budget.redistribution]
        shares = rule(team, layers, kept.tolist(), n_grown)
        if np.any(shares):  # a rule knows nothing where the solver's memory is empty
            return apportioned(n_grown, shares, room)
    if n_grown == wanted.sum() and (wanted <= room).all():
        return wanted
    return apportioned(n_grown, wanted if wanted.any() else kept, room)


def _drop_at_least(n, dropped, saliencies):
    """Correct what is dropped, in place: each layer keeps a connection, and n go in total.

    The fractions are rounded down, so a few may lack; those go where most are left.
    """
    sizes = np.array([sizes_of_groups(saliency) for saliency in saliencies])
    for layer in np.flatnonzero((sizes == dropped).all(axis=1)):
        dropped[layer, sizes[layer].argmax()] -= 1
    while dropped.sum() < n:
        left = sizes - dropped
        layer = left.sum(axis=1).argmax()
        dropped[layer, left[layer].argmax()] += 1


def apportioned(n, shares, room):
    """Whole numbers of the sum n, in proportion to shares, none above its room.

    What does not fit goes to the others, in proportion to their shares, or to their room where
    none of them has a share.

    Parameters
    ----------
    n : int
        No more than there is room.
    shares : sequence of float
    room : ndarray of int64

    Returns
    -------
    ndarray of int64
    """
    shares = np.asarray(shares, np.float64)
    shares = np.where(np.isfinite(shares), shares, 0.0)
    given = np.zeros_like(room)
    while (left := n - given.sum()) > 0:
        wanted = np.where(given < room, shares, 0.0)
        if not wanted.any():
            wanted = (room - given).astype(np.float64)
        exact = left * (wanted / wanted.sum())
        more = np.minimum(np.floor(exact).astype(np.int64), room - given)
        if not more.any():
            more[np.argsort(-exact, kind="stable")[:left]] = 1
        given += np.minimum(more, room - given)
    return given
