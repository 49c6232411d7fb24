"""Weights of samples: what is allowed, and which samples weigh something."""

import numpy as np

from .._training.data import TrainingData, merge_equal_samples
from . import defaults
from .checks import check_not_masked, scaled_weights
from .compat import check_sample_weight

# Beside the largest weight, one this small vanishes in float32: it counts as zero.
NEGLIGIBLE_WEIGHT = np.finfo(np.float32).eps


def checked_weight(sample_weight, X, name):
    """Weights of samples, float64, not negative, not all zero."""
    check_not_masked(sample_weight, name)
    try:
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from None
    if not weight.any():
        raise ValueError(f"{name} is zero for all samples: there is nothing to learn from.")
    return scaled_weights(weight)


def training_samples(X, targets, sample_weight, batch_size):
    """The samples that weigh something; in one batch, equal ones only once.

    Giving a sample twice is then the same as giving it the weight two, to the last bit.

    Parameters
    ----------
    X : ndarray or CSR
    targets : ndarray of int32 or float32
        Class numbers, or a row of numbers for each sample.
    sample_weight : ndarray of float64
    batch_size : int or "auto"
        As the estimators' parameter.

    Returns
    -------
    TrainingData
    """
    sample_weight = scaled_weights(sample_weight)
    samples = np.flatnonzero(sample_weight > NEGLIGIBLE_WEIGHT * sample_weight.max())
    if samples.size == defaults.batch_size(batch_size, samples.size, stream=False):
        samples, sample_weight = merge_equal_samples(X, samples, targets, sample_weight)
    return TrainingData(X, samples, targets, sample_weight.astype(np.float32))
