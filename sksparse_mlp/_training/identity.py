"""What a fit is determined by, in entries that an error can name: data and parameters.

No computed result is part of it, so a checkpoint is found again on another kind of processor.
"""

import re
from hashlib import blake2b

import numpy as np
from scipy import sparse

from .._network.state import leaves, plain

# Arrays are hashed in blocks of about this many bytes.
BLOCK = 2**24


def identity_of_fit(parameters, data, held_out, streams, network):
    """The identity of a fit.

    Parameters
    ----------
    parameters : dict
        All parameters that may change the result.
    data : TrainingData
    held_out : TrainingData or None
        Validation samples.
    streams : Streams
        The seeds of all that is random.
    network : SparseNetwork or None
        The fitted network that a warm start goes on with.

    Returns
    -------
    dict of str
    """
    if held_out is not None and held_out.X is data.X:
        held_out = held_out.samples
    return {
        **{name: described(value) for name, value in parameters.items()},
        "training data": digest(data),
        "validation data": digest(held_out),
        "random_state": digest(streams),
        "initial network": digest(None if network is None else network.state_dict()),
    }


def described(value):
    """A parameter as text: the same for equal values, whatever holds them, without addresses."""
    if isinstance(value, dict):
        value = {described(key): described(part) for key, part in value.items()}
        return repr(sorted(value.items()))
    if hasattr(value, "__array__") or isinstance(value, (list, tuple)):
        return repr(np.asarray(value).tolist())
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(plain(value)))


def digest(state):
    """A hash of nested dicts and lists of arrays, CSR matrices, and what its ``repr`` describes."""
    hasher = blake2b(digest_size=16)
    for path, value in leaves(state):
        hasher.update(path.encode())
        if sparse.issparse(value):
            hasher.update(repr(value.shape).encode())
            nnz = value.indptr[-1]
            _feed(hasher, value.indptr, value.indices[:nnz], value.data[:nnz])
        elif isinstance(value, np.ndarray):
            _feed(hasher, value)
        else:
            hasher.update(repr(value).encode())
    return hasher.hexdigest()


def _feed(hasher, *arrays):
    for array in arrays:
        hasher.update(repr((array.dtype.str, array.shape)).encode())
        step = max(1, BLOCK * len(array) // max(1, array.nbytes))
        for start in range(0, len(array), step):
            hasher.update(array[start : start + step].tobytes())
