"""SparseNetwork: the arrays of all layers, and what can be done with them.

This folder knows arrays and threads; no labels, data sets, schedules or scikit-learn. All layers'
connections lie one behind the other in flat arrays: 8 bytes a connection for its place and weight,
4 or 8 more for what the solver remembers. Whatever is random is addressed by the network's own
counters, so a network that went through a pickle goes on exactly as one that did not.
"""

from functools import partial

import numpy as np
from scipy.sparse import csr_array

from .._kernels.records import CROSS_ENTROPY, OptimizerState
from .._kernels.steps import train_steps
from . import prediction
from .activations import SRELU_START, slopes_by_level, srelu_of_levels
from .arrays import as_it_was, copy_of_arrays, empty_arrays, state_of_arrays
from .checks import check_arrays, check_counts, check_network_state, check_pointers
from .exploration import ExploredCells
from .optimizer_state import zero_optimizer_state
from .plasticity import evolve_plastic, train_plastic
from .resizing import connections_in
from .shapes import has_skip, layer_shapes
from .state import plain, seal, unseal
from .streams import Streams
from .topology import INITIAL_RULES, NEED_SIGNALS, NO_CELLS, rebuild_layers, remove_neurons
from .workspace import make_workspace

# Fields of a state that are plain numbers and texts.
PLAIN_FIELDS = (
    "activation",
    "activation_slope",
    "weight_init",
    "weight_init_gain",
    "input_unit",
    "solver",
    "drop",
    "growth",
    "t",
    "n_updates",
    "epoch",
    "n_seen",
    "n_evolutions",
)


