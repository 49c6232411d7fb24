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

from ._jit import inlined, kernel
from ._random import derive
from ._records import ADAM, IDENTITY, LOGISTIC, NESTEROV, PIECEWISE, RELU, SRELU, TANH
from ._simd import (
    add_vdots,
    atomic_add,
    atomic_load,
    bare,
    load,
    load_float32,
    load_float64,
    load_int32,
    load_int64,
    none_positive,
    prefetch,
    store,
    vadd,
    vdiv,
    vdot,
    vdrop,
    vexp,
    vflush,
    vfma,
    vload,
    vmul,
    vnormal,
    vselect_less,
    vsplat,
    vstore,
    vsub,
    vsum,
    yield_processor,
)

# Connections whose gradients are gathered before their weights are updated: 8 kB, inside L1.
BLOCK = 2048
# How far ahead the backward pass asks for the rows that it will gather, in connections.
PREFETCH_DISTANCE = 16
# Beyond this many bytes a gathered table no longer stays in a core's own cache.
PREFETCH_ABOVE = 1_200_000
# Seeds of the hashes for the inputs' noise and dropout are apart from those for hidden neurons.
INPUT_NOISE, INPUT_DROPOUT, HIDDEN_DROPOUT = range(3)


# ---------------------------------------------------------------- threads


@inlined
def barrier(sync, n_threads, phase):
    """Wait until all threads are here; returns the next phase, or -1 if one of them gave up."""
    phase += 1
    if n_threads > 1:
        atomic_add(sync, 0, 1)
        spins = 0
        while atomic_load(sync, 0) < phase * n_threads:
            spins += 1
            if spins > 2000:
                yield_processor()
                if atomic_load(sync, 8) != 0:
                    return -1
    return phase


@inlined
def share(n, part, n_parts):
    """Where part number ``part`` of ``n`` things begins."""
    return n * part // n_parts


@inlined
def row_of_share(indptr, first_row, n_rows, part, n_parts):
    """The row at which part number ``part`` of a layer's connections begins."""
    start, stop = load(indptr, first_row), load(indptr, first_row + n_rows)
    if part <= 0:
        return 0
    if part >= n_parts:
        return n_rows
    goal = start + (stop - start) * part // n_parts
    low, high = 0, n_rows
    while low < high:
        middle = (low + high) >> 1
        if load(indptr, first_row + middle) < goal:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def split_columns(net, work, layer, thread, n_threads):
    """Find where each thread's columns begin within every row of a layer (thread's share of rows)."""
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


# ---------------------------------------------------------------- rows of X into tiles


@inlined
def load_dense(lanes, rows, order, start, n_samples, tiles, offset, first, last):
    """Copy features first .. last - 1 of some rows of a dense X into a tile."""
    width = 1 << len(lanes)
    # 64 features at a time: the lines of the tile that they share stay in L1.
    for block in range(first, last, 64):
        block_end = min(block + 64, last)
        for lane in range(n_samples):
            at = rows.values + load(order, start + lane) * rows.row_stride
            if rows.is_double:
                for feature in range(block, block_end):
                    value = np.float32(load_float64(at + feature * rows.column_stride))
                    store(tiles, offset + feature * width + lane, value)
            else:
                for feature in range(block, block_end):
                    value = load_float32(at + feature * rows.column_stride)
                    store(tiles, offset + feature * width + lane, value)


@inlined
def load_integer(address, position, is_long):
    """An integer of an int32 or int64 array at an address."""
    if is_long:
        return load_int64(address + 8 * position)
    return np.int64(load_int32(address + 4 * position))


@inlined
def load_sparse(lanes, rows, order, start, n_samples, tiles, offset, first, last):
    """Add the entries of some rows of a CSR X to a zeroed tile; duplicates sum up."""
    width = 1 << len(lanes)
    for lane in range(n_samples):
        row = load(order, start + lane)
        begin = load_integer(rows.indptr, row, rows.long_indptr)
        for k in range(begin, load_integer(rows.indptr, row + 1, rows.long_indptr)):
            feature = load_integer(rows.indices, k, rows.long_indices)
            if first <= feature < last:
                if rows.is_double:
                    value = np.float32(load_float64(rows.values + 8 * k))
                else:
                    value = load_float32(rows.values + 4 * k)
                add_to(tiles, offset + feature * width + lane, value)


