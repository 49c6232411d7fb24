"""What one pass over a block tells of it, and how the summaries of several blocks become one."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._estimator.labels import classes_of
from .._estimator.target_moments import ROUNDING, moments_of_targets
from .._network.x_view import dense_block
from .._training.moments import BLOCK, InputMoments, weighted_sum


class Numbers(NamedTuple):
    """Weighted moments of targets that are numbers, in units of their largest ones."""

    size: np.ndarray  # float64 [output]
    mean: np.ndarray  # float64 [output]
    variance: np.ndarray  # float64 [output]
    covariance: np.ndarray  # float64 [output, feature]

    def in_units_of(self, size):
        """The same in other units."""
        factor = self.size / size
        return Numbers(
            size, self.mean * factor, self.variance * factor**2, self.covariance * factor[:, None]
        )


class Summary(NamedTuple):
    """What has to be known of a block; arrays have one entry, or row, for each group of samples.

    Groups are the classes in the block, those that weigh nothing too. Where targets are numbers,
    all samples are one.
    """

    n_features: int
    feature_names: np.ndarray | None
    y_shape: tuple  # of the targets of a sample
    groups: np.ndarray
    n_samples: np.ndarray  # those of positive weight
    weight: np.ndarray  # float64, sums
    mean: np.ndarray  # float64 [group, feature], weighted
    squares: np.ndarray  # float64 [group, feature], weighted, of the differences from the mean
    numbers: Numbers | None


def summarised(block):
    """The :class:`Summary` of a block; None for none."""
    if block is None:
        return None
    chosen = np.flatnonzero(block.sample_weight > 0)
    weight, y = block.sample_weight[chosen], block.y[chosen]
    groups = classes_of(block.y) if block.has_classes else np.zeros(min(1, chosen.size), np.int64)
    members = np.searchsorted(groups, y) if block.has_classes else np.zeros(chosen.size, np.int64)
    numbers, centred = None, np.zeros((chosen.size, 0))
    if not block.has_classes and chosen.size:
        numbers, centred = _numbers(y, weight)
    sums = _sums(block.X, chosen, weight, members, groups.size, centred)
    origin, sums, squares, products = sums
    total = np.bincount(members, weight, groups.size).astype(np.float64)  # int64 of nothing
    shift = _by_weight(sums, total)
    if numbers is not None:
        numbers = numbers._replace(covariance=products / total)
    return Summary(
        n_features=block.X.shape[1],
        feature_names=block.feature_names,
        y_shape=block.y.shape[1:],
        groups=groups,
        n_samples=np.bincount(members, minlength=groups.size),
        weight=total,
        mean=origin + shift,
        squares=np.maximum(squares - sums * shift, 0),
        numbers=numbers,
    )


def _numbers(y, weight):
    """Moments of targets, whose covariances are not known yet, and their differences from them."""
    size, mean, variance = moments_of_targets(y, weight)
    centred = np.asarray(y, np.float64).reshape(len(y), -1) / size - mean
    return Numbers(size, mean, variance, np.zeros((mean.size, 0))), centred


def _sums(X, chosen, weight, members, n_groups, centred):
    """One pass over X: sums of differences from one sample, of their squares, and of products.

    Returns
    -------
    origin : ndarray of float64, shape (n_features,)
        The sample that is taken from all: numbers far from zero lose their digits when squared.
    sums, squares : ndarray of float64, shape (n_groups, n_features)
    products : ndarray of float64, shape (n_outputs, n_features)
        With targets whose mean is zero.
    """
    n_features = X.shape[1]
    sums, squares = np.zeros((2, n_groups, n_features))
    products, origin = np.zeros((centred.shape[1], n_features)), np.zeros(n_features)
    step = max(1, BLOCK // n_features)
    for start in range(0, chosen.size, step):
        part = slice(start, start + step)
        rows = dense_block(X[chosen[part]])
        if start == 0:
            origin = rows[0].copy()
        rows -= origin
        membership = sparse.csr_array(
            (weight[part], (members[part], np.arange(len(rows)))), shape=(n_groups, len(rows))
        )
        sums += membership @ rows
        products += np.einsum("io,ij->oj", centred[part] * weight[part, None], rows)
        rows *= rows
        squares += membership @ rows
    return origin, sums, squares, products


def _by_weight(sums, weight):
    """Sums, a row for each group, by the weights of the groups: zero where these are."""
    weight = weight[:, None]
    return np.divide(sums, weight, where=weight > 0, out=np.zeros_like(sums))


def merged(summaries, groups):
    """The summary of several blocks, in the order given (Chan's formula for sums of squares).

    Parameters
    ----------
    summaries : list of Summary
    groups : ndarray
        All that there are, sorted.
    """
    shape, numbers = (groups.size, summaries[0].n_features), None
    n_samples, weight = np.zeros(groups.size, np.int64), np.zeros(groups.size)
    mean, squares = np.zeros(shape), np.zeros(shape)
    for part in summaries:
        at = np.searchsorted(groups, part.groups)
        total = weight[at] + part.weight
        share = _by_weight(part.weight[:, None], total)
        apart = part.mean - mean[at]
        if part.numbers is not None:
            numbers = _joined(numbers, part.numbers, apart[0], share[0])
        squares[at] += part.squares + apart**2 * share * weight[at][:, None]
        mean[at] += apart * share
        weight[at] = total
        n_samples[at] += part.n_samples
    return summaries[0]._replace(
        groups=groups, n_samples=n_samples, weight=weight, mean=mean, squares=squares,
        numbers=numbers,
    )  # fmt: skip


def _joined(one, other, apart, share):
    """Moments of two sets of targets, the second of this share; the means of X lie ``apart``."""
    if one is None:
        return other
    size = np.maximum(one.size, other.size)
    one, other = one.in_units_of(size), other.in_units_of(size)
    difference, both = other.mean - one.mean, share * (1 - share)
    return Numbers(
        size,
        one.mean + share * difference,
        (1 - share) * one.variance + share * other.variance + both * difference**2,
        (1 - share) * one.covariance
        + share * other.covariance
        + both * np.outer(difference, apart),
    )


def moments_of(summary, factors):
    """The moments of the inputs, the weights of each group multiplied by a factor.

    Parameters
    ----------
    summary : Summary
    factors : ndarray of float64, shape (n_groups,)

    Returns
    -------
    InputMoments
    """
    shares = summary.weight * factors
    shares = shares / shares.sum()
    mean = weighted_sum(shares, summary.mean)
    within = weighted_sum(shares, _by_weight(summary.squares, summary.weight))
    if summary.numbers is not None:
        return InputMoments(mean, within, np.minimum(_explained(summary.numbers), within))
    between = weighted_sum(shares, (summary.mean - mean) ** 2)
    return InputMoments(mean, between + within, between)


def _explained(numbers):
    """The part of the variance of the inputs that the targets explain, in the mean over them."""
    varies = numbers.variance >= ROUNDING**2
    explained = numbers.covariance[varies] ** 2 / numbers.variance[varies, None]
    return explained.sum(axis=0) / numbers.variance.size
