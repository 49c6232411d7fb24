"""The backward pass of one layer, fused with the update of its weights, by input neuron.

For each connection of a neuron the row ``d[j]`` of its target is gathered once: multiplied by the
neuron's activation it gives the gradient of the weight, and by the weight its part of the
neuron's own ``d``. Notation and layout: see :mod:`sksparse_mlp._kernels`.
"""

import numpy as np

from ._activations import activate, add_srelu_gradients, through_activation
from ._forward import AHEAD, activation_of, ask_for, dropout_of, is_far
from ._jit import always_inlined, inlined
from ._optimizers import update
from ._random import lane_key
from ._records import RELU, SRELU
from ._simd import (
    add_to,
    add_vsums,
    load,
    none_positive,
    store,
    vadd,
    vdrop,
    vflush,
    vfma,
    vload,
    vproduct,
    vsplat,
    vstore,
    vsum,
)
from ._threads import row_of_share, share, told_to_stop

# Connections whose gradients are gathered before their weights are updated: 8 kB, inside L1.
BLOCK = 2048
# How many connections' rows of lanes are asked for at once, where they are far.
PIECE = 32


@always_inlined
def products_of(lanes, net, tiles, target, k, a, d, inner):
    """One connection's products with ``a``, not yet summed; ``d``, its part added if inner."""
    of_target = vload(tiles, target + load(net.indices, k) * (1 << len(lanes)), lanes)
    if inner:
        d = vfma(vsplat(load(net.weights, k), lanes), of_target, d)
    return vproduct(a, of_target), d


@always_inlined
def gather_row(lanes, net, tiles, target, gradients, shift, far, a, k, stop, inner):
    """Add the gradients of connections k .. stop - 1; returns ``sum of w * d`` if inner."""
    narrow = len(lanes) < 5
    d = vsplat(np.float32(0), lanes)
    other = d
    while k + 4 <= stop:
        piece = min(stop, k + PIECE)
        if far:
            end = min(piece + AHEAD, net.n_connections)
            ask_for(lanes, net, tiles, target, k + AHEAD, end)
        while k + 4 <= piece:
            if narrow:
                # Two sums in turns: one alone would wait for itself.
                p0, d = products_of(lanes, net, tiles, target, k, a, d, inner)
                p1, other = products_of(lanes, net, tiles, target, k + 1, a, other, inner)
                p2, d = products_of(lanes, net, tiles, target, k + 2, a, d, inner)
                p3, other = products_of(lanes, net, tiles, target, k + 3, a, other, inner)
            else:
                # One sum: AVX2 has no registers for two.
                p0, d = products_of(lanes, net, tiles, target, k, a, d, inner)
                p1, d = products_of(lanes, net, tiles, target, k + 1, a, d, inner)
                p2, d = products_of(lanes, net, tiles, target, k + 2, a, d, inner)
                p3, d = products_of(lanes, net, tiles, target, k + 3, a, d, inner)
            add_vsums(gradients, k + shift, p0, p1, p2, p3)
            k += 4
    d = vadd(d, other)
    while k < stop:
        p0, d = products_of(lanes, net, tiles, target, k, a, d, inner)
        add_to(gradients, k + shift, vsum(p0))
        k += 1
    return d


@always_inlined
def backward_row(lanes, net, rules, work, layer, row, source, target, key, tile, shift):
    """Gradients of one input neuron's connections, and of the neuron itself.

    The gradient of connection ``k`` is added to ``work.gradients[k + shift]``, which the update
    of the step before has left at zero. The neuron's row of lanes goes from ``z`` to ``d``.
    """
    width = 1 << len(lanes)
    tiles = work.activations
    k = load(net.indptr, load(net.first_row, layer) + row)
    stop = load(net.indptr, load(net.first_row, layer) + row + 1)
    activation, unit = activation_of(rules, layer), load(net.first_unit, layer) + row
    slope = load(rules.slopes, layer)
    z = vload(tiles, source + row * width, lanes)
    if activation == RELU and none_positive(z):
        vstore(tiles, source + row * width, vsplat(np.float32(0), lanes))
        return
    full = activate(lanes, z, activation, slope, net, unit)
    a, dropout = full, dropout_of(rules, layer)
    if dropout > 0:
        a = vdrop(a, lane_key(lanes, key, unit, tile), dropout, rules.dropout_scale)
    far = is_far(lanes, net, layer)
    if layer == 0:
        gather_row(lanes, net, tiles, target, work.gradients, shift, far, a, k, stop, False)
        return
    d = gather_row(lanes, net, tiles, target, work.gradients, shift, far, a, k, stop, True)
    if dropout > 0:
        d = vdrop(d, lane_key(lanes, key, unit, tile), dropout, rules.dropout_scale)
    if activation == SRELU:
        add_srelu_gradients(lanes, z, d, net, unit, work.unit_gradients)
    d = vflush(through_activation(lanes, z, full, d, activation, slope, net, unit))
    add_to(work.unit_gradients, unit, vsum(d))
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
