"""Rebuilding layers: initialisation where they are empty, evolution where they are not."""

from typing import NamedTuple

import numpy as np

from ..._kernels.topology.notes import HISTOGRAM, MAX_CHUNKS, NOTES
from ..._kernels.topology.rebuild import rebuild_layer
from ..._kernels.topology.records import Layer, RebuildBuffers, Rebuilt
from ..resizing import parts_of, resized
from ..streams import derive_seed
from ..team import Stopped
from ..views import read_only
from .aliases import tables_of_chunks
from .base import NO_CELLS, Growth, LayerView, Move, counted
from .budget import plan_moves
from .candidates import choose_cells
from .drop import DROP_RULES
from .growth import GROWTH_RULES
from .neurons import living_neurons
from .scope import within_layers
from .weight_init import rebuilding_of, weight_init_of

# Drawing more connections takes longer than Ctrl-C may wait.
MANY_CONNECTIONS = 2_000_000
# What keeps the words of two threads in different cache lines.
WORDS_BETWEEN = 8
# Sets the random numbers of rules apart from those of the kernel.
OF_RULES = 1


def rebuild_layers(
    network,
    team,
    layers,
    zeta=0.0,
    signals=None,
    budget=None,
    *,
    initial=None,
    moves=None,
    room=None,
):
    """Initialise layers that are empty, or evolve them.

    Parameters
    ----------
    network : SparseNetwork
        Changed in place.
    team : Team
    layers : sequence of int
    zeta : float
        The fraction of the connections that moves.
    signals : Signals or None
        What the neurons did on some samples, for rules that look at it.
    budget : Budget or None
        How many connections there are afterwards; None: each layer keeps its number.
    initial : callable or None
        Called with the view of a layer that is empty, returns cells to connect: ``Cells``.
    moves : list of Move or None
        Of each of the layers, what it drops and grows, where that is known already.
    room : list of tuple of ndarray of int64, or None
        Of each layer of the network, the rows and the columns outside of which no connection lies
        or grows; None: where a budget says that neurons go, those that are left, else all.

    Returns
    -------
    list of int
        How many connections grew in each of the layers.
    """
    if budget is not None and budget.neurons is not None:
        room = _room_of_living(network)
    views = (layer_view(network, layer, signals, room) for layer in layers)
    judged = ((view, _saliency(network, view)) for view in views)  # one at a time
    if budget is not None and len(layers):
        judged = list(judged)
        moves = _planned(network, team, judged, zeta, budget)
    rebuilt = network if moves is None else _with_room_for(network, layers, moves)
    moves = [None] * len(layers) if moves is None else moves
    largest = max((rebuilt.n_connections[layer] for layer in layers), default=0)
    # Only what evolves comes back for its scratch memory.
    memory = team.scratch if initial is None else _memory_for_once
    scratch = _scratch(memory, largest, network.optimizer_state.weights_2.size > 0)
    grown = []
    for (view, saliency), move in zip(judged, moves, strict=True):
        if move is None:
            move = Move(*within_layers([saliency], zeta), network.n_connections[view.number])
            if view.indptr[-1] == 0:  # nothing is there yet
                move = move._replace(n_dropped=(0, 0))
        chosen = NO_CELLS if initial is None else initial(view)
        into = Target(rebuilt, scratch, room)
        grown.append(_rebuild(network, team, view, saliency, move, chosen, into))
    network.adopt(rebuilt)
    return grown


def _room_of_living(network):
    living = living_neurons(network)
    levels = map(network.levels_of, range(network.n_layers))
    return [(living[source], living[target]) for source, target in levels]


def _with_room_for(network, layers, moves):
    """The network, or one whose layers have the sizes that they will have."""
    counts = list(network.n_connections)
    for layer, move in zip(layers, moves, strict=True):
        counts[layer] = move.n_after
    if tuple(counts) == network.n_connections:
        return network
    return resized(network, counts, kept=set(range(network.n_layers)) - set(layers))


def _planned(network, team, judged, zeta, budget):
    """What each layer drops and grows; a budget is that of the other layers, too."""
    views, saliencies = zip(*judged, strict=True)
    others = sum(network.n_connections) - sum(saliency.size for saliency in saliencies)
    of_layers = budget._replace(total=budget.total - others)
    return plan_moves(team, views, saliencies, zeta, of_layers)


def _saliency(network, view):
    # Rules are given whatever a training holds that is about to diverge.
    with np.errstate(all="ignore"):
        return DROP_RULES[network.drop](view)


class Target(NamedTuple):
    """Where rebuilt layers go."""

    network: object  # SparseNetwork, maybe the one that is rebuilt
    scratch: dict
    room: list | None  # of each layer, rows and columns that may be connected; None: all


def _rebuild(network, team, view, saliency, move, chosen, into):
    """Rebuild one layer of a network; ``chosen`` are cells to connect in any case."""
    layer, n_kept = view.number, int(view.indptr[-1]) - sum(move.n_dropped)
    n_grown = move.n_after - n_kept
    with np.errstate(all="ignore"):
        fills = move.n_after == view.n_cells
        growth = Growth() if fills else GROWTH_RULES[network.growth](view)
    if growth.candidates is not None:
        chosen = choose_cells(team, view, growth.candidates, n_grown)
    guided, weights = growth.preferences is not None, {"from_zero": growth.from_zero}
    buffers = _buffers(view, move, team.n_threads, into.scratch, guided)
    team.run(
        rebuild_layer,
        _kernel_layer(network, view, saliency, growth.preferences, chosen),
        Rebuilt(*parts_of(into.network, layer)),
        buffers,
        weight_init_of(network, layer, move.n_after, (view.n_in, view.n_out), **weights),
        aside=move.n_after > MANY_CONNECTIONS,
    )
    if team.stopped:
        raise Stopped
    _set_pointers(into.network, layer, buffers.indptr, into.room)
    return n_grown


