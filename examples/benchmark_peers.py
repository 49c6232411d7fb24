"""
======================================
Other ways to train the same networks
======================================

What :doc:`benchmark_speed` compares with: models that train on mini-batches with plain stochastic
gradient descent and momentum, ReLU and softmax, and whose topology evolves as SET's does. Each is
the textbook's version for its library, and not more than that::

    peer = ScipySET(task, X, y)
    seconds = peer.seconds_per_epoch()
"""

import time
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
from scipy import sparse
from scipy.special import softmax
from sklearn.neural_network import MLPClassifier

MOMENTUM, ZETA = 0.9, 0.3
# Tiny, so that no model can diverge: what the samples hold does not matter for the time.
LEARNING_RATE = 1e-6


class Shape(NamedTuple):
    """Widths of all levels, inputs and classes included, and the sparsity."""

    widths: tuple
    epsilon: float

    @property
    def n_connections(self):
        """Connections of each layer."""
        return [min(a * b, round(self.epsilon * (a + b))) for a, b in pairwise(self.widths)]

    @property
    def n_cells(self):
        """Connections of a dense network."""
        return sum(a * b for a, b in pairwise(self.widths))

    def __str__(self):
        return "-".join(map(str, self.widths))


class Task(NamedTuple):
    """What to train, and how; an epoch of a peer is run for at most ``seconds``."""

    shape: Shape
    batch_size: int
    n_samples: int
    n_jobs: int
    seconds: float
    evolves: bool = True


def make_data(task):
    """Samples of nothing but noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((task.n_samples, task.shape.widths[0]), dtype=np.float32)
    return X, np.arange(task.n_samples) % task.shape.widths[-1]


class Peer:
    """A model that trains on as many rows as it is given, and evolves when told to."""

    def __init__(self, task, X, y):
        self.task, self.X, self.y = task, X, y
        self.build()
        self.train(X[: task.batch_size], y[: task.batch_size])

    def seconds_per_epoch(self):
        """Seconds of an epoch, extrapolated where the limit is reached, and of its evolution."""
        done, seconds, start = 0, 0.0, time.perf_counter()
        while done < len(self.X) and seconds < self.task.seconds:
            # Ever longer runs of mini-batches, so that calls cost next to nothing.
            rows = slice(done, 2 * done + self.task.batch_size)
            self.train(self.X[rows], self.y[rows])
            seconds, done = time.perf_counter() - start, min(rows.stop, len(self.X))
        start = time.perf_counter()
        if self.task.evolves:
            self.evolve()
        return seconds * len(self.X) / done + time.perf_counter() - start

    def train(self, X, y):
        """Train on the rows in mini-batches."""
        for start in range(0, len(X), self.task.batch_size):
            rows = slice(start, start + self.task.batch_size)
            self.step(X[rows], y[rows])

    def evolve(self):
        """One evolution; a dense network has none."""


class DenseMLP(Peer):
    """scikit-learn's MLPClassifier."""

    def build(self):
        """Make the network; its first rows initialise it."""
        self.model = MLPClassifier(
            self.task.shape.widths[1:-1],
            solver="sgd",
            learning_rate_init=LEARNING_RATE,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            alpha=0.0,
            random_state=0,
        )

    def train(self, X, y):
        """One pass over the rows."""
        self.model.set_params(batch_size=min(len(X), self.task.batch_size))
        self.model.partial_fit(X, y, classes=np.arange(self.task.shape.widths[-1]))


# ---------------------------------------------------------------- SET on sorted cell numbers


def random_cells(n_cells, n, rng):
    """Sorted numbers of n distinct cells."""
    if n > n_cells // 2:
        return np.sort(rng.choice(n_cells, n, replace=False))
    cells = np.empty(0, np.int64)
    while cells.size < n:
        cells = np.unique(np.append(cells, rng.integers(n_cells, size=n - cells.size)))
    return cells


