"""A look at the inputs before training: of those far from zero a network hardly learns."""

import warnings

import numpy as np
from scipy import sparse

from .._network.x_view import dense_block
from .._training.data import spread_over

# An input is far from zero if its mean is more than so many of its standard deviations: training
# then ends near chance. scikit-learn's own checks use inputs of mean 100 and deviation 1.
FAR = 200.0
# What is looked at: so many samples and inputs at most; fewer samples tell no deviation.
SAMPLES, INPUTS, FEWEST = 64, 1024, 8
# What is left of a constant input, relative to its mean, is rounding.
ROUNDING = 1e-9


def warn_if_far_from_zero(data):
    """Warn where most inputs are far from zero.

    Parameters
    ----------
    data : TrainingData
    """
    block = _some_of(data)
    mean, spread = abs(block.mean(axis=0)), block.std(axis=0)
    varies = spread > ROUNDING * mean
    far = varies & (mean > FAR * spread)
    if 2 * np.count_nonzero(far) > np.count_nonzero(varies):
        warnings.warn(
            f"Most inputs in X are far from zero: their mean is more than {FAR:g} times their "
            "standard deviation, so that a network hardly learns from them. Standardise X first, "
            "for example with make_pipeline(StandardScaler(), ...).",
            UserWarning,
            stacklevel=6,  # the caller of fit
        )


def _some_of(data):
    """Samples and inputs from all over X, float64; none of a CSR matrix that is mostly zeros."""
    rows = data.samples[spread_over(data.samples.size, SAMPLES)]
    if rows.size < FEWEST:
        return np.zeros((1, 1))
    if not sparse.issparse(data.X):
        return np.float64(data.X[np.ix_(rows, spread_over(data.X.shape[1], INPUTS))])
    block = data.X[rows]
    return dense_block(block) if 2 * block.nnz > np.prod(block.shape) else np.zeros((1, 1))
