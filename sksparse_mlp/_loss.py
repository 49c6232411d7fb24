"""The loss of a mini-batch: pre-activations of the outputs become their gradients."""

import numpy as np

from ._jit import inlined
from ._loading import load_tile
from ._records import ZERO
from ._simd import add_to, load, store, vload, vmul, vproduct, vstore, vsub, vsum


@inlined
def total_weight_of(plan, start, n_samples):
    """The sum of a mini-batch's sample weights."""
    total = 0.0
    for i in range(start, start + n_samples):
        total += np.float64(load(plan.sample_weight, load(plan.order, i)))
    return total


@inlined
def softmax_loss(lanes, net, work, plan, start, n_samples, n_tiles):
    """Weighted softmax cross-entropy: logits become their gradients; returns the mean loss.

    ``L = sum_i s_i (log sum_j exp z_ij - z_i,y) / sum_i s_i`` with the logarithm in float64.
    """
    width = 1 << len(lanes)
    n_out = load(net.widths, net.n_layers)
    total_weight = total_weight_of(plan, start, n_samples)
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


@inlined
def squared_errors(lanes, thread, net, work, rows, plan, start, n_samples, n_tiles, first, last):
    """Squared errors of outputs first .. last - 1 against the clean inputs, and their gradients.

    ``L = sum_i s_i |z_i - x_i|^2 / (2 sum_i s_i)``. Outputs have no SReLU parameters: plane 1 of
    ``work.unit_gradients`` holds their errors, plane 0 the gradients of their intercepts.
    """
    width = 1 << len(lanes)
    n_out, first_unit = load(net.widths, net.n_layers), load(net.first_unit, net.n_layers)
    errors = net.n_units + first_unit
    weights = (n_out + thread) * width
    total_weight = total_weight_of(plan, start, n_samples)
    for j in range(first, last):
        store(work.unit_gradients, first_unit + j, np.float32(0))
        store(work.unit_gradients, errors + j, np.float32(0))
    for tile in range(n_tiles):
        begin, left = start + tile * width, min(width, n_samples - tile * width)
        load_tile(lanes, rows, plan.order, begin, left, work.clean, ZERO, first, last)
        for lane in range(width):
            weight = np.float32(0)
            if lane < left:
                weight = load(plan.sample_weight, load(plan.order, begin + lane)) / total_weight
            store(work.clean, weights + lane, np.float32(weight))
        weight = vload(work.clean, weights, lanes)
        for j in range(first, last):
            at = load(work.level_start, net.n_layers) + (tile * n_out + j) * width
            error = vsub(vload(work.activations, at, lanes), vload(work.clean, j * width, lanes))
            d = vmul(weight, error)
            vstore(work.activations, at, d)
            add_to(work.unit_gradients, first_unit + j, vsum(d))
            add_to(work.unit_gradients, errors + j, vsum(vproduct(d, error)))


@inlined
def sum_of_errors(net, work):
    """The mean squared error of an output, from the errors of all."""
    first, n_out = load(net.first_unit, net.n_layers), load(net.widths, net.n_layers)
    total = 0.0
    for j in range(n_out):
        total += np.float64(load(work.unit_gradients, net.n_units + first + j))
    return total / n_out