def rewire(cells, weights, velocity, n_cells, scale, rng):
    """One evolution: drop the connections nearest zero, grow as many at cells that are empty."""
    n_dropped = int(ZETA * cells.size)
    if cells.size == n_cells or n_dropped == 0:
        return cells, weights, velocity
    kept = np.sort(np.argpartition(abs(weights), n_dropped)[n_dropped:])
    cells, weights, velocity = cells[kept], weights[kept], velocity[kept]
    grown = np.empty(0, np.int64)
    while grown.size < n_dropped:
        drawn = np.unique(np.append(grown, rng.integers(n_cells, size=n_dropped - grown.size)))
        position = np.searchsorted(cells, drawn).clip(max=cells.size - 1)
        grown = drawn[cells[position] != drawn]
    places = np.searchsorted(cells, grown)
    new = rng.uniform(-scale, scale, n_dropped).astype(np.float32)
    return (
        np.insert(cells, places, grown),
        np.insert(weights, places, new),
        np.insert(velocity, places, np.float32(0)),
    )


def row_pointers(rows, n_rows):
    """Where each row begins among sorted row numbers."""
    return np.searchsorted(rows, np.arange(n_rows + 1)).astype(np.int32)


class SparseLayer:
    """A layer whose connections lie in the order of their cells in a matrix of some shape."""

    def __init__(self, shape, n_connections, fan_in, rng):
        self.shape, self.rng, self.scale = shape, rng, (6 / fan_in) ** 0.5
        self.cells = random_cells(shape[0] * shape[1], n_connections, rng)
        weights = rng.uniform(-self.scale, self.scale, n_connections).astype(np.float32)
        self.place(weights, np.zeros_like(weights))

    def evolve(self):
        """One evolution."""
        n_cells = self.shape[0] * self.shape[1]
        state = self.cells, *self.state(), n_cells, self.scale, self.rng
        self.cells, weights, velocity = rewire(*state)
        self.place(weights, velocity)


class SparseNetwork(Peer):
    """A list of sparse layers."""

    def build(self):
        """Make the layers."""
        rng, shape = np.random.default_rng(0), self.task.shape
        sizes = zip(pairwise(shape.widths), shape.n_connections, strict=True)
        self.layers = [self.Layer(n_in, n_out, n, rng) for (n_in, n_out), n in sizes]

    def evolve(self):
        """Rewire every layer."""
        for layer in self.layers:
            layer.evolve()


# ---------------------------------------------------------------- SciPy


@numba.njit(parallel=True, cache=True)
def connection_gradients(below, gradient, rows, columns, out):
    """The gradient of each connection: a sum over the mini-batch."""
    for k in numba.prange(out.size):
        total = np.float32(0)
        for sample in range(below.shape[0]):
            total += below[sample, rows[k]] * gradient[sample, columns[k]]
        out[k] = total


class ScipyLayer(SparseLayer):
    """A CSR matrix (n_in, n_out), and the coordinates of its connections."""

    def __init__(self, n_in, n_out, n_connections, rng):
        super().__init__((n_in, n_out), n_connections, n_in, rng)
        self.bias, self.bias_velocity = np.zeros((2, n_out), np.float32)

    def place(self, weights, velocity):
        """Put weights and their velocities where the cells are."""
        n_in, n_out = self.shape
        self.rows, self.columns = (part.astype(np.int32) for part in np.divmod(self.cells, n_out))
        pointers = row_pointers(self.rows, n_in)
        self.W = sparse.csr_array((weights, self.columns, pointers), self.shape)
        self.velocity = velocity

    def state(self):
        """Weights and velocities."""
        return self.W.data, self.velocity

    def learn(self, below, gradient):
        """One step of the solver."""
        slope = np.empty_like(self.velocity)
        connection_gradients(below, gradient, self.rows, self.columns, slope)
        self.velocity *= MOMENTUM
        self.velocity -= LEARNING_RATE * slope
        self.W.data += self.velocity
        self.bias_velocity *= MOMENTUM
        self.bias_velocity -= LEARNING_RATE * gradient.sum(axis=0)
        self.bias += self.bias_velocity


