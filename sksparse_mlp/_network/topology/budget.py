"""How many connections each layer drops and grows, where their numbers are not fixed."""

import numpy as np

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
    surplus = max(0, held.sum() - total)
    fraction = zeta + (1.0 - zeta) * surplus / held.sum()
    dropped = np.array(DROP_SCOPES[budget.drop_scope](saliencies, fraction))
    _drop_at_least(surplus, dropped, saliencies)
    n_dropped = dropped.sum(axis=1)
    kept = held - n_dropped
    n_grown = int(total - kept.sum())
    if budget.redistribution is None:
        shares = n_dropped if n_dropped.any() else held
    else:
        rule = REDISTRIBUTION_RULES[budget.redistribution]
        shares = rule(team, layers, kept.tolist(), n_grown)
    if budget.redistribution is None and n_grown == n_dropped.sum():
        grown = n_dropped
    else:
        grown = apportioned(n_grown, shares, cells - kept)
    return [Move(tuple(d), int(n)) for d, n in zip(dropped.tolist(), kept + grown, strict=True)]


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
