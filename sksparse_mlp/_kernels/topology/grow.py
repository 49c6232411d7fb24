"""How many connections each row of a layer grows.

Uniform growth draws without replacement, first a chunk of rows, then a row, each in proportion to
the cells still free, which makes every set of empty cells equally likely. Guided growth draws a
chunk and then a row in proportion to their preferences, and the draw counts in proportion to the
share of the row that is free.
"""

import numpy as np

from ..barrier import barrier
from ..jit import inlined
from ..random import derive, next_below_and_uniform, next_uniform
from ..records import ZERO
from ..simd import load, store
from .cells import n_cells_of
from .notes import DRAWS, FREE, GROWN, KEPT, MAX_CHUNKS, NOTES, START, rows_of_chunk


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
        free = n_cells_of(layer, first, last) - load(buffers.chunks, NOTES * chunk + KEPT)
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
        filled = n_cells_of(layer, first, last) - load(buffers.chunks, NOTES * chunk + FREE)
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
        free = n_cells_of(layer, row, row + 1)
        free -= load(buffers.kept, row) + load(buffers.grown, row)
        if uniform * layer.n_out < free:
            store(buffers.grown, row, load(buffers.grown, row) + 1)
            left -= 1


@inlined
def guide_to_rows(layer, buffers, first, last):
    """For each of equal steps up a chunk's running sums of preferences, the row it leads to."""
    n, row = last - first, first
    below, above = load(layer.preferences, first), load(layer.preferences, last)
    for step in range(n):
        goal = below + (above - below) * step / n
        while row < last - 1 and load(layer.preferences, row + 1) <= goal:
            row += 1
        store(buffers.guides, first + step, row)


@inlined
def preferred_row(layer, buffers, state, first, last):
    """Draw a row of a chunk in proportion to its preference; the guides say where to look."""
    below, above = load(layer.preferences, first), load(layer.preferences, last)
    uniform = next_uniform(buffers.states, state)
    goal = below + (above - below) * uniform
    row = load(buffers.guides, first + np.int64(uniform * (last - first)))
    # Many draws lie one row on: a sum is cheaper than a jump that no processor foresees.
    row += np.int64(row < last - 1) & np.int64(load(layer.preferences, row + 1) <= goal)
    while row < last - 1 and load(layer.preferences, row + 1) <= goal:
        row += 1
    return row


@inlined
def share_out_draws(layer, buffers, n_chunks, n_draws):
    """Decide at random how many rows are drawn from each chunk: Walker's method of aliases."""
    for chunk in range(n_chunks):
        store(buffers.chunks, NOTES * chunk + DRAWS, 0)
    for _ in range(n_draws):
        chunk, uniform = next_below_and_uniform(buffers.states, 2 * MAX_CHUNKS, n_chunks)
        if uniform >= load(layer.chunk_shares, chunk):
            chunk = load(layer.chunk_aliases, chunk)
        at = NOTES * chunk + DRAWS
        store(buffers.chunks, at, load(buffers.chunks, at) + 1)


@inlined
def draw_preferred_rows(layer, buffers, chunk, first, last):
    """Draw rows of a chunk; a draw counts in proportion to the share of the row that is free."""
    counted = 0
    for _ in range(load(buffers.chunks, NOTES * chunk + DRAWS)):
        row = preferred_row(layer, buffers, 2 * chunk, first, last)
        grown = load(buffers.grown, row)
        free = n_cells_of(layer, row, row + 1) - load(buffers.kept, row) - grown
        if next_uniform(buffers.states, 2 * chunk) * layer.n_out < free:
            store(buffers.grown, row, grown + 1)
            counted += 1
    at = NOTES * chunk + GROWN
    store(buffers.chunks, at, load(buffers.chunks, at) + counted)


@inlined
def share_out_guided_growth(worker, layer, buffers, n_chunks, n_grown, init, phase):
    """Decide at random how many connections each row grows, and where the chunks begin.

    In rounds, each of as many draws as are left: so each free cell is as likely as its row is
    preferred, and none is drawn in vain that could be the last.
    """
    thread, n_threads = worker.thread, worker.n_threads
    for chunk in range(thread, n_chunks, n_threads):
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        store(buffers.chunks, NOTES * chunk + GROWN, 0)
        for row in range(first, last):
            store(buffers.grown, row, 0)
        guide_to_rows(layer, buffers, first, last)
    if thread == 0:
        store(buffers.states, 2 * MAX_CHUNKS, derive(init.topology, ZERO))
    left = n_grown
    while left > 0:
        if thread == 0:
            share_out_draws(layer, buffers, n_chunks, left)
        phase = barrier(worker, phase)
        for chunk in range(thread, n_chunks, n_threads):
            first, last = rows_of_chunk(layer, chunk, n_chunks)
            draw_preferred_rows(layer, buffers, chunk, first, last)
        phase = barrier(worker, phase)
        left = n_grown
        for chunk in range(n_chunks):
            left -= load(buffers.chunks, NOTES * chunk + GROWN)
    if thread == 0:
        start = 0
        for chunk in range(n_chunks):
            store(buffers.chunks, NOTES * chunk + START, start)
            start += load(buffers.chunks, NOTES * chunk + KEPT)
            start += load(buffers.chunks, NOTES * chunk + GROWN)
    return barrier(worker, phase)
