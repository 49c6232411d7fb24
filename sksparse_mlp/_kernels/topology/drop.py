"""Which connections a layer drops: in each of two groups, so many of the least salient ones.

A connection's saliency is a uint32: its highest bit is the group, the other 31 are the bits of a
float's magnitude, which order as the magnitudes do. The exact threshold of each group comes from a
radix select in three digits; ties are dropped in storage order.
"""

import numpy as np

from ..barrier import barrier, own_share
from ..jit import inlined
from ..records import ZERO
from ..simd import load, store
from .notes import DIGITS, DROPPED_TIES, HISTOGRAM, KEPT, NOTES, THRESHOLD, TIES


@inlined
def saliency_of(layer, k):
    """The group and the magnitude of connection k."""
    bits = load(layer.saliency, k)
    return bits >> 31, bits & 0x7FFFFFFF


@inlined
def count_digit(layer, buffers, histogram, share_of_layer, shift, width, above):
    """Histogram of a digit of the magnitudes, by group, where the digits above match."""
    for digit in range(2 * HISTOGRAM):
        store(buffers.histograms, histogram + digit, 0)
    mask = (1 << width) - 1
    for k in range(share_of_layer[0], share_of_layer[1]):
        group, magnitude = saliency_of(layer, k)
        if magnitude >> above == load(buffers.selection, THRESHOLD + group):
            at = histogram + group * HISTOGRAM + ((magnitude >> shift) & mask)
            store(buffers.histograms, at, load(buffers.histograms, at) + 1)


@inlined
def count_in_digit(buffers, n_threads, group, digit):
    """How many connections of a group have a digit, over all threads' histograms."""
    total = 0
    for thread in range(n_threads):
        total += load(buffers.histograms, (2 * thread + group) * HISTOGRAM + digit)
    return total


@inlined
def choose_digit(buffers, n_threads, width):
    """Extend each group's threshold by the digit that its number of drops falls into.

    What is left of that number inside the digit will be, after the last one, the ties to drop.
    """
    for group in range(2):
        left, digit = load(buffers.selection, DROPPED_TIES + group), 0
        below = count_in_digit(buffers, n_threads, group, ZERO)
        while below < left:
            left -= below
            digit += 1
            below = count_in_digit(buffers, n_threads, group, digit)
        store(buffers.selection, DROPPED_TIES + group, left)
        threshold = load(buffers.selection, THRESHOLD + group) << width
        store(buffers.selection, THRESHOLD + group, threshold | digit)


@inlined
def select_thresholds(worker, layer, buffers, held, phase):
    """The magnitude in each group below which connections are dropped; exact, ties counted."""
    share_of_layer = own_share(worker, held)
    own, above = 2 * HISTOGRAM * worker.thread, np.int64(31)
    for digit in range(3):
        shift, width = DIGITS[digit]
        count_digit(layer, buffers, own, share_of_layer, shift, width, above)
        phase = barrier(worker, phase)
        if worker.thread == 0:
            choose_digit(buffers, worker.n_threads, width)
        phase = barrier(worker, phase)
        above = shift
    return phase


@inlined
def n_chosen(layer, row):
    """How many new connections of a row were chosen before."""
    if not layer.chooses:
        return ZERO
    return load(layer.chosen_indptr, row + 1) - load(layer.chosen_indptr, row)


@inlined
def count_kept(layer, buffers, chunk, first, last):
    """How many connections of each row stay or were chosen, ties among them; how many are ties."""
    store(buffers.chunks, NOTES * chunk + TIES, 0)
    store(buffers.chunks, NOTES * chunk + TIES + 1, 0)
    total = 0
    for row in range(first, last):
        kept = n_chosen(layer, row)
        for k in range(load(layer.indptr, row), load(layer.indptr, row + 1)):
            group, magnitude = saliency_of(layer, k)
            threshold = load(buffers.selection, THRESHOLD + group)
            kept += magnitude >= threshold
            if magnitude == threshold:
                at = NOTES * chunk + TIES + group
                store(buffers.chunks, at, load(buffers.chunks, at) + 1)
        store(buffers.kept, row, kept)
        total += kept
    store(buffers.chunks, NOTES * chunk + KEPT, total)


@inlined
def share_out_ties(buffers, n_chunks):
    """Decide how many ties each chunk drops, in storage order."""
    for group in range(2):
        left = load(buffers.selection, DROPPED_TIES + group)
        for chunk in range(n_chunks):
            ties, kept = NOTES * chunk + TIES + group, NOTES * chunk + KEPT
            dropped = min(left, load(buffers.chunks, ties))
            store(buffers.chunks, ties, dropped)
            store(buffers.chunks, kept, load(buffers.chunks, kept) - dropped)
            left -= dropped


@inlined
def count_ties(layer, buffers, chunk, first, last):
    """Take the ties that a chunk drops from its rows' counts of what stays."""
    left_0 = load(buffers.chunks, NOTES * chunk + TIES)
    left_1 = load(buffers.chunks, NOTES * chunk + TIES + 1)
    for row in range(first, last):
        if left_0 + left_1 == 0:
            return
        for k in range(load(layer.indptr, row), load(layer.indptr, row + 1)):
            group, magnitude = saliency_of(layer, k)
            left = left_1 if group else left_0
            if magnitude == load(buffers.selection, THRESHOLD + group) and left > 0:
                left_0 -= 1 - group
                left_1 -= group
                store(buffers.kept, row, load(buffers.kept, row) - 1)


@inlined
def copy_kept(layer, buffers, row, at, end, chunk):
    """Copy the connections of a row that stay to the buffers; drops ties, the first ones first.

    What is dropped is copied, too, and overwritten by what comes next: no processor can foresee
    which stay. Nothing is written from the chunk's end on.
    """
    for k in range(load(layer.indptr, row), load(layer.indptr, row + 1)):
        if at == end:
            return at
        group, magnitude = saliency_of(layer, k)
        threshold = load(buffers.selection, THRESHOLD + group)
        stays = np.int64(magnitude >= threshold)
        if magnitude == threshold:
            ties = load(buffers.chunks, NOTES * chunk + TIES + group)
            if ties > 0:
                store(buffers.chunks, NOTES * chunk + TIES + group, ties - 1)
                stays = ZERO
        store(buffers.indices, at, load(layer.indices, k))
        store(buffers.weights, at, load(layer.weights, k))
        store(buffers.moment_1, at, load(layer.moment_1, k))
        if buffers.two_moments:
            store(buffers.moment_2, at, load(layer.moment_2, k))
        at += stays
    return at
