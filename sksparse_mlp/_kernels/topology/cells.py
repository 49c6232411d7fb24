"""Which free cells of a row become connections: columns, drawn uniformly without replacement.

A cell is free where no connection lies, nor any may grow.
"""

from ..jit import inlined
from ..random import next_below, next_uniform
from ..records import ZERO
from ..simd import load, store


@inlined
def forbidden_of(layer, row):
    """Where the cells of a row that no connection may take begin and end in the list of them."""
    if not layer.forbids:
        return ZERO, ZERO
    return load(layer.forbidden_indptr, row), load(layer.forbidden_indptr, row + 1)


@inlined
def n_cells_of(layer, first, last):
    """How many cells of some rows connections may take."""
    n_cells = (last - first) * layer.n_out
    if layer.forbids:
        n_cells -= load(layer.forbidden_indptr, last) - load(layer.forbidden_indptr, first)
    return n_cells


@inlined
def enumerate_columns(layer, buffers, row, start, stop, columns, n, state):
    """Draw n free columns of a crowded row by passing over all of them once."""
    forbidden, end = forbidden_of(layer, row)
    free, left, k = n_cells_of(layer, row, row + 1) - (stop - start), n, start
    for column in range(layer.n_out):
        if k < stop and load(buffers.indices, k) == column:
            k += 1
            continue
        if forbidden < end and load(layer.forbidden, forbidden) == column:
            forbidden += 1
            continue
        if next_uniform(buffers.states, state) * free < left:
            store(buffers.columns, columns + n - left, column)
            left -= 1
        free -= 1


@inlined
def sort_columns(buffers, columns, n):
    """Sort n columns in place (Shell's sort: an insertion sort where they are few)."""
    gap = 1
    while 3 * gap + 1 < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            column, k = load(buffers.columns, columns + i), i
            while k >= gap and load(buffers.columns, columns + k - gap) > column:
                store(buffers.columns, columns + k, load(buffers.columns, columns + k - gap))
                k -= gap
            store(buffers.columns, columns + k, column)
        gap //= 3


@inlined
def mark(buffers, words, columns, first, last):
    """Set the bits of some columns of a list; ``words`` is where those of this thread begin."""
    for i in range(first, last):
        column = load(columns, i)
        word = words + (column >> 6)
        store(buffers.taken, word, load(buffers.taken, word) | (1 << (column & 63)))


@inlined
def unmark(buffers, words, columns, first, last):
    """Clear the bits of some columns of a list, and with them whole words."""
    for i in range(first, last):
        store(buffers.taken, words + (load(columns, i) >> 6), ZERO)


@inlined
def draw_columns(layer, buffers, words, row, start, stop, columns, n, state):
    """Draw n free columns of a row: random ones, each anew while it is taken.

    The bits of columns that are taken, all of them clear before and after, are cheaper to look at
    than a sorted list, in which no processor can foresee where a column lies.
    """
    if n == 0:
        return
    forbidden, end = forbidden_of(layer, row)
    mark(buffers, words, buffers.indices, start, stop)
    mark(buffers, words, layer.forbidden, forbidden, end)
    found = 0
    while found < n:
        column = next_below(buffers.states, state, layer.n_out)
        word, bit = words + (column >> 6), 1 << (column & 63)
        taken = load(buffers.taken, word)
        if taken & bit == 0:
            store(buffers.taken, word, taken | bit)
            store(buffers.columns, columns + found, column)
            found += 1
    sort_columns(buffers, columns, n)
    unmark(buffers, words, buffers.indices, start, stop)
    unmark(buffers, words, layer.forbidden, forbidden, end)
    unmark(buffers, words, buffers.columns, columns, columns + n)
