"""Inputs on one scale: where their units differ, the strength of a connection says nothing."""

import numpy as np
from scipy import sparse

from .._network.x_view import dense_block
from .._training.data import TrainingData
from .._training.moments import BLOCK, input_moments


def standardised(X, sample_weight=None):
    """A copy with deviation one, and with mean zero unless most numbers are zero; float32.

    The copy is a CSR matrix if X is one that is not centred: bits do not depend on the form of X.

    Parameters
    ----------
    X : ndarray or CSR, shape (n_samples, n_features)
    sample_weight : ndarray of float64, shape (n_samples,), or None
        Of the samples by which means and deviations are taken.
    """
    weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    targets = np.zeros(X.shape[0], np.int32)
    samples = np.flatnonzero(weight)
    moments = input_moments(TrainingData(X, samples, targets, weight.astype(np.float32)))
    factor = moments.inverse_spread(of_constant=1.0)
    n_nonzero = X.count_nonzero() if sparse.issparse(X) else np.count_nonzero(X)
    if 2 * n_nonzero < X.shape[0] * X.shape[1]:
        return _scaled(X, factor)
    return _centred(X, moments.mean, factor)


def _scaled(X, factor):
    if not sparse.issparse(X):
        return (X * factor).astype(np.float32)
    data = (X.data * factor[X.indices]).astype(np.float32)
    return sparse.csr_array((data, X.indices, X.indptr), shape=X.shape)


def _centred(X, mean, factor):
    copy = np.empty(X.shape, np.float32)
    step = max(1, BLOCK // X.shape[1])
    for start in range(0, X.shape[0], step):
        part = slice(start, start + step)
        copy[part] = (dense_block(X[part]) - mean) * factor
    return copy
