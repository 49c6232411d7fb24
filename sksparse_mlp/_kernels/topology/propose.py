"""Cells where connections might grow: some are drawn in each row, and judged.

A row has as many slots as cells are drawn in it. Columns are drawn by weights of their own, and a
cell is judged by the product of two vectors; or they are found by random walks along three
connections, and a cell is judged by how many walks end there. Time and memory are in proportion to
the slots. Chunks of rows own the random numbers, as in :mod:`.rebuild`.
"""

import numpy as np

from ..barrier import stop_requested
from ..jit import inlined, kernel
from ..random import derive, next_below, next_uniform
from ..simd import bare, load, store, vfma, vload, vsplat, vsum
from .cells import sort_columns
from .notes import MAX_CHUNKS, rows_of_chunk


@inlined
def draw_by_weight(cells, first, last, state):
    """Draw a column for each slot of a row in proportion to its weight; they come in order.

    Each slot draws from its own part of the running sums; the guides say where to look.
    """
    total, n = load(cells.column_sums, cells.n_out), last - first
    for slot in range(first, last):
        uniform = (slot - first + next_uniform(cells.states, state)) / n
        # Rounding may lead to one.
        column = load(cells.guides, min(np.int64(uniform * cells.n_out), cells.n_out - 1))
        while column < cells.n_out - 1 and load(cells.column_sums, column + 1) <= uniform * total:
            column += 1
        store(cells.columns, slot, column)


@inlined
def any_of(cells, pointers, targets, i, state):
    """One of the connections of a row, or of a column, at random: where it leads."""
    start = load(pointers, i)
    n = load(pointers, i + 1) - start
    return load(targets, start + next_below(cells.states, state, n))


@inlined
def draw_by_walks(cells, row, first, last, state):
    """Find a column for each slot of a row: along a connection, back along one, and along one."""
    for slot in range(first, last):
        column = any_of(cells, cells.indptr, cells.indices, row, state)
        other = any_of(cells, cells.column_pointers, cells.rows, column, state)
        column = any_of(cells, cells.indptr, cells.indices, other, state)
        store(cells.columns, slot, column)
    sort_columns(cells, first, last - first)


@inlined
def product_of(lanes, cells, row, column):
    """The magnitude of the product of a cell's two vectors; 0 where it is no number."""
    width, total = 1 << len(lanes), vsplat(np.float32(0), lanes)
    for tile in range(cells.n_tiles):
        a = vload(cells.source, (tile * cells.n_in + row) * width, lanes)
        d = vload(cells.target, (tile * cells.n_out + column) * width, lanes)
        total = vfma(a, d, total)
    score = abs(vsum(total))
    return score if score < np.float32(np.inf) else np.float32(0)


@inlined
def judge_row(lanes, cells, row, first, last, state):
    """Judge the cells drawn in a row, each once; those that are connected only as rivals."""
    k, stop = load(cells.indptr, row), load(cells.indptr, row + 1)
    previous, head = -1, first
    for slot in range(first, last):
        column, score = load(cells.columns, slot), np.float32(0)
        while k < stop and load(cells.indices, k) < column:
            k += 1
        connected = k < stop and load(cells.indices, k) == column
        if column != previous:
            head = slot
            if cells.rivals or not connected:
                if cells.walks:
                    # Of cells that are found equally often, chance decides.
                    score = np.float32(next_uniform(cells.states, state))
                else:
                    score = product_of(lanes, cells, row, column)
        elif cells.walks and (cells.rivals or not connected):
            store(cells.scores, head, load(cells.scores, head) + np.float32(1))
        store(cells.scores, slot, score)
        if connected:
            store(cells.columns, slot, -1)
        previous = column


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
                draw_by_weight(cells, first, last, chunk)
            judge_row(worker.lanes, cells, row, first, last, chunk)
