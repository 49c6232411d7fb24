"""SparseNetwork: the arrays of all layers, and what can be done with them.

It knows arrays, not labels, data sets or schedules. All layers' connections lie one behind the
other in flat arrays: 8 bytes a connection for its place and weight, 4 or 8 more for what the
solver remembers. Whatever is random is addressed by the network's own counters, so a network that
went through a pickle goes on exactly as one that did not.
"""

from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from ._activations import initial_srelu, slopes_by_level
from ._backward import BLOCK
from ._explored import ExploredCells
from ._inputs import rows_at_once, window
from ._kernels import predict_rows, train_steps
from ._optimizers import empty_slots
from ._random import Streams, derive_seed
from ._records import (
    CROSS_ENTROPY,
    NORMAL,
    SQUARED_ERROR,
    UNIFORM,
    Draft,
    Job,
    Law,
    Layer,
    Network,
    Slots,
    Workspace,
)
from ._sealing import seal, unseal
from ._threads import Stopped
from ._topology import HISTOGRAM, MAX_CHUNKS, NOTES, rebuild_layer

MAX_LANES = 32
# Below so many bytes, all outputs of a layer are cheaper to sum in private copies than by column,
# where every thread passes over all rows. An eighth of it for the widest tiles, dearer to add.
PRIVATE_SUMS_BELOW = 400_000
# Private sums cost one addition an output: each copy must save at least so many connections.
CONNECTIONS_PER_PRIVATE_SUM = 10
# To draw so many connections takes so long that Ctrl-C has to be heard meanwhile.
MANY_CONNECTIONS = 2_000_000
# Connections times rows that a thread predicts in one call: a third of a second or so.
WORK_PER_CALL = 2_000_000_000


