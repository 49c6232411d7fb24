"""States: what is written to files, hashed and checked, and the one walk over them.

A state is a nested dict or list of numbers, texts, None and arrays. ``state_dict()`` of an object
is all that decides what it does next, nothing copied; ``load_state_dict(state)`` takes it over.
"""

import zlib

import numpy as np

FORMAT_VERSION = 3


def map_leaves(function, state):
    """The same state with ``function`` of each leaf; tuples become lists."""
    if isinstance(state, dict):
        return {name: map_leaves(function, part) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return [map_leaves(function, part) for part in state]
    return function(state)


def leaves(state, path=""):
    """Pairs of a path and what lies there, in an order that follows from the names."""
    if isinstance(state, dict):
        for name in sorted(state):
            yield from leaves(state[name], f"{path}/{name}")
    elif isinstance(state, (list, tuple)):
        yield f"{path}#", len(state)
        for i, part in enumerate(state):
            yield from leaves(part, f"{path}/{i}")
    else:
        yield path, plain(state)


def plain(value):
    """A NumPy number as one of Python's, an array of texts as a list; the rest as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf":
        return value.tolist()
    return value


def checksum_of(state):
    """CRC-32 of a state: of each path, and of what lies there, bit for bit."""
    checksum = 0
    for path, value in leaves(state):
        if isinstance(value, np.ndarray):
            checksum = zlib.crc32(f"{path} {value.dtype.str} {value.shape}".encode(), checksum)
            checksum = zlib.crc32(np.ascontiguousarray(value), checksum)
        else:
            checksum = zlib.crc32(f"{path} {value!r}".encode(), checksum)
    return checksum


def seal(state):
    """The state to write: with a version of the format, and a checksum that shows damage."""
    return {"format_version": FORMAT_VERSION, "checksum": checksum_of(state), **state}


def unseal(state):
    """The state in one that was read; ValueError where it is damaged or of another version."""
    state = dict(state)
    version, expected = (state.pop(name, None) for name in ("format_version", "checksum"))
    if version != FORMAT_VERSION:
        raise ValueError(
            f"This file holds a network in format {version!r}; this version of sksparse_mlp reads "
            f"format {FORMAT_VERSION} only. Fit the estimator anew, or load the file with the "
            "version that wrote it."
        )
    if checksum_of(state) != expected:
        raise ValueError("The file is damaged: the checksum of the network is wrong.")
    return state