@inlined
def load_tile(lanes, rows, order, start, n_samples, tiles, offset, first, last):
    """Fill features first .. last - 1 of a tile with some rows of X; unused lanes are zero."""
    width = 1 << len(lanes)
    if rows.is_sparse or n_samples < width:
        for i in range(offset + first * width, offset + last * width):
            store(tiles, i, np.float32(0))
    if rows.is_sparse:
        load_sparse(lanes, rows, order, start, n_samples, tiles, offset, first, last)
    else:
        load_dense(lanes, rows, order, start, n_samples, tiles, offset, first, last)


@inlined
def disturb_tile(lanes, rules, step, tile, tiles, offset, first, last):
    """Input dropout and fresh Gaussian noise on features first .. last - 1."""
    width = 1 << len(lanes)
    dropout_key = derive(derive(rules.seed, step), INPUT_DROPOUT)
    noise_key = derive(derive(rules.seed, step), INPUT_NOISE)
    for feature in range(first, last):
        x = vload(tiles, offset + feature * width, lanes)
        if rules.input_dropout > 0:
            key = lane_key(lanes, dropout_key, feature, tile)
            x = vdrop(x, key, rules.input_dropout, rules.input_dropout_scale)
        if rules.input_noise > 0:
            key = lane_key(lanes, noise_key, feature, tile)
            x = vfma(vsplat(rules.input_noise, lanes), vnormal(key, lanes), x)
        vstore(tiles, offset + feature * width, x)


@inlined
def lane_key(lanes, key, unit, tile):
    """Key of the lanes' hashes for one neuron in one tile of one step."""
    lane_step = np.uint64(0x9E3779B9) << np.uint64(len(lanes))
    return derive(key, unit) + np.uint64(tile) * lane_step


# ---------------------------------------------------------------- activations


@inlined
def srelu_of(lanes, net, unit):
    """The four SReLU parameters of a neuron, each in all lanes."""
    return (
        vsplat(load(net.srelu, unit), lanes),
        vsplat(load(net.srelu, net.n_hidden_units + unit), lanes),
        vsplat(load(net.srelu, 2 * net.n_hidden_units + unit), lanes),
        vsplat(load(net.srelu, 3 * net.n_hidden_units + unit), lanes),
    )


@inlined
def activate(lanes, z, activation, slope, net, unit):
    """``f(z)`` for one neuron."""
    zero, one = vsplat(np.float32(0), lanes), vsplat(np.float32(1), lanes)
    if activation == RELU:
        return vselect_less(z, zero, zero, z)
    if activation == PIECEWISE:
        return vselect_less(z, zero, vmul(z, vsplat(slope, lanes)), z)
    if activation == SRELU:
        t_right, a_right, t_left, a_left = srelu_of(lanes, net, unit)
        a = vselect_less(z, t_right, z, vfma(a_right, vsub(z, t_right), t_right))
        return vselect_less(t_left, z, a, vfma(a_left, vsub(z, t_left), t_left))
    if activation == TANH or activation == LOGISTIC:
        # tanh(z) = 2 logistic(2 z) - 1
        stretch = np.float32(2) if activation == TANH else np.float32(1)
        tail = vexp(vmul(z, vsplat(-stretch, lanes)))
        a = vdiv(vsplat(stretch, lanes), vadd(one, tail))
        return vsub(a, vsplat(stretch - np.float32(1), lanes))
    return z


@inlined
def through_activation(lanes, z, a, d, activation, slope, net, unit):
    """``d * f'(z)`` for one neuron with ``a = f(z)``."""
    zero, one = vsplat(np.float32(0), lanes), vsplat(np.float32(1), lanes)
    if activation == RELU:
        return vselect_less(zero, z, d, zero)
    if activation == PIECEWISE:
        return vselect_less(z, zero, vmul(d, vsplat(slope, lanes)), d)
    if activation == SRELU:
        t_right, a_right, t_left, a_left = srelu_of(lanes, net, unit)
        inner = vselect_less(z, t_right, d, vmul(d, a_right))
        return vselect_less(t_left, z, inner, vmul(d, a_left))
    if activation == TANH or activation == LOGISTIC:
        other = one if activation == TANH else a
        return vmul(d, vsub(other, vmul(a, a)))
    return d


