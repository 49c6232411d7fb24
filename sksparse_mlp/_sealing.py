"""State for files: a format version, and a checksum over all of it that shows damage.

A state is nested dicts, lists, tuples, numbers, texts and arrays.
"""

import zlib

import numpy as np

# Version 1 summed the arrays alone.
FORMAT_VERSION = 2


def seal(parts):
    """The state to write for some parts, given by name."""
    return {"format_version": FORMAT_VERSION, "checksum": checksum_of(parts), **parts}


def unseal(state):
    """The parts in a state that was read; ValueError where it is damaged or of another version."""
    parts = dict(state)
    version = parts.pop("format_version", None)
    if version not in (1, FORMAT_VERSION):
        raise ValueError(
            f"This file holds a network in format {version}; this version of sksparse_mlp reads "
            f"format {FORMAT_VERSION} and older ones."
        )
    expected = parts.pop("checksum", None)
    try:
        found = _checksum_of_arrays(parts) if version == 1 else checksum_of(parts)
    except (AttributeError, KeyError, TypeError, ValueError):
        found = None
    if found is None or found != expected:
        raise ValueError("The file is damaged: the checksum of the network is wrong.")
    return parts


def checksum_of(value, checksum=0):
    """The checksum of a state; lists and tuples are alike, and numbers those of Python."""
    if isinstance(value, dict):
        for name in sorted(value):
            checksum = checksum_of(value[name], checksum_of(name, checksum))
        return checksum
    if isinstance(value, (list, tuple)):
        for part in value:
            checksum = checksum_of(part, checksum)
        return zlib.crc32(b"]", checksum)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return zlib.crc32(np.ascontiguousarray(value), checksum)
    if isinstance(value, (np.ndarray, np.generic)):
        return checksum_of(value.tolist(), checksum)
    return zlib.crc32(repr(value).encode(), checksum)


def _checksum_of_arrays(parts):
    checksum = 0
    for record in (parts["arrays"], parts["slots"] or {}):
        for value in record.values():
            if isinstance(value, np.ndarray):
                checksum = zlib.crc32(value, checksum)
    return checksum
