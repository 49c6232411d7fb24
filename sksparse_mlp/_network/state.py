"""States: what is written to files, hashed and checked, and the one walk over them.

A state is a nested dict or list of numbers, texts, None and arrays. ``state_dict()`` of an object
is all that decides what it does next, nothing copied; ``load_state_dict(state)`` takes it over.
"""

import zlib
from itertools import chain
from reprlib import repr as short

import numpy as np

FORMAT_VERSION = 6
# A file may be made to hold lists of lists of lists: no state is this deep, or has so many parts.
DEEPEST, MOST_PARTS = 30, 10**7
SCALARS = (str, bytes, int, float, complex, bool, type(None))


def map_leaves(function, state):
    """The same state with ``function`` of each leaf; tuples become lists."""
    if isinstance(state, dict):
        return {name: map_leaves(function, part) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return [map_leaves(function, part) for part in state]
    return function(state)


def leaves(state, path="", depth=0):
    """Pairs of a path and what lies there, in an order that follows from the names.

    Dicts and lists say how many parts they have, so that other states give other pairs; lists,
    tuples and arrays of texts are alike.
    """
    if depth > DEEPEST:
        raise ValueError(f"The state is nested more than {DEEPEST} deep at {path[:200]}.")
    state = plain(state)
    if isinstance(state, dict):
        yield f"{path}/", len(state)
        for name in sorted(state, key=_order):
            yield from leaves(state[name], f"{path}/{plain(name)!r}", depth + 1)
    elif not isinstance(state, (list, tuple)):
        yield path, state
    elif (table := table_of(state)) is not None:
        yield path, table
    else:
        yield f"{path}#", len(state)
        for i, part in enumerate(state):
            yield from leaves(part, f"{path}/{i}", depth + 1)


def _order(name):
    return type(plain(name)).__name__, repr(plain(name))


def table_of(values):
    """A list of scalars, or of lists of scalars, as its ``repr`` tells all of it; else None.

    Histories are long, and a walk is slow.
    """
    kinds = set(map(type, values))
    if all(map(_is_scalar, kinds)):
        return list(values) if kinds <= set(SCALARS) else list(map(plain, values))
    if not kinds <= {list, tuple} or sum(map(len, values)) > MOST_PARTS:
        return None
    inner = set(map(type, chain.from_iterable(values)))
    if not all(map(_is_scalar, inner)):
        return None
    if kinds == {list} and inner <= set(SCALARS):
        return list(values)
    return [list(map(plain, part)) for part in values]


def _is_scalar(kind):
    return kind in SCALARS or issubclass(kind, np.generic)


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
    for n_parts, (path, value) in enumerate(leaves(state)):
        if n_parts == MOST_PARTS:
            raise ValueError(f"The state has more than {MOST_PARTS:,} parts.")
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
    if not isinstance(state, dict):
        raise ValueError(f"The file is damaged: its network is a {type(state).__name__}, no dict.")
    state = dict(state)
    version, expected = (state.pop(name, None) for name in ("format_version", "checksum"))
    if version != FORMAT_VERSION:
        raise ValueError(
            f"This file holds a network in format {short(version)}; this version of sksparse_mlp "
            f"reads format {FORMAT_VERSION} only. Fit the estimator anew, or load the file with "
            "the version that wrote it."
        )
    if checksum_of(state) != expected:
        raise ValueError("The file is damaged: the checksum of the network is wrong.")
    return state
