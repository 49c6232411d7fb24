"""What a fit is determined by, in entries that an error can name: data and parameters.

No computed result is part of it, so a checkpoint is found again on another kind of processor.
"""

import sys
from hashlib import blake2b

import numpy as np
from scipy import sparse

from .._network.state import leaves
from .description import described

# Arrays are hashed in blocks of about this many bytes.
BLOCK = 2**24
# An entry is at most this long; of longer ones, a hash is taken.
LONGEST = 200


def identity_of_fit(parameters, classes, data, held_out, streams, network):
    """The identity of a fit.

    Parameters
    ----------
    parameters : dict
        All parameters that may change the result.
    classes : ndarray
        The labels: scorers see them.
    data : TrainingData or list of str
        Samples, or digests of blocks of samples.
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
    if held_out is not None and held_out.X is getattr(data, "X", None):
        held_out = held_out._replace(X=None)
    return {
        **{name: _entry(name, value) for name, value in parameters.items()},
        "classes": _entry("classes", classes),
        "training data": digest(data),
        "validation data": digest(held_out),
        "random_state": digest(streams),
        "initial network": digest(None if network is None else network.state_dict()),
        # "auto" and defaults are what a version makes of them, and so are all steps.
        "version of sksparse_mlp": sys.modules[__name__.partition(".")[0]].__version__,
    }


def _entry(name, value):
    try:
        text = described(value)
    except ValueError as error:
        raise ValueError(
            f"{name}={value!r} cannot go with a checkpoint, which must know a fit again: {error}. "
            "Give a function, or set checkpoint=None."
        ) from error
    if len(text) <= LONGEST:
        return text
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def digest(state):
    """A hash of nested dicts and lists of arrays, CSR matrices, and what its ``repr`` describes."""
    hasher = blake2b(digest_size=16)
    for path, value in leaves(state):
        if sparse.issparse(value):
            nnz = value.indptr[-1]
            hasher.update(repr((path, value.shape)).encode())
            _feed(hasher, value.indptr, value.indices[:nnz], value.data[:nnz])
        elif isinstance(value, np.ndarray):
            hasher.update(repr(path).encode())
            _feed(hasher, value)
        else:
            hasher.update(repr((path, value)).encode())
    return hasher.hexdigest()


def _feed(hasher, *arrays):
    for array in arrays:
        hasher.update(repr((array.dtype.str, array.shape)).encode())
        step = max(1, BLOCK * len(array) // max(1, array.nbytes))
        for start in range(0, len(array), step):
            hasher.update(array[start : start + step].tobytes())
