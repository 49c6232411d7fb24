"""The mean of two layers of the same sizes: over the cells that either of them connects.

A cell that one of them does not connect counts there as zero. Rows are walked in both layers side
by side, as in a merge sort: twice, for it takes all means to know which are the largest.
"""

import numpy as np

from .jit import inlined, kernel
from .records import ZERO
from .simd import bare, load, store

# Beyond all columns.
NONE = np.int64(2**31)


@inlined
def next_cell(layers, i, i_end, j, j_end):
    """The next cell of a row: its column, its mean, and where the two layers go on."""
    column_1 = np.int64(load(layers.indices_1, i)) if i < i_end else NONE
    column_2 = np.int64(load(layers.indices_2, j)) if j < j_end else NONE
    mean = 0.0
    if column_1 <= column_2:
        mean += layers.share_1 * load(layers.weights_1, i)
        i += 1
    if column_2 <= column_1:
        mean += layers.share_2 * load(layers.weights_2, j)
        j += 1
    return min(column_1, column_2), np.float32(mean), i, j


@kernel
def unite_layers(layers):
    """Write the means of all cells that are connected in either layer, row by row."""
    layers = bare(layers)
    n = ZERO
    for row in range(layers.n_in):
        i, i_end = load(layers.indptr_1, row), load(layers.indptr_1, row + 1)
        j, j_end = load(layers.indptr_2, row), load(layers.indptr_2, row + 1)
        while i < i_end or j < j_end:
            _, mean, i, j = next_cell(layers, i, i_end, j, j_end)
            store(layers.means, n, mean)
            n += 1
    store(layers.n_united, 0, n)


@kernel
def keep_strongest(layers, kept):
    """Write the connections whose means are the largest; of equal ones the first."""
    layers, kept = bare(layers), bare(kept)
    n, at, ties = ZERO, kept.start, kept.n_ties
    for row in range(layers.n_in):
        i, i_end = load(layers.indptr_1, row), load(layers.indptr_1, row + 1)
        j, j_end = load(layers.indptr_2, row), load(layers.indptr_2, row + 1)
        while i < i_end or j < j_end:
            column, mean, i, j = next_cell(layers, i, i_end, j, j_end)
            magnitude = load(layers.magnitudes, n) & 0x7FFFFFFF
            n += 1
            if magnitude == kept.threshold:
                ties -= 1
            if magnitude > kept.threshold or (magnitude == kept.threshold and ties >= 0):
                store(kept.indices, at, np.int32(column))
                store(kept.weights, at, mean)
                at += 1
        store(kept.indptr, row + 1, at)
