"""Losses of numbers as functions of the error, output less target, for many errors at once.

The kernels have the same of one output at a time, see :mod:`sksparse_mlp._kernels.loss`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import huber


class ErrorLoss(NamedTuple):
    """A loss and its derivative by the output, zero at a kink: functions of errors, a parameter."""

    value: Callable
    slope: Callable


def quantile_loss(error, quantile):
    """What a prediction costs that is too high, or too low."""
    return np.where(error > 0, (1.0 - quantile) * error, -quantile * error)


def quantile_slope(error, quantile):
    """Its derivative."""
    return np.where(error > 0, 1.0 - quantile, np.where(error < 0, -quantile, 0.0))


ERROR_LOSSES = {
    "squared_error": ErrorLoss(lambda error, _: error**2 / 2, lambda error, _: error),
    "absolute_error": ErrorLoss(lambda error, _: abs(error), lambda error, _: np.sign(error)),
    "huber": ErrorLoss(
        lambda error, delta: huber(delta, error), lambda error, delta: np.clip(error, -delta, delta)
    ),
    "quantile": ErrorLoss(quantile_loss, quantile_slope),
}
