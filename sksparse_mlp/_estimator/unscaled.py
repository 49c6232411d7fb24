"""A look at the inputs before training: far from zero, or on many scales, they are learnt badly."""

import warnings

import numpy as np
from scipy import sparse

from .._network.x_view import dense_block
from .._training.data import spread_over

# An input is far from zero if its mean is more than so many of its standard deviations: training
# then ends near chance. scikit-learn's own checks use inputs of mean 100 and deviation 1.
FAR = 200.0
# Inputs are on different scales if a tenth of their deviations are so many times as large as those
# of another tenth: the network then hardly sees the smaller ones.
APART = 100.0
# What is looked at: so many samples and inputs at most; fewer samples tell no deviation.
SAMPLES, INPUTS, FEWEST = 64, 1024, 8
# What is left of a constant input, relative to its mean, is rounding.
ROUNDING = 1e-9


def warn_if_unscaled(data):
    """Warn where most inputs are far from zero, or vary on very different scales.

    Parameters
    ----------
    data : TrainingData
    """
    block = _some_of(data)
    mean, spread = abs(block.mean(axis=0)), block.std(axis=0)
    varies = spread > ROUNDING * mean
    far = varies & (mean > FAR * spread)
    if 2 * np.count_nonzero(far) > np.count_nonzero(varies):
        _warn(
            f"Most inputs in X are far from zero: their mean is more than {FAR:g} times their "
            "standard deviation, so that a network hardly learns from them."
        )
    elif varies.any():
        small, large = np.quantile(spread[varies], (0.1, 0.9))
        if large > APART * small:
            _warn(
                f"The inputs in X vary on very different scales: a tenth of them by less than "
                f"{small:.2g}, another by more than {large:.2g} (standard deviations), so that a "
                "network hardly sees those that vary little."
            )


def _warn(what):
    warnings.warn(
        f"{what} Standardise X first, for example with make_pipeline(StandardScaler(), ...).",
        UserWarning,
        stacklevel=7,  # the caller of fit
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
