"""Which neurons are connected: Erdos-Renyi initialisation and Sparse Evolutionary Training (SET).

A layer of ``n_in x n_out`` cells holds a fixed number of connections, distinct cells of a CSR
matrix. *Initialisation* draws them uniformly among all cells. An *evolution* drops the fraction
``zeta`` of the positive weights nearest zero and of the negative weights nearest zero, then grows
as many connections at cells drawn uniformly among the empty ones. What the solver remembers moves
with its connection; a new connection starts with a weight of the initial law and no memory.

Both are exact and take time proportional to the connections, never to the cells. The thresholds
come from a radix select on the bits of the floats. Cells are drawn in three nested draws without
replacement (a chunk of rows, a row, a column), each in proportion to the cells still free, which
makes every set of empty cells equally likely. Chunks, not threads, own the random numbers.

References
----------
Mocanu et al. (2018). Scalable training of artificial neural networks with adaptive sparse
connectivity inspired by network science. Nature Communications 9, 2383.
"""

import numpy as np

from ._jit import inlined, kernel
from ._random import derive, next_below, next_below_and_uniform, next_uniform
from ._records import UNIFORM, ZERO
from ._simd import bare, load, store
from ._threads import barrier, share, told_to_stop

MAX_CHUNKS = 64
# The three digits of a radix select over the 31 bits of a float's magnitude: shift and width.
DIGITS = ((20, 11), (10, 10), (0, 10))
HISTOGRAM = 1 << 11
# A chunk's notes in Draft.chunks, and their number.
TIES, KEPT, GROWN, START, FREE, NOTES = 0, 2, 3, 4, 5, 6
# Rows of Draft.selection, one column a sign.
THRESHOLD, DROPPED_TIES, DROPS = 0, 2, 4


# ---------------------------------------------------------------- drop


@inlined
def magnitude_of(bits):
    """The bits of a float without its sign: they order as the magnitudes do."""
    return bits & 0x7FFFFFFF


@inlined
def count_digit(draft, histogram, bits, first, last, shift, width, above):
    """Histogram of a digit of the magnitudes, by sign, where the digits above match."""
    for digit in range(2 * HISTOGRAM):
        store(draft.histograms, histogram + digit, 0)
    mask = (1 << width) - 1
    for k in range(first, last):
        sign, magnitude = load(bits, k) >> 31, magnitude_of(load(bits, k))
        if magnitude >> above == load(draft.selection, THRESHOLD + sign):
            at = histogram + sign * HISTOGRAM + ((magnitude >> shift) & mask)
            store(draft.histograms, at, load(draft.histograms, at) + 1)


@inlined
def count_in_digit(draft, n_threads, sign, digit):
    """How many weights of a sign have a digit, over all threads' histograms."""
    total = 0
    for thread in range(n_threads):
        total += load(draft.histograms, (2 * thread + sign) * HISTOGRAM + digit)
    return total


@inlined
def choose_digit(draft, n_threads, zeta, width, first):
    """Extend each sign's threshold by the digit that its number of drops falls into.

    What is left of that number inside the digit will be, after the last one, the ties to drop.
    """
    for sign in range(2):
        if first:
            total = 0
            for digit in range(1 << width):
                total += count_in_digit(draft, n_threads, sign, digit)
            store(draft.selection, DROPPED_TIES + sign, np.int64(total * zeta))
            store(draft.selection, DROPS + sign, np.int64(total * zeta))
        left, digit = load(draft.selection, DROPPED_TIES + sign), 0
        below = count_in_digit(draft, n_threads, sign, ZERO)
        while below < left:
            left -= below
            digit += 1
            below = count_in_digit(draft, n_threads, sign, digit)
        store(draft.selection, DROPPED_TIES + sign, left)
        threshold = load(draft.selection, THRESHOLD + sign) << width
        store(draft.selection, THRESHOLD + sign, threshold | digit)


@inlined
def select_thresholds(thread, n_threads, sync, phase, layer, draft, zeta):
    """The magnitude of each sign below which connections are dropped; exact, ties counted."""
    first = layer.start + share(draft.n_connections, thread, n_threads)
    last = layer.start + share(draft.n_connections, thread + 1, n_threads)
    own = 2 * HISTOGRAM * thread
    above = np.int64(31)
    for digit in range(3):
        shift, width = DIGITS[digit]
        count_digit(draft, own, layer.bits, first, last, shift, width, above)
        phase = barrier(sync, n_threads, phase)
        if thread == 0:
            choose_digit(draft, n_threads, zeta, width, digit == 0)
        phase = barrier(sync, n_threads, phase)
        above = shift
    return phase


