"""Stable and plastic neurons: what a network has learned of one task stays while it learns another.

NISPA [1]_. A neuron that matters to the tasks so far becomes stable: what enters it never changes
again. Connections from plastic neurons to it are dropped, because these go on changing, and as many
grow into plastic neurons, which may read from stable ones. So stable neurons compute for ever what
they computed, and the number of connections of each layer never changes.

References
----------
.. [1] Gurbuz, Dovrolis (2022). NISPA: neuro-inspired stability-plasticity adaptation for continual
       learning in sparse networks. ICML.
"""

import numpy as np

from .._kernels.records import UNIFORM
from .._kernels.steps import train_steps
from .optimizer_state import zero_optimizer_state
from .streams import derive_seed
from .topology.drop import DROP_RULES
from .topology.rebuild import layer_view
from .topology.weight_init import rebuilding_of, weight_init_of

# Sets the random numbers of plastic growth apart from others.
OF_PLASTIC = 3
# Where so few cells are allowed for one that is connected, all are listed.
CROWDED = 4


def most_active(activity, share):
    """The smallest set of neurons with this share of the activity of all; bool of each.

    Parameters
    ----------
    activity : ndarray of float64
        Not negative.
    share : float
    """
    order = np.argsort(-activity, kind="stable")
    before = np.cumsum(activity[order]) - activity[order]
    chosen = np.zeros(activity.size, bool)
    chosen[order[before < share * activity.sum()]] = True
    return chosen & (activity > 0)


def stabilise(network, important, outputs):
    """Make neurons stable, and the rest of the network as if it were new; in place.

    Parameters
    ----------
    network : SparseNetwork
    important : list of ndarray of bool
        Which neurons of each hidden level matter.
    outputs : ndarray of bool
        Which outputs never change again.
    """
    network.stable = np.concatenate([*_reachable(network, [*important, outputs])])
    network.n_evolutions += 1
    for layer in range(network.n_layers):
        network.explored.begin(layer, network.weights_of(layer))
        n_moved = _leave_stable_neurons(network, layer)
        network.explored.add(layer, network.weights_of(layer), n_moved)
    network.arrays.intercepts[~network.stable] = 0.0
    network.optimizer_state = zero_optimizer_state(network.arrays, network.solver)
    network.n_updates = 0


def _reachable(network, levels):
    """Which neurons become stable: those that were, and the others that a stable neuron feeds."""
    sources = np.ones(network.widths[0], bool)
    for level, chosen in enumerate(levels, 1):
        weights = network.weights_of(level - 1)
        fed = np.zeros(chosen.size, bool)
        fed[weights.indices[np.repeat(sources, np.diff(weights.indptr))]] = True
        if level == len(levels):  # an output has an intercept, at least
            fed[:] = True
        sources = stable_of_level(network, level) | (chosen & fed)
        yield sources


def stable_of_level(network, level):
    """Which neurons of a level are stable; inputs are, and without tasks no others."""
    if level == 0:
        return np.ones(network.widths[0], bool)
    if network.stable is None:
        return np.zeros(network.widths[level], bool)
    first = network.arrays.first_unit[level]
    return network.stable[first : first + network.widths[level]]


def frozen_connections(network):
    """Which connections enter a stable neuron; bool of each."""
    frozen = [
        stable_of_level(network, network.levels_of(layer)[1])[network.weights_of(layer).indices]
        for layer in range(network.n_layers)
    ]
    return np.concatenate(frozen)


# ---------------------------------------------------------------- training


def train_plastic(network, team, records, batches, **how):
    """Run some mini-batches, after each of which all that is frozen is what it was.

    ``records`` are the other arguments of the kernel.
    """
    frozen, arrays = frozen_connections(network), network.arrays
    hidden = network.stable[: arrays.n_hidden_units]
    kept = (
        (arrays.weights, frozen, arrays.weights.copy()),
        (arrays.intercepts, network.stable, arrays.intercepts.copy()),
        (arrays.srelu, np.tile(hidden, 4)[: arrays.srelu.size], arrays.srelu.copy()),
    )
    for step in range(batches.n_steps):
        team.run(train_steps, *records, _one_step(batches, step), **how)
        for values, where, before in kept:
            np.copyto(values, before, where=where)
        if batches.status.any():
            return


def _one_step(batches, step):
    """One mini-batch of several."""
    start, stop = step * batches.batch_size, (step + 1) * batches.batch_size
    order = batches.order[start:stop]
    parts = {
        name: getattr(batches, name)[step : step + 1] for name in ("rates", "decays", "losses")
    }
    first_step = batches.first_step + step
    return batches._replace(
        n_steps=1, n_samples=order.size, order=order, first_step=first_step, **parts
    )


