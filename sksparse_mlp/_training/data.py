"""What to train on: samples of X by number, their targets and weights."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from .._network.x_view import dense_block

# Samples are compared in blocks of about this many numbers.
BLOCK = 2**20


class TrainingData(NamedTuple):
    """Some samples of X."""

    X: object  # ndarray or CSR, shape (n_samples, n_features)
    samples: np.ndarray  # int64, the samples of X to train on
    targets: np.ndarray | None  # int32, class numbers by sample of X; None: X is reconstructed
    sample_weight: np.ndarray  # float32, by sample of X, positive on those to train on


def merge_equal_samples(X, samples, targets, sample_weight):
    """Sum the weights of samples with equal values and target; sorted by their contents.

    Neither the order of the samples nor how often one is repeated changes the result.

    Parameters
    ----------
    X : ndarray or CSR
    samples : ndarray of int64
        Which ones.
    targets : ndarray of int32, by sample of X
    sample_weight : ndarray of float64, by sample of X

    Returns
    -------
    samples, sample_weight : ndarray
        Of equal samples the first one, and their weights; zero elsewhere.
    """
    step = max(1, BLOCK // X.shape[1])
    contents = [_hashes(X[samples[i : i + step]]) for i in range(0, samples.size, step)]
    keys = np.column_stack([np.concatenate(contents), targets[samples].astype(np.uint64)])
    # Weights in ascending order: their sum is the same in whatever order they are given.
    order = np.lexsort((samples, sample_weight[samples], *keys.T[::-1]))
    keys, samples = keys[order], samples[order]
    begins = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
    sums = np.bincount(np.cumsum(begins) - 1, sample_weight[samples])
    merged = np.zeros_like(sample_weight)
    first = np.minimum.reduceat(samples, np.flatnonzero(begins))
    merged[first] = sums
    return first, merged


def _hashes(block):
    """Two integers for each sample of a block: equal for equal values in float32."""
    values = dense_block(block, np.float32)
    values += np.float32(0)  # the sign of a zero says nothing
    digests = b"".join(blake2b(row, digest_size=16).digest() for row in values)
    return np.frombuffer(digests, ">u8").reshape(-1, 2)
