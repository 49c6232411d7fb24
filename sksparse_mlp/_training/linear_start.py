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
from .._network.network import SparseNetwork
from .._network.workspace import MAX_LANES, lanes_for
from .data import some_samples, training_window
from .lbfgs import minimise
from .losses import LOSSES
from .moments import input_scale
from .options import TrainingOptions
from .parameters import step_parameters

# Samples of one pass of the kernels, and of the start as a whole, at most.
BATCH, MOST_SAMPLES = 512, 2048


class LinearStart:
    """The function to minimise, of V and b one behind the other.

    Parameters
    ----------
    network : SparseNetwork
        With a skip layer.
    data : TrainingData
    loss : str
        A smooth one of :data:`.losses.LOSSES`.
    mean, scale : ndarray of float64, shape (n_features,)
    penalty : float
        C.
    batch_size : int
        Samples of a mini-batch in the training to come.
    team : Team
    """

    def __init__(self, network, data, loss, mean, scale, penalty, batch_size, team):
        self.layer = linear_network(network, team)
        self.data, self.team, self.penalty = data, team, penalty
        n_out = network.widths[-1]
        rows = np.repeat(np.arange(scale.size), np.diff(self.layer.pointers_of(0)))
        self.scale, self.pull = scale[rows], (mean * scale)[rows]
        self.columns = self.layer.arrays.indices.astype(np.int64)
        self.n_weights, self.n_out = rows.size, n_out
        self.order = some_samples(data, MOST_SAMPLES, network.streams, network.epoch)
        self.params = step_parameters(self.layer, TrainingOptions(loss=loss))
        self.params = self.params._replace(solver=SUM_GRADIENTS)
        # Mini-batches of a training that fill their lanes may be larger here.
        batch_size = BATCH if batch_size > MAX_LANES // 2 else batch_size
        if LOSSES[loss].compares:  # one risk set is worth more than the same kernels
            batch_size = self.order.size
        self.order = LOSSES[loss].in_order(self.order, data.targets, batch_size)
        self.batch_size = min(batch_size, self.order.size)
        self.workspace = self.layer.workspace(self.batch_size, team.n_threads, self.params.loss)
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
        )
        lanes = lanes_for(self.batch_size)
        with np.errstate(all="ignore"):
            self.layer.train(self.team, lanes, self.workspace, view.x, self.params, batches)
        return batches.losses


def linear_network(network, team):
    """A network without hidden neurons that has the connections of a network's last layer."""
    skip = network.n_layers - 1
    start, stop = network.connections_of(skip)
    layer = SparseNetwork(
        network.shapes[skip],
        network.n_connections[skip:],
        activation="identity",
        activation_slope=0.0,
        weight_init="normal",
        weight_init_gain=1.0,
        solver="sgd",
        streams=network.streams,
        team=team,
    )
    layer.arrays.indptr[:] = network.pointers_of(skip) - start
    layer.arrays.indices[:] = network.arrays.indices[start:stop]
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
    function = LinearStart(network, data, loss, mean, scale, penalty, batch_size, team)
    nothing = np.zeros(function.n_weights + function.n_out)
    function.set_weights(minimise(function, nothing, max_iter=max_iter, tol=tol))
    start, stop = network.connections_of(network.n_layers - 1)
    network.arrays.weights[start:stop] = function.layer.arrays.weights
    network.intercepts_of(len(network.widths) - 2)[:] += function.layer.arrays.intercepts
