"""Rows of X for the kernels: read in place wherever they can be, never copied as a whole."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ._records import Rows

NATIVE = (np.dtype(np.float32), np.dtype(np.float64))


class Window(NamedTuple):
    """Some rows of X, ready for a kernel call.

    ``order`` numbers them inside ``rows`` in the order asked for; ``keep_alive`` owns the memory.
    """

    rows: Rows
    order: np.ndarray
    keep_alive: object


def window(X, order):
    """Make the rows ``X[order]`` readable by kernels.

    Float32 and float64 matrices, dense with any strides or CSR, are read where they are; other
    types of numbers are converted, these rows only.

    Parameters
    ----------
    X : ndarray or CSR matrix or array, shape (n_samples, n_features)
    order : ndarray of int64
        Row numbers.
    """
    if X.dtype not in NATIVE:
        X, order = X[order].astype(np.float32), np.arange(order.size)
    if not sparse.issparse(X):
        is_double = X.dtype == np.float64
        address = X.__array_interface__["data"][0]
        rows = Rows(False, is_double, address, *X.strides, 0, 0, False, False)
        return Window(rows, order, X)
    rows = Rows(
        is_sparse=True,
        is_double=X.data.dtype == np.float64,
        values=X.data.ctypes.data,
        row_stride=0,
        column_stride=0,
        indptr=X.indptr.ctypes.data,
        indices=X.indices.ctypes.data,
        long_indptr=X.indptr.dtype.itemsize == 8,
        long_indices=X.indices.dtype.itemsize == 8,
    )
    return Window(rows, order, X)


def rows_at_once(X):
    """How many rows to hand to :func:`window` in one go: bounds what a conversion copies."""
    if X.dtype in NATIVE:
        return X.shape[0]
    return max(32, 2**24 // X.shape[1])


def dense_block(block):
    """A part of X as a new dense array of float64, for sums that float32 would blur."""
    block = block.toarray() if sparse.issparse(block) else block
    return np.array(block, dtype=np.float64, order="C")


def merge_equal_rows(X, rows, targets, sample_weight):
    """Sum the weights of rows with equal values and target; sorted by their contents."""
    weights, first = {}, {}
    for row in rows:
        values = X[[row]].toarray() if sparse.issparse(X) else X[row]
        values = np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)
        key = (blake2b(values.tobytes(), digest_size=16).digest(), int(targets[row]))
        weights[key] = weights.get(key, 0.0) + float(sample_weight[row])
        first.setdefault(key, row)
    keys = sorted(weights)
    merged = np.zeros_like(sample_weight)
    rows = np.array([first[key] for key in keys], np.int64)
    merged[rows] = [weights[key] for key in keys]
    return rows, merged