@inlined
def count_kept(layer, draft, chunk, first, last):
    """How many connections of each row stay, ties among them, and how many are ties."""
    store(draft.chunks, NOTES * chunk + TIES, 0)
    store(draft.chunks, NOTES * chunk + TIES + 1, 0)
    total = 0
    for row in range(first, last):
        kept = 0
        for k in range(load(layer.indptr, row), load(layer.indptr, row + 1)):
            sign, magnitude = load(layer.bits, k) >> 31, magnitude_of(load(layer.bits, k))
            threshold = load(draft.selection, THRESHOLD + sign)
            kept += magnitude >= threshold
            if magnitude == threshold:
                at = NOTES * chunk + TIES + sign
                store(draft.chunks, at, load(draft.chunks, at) + 1)
        store(draft.kept, row, kept)
        total += kept
    store(draft.chunks, NOTES * chunk + KEPT, total)


@inlined
def copy_kept(layer, draft, row, at, chunk):
    """Copy the connections of a row that stay to the draft; drops ties, the first ones first."""
    for k in range(load(layer.indptr, row), load(layer.indptr, row + 1)):
        sign, magnitude = load(layer.bits, k) >> 31, magnitude_of(load(layer.bits, k))
        threshold = load(draft.selection, THRESHOLD + sign)
        if magnitude < threshold:
            continue
        if magnitude == threshold:
            ties = load(draft.chunks, NOTES * chunk + TIES + sign)
            if ties > 0:
                store(draft.chunks, NOTES * chunk + TIES + sign, ties - 1)
                continue
        store(draft.indices, at, load(layer.indices, k))
        store(draft.weights, at, load(layer.weights, k))
        store(draft.slots_1, at, load(layer.slots_1, k))
        if draft.two_slots:
            store(draft.slots_2, at, load(layer.slots_2, k))
        at += 1
    return at


@inlined
def count_ties(layer, draft, chunk, first, last):
    """Take the ties that a chunk drops from its rows' counts of what stays."""
    left_0 = load(draft.chunks, NOTES * chunk + TIES)
    left_1 = load(draft.chunks, NOTES * chunk + TIES + 1)
    for row in range(first, last):
        if left_0 + left_1 == 0:
            return
        for k in range(load(layer.indptr, row), load(layer.indptr, row + 1)):
            sign, magnitude = load(layer.bits, k) >> 31, magnitude_of(load(layer.bits, k))
            left = left_1 if sign else left_0
            if magnitude == load(draft.selection, THRESHOLD + sign) and left > 0:
                left_0 -= 1 - sign
                left_1 -= sign
                store(draft.kept, row, load(draft.kept, row) - 1)


# ---------------------------------------------------------------- grow


@inlined
def share_out_ties(draft, n_chunks):
    """Decide how many ties each chunk drops, in storage order."""
    for sign in range(2):
        left = load(draft.selection, DROPPED_TIES + sign)
        for chunk in range(n_chunks):
            ties, kept = NOTES * chunk + TIES + sign, NOTES * chunk + KEPT
            dropped = min(left, load(draft.chunks, ties))
            store(draft.chunks, ties, dropped)
            store(draft.chunks, kept, load(draft.chunks, kept) - dropped)
            left -= dropped


@inlined
def share_out_growth(layer, draft, n_chunks, n_grown, law):
    """Decide at random how many connections each chunk grows, and where it begins in the draft.

    A chunk is drawn, and the draw counts as often as its free cells are many: in the end, every
    free cell was as likely as any other. All in one thread, so each draw should be cheap.
    """
    own = 2 * MAX_CHUNKS
    store(draft.states, own, derive(law.topology, ZERO))
    for chunk in range(n_chunks):
        rows = share(layer.n_in, chunk + 1, n_chunks) - share(layer.n_in, chunk, n_chunks)
        free = rows * layer.n_out - load(draft.chunks, NOTES * chunk + KEPT)
        store(draft.chunks, NOTES * chunk + FREE, free)
    most_cells = (layer.n_in + n_chunks - 1) // n_chunks * layer.n_out
    left = n_grown
    while left > 0:
        chunk, uniform = next_below_and_uniform(draft.states, own, n_chunks)
        free = load(draft.chunks, NOTES * chunk + FREE)
        if uniform * most_cells < free:
            store(draft.chunks, NOTES * chunk + FREE, free - 1)
            left -= 1
    start = 0
    for chunk in range(n_chunks):
        rows = share(layer.n_in, chunk + 1, n_chunks) - share(layer.n_in, chunk, n_chunks)
        store(draft.chunks, NOTES * chunk + START, start)
        # What is neither kept nor still free has grown; the chunk's part of the draft is both.
        filled = rows * layer.n_out - load(draft.chunks, NOTES * chunk + FREE)
        grown = filled - load(draft.chunks, NOTES * chunk + KEPT)
        store(draft.chunks, NOTES * chunk + GROWN, grown)
        start += filled


