"""The flat arrays of all layers: made, copied, and as the part of a state."""

import numpy as np

from .._kernels.records import NetworkArrays
from .activations import initial_srelu

TRAINED_ARRAYS = ("indptr", "indices", "weights", "intercepts", "srelu")


def empty_arrays(widths, shapes, n_connections, activation):
    """Arrays for so many connections of layers of these shapes, whose places are not yet set."""
    n_pointers = np.array([n_in for n_in, _ in shapes]) + 1
    n_total = sum(n_connections)
    return NetworkArrays(
        n_levels=len(widths),
        n_layers=len(n_connections),
        n_connections=n_total,
        n_pointers=int(n_pointers.sum()),
        n_units=sum(widths[1:]),
        n_hidden_units=sum(widths[1:-1]),
        widths=np.array(widths, np.int64),
        first_pointer=np.concatenate(([0], np.cumsum(n_pointers)[:-1])).astype(np.int64),
        first_unit=np.concatenate(([0, 0], np.cumsum(widths[1:-1]))).astype(np.int64),
        indptr=np.zeros(n_pointers.sum(), np.int64),
        indices=np.empty(n_total, np.int32),
        weights=np.empty(n_total, np.float32),
        intercepts=np.zeros(sum(widths[1:]), np.float32),
        srelu=initial_srelu(activation, sum(widths[1:-1])),
    )


def copy_of_arrays(arrays, into=None):
    """A copy of everything that training changes; ``into`` an older one where it has the room."""
    if into is None or into.n_connections != arrays.n_connections:
        trained = {name: np.empty_like(getattr(arrays, name)) for name in TRAINED_ARRAYS}
        into = arrays._replace(**trained)
    for name in TRAINED_ARRAYS:
        np.copyto(getattr(into, name), getattr(arrays, name))
    return into


def state_of_arrays(arrays):
    """The state of what training changes; nothing is copied."""
    return {name: getattr(arrays, name) for name in TRAINED_ARRAYS}


def as_it_was(array):
    """An array that may be mapped into memory, which makes it one of a class of its own."""
    array = np.asarray(array)
    # An empty one comes back from a file with strides that hash differently.
    return array if array.size else np.zeros(array.shape, array.dtype)
