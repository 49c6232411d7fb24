"""Where targets that are numbers lie, and how far they vary: what they are standardised by."""

import numpy as np

# Deviations below this share of the largest number of a target are what rounding leaves of zero.
ROUNDING = 1e-12
# Median absolute deviations below this share of the standard deviation are those of near ties.
NEAR_TIES = 1e-3
# Sums of weights that are closer to one another than this share are equal but for rounding.
EQUAL = 1e-9
# Standard deviations of a normal distribution by its median absolute deviation.
DEVIATIONS_BY_MEDIAN = 1.4826


def moments_of_targets(y, sample_weight):
    """The largest size of each target, and in units of it the weighted mean and variance.

    What weighs nothing does not count, however large it is.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of float64, shape (n_samples,)

    Returns
    -------
    size, mean, variance : ndarray of float64, shape (n_outputs,)
    """
    size, y, weight = _what_counts(y, sample_weight)
    return size, *_mean_and_variance(y, weight / sample_weight.sum())


def robust_moments_of_targets(y, sample_weight):
    """The same with medians: of the numbers, and of how far they lie from it.

    A target of which half of the numbers are equal, or nearly so, has its mean and its variance.
    """
    size, y, weight = _what_counts(y, sample_weight)
    mean, variance = _mean_and_variance(y, weight / sample_weight.sum())
    center = weighted_median(y, weight)
    spread = DEVIATIONS_BY_MEDIAN * weighted_median(abs(y - center), weight)
    known = spread > np.maximum(ROUNDING, NEAR_TIES * np.sqrt(variance))
    return size, np.where(known, center, mean), np.where(known, spread**2, variance)


def _what_counts(y, sample_weight):
    """The largest size of each target, the targets that weigh something in it, their weights."""
    counts = sample_weight > 0
    y = np.asarray(y, np.float64).reshape(len(y), -1)[counts]
    size = np.maximum(abs(y).max(axis=0), np.finfo(np.float64).tiny)
    return size, y / size, sample_weight[counts]


def _mean_and_variance(y, shares):
    """Of each target, where samples have these shares of the weight."""
    shares = shares[:, None]
    mean = (shares * y).sum(axis=0)
    return mean, (shares * (y - mean) ** 2).sum(axis=0)


def weighted_median(values, weight):
    """The smallest number in each column with at least half of the weight up to it.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples, n_outputs)
    weight : ndarray of float64, shape (n_samples,)
        Positive.
    """
    order = np.argsort(values, axis=0, kind="stable")
    up_to = np.cumsum(weight[order], axis=0)
    middle = (up_to < (0.5 - EQUAL) * up_to[-1]).sum(axis=0)
    return np.take_along_axis(values, np.take_along_axis(order, middle[None], axis=0), axis=0)[0]
