"""Where the layer from the inputs to the outputs starts from: a linear model of scaled inputs.

It is the minimum of

    L(V, b) = sum_i s_i l(z_i, y_i) / sum_i s_i + C |V|^2 / (2 n),  z = V^T (r * (x - m)) + b

with a smooth loss ``l``, the mean ``m`` of each input and a scale ``r`` that falls on inputs which
say little: they are shrunk the most. It is found by L-BFGS, whose values and gradients are sums
over passes of the network's own kernels: X is read where it lies, time grows with the connections
and the samples, and no number of threads changes a bit. Only the connections of the layer take
part.
"""

import numpy as np

from .._kernels.records import SUM_GRADIENTS, Batches
from .._network.exploration import ExploredCells
from .._network.lanes import MAX_LANES, lanes_at_hand
from .._network.network import SparseNetwork
from .._network.optimizer_state import zero_optimizer_state
from .data import TrainingData, some_samples, training_window
from .lbfgs import minimise
from .losses import LOSSES
from .moments import input_scale
from .options import TrainingOptions
from .parameters import step_parameters
from .sample_space import SampleSpace

# Samples of one pass of the kernels, and of the start as a whole, at most.
BATCH, MOST_SAMPLES = 512, 2048
# Up to so many samples for each output, products of all pairs of them take less time than steps.
SAMPLES_PER_OUTPUT = 16


class LinearStart:
    """The function to minimise, of V and b one behind the other.

    Parameters
    ----------
    layer : SparseNetwork
        Without hidden neurons; its weights are overwritten.
    data : TrainingData
    order : ndarray of int64
        The samples.
    loss : str
        A smooth one of :data:`.losses.LOSSES`.
    mean, scale : ndarray of float64, shape (n_features,)
    penalty : float
        C.
    batch_size : int
        Samples of a mini-batch in the training to come.
    team : Team
    """

    def __init__(self, layer, data, order, loss, mean, scale, penalty, batch_size, team):
        self.layer, self.order = layer, order
        self.data, self.team, self.penalty = data, team, penalty
        n_out = layer.widths[-1]
        rows = np.repeat(np.arange(scale.size), np.diff(self.layer.pointers_of(0)))
        self.scale, self.pull = scale[rows], (mean * scale)[rows]
        self.columns = self.layer.arrays.indices.astype(np.int64)
        self.n_weights, self.n_out = rows.size, n_out
        self.n_numbers = rows.size + n_out
        self.params = step_parameters(self.layer, TrainingOptions(loss=loss))
        self.params = self.params._replace(solver=SUM_GRADIENTS)
        # Mini-batches of a training that fill their lanes may be larger here.
        batch_size = BATCH if batch_size > MAX_LANES // 2 else batch_size
        if LOSSES[loss].compares:  # one risk set is worth more than the same kernels
            batch_size = self.order.size
        self.order = LOSSES[loss].in_order(self.order, data.targets, batch_size)
        self.batch_size = min(batch_size, self.order.size)
        self.lanes, self.inputs_loaded = lanes_at_hand(self.batch_size), False
        self.workspace = self.layer.workspace(
            self.batch_size, team.n_threads, self.params.loss, self.lanes
        )
        weight = data.sample_weight[self.order].astype(np.float64)
        starts = np.arange(0, self.order.size, self.batch_size)
        self.shares = np.add.reduceat(weight, starts) / weight.sum()

    def __call__(self, x):
        V = x[: self.n_weights]
        self.set_weights(x)
        losses = self._pass()
        value = float((losses * self.shares).sum())
        gradient = self.layer.optimizer_state.weights_1.astype(np.float64)
        of_b = self.layer.optimizer_state.intercepts_1.astype(np.float64)
        n = self.order.size
        of_V = gradient * self.scale - self.pull * of_b[self.columns] + self.penalty / n * V
        value += self.penalty / (2 * n) * float((V * V).sum())
        return value, np.concatenate((of_V, of_b))

    def set_weights(self, x):
        """The layer that V and b mean, in place."""
        V, b = x[: self.n_weights], x[self.n_weights :]
        self.layer.arrays.weights[:] = V * self.scale
        shift = np.bincount(self.columns, V * self.pull, minlength=self.n_out)
        self.layer.arrays.intercepts[:] = b - shift

    def _pass(self):
        """Sum up the gradients of all samples; returns the mean losses of the mini-batches."""
        for moments in self.layer.optimizer_state:
            moments[:] = 0
        view = training_window(self.data, self.order)
        n_steps = self.shares.size
        batches = Batches(
            n_steps=n_steps,
            n_samples=self.order.size,
            batch_size=self.batch_size,
            first_step=0,
            order=view.order,
            targets=view.targets,
            values=view.values,
            sample_weight=view.sample_weight,
            rates=self.shares,
            decays=np.zeros(n_steps),
            losses=np.zeros(n_steps),
            status=np.zeros(2, np.int64),
            inputs_loaded=self.inputs_loaded,
        )
        with np.errstate(all="ignore"):
            self.layer.train(self.team, self.lanes, self.workspace, view.x, self.params, batches)
        self.inputs_loaded = n_steps == 1
        return batches.losses


