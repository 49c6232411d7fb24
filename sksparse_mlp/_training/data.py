"""What to train on: samples of X by number, their targets and weights."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from .._kernels.records import XView
from .._network.streams import derive_seed
from .._network.x_view import dense_block, window

# Samples are compared in blocks of about this many numbers.
BLOCK = 2**20


class TrainingData(NamedTuple):
    """Some samples of X."""

    X: object  # ndarray or CSR, shape (n_samples, n_features)
    samples: np.ndarray  # int64, the samples of X to train on
    # By sample of X: int32 [n_samples], class numbers; or float32 [n_samples, n_outputs], numbers.
    # None: X is reconstructed.
    targets: np.ndarray | None
    sample_weight: np.ndarray  # float32, by sample of X, positive on those to train on


class TrainingWindow(NamedTuple):
    """Some samples with targets and weights, ready for a kernel call."""

    x: XView
    order: np.ndarray  # int64, sample numbers inside all the others
    targets: np.ndarray  # int32 class numbers, or empty
    values: np.ndarray  # float32 numbers, flat, or empty
    sample_weight: np.ndarray
    keep_alive: object  # owns the memory


def training_window(data, order):
    """Make some samples of X, with their targets and weights, readable by kernels."""
    view, targets, sample_weight = window(data.X, order), data.targets, data.sample_weight
    if view.order is not order:
        targets = None if targets is None else targets[order]
        sample_weight = sample_weight[order]
    classes, values = np.zeros(0, np.int32), np.zeros(0, np.float32)
    if targets is not None:
        classes, values = (targets, values) if targets.ndim == 1 else (classes, targets.reshape(-1))
    return TrainingWindow(view.x, view.order, classes, values, sample_weight, view.keep_alive)


def spread_over(n, at_most):
    """Positions from 0 to n - 1, evenly spaced if they are too many."""
    chosen = min(n, at_most)
    return np.arange(chosen) * n // chosen


def some_samples(data, at_most, streams, counter):
    """At most this many of the samples to train on, drawn by a stream at a count."""
    if data.samples.size <= at_most:
        return data.samples
    seed = derive_seed(streams.splitting, counter)
    return np.random.default_rng(seed).choice(data.samples, at_most, replace=False)


def longest_first(order, ranks, batch_size):
    """The samples of each mini-batch by time, the longest first, as risk sets are summed up.

    Parameters
    ----------
    order : ndarray of int64
        The samples in the order that mini-batches are cut from.
    ranks : ndarray of float32, shape (n, 1)
        By sample of X: ranks of the times, negative where no event was seen.
    batch_size : int

    Returns
    -------
    ndarray of int64
    """
    batch = np.arange(order.size) // batch_size
    return order[np.lexsort((-abs(ranks[order, 0]), batch))]


def merge_equal_samples(X, samples, targets, sample_weight):
    """Sum the weights of samples with equal values and targets; sorted by their contents.

    Neither the order of the samples nor how often one is repeated changes the result.

    Parameters
    ----------
    X : ndarray or CSR
    samples : ndarray of int64
        Which ones.
    targets : ndarray of int32 or float32, by sample of X
    sample_weight : ndarray of float64, by sample of X

    Returns
    -------
    samples, sample_weight : ndarray
        Of equal samples the first one, and their weights; zero elsewhere.
    """
    step = max(1, BLOCK // X.shape[1])
    contents = [_hashes(X[samples[i : i + step]]) for i in range(0, samples.size, step)]
    keys = np.column_stack([np.concatenate(contents), _bits_of(targets[samples])])
    # Weights in ascending order: their sum is the same in whatever order they are given.
    order = np.lexsort((samples, sample_weight[samples], *keys.T[::-1]))
    keys, samples = keys[order], samples[order]
    begins = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
    sums = np.bincount(np.cumsum(begins) - 1, sample_weight[samples])
    merged = np.zeros_like(sample_weight)
    first = np.minimum.reduceat(samples, np.flatnonzero(begins))
    merged[first] = sums
    return first, merged


def _bits_of(targets):
    """Targets as integers, equal for equal ones: one column, or one for each output."""
    if targets.dtype == np.float32:
        targets = (targets + np.float32(0)).view(np.uint32)
    return targets.astype(np.uint64)


def _hashes(block):
    """Two integers for each sample of a block: equal for equal values in float32."""
    values = dense_block(block, np.float32)
    values += np.float32(0)  # the sign of a zero says nothing
    digests = b"".join(blake2b(row, digest_size=16).digest() for row in values)
    return np.frombuffer(digests, ">u8").reshape(-1, 2)
