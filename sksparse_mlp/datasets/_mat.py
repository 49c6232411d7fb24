"""Matrices of numbers in MATLAB files of version 5, read as if the file were hostile.

The reader of SciPy unpacks and allocates whatever a file claims to hold, and some damaged files
crash it together with the interpreter. This one unpacks up to a limit, looks at nothing beyond the
end of what is there, and knows nothing but real numbers.
"""

import struct
import zlib
from itertools import islice

import numpy as np

HEADER_BYTES = 128
BYTE_ORDERS = {b"IM": "<", b"MI": ">"}
TAG_BYTES = 8
MATRIX, COMPRESSED = 14, 15
INTEGERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 12: "i8", 13: "u8"}
NUMBERS = INTEGERS | {7: "f4", 9: "f8"}
# Of double and single precision, and of integers; before them come cells, text and the like.
CLASSES_OF_NUMBERS = range(6, 16)
COMPLEX_FLAG = 1 << 11


def read_matrices(content, names, limit):
    """Return the matrices that have these names; all that is compressed may have ``limit`` bytes.

    Parameters
    ----------
    content : bytes
        What the file contains.
    names : collection of str
        Names of variables; others are passed over.
    limit : int
        Bytes of all variables when unpacked.

    Returns
    -------
    matrices : dict of ndarray
        By name. They are read-only and have the type in which the file holds them.
    """
    order = BYTE_ORDERS.get(content[HEADER_BYTES - 2 : HEADER_BYTES])
    if order is None:
        raise ValueError("it is no MATLAB file of version 5")
    matrices = {}
    for kind, variable in _elements(content[HEADER_BYTES:], order):
        if kind == COMPRESSED:
            unpacked = _inflate(variable, limit)
            limit -= len(unpacked)
            ((kind, variable),) = _elements(unpacked, order)
        if kind != MATRIX:
            raise ValueError(f"it has an element of type {kind} instead of a matrix")
        # No list of all parts: there may be as many as the file has room for.
        parts = list(islice(_elements(variable, order), 4))
        name = bytes(parts[2][1]).decode("latin-1") if len(parts) == 4 else ""
        if name in names:
            matrices[name] = _matrix_of(name, parts, order)
    return matrices


def _matrix_of(name, parts, order):
    (_, flags), (_, shape), _, (kind, data) = parts
    (flags,) = struct.unpack_from(f"{order}I", flags)
    is_real = flags & 0xFF in CLASSES_OF_NUMBERS and not flags & COMPLEX_FLAG
    if not is_real or kind not in NUMBERS:
        raise ValueError(f"{name} is no matrix of real numbers")
    shape = np.frombuffer(shape, f"{order}i4").tolist()
    return np.frombuffer(data, order + NUMBERS[kind]).reshape(shape, order="F")


def _elements(content, order):
    """Yield type and data of each element, after a check that it ends within ``content``."""
    content = memoryview(content)
    position = 0
    while position < len(content):
        kind, n_bytes = struct.unpack_from(f"{order}II", content, position)
        begin = position + TAG_BYTES
        if kind >> 16:
            # A small element keeps its data within the tag.
            kind, n_bytes, begin = kind & 0xFFFF, kind >> 16, position + TAG_BYTES // 2
        if begin + n_bytes > len(content):
            raise ValueError(f"an element of {n_bytes} bytes goes beyond the end")
        yield kind, content[begin : begin + n_bytes]
        padding = 0 if kind == COMPRESSED else -(begin + n_bytes - position) % TAG_BYTES
        position = begin + n_bytes + padding


def _inflate(packed, limit):
    stream = zlib.decompressobj()
    # One byte more than allowed tells what is too large; 0 would mean no limit.
    unpacked = stream.decompress(packed, limit + 1)
    if len(unpacked) > limit:
        raise ValueError(f"an element has more than {limit} bytes when unpacked")
    if not stream.eof:
        raise ValueError("a compressed element is incomplete")
    return unpacked
