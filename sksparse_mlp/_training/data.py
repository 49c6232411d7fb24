"""What to train on: samples of X by number, their targets and weights."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from scipy import sparse


class TrainingData(NamedTuple):
    """Some samples of X."""

    X: object  # ndarray or CSR, shape (n_samples, n_features)
    samples: np.ndarray  # int64, the samples of X to train on
    targets: np.ndarray | None  # int32, class numbers by sample of X; None: X is reconstructed
    sample_weight: np.ndarray  # float32, by sample of X, positive on those to train on


def merge_equal_samples(X, samples, targets, sample_weight):
    """Sum the weights of samples with equal values and target; sorted by their contents."""
    weights, first = {}, {}
    for sample in samples:
        values = X[[sample]].toarray() if sparse.issparse(X) else X[sample]
        values = np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)
        key = (blake2b(values.tobytes(), digest_size=16).digest(), int(targets[sample]))
        weights[key] = weights.get(key, 0.0) + float(sample_weight[sample])
        first.setdefault(key, sample)
    keys = sorted(weights)
    merged = np.zeros_like(sample_weight)
    samples = np.array([first[key] for key in keys], np.int64)
    merged[samples] = [weights[key] for key in keys]
    return samples, merged
