"""What kernels are told of a training step: options, in float32 and codes."""

import numpy as np

from .._kernels.records import (
    ABSOLUTE_ERROR,
    BINARY_CROSS_ENTROPY,
    COX,
    CROSS_ENTROPY,
    HUBER,
    QUANTILE,
    RECONSTRUCTION,
    SQUARED_ERROR,
    StepParameters,
)
from .._network.activations import CODES
from .._network.optimizer_state import solver_code

ADAM_EPSILON = 1e-8
# Of class numbers; of the inputs; of numbers, one an output; of signed ranks of times.
LOSSES = {
    "cross_entropy": CROSS_ENTROPY,
    "reconstruction": RECONSTRUCTION,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "squared_error": SQUARED_ERROR,
    "absolute_error": ABSOLUTE_ERROR,
    "huber": HUBER,
    "quantile": QUANTILE,
    "cox": COX,
}


def check_targets(loss, targets):
    """Raise ValueError unless these are targets of a loss: kernels would read beyond others."""
    if loss == "reconstruction":
        fits = targets is None
    else:
        dtype, ndim = (np.int32, 1) if loss == "cross_entropy" else (np.float32, 2)
        fits = targets is not None and targets.dtype == dtype and targets.ndim == ndim
    if not fits:
        raise ValueError(f"loss={loss!r} has no targets like these: {targets!r}.")


def step_parameters(network, options):
    """The kernels' parameters for training."""
    adam = options.solver == "adam"
    scale = 1.0 / network.fan_in if options.learning_rate_scaling == "fan_in" else 1.0
    rate_scale = np.full(network.n_layers, scale, np.float32)
    rate_scale[: options.n_frozen] = 0.0
    return StepParameters(
        loss=LOSSES[options.loss],
        loss_parameter=np.float32(options.loss_parameter),
        activation=CODES[network.activation],
        slopes=network.slopes(),
        solver=solver_code(options.solver, options.momentum, options.nesterovs_momentum),
        momentum=np.float32(options.beta_1 if adam else options.momentum),
        beta_2=np.float32(options.beta_2),
        adam_epsilon=np.float32(ADAM_EPSILON),
        rate_scale=rate_scale,
        dropout=_threshold(options.dropout),
        dropout_scale=np.float32(1.0 / (1.0 - options.dropout)),
        input_dropout=_threshold(options.input_dropout),
        input_dropout_scale=np.float32(1.0 / (1.0 - options.input_dropout)),
        input_noise=np.float32(options.input_noise),
        seed=np.uint64(network.streams.noise),
    )


def _threshold(rate):
    """A dropout rate as a threshold for 32-bit hashes."""
    return np.uint64(min(round(rate * 2**32), 2**32 - 1))
