"""The forward pass of one layer: ``z[j] = b[j] + sum over i of w[i, j] * f(z[i])``, scattered.

Notation and layout: see :mod:`sksparse_mlp._kernels`.
"""

import numpy as np

from ._activations import activate
from ._jit import always_inlined, inlined
from ._random import lane_key
from ._records import IDENTITY, ONE, RELU, ZERO
from ._simd import load, none_positive, prefetch, store, vadd, vdrop, vfma, vload, vsplat, vstore
from ._threads import barrier, row_of_share, share, told_to_stop

# Rows of lanes are asked for at least so many connections ahead, and at most so many at once.
AHEAD, AT_ONCE = 24, 96
# But only where a tile of the next level has more bytes than caches keep: elsewhere it costs time.
FAR = 4_000_000


@inlined
def is_far(lanes, net, layer):
    """Whether the rows that a layer's connections lead to are likely to be out of cache."""
    return 4 * (load(net.widths, layer + 1) << len(lanes)) > FAR


@always_inlined
def ask_for(lanes, net, tiles, target, first, last):
    """Ask for the rows of lanes that connections first .. last - 1 lead to."""
    width = 1 << len(lanes)
    for k in range(first, last):
        at = target + load(net.indices, k) * width
        for line in range(0, width, 16):
            prefetch(tiles, at + line)


@inlined
def activation_of(rules, level):
    """The activation code of a level: the inputs are taken as they are."""
    return rules.activation if level > 0 else IDENTITY


@inlined
def dropout_of(rules, level):
    """The dropout threshold of a level: the inputs' own was applied when they were loaded."""
    return rules.dropout if level > 0 else np.uint64(0)


@inlined
def split_columns(net, work, layer, thread, n_threads):
    """Find where each thread's columns begin within the rows of a layer; this thread's rows."""
    n_in, n_out = load(net.widths, layer), load(net.widths, layer + 1)
    for part in range(1, n_threads):
        column = share(n_out, part, n_threads)
        splits = (part - 1) * net.n_pointers
        first = load(net.first_row, layer) + share(n_in, thread, n_threads)
        last = load(net.first_row, layer) + share(n_in, thread + 1, n_threads)
        for row in range(first, last):
            start = load(net.indptr, row)
            low, high = start, load(net.indptr, row + 1)
            while low < high:
                middle = (low + high) >> 1
                if load(net.indices, middle) < column:
                    low = middle + 1
                else:
                    high = middle
            store(work.column_splits, splits + row, low - start)


@inlined
def fill_rows(lanes, values, first_value, tiles, offset, first, last):
    """Set rows first .. last - 1 of a tile to one value each."""
    width = 1 << len(lanes)
    for row in range(first, last):
        vstore(tiles, offset + row * width, vsplat(load(values, first_value + row), lanes))


@always_inlined
def place_and_sum(lanes, net, a, sums, target, k):
    """Where connection k adds to, and the new sum there."""
    at = target + load(net.indices, k) * (1 << len(lanes))
    return at, vfma(vsplat(load(net.weights, k), lanes), a, vload(sums, at, lanes))


@always_inlined
def scatter_row(lanes, net, a, sums, target, k, stop):
    """``z[j] += w * a`` for connections k .. stop - 1 of one neuron.

    In pairs, both loads before both stores, past which a load would not be moved. Within a row all
    columns differ.
    """
    while k + 2 <= stop:
        at, z = place_and_sum(lanes, net, a, sums, target, k)
        next_at, next_z = place_and_sum(lanes, net, a, sums, target, k + 1)
        vstore(sums, at, z)
        vstore(sums, next_at, next_z)
        k += 2
    if k < stop:
        at, z = place_and_sum(lanes, net, a, sums, target, k)
        vstore(sums, at, z)


@always_inlined
def part_of_row(net, splits, pointer, part, parts):
    """Which connections of a row lead to one part of the columns: the first, and one beyond."""
    start, stop = load(net.indptr, pointer), load(net.indptr, pointer + 1)
    begin = start
    if part > 0:
        start = begin + load(splits, (part - 1) * net.n_pointers + pointer)
    if part < parts - 1:
        stop = begin + load(splits, part * net.n_pointers + pointer)
    return start, stop