@inlined
def preferred_row(layer, draft, state):
    """Draw a row in proportion to its preference, by bisection of their running sums."""
    goal = next_uniform(draft.states, state) * load(layer.preferences, layer.n_in)
    low, high = 0, layer.n_in - 1
    while low < high:
        middle = (low + high) >> 1
        if load(layer.preferences, middle + 1) > goal:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def share_out_guided_growth(layer, draft, n_chunks, n_grown, law):
    """Decide at random how many connections each row grows, and where the chunks begin.

    A row is drawn in proportion to its preference; the share of it that is free decides if the
    draw counts: so each free cell is as likely as its row is preferred.
    """
    own = 2 * MAX_CHUNKS
    store(draft.states, own, derive(law.topology, ZERO))
    for row in range(layer.n_in):
        store(draft.grown, row, 0)
    drawn = 0
    while drawn < n_grown:
        row = preferred_row(layer, draft, own)
        free = layer.n_out - load(draft.kept, row) - load(draft.grown, row)
        if next_uniform(draft.states, own) * layer.n_out < free:
            store(draft.grown, row, load(draft.grown, row) + 1)
            drawn += 1
    start = 0
    for chunk in range(n_chunks):
        store(draft.chunks, NOTES * chunk + START, start)
        start += load(draft.chunks, NOTES * chunk + KEPT)
        for row in range(
            share(layer.n_in, chunk, n_chunks), share(layer.n_in, chunk + 1, n_chunks)
        ):
            start += load(draft.grown, row)


@inlined
def draw_rows(layer, draft, chunk, first, last):
    """Decide at random how many connections each row of a chunk grows."""
    for row in range(first, last):
        store(draft.grown, row, 0)
    left = load(draft.chunks, NOTES * chunk + GROWN)
    while left > 0:
        below, uniform = next_below_and_uniform(draft.states, 2 * chunk, last - first)
        row = first + below
        free = layer.n_out - load(draft.kept, row) - load(draft.grown, row)
        if uniform * layer.n_out < free:
            store(draft.grown, row, load(draft.grown, row) + 1)
            left -= 1


@inlined
def enumerate_columns(n_out, draft, start, stop, columns, n, state):
    """Draw n free columns of a crowded row by passing over all of them once."""
    free, left, k = n_out - (stop - start), n, start
    for column in range(n_out):
        if k < stop and load(draft.indices, k) == column:
            k += 1
            continue
        if next_uniform(draft.states, state) * free < left:
            store(draft.columns, columns + n - left, column)
            left -= 1
        free -= 1


@inlined
def sort_columns(draft, columns, n):
    """Sort n columns in place (Shell's sort: an insertion sort where they are few)."""
    gap = 1
    while 3 * gap + 1 < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            column, k = load(draft.columns, columns + i), i
            while k >= gap and load(draft.columns, columns + k - gap) > column:
                store(draft.columns, columns + k, load(draft.columns, columns + k - gap))
                k -= gap
            store(draft.columns, columns + k, column)
        gap //= 3


@inlined
def draw_columns(n_out, draft, start, stop, columns, n, state):
    """Draw n free columns of a row: fill up with random ones, strike out what is taken, repeat."""
    found = 0
    while found < n:
        for i in range(found, n):
            store(draft.columns, columns + i, next_below(draft.states, state, n_out))
        sort_columns(draft, columns, n)
        found, k, previous = 0, start, -1
        for i in range(n):
            column = load(draft.columns, columns + i)
            while k < stop and load(draft.indices, k) < column:
                k += 1
            taken = k < stop and load(draft.indices, k) == column
            if column != previous and not taken:
                store(draft.columns, columns + found, column)
                found += 1
            previous = column


@inlined
def new_weight(law, states, i):
    """A weight of the initial law."""
    if law.kind == UNIFORM:
        return np.float32(2.0 * next_uniform(states, i) - 1.0) * law.scale
    radius = np.sqrt(-2.0 * np.log(1.0 - next_uniform(states, i)))
    return np.float32(radius * np.cos(2.0 * np.pi * next_uniform(states, i))) * law.scale


