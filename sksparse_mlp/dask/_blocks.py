"""What is done to a block of rows where it lies: read it, sum it up, make it ready to train on."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._estimator.compat import check_sample_weight
from .._estimator.labels import class_numbers, classes_of, readable_labels
from .._estimator.weights import training_samples
from .._network.streams import derive_seed
from .._network.x_view import dense_block
from .._training.data import TrainingData
from .._training.moments import BLOCK, InputMoments

HOW_TO_FILL_IN = (
    "X.map_blocks(imputer.transform, dtype=float), with imputer = SimpleImputer().fit(rows) of "
    "sklearn.impute, and rows in memory that have values in all columns."
)


class Block(NamedTuple):
    """Rows that were checked."""

    X: object  # ndarray or CSR
    y: np.ndarray
    sample_weight: np.ndarray  # float64
    feature_names: np.ndarray | None


class Summary(NamedTuple):
    """What has to be known of a block; arrays have one entry, or row, for each class in it."""

    n_features: int
    feature_names: np.ndarray | None
    classes: np.ndarray
    n_samples: np.ndarray  # those of positive weight
    weight: np.ndarray  # float64, sums
    mean: np.ndarray  # float64 [class, feature], weighted
    squares: np.ndarray  # float64 [class, feature], weighted, of the differences from the mean


def read_block(estimator, number, X, y, sample_weight):
    """A block as kernels can read it, or an error that says which it is; None if it has no row."""
    if X.shape[0] == 0:
        return None
    estimator = estimator._twin()
    estimator._how_to_fill_in = HOW_TO_FILL_IN
    try:
        X, y = estimator._validate_X(X, readable_labels(y, "y"), reset=True)
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except ValueError as error:
        raise ValueError(f"Block {number} of X, y and sample_weight: {error}") from None
    return Block(X, y, weight, getattr(estimator, "feature_names_in_", None))


def summarised(block):
    """The :class:`Summary` of a block; None for none."""
    if block is None:
        return None
    X, chosen = block.X, np.flatnonzero(block.sample_weight > 0)
    classes = classes_of(block.y[chosen]) if chosen.size else block.y[:0]
    numbers, weight = np.searchsorted(classes, block.y[chosen]), block.sample_weight[chosen]
    shape, step = (classes.size, X.shape[1]), max(1, BLOCK // X.shape[1])
    sums, squares, origin = np.zeros(shape), np.zeros(shape), np.zeros(shape[1])
    for start in range(0, chosen.size, step):
        part = slice(start, start + step)
        rows = dense_block(X[chosen[part]])
        if start == 0:
            # Numbers far from zero lose their digits when squared: measure from one sample.
            origin = rows[0].copy()
        rows -= origin
        members = sparse.csr_array(
            (weight[part], (numbers[part], np.arange(len(rows)))), shape=(classes.size, len(rows))
        )
        sums += members @ rows
        rows *= rows
        squares += members @ rows
    total = np.bincount(numbers, weight, classes.size)
    shift = sums / total[:, None]
    return Summary(
        n_features=X.shape[1],
        feature_names=block.feature_names,
        classes=classes,
        n_samples=np.bincount(numbers, minlength=classes.size),
        weight=total,
        mean=origin + shift,
        squares=np.maximum(squares - sums * shift, 0),
    )


def merged(summaries, classes):
    """The summary of several blocks, in the order given (Chan's formula for sums of squares)."""
    n_features, names = summaries[0].n_features, summaries[0].feature_names
    shape = (classes.size, n_features)
    n_samples, weight = np.zeros(classes.size, np.int64), np.zeros(classes.size)
    mean, squares = np.zeros(shape), np.zeros(shape)
    for part in summaries:
        at = np.searchsorted(classes, part.classes)
        total = weight[at] + part.weight
        share = (part.weight / total)[:, None]
        apart = part.mean - mean[at]
        squares[at] += part.squares + apart**2 * share * weight[at][:, None]
        mean[at] += apart * share
        weight[at] = total
        n_samples[at] += part.n_samples
    return Summary(n_features, names, classes, n_samples, weight, mean, squares)


def moments_of(summary, factors):
    """The moments of the inputs, the weights of each class multiplied by a factor.

    Parameters
    ----------
    summary : Summary
    factors : ndarray of float64, shape (n_classes,)

    Returns
    -------
    InputMoments
    """
    shares = summary.weight * factors
    shares = shares / shares.sum()
    mean = shares @ summary.mean
    between = shares @ (summary.mean - mean) ** 2
    within = shares @ (summary.squares / summary.weight[:, None])
    return InputMoments(mean, between + within, between)


def training_part(block, classes, factors, batch_size):
    """What to train on in a block: class numbers, and weights multiplied by those of the classes.

    Parameters
    ----------
    block : Block
    classes : ndarray
    factors : ndarray of float64, shape (n_classes,)
    batch_size : int or "auto"
        As the estimator's parameter.

    Returns
    -------
    TrainingData
    """
    targets = class_numbers(block.y, classes, "y")
    return training_samples(block.X, targets, block.sample_weight * factors[targets], batch_size)


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
