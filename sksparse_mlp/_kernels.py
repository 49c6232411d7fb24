"""The arithmetic of training and prediction: flat arrays in, arrays out.

Notation: level 0 are the inputs, level ``l + 1`` the neurons that connection layer ``l`` feeds.
``z`` is a pre-activation, ``a = f(z)`` an activation, ``d = dL/dz`` its gradient. Layer ``l`` is
one CSR matrix ordered by input neuron; all layers lie one behind the other in flat arrays.

Activations are *tile-major*: ``[tile, neuron, lane]``, a lane being one sample of the
mini-batch. For each connection the kernels touch one row of lanes, which is contiguous. A level's
buffer holds ``z`` after the forward pass; backward overwrites it with ``d``; ``a`` is recomputed
whenever a row is loaded.

A whole range of mini-batches runs in one compiled call, which every thread makes side by side.
Between two passes the threads meet at a barrier. Every sum has one owner and one order, so the
number of threads never changes a bit of the result.
"""

import numpy as np

from ._activations import activate, add_srelu_gradients, through_activation
from ._jit import always_inlined, inlined, kernel
from ._loading import HIDDEN_DROPOUT, disturb_tile, load_tile
from ._loss import output_gradients, softmax_loss, squared_errors, sum_of_errors
from ._optimizers import update
from ._random import derive, lane_key
from ._records import IDENTITY, ONE, RELU, SQUARED_ERROR, SRELU, ZERO
from ._simd import (
    add_kept,
    add_vdots,
    bare,
    load,
    none_positive,
    prefetch,
    store,
    vadd,
    vdot,
    vdrop,
    vflush,
    vfma,
    vload,
    vsplat,
    vstore,
    vsum,
)
from ._threads import barrier, row_of_share, share, told_to_stop

# Connections whose gradients are gathered before their weights are updated: 8 kB, inside L1.
BLOCK = 2048
# How far ahead the backward pass asks for the rows that it will gather, in connections.
PREFETCH_DISTANCE = 16
# Beyond this many bytes a gathered table no longer stays in a core's own cache.
PREFETCH_ABOVE = 1_200_000


# ---------------------------------------------------------------- forward


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
    dropout = dropout_of(rules, layer)
    for row in range(first, last):
        begin, stop = load(net.indptr, pointers + row), load(net.indptr, pointers + row + 1)
        start = begin
        if part > 0:
            start = begin + load(splits, (part - 1) * net.n_pointers + pointers + row)
        if part < parts - 1:
            stop = begin + load(splits, part * net.n_pointers + pointers + row)
        if start == stop:
            continue
        z = vload(tiles, source + row * width, lanes)
        if activation == RELU and none_positive(z):
            continue
        a = activate(lanes, z, activation, slope, net, units + row)
        if dropout > 0:
            a = vdrop(a, lane_key(lanes, key, units + row, tile), dropout, rules.dropout_scale)
        for k in range(start, stop):
            at = target + load(net.indices, k) * width
            w = vsplat(load(net.weights, k), lanes)
            vstore(sums, at, vfma(w, a, vload(sums, at, lanes)))


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


# ---------------------------------------------------------------- loss


@inlined
def loss_of_step(
    lanes, thread, n_threads, sync, phase, net, rules, work, rows, plan, step, n_tiles
):
    """The loss of a mini-batch; the outputs' ``z`` become ``d``.

    Classes are few: one thread does them. A reconstruction is as wide as the inputs: shared out.
    """
    start = step * plan.batch_size
    n_samples = min(plan.batch_size, plan.n_samples - start)
    n_out = load(net.widths, net.n_layers)
    wide = rules.loss == SQUARED_ERROR
    if wide:
        first, last = share(n_out, thread, n_threads), share(n_out, thread + 1, n_threads)
        squared_errors(lanes, thread, net, work, rows, plan, start, n_samples, n_tiles, first, last)
        phase = barrier(sync, n_threads, phase)
    if thread == 0:
        if wide:
            loss = sum_of_errors(net, work)
        else:
            loss = softmax_loss(lanes, net, work, plan, start, n_samples, n_tiles)
            output_gradients(lanes, net, work, n_tiles)
        store(plan.losses, step, loss)
        if told_to_stop(sync):
            store(plan.status, 0, -1)
        elif not np.isfinite(loss):
            store(plan.status, 0, step + 1)
    return barrier(sync, n_threads, phase)


# ---------------------------------------------------------------- backward