class SparseNetwork:
    """A multilayer perceptron whose connections are all that exists.

    Parameters
    ----------
    widths : tuple of int
        Neurons of each level, inputs and outputs included.
    n_connections : tuple of int
        Connections of each layer, fixed for ever.
    activation : str
        A name of :mod:`sksparse_mlp._activations`.
    activation_slope : float
        For "all_relu" and "leaky_relu".
    weight_init : str
        The law of initial and regrown weights.
    weight_init_gain : float
        Multiplies the law's standard deviation in hidden layers.
    solver : str
        "sgd" or "adam".
    streams : Streams
        Seeds of the random streams.
    team : Team
        Threads to draw the topology with.
    preferences : ndarray of float32 or None
        How much new connections prefer each input, not negative; None: all are equal.
    """

    def __init__(
        self,
        widths,
        n_connections,
        *,
        activation,
        activation_slope,
        weight_init,
        weight_init_gain,
        solver,
        streams,
        team,
        preferences=None,
    ):
        self.widths = tuple(int(width) for width in widths)
        self.n_connections = tuple(int(n) for n in n_connections)
        self.activation = activation
        self.activation_slope = float(activation_slope)
        self.solver = solver
        self.streams = streams
        self.preferences = preferences
        self.t = self.epoch = self.n_seen = self.n_evolutions = 0
        self.laws = [
            _law_of_new_weights(weight_init, n, n_in, n_out, weight_init_gain if last else 1.0)
            for n, n_in, n_out, last in self._layer_shapes()
        ]
        self.explored = ExploredCells(self._n_cells(), self.n_connections)
        self.arrays = _empty_arrays(self.widths, self.n_connections, activation)
        self.slots = empty_slots(self.arrays, solver)
        for layer in range(self.n_layers):
            self.pointers_of(layer)[:] = self.connections_of(layer)[0]
        self._rebuild(team, range(self.n_layers))

    # ------------------------------------------------------------ shape

    @property
    def n_layers(self):
        """Number of connection layers."""
        return len(self.n_connections)

    @property
    def fan_in(self):
        """Mean number of connections that enter a neuron, by layer."""
        return np.array(self.n_connections) / np.array(self.widths[1:])

    def _layer_shapes(self):
        hidden = [True] * (self.n_layers - 1) + [False]
        return zip(self.n_connections, self.widths[:-1], self.widths[1:], hidden, strict=True)

    def _n_cells(self):
        return [n_in * n_out for n_in, n_out in pairwise(self.widths)]

    def connections_of(self, layer):
        """Where a layer's connections begin and end in the flat arrays."""
        start = sum(self.n_connections[:layer])
        return start, start + self.n_connections[layer]

    def pointers_of(self, layer):
        """A layer's row pointers, absolute positions in the flat arrays; a view."""
        first = self.arrays.first_row[layer]
        return self.arrays.indptr[first : first + self.widths[layer] + 1]

    def weights_of(self, layer):
        """A layer's weights as a CSR array that shares the network's memory."""
        start, stop = self.connections_of(layer)
        shape = (self.widths[layer], self.widths[layer + 1])
        weights, indices = self.arrays.weights[start:stop], self.arrays.indices[start:stop]
        matrix = csr_array((weights, indices, self.pointers_of(layer) - start), shape=shape)
        matrix.has_canonical_format = True
        return matrix

    def intercepts_of(self, layer):
        """The intercepts of the neurons that a layer feeds; a view."""
        first = self.arrays.first_unit[layer + 1]
        return self.arrays.intercepts[first : first + self.widths[layer + 1]]

    # ------------------------------------------------------------ topology

    def evolve(self, team, zeta, layers):
        """One evolution of some layers; returns how many connections moved in each."""
        self.n_evolutions += 1
        moved = [0] * self.n_layers
        layers = [layer for layer in layers if not self._is_full(layer) and zeta > 0]
        for layer in layers:
            self.explored.begin(layer, self.weights_of(layer))
        for layer, n_moved in zip(layers, self._rebuild(team, layers, zeta), strict=True):
            self.explored.add(layer, self.weights_of(layer), n_moved)
            moved[layer] = n_moved
        return moved

    def _rebuild(self, team, layers, zeta=0.0):
        """Initialise layers that are empty, or evolve them; how many connections each grew."""
        two_slots = self.slots.weights_2.size > 0
        largest = max((self.n_connections[layer] for layer in layers), default=0)
        indices, weights, slots_1 = (
            np.empty(largest, dtype) for dtype in (np.int32, np.float32, np.float32)
        )
        slots_2 = np.empty(largest if two_slots else 0, np.float32)
        moved = []
        for layer in layers:
            n_connections, n_in, n_out = (
                self.n_connections[layer],
                self.widths[layer],
                self.widths[layer + 1],
            )
            max_grown = min(n_out, n_connections)
            draft = Draft(
                n_connections=n_connections,
                two_slots=two_slots,
                indptr=np.empty(n_in + 1, np.int64),
                indices=indices,
                weights=weights,
                slots_1=slots_1,
                slots_2=slots_2,
                kept=np.empty(n_in, np.int64),
                grown=np.empty(n_in, np.int64),
                columns=np.empty(team.n_threads * max_grown, np.int32),
                max_grown=max_grown,
                chunks=np.zeros(NOTES * MAX_CHUNKS, np.int64),
                states=np.empty(2 * MAX_CHUNKS + 1, np.uint64),
                histograms=np.empty(team.n_threads * 2 * HISTOGRAM, np.int64),
                selection=np.zeros(6, np.int64),
            )
            law = self._law(layer)
            aside = n_connections > MANY_CONNECTIONS
            team.run(rebuild_layer, self._layer_view(layer), draft, law, float(zeta), aside=aside)
            if team.stopped:
                raise Stopped
            moved.append(int(draft.selection[4:].sum()))
        return moved

    def _is_full(self, layer):
        return self.n_connections[layer] == self._n_cells()[layer]

    def _layer_view(self, layer):
        weights = self.arrays.weights
        guided = layer == 0 and self.preferences is not None and not self._is_full(layer)
        preferences = np.cumsum(self.preferences, dtype=np.float64) if guided else np.zeros(0)
        return Layer(
            n_in=self.widths[layer],
            n_out=self.widths[layer + 1],
            start=self.connections_of(layer)[0],
            indptr=self.pointers_of(layer),
            indices=self.arrays.indices,
            weights=weights,
            bits=weights.view(np.uint32),
            slots_1=self.slots.weights_1,
            slots_2=self.slots.weights_2,
            guided=guided,
            preferences=np.concatenate(([0.0], preferences)),
        )

    def _law(self, layer):
        counter = self.n_evolutions * self.n_layers + layer
        return self.laws[layer]._replace(
            topology=derive_seed(self.streams.topology, counter),
            weights=derive_seed(self.streams.weights, counter),
        )

    # ------------------------------------------------------------ arithmetic

    def workspace(self, batch_size, n_threads, loss=CROSS_ENTROPY):
        """Buffers to train with mini-batches of at most ``batch_size`` samples."""
        lanes = lanes_for(batch_size)
        width = 1 << len(lanes)
        n_tiles = -(-batch_size // width)
        widths = np.array(self.widths, np.int64)
        n_chunks = [self._private_sums(layer, width) for layer in range(self.n_layers)]
        sums = max(c * w for c, w in zip(n_chunks, self.widths[1:], strict=True))
        longest = max(
            min(n, n_out) for n, n_out in zip(self.n_connections, self.widths[1:], strict=True)
        )
        # One tile: gradients live for a block of connections; several: until the last tile.
        # Each thread's own begins at a cache line.
        scratch_size = -(-(BLOCK + longest) // 16) * 16 if n_tiles == 1 else 0
        n_gradients = scratch_size * n_threads or self.arrays.weights.size
        by_column = n_threads > 1 and 0 in n_chunks
        n_clean = self.widths[-1] + n_threads if loss == SQUARED_ERROR else 0
        return Workspace(
            activations=aligned_zeros(widths.sum() * n_tiles * width),
            level_start=np.concatenate(([0], np.cumsum(widths[:-1]))) * n_tiles * width,
            n_chunks=np.array(n_chunks, np.int64),
            partials=aligned_zeros(sums * n_tiles * width),
            column_splits=np.empty(
                (n_threads - 1) * self.arrays.indptr.size if by_column else 0, np.int32
            ),
            gradients=aligned_zeros(n_gradients),
            scratch_size=scratch_size,
            unit_gradients=np.zeros(5 * self.arrays.intercepts.size, np.float32),
            clean=aligned_zeros(n_clean * width),
        )

    def _private_sums(self, layer, width):
        limit = PRIVATE_SUMS_BELOW // (8 if width == MAX_LANES else 1)
        if self.widths[layer + 1] * width * 4 > limit:
            return 0
        copies = min(16, int(self.fan_in[layer]) // CONNECTIONS_PER_PRIVATE_SUM)
        # A power of two: 2, 4, 8 threads then get equally many.
        return 1 << (copies.bit_length() - 1) if copies >= 2 else 0

    def train(self, team, lanes, workspace, rows, rules, plan, *, aside=False):
        """Run the mini-batches of a plan and count them."""
        state = (self.arrays, self.slots, workspace, rows, rules, plan)
        team.run(train_steps, *state, before=(lanes,), aside=aside)
        self.t += plan.n_steps

    def slopes(self):
        """Slopes below zero by level, for the kernels."""
        return slopes_by_level(self.activation, self.activation_slope, len(self.widths))

    def forward(self, X, rules, team, *, chosen=None, n_layers=None, activated=False):
        """Pass rows of X through the first layers.

        Parameters
        ----------
        X : ndarray or CSR, shape (n_samples, n_features)
        rules : Rules
            Without dropout and noise.
        chosen : ndarray of int64 or None
            Which rows; None: all.
        team : Team
            Each thread takes rows of its own.
        n_layers : int or None
            How many layers; None: all.
        activated : bool
            Whether to apply the activation function to the result.

        Returns
        -------
        ndarray of float32, shape (n_rows, width of the level reached)
        """
        chosen = np.arange(X.shape[0]) if chosen is None else chosen
        n_layers = self.n_layers if n_layers is None else n_layers
        arrays = _read_only(self.arrays)._replace(n_layers=n_layers)
        lanes = lanes_for(MAX_LANES)
        out = np.empty((chosen.size, self.widths[n_layers]), np.float32)
        half = max(self.widths[: n_layers + 1]) * MAX_LANES
        buffers = [None] * team.n_threads

        def predict(thread):
            if buffers[thread] is None:
                buffers[thread] = aligned_zeros(2 * half)
            first, last = (n_tiles * (thread + i) // team.n_threads * MAX_LANES for i in (0, 1))
            target = out[start:stop].reshape(-1)
            job = Job(
                first, min(last, stop - start), order, buffers[thread], half, activated, target
            )
            predict_rows(lanes, arrays, rules, rows, job)

        at_once = min(rows_at_once(X), self._rows_per_call(team))
        for start in range(0, chosen.size, at_once):
            if team.stopped:
                raise Stopped
            stop = min(start + at_once, chosen.size)
            rows, order, _owner = window(X, chosen[start:stop])
            n_tiles = -(-order.size // MAX_LANES)
            team.map(predict)
        return out

    def _rows_per_call(self, team):
        """How many rows to pass through in one call of the kernel: as long as Ctrl-C may wait."""
        n_tiles = max(1, WORK_PER_CALL // (MAX_LANES * sum(self.n_connections)))
        return n_tiles * MAX_LANES * team.n_threads

    # ------------------------------------------------------------ copies

    def snapshot(self, into=None):
        """A copy of everything that prediction depends on; ``into`` an older one, or new memory."""
        if into is None:
            trained = {name: np.empty_like(getattr(self.arrays, name)) for name in _TRAINED_ARRAYS}
            into = self.arrays._replace(**trained)
        for name in _TRAINED_ARRAYS:
            np.copyto(getattr(into, name), getattr(self.arrays, name))
        return into

    def restore(self, snapshot):
        """Go back to a snapshot; the solver's memory belongs to other weights and is cleared."""
        self.arrays = snapshot
        self.slots = empty_slots(self.arrays, self.solver)

    def drop_slots(self):
        """Forget the solver's memory; it is made anew, empty, when training goes on."""
        self.slots = None
        self.explored.stop_counting()

    def copy(self):
        """An independent network in the same state, ready to be trained."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.arrays, twin.explored = self.snapshot(), self._explored_from(self.explored.state())
        if self.slots is None:
            twin.slots = empty_slots(twin.arrays, twin.solver)
        else:
            twin.slots = Slots(*(slot.copy() for slot in self.slots))
        return twin

    def parts(self):
        """All that there is to the network, in plain numbers, texts and arrays; nothing copied."""
        parts = self.__dict__.copy()
        parts["arrays"] = dict(self.arrays._asdict())
        parts["slots"] = None if self.slots is None else dict(self.slots._asdict())
        parts["streams"] = tuple(self.streams)
        parts["laws"] = [(int(law.kind), float(law.scale)) for law in self.laws]
        parts["explored"] = self.explored.state()
        return parts

    def assemble(self, parts):
        """Become the network of these parts."""
        self.__dict__.update({"preferences": None, **parts})
        # Arrays that are mapped into memory are arrays of a class of their own before this.
        self.arrays = _plain(Network(**parts["arrays"]))
        self.slots = None if parts["slots"] is None else _plain(Slots(**parts["slots"]))
        self.streams = Streams(*parts["streams"])
        self.laws = [_seedless_law(kind, scale) for kind, scale in parts["laws"]]
        self.explored = self._explored_from(parts.get("explored"))

    def __getstate__(self):
        return seal(self.parts())

    def __setstate__(self, state):
        self.assemble(unseal(state))

    def _explored_from(self, state):
        explored = ExploredCells(self._n_cells(), self.n_connections)
        explored.go_on_from(state)
        return explored


_TRAINED_ARRAYS = ("indptr", "indices", "weights", "intercepts", "srelu")


def _with_arrays(record, change):
    """A record with every array changed."""
    return record._make(change(v) if isinstance(v, np.ndarray) else v for v in record)


def _plain(record):
    return _with_arrays(record, np.asarray)


def _read_only(record):
    """Views that are not writable: a mapped network is then of the same type to kernels as any."""

    def read_only(array):
        view = array.view()
        view.flags.writeable = False
        return view

    return _with_arrays(record, read_only)


def lanes_for(batch_size):
    """The kernels' lanes for a batch size: a tuple as long as the logarithm of their number."""
    return (0,) * min(MAX_LANES.bit_length() - 1, max(1, (batch_size - 1).bit_length()))


def aligned_zeros(n):
    """Float32 zeros that begin at a cache line: rows of lanes then never straddle two."""
    memory = np.zeros(4 * int(n) + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * int(n)].view(np.float32)


def _empty_arrays(widths, n_connections, activation):
    n_pointers = np.array(widths[:-1]) + 1
    n_total = sum(n_connections)
    return Network(
        n_layers=len(n_connections),
        n_connections=n_total,
        n_pointers=int(n_pointers.sum()),
        n_units=sum(widths[1:]),
        n_hidden_units=sum(widths[1:-1]),
        widths=np.array(widths, np.int64),
        first_row=np.concatenate(([0], np.cumsum(n_pointers)[:-1])).astype(np.int64),
        first_unit=np.concatenate(([0, 0], np.cumsum(widths[1:-1]))).astype(np.int64),
        indptr=np.zeros(n_pointers.sum(), np.int64),
        indices=np.empty(n_total, np.int32),
        weights=np.empty(n_total, np.float32),
        intercepts=np.zeros(sum(widths[1:]), np.float32),
        srelu=initial_srelu(activation, sum(widths[1:-1])),
    )


def _seedless_law(kind, scale):
    return Law(kind, np.float32(scale), np.uint64(0), np.uint64(0))


def _law_of_new_weights(weight_init, n_connections, n_in, n_out, gain):
    """The law of a layer's new weights; fan-in and fan-out count connections, not cells."""
    fan_in, fan_out = n_connections / n_out, n_connections / n_in
    kind, scale = {
        "he_uniform": (UNIFORM, np.sqrt(6.0 / fan_in)),
        "he_normal": (NORMAL, np.sqrt(2.0 / fan_in)),
        "xavier": (UNIFORM, np.sqrt(6.0 / (fan_in + fan_out))),
        "normal": (NORMAL, 0.1),
    }[weight_init]
    return _seedless_law(kind, gain * scale)
