"""The forward pass of one layer: ``z[j] = b[j] + sum over i of w[i, j] * f(z[i])``, scattered.

Notation: see :mod:`sksparse_mlp._kernels.records`; layout: see :mod:`sksparse_mlp._kernels.steps`.
"""

import numpy as np

from .activations import activate
from .barrier import barrier, own_share, row_of_share, share, stop_requested
from .jit import always_inlined, inlined
from .levels import is_skip, levels_of
from .random import lane_key
from .records import IDENTITY, ONE, RELU, ZERO, Block, Pass
from .simd import load, none_positive, prefetch, store, vadd, vdrop, vfma, vload, vsplat, vstore

# Vectors are prefetched at least this many connections ahead, at most this many of a row at once.
PREFETCH_DISTANCE, PREFETCH_AT_MOST = 24, 96
# But only where a tile of the next level has more bytes than caches keep: elsewhere it costs time.
CACHE_BYTES = 4_000_000


@inlined
def exceeds_cache(lanes, net, layer):
    """Whether the vectors that a layer's connections lead to are likely to be out of cache."""
    _level, target_level = levels_of(net, layer)
    return 4 * (load(net.widths, target_level) << len(lanes)) > CACHE_BYTES


@always_inlined
def prefetch_vectors(lanes, net, tiles, target, first, last):
    """Prefetch the vectors that connections first .. last - 1 lead to."""
    for k in range(first, last):
        prefetch_vector(lanes, tiles, target + (load(net.indices, k) << len(lanes)))


@always_inlined
def prefetch_vector(lanes, tiles, at):
    """Prefetch all cache lines of a vector."""
    for line in range(0, 1 << len(lanes), 16):
        prefetch(tiles, at + line)


@inlined
def activation_of(params, level):
    """The activation code of a level: the inputs are taken as they are."""
    return params.activation if level > 0 else IDENTITY


@inlined
def dropout_of(params, level):
    """The dropout threshold of a level: the inputs' own was applied when they were loaded."""
    return params.dropout if level > 0 else np.uint64(0)


@inlined
def split_columns(worker, net, workspace, layer):
    """Find where each thread's columns begin within the rows of a layer; this thread's rows."""
    level, target_level = levels_of(net, layer)
    n_in, n_out = load(net.widths, level), load(net.widths, target_level)
    first, last = own_share(worker, n_in)
    pointers = load(net.first_pointer, layer)
    for part in range(1, worker.n_threads):
        column = share(n_out, part, worker.n_threads)
        splits = (part - 1) * net.n_pointers
        for pointer in range(pointers + first, pointers + last):
            start = load(net.indptr, pointer)
            low, high = start, load(net.indptr, pointer + 1)
            while low < high:
                middle = (low + high) >> 1
                if load(net.indices, middle) < column:
                    low = middle + 1
                else:
                    high = middle
            store(workspace.column_splits, splits + pointer, low - start)


@inlined
def fill_with_intercepts(lanes, net, level, tiles, start):
    """Set each vector of a level's tile to the intercept of its neuron."""
    width, first_unit = 1 << len(lanes), load(net.first_unit, level)
    for j in range(load(net.widths, level)):
        vstore(tiles, start + j * width, vsplat(load(net.intercepts, first_unit + j), lanes))


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
def part_of_row(net, block, pointer):
    """Which connections of a row lead to a block's columns: the first, and one beyond."""
    start, stop = load(net.indptr, pointer), load(net.indptr, pointer + 1)
    begin = start
    if block.part > 0:
        start = begin + load(block.splits, (block.part - 1) * net.n_pointers + pointer)
    if block.part < block.parts - 1:
        stop = begin + load(block.splits, block.part * net.n_pointers + pointer)
    return start, stop