@always_inlined
def backward_row(lanes, net, rules, work, layer, row, source, target, key, tile, shift):
    """Gradients of one input neuron's connections, and of the neuron itself.

    The gradient of connection ``k`` goes to ``work.gradients[k + shift]``: stored by the first
    tile, added to by the later ones. The neuron's row of lanes goes from ``z`` to ``d``.
    """
    width = 1 << len(lanes)
    tiles, gradients = work.activations, work.gradients
    keep = tile > 0
    k = load(net.indptr, load(net.first_row, layer) + row)
    stop = load(net.indptr, load(net.first_row, layer) + row + 1)
    activation, unit = activation_of(rules, layer), load(net.first_unit, layer) + row
    slope, zero = load(rules.slopes, layer), vsplat(np.float32(0), lanes)
    z = vload(tiles, source + row * width, lanes)
    if activation == RELU and none_positive(z):
        vstore(tiles, source + row * width, zero)
        if not keep:
            store(work.unit_gradients, unit, np.float32(0))
            for i in range(k + shift, stop + shift):
                store(gradients, i, np.float32(0))
        return
    full = activate(lanes, z, activation, slope, net, unit)
    a, dropout, dropout_key = full, dropout_of(rules, layer), lane_key(lanes, key, unit, tile)
    if dropout > 0:
        a = vdrop(full, dropout_key, dropout, rules.dropout_scale)
    far = load(net.widths, layer + 1) * width * 4 > PREFETCH_ABOVE
    d, other = zero, zero
    while k + 4 <= stop:
        if far:
            for ahead in range(k + PREFETCH_DISTANCE, k + PREFETCH_DISTANCE + 4):
                at = target + load(net.indices, min(ahead, net.n_connections - 1)) * width
                for line in range(0, width, 16):
                    prefetch(tiles, at + line)
        d0 = vload(tiles, target + load(net.indices, k) * width, lanes)
        d1 = vload(tiles, target + load(net.indices, k + 1) * width, lanes)
        d2 = vload(tiles, target + load(net.indices, k + 2) * width, lanes)
        d3 = vload(tiles, target + load(net.indices, k + 3) * width, lanes)
        add_vdots(gradients, k + shift, keep, a, d0, d1, d2, d3)
        if layer > 0:
            d = vfma(vsplat(load(net.weights, k), lanes), d0, d)
            other = vfma(vsplat(load(net.weights, k + 1), lanes), d1, other)
            d = vfma(vsplat(load(net.weights, k + 2), lanes), d2, d)
            other = vfma(vsplat(load(net.weights, k + 3), lanes), d3, other)
        k += 4
    d = vadd(d, other)
    while k < stop:
        d0 = vload(tiles, target + load(net.indices, k) * width, lanes)
        add_kept(gradients, k + shift, keep, vdot(a, d0))
        d = vfma(vsplat(load(net.weights, k), lanes), d0, d)
        k += 1
    if layer == 0:
        return
    if dropout > 0:
        d = vdrop(d, dropout_key, dropout, rules.dropout_scale)
    if activation == SRELU:
        add_srelu_gradients(lanes, z, d, net, unit, work.unit_gradients, keep)
    d = vflush(through_activation(lanes, z, full, d, activation, slope, net, unit))
    add_kept(work.unit_gradients, unit, keep, vsum(d))
    vstore(tiles, source + row * width, d)


@inlined
def backward(
    lanes, thread, n_threads, sync, net, slots, rules, work, plan, layer, n_tiles, key, rate, decay
):
    """One layer's gradients and updates, fused: by input neuron, in blocks of connections."""
    width = 1 << len(lanes)
    n_in, n_out, pointers = (
        load(net.widths, layer),
        load(net.widths, layer + 1),
        load(net.first_row, layer),
    )
    first = row_of_share(net.indptr, pointers, n_in, thread, n_threads)
    last = row_of_share(net.indptr, pointers, n_in, thread + 1, n_threads)
    scale = load(rules.rate_scale, layer)
    for tile in range(n_tiles):
        source = load(work.level_start, layer) + tile * n_in * width
        target = load(work.level_start, layer + 1) + tile * n_out * width
        row = first
        while row < last:
            if told_to_stop(sync):
                store(plan.status, 1, 1)
                return
            start, end = load(net.indptr, pointers + row), row + 1
            while end < last and load(net.indptr, pointers + end + 1) - start <= BLOCK:
                end += 1
            stop = load(net.indptr, pointers + end)
            shift = thread * work.scratch_size - start if work.scratch_size > 0 else 0
            for i in range(row, end):
                backward_row(lanes, net, rules, work, layer, i, source, target, key, tile, shift)
            if tile == n_tiles - 1:
                update(
                    rules, stop - start, net.weights, start, slots.weights_1, slots.weights_2,
                    work.gradients, start + shift, rate * scale, decay * scale,
                )  # fmt: skip
            row = end


