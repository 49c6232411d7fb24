"""X for the kernels: read in place wherever it can be, never copied as a whole."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._kernels.records import XView

NATIVE = (np.dtype(np.float32), np.dtype(np.float64))
# What a kernel is given where it is called for no sample, to be compiled.
NO_SAMPLES = XView(False, False, 0, 0, 0, 0, 0, False, False)


class Window(NamedTuple):
    """Some samples, ready for a kernel call.

    ``order`` numbers them inside ``x`` in the order asked for; ``keep_alive`` owns the memory.
    """

    x: XView
    order: np.ndarray
    keep_alive: object


def window(X, order):
    """Make the samples ``X[order]`` readable by kernels.

    Float32 and float64 matrices, dense with any strides or CSR, are read where they are; other
    types of numbers are converted, these samples only.

    Parameters
    ----------
    X : ndarray or CSR matrix or array, shape (n_samples, n_features)
    order : ndarray of int64
        Sample numbers.
    """
    if X.dtype not in NATIVE:
        X, order = X[order].astype(np.float32), np.arange(order.size)
    if not sparse.issparse(X):
        is_double = X.dtype == np.float64
        address = X.__array_interface__["data"][0]
        return Window(XView(False, is_double, address, *X.strides, 0, 0, False, False), order, X)
    # Kernels use no column index before they have compared it: another thread may change them.
    data, indices, indptr = X.data, X.indices, X.indptr
    x = XView(
        is_sparse=True,
        is_double=data.dtype == np.float64,
        values=data.ctypes.data,
        row_stride=0,
        column_stride=0,
        indptr=indptr.ctypes.data,
        indices=indices.ctypes.data,
        long_indptr=indptr.dtype.itemsize == 8,
        long_indices=indices.dtype.itemsize == 8,
    )
    return Window(x, order, (data, indices, indptr))


def samples_at_once(X):
    """How many samples to hand to :func:`window` in one go: bounds what a conversion copies."""
    if X.dtype in NATIVE:
        return X.shape[0]
    return max(32, 2**24 // X.shape[1])


def dense_block(block, dtype=np.float64):
    """A part of X as a new dense array, of float64 for sums that float32 would blur."""
    if sparse.issparse(block):
        columns = block.indices
        # SciPy writes wherever an index points.
        if columns.size and not 0 <= columns.min() <= columns.max() < block.shape[1]:
            raise ValueError("X was changed while it was read: a column index is out of range.")
        block = block.toarray()
    return np.array(block, dtype=dtype, order="C")
