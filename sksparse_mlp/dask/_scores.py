"""Scores of predictions that lie in blocks, lazy as these: sums over blocks, in their order."""

from typing import NamedTuple

import numpy as np

from .._training.moments import weighted_sum
from ._collections import partitioned


def accuracy(found, y, sample_weight):
    """The weighted share of samples that are right in all columns: a dask array of no axis."""
    return _score(found, y, sample_weight, _correct, _share)


def r2(found, y, sample_weight):
    """R^2, the mean over all columns of y, likewise."""
    return _score(found, y, sample_weight, _spread, _explained)


def _score(found, y, sample_weight, figures_of, score_of):
    import dask.array as da
    from dask import delayed

    figures = [delayed(figures_of)(*part) for part in partitioned(found, y, sample_weight)]
    return da.from_delayed(delayed(score_of)(figures), (), dtype=np.float64)


def _columns(values):
    values = np.asarray(values)
    return values.reshape(len(values), -1)


def _weights(sample_weight, n_samples):
    if sample_weight is None:
        return np.ones(n_samples)
    return np.asarray(sample_weight, np.float64).ravel()


# ---------------------------------------------------------------- classes


def _correct(found, y, sample_weight):
    """Weights of the samples that were answered correctly, and of all."""
    found, y = _columns(found), _columns(y)
    weight = _weights(sample_weight, len(y))
    return weight[(found == y).all(axis=1)].sum(), weight.sum()


def _share(figures):
    correct, total = np.sum(figures, axis=0)
    return np.float64(correct / total)


# ---------------------------------------------------------------- numbers


class Spread(NamedTuple):
    """Of some samples."""

    weight: float
    mean: np.ndarray  # of y, by column
    squares: np.ndarray  # of the differences from it
    errors: np.ndarray  # squares of those of the predictions


def _spread(found, y, sample_weight):
    found, y = _columns(found).astype(np.float64), _columns(y).astype(np.float64)
    weight = _weights(sample_weight, len(y))
    total = weight.sum()
    mean = weighted_sum(weight, y) / total if total > 0 else np.zeros(y.shape[1])
    squares = (weighted_sum(weight, difference**2) for difference in (y - mean, y - found))
    return Spread(total, mean, *squares)


def _explained(figures):
    """R^2 of all blocks, by Chan's formula for sums of squares."""
    weights = np.array([part.weight for part in figures])
    means = np.array([part.mean for part in figures])
    total = weights.sum()
    between = weighted_sum(weights, (means - weighted_sum(weights, means) / total) ** 2)
    squares = sum(part.squares for part in figures) + between
    errors = sum(part.errors for part in figures)
    constant = np.where(errors > 0, 0.0, 1.0)  # as scikit-learn has it
    return np.mean(np.divide(squares - errors, squares, where=squares > 0, out=constant))
