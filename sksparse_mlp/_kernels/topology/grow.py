"""How many connections each row of a layer grows.

Uniform growth draws without replacement, first a chunk of rows, then a row, each in proportion to
the cells still free, which makes every set of empty cells equally likely. Guided growth draws a row
in proportion to its preference times the share of it that is free.
"""

from ..jit import inlined
from ..random import derive, next_below_and_uniform, next_uniform
from ..records import ZERO
from ..simd import load, store
from .notes import FREE, GROWN, KEPT, MAX_CHUNKS, NOTES, START, rows_of_chunk


@inlined
def share_out_growth(layer, buffers, n_chunks, n_grown, init):
    """Decide at random how many connections each chunk grows, and where it begins in the buffers.

    A chunk is drawn, and the draw counts in proportion to its free cells: in the end, every free
    cell was as likely as any other. All in one thread, so each draw should be cheap.
    """
    own = 2 * MAX_CHUNKS
    store(buffers.states, own, derive(init.topology, ZERO))
    for chunk in range(n_chunks):
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        free = (last - first) * layer.n_out - load(buffers.chunks, NOTES * chunk + KEPT)
        store(buffers.chunks, NOTES * chunk + FREE, free)
    most_cells = (layer.n_in + n_chunks - 1) // n_chunks * layer.n_out
    left = n_grown
    while left > 0:
        chunk, uniform = next_below_and_uniform(buffers.states, own, n_chunks)
        free = load(buffers.chunks, NOTES * chunk + FREE)
        if uniform * most_cells < free:
            store(buffers.chunks, NOTES * chunk + FREE, free - 1)
            left -= 1
    start = 0
    for chunk in range(n_chunks):
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        store(buffers.chunks, NOTES * chunk + START, start)
        # What is neither kept nor still free has grown; the chunk's part of the buffers is both.
        filled = (last - first) * layer.n_out - load(buffers.chunks, NOTES * chunk + FREE)
        grown = filled - load(buffers.chunks, NOTES * chunk + KEPT)
        store(buffers.chunks, NOTES * chunk + GROWN, grown)
        start += filled


@inlined
def draw_rows(layer, buffers, chunk, first, last):
    """Decide at random how many connections each row of a chunk grows."""
    for row in range(first, last):
        store(buffers.grown, row, 0)
    left = load(buffers.chunks, NOTES * chunk + GROWN)
    while left > 0:
        below, uniform = next_below_and_uniform(buffers.states, 2 * chunk, last - first)
        row = first + below
        free = layer.n_out - load(buffers.kept, row) - load(buffers.grown, row)
        if uniform * layer.n_out < free:
            store(buffers.grown, row, load(buffers.grown, row) + 1)
            left -= 1


@inlined
def preferred_row(layer, buffers, state):
    """Draw a row in proportion to its preference, by bisection of their running sums."""
    goal = next_uniform(buffers.states, state) * load(layer.preferences, layer.n_in)
    low, high = 0, layer.n_in - 1
    while low < high:
        middle = (low + high) >> 1
        if load(layer.preferences, middle + 1) > goal:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def share_out_guided_growth(layer, buffers, n_chunks, n_grown, init):
    """Decide at random how many connections each row grows, and where the chunks begin.

    A row is drawn in proportion to its preference; the share of it that is free decides if the
    draw counts: so each free cell is as likely as its row is preferred.
    """
    own = 2 * MAX_CHUNKS
    store(buffers.states, own, derive(init.topology, ZERO))
    for row in range(layer.n_in):
        store(buffers.grown, row, 0)
    drawn = 0
    while drawn < n_grown:
        row = preferred_row(layer, buffers, own)
        free = layer.n_out - load(buffers.kept, row) - load(buffers.grown, row)
        if next_uniform(buffers.states, own) * layer.n_out < free:
            store(buffers.grown, row, load(buffers.grown, row) + 1)
            drawn += 1
    start = 0
    for chunk in range(n_chunks):
        store(buffers.chunks, NOTES * chunk + START, start)
        start += load(buffers.chunks, NOTES * chunk + KEPT)
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        for row in range(first, last):
            start += load(buffers.grown, row)
