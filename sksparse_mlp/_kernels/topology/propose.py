"""Cells where connections might grow: some are drawn in each row, and judged.

A row has as many slots as cells are drawn in it. Columns are drawn by weights of their own, and a
cell is judged by the product of two vectors, maybe scaled; or they are found by random walks along
three connections, and a cell is judged by how many walks end there. Time and memory are in
proportion to the slots. Chunks of rows own the random numbers, as in :mod:`.rebuild`.
"""

import numpy as np

from ..barrier import stop_requested
from ..forward import CACHE_BYTES, prefetch_vector
from ..jit import inlined, kernel
from ..random import derive, next_below, next_uniform
from ..simd import bare, load, store, vfma, vload, vsplat, vsum
from .cells import sort_columns
from .notes import MAX_BUCKETS, MAX_CHUNKS, rows_of_chunk


@inlined
def draw_by_weight(lanes, cells, first, last, state):
    """Draw a column for each slot of a row in proportion to its weight; they come in order.

    Each slot draws from its own part of the table. Where the columns' vectors are likely to be out
    of cache, they are prefetched.
    """
    step, tile_size = cells.n_table / (last - first), cells.n_out << len(lanes)
    beyond_cache = 4 * tile_size * cells.n_tiles > CACHE_BYTES
    for slot in range(first, last):
        at = np.int64((slot - first + next_uniform(cells.states, state)) * step)
        # Rounding may lead to one beyond the last.
        column = load(cells.table, min(at, cells.n_table - 1))
        store(cells.columns, slot, column)
        if beyond_cache:
            for tile in range(cells.n_tiles):
                prefetch_vector(lanes, cells.target, tile * tile_size + (column << len(lanes)))


@inlined
def any_of(cells, pointers, i, state):
    """One of the connections of a row, or of a column, at random: its position."""
    start = load(pointers, i)
    return start + next_below(cells.states, state, load(pointers, i + 1) - start)


@inlined
def draw_by_walks(cells, row, first, last, state):
    """Find a column for each slot of a row: along a connection, back along one, and along one.

    All walks take a step before any takes the next: so their waiting for memory overlaps.
    """
    for slot in range(first, last):
        at = any_of(cells, cells.indptr, row, state)
        store(cells.columns, slot, load(cells.indices, at))
    for slot in range(first, last):
        at = any_of(cells, cells.column_pointers, load(cells.columns, slot), state)
        store(cells.columns, slot, load(cells.rows, at))
    for slot in range(first, last):
        at = any_of(cells, cells.indptr, load(cells.columns, slot), state)
        store(cells.found, slot, load(cells.indices, at))
    spread_by_column(cells, first, last, (MAX_BUCKETS + 1) * state)
    sort_columns(cells, first, last - first)


@inlined
def spread_by_column(cells, first, last, buckets):
    """Put what was found into as many buckets as there are slots, by column: all but sorted."""
    n = min(last - first, MAX_BUCKETS)
    per_column = n / cells.n_out
    for bucket in range(n + 1):
        store(cells.buckets, buckets + bucket, 0)
    for slot in range(first, last):
        at = buckets + 1 + np.int64(load(cells.found, slot) * per_column)
        store(cells.buckets, at, load(cells.buckets, at) + 1)
    for at in range(buckets + 1, buckets + n):
        store(cells.buckets, at, load(cells.buckets, at) + load(cells.buckets, at - 1))
    for slot in range(first, last):
        column = load(cells.found, slot)
        at = buckets + np.int64(column * per_column)
        n_before = load(cells.buckets, at)
        store(cells.columns, first + n_before, column)
        store(cells.buckets, at, n_before + 1)


@inlined
def product_of(lanes, cells, row, column):
    """The magnitude of the product of a cell's two vectors; 0 where it is no number."""
    width, total = 1 << len(lanes), vsplat(np.float32(0), lanes)
    for tile in range(cells.n_tiles):
        a = vload(cells.source, (tile * cells.n_in + row) * width, lanes)
        d = vload(cells.target, (tile * cells.n_out + column) * width, lanes)
        total = vfma(a, d, total)
    score = abs(vsum(total))
    if cells.scaled:
        score *= load(cells.row_scales, row) * load(cells.column_scales, column)
    return score if score < np.float32(np.inf) else np.float32(0)


@inlined
def count_draws(cells, row, first, last):
    """How often each cell of a row was drawn, at its first slot, and 0 where it cannot be chosen.

    The column of a connected cell becomes negative, ``-1 - column``.
    """
    k, stop = load(cells.indptr, row), load(cells.indptr, row + 1)
    previous, head = -1, first
    for slot in range(first, last):
        column, n = load(cells.columns, slot), np.float32(0)
        while k < stop and load(cells.indices, k) < column:
            k += 1
        connected = k < stop and load(cells.indices, k) == column
        if cells.rivals or not connected:
            if column != previous:
                head, n = slot, np.float32(1)
            else:
                store(cells.scores, head, load(cells.scores, head) + np.float32(1))
        store(cells.scores, slot, n)
        if connected:
            store(cells.columns, slot, -1 - column)
        previous = column


@inlined
def judge_row(lanes, cells, row, first, last, state):
    """Judge the cells drawn in a row, each once; those that are connected only as rivals."""
    count_draws(cells, row, first, last)
    for slot in range(first, last):
        n, column = load(cells.scores, slot), load(cells.columns, slot)
        if n == 0:
            continue
        if cells.walks:
            # Of cells that are found equally often, chance decides.
            score = n - np.float32(1) + np.float32(next_uniform(cells.states, state))
        else:
            score = product_of(lanes, cells, row, max(column, -1 - column))
        store(cells.scores, slot, score)


@kernel
def propose_cells(worker, cells):
    """Draw cells in all rows, and judge them: every thread makes this call."""
    worker, cells = bare(worker), bare(cells)
    n_chunks = min(MAX_CHUNKS, cells.n_in)
    for chunk in range(worker.thread, n_chunks, worker.n_threads):
        if stop_requested(worker):
            return
        store(cells.states, chunk, derive(cells.seed, chunk))
        begin, end = rows_of_chunk(cells, chunk, n_chunks)
        for row in range(begin, end):
            first, last = load(cells.slots, row), load(cells.slots, row + 1)
            if first == last:
                continue
            if cells.walks:
                draw_by_walks(cells, row, first, last, chunk)
            else:
                draw_by_weight(worker.lanes, cells, first, last, chunk)
            judge_row(worker.lanes, cells, row, first, last, chunk)