@inlined
def scatter(lanes, net, params, view, block, tiles, sums):
    """``z[j] += w[i, j] * a[i]`` for the rows and columns of a block.

    The tile at ``view.source`` of ``tiles`` is read, that at ``view.target`` of ``sums`` added to.
    """
    width, level = 1 << len(lanes), view.level
    pointers, units = load(net.first_pointer, view.layer), load(net.first_unit, level)
    activation, slope = activation_of(params, level), load(params.slopes, level)
    dropout, beyond_cache = dropout_of(params, level), exceeds_cache(lanes, net, view.layer)
    held = load(net.indptr, pointers + load(net.widths, level)) - load(net.indptr, pointers)
    ahead = 1 + PREFETCH_DISTANCE * load(net.widths, level) * block.parts // (held + 1)
    for row in range(block.first, block.last):
        if beyond_cache and row + ahead < block.last:
            start, stop = part_of_row(net, block, pointers + row + ahead)
            stop = min(stop, start + PREFETCH_AT_MOST)
            prefetch_vectors(lanes, net, sums, view.target, start, stop)
        start, stop = part_of_row(net, block, pointers + row)
        if start == stop:
            continue
        z = vload(tiles, view.source + row * width, lanes)
        if activation == RELU and none_positive(z):
            continue
        a = activate(lanes, z, activation, slope, net, units + row)
        if dropout > 0:
            key = lane_key(lanes, view.dropout_key, units + row, view.tile)
            a = vdrop(a, key, dropout, params.dropout_scale)
        scatter_row(lanes, net, a, sums, view.target, start, stop)


@inlined
def scatter_all(lanes, net, params, layer, tiles, source, target):
    """The whole of a layer for one tile, as prediction needs it: intercepts, then all rows."""
    level, target_level = levels_of(net, layer)
    if not is_skip(net, layer):
        fill_with_intercepts(lanes, net, target_level, tiles, target)
    view = Pass(layer, level, ZERO, source, target, np.uint64(0))
    block = Block(ZERO, load(net.widths, level), net.indices, ZERO, ONE)
    scatter(lanes, net, params, view, block, tiles, tiles)


@inlined
def forward(worker, net, params, workspace, layer, step, phase):
    """Pre-activations of the level that a layer leads to; a skip layer adds to those it finds.

    A wide layer is shared out by columns: each thread owns some outputs and passes over all
    inputs. A narrow one by chunks of inputs, each with private sums, added up in a fixed order.
    """
    lanes, width = worker.lanes, 1 << len(worker.lanes)
    level, target_level = levels_of(net, layer)
    n_in, n_out = load(net.widths, level), load(net.widths, target_level)
    pointers = load(net.first_pointer, layer)
    n_chunks = load(workspace.n_chunks, layer)
    private = n_chunks > 0
    first_chunk, n_blocks, stride = (
        (worker.thread, n_chunks, worker.n_threads) if private else (ZERO, ONE, ONE)
    )
    part, parts = (ZERO, ONE) if private else (worker.thread, worker.n_threads)
    sums = workspace.partials if private else workspace.activations
    for chunk in range(first_chunk, n_blocks, stride):
        first = row_of_share(net.indptr, pointers, n_in, chunk, n_blocks)
        last = row_of_share(net.indptr, pointers, n_in, chunk + 1, n_blocks)
        block = Block(first, last, workspace.column_splits, part, parts)
        for tile in range(step.n_tiles):
            if stop_requested(worker):
                break
            source = load(workspace.level_start, level) + tile * n_in * width
            target = (chunk * step.n_tiles + tile) * n_out * width
            if not private:
                target += load(workspace.level_start, target_level)
            if private or not is_skip(net, layer):
                first_unit = load(net.first_unit, target_level)
                for j in range(share(n_out, part, parts), share(n_out, part + 1, parts)):
                    start = np.float32(0) if private else load(net.intercepts, first_unit + j)
                    vstore(sums, target + j * width, vsplat(start, lanes))
            view = Pass(layer, level, tile, source, target, step.dropout_key)
            scatter(lanes, net, params, view, block, workspace.activations, sums)
    phase = barrier(worker, phase)
    if private:
        add_private_sums(worker, net, workspace, layer, step.n_tiles)
        phase = barrier(worker, phase)
    return phase


@inlined
def add_private_sums(worker, net, workspace, layer, n_tiles):
    """``z = intercept + sum of the chunks' private sums`` for this thread's outputs.

    A skip layer's sums are added to the ``z`` that is there.
    """
    lanes, width = worker.lanes, 1 << len(worker.lanes)
    _level, target_level = levels_of(net, layer)
    n_out, first_unit = load(net.widths, target_level), load(net.first_unit, target_level)
    first, last = own_share(worker, n_out)
    for j in range(first, last):
        for tile in range(n_tiles):
            place = load(workspace.level_start, target_level) + (tile * n_out + j) * width
            z = vsplat(load(net.intercepts, first_unit + j), lanes)
            if is_skip(net, layer):
                z = vload(workspace.activations, place, lanes)
            for chunk in range(load(workspace.n_chunks, layer)):
                at = ((chunk * n_tiles + tile) * n_out + j) * width
                z = vadd(z, vload(workspace.partials, at, lanes))
            vstore(workspace.activations, place, z)
