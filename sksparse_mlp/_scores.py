"""How much each input matters to a network: figures of one epoch, and their sum over a training.

``strength`` is the sum of an input's connections' magnitudes. The others ask how the output would
change with the input, in a weighted mean over samples: ``gradient`` is ``|dL/dx|`` with the loss
``L`` of the sample, ``attribution`` is ``|x dz/dx|`` with the logit ``z`` of its class.
"""

from typing import NamedTuple

import numpy as np

from ._activations import activate, through_activation
from ._forward import fill_rows, scatter
from ._inputs import rows_at_once, window
from ._jit import inlined, kernel
from ._loading import load_tile
from ._loss import softmax_loss_of_sample
from ._network import MAX_LANES, aligned_zeros, lanes_for
from ._random import derive_seed
from ._records import ONE, ZERO
from ._simd import bare, load, store, vfma, vload, vmul, vselect_less, vsplat, vstore, vsub, vsum
from ._training import rules_for_prediction

# An epoch's figure is taken over so many samples at most, which bounds what it costs.
SAMPLES_PER_EPOCH = 512
# Sums are kept for so many tiles at a time, which bounds memory.
TILES_AT_ONCE = 8


class Probe(NamedTuple):
    """Samples to differentiate the network at, and where the sums over each tile go."""

    first: int  # tiles
    last: int
    n_samples: int
    order: np.ndarray  # int64 [n_samples], rows of X
    targets: np.ndarray  # int32 [n_samples]
    weight: np.ndarray  # float32 [n_samples], adds up to 1 over all samples
    level_start: np.ndarray  # int64 [n_layers + 1], where a level's tile begins in the buffer
    buffer: np.ndarray  # float32, a tile of each level
    attribution: bool  # logits are differentiated and multiplied by the input; else losses
    out: np.ndarray  # float32 [n_tiles, n_features] flat


# ---------------------------------------------------------------- kernels


@inlined
def logit_gradients(lanes, net, probe, start):
    """Replace the logits of a tile by gradients: of the samples' losses, or of their logits."""
    width, n_out = 1 << len(lanes), load(net.widths, net.n_layers)
    z = load(probe.level_start, net.n_layers)
    for lane in range(width):
        if start + lane < probe.n_samples and not probe.attribution:
            target = load(probe.targets, start + lane)
            weight = np.float64(load(probe.weight, start + lane))
            softmax_loss_of_sample(probe.buffer, z + lane, width, n_out, target, weight)
        else:
            for j in range(n_out):
                store(probe.buffer, z + j * width + lane, np.float32(0))
            if start + lane < probe.n_samples:
                at = z + load(probe.targets, start + lane) * width + lane
                store(probe.buffer, at, load(probe.weight, start + lane))


@inlined
def gather(lanes, net, layer, row, tiles, target):
    """Gradient of one neuron's activation: ``sum_j w[i, j] d[j]``."""
    width, pointer = 1 << len(lanes), load(net.first_row, layer) + row
    d = vsplat(np.float32(0), lanes)
    for k in range(load(net.indptr, pointer), load(net.indptr, pointer + 1)):
        row_of_lanes = vload(tiles, target + load(net.indices, k) * width, lanes)
        d = vfma(vsplat(load(net.weights, k), lanes), row_of_lanes, d)
    return d


@inlined
def hidden_gradients(lanes, net, rules, probe, level):
    """Replace the pre-activations of a level of hidden neurons by their gradients."""
    width, first_unit = 1 << len(lanes), load(net.first_unit, level)
    slope, target = load(rules.slopes, level), load(probe.level_start, level + 1)
    for row in range(load(net.widths, level)):
        at, unit = load(probe.level_start, level) + row * width, first_unit + row
        z = vload(probe.buffer, at, lanes)
        a = activate(lanes, z, rules.activation, slope, net, unit)
        d = gather(lanes, net, level, row, probe.buffer, target)
        d = through_activation(lanes, z, a, d, rules.activation, slope, net, unit)
        vstore(probe.buffer, at, d)


