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

from contextlib import contextmanager

import numpy as np

from .._kernels.records import CROSS_ENTROPY, UNIFORM
from .._kernels.steps import train_steps
from .activations import initial_srelu
from .optimizer_state import zero_optimizer_state
from .resizing import joined, rows_of, with_connections
from .streams import derive_seed
from .topology import rebuild_layers
from .topology.base import Move
from .topology.weight_init import rebuilding_of, weight_init_of

# Sets the random numbers of plastic weights apart from others.
OF_PLASTIC = 3
# The intercept of an output that takes no part in a softmax.
ABSENT = np.float32(-1e30)


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


def stabilise(network, team, important, outputs):
    """Make neurons stable, and the rest of the network as if it were new; in place.

    Parameters
    ----------
    network : SparseNetwork
    team : Team
    important : list of ndarray of bool
        Which neurons of each hidden level matter.
    outputs : ndarray of bool
        Which outputs never change again.
    """
    network.stable = np.concatenate([*_reachable(network, [*important, outputs])])
    network.n_evolutions += 1
    layers = range(network.n_layers)
    for layer in layers:
        network.explored.begin(layer, network.weights_of(layer))
    all_moved = _leave_stable_neurons(network, team)
    for layer, n_moved in zip(layers, all_moved, strict=True):
        network.explored.add(layer, network.weights_of(layer), n_moved)
    _begin_anew(network)


def _begin_anew(network):
    """Reset what plastic neurons have learned beside weights, and what growth and solver know."""
    arrays = network.arrays
    arrays.intercepts[~network.stable] = 0.0
    srelu = initial_srelu(network.activation, arrays.n_hidden_units)
    np.copyto(arrays.srelu, srelu, where=~_stable_srelu(network))
    network.growth, network.input_preferences = "set", None
    network.optimizer_state = zero_optimizer_state(arrays, network.solver)
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


def _stable_srelu(network):
    """Which parameters of SReLU are those of a stable neuron."""
    arrays = network.arrays
    return np.tile(network.stable[: arrays.n_hidden_units], 4)[: arrays.srelu.size]


def frozen_connections(network):
    """Which connections enter a stable neuron: of each layer, bool of each."""
    return [
        stable_of_level(network, network.levels_of(layer)[1])[network.weights_of(layer).indices]
        for layer in range(network.n_layers)
    ]


# ---------------------------------------------------------------- training


def train_plastic(network, team, records, batches, **how):
    """Run some mini-batches, after each of which all that is frozen is what it was.

    Outputs of earlier tasks take no part in those without samples of their classes. ``records``
    are the other arguments of the kernel.
    """
    arrays, kept = network.arrays, _frozen_values(network)
    for step in range(batches.n_steps):
        batch = _one_step(batches, step)
        if records[-1].loss == CROSS_ENTROPY:
            arrays.intercepts[_absent_outputs(network, batch)] = ABSENT
        try:
            team.run(train_steps, *records, batch, **how)
        finally:
            _put_back(kept)
        if batches.status.any():
            return


@contextmanager
def frozen_kept(network):
    """Whatever is done to a network's numbers within: in the end, all frozen ones are as before."""
    kept = [] if network.stable is None else _frozen_values(network)
    try:
        yield
    finally:
        _put_back(kept)


def _frozen_values(network):
    """Arrays of what is learned, which of it is frozen, and what it is now."""
    arrays, frozen = network.arrays, np.concatenate(frozen_connections(network))
    return (
        (arrays.weights, frozen, arrays.weights.copy()),
        (arrays.intercepts, network.stable, arrays.intercepts.copy()),
        (arrays.srelu, _stable_srelu(network), arrays.srelu.copy()),
    )


def _put_back(kept):
    for values, where, before in kept:
        np.copyto(values, before, where=where)


def _absent_outputs(network, batch):
    """The stable outputs whose class no sample of a mini-batch has: places in the intercepts.

    Nothing can be learned for them, and in a softmax with them others would be made to drown them.
    """
    n_outputs = network.widths[-1]
    absent = stable_of_level(network, len(network.widths) - 1).copy()
    absent[batch.targets[batch.order]] = False
    return network.arrays.intercepts.size - n_outputs + np.flatnonzero(absent)


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


def evolve_plastic(network, team, zeta, layers):
    """One evolution of the plastic connections of some layers; returns how many moved in each.

    The least salient of them are dropped, as many grow at random empty cells of plastic neurons.
    """
    frozen = frozen_connections(network)
    plastic = [~of_layer for of_layer in frozen]
    evolving = [
        layer
        for layer in layers
        if zeta > 0 and plastic[layer].any() and _n_empty(network, layer, plastic[layer])
    ]
    grown = _rebuild_beside(network, team, frozen, plastic, evolving, zeta=zeta)
    return [grown[layer] for layer in layers]


def _leave_stable_neurons(network, team):
    """Move connections that lead from plastic neurons to stable ones; new weights for the plastic.

    Those that find no empty cell stay where they are, with a weight of zero. Returns how many moved
    in each layer.
    """
    frozen = frozen_connections(network)
    plastic, moves = [~of_layer for of_layer in frozen], {}
    for layer, (source, _) in enumerate(_levels(network)):
        leave = frozen[layer] & ~stable_of_level(network, source)[rows_of(network, layer)]
        network.weights_of(layer).data[leave] = 0.0
        leave = np.flatnonzero(leave)[: _n_empty(network, layer, plastic[layer])]
        frozen[layer][leave] = False
        if leave.size:
            moves[layer] = Move((0, 0), int(np.count_nonzero(plastic[layer])) + leave.size)
    how = {"moves": list(moves.values())}
    grown = _rebuild_beside(network, team, frozen, plastic, list(moves), **how)
    for layer, of_layer in enumerate(frozen_connections(network)):
        weights = network.weights_of(layer).data
        weights[~of_layer] = _new_weights(network, layer, np.count_nonzero(~of_layer))
    return grown


def _rebuild_beside(network, team, frozen, plastic, layers, **how):
    """Rebuild the plastic connections of some layers, at plastic neurons, beside the frozen ones.

    Connections that are neither go. Returns how many grew in each layer of the network.
    """
    columns = [np.flatnonzero(~stable_of_level(network, t)) for _, t in _levels(network)]
    room = [(np.arange(n_in), c) for (n_in, _), c in zip(network.shapes, columns, strict=True)]
    moving = with_connections(network, plastic)
    grown = np.zeros(network.n_layers, int)
    grown[layers] = rebuild_layers(moving, team, layers, room=room, **how)
    network.adopt(joined(moving, with_connections(network, frozen)))
    return grown.tolist()


def _n_empty(network, layer, plastic):
    """How many cells of plastic neurons lack a connection, of a layer with these plastic ones."""
    n_columns = np.count_nonzero(~stable_of_level(network, network.levels_of(layer)[1]))
    return network.shapes[layer][0] * n_columns - np.count_nonzero(plastic)


def _levels(network):
    return map(network.levels_of, range(network.n_layers))


def _new_weights(network, layer, n):
    counter = rebuilding_of(network, layer)
    init = weight_init_of(network, layer, network.n_connections[layer], network.shapes[layer])
    rng = np.random.default_rng(derive_seed(network.streams.topology, counter, OF_PLASTIC))
    drawn = rng.uniform(-1, 1, n) if init.distribution == UNIFORM else rng.normal(size=n)
    return (drawn * init.scale).astype(np.float32)
