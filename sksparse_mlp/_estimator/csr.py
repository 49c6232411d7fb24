"""CSR matrices as kernels can read them: arrays of our own, in bounds, each value stored once."""

import numpy as np
from scipy import sparse

INDEX_TYPES = (np.dtype(np.int32), np.dtype(np.int64))
# Duplicates are looked for in blocks of rows with about this many values.
BLOCK = 2**20


def summable(X):
    """X, in float64 if it is a matrix that sums values as it becomes CSR, in its own type."""
    if sparse.issparse(X) and X.format in ("coo", "bsr") and X.dtype.kind in "iuf":
        return X.astype(np.float64, copy=False) if X.dtype.itemsize < 8 else X
    return X


def readable_csr(X):
    """A matrix of the same values that stays readable, whatever another thread does to X.

    SciPy trusts the arrays that it is given, changes them in place and replaces them
    (``sum_duplicates`` does both); kernels read wherever a pointer points. So the new matrix keeps
    the very arrays of values and column indices, and a copy of the row pointers, which are
    checked. Arrays with gaps, rare types of indices, and values stored several times are copied.

    Parameters
    ----------
    X : CSR matrix or array
        Not changed.
    """
    # Each is read once: the next look may find another one.
    data, indices, indptr = X.data, X.indices, np.array(X.indptr)
    _check_pointers(indptr, indices, X.shape[0], min(data.size, indices.size))
    _check_columns(indices[: indptr[-1]], X.shape[1])
    if data.dtype == np.float16 or not data.dtype.isnative:  # SciPy has no arithmetic for these
        data = data.astype(np.promote_types(data.dtype, np.float32))
    if indices.dtype not in INDEX_TYPES:
        indices = indices.astype(np.int64)
    data, indices = np.ascontiguousarray(data), np.ascontiguousarray(indices)
    matrix = _assembled(data, indices, indptr, X)
    return _summed(matrix) if _has_duplicates(matrix) else matrix


def _check_pointers(indptr, indices, n_rows, n_stored):
    if indptr.dtype.kind not in "iu" or indices.dtype.kind not in "iu":
        raise ValueError(
            "X is a CSR matrix whose indices are not integers: indptr holds "
            f"{indptr.dtype}, indices {indices.dtype}."
        )
    if (
        indptr.shape != (n_rows + 1,)
        or indptr[0] != 0
        or indptr[-1] > n_stored
        or (indptr[1:] < indptr[:-1]).any()
    ):
        raise ValueError(
            f"X is a CSR matrix with broken row pointers: indptr must hold {n_rows + 1} integers "
            f"that rise from 0 to at most {n_stored}, the number of stored values."
        )


def _check_columns(columns, n_columns):
    if columns.size and (columns.min() < 0 or columns.max() >= n_columns):
        raise ValueError(
            "X is a CSR matrix with column indices out of range: they must be from 0 to "
            f"{n_columns - 1}, got {columns.min()} to {columns.max()}."
        )


def _assembled(data, indices, indptr, like):
    """A matrix of these arrays, of the shape and kind of another; SciPy copies none of them."""
    kind = sparse.csr_matrix if isinstance(like, sparse.spmatrix) else sparse.csr_array
    matrix = kind(like.shape, dtype=data.dtype)
    # Pointers of another type than the indices would make SciPy copy both in each slice.
    fits = indptr[-1] <= np.iinfo(indices.dtype).max
    matrix.data, matrix.indices = data, indices
    matrix.indptr = indptr.astype(indices.dtype if fits else np.int64)
    return matrix


def _has_duplicates(matrix):
    """Whether a row stores a column twice; of a matrix that is merely unsorted, blocks are copied.

    The matrix has to be new: SciPy remembers what it once found.
    """
    if matrix.has_canonical_format:
        return False
    indptr, first = matrix.indptr, 0
    while first < indptr.size - 1:
        beyond = int(indptr[first]) + BLOCK
        last = max(first + 1, int(np.searchsorted(indptr, beyond, side="right")) - 1)
        block = matrix[first:last]
        block.sort_indices()
        if not block.has_canonical_format:
            return True
        first = last
    return False


def _summed(matrix):
    """A copy that stores each value once: the sum in float64, which float32 would blur."""
    matrix = matrix.astype(np.float64, copy=True)
    matrix.sum_duplicates()
    return matrix