class ScipySET(SparseNetwork):
    """Products by SciPy, gradients by Numba; activations are (samples, neurons)."""

    Layer = ScipyLayer

    def build(self):
        """Make the layers; Numba takes as many threads as the others."""
        numba.set_num_threads(min(self.task.n_jobs, numba.config.NUMBA_NUM_THREADS))
        super().build()

    def step(self, X, y):
        """Train on one mini-batch."""
        levels = [X]
        for layer in self.layers:
            levels.append(levels[-1] @ layer.W + layer.bias)
            if layer is not self.layers[-1]:
                np.maximum(levels[-1], 0, out=levels[-1])
        gradient = softmax(levels.pop(), axis=1)
        gradient[np.arange(len(y)), y] -= 1
        gradient /= len(y)
        for layer in reversed(self.layers):
            below = levels.pop()
            passed_down = (gradient @ layer.W.T) * (below > 0) if levels else None
            layer.learn(below, gradient)
            gradient = passed_down


# ---------------------------------------------------------------- PyTorch


class TorchLayer(SparseLayer):
    """A CSR tensor (n_out, n_in), and its transpose for the way back."""

    def __init__(self, n_in, n_out, n_connections, rng):
        import torch

        self.torch = torch
        super().__init__((n_out, n_in), n_connections, n_in, rng)
        self.bias, self.bias_velocity = torch.zeros(n_out, 1), torch.zeros(n_out, 1)

    def place(self, weights, velocity):
        """Put weights and their velocities where the cells are."""
        rows, columns = np.divmod(self.cells, self.shape[1])
        order = np.argsort(columns, kind="stable")
        self.order, self.velocity = map(self.torch.from_numpy, (order, velocity))
        self.W = self.tensor(rows, columns, weights, self.shape)
        self.slope = self.tensor(rows, columns, np.zeros_like(weights), self.shape)
        self.transpose = self.tensor(columns[order], rows[order], weights[order], self.shape[::-1])

    def tensor(self, rows, columns, values, shape):
        """A CSR tensor with the 32-bit indices that MKL takes."""
        parts = row_pointers(rows, shape[0]), columns.astype(np.int32), values
        parts = map(self.torch.from_numpy, parts)
        return self.torch.sparse_csr_tensor(*parts, shape, check_invariants=False)

    def state(self):
        """Weights and velocities."""
        return self.W.values().numpy(), self.velocity.numpy()

    def back(self, gradient):
        """A gradient as the level below gets it."""
        weights = self.transpose.values()
        self.torch.index_select(self.W.values(), 0, self.order, out=weights)
        return self.torch.sparse.mm(self.transpose, gradient)

    def learn(self, below, gradient):
        """One step of the solver."""
        slope = self.torch.sparse.sampled_addmm(self.slope, gradient, below.t(), beta=0.0)
        self.velocity.mul_(MOMENTUM).sub_(slope.values(), alpha=LEARNING_RATE)
        self.W.values().add_(self.velocity)
        self.bias_velocity.mul_(MOMENTUM).sub_(gradient.sum(1, keepdim=True), alpha=LEARNING_RATE)
        self.bias.add_(self.bias_velocity)


class TorchCSR(SparseNetwork):
    """Products of sparse tensors; activations are (neurons, samples), the faster way round."""

    Layer = TorchLayer

    def build(self):
        """Make the layers."""
        import torch

        self.torch = torch
        torch.set_num_threads(self.task.n_jobs)
        super().build()

    def step(self, X, y):
        """Train on one mini-batch."""
        torch = self.torch
        levels = [torch.from_numpy(X).t().contiguous()]
        for layer in self.layers:
            levels.append(torch.sparse.mm(layer.W, levels[-1]).add_(layer.bias))
            if layer is not self.layers[-1]:
                levels[-1].relu_()
        gradient = torch.softmax(levels.pop(), 0)
        gradient[torch.from_numpy(y), torch.arange(len(y))] -= 1
        gradient /= len(y)
        for layer in reversed(self.layers):
            below = levels.pop()
            passed_down = layer.back(gradient).mul_(below > 0) if levels else None
            layer.learn(below, gradient)
            gradient = passed_down
