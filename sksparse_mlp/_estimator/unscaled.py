"""A look at the inputs before training: far from zero, or on many scales, they are learnt badly."""

import warnings

import numpy as np
from scipy import sparse

from .._network.x_view import dense_block
from .._training.data import spread_over

# An input is far from zero if its mean is more than so many of its standard deviations, and too
# large if its numbers are more than so many of those of a typical input: training then ends near
# chance. scikit-learn's own checks use inputs of mean 100 and deviation 1.
FAR = 200.0
# Inputs are on different scales if a tenth of their deviations are so many times as large as those
# of another tenth: the network then hardly sees the smaller ones.
APART = 100.0
# Between these, networks learn the same in any unit; beyond, squares of gradients are not what they
# should be in float32.
UNITS = (1e-9, 1e15)
# What is looked at: so many samples and inputs at most; fewer samples tell no deviation. Of so few
# samples, all inputs are.
SAMPLES, INPUTS, FEWEST = 64, 1024, 8
# What is left of a constant input, relative to its mean, is rounding.
ROUNDING = 1e-9


def warn_if_unscaled(data, stacklevel):
    """Warn where inputs are far from zero, or on very different scales.

    Parameters
    ----------
    data : TrainingData
    stacklevel : int
        How many calls away the caller of ``fit`` is, who is warned; 1 is this function's own.
    """
    rows = data.samples[spread_over(data.samples.size, SAMPLES)]
    if rows.size < FEWEST:
        return
    block = _some_inputs(data.X, rows)
    mean, spread = abs(block.mean(axis=0)), block.std(axis=0)
    varies = spread > ROUNDING * mean
    if not varies.any():
        return
    # Of what is mostly zeros, such as counts, deviations are on many scales as a matter of course.
    is_sparse = sparse.issparse(data.X) and 2 * np.count_nonzero(block) < block.size
    what = None if is_sparse else _wrong_with_most(mean[varies], spread[varies])
    typical = np.median(spread[varies])
    what = what or _wrong_with_unit(typical) or _wrong_with_one(data.X, rows, typical)
    if what is not None:
        warnings.warn(
            f"{what} Standardise X first, for example with make_pipeline(StandardScaler(), ...).",
            UserWarning,
            stacklevel=stacklevel,
        )


def _some_inputs(X, rows):
    """Samples of inputs from all over X, float64."""
    columns = spread_over(X.shape[1], INPUTS)
    if sparse.issparse(X):
        return dense_block(X[rows][:, columns])
    return np.float64(X[np.ix_(rows, columns)])


def _wrong_with_most(mean, spread):
    """What is wrong with inputs of these means and deviations; None if nothing is."""
    if 2 * np.count_nonzero(mean > FAR * spread) > spread.size:
        return (
            f"Most inputs in X are far from zero: their mean is more than {FAR:g} times their "
            "standard deviation, so that a network hardly learns from them."
        )
    small, large = np.quantile(spread, (0.1, 0.9))
    if large > APART * small:
        return (
            f"The inputs in X vary on very different scales: a tenth of them by less than "
            f"{small:.2g}, another by more than {large:.2g} (standard deviations), so that a "
            "network hardly sees those that vary little."
        )
    return None


def _wrong_with_unit(typical):
    """What is wrong with inputs that vary so far."""
    smallest, largest = UNITS
    if smallest <= typical <= largest:
        return None
    return (
        f"A typical input in X has a standard deviation of {typical:.2g}, and squares of such "
        f"numbers are beyond float32: a network learns from inputs that vary by {smallest:g} to "
        f"{largest:g}."
    )


def _wrong_with_one(X, rows, typical):
    """What is wrong with the input of the largest numbers, also with a constant one."""
    some, columns = X[rows[spread_over(rows.size, FEWEST)]], np.arange(X.shape[1])
    if sparse.issparse(some):  # of what is zero in half of the samples, the median is
        columns, counts = np.unique(some.indices, return_counts=True)
        columns = columns[2 * counts > some.shape[0]]
        some = some[:, columns]
    size = np.median(abs(dense_block(some, np.float32)), axis=0)
    if size.size == 0 or size.max() <= FAR * typical:
        return None
    largest = int(size.argmax())
    return (
        f"Input {columns[largest]} of X holds much larger numbers than the others, about "
        f"{size[largest]:.2g}, where a typical input has a standard deviation of {typical:.2g}, so "
        "that a network hardly sees the others."
    )