@inlined
def add_srelu_gradients(lanes, z, d, net, unit, sums):
    """Add the gradients of a neuron's SReLU parameters to planes 1 to 4 of ``sums``."""
    zero, one = vsplat(np.float32(0), lanes), vsplat(np.float32(1), lanes)
    t_right, a_right, t_left, a_left = srelu_of(lanes, net, unit)
    below = vselect_less(t_left, z, zero, d)
    above = vselect_less(t_left, z, vselect_less(z, t_right, zero, d), zero)
    add_to(sums, net.n_units + unit, vdot(above, vsub(one, a_right)))
    add_to(sums, 2 * net.n_units + unit, vdot(above, vsub(z, t_right)))
    add_to(sums, 3 * net.n_units + unit, vdot(below, vsub(one, a_left)))
    add_to(sums, 4 * net.n_units + unit, vdot(below, vsub(z, t_left)))


@inlined
def add_to(sums, at, value):
    """``sums[at] += value``."""
    store(sums, at, load(sums, at) + value)


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
    first_job, n_jobs, stride = (thread, n_chunks, n_threads) if private else (0, 1, 1)
    part, parts = (0, 1) if private else (thread, n_threads)
    sums = work.partials if private else work.activations
    for job in range(first_job, n_jobs, stride):
        first = row_of_share(net.indptr, pointers, n_in, job, n_jobs)
        last = row_of_share(net.indptr, pointers, n_in, job + 1, n_jobs)
        for tile in range(n_tiles):
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
def softmax_loss(lanes, net, work, plan, start, n_samples, n_tiles):
    """Weighted softmax cross-entropy: logits become their gradients; returns the mean loss.

    ``L = sum_i s_i (log sum_j exp z_ij - z_i,y) / sum_i s_i`` with the logarithm in float64.
    """
    width = 1 << len(lanes)
    n_out = load(net.widths, net.n_layers)
    total_weight = 0.0
    for i in range(start, start + n_samples):
        total_weight += np.float64(load(plan.sample_weight, load(plan.order, i)))
    loss = 0.0
    for i in range(n_tiles * width):
        tile, lane = i // width, i % width
        at = load(work.level_start, net.n_layers) + tile * n_out * width + lane
        if i < n_samples:
            row = load(plan.order, start + i)
            weight = np.float64(load(plan.sample_weight, row)) / total_weight
            target = load(plan.targets, row)
            loss += weight * softmax_loss_of_sample(
                work.activations, at, width, n_out, target, weight
            )
        else:
            for j in range(n_out):
                store(work.activations, at + j * width, np.float32(0))
    return loss


@inlined
def softmax_loss_of_sample(z, at, width, n_out, target, weight):
    """The same for one sample, whose logits are ``width`` apart."""
    largest = np.float64(load(z, at))
    for j in range(1, n_out):
        largest = max(largest, np.float64(load(z, at + j * width)))
    total = 0.0
    for j in range(n_out):
        total += np.exp(np.float64(load(z, at + j * width)) - largest)
    log_total = largest + np.log(total)
    loss = log_total - np.float64(load(z, at + target * width))
    for j in range(n_out):
        d = np.exp(np.float64(load(z, at + j * width)) - log_total)
        if j == target:
            d -= 1.0
        d *= weight
        store(z, at + j * width, np.float32(d) if abs(d) > 1e-30 else np.float32(0))
    return loss


@inlined
def output_gradients(lanes, net, work, n_tiles):
    """Gradients of the output intercepts: the sum of their logits' gradients."""
    width = 1 << len(lanes)
    n_out, first_unit = load(net.widths, net.n_layers), load(net.first_unit, net.n_layers)
    for j in range(n_out):
        total = np.float32(0)
        for tile in range(n_tiles):
            at = load(work.level_start, net.n_layers) + (tile * n_out + j) * width
            total += vsum(vload(work.activations, at, lanes))
        store(work.unit_gradients, first_unit + j, total)