@kernel
def input_gradients(lanes, net, rules, rows, probe):
    """Forward and backward pass of some tiles, down to the sums of magnitudes at the inputs."""
    net, rules, probe = bare(net), bare(rules), bare(probe)
    width, n_features = 1 << len(lanes), load(net.widths, 0)
    tiles, zero = probe.buffer, vsplat(np.float32(0), lanes)
    for tile in range(probe.first, probe.last):
        start = tile * width
        n_samples = min(width, probe.n_samples - start)
        load_tile(lanes, rows, probe.order, start, n_samples, tiles, ZERO, ZERO, n_features)
        for layer in range(net.n_layers):
            source, target = load(probe.level_start, layer), load(probe.level_start, layer + 1)
            first_unit, n_out = load(net.first_unit, layer + 1), load(net.widths, layer + 1)
            fill_rows(lanes, net.intercepts, first_unit, tiles, target, ZERO, n_out)
            scatter(
                lanes, net, rules, layer, tiles, source, tiles, target, np.uint64(0), ZERO,
                ZERO, load(net.widths, layer), net.indices, ZERO, ONE,
            )  # fmt: skip
        logit_gradients(lanes, net, probe, start)
        for level in range(net.n_layers - 1, 0, -1):
            hidden_gradients(lanes, net, rules, probe, level)
        for feature in range(n_features):
            d = gather(lanes, net, ZERO, feature, tiles, load(probe.level_start, 1))
            if probe.attribution:
                d = vmul(d, vload(tiles, feature * width, lanes))
            magnitude = vselect_less(d, zero, vsub(zero, d), d)
            store(probe.out, tile * n_features + feature, vsum(magnitude))


# ---------------------------------------------------------------- figures of an epoch


def strength(network):
    """Sum of the magnitudes of each input's connections, float64."""
    return abs(network.weights_of(0)).sum(axis=1).astype(np.float64)


def sensitivity(network, data, chosen, team, attribution):
    """Weighted mean over samples of how much each input moves the output.

    Parameters
    ----------
    network : SparseNetwork
    data : TrainingData
    chosen : ndarray of int64
        Which rows of X.
    team : Team
        Each thread takes tiles of its own.
    attribution : bool
        ``|x dz/dx|`` of the true class's logit; else ``|dL/dx|``.

    Returns
    -------
    ndarray of float64, shape (n_features,)
    """
    n_features, total = network.widths[0], np.zeros(network.widths[0])
    lanes, rules = lanes_for(MAX_LANES), rules_for_prediction(network)
    level_start = np.cumsum([0, *network.widths[:-1]]) * MAX_LANES
    buffers = [aligned_zeros(sum(network.widths) * MAX_LANES) for _ in range(team.n_threads)]
    weight = data.sample_weight[chosen].astype(np.float64)
    weight /= weight.sum()
    at_once = min(TILES_AT_ONCE, rows_at_once(data.X) // MAX_LANES or 1) * MAX_LANES
    for start in range(0, chosen.size, at_once):
        part = slice(start, start + at_once)
        view = window(data.X, chosen[part])
        n_tiles = -(-view.order.size // MAX_LANES)
        sums = np.empty((n_tiles, n_features), np.float32)
        whole = Probe(
            first=0,
            last=0,
            n_samples=view.order.size,
            order=view.order,
            targets=data.targets[chosen[part]],
            weight=weight[part].astype(np.float32),
            level_start=level_start,
            buffer=buffers[0],
            attribution=attribution,
            out=sums.reshape(-1),
        )

        def differentiate(thread, whole=whole, view=view, n_tiles=n_tiles):
            first, last = (n_tiles * (thread + i) // team.n_threads for i in (0, 1))
            share = whole._replace(first=first, last=last, buffer=buffers[thread])
            input_gradients(lanes, network.arrays, rules, view.rows, share)

        team.map(differentiate)
        total += sums.sum(axis=0, dtype=np.float64)
    return total


def _of_an_epoch(method, trainer):
    """The figure of an epoch that has just ended."""
    network, data = trainer.network, trainer.data
    if method == "strength":
        return strength(network)
    chosen = data.rows
    if chosen.size > SAMPLES_PER_EPOCH:
        seed = derive_seed(network.streams.splitting, network.epoch)
        chosen = np.random.default_rng(seed).choice(chosen, SAMPLES_PER_EPOCH, replace=False)
    return sensitivity(network, data, chosen, trainer.team, method == "attribution")


# ---------------------------------------------------------------- over a training

# What the scores so far are multiplied by at each epoch; one: a sum over all epochs.
MEMORY = {"strength": 1.0, "gradient": 0.9, "attribution": 1.0}


class ScoreKeeper:
    """Adds up the figures of the epochs of a training.

    Parameters
    ----------
    method : str
        A key of ``MEMORY``.

    Attributes
    ----------
    scores : ndarray of float64, shape (n_features,)
    """

    def __init__(self, method):
        self.method, self.scores = method, 0.0

    def observe(self, trainer):
        """Look at the network of a ``Trainer`` at the end of an epoch."""
        self.scores = MEMORY[self.method] * self.scores + _of_an_epoch(self.method, trainer)

    def normalised(self):
        """The scores, divided so that they add up to one; all equal where all are zero."""
        total = self.scores.sum()
        return self.scores / total if total > 0 else np.full_like(self.scores, 1 / self.scores.size)
