"""Where the threads that rebuild a layer keep their notes, in ``RebuildBuffers``."""

from ..barrier import share
from ..jit import inlined

MAX_CHUNKS = 64
# Into how many buckets the candidates of a row are sorted first, at most.
MAX_BUCKETS = 256
# The three digits of a radix select over the 31 bits of a float's magnitude: shift and width.
DIGITS = ((20, 11), (10, 10), (0, 10))
HISTOGRAM = 1 << 11
# A chunk's notes in RebuildBuffers.chunks, and their number.
TIES, KEPT, GROWN, START, FREE, DRAWS, NOTES = 0, 2, 3, 4, 5, 6, 7
# Rows of RebuildBuffers.selection, one column a group.
THRESHOLD, DROPPED_TIES, DROPS = 0, 2, 4


@inlined
def rows_of_chunk(layer, chunk, n_chunks):
    """The first row of a chunk, and one beyond its last."""
    return share(layer.n_in, chunk, n_chunks), share(layer.n_in, chunk + 1, n_chunks)