@inlined
def merge_row(draft, law, start, stop, columns, n, state):
    """Insert n new connections into a sorted row, from its end, in place."""
    old, new, at = stop - 1, n - 1, stop + n - 1
    while new >= 0:
        if old >= start and load(draft.indices, old) > load(draft.columns, columns + new):
            store(draft.indices, at, load(draft.indices, old))
            store(draft.weights, at, load(draft.weights, old))
            store(draft.slots_1, at, load(draft.slots_1, old))
            if draft.two_slots:
                store(draft.slots_2, at, load(draft.slots_2, old))
            old -= 1
        else:
            store(draft.indices, at, load(draft.columns, columns + new))
            store(draft.weights, at, new_weight(law, draft.states, state))
            store(draft.slots_1, at, np.float32(0))
            if draft.two_slots:
                store(draft.slots_2, at, np.float32(0))
            new -= 1
        at -= 1


@inlined
def rebuild_chunk(thread, layer, draft, law, chunk, first, last):
    """Write a chunk of rows to the draft: what stays, and what grows between."""
    topology, weights = 2 * chunk, 2 * chunk + 1
    store(draft.states, topology, derive(law.topology, chunk + 1))
    store(draft.states, weights, derive(law.weights, chunk + 1))
    if not layer.guided:
        draw_rows(layer, draft, chunk, first, last)
    columns = thread * draft.max_grown
    start = load(draft.chunks, NOTES * chunk + START)
    for row in range(first, last):
        stop = copy_kept(layer, draft, row, start, chunk)
        n = load(draft.grown, row)
        if 2 * (stop - start + n) > layer.n_out:
            enumerate_columns(layer.n_out, draft, start, stop, columns, n, topology)
        else:
            draw_columns(layer.n_out, draft, start, stop, columns, n, topology)
        merge_row(draft, law, start, stop, columns, n, weights)
        start = stop + n
        store(draft.indptr, row + 1, layer.start + start)


# ---------------------------------------------------------------- what Python calls


@inlined
def adopt(thread, n_threads, layer, draft):
    """Copy this thread's share of the draft into the layer."""
    first = share(draft.n_connections, thread, n_threads)
    for k in range(first, share(draft.n_connections, thread + 1, n_threads)):
        store(layer.indices, layer.start + k, load(draft.indices, k))
        store(layer.weights, layer.start + k, load(draft.weights, k))
        store(layer.slots_1, layer.start + k, load(draft.slots_1, k))
        if draft.two_slots:
            store(layer.slots_2, layer.start + k, load(draft.slots_2, k))
    for row in range(
        share(layer.n_in, thread, n_threads), share(layer.n_in, thread + 1, n_threads)
    ):
        store(layer.indptr, row + 1, load(draft.indptr, row + 1))


@kernel
def rebuild_layer(thread, n_threads, sync, layer, draft, law, zeta):
    """One evolution of one layer; or, where the layer holds nothing yet, its initialisation.

    Every thread makes this call. ``draft.selection`` says in the end how many of each sign moved.
    """
    sync, layer, draft = bare(sync), bare(layer), bare(draft)
    n_chunks = min(MAX_CHUNKS, layer.n_in)
    held = load(layer.indptr, layer.n_in) - load(layer.indptr, 0)
    n_grown = draft.n_connections
    phase = barrier(sync, n_threads, ZERO)
    if phase < 0:
        return
    if held > 0:
        phase = select_thresholds(thread, n_threads, sync, phase, layer, draft, zeta)
        n_grown = load(draft.selection, DROPS) + load(draft.selection, DROPS + 1)
    for chunk in range(thread, n_chunks, n_threads):
        first, last = share(layer.n_in, chunk, n_chunks), share(layer.n_in, chunk + 1, n_chunks)
        count_kept(layer, draft, chunk, first, last)
    phase = barrier(sync, n_threads, phase)
    if thread == 0:
        share_out_ties(draft, n_chunks)
        if not layer.guided:
            share_out_growth(layer, draft, n_chunks, n_grown, law)
    phase = barrier(sync, n_threads, phase)
    for chunk in range(thread, n_chunks, n_threads):
        if told_to_stop(sync):
            break
        first, last = share(layer.n_in, chunk, n_chunks), share(layer.n_in, chunk + 1, n_chunks)
        count_ties(layer, draft, chunk, first, last)
    phase = barrier(sync, n_threads, phase)
    if layer.guided:
        if thread == 0:
            share_out_guided_growth(layer, draft, n_chunks, n_grown, law)
        phase = barrier(sync, n_threads, phase)
    for chunk in range(thread, n_chunks, n_threads):
        first, last = share(layer.n_in, chunk, n_chunks), share(layer.n_in, chunk + 1, n_chunks)
        rebuild_chunk(thread, layer, draft, law, chunk, first, last)
    barrier(sync, n_threads, phase)
    adopt(thread, n_threads, layer, draft)
