"""Rebuilding one layer: what stays and what grows is merged in buffers, and adopted.

Some of the new connections may have been chosen before, cell by cell; others are drawn here.
"""

import numpy as np

from ..barrier import barrier, own_share, stop_requested
from ..jit import inlined, kernel
from ..random import derive, next_uniform
from ..records import UNIFORM, ZERO
from ..simd import bare, load, store
from .cells import draw_columns, enumerate_columns, n_cells_of
from .drop import (
    copy_kept,
    count_kept,
    count_ties,
    n_chosen,
    select_thresholds,
    share_out_ties,
)
from .grow import draw_rows, share_out_growth, share_out_guided_growth
from .notes import DROPS, GROWN, KEPT, MAX_CHUNKS, NOTES, START, rows_of_chunk

# Where more than one column in so many is to be drawn, all are passed over instead.
CROWDED = 8


@inlined
def new_weight(init, states, i):
    """A weight of the initial distribution."""
    if init.distribution == UNIFORM:
        return np.float32(2.0 * next_uniform(states, i) - 1.0) * init.scale
    radius = np.sqrt(-2.0 * np.log(1.0 - next_uniform(states, i)))
    return np.float32(radius * np.cos(2.0 * np.pi * next_uniform(states, i))) * init.scale


@inlined
def merge_row(buffers, init, start, stop, columns, n, state):
    """Insert n new connections into a sorted row, from its end, in place."""
    old, new, at = stop - 1, n - 1, stop + n - 1
    while new >= 0:
        if old >= start and load(buffers.indices, old) > load(buffers.columns, columns + new):
            store(buffers.indices, at, load(buffers.indices, old))
            store(buffers.weights, at, load(buffers.weights, old))
            store(buffers.moment_1, at, load(buffers.moment_1, old))
            if buffers.two_moments:
                store(buffers.moment_2, at, load(buffers.moment_2, old))
            old -= 1
        else:
            store(buffers.indices, at, load(buffers.columns, columns + new))
            store(buffers.weights, at, new_weight(init, buffers.states, state))
            store(buffers.moment_1, at, np.float32(0))
            if buffers.two_moments:
                store(buffers.moment_2, at, np.float32(0))
            new -= 1
        at -= 1


@inlined
def seed_chunk(buffers, init, chunk):
    """Begin a chunk's random numbers."""
    store(buffers.states, 2 * chunk, derive(init.topology, chunk + 1))
    store(buffers.states, 2 * chunk + 1, derive(init.weights, chunk + 1))


@inlined
def insert_chosen(layer, buffers, init, row, start, stop, columns, state):
    """Insert the new connections of a row that were chosen before; returns the row's new end."""
    n = n_chosen(layer, row)
    for i in range(n):
        column = load(layer.chosen, load(layer.chosen_indptr, row) + i)
        store(buffers.columns, columns + i, column)
    merge_row(buffers, init, start, stop, columns, n, state)
    return stop + n


@inlined
def rebuild_chunk(worker, layer, buffers, init, chunk, first, last):
    """Write a chunk of rows to the buffers: what stays, and what grows between."""
    topology, weights = 2 * chunk, 2 * chunk + 1
    if not layer.guided:
        draw_rows(layer, buffers, chunk, first, last)
    columns, words = worker.thread * buffers.max_grown, worker.thread * buffers.n_words
    start = load(buffers.chunks, NOTES * chunk + START)
    end = start + load(buffers.chunks, NOTES * chunk + KEPT)
    end += load(buffers.chunks, NOTES * chunk + GROWN)
    for row in range(first, last):
        stop = copy_kept(layer, buffers, row, start, end, chunk)
        stop = insert_chosen(layer, buffers, init, row, start, stop, columns, weights)
        n = load(buffers.grown, row)
        free = n_cells_of(layer, row, row + 1) - (stop - start) - n
        if 2 * free < layer.n_out or CROWDED * n > layer.n_out:
            enumerate_columns(layer, buffers, row, start, stop, columns, n, topology)
        else:
            draw_columns(layer, buffers, words, row, start, stop, columns, n, topology)
        merge_row(buffers, init, start, stop, columns, n, weights)
        start = stop + n
        store(buffers.indptr, row + 1, start)


@inlined
def adopt(worker, rebuilt, buffers):
    """Copy this thread's share of the buffers to where the layer is to be."""
    first, last = own_share(worker, buffers.n_connections)
    for k in range(first, last):
        store(rebuilt.indices, k, load(buffers.indices, k))
        store(rebuilt.weights, k, load(buffers.weights, k))
        store(rebuilt.moment_1, k, load(buffers.moment_1, k))
        if buffers.two_moments:
            store(rebuilt.moment_2, k, load(buffers.moment_2, k))


@kernel
def rebuild_layer(worker, layer, rebuilt, buffers, init):
    """One evolution of one layer; or, where the layer holds nothing yet, its initialisation.

    Every thread makes this call. ``buffers.selection`` says before how many of each group are
    dropped, and ``buffers.indptr`` in the end where the rows are. A layer whose rebuilding is told
    to stop is worth nothing: maybe not all of it is there.
    """
    worker, layer, rebuilt, buffers = bare(worker), bare(layer), bare(rebuilt), bare(buffers)
    n_chunks, thread, n_threads = min(MAX_CHUNKS, layer.n_in), worker.thread, worker.n_threads
    held = load(layer.indptr, layer.n_in) - load(layer.indptr, 0)
    n_grown = buffers.n_connections
    phase = barrier(worker, ZERO)
    if phase < 0:
        return
    if held > 0:
        n_grown -= held - load(buffers.selection, DROPS) - load(buffers.selection, DROPS + 1)
        phase = select_thresholds(worker, layer, buffers, held, phase)
    if layer.chooses:
        n_grown -= load(layer.chosen_indptr, layer.n_in)
    for chunk in range(thread, n_chunks, n_threads):
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        seed_chunk(buffers, init, chunk)
        count_kept(layer, buffers, chunk, first, last)
    phase = barrier(worker, phase)
    if thread == 0:
        share_out_ties(buffers, n_chunks)
        if not layer.guided:
            share_out_growth(layer, buffers, n_chunks, n_grown, init)
    phase = barrier(worker, phase)
    for chunk in range(thread, n_chunks, n_threads):
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        count_ties(layer, buffers, chunk, first, last)
    phase = barrier(worker, phase)
    if layer.guided:
        phase = share_out_guided_growth(worker, layer, buffers, n_chunks, n_grown, init, phase)
    for chunk in range(thread, n_chunks, n_threads):
        first, last = rows_of_chunk(layer, chunk, n_chunks)
        if stop_requested(worker):
            break
        rebuild_chunk(worker, layer, buffers, init, chunk, first, last)
    barrier(worker, phase)
    if stop_requested(worker):
        return
    adopt(worker, rebuilt, buffers)
