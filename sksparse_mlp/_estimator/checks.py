"""What scikit-learn's validation leaves open: what kernels, or this machine, could not bear."""

import os

import numpy as np
from scipy import sparse

FLOAT32_MAX = float(np.finfo(np.float32).max)
INDEX_TYPES = (np.dtype(np.int32), np.dtype(np.int64))
LARGEST_WIDTH = 2**31 - 1


def check_memory(widths, n_connections, n_moments):
    """Refuse a network that cannot fit into this machine, before anything is allocated.

    Parameters
    ----------
    widths : sequence of int
        Neurons of each level.
    n_connections : sequence of int
        Connections of each layer.
    n_slots : int
        Numbers that the solver remembers of a connection.
    """
    needed = 4 * (n_moments + 2) * sum(n_connections) + 144 * sum(widths)
    available = _memory_of_this_machine()
    network = (
        f"hidden_layer_sizes: a network of {sum(widths):,} neurons and {sum(n_connections):,} "
        f"connections needs about {needed / 2**30:,.1f} GiB"
    )
    if needed > available:
        raise ValueError(
            f"{network}, this machine has {available / 2**30:,.1f} GiB. Lower hidden_layer_sizes, "
            "epsilon or density."
        )
    if max(widths) > LARGEST_WIDTH:
        raise ValueError(
            f"{network}, and a layer may have {LARGEST_WIDTH:,} neurons at most. Lower "
            "hidden_layer_sizes."
        )


def _memory_of_this_machine():
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**63


def readable_csr(X):
    """X, or a matrix of the same values, whose three arrays kernels can read.

    SciPy trusts the arrays that it is given, and kernels read wherever an index points: one that
    points outside is an error here. Arrays with gaps and rare types of indices are copied.

    Parameters
    ----------
    X : CSR matrix or array
        Not changed.
    """
    _check_pointers(X)
    columns = X.indices[: X.indptr[-1]]
    if columns.size and (columns.min() < 0 or columns.max() >= X.shape[1]):
        raise ValueError(
            "X is a CSR matrix with column indices out of range: they must be from 0 to "
            f"{X.shape[1] - 1}, got {columns.min()} to {columns.max()}."
        )
    readable = all(array.flags.c_contiguous for array in (X.data, X.indices, X.indptr))
    if readable and {X.indices.dtype, X.indptr.dtype} <= set(INDEX_TYPES):
        return X
    copy = type(X)(X.shape, dtype=X.dtype)
    copy.data = np.ascontiguousarray(X.data)
    copy.indices, copy.indptr = (np.ascontiguousarray(a, np.int64) for a in (X.indices, X.indptr))
    return copy


def _check_pointers(X):
    pointers, n_rows = X.indptr, X.shape[0]
    n_stored = min(X.data.size, X.indices.size)
    if pointers.dtype.kind not in "iu" or X.indices.dtype.kind not in "iu":
        raise ValueError(
            "X is a CSR matrix whose indices are not integers: indptr holds "
            f"{pointers.dtype}, indices {X.indices.dtype}."
        )
    if (
        pointers.shape != (n_rows + 1,)
        or pointers[0] != 0
        or pointers[-1] > n_stored
        or (pointers[1:] < pointers[:-1]).any()
    ):
        raise ValueError(
            f"X is a CSR matrix with broken row pointers: indptr must hold {n_rows + 1} integers "
            f"that rise from 0 to at most {n_stored}, the number of stored values."
        )


def check_range(X):
    """Refuse numbers that float32 cannot hold."""
    values = X.data if sparse.issparse(X) else X
    if values.size == 0 or values.dtype.kind == "b":
        return
    largest = max(abs(float(values.max())), abs(float(values.min())))
    if largest > FLOAT32_MAX:
        raise ValueError(
            f"X holds the value {largest:.3g}, beyond the range of float32 ({FLOAT32_MAX:.3g}): "
            "the network computes in float32. Scale X."
        )


def scaled_weights(sample_weight):
    """Weights of at most 1 in the same proportions, to the last bit: no sum of them overflows.

    Parameters
    ----------
    sample_weight : ndarray of float64
        Finite, not negative.
    """
    _, exponent = np.frexp(sample_weight.max())
    return np.ldexp(sample_weight, -exponent)


def check_outputs(outputs):
    """Refuse outputs that overflowed: probabilities made of them would be NaN without a word.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
    """
    n_bad = outputs.shape[0] - np.count_nonzero(np.isfinite(outputs).all(axis=1))
    if n_bad:
        raise ValueError(
            f"The network's outputs for {n_bad} of {outputs.shape[0]} rows of X are beyond the "
            f"range of float32 ({FLOAT32_MAX:.3g}): training was about to diverge, or these rows "
            "are far from those that it saw. Lower learning_rate_init, or scale X (for example "
            "with StandardScaler)."
        )