def linear_network(network, shape, indptr, indices):
    """A network of one layer of a shape and with connections of its own, whose weights are zero."""
    (n_in, n_out), n = shape, indices.size
    arrays = {
        "indptr": indptr.astype(np.int64),
        "indices": indices.astype(np.int32),
        "weights": np.zeros(n, np.float32),
        "intercepts": np.zeros(n_out, np.float32),
        "srelu": np.zeros(0, np.float32),
    }
    state = network.state_dict() | {
        "widths": [n_in, n_out],
        "n_connections": [n],
        "activation": "identity",
        "solver": "sgd",
        "growth": "set",
        "arrays": arrays,
        "optimizer_state": None,
        "n_updates": 0,
        "input_preferences": None,
        "stable": None,
        "explored": ExploredCells([n_in * n_out], [n]).state_dict(),
    }
    layer = SparseNetwork.of_state(state)
    layer.optimizer_state = zero_optimizer_state(layer.arrays, layer.solver)
    return layer


def minimum(network, data, order, loss, mean, scale, *, penalty, batch_size, team, **how):
    """The layer that :class:`LinearStart` is to find, as a network.

    Where a layer is full and samples are few, it is found in the space that they span.
    """
    skip = network.n_layers - 1
    shape, (start, stop) = network.shapes[skip], network.connections_of(skip)
    pointers, columns = network.pointers_of(skip) - start, network.arrays.indices[start:stop]
    layer = linear_network(network, shape, pointers, columns)
    n, n_out = order.size, shape[1]
    few = stop - start == shape[0] * n_out and n <= min(shape[0], SAMPLES_PER_OUTPUT * n_out)
    if not few:
        function = LinearStart(layer, data, order, loss, mean, scale, penalty, batch_size, team)
        function.set_weights(minimise(function, np.zeros(function.n_numbers), **how))
        return layer
    space = SampleSpace(data.X, order, mean, scale)
    turned = TrainingData(
        space.coordinates, np.arange(n), data.targets[order], data.sample_weight[order]
    )
    square = linear_network(network, (n, n_out), n_out * np.arange(n + 1), np.tile(range(n_out), n))
    function = LinearStart(
        square, turned, turned.samples, loss, np.zeros(n), np.ones(n), penalty, batch_size, team
    )
    found = minimise(function, np.zeros(function.n_numbers), **how)
    V, b = space.weights(found[:-n_out].reshape(n, n_out)), found[-n_out:]
    layer.arrays.weights[:] = (V * scale[:, None]).reshape(-1)
    layer.arrays.intercepts[:] = b - np.einsum("i,ij->j", mean * scale, V)
    return layer


def start_linear_layer(
    network,
    data,
    moments,
    team,
    *,
    loss="cross_entropy",
    batch_size=BATCH,
    penalty=1.0,
    max_iter=60,
    tol=1e-4,
):
    """Set the weights of a network's last layer, and its output intercepts, to the minimum.

    Parameters
    ----------
    network : SparseNetwork
        New, with a skip layer, or without hidden layers.
    data : TrainingData
    moments : InputMoments
    team : Team
    loss : str
        A smooth one of :data:`.losses.LOSSES`.
    batch_size : int
        Samples of a mini-batch in the training to come.
    penalty : float
        C, as of one output.
    max_iter : int
    tol : float
        See :func:`.lbfgs.minimise`.
    """
    n_outputs = network.widths[-1]
    if loss != "cross_entropy":
        penalty /= n_outputs  # the loss is a mean over the outputs
    elif n_outputs == 2:
        penalty *= 2  # as of one column, the difference of the two
    mean, scale = moments.mean, input_scale(moments)
    order = some_samples(data, MOST_SAMPLES, network.streams, network.epoch)
    layer = minimum(
        network, data, order, loss, mean, scale,
        penalty=penalty, batch_size=batch_size, team=team, max_iter=max_iter, tol=tol,
    )  # fmt: skip
    start, stop = network.connections_of(network.n_layers - 1)
    network.arrays.weights[start:stop] = layer.arrays.weights
    network.intercepts_of(len(network.widths) - 2)[:] += layer.arrays.intercepts
