"""The forward pass of prediction: what a sample gives depends on nothing but that sample."""

from functools import partial

import numpy as np

from .._kernels.records import CROSS_ENTROPY, PredictionBatch, StepParameters
from .._kernels.steps import predict_batch
from .activations import CODES
from .lanes import MAX_LANES, lanes_for, lanes_to_predict
from .team import Stopped
from .views import read_only_record
from .warmup import compile_ahead
from .workspace import aligned
from .x_view import NO_SAMPLES, samples_at_once, window

# Connections times samples that a thread predicts in one call, about a third of a second.
WORK_PER_CALL = 2_000_000_000


def prediction_parameters(network):
    """The kernels' parameters for a forward pass: no dropout, no noise."""
    nothing, one, zero = np.float32(0), np.float32(1), np.uint64(0)
    return StepParameters(
        loss=CROSS_ENTROPY,
        loss_parameter=nothing,
        activation=CODES[network.activation],
        slopes=network.slopes(),
        solver=0,
        momentum=nothing,
        beta_2=nothing,
        adam_epsilon=nothing,
        rate_scale=np.ones(network.n_layers, np.float32),
        weight_scale=np.ones(network.n_layers, np.float32),
        dropout=zero,
        dropout_scale=one,
        input_dropout=zero,
        input_dropout_scale=one,
        input_noise=nothing,
        noise_spread=np.zeros(0, np.float32),
        seed=zero,
    )


def forward(network, X, team, *, chosen=None, level=None, activated=False, stoppable=True):
    """Pass samples through a network, up to a level.

    Parameters
    ----------
    network : SparseNetwork
    X : ndarray or CSR, shape (n_samples, n_features)
    team : Team
        Each thread takes samples of its own.
    chosen : ndarray of int64 or None
        Which samples; None: all.
    level : int or None
        The level to reach, from 1; None: the outputs.
    activated : bool
        Whether to apply the activation function to the result.
    stoppable : bool
        Whether a team that was told to stop ends this.

    Returns
    -------
    ndarray of float32, shape (n_samples, width of the level reached)

    Raises
    ------
    Stopped
        If the team was told to stop, and this is stoppable.
    """
    if X.shape[1] != network.widths[0]:
        raise ValueError(
            f"X has {X.shape[1]} features, but the network was fitted with {network.widths[0]}."
        )
    chosen = np.arange(X.shape[0]) if chosen is None else chosen
    level = len(network.widths) - 1 if level is None else level
    out = np.empty((chosen.size, network.widths[level]), np.float32)
    arrays, params = read_only_record(network.arrays), prediction_parameters(network)
    lanes = lanes_to_predict(chosen.size)
    width = 1 << len(lanes)
    half = max(network.widths[1 : level + 1]) * width
    size = network.widths[0] * width + 2 * half
    compile_ahead(partial(_predict_nothing, arrays, params, lanes), {predict_batch: lanes})
    buffers = [None] * team.n_threads

    def predict(thread):
        if buffers[thread] is None:
            buffers[thread] = aligned(size)
        first, last = (width * tile for tile in team.share(n_tiles, thread))
        target, last = out[start:stop].reshape(-1), min(last, stop - start)
        batch = PredictionBatch(
            first, last, view.order, level, buffers[thread], half, activated, target
        )
        predict_batch(lanes, arrays, params, view.x, batch)

    at_once = min(samples_at_once(X), samples_per_call(network, team))
    for start in range(0, chosen.size, at_once):
        if stoppable and team.stopped:
            raise Stopped
        stop = min(start + at_once, chosen.size)
        view = window(X, chosen[start:stop])
        n_tiles = -(-view.order.size // width)
        team.map(predict)
    return out


def rehearse_prediction(network):
    """Predict no sample at all, for which the kernel is compiled.

    Parameters
    ----------
    network : SparseNetwork
    """
    arrays, params = read_only_record(network.arrays), prediction_parameters(network)
    _predict_nothing(arrays, params, lanes_for(MAX_LANES))


def _predict_nothing(arrays, params, lanes, team=None):
    nothing = np.zeros(0, np.float32)
    batch = PredictionBatch(0, 0, np.zeros(0, np.int64), 1, nothing, 0, False, nothing)
    predict_batch(lanes, arrays, params, NO_SAMPLES, batch)


def samples_per_call(network, team, n_passes=1):
    """How many samples to pass through in one call of a kernel: as long as Ctrl-C may wait."""
    n_tiles = max(1, WORK_PER_CALL // (MAX_LANES * sum(network.n_connections) * n_passes))
    return n_tiles * MAX_LANES * team.n_threads
