"""How much each input matters to a network: figures of one epoch, and their sum over a training.

``strength`` is the sum of an input's connections' magnitudes. The others ask how the output would
change with the input, in a weighted mean over samples: ``gradient`` is ``|dL/dx|`` with the loss
``L`` of the sample, ``attribution`` is ``|x dz/dx|`` with the logit ``z`` of its class, less the
mean of all logits, which no probability depends on; or with ``z`` of the target, a number.
"""

import numpy as np

from .._kernels.importance import input_gradients
from .._kernels.records import (
    ATTRIBUTION,
    ATTRIBUTION_OF_OUTPUT,
    OF_LOGIT,
    OF_LOSS,
    OF_OUTPUT,
    GradientBatch,
)
from .._network.lanes import MAX_LANES, lanes_for
from .._network.prediction import prediction_parameters, samples_per_call
from .._network.team import Stopped
from .._network.workspace import aligned_zeros
from .._network.x_view import samples_at_once, window
from .data import some_samples
from .errors import ERROR_LOSSES

# An epoch's figure is taken over at most this many samples, which bounds what it costs.
SAMPLES_PER_EPOCH = 512
# Of a chunk of a stream, whose importances are judged in every call; and after Ctrl-C.
FEWEST_SAMPLES = 32
# Sums are kept for at most this many tiles at a time, which bounds memory.
TILES_AT_ONCE = 8


# ---------------------------------------------------------------- figures of an epoch


def strength(network):
    """Sum of the magnitudes of each input's connections, float64."""
    return abs(network.weights_of(0)).sum(axis=1).astype(np.float64)


def sensitivity(network, data, chosen, team, kind, shares=None, steeper=False, stoppable=False):
    """Weighted mean over samples of how much each input moves the output.

    Parameters
    ----------
    network : SparseNetwork
    data : TrainingData
    chosen : ndarray of int64
        Which samples of X.
    team : Team
        Each thread takes tiles of its own.
    kind : int
        OF_LOSS: ``|dL/dx|`` of classes; OF_LOGIT: ``|dz/dx|`` of the true class's logit;
        ATTRIBUTION: ``|x dz/dx|``; OF_OUTPUT and ATTRIBUTION_OF_OUTPUT: the last two of one output
        for each sample, in turns.
    shares : ndarray of float64, or None
        What each of these samples counts; None: its weight, of one in total.
    steeper : bool
        Whether, of the skip layer and the hidden ways, the one with the larger slope counts for
        each sample, instead of their sum.
    stoppable : bool
        Whether a team that was told to stop ends this; figures of an epoch are made all the same.

    Returns
    -------
    ndarray of float64, shape (n_features,)

    Raises
    ------
    Stopped
        If the team was told to stop, this is stoppable, and takes more than one call of the kernel.
    """
    n_features, total = network.widths[0], np.zeros(network.widths[0])
    lanes, params = lanes_for(MAX_LANES), prediction_parameters(network)
    level_start = np.cumsum([0, *network.widths[:-1]]) * MAX_LANES
    buffers = [aligned_zeros(sum(network.widths) * MAX_LANES) for _ in range(team.n_threads)]
    shares = _shares(data, chosen) if shares is None else shares
    turns = np.arange(chosen.size, dtype=np.int32) % np.int32(network.widths[-1])
    of_output = kind in (OF_OUTPUT, ATTRIBUTION_OF_OUTPUT)
    outputs = turns if of_output else data.targets[chosen]
    at_once = min(TILES_AT_ONCE, samples_at_once(data.X) // MAX_LANES or 1) * MAX_LANES
    at_once = min(at_once, samples_per_call(network, team, n_passes=2))
    for start in range(0, chosen.size, at_once):
        if stoppable and start > 0 and team.stopped:
            raise Stopped
        part = slice(start, start + at_once)
        view = window(data.X, chosen[part])
        n_tiles = -(-view.order.size // MAX_LANES)
        sums = np.empty((n_tiles, n_features), np.float32)
        whole = GradientBatch(
            first=0,
            last=0,
            n_samples=view.order.size,
            order=view.order,
            targets=outputs[part],
            weight=shares[part].astype(np.float32),
            level_start=level_start,
            buffer=buffers[0],
            kind=kind,
            steeper=steeper,
            out=sums.reshape(-1),
        )

        def differentiate(thread, whole=whole, view=view, n_tiles=n_tiles):
            first, last = team.share(n_tiles, thread)
            share = whole._replace(first=first, last=last, buffer=buffers[thread])
            input_gradients(lanes, network.arrays, params, view.x, share)

        team.map(differentiate)
        for sum_of_tile in sums:  # in this order, however many are summed up at once
            total += sum_of_tile
    return total


def _of_an_epoch(method, trainer):
    """The figure of an epoch that has just ended."""
    network, data = trainer.network, trainer.data
    if method == "strength":
        return strength(network)
    of_numbers, of_loss = data.targets.ndim == 2, method == "gradient"
    chosen = some_samples(data, SAMPLES_PER_EPOCH, network.streams, network.epoch)
    if of_numbers and of_loss:
        return _sensitivity_of_loss(network, data, chosen, trainer)
    of_output = ATTRIBUTION_OF_OUTPUT if of_numbers else ATTRIBUTION
    return sensitivity(network, data, chosen, trainer.team, OF_LOSS if of_loss else of_output)


def _sensitivity_of_loss(network, data, chosen, trainer):
    """``|dL/dx|`` where one output is a number: ``|dL/dz| |dz/dx|``, in a weighted mean."""
    z = network.forward(data.X, trainer.team, chosen=chosen, stoppable=False)
    error = z[:, 0].astype(np.float64) - data.targets[chosen, 0]
    options = trainer.options
    slopes = ERROR_LOSSES[options.loss].slope(error, options.loss_parameter)
    shares = abs(slopes) * _shares(data, chosen)
    return sensitivity(network, data, chosen, trainer.team, OF_OUTPUT, shares)


def _shares(data, chosen):
    """The weights of samples, of one in total."""
    weight = data.sample_weight[chosen].astype(np.float64)
    return weight / weight.sum()


def importances(network, data, spread, team, at_most=SAMPLES_PER_EPOCH):
    """How much each input moves an output: mean ``|dz/dx|`` over samples, times its spread.

    The output is the logit of the sample's class, where there are classes; else the samples take
    the outputs in turns. The slope is the larger one of that by the skip layer and that by all
    hidden ways: their sum would depend more on where connections happen to lie. Importances add up
    to one; all are equal where the network depends on none.

    Parameters
    ----------
    network : SparseNetwork
    data : TrainingData
    spread : ndarray of float64, shape (n_features,)
        Standard deviations of the inputs.
    team : Team
    at_most : int
        Samples that are looked at.

    Returns
    -------
    ndarray of float64, shape (n_features,)
    """
    chosen = some_samples(data, at_most, network.streams, network.epoch)
    kind = OF_LOGIT if data.targets.ndim == 1 else OF_OUTPUT
    with np.errstate(invalid="ignore"):  # no spread times a gradient that is infinite
        slopes = sensitivity(network, data, chosen, team, kind, steeper=True, stoppable=True)
        moved = spread * slopes
    total = moved.sum()
    return moved / total if 0 < total < np.inf else np.full_like(moved, 1 / moved.size)


# ---------------------------------------------------------------- over a training

# What the scores so far are multiplied by at each epoch; one: a sum over all epochs.
MEMORY = {"strength": 1.0, "gradient": 0.9, "attribution": 1.0}


class ImportanceRecorder:
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