# ---------------------------------------------------------------- updates


@inlined
def update(rules, n, weights, w0, slots_1, slots_2, gradients, g0, rate, decay):
    """One step of the solver on n parameters from ``weights[w0]`` on, their gradients from g0 on.

    In place; decay is decoupled from the gradient. Memory next to nothing is set to zero, since
    subnormal numbers would slow every later step.
    """
    momentum, one, zero, tiny = rules.momentum, np.float32(1), np.float32(0), np.float32(1e-30)
    if rules.solver == ADAM:
        for k in range(n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            m = momentum * load(slots_1, w0 + k) + (one - momentum) * g
            v = rules.beta_2 * load(slots_2, w0 + k) + (one - rules.beta_2) * g * g
            store(slots_1, w0 + k, m if abs(m) > tiny else zero)
            store(slots_2, w0 + k, v if v > tiny else zero)
            store(weights, w0 + k, w - rate * m / (np.sqrt(v) + rules.adam_epsilon) - decay * w)
    elif rules.solver == NESTEROV:
        for k in range(n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            velocity = momentum * load(slots_1, w0 + k) - rate * g
            store(slots_1, w0 + k, velocity if abs(velocity) > tiny else zero)
            store(weights, w0 + k, w + momentum * velocity - rate * g - decay * w)
    else:
        for k in range(n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            velocity = momentum * load(slots_1, w0 + k) - rate * g
            store(slots_1, w0 + k, velocity if abs(velocity) > tiny else zero)
            store(weights, w0 + k, w + velocity - decay * w)


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


# ---------------------------------------------------------------- backward


@inlined
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
        old = load(gradients, k + shift) if keep else np.float32(0)
        store(gradients, k + shift, old + vdot(a, d0))
        d = vfma(vsplat(load(net.weights, k), lanes), d0, d)
        k += 1
    if layer == 0:
        return
    if dropout > 0:
        d = vdrop(d, dropout_key, dropout, rules.dropout_scale)
    if not keep:
        for plane in range(5 if activation == SRELU else 1):
            store(work.unit_gradients, plane * net.n_units + unit, np.float32(0))
    if activation == SRELU:
        add_srelu_gradients(lanes, z, d, net, unit, work.unit_gradients)
    d = vflush(through_activation(lanes, z, full, d, activation, slope, net, unit))
    add_to(work.unit_gradients, unit, vsum(d))
    vstore(tiles, source + row * width, d)


@inlined
def backward(lanes, thread, n_threads, net, slots, rules, work, layer, n_tiles, key, rate, decay):
    """One layer's gradients and updates, fused: a block of connections at a time, by input neuron."""
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
    phase = barrier(sync, n_threads, 0)
    for step in range(plan.n_steps):
        start = step * plan.batch_size
        n_samples = min(plan.batch_size, plan.n_samples - start)
        n_tiles = (n_samples + width - 1) // width
        counter = plan.first_step + step
        key = derive(derive(rules.seed, counter), HIDDEN_DROPOUT)
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
        if thread == 0:
            loss = softmax_loss(lanes, net, work, plan, start, n_samples, n_tiles)
            store(plan.losses, step, loss)
            if not np.isfinite(loss):
                store(plan.status, 0, step + 1)
            output_gradients(lanes, net, work, n_tiles)
        phase = barrier(sync, n_threads, phase)
        if phase < 0 or load(plan.status, 0) != 0:
            return
        for layer in range(n_layers - 1, -1, -1):
            backward(
                lanes, thread, n_threads, net, slots, rules, work, layer, n_tiles, key, rate, decay
            )
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
        source, target = 0, job.half
        load_tile(
            lanes, rows, job.order, start, n_samples, job.buffer, source, 0, load(net.widths, 0)
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
                lanes, net, rules, layer, job.buffer, source, job.buffer, target, key, 0,
                0, load(net.widths, layer), net.indices, 0, 1,
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