# ---------------------------------------------------------------- topology


def evolve_plastic(network, zeta, layer):
    """One evolution of the plastic connections of a layer; returns how many moved.

    The least salient of them are dropped, as many grow at random empty cells of plastic neurons.
    """
    with np.errstate(all="ignore"):
        saliency = DROP_RULES[network.drop](layer_view(network, layer))
    start, stop = network.connections_of(layer)
    dropped, plastic = np.zeros(stop - start, bool), ~frozen_connections(network)[start:stop]
    for group in range(2):
        members = np.flatnonzero(plastic & (saliency >> 31 == group))
        lowest = np.argsort(saliency[members], kind="stable")
        dropped[members[lowest[: int(zeta * members.size)]]] = True
    return _move(network, layer, dropped, _random_of(network, layer))


def _leave_stable_neurons(network, layer):
    """Move connections that lead from plastic neurons to stable ones; new weights for the plastic.

    Those that find no empty cell stay where they are, with a weight of zero.
    """
    start, stop = network.connections_of(layer)
    weights, (source, _) = network.weights_of(layer), network.levels_of(layer)
    from_stable = np.repeat(stable_of_level(network, source), np.diff(weights.indptr))
    frozen, rng = frozen_connections(network)[start:stop], _random_of(network, layer)
    weights.data[frozen & ~from_stable] = 0.0
    n_moved = _move(network, layer, frozen & ~from_stable, rng)
    plastic = ~frozen_connections(network)[start:stop]
    network.arrays.weights[start:stop][plastic] = _new_weights(network, layer, plastic.sum(), rng)
    return n_moved


def _random_of(network, layer):
    counter = rebuilding_of(network, layer)
    return np.random.default_rng(derive_seed(network.streams.topology, counter, OF_PLASTIC))


def _new_weights(network, layer, n, rng):
    init = weight_init_of(network, layer)
    drawn = rng.uniform(-1, 1, n) if init.distribution == UNIFORM else rng.normal(size=n)
    return (drawn * init.scale).astype(np.float32)


def _move(network, layer, dropped, rng):
    """Move connections to random empty cells of plastic neurons, as far as there are any."""
    weights, (start, stop) = network.weights_of(layer), network.connections_of(layer)
    n_in, n_out = network.shapes[layer]
    rows = np.repeat(np.arange(n_in), np.diff(weights.indptr))
    columns = np.flatnonzero(~stable_of_level(network, network.levels_of(layer)[1]))
    place_of = np.full(n_out, -1)
    place_of[columns] = np.arange(columns.size)
    places = place_of[weights.indices]
    occupied = (rows * columns.size + places)[~dropped & (places >= 0)]
    n_moved = min(np.count_nonzero(dropped), n_in * columns.size - occupied.size)
    dropped[np.flatnonzero(dropped)[n_moved:]] = False
    # Where some stay, they enter stable neurons: they take no place of others.
    cells = _empty_cells(n_in * columns.size, np.sort(occupied), n_moved, rng)
    new_rows, new_places = np.divmod(cells, max(1, columns.size))
    rows = np.concatenate((rows[~dropped], new_rows))
    targets = np.concatenate((weights.indices[~dropped], columns[new_places]))
    order = np.lexsort((targets, rows))
    network.arrays.indices[start:stop] = targets[order]
    network.pointers_of(layer)[1:] = start + np.cumsum(np.bincount(rows, minlength=n_in))
    new = _new_weights(network, layer, n_moved, rng)
    _carry(network.arrays.weights, dropped, order, new, start)
    for moments in (network.optimizer_state.weights_1, network.optimizer_state.weights_2):
        if moments.size:
            _carry(moments, dropped, order, np.zeros(n_moved, np.float32), start)
    return int(n_moved)


def _carry(values, dropped, order, new, start):
    """Let the values of connections follow them."""
    part = values[start : start + dropped.size]
    part[:] = np.concatenate((part[~dropped], new))[order]


def _empty_cells(n_cells, occupied, n, rng):
    """Draw ``n`` distinct ones of numbered cells that are not occupied, all equally likely."""
    if n_cells <= CROWDED * (occupied.size + n):
        empty = np.ones(n_cells, bool)
        empty[occupied] = False
        return np.sort(rng.choice(np.flatnonzero(empty), n, replace=False))
    found = np.zeros(0, np.int64)
    while found.size < n:
        drawn = rng.integers(n_cells, size=n - found.size)
        at = np.minimum(np.searchsorted(occupied, drawn), max(0, occupied.size - 1))
        free = occupied[at] != drawn if occupied.size else np.ones(drawn.size, bool)
        found = np.unique(np.concatenate((found, drawn[free])))
    return found
