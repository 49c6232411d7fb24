"""What is done to a block of rows where it lies: read it, make it ready to train on."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from .._estimator.compat import check_sample_weight
from .._estimator.weights import training_samples
from .._network.streams import derive_seed
from .._training.data import TrainingData

HOW_TO_FILL_IN = (
    "X.map_blocks(imputer.transform, dtype=float), with imputer = SimpleImputer().fit(rows) of "
    "sklearn.impute, and rows in memory that have values in all columns."
)


class Block(NamedTuple):
    """Rows that were checked."""

    X: object  # ndarray or CSR
    y: np.ndarray
    has_classes: bool  # y holds a label for each sample; else numbers
    sample_weight: np.ndarray  # float64
    feature_names: np.ndarray | None


def read_block(estimator, number, X, y, sample_weight):
    """A block as kernels can read it, or an error that says which it is; None if it has no row."""
    if X.shape[0] == 0:
        return None
    estimator = estimator._twin()
    estimator._how_to_fill_in = HOW_TO_FILL_IN
    try:
        X, y = estimator._validate_X(X, estimator._read_y(y, "y"), reset=True)
        weight = _checked_weight(sample_weight, X)
    except ValueError as error:
        raise ValueError(f"Block {number} of X, y and sample_weight: {error}") from None
    names = getattr(estimator, "feature_names_in_", None)
    return Block(X, y, is_classifier(estimator) and y.ndim == 1, weight, names)


def _checked_weight(sample_weight, X):
    """Weights of samples, not negative; in a block, unlike in all of X, all may be zero."""
    if np.shape(sample_weight) == (X.shape[0],) and not np.any(sample_weight):
        return np.zeros(X.shape[0])
    return check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def training_part(block, task, factors, batch_size):
    """What to train on in a block: targets, and weights multiplied by those of the classes.

    Parameters
    ----------
    block : Block
    task : Task
    factors : ndarray
        One for each class; one for all samples where targets are numbers.
    batch_size : int or "auto"
        As the estimator's parameter.

    Returns
    -------
    TrainingData
    """
    targets = task.encoded(block.y, "y")
    factor = factors[targets] if block.has_classes else factors[0]
    return training_samples(block.X, targets, block.sample_weight * factor, batch_size)


def some_rows(data, at_most, share, seed):
    """Some rows of a block, drawn at random, with weights whose sum over all rows is ``share``.

    Parameters
    ----------
    data : TrainingData
    at_most : int
    share : float
    seed : int

    Returns
    -------
    X, targets, sample_weight : ndarray or CSR, ndarray, ndarray
    """
    samples = data.samples
    if samples.size > at_most:
        drawn = np.random.default_rng(seed).choice(samples, at_most, replace=False)
        samples = np.sort(drawn)
    scale = share / data.sample_weight[data.samples].sum(dtype=np.float64)
    return data.X[samples], data.targets[samples], data.sample_weight[samples] * scale


def joined_rows(parts):
    """Rows of several blocks, one behind the other, as data to train on."""
    blocks, targets, weights = zip(*parts, strict=True)
    stack = sparse.vstack if sparse.issparse(blocks[0]) else np.vstack
    options = {"format": "csr"} if sparse.issparse(blocks[0]) else {}
    X, weight = stack(blocks, **options), np.concatenate(weights)
    weight = (weight / weight.max()).astype(np.float32)
    return TrainingData(X, np.arange(X.shape[0]), np.concatenate(targets), weight)


def seed_of_block(seed, number):
    """The seed of a block's own random numbers; the first block has that of the network."""
    return seed if number == 0 else int(derive_seed(seed, number) >> np.uint64(1))
