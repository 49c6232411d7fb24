"""Rebuilding layers: initialisation where they are empty, evolution where they are not."""

import numpy as np

from ..._kernels.records import Layer, RebuildBuffers
from ..._kernels.topology.notes import HISTOGRAM, MAX_CHUNKS, NOTES
from ..._kernels.topology.rebuild import rebuild_layer
from ..streams import derive_seed
from ..team import Stopped
from .aliases import tables_of_chunks
from .base import NO_CELLS, Growth, LayerView
from .candidates import choose_cells
from .drop import DROP_RULES
from .growth import GROWTH_RULES
from .weight_init import rebuilding_of, weight_init_of

# Drawing more connections takes longer than Ctrl-C may wait.
MANY_CONNECTIONS = 2_000_000
# Sets the random numbers of rules apart from those of the kernel.
OF_RULES = 1


def rebuild_layers(network, team, layers, zeta=0.0, signals=None, initial=None):
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
    initial : callable or None
        Called with the view of a layer that is empty, returns cells to connect: ``Cells``.

    Returns
    -------
    list of int
        How many connections moved in each of the layers.
    """
    largest = max((network.n_connections[layer] for layer in layers), default=0)
    scratch = _scratch(largest, network.optimizer_state.weights_2.size > 0)
    moved = []
    for layer in layers:
        view = layer_view(network, layer, signals)
        # Rules are given whatever a training holds that is about to diverge.
        with np.errstate(all="ignore"):
            saliency = DROP_RULES[network.drop](view)
            growth = Growth() if network.is_full(layer) else GROWTH_RULES[network.growth](view)
        chosen = NO_CELLS if initial is None else initial(view)
        if growth.candidates is not None:
            chosen = choose_cells(team, view, growth.candidates, _n_dropped(saliency, zeta))
        buffers = _buffers(network, layer, team.n_threads, scratch, growth.preferences is not None)
        team.run(
            rebuild_layer,
            _kernel_layer(network, layer, saliency, growth.preferences, chosen),
            buffers,
            weight_init_of(network, layer, from_zero=growth.from_zero),
            float(zeta),
            aside=network.n_connections[layer] > MANY_CONNECTIONS,
        )
        if team.stopped:
            raise Stopped
        moved.append(int(buffers.selection[4:].sum()))
    return moved


def _n_dropped(saliency, zeta):
    """How many connections are dropped: in each group the fraction zeta, rounded down."""
    n_second = np.count_nonzero(saliency >> 31)
    return sum(int(n * zeta) for n in (saliency.size - n_second, n_second))


def layer_view(network, layer, signals=None):
    """A layer as topology rules see it."""
    source, target = network.levels_of(layer)
    start, stop = network.connections_of(layer)
    n_in, n_out = network.shapes[layer]
    return LayerView(
        number=layer,
        from_inputs=layer in (0, len(network.widths) - 1),
        n_in=n_in,
        n_out=n_out,
        indptr=network.pointers_of(layer) - start,
        indices=network.arrays.indices[start:stop],
        weights=network.arrays.weights[start:stop],
        moment_1=network.optimizer_state.weights_1[start:stop],
        input_preferences=network.input_preferences,
        seed=derive_seed(network.streams.topology, rebuilding_of(network, layer), OF_RULES),
        forbidden=network.forbidden_in(layer),
        source_activations=signals and signals.activations[source],
        target_activations=signals and signals.activations[target],
        target_gradients=signals and signals.gradients[target],
    )


def _kernel_layer(network, layer, saliency, preferences, chosen):
    """A layer as kernels see it."""
    sums = np.zeros(0) if preferences is None else np.cumsum(preferences, dtype=np.float64)
    sums = np.concatenate(([0.0], sums))
    chunk_shares, chunk_aliases = tables_of_chunks(sums)
    n_in, n_out = network.shapes[layer]
    forbidden = network.forbidden_in(layer)
    return Layer(
        n_in=n_in,
        n_out=n_out,
        start=network.connections_of(layer)[0],
        indptr=network.pointers_of(layer),
        indices=network.arrays.indices,
        weights=network.arrays.weights,
        moment_1=network.optimizer_state.weights_1,
        moment_2=network.optimizer_state.weights_2,
        saliency=_read_only(saliency),
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


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


def _scratch(n_connections, two_moments):
    """What a layer's connections are copied to, shared by all layers that are rebuilt."""
    return {
        "two_moments": two_moments,
        "indices": np.empty(n_connections, np.int32),
        "weights": np.empty(n_connections, np.float32),
        "moment_1": np.empty(n_connections, np.float32),
        "moment_2": np.empty(n_connections if two_moments else 0, np.float32),
    }


def _buffers(network, layer, n_threads, scratch, guided):
    n_in, n_out = network.shapes[layer]
    max_grown = min(n_out, network.n_connections[layer])
    return RebuildBuffers(
        n_connections=network.n_connections[layer],
        indptr=np.empty(n_in + 1, np.int64),
        kept=np.empty(n_in, np.int64),
        grown=np.empty(n_in, np.int64),
        guides=np.empty(n_in if guided else 0, np.int64),
        columns=np.empty(n_threads * max_grown, np.int32),
        max_grown=max_grown,
        chunks=np.zeros(NOTES * MAX_CHUNKS, np.int64),
        states=np.empty(2 * MAX_CHUNKS + 1, np.uint64),
        histograms=np.empty(n_threads * 2 * HISTOGRAM, np.int64),
        selection=np.zeros(6, np.int64),
        **scratch,
    )
