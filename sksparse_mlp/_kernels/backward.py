"""The backward pass of one layer, fused with the update of its weights, by input neuron.

For each connection of a neuron the vector ``d[j]`` of its target is gathered once: multiplied by
the neuron's activation it gives the gradient of the weight, and by the weight its part of the
neuron's own ``d``. Notation: see :mod:`sksparse_mlp._kernels.records`; layout: see
:mod:`sksparse_mlp._kernels.steps`.
"""

import numpy as np

from .activations import activate, add_srelu_gradients, through_activation
from .barrier import own_share, row_of_share, stop_requested
from .forward import (
    PREFETCH_DISTANCE,
    activation_of,
    dropout_of,
    exceeds_cache,
    prefetch_vectors,
)
from .jit import always_inlined, inlined
from .levels import levels_of, output_level
from .optimizers import update
from .random import lane_key
from .records import RELU, SRELU, Pass, Trained
from .simd import (
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

# Connections whose gradients are gathered before their weights are updated: 8 kB, inside L1.
BLOCK = 2048
# How many connections' vectors are prefetched at once, where they are beyond the cache.
PIECE = 32


@always_inlined
def products_of(lanes, net, tiles, target, k, a, d, inner):
    """One connection's products with ``a``, not yet summed; ``d``, its part added if inner."""
    of_target = vload(tiles, target + load(net.indices, k) * (1 << len(lanes)), lanes)
    if inner:
        d = vfma(vsplat(load(net.weights, k), lanes), of_target, d)
    return vproduct(a, of_target), d


@always_inlined
def gather_row(lanes, net, workspace, view, shift, a, pointer, inner, in_turns):
    """Add the gradients of a row's connections; returns ``sum of w * d`` if inner."""
    beyond_cache = exceeds_cache(lanes, net, view.layer)
    tiles, gradients, target = workspace.activations, workspace.gradients, view.target
    k, stop = load(net.indptr, pointer), load(net.indptr, pointer + 1)
    d = vsplat(np.float32(0), lanes)
    other = d
    while k + 4 <= stop:
        piece = min(stop, k + PIECE)
        if beyond_cache:
            end = min(piece + PREFETCH_DISTANCE, net.n_connections)
            prefetch_vectors(lanes, net, tiles, target, k + PREFETCH_DISTANCE, end)
        while k + 4 <= piece:
            if in_turns:
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
def backward_row(lanes, net, params, workspace, view, row, shift):
    """Gradients of one input neuron's connections, and of the neuron itself.

    The gradient of connection ``k`` is added to ``workspace.gradients[k + shift]``, which the
    update of the step before has left at zero. The neuron's vector goes from ``z`` to ``d``.
    """
    tiles, at, level = workspace.activations, view.source + row * (1 << len(lanes)), view.level
    pointer = load(net.first_pointer, view.layer) + row
    activation, unit = activation_of(params, level), load(net.first_unit, level) + row
    slope = load(params.slopes, level)
    z = vload(tiles, at, lanes)
    if activation == RELU and none_positive(z):
        vstore(tiles, at, vsplat(np.float32(0), lanes))
        return
    full = activate(lanes, z, activation, slope, net, unit)
    a, dropout = full, dropout_of(params, level)
    if dropout > 0:
        key = lane_key(lanes, view.dropout_key, unit, view.tile)
        a = vdrop(a, key, dropout, params.dropout_scale)
    if level == 0:
        gather_row(lanes, net, workspace, view, shift, a, pointer, False, False)
        return
    if len(lanes) < 5 or workspace.in_turns:
        d = gather_row(lanes, net, workspace, view, shift, a, pointer, True, True)
    else:
        d = gather_row(lanes, net, workspace, view, shift, a, pointer, True, False)
    if dropout > 0:
        key = lane_key(lanes, view.dropout_key, unit, view.tile)
        d = vdrop(d, key, dropout, params.dropout_scale)
    if activation == SRELU:
        add_srelu_gradients(lanes, z, d, net, unit, workspace.unit_gradients)
    d = vflush(through_activation(lanes, z, full, d, activation, slope, net, unit))
    add_to(workspace.unit_gradients, unit, vsum(d))
    vstore(tiles, at, d)


@inlined
def backward(worker, net, optimizer_state, params, workspace, batches, layer, step):
    """One layer's gradients and updates, fused: by input neuron, in blocks of connections."""
    lanes, width = worker.lanes, 1 << len(worker.lanes)
    level, target_level = levels_of(net, layer)
    n_in, n_out = load(net.widths, level), load(net.widths, target_level)
    pointers = load(net.first_pointer, layer)
    first = row_of_share(net.indptr, pointers, n_in, worker.thread, worker.n_threads)
    last = row_of_share(net.indptr, pointers, n_in, worker.thread + 1, worker.n_threads)
    scale = load(params.rate_scale, layer)
    if scale == 0 and level == 0:  # it does not learn, and nobody asks for gradients of the inputs
        return
    for tile in range(step.n_tiles):
        source = load(workspace.level_start, level) + tile * n_in * width
        target = load(workspace.level_start, target_level) + tile * n_out * width
        view = Pass(layer, level, tile, source, target, step.dropout_key)
        row = first
        while row < last:
            if stop_requested(worker):
                store(batches.status, 1, 1)
                return
            start, end = load(net.indptr, pointers + row), row + 1
            while end < last and load(net.indptr, pointers + end + 1) - start <= BLOCK:
                end += 1
            stop = load(net.indptr, pointers + end)
            shift = worker.thread * workspace.scratch_size - start
            if workspace.scratch_size == 0:
                shift = 0
            for i in range(row, end):
                backward_row(lanes, net, params, workspace, view, i, shift)
            if tile == step.n_tiles - 1:
                trained = Trained(
                    net.weights, optimizer_state.weights_1, optimizer_state.weights_2,
                    start, stop - start,
                )  # fmt: skip
                weight_scale = load(params.weight_scale, layer)
                rate, decay = step.rate * scale * weight_scale, step.decay * scale
                epsilon = params.adam_epsilon / weight_scale
                update(params, trained, workspace.gradients, start + shift, rate, decay, epsilon)
            row = end


@inlined
def update_units(worker, net, optimizer_state, params, workspace, rate):
    """One step of the solver on the intercepts and SReLU parameters, each thread on its share."""
    none = np.float32(0)
    for level in range(1, net.n_levels):
        first_unit = load(net.first_unit, level)
        first, last = own_share(worker, load(net.widths, level))
        start, n = first_unit + first, last - first
        level_rate = rate * load(params.rate_scale, level - 1)
        learned = params.activation == SRELU and level < output_level(net)
        for plane in range(5 if learned else 1):
            # Plane 0 are the intercepts, planes 1 to 4 the parameters of SReLU.
            trained = Trained(
                net.intercepts if plane == 0 else net.srelu,
                optimizer_state.intercepts_1 if plane == 0 else optimizer_state.srelu_1,
                optimizer_state.intercepts_2 if plane == 0 else optimizer_state.srelu_2,
                start if plane == 0 else (plane - 1) * net.n_hidden_units + start,
                n,
            )
            gradients = plane * net.n_units + start
            epsilon = params.adam_epsilon
            update(params, trained, workspace.unit_gradients, gradients, level_rate, none, epsilon)