@inlined
def scatter(
    lanes,
    net,
    rules,
    layer,
    tiles,
    source,
    sums,
    target,
    key,
    tile,
    first,
    last,
    splits,
    part,
    parts,
):
    """``z[j] += w[i, j] * a[i]`` for rows first .. last - 1 and the columns of one part."""
    width = 1 << len(lanes)
    pointers, units = load(net.first_row, layer), load(net.first_unit, layer)
    activation, slope = activation_of(rules, layer), load(rules.slopes, layer)
    dropout, far = dropout_of(rules, layer), is_far(lanes, net, layer)
    held = load(net.indptr, pointers + load(net.widths, layer)) - load(net.indptr, pointers)
    rows_ahead = 1 + AHEAD * load(net.widths, layer) * parts // (held + 1)
    for row in range(first, last):
        if far and row + rows_ahead < last:
            start, stop = part_of_row(net, splits, pointers + row + rows_ahead, part, parts)
            ask_for(lanes, net, sums, target, start, min(stop, start + AT_ONCE))
        start, stop = part_of_row(net, splits, pointers + row, part, parts)
        if start == stop:
            continue
        z = vload(tiles, source + row * width, lanes)
        if activation == RELU and none_positive(z):
            continue
        a = activate(lanes, z, activation, slope, net, units + row)
        if dropout > 0:
            a = vdrop(a, lane_key(lanes, key, units + row, tile), dropout, rules.dropout_scale)
        scatter_row(lanes, net, a, sums, target, start, stop)


@inlined
def forward(lanes, thread, n_threads, sync, phase, net, rules, work, layer, n_tiles, key):
    """Pre-activations of the next level.

    A wide layer is shared out by columns: each thread owns some outputs and passes over all
    inputs. A narrow one by chunks of inputs, each with private sums, added up in a fixed order.
    """
    width = 1 << len(lanes)
    n_in, n_out = load(net.widths, layer), load(net.widths, layer + 1)
    first_unit, pointers = load(net.first_unit, layer + 1), load(net.first_row, layer)
    n_chunks = load(work.n_chunks, layer)
    private = n_chunks > 0
    first_job, n_jobs, stride = (thread, n_chunks, n_threads) if private else (ZERO, ONE, ONE)
    part, parts = (ZERO, ONE) if private else (thread, n_threads)
    sums = work.partials if private else work.activations
    for job in range(first_job, n_jobs, stride):
        first = row_of_share(net.indptr, pointers, n_in, job, n_jobs)
        last = row_of_share(net.indptr, pointers, n_in, job + 1, n_jobs)
        for tile in range(n_tiles):
            if told_to_stop(sync):
                break
            source = load(work.level_start, layer) + tile * n_in * width
            target = (job * n_tiles + tile) * n_out * width
            if not private:
                target += load(work.level_start, layer + 1)
            for j in range(share(n_out, part, parts), share(n_out, part + 1, parts)):
                start = np.float32(0) if private else load(net.intercepts, first_unit + j)
                vstore(sums, target + j * width, vsplat(start, lanes))
            scatter(
                lanes, net, rules, layer, work.activations, source, sums, target, key, tile,
                first, last, work.column_splits, part, parts,
            )  # fmt: skip
    phase = barrier(sync, n_threads, phase)
    if private:
        add_private_sums(lanes, thread, n_threads, net, work, layer, n_tiles)
        phase = barrier(sync, n_threads, phase)
    return phase


@inlined
def add_private_sums(lanes, thread, n_threads, net, work, layer, n_tiles):
    """``z = intercept + sum of the chunks' private sums`` for this thread's outputs."""
    width = 1 << len(lanes)
    n_out, first_unit = load(net.widths, layer + 1), load(net.first_unit, layer + 1)
    for j in range(share(n_out, thread, n_threads), share(n_out, thread + 1, n_threads)):
        for tile in range(n_tiles):
            z = vsplat(load(net.intercepts, first_unit + j), lanes)
            for chunk in range(load(work.n_chunks, layer)):
                at = ((chunk * n_tiles + tile) * n_out + j) * width
                z = vadd(z, vload(work.partials, at, lanes))
            at = load(work.level_start, layer + 1) + (tile * n_out + j) * width
            vstore(work.activations, at, z)