@inlined
def update_units(thread, n_threads, net, slots, rules, work, rate):
    """One step of the solver on the intercepts and SReLU parameters, each thread on its share."""
    none = np.float32(0)
    for level in range(1, net.n_layers + 1):
        width, first_unit = load(net.widths, level), load(net.first_unit, level)
        start = first_unit + share(width, thread, n_threads)
        n = first_unit + share(width, thread + 1, n_threads) - start
        level_rate = rate * load(rules.rate_scale, level - 1)
        learned = rules.activation == SRELU and level < net.n_layers
        for plane in range(5 if learned else 1):
            # Plane 0 are the intercepts, planes 1 to 4 the parameters of SReLU.
            at = start if plane == 0 else (plane - 1) * net.n_hidden_units + start
            update(
                rules, n, net.intercepts if plane == 0 else net.srelu, at,
                slots.intercepts_1 if plane == 0 else slots.srelu_1,
                slots.intercepts_2 if plane == 0 else slots.srelu_2,
                work.unit_gradients, plane * net.n_units + start, level_rate, none,
            )  # fmt: skip


# ---------------------------------------------------------------- what Python calls


@kernel
def train_steps(lanes, thread, n_threads, sync, net, slots, work, rows, rules, plan):
    """Run a range of mini-batches: every thread makes this call, each with its own number."""
    sync, net, slots, work = bare(sync), bare(net), bare(slots), bare(work)
    rules, plan = bare(rules), bare(plan)
    width = 1 << len(lanes)
    n_layers, n_features = net.n_layers, load(net.widths, 0)
    first_feature = share(n_features, thread, n_threads)
    last_feature = share(n_features, thread + 1, n_threads)
    disturbed = rules.input_noise > 0 or rules.input_dropout > 0
    for layer in range(n_layers):
        if load(work.n_chunks, layer) == 0:
            split_columns(net, work, layer, thread, n_threads)
    phase = barrier(sync, n_threads, ZERO)
    if phase < 0:
        return
    for step in range(plan.n_steps):
        start = step * plan.batch_size
        n_samples = min(plan.batch_size, plan.n_samples - start)
        n_tiles = (n_samples + width - 1) // width
        counter = plan.first_step + step
        key = derive(derive(rules.seed, counter), np.int64(HIDDEN_DROPOUT))
        rate, decay = np.float32(load(plan.rates, step)), np.float32(load(plan.decays, step))
        for tile in range(n_tiles):
            at, left = tile * n_features * width, min(width, n_samples - tile * width)
            begin = start + tile * width
            load_tile(
                lanes, rows, plan.order, begin, left, work.activations, at,
                first_feature, last_feature,
            )  # fmt: skip
            if disturbed:
                disturb_tile(
                    lanes, rules, counter, tile, work.activations, at, first_feature, last_feature
                )
        phase = barrier(sync, n_threads, phase)
        for layer in range(n_layers):
            phase = forward(
                lanes, thread, n_threads, sync, phase, net, rules, work, layer, n_tiles, key
            )
        phase = loss_of_step(
            lanes, thread, n_threads, sync, phase, net, rules, work, rows, plan, step, n_tiles
        )
        if load(plan.status, 0) != 0:
            return
        for layer in range(n_layers - 1, -1, -1):
            backward(
                lanes, thread, n_threads, sync, net, slots, rules, work, plan, layer, n_tiles, key,
                rate, decay,
            )  # fmt: skip
            phase = barrier(sync, n_threads, phase)
        update_units(thread, n_threads, net, slots, rules, work, rate)


@kernel
def predict_rows(lanes, net, rules, rows, job):
    """Forward pass of the rows of a job, one tile at a time, up to level ``net.n_layers``."""
    net, rules, job = bare(net), bare(rules), bare(job)
    width = 1 << len(lanes)
    key, n_out = np.uint64(0), load(net.widths, net.n_layers)
    for start in range(job.first, job.last, width):
        n_samples = min(width, job.last - start)
        source, target = ZERO, job.half
        load_tile(
            lanes, rows, job.order, start, n_samples, job.buffer, source, ZERO, load(net.widths, 0)
        )
        for layer in range(net.n_layers):
            first_unit = load(net.first_unit, layer + 1)
            fill_rows(
                lanes,
                net.intercepts,
                first_unit,
                job.buffer,
                target,
                0,
                load(net.widths, layer + 1),
            )
            scatter(
                lanes, net, rules, layer, job.buffer, source, job.buffer, target, key, ZERO,
                ZERO, load(net.widths, layer), net.indices, ZERO, ONE,
            )  # fmt: skip
            source, target = target, source
        for j in range(n_out):
            if job.activated:
                unit, slope = (
                    load(net.first_unit, net.n_layers) + j,
                    load(rules.slopes, net.n_layers),
                )
                z = vload(job.buffer, source + j * width, lanes)
                z = activate(lanes, z, rules.activation, slope, net, unit)
                vstore(job.buffer, source + j * width, z)
            for lane in range(n_samples):
                value = load(job.buffer, source + j * width + lane)
                store(job.out, (start + lane) * n_out + j, value)