def layer_view(network, layer, signals=None, room=None):
    """A layer as topology rules see it; with less room, as if there were no other neurons."""
    source, target = network.levels_of(layer)
    start, _ = network.connections_of(layer)
    n_in, n_out = network.shapes[layer]
    indices, weights, moment_1, _ = parts_of(network, layer)
    unit = network.input_unit if source == 0 else 1.0
    view = LayerView(
        number=layer,
        from_inputs=source == 0,
        n_in=n_in,
        n_out=n_out,
        indptr=network.pointers_of(layer) - start,
        indices=indices,
        weights=weights,
        moment_1=moment_1,
        input_preferences=network.input_preferences,
        seed=derive_seed(network.streams.topology, rebuilding_of(network, layer), OF_RULES),
        forbidden=network.forbidden_in(layer),
        source_activations=signals and counted(signals.activations[source], 1 / unit),
        target_activations=signals and signals.activations[target],
        target_gradients=signals and signals.gradients[target],
        weight_unit=unit,
        # Adam remembers gradients, plain descent steps of the weights.
        moment_unit=1 / unit if network.solver == "adam" else unit,
    )
    return view if room is None else _view_of(view, *room[layer])


def _view_of(view, rows, columns):
    """A layer without other neurons, which have no connections in it and get none."""
    new_column = np.cumsum(np.isin(np.arange(view.n_out), columns)) - 1
    signals = (view.source_activations, view.target_activations, view.target_gradients)
    chosen = zip(signals, (rows, columns, columns), strict=True)
    source, target, gradients = (s if s is None else s[:, neurons] for s, neurons in chosen)
    return view._replace(
        n_in=rows.size,
        n_out=columns.size,
        indptr=view.indptr[np.append(rows, view.n_in)],
        indices=new_column[view.indices].astype(np.int32),
        source_activations=source,
        target_activations=target,
        target_gradients=gradients,
    )


def _set_pointers(network, layer, indptr, room):
    """Set a layer's row pointers, and give its columns their numbers among all neurons."""
    start, stop = network.connections_of(layer)
    n_of_row = np.diff(indptr)
    if room is not None:
        rows, columns = room[layer]
        indices = network.arrays.indices[start:stop]
        indices[:] = columns[indices]
        n_of_row = np.zeros(network.shapes[layer][0], np.int64)
        n_of_row[rows] = np.diff(indptr)
    pointers = network.pointers_of(layer)
    pointers[0] = start
    pointers[1:] = start + np.cumsum(n_of_row)


def _kernel_layer(network, view, saliency, preferences, chosen):
    """A layer as kernels see it."""
    sums = np.zeros(0) if preferences is None else np.cumsum(preferences, dtype=np.float64)
    sums = np.concatenate(([0.0], sums))
    chunk_shares, chunk_aliases = tables_of_chunks(sums)
    forbidden = view.forbidden
    return Layer(
        n_in=view.n_in,
        n_out=view.n_out,
        indptr=view.indptr,
        indices=view.indices,
        weights=view.weights,
        moment_1=view.moment_1,
        moment_2=parts_of(network, view.number)[-1],
        saliency=read_only(saliency),
        guided=preferences is not None,
        preferences=sums,
        chunk_shares=chunk_shares,
        chunk_aliases=chunk_aliases,
        chooses=chosen is not NO_CELLS,
        chosen_indptr=chosen.indptr,
        chosen=chosen.columns,
        forbids=forbidden is not NO_CELLS,
        forbidden_indptr=forbidden.indptr,
        forbidden=forbidden.columns,
    )


def _memory_for_once(name, size, dtype):
    """What ``Team.scratch`` gives, but kept by nobody."""
    return np.empty(size, dtype)


def _scratch(memory, n_connections, two_moments):
    """What a layer's connections are copied to, shared by all layers that are rebuilt."""
    return {
        "two_moments": two_moments,
        "indices": memory("rebuilt indices", n_connections, np.int32),
        "weights": memory("rebuilt weights", n_connections, np.float32),
        "moment_1": memory("rebuilt moment_1", n_connections, np.float32),
        "moment_2": memory("rebuilt moment_2", n_connections * two_moments, np.float32),
    }


def _buffers(view, move, n_threads, scratch, guided):
    max_grown = min(view.n_out, move.n_after)
    n_words = view.n_out // 64 + 1 + WORDS_BETWEEN
    return RebuildBuffers(
        n_connections=move.n_after,
        indptr=np.zeros(view.n_in + 1, np.int64),
        kept=np.empty(view.n_in, np.int64),
        grown=np.empty(view.n_in, np.int64),
        guides=np.empty(view.n_in if guided else 0, np.int64),
        columns=np.empty(n_threads * max_grown, np.int32),
        max_grown=max_grown,
        taken=np.zeros(n_threads * n_words, np.int64),
        n_words=n_words,
        chunks=np.zeros(NOTES * MAX_CHUNKS, np.int64),
        states=np.empty(2 * MAX_CHUNKS + 1, np.uint64),
        histograms=np.empty(n_threads * 2 * HISTOGRAM, np.int64),
        # Thresholds, of which nothing is known yet; ties to drop, and all to drop.
        selection=np.array([0, 0, *move.n_dropped, *move.n_dropped], np.int64),
        **scratch,
    )
