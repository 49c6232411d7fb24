"""What a trained network can do without: neurons on no path of connections, and weak ones.

A hidden neuron that no path from an input reaches puts out a constant, which goes into the
intercepts of the neurons behind it; one from which no path leads to an output has no effect at all.
Both go, with all their connections. Neurons keep their order, so every sum that is left is computed
as before.

Importance pruning [1]_ makes more such neurons: the strength of a hidden neuron is the sum of the
magnitudes of the weights that enter it, and the weakest of each level lose all of these.

References
----------
.. [1] S. Liu et al., "On improving deep learning generalization with adaptive sparse connectivity",
   ICML workshop on understanding and improving generalization in deep learning (2019).
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .exploration import ExploredCells
from .resizing import rows_of
from .shapes import layer_shapes
from .topology.neurons import strength

# Stands for a connection that the network does not have, of weight 0.
NONE = -1


class Connections(NamedTuple):
    """The connections of a layer that stay."""

    positions: np.ndarray  # int64, where they are in the network's flat arrays
    rows: np.ndarray  # int64, in the smaller network
    columns: np.ndarray  # int64, in the smaller network


def compacted(network, team):
    """A network without dead neurons that puts out the same.

    Parameters
    ----------
    network : SparseNetwork
    team : Team

    Returns
    -------
    SparseNetwork
        Independent of the one that is given. Each level keeps one neuron at least, each layer one
        connection. Optimizer state moves with its connection; where anything is removed, the
        count of explored cells begins anew.
    """
    return _without_dead(_independent(network), _levels_reached(network), team)


def pruned(network, percentile, team):
    """A compacted network whose weak hidden neurons have lost what enters them.

    Parameters
    ----------
    network : SparseNetwork
    percentile : float
        From 0 to 100: neurons up to this percentile of the strengths of their level are pruned.
    team : Team

    Returns
    -------
    SparseNetwork
        Independent of the one that is given.
    """
    weakest = _weakest_neurons(network, percentile)
    network = _independent(network)
    for layer, weak in enumerate(weakest):
        weights = network.weights_of(layer)
        weights.data[weak[weights.indices]] = 0.0
    return _without_dead(network, _levels_reached(network, weakest), team)


def _independent(network):
    """A copy that remembers no more than the network does."""
    twin = network.copy()
    if network.optimizer_state is None:
        twin.optimizer_state = None
    return twin


def _weakest_neurons(network, percentile):
    """Which neurons of each hidden level are to be pruned; the strongest one never is."""
    for_each_level = []
    for layer in range(len(network.widths) - 2):
        strengths = strength(network.weights_of(layer))
        weak = strengths <= np.percentile(strengths, percentile)
        weak[strengths.argmax()] = False
        for_each_level.append(weak)
    return for_each_level


# ---------------------------------------------------------------- what is dead


def _levels_reached(network, cut=()):
    """Which neurons of each level a path leads to, where some of the hidden ones are cut off."""
    reached = [np.ones(network.widths[0], bool)]
    for layer in range(len(network.widths) - 1):
        weights = network.weights_of(layer)
        begins = np.repeat(reached[layer], np.diff(weights.indptr))
        next_level = np.zeros(weights.shape[1], bool)
        next_level[weights.indices[begins]] = True
        reached.append(next_level & ~cut[layer] if layer < len(cut) else next_level)
    return reached


def _levels_alive(network, reached):
    """Which neurons of each level are on a path; inputs and outputs always stay."""
    alive = [np.ones(network.widths[-1], bool)]
    for layer in reversed(range(1, len(network.widths) - 1)):
        weights = network.weights_of(layer)
        leads_on = alive[0][weights.indices]
        useful = np.zeros(weights.shape[0], bool)
        useful[rows_of(network, layer)[leads_on]] = True
        alive.insert(0, useful & reached[layer])
    for level in alive[:-1]:
        level[0] |= not level.any()
    return [np.ones(network.widths[0], bool), *alive]


def _fold_constants(network, reached, team):
    """Add what unreached neurons pass on to the intercepts of those behind them."""
    nothing = np.zeros((1, network.widths[0]), np.float32)
    for level in range(1, len(network.widths) - 1):
        if reached[level].all():
            continue
        outputs = network.forward(nothing, team, level=level, activated=True)[0]
        constants = np.where(reached[level], 0.0, outputs.astype(np.float64))
        if constants.any():
            folded = constants @ network.weights_of(level)
            _remove_constants(network, level, reached[level])
            network.intercepts_of(level)[:] += folded.astype(np.float32)


def _remove_constants(network, layer, reached):
    """Unreached neurons, whose constants are in the intercepts, add nothing any more."""
    network.weights_of(layer).data[~reached[rows_of(network, layer)]] = 0.0


# ---------------------------------------------------------------- what is left


def _without_dead(network, reached, team):
    """The network, which is changed, without its neurons on no path."""
    alive = _levels_alive(network, reached)
    kept = _kept_connections(network, reached, alive)
    widths = [int(level.sum()) for level in alive]
    n_connections = [layer.positions.size for layer in kept]
    if (*widths, *n_connections) == (*network.widths, *network.n_connections):
        return network
    _fold_constants(network, reached, team)
    state = network.state_dict()
    state |= {"widths": widths, "n_connections": n_connections}
    state["arrays"] = _kept_arrays(network, alive, kept)
    if network.stable is not None:
        state["stable"] = _kept_parameters("intercepts", network.stable, alive, kept)
    if network.optimizer_state is not None:
        state["optimizer_state"] = {
            name: _kept_parameters(name[:-2], values, alive, kept)
            for name, values in network.optimizer_state._asdict().items()
        }
    cells = [n_in * n_out for n_in, n_out in layer_shapes(widths, n_connections)]
    state["explored"] = ExploredCells(cells, n_connections).state_dict()
    return type(network).of_state(state)


def _kept_connections(network, reached, alive):
    """The connections of each layer that lead from a reached neuron on a path to another one."""
    last = len(network.widths) - 1
    levels = [*pairwise(range(last + 1)), *[(0, last)] * network.has_skip]
    connected = [r & a for r, a in zip(reached, alive, strict=True)]
    connected[last] = alive[last]
    kept = []
    for layer, (level, next_level) in enumerate(levels):
        weights, (start, _) = network.weights_of(layer), network.connections_of(layer)
        rows = rows_of(network, layer)
        stays = connected[level][rows] & connected[next_level][weights.indices]
        if not stays.any():
            kept.append(Connections(np.array([NONE]), np.array([0]), np.array([0])))
            continue
        new_row, new_column = (np.cumsum(alive[i]) - 1 for i in (level, next_level))
        places = new_row[rows[stays]], new_column[weights.indices[stays]]
        kept.append(Connections(start + np.flatnonzero(stays), *places))
    return kept


def _kept_arrays(network, alive, kept):
    """The arrays of the smaller network: see ``records.NetworkArrays``."""
    start, pointers = 0, []
    for layer, (positions, rows, _) in enumerate(kept):
        level = layer if layer < len(alive) - 1 else 0
        counts = np.bincount(rows, minlength=alive[level].sum())
        pointers.append(start + np.concatenate(([0], np.cumsum(counts))))
        start += positions.size
    trained = {
        name: _kept_parameters(name, getattr(network.arrays, name), alive, kept)
        for name in ("weights", "intercepts", "srelu")
    }
    return {
        "indptr": np.concatenate(pointers).astype(np.int64),
        "indices": np.concatenate([columns for _, _, columns in kept]).astype(np.int32),
        **trained,
    }


def _kept_parameters(kind, values, alive, kept):
    """One value for each connection or neuron that stays, of an array that may be empty."""
    if not values.size:
        return values.copy()
    if kind == "weights":
        positions = np.concatenate([positions for positions, _, _ in kept])
        return np.where(positions == NONE, np.float32(0), values[positions])
    if kind == "intercepts":
        return values[np.concatenate(alive[1:])]
    return values.reshape(4, -1)[:, np.concatenate(alive[1:-1])].reshape(-1)
