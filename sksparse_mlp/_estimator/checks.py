"""What scikit-learn's validation leaves open: what kernels, or this machine, could not bear."""

import os
from numbers import Integral

import numpy as np
from scipy import sparse

from .._network.checks import LARGEST_WIDTH

FLOAT32_MAX = float(np.finfo(np.float32).max)
# Of each neuron and each input, beside its connections.
BYTES_PER_UNIT = 144


def check_memory(widths, n_connections, n_moments):
    """Refuse a network that cannot fit into this machine, before anything is allocated.

    Parameters
    ----------
    widths : sequence of int
        Neurons of each level.
    n_connections : sequence of int
        Connections of each layer.
    n_moments : int
        Numbers that the solver remembers of a connection.
    """
    needed = 4 * (n_moments + 2) * sum(n_connections) + BYTES_PER_UNIT * sum(widths)
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


def check_n_features(X):
    """Refuse more features than any network can have on this machine, before they are looked at.

    Parameters
    ----------
    X : object
        What was given; nothing is known of what has no shape.
    """
    shape = getattr(X, "shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[1], Integral):
        return
    limit = min(LARGEST_WIDTH, _memory_of_this_machine() // BYTES_PER_UNIT)
    if shape[1] > limit:
        raise ValueError(
            f"X has {shape[1]:,} features (shape {shape}), and a network on this machine can have "
            f"{limit:,} at most. Select some, or hash them into fewer."
        )


def check_not_masked(values, name):
    """Refuse masked values: NumPy forgets the mask, and they would be taken as they are.

    Parameters
    ----------
    values : object
        What was given.
    name : str
        The parameter.
    """
    array = getattr(values, "data", None) if sparse.issparse(values) else values
    rows = array if isinstance(array, (list, tuple)) else [array]
    if any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows):
        raise ValueError(
            f"{name} is a masked array with masked values, and masks are not understood. Leave "
            "these samples out, or fill the values in: with filled(), or in X with filled(np.nan) "
            "and SimpleImputer."
        )


def _memory_of_this_machine():
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**63


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