class SparseNetwork:
    """A multilayer perceptron whose connections are all that exists.

    Parameters
    ----------
    widths : tuple of int
        Neurons of each level, inputs and outputs included.
    n_connections : tuple of int
        Connections of each layer at first; an evolution may change them. One for each pair of
        neighbouring levels; one more where there is a skip layer, from the inputs straight to the
        outputs.
    activation : str
        A name of :mod:`sksparse_mlp._network.activations`.
    activation_slope : float
        For "all_relu" and "leaky_relu".
    weight_init : str
        The distribution of initial and regrown weights.
    weight_init_gain : float
        Multiplies the distribution's standard deviation in hidden layers.
    input_unit : float
        How far inputs vary. The weights that leave them begin as if inputs were counted in it, and
        the steps that they take may, too.
    solver : str
        "sgd" or "adam".
    streams : Streams
        Seeds of the random streams.
    team : Team
        Threads to draw the topology with.
    drop, growth : str
        Names of topology rules.
    input_preferences : ndarray of float32 or None
        How much growth that is "guided" prefers each input, not negative.
    forbidden : sequence of Cells or None
        Of each layer, where none of its connections ever may lie. It holds for this object and its
        copies, and is no part of their state.
    initial_topology : str
        Name of a rule: where the first connections lie.
    rewiring : float
        For "small_world", the share of them that lie anywhere.

    Attributes
    ----------
    t : int
        Steps taken.
    n_updates : int
        Steps taken since the optimizer state was zero, which Adam's bias correction counts.
    epoch, n_seen, n_evolutions : int
        Epochs, samples and evolutions so far.
    stable : ndarray of bool or None
        Of each unit whether what enters it is frozen: see :mod:`.plasticity`. None: of none.
    """

    forbidden = None

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
        drop="set",
        growth="set",
        input_preferences=None,
        forbidden=None,
        initial_topology="erdos_renyi",
        rewiring=0.0,
        input_unit=1.0,
    ):
        self.widths = tuple(int(width) for width in widths)
        self.n_connections = tuple(int(n) for n in n_connections)
        self.activation = activation
        self.activation_slope = float(activation_slope)
        self.weight_init, self.weight_init_gain = weight_init, float(weight_init_gain)
        self.solver = solver
        self.input_unit = float(input_unit)
        self.streams = streams
        self.drop, self.growth = drop, growth
        self.input_preferences, self.forbidden = input_preferences, forbidden
        self.t = self.n_updates = self.epoch = self.n_seen = self.n_evolutions = 0
        self.stable = None
        self.explored = ExploredCells(self._n_cells(), self.n_connections)
        self.arrays = empty_arrays(self.widths, self.shapes, self.n_connections, activation)
        self.optimizer_state = zero_optimizer_state(self.arrays, solver)
        for layer in range(self.n_layers):
            self.pointers_of(layer)[:] = self.connections_of(layer)[0]
        initial = partial(INITIAL_RULES[initial_topology], rewiring=rewiring)
        rebuild_layers(self, team, range(self.n_layers), initial=initial)

    # ------------------------------------------------------------ shape

    @property
    def n_layers(self):
        """Number of connection layers."""
        return len(self.n_connections)

    @property
    def has_skip(self):
        """Whether the last layer leads from the inputs straight to the outputs."""
        return has_skip(self.widths, self.n_connections)

    @property
    def shapes(self):
        """Neurons that each layer leads from and to."""
        return layer_shapes(self.widths, self.n_connections)

    @property
    def fan_in(self):
        """Mean number of connections of a layer that enter a neuron, by layer."""
        return np.array(self.n_connections) / np.array([n_out for _, n_out in self.shapes])

    @property
    def needs_signals(self):
        """Whether an evolution looks at what the neurons do on some samples."""
        return self.growth in NEED_SIGNALS

    def levels_of(self, layer):
        """The levels that a layer leads from and to."""
        last = len(self.widths) - 1
        return (0, last) if layer == last else (layer, layer + 1)

    def _n_cells(self):
        return [n_in * n_out for n_in, n_out in self.shapes]

    def forbidden_in(self, layer):
        """The cells of a layer where no connection may lie."""
        return NO_CELLS if self.forbidden is None else self.forbidden[layer]

    def is_full(self, layer):
        """Whether every cell of a layer where one may lie is a connection."""
        n_forbidden = self.forbidden_in(layer).columns.size
        return self.n_connections[layer] == self._n_cells()[layer] - n_forbidden

    def connections_of(self, layer):
        """Where a layer's connections begin and end in the flat arrays."""
        start = sum(self.n_connections[:layer])
        return start, start + self.n_connections[layer]

    def pointers_of(self, layer):
        """A layer's row pointers, absolute positions in the flat arrays; a view."""
        first = self.arrays.first_pointer[layer]
        return self.arrays.indptr[first : first + self.shapes[layer][0] + 1]

    def weights_of(self, layer):
        """A layer's weights as a CSR array whose values and indices are views."""
        start, stop = self.connections_of(layer)
        matrix = csr_array(self.shapes[layer], dtype=np.float32)
        # From arrays that are parts of others, SciPy's constructor would make copies now and then.
        matrix.data = self.arrays.weights[start:stop]
        matrix.indices = self.arrays.indices[start:stop]
        fits = stop - start <= np.iinfo(np.int32).max
        pointers = self.pointers_of(layer) - start
        matrix.indptr = pointers.astype(np.int32) if fits else pointers
        matrix.has_canonical_format = True
        return matrix

    def intercepts_of(self, layer):
        """The intercepts of the neurons that a layer feeds; a view."""
        first = self.arrays.first_unit[layer + 1]
        return self.arrays.intercepts[first : first + self.widths[layer + 1]]

    def slopes(self):
        """Slopes below zero by level, for the kernels."""
        return slopes_by_level(self.activation, self.activation_slope, len(self.widths))

    # ------------------------------------------------------------ what it does

    def evolve(self, team, zeta, layers, signals=None, budget=None):
        """One evolution of some layers; returns how many connections grew in each.

        ``signals`` are what the neurons did on some samples, where ``needs_signals`` says so.
        ``budget`` is how many connections there are then; None: each layer keeps its number.
        """
        self.n_evolutions += 1
        moved = [0] * self.n_layers
        if budget is None:
            layers = [layer for layer in layers if not self.is_full(layer) and zeta > 0]
        for layer in layers:
            self.explored.begin(layer, self.weights_of(layer))
        if budget is not None and budget.neurons is not None:
            budget = remove_neurons(self, budget)
        if self.stable is None:
            all_moved = rebuild_layers(self, team, layers, zeta, signals, budget)
        else:
            all_moved = evolve_plastic(self, team, zeta, layers)
        for layer, n_moved in zip(layers, all_moved, strict=True):
            self.explored.add(layer, self.weights_of(layer), n_moved)
            moved[layer] = n_moved
        return moved

    def redraw(self, team, layers, initial_topology="erdos_renyi", rewiring=0.0):
        """Draw the connections and weights of some layers anew; training then begins anew, too.

        So begin the hidden neurons that these layers lead to.
        """
        srelu = srelu_of_levels(self.activation, self.arrays.srelu, self.widths)
        for layer in layers:
            if layer < len(self.widths) - 2:
                self.intercepts_of(layer)[:] = 0.0
                if srelu is not None:
                    srelu[layer][:] = np.array(SRELU_START)[:, None]
            self.pointers_of(layer)[:] = self.connections_of(layer)[0]
            self.explored.begin_anew(layer, self.n_connections[layer])
        self.optimizer_state, self.n_updates = zero_optimizer_state(self.arrays, self.solver), 0
        initial = partial(INITIAL_RULES[initial_topology], rewiring=rewiring)
        rebuild_layers(self, team, layers, initial=initial)

    def adopt(self, twin):
        """Take over the connections of what :mod:`.resizing` made of this network."""
        self.arrays, self.optimizer_state = twin.arrays, twin.optimizer_state
        self.n_connections = twin.n_connections

    def workspace(self, batch_size, n_threads, loss=CROSS_ENTROPY, lanes=None, keeps_inputs=False):
        """Buffers to train with mini-batches: see :func:`.workspace.make_workspace`."""
        return make_workspace(self, batch_size, n_threads, loss, lanes, keeps_inputs)

    def train(self, team, lanes, workspace, x, params, batches, *, aside=False):
        """Run some mini-batches and count them."""
        records = (self.arrays, self.optimizer_state, workspace, x, params)
        if self.stable is None:
            team.run(train_steps, *records, batches, lanes=lanes, aside=aside)
        else:
            train_plastic(self, team, records, batches, lanes=lanes, aside=aside)
        self.t += batches.n_steps
        self.n_updates += batches.n_steps

    def forward(self, X, team, **which):
        """Pass samples through the network, up to a level: see :func:`.prediction.forward`."""
        return prediction.forward(self, X, team, **which)

    # ------------------------------------------------------------ copies

    def snapshot(self, into=None):
        """A copy of everything that prediction depends on; ``into`` an older one, or new memory."""
        return copy_of_arrays(self.arrays, into)

    @property
    def progress(self):
        """What training has counted so far; set it to go back to an earlier state."""
        return self.t, self.n_evolutions, self.explored.copy()

    @progress.setter
    def progress(self, earlier):
        self.t, self.n_evolutions, self.explored = earlier

    def restore(self, snapshot):
        """Go back to a snapshot; the optimizer state belongs to other weights and is cleared."""
        self.arrays, self.n_connections = snapshot, self._counts(snapshot.indptr)
        self.optimizer_state = zero_optimizer_state(self.arrays, self.solver)
        self.n_updates = 0

    def with_arrays(self, arrays):
        """The same network with other weights and connections, to predict with; nothing copied."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), arrays=arrays, optimizer_state=None, n_updates=0)
        return twin

    def drop_optimizer_state(self):
        """Forget what the solver remembers; it is made anew, zero, when training goes on."""
        self.optimizer_state, self.n_updates = None, 0
        self.explored.stop_counting()

    @classmethod
    def of_state(cls, state):
        """A network of a state that has been taken from one; ValueError if it cannot be one."""
        network = object.__new__(cls)
        network.load_state_dict(state)
        return network

    def copy(self):
        """An independent network in the same state, ready to be trained."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin.arrays, twin.explored = self.snapshot(), self.explored.copy()
        if self.optimizer_state is None:
            twin.optimizer_state = zero_optimizer_state(twin.arrays, twin.solver)
        else:
            twin.optimizer_state = OptimizerState(*(m.copy() for m in self.optimizer_state))
        return twin

    def state_dict(self):
        """All that there is to the network; nothing is copied."""
        moments = None if self.optimizer_state is None else self.optimizer_state._asdict()
        return {
            "widths": list(self.widths),
            "n_connections": list(self.n_connections),
            **{name: plain(getattr(self, name)) for name in PLAIN_FIELDS},
            "streams": self.streams._asdict(),
            "arrays": state_of_arrays(self.arrays),
            "optimizer_state": moments,
            "input_preferences": self.input_preferences,
            "stable": self.stable,
            "explored": self.explored.state_dict(),
        }

    def load_state_dict(self, state, *, finite=True):
        """Become the network of a state; ValueError if none has it.

        Parameters
        ----------
        state : dict
        finite : bool, default=True
            Whether all numbers must be; a training that is about to diverge has others.
        """
        check_network_state(state, finite=finite)
        self.widths, self.n_connections = tuple(state["widths"]), tuple(state["n_connections"])
        for name in PLAIN_FIELDS:
            setattr(self, name, state[name])
        self.streams = Streams(**state["streams"])
        no_connections = (0,) * len(self.n_connections)
        empty = empty_arrays(self.widths, self.shapes, no_connections, self.activation)
        self.arrays = empty._replace(n_connections=sum(self.n_connections))
        self.arrays = self._with_arrays(state["arrays"])
        moments = state["optimizer_state"]
        if moments is not None:
            moments = OptimizerState(**{name: as_it_was(m) for name, m in moments.items()})
        self.optimizer_state = moments
        preferences = state["input_preferences"]
        self.input_preferences = None if preferences is None else as_it_was(preferences)
        self.stable = None if state["stable"] is None else as_it_was(state["stable"])
        self.explored = ExploredCells(self._n_cells(), self.n_connections)
        self.explored.load_state_dict(state["explored"])

    def arrays_of_state(self, arrays):
        """A snapshot of this network, from the state of one; ValueError if it cannot be one."""
        check_pointers(arrays, self.arrays.indptr.size)
        # It may be of a time at which there were more connections, or fewer.
        counts = self._counts(arrays["indptr"])
        check_counts(counts, self.widths, self._n_cells())
        check_arrays(arrays, self.state_dict() | {"n_connections": list(counts)})
        return self._with_arrays(arrays)._replace(n_connections=sum(counts))

    def _counts(self, indptr):
        return connections_in(indptr, self.arrays.first_pointer, self.shapes)

    def _with_arrays(self, arrays):
        return self.arrays._replace(**{name: as_it_was(a) for name, a in arrays.items()})

    def __getstate__(self):
        return seal(self.state_dict())

    def __setstate__(self, state):
        self.load_state_dict(unseal(state))
