"""The loss of a mini-batch: pre-activations of the outputs become their gradients.

The contract of a loss: it takes ``z`` of the outputs, whose tiles begin at the last of
``workspace.level_start``, replaces them by ``dL/dz``, sets the gradients of the output intercepts
in ``workspace.unit_gradients``, and returns L, the weighted mean over the mini-batch, in float64.
"""

import numpy as np

from .barrier import own_share
from .jit import inlined
from .levels import output_level
from .loading import load_tile
from .records import (
    ABSOLUTE_ERROR,
    BINARY_CROSS_ENTROPY,
    HUBER,
    SQUARED_ERROR,
    ZERO,
    Samples,
    Tile,
)
from .simd import add_to, load, store, vload, vmul, vproduct, vstore, vsub, vsum


@inlined
def total_weight_of(batches, step):
    """The sum of a mini-batch's sample weights."""
    total = 0.0
    for i in range(step.first, step.first + step.n_samples):
        total += np.float64(load(batches.sample_weight, load(batches.order, i)))
    return total


@inlined
def softmax_loss(lanes, net, workspace, batches, step):
    """Weighted softmax cross-entropy: logits become their gradients; returns the mean loss.

    ``L = sum_i s_i (log sum_j exp z_ij - z_i,y) / sum_i s_i`` with the logarithm in float64.
    """
    width = 1 << len(lanes)
    n_out = load(net.widths, output_level(net))
    total_weight = total_weight_of(batches, step)
    loss = 0.0
    for i in range(step.n_tiles * width):
        tile, lane = i // width, i % width
        at = load(workspace.level_start, output_level(net)) + tile * n_out * width + lane
        if i < step.n_samples:
            sample = load(batches.order, step.first + i)
            weight = np.float64(load(batches.sample_weight, sample)) / total_weight
            target = load(batches.targets, sample)
            loss += weight * softmax_loss_of_sample(
                workspace.activations, at, width, n_out, target, weight
            )
        else:
            for j in range(n_out):
                store(workspace.activations, at + j * width, np.float32(0))
    output_gradients(lanes, net, workspace, step.n_tiles)
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
def output_gradients(lanes, net, workspace, n_tiles):
    """Gradients of the output intercepts: the sum of their logits' gradients."""
    width = 1 << len(lanes)
    n_out, first_unit = load(net.widths, output_level(net)), load(net.first_unit, output_level(net))
    for j in range(n_out):
        total = np.float32(0)
        for tile in range(n_tiles):
            at = load(workspace.level_start, output_level(net)) + (tile * n_out + j) * width
            total += vsum(vload(workspace.activations, at, lanes))
        store(workspace.unit_gradients, first_unit + j, total)


@inlined
def loss_of_outputs(lanes, net, params, workspace, batches, step):
    """A loss of each output apart, whose targets are numbers: ``z`` become their gradients.

    ``L = sum_i s_i sum_j l(z_ij, t_ij) / (n_out sum_i s_i)``.
    """
    width, n_out = 1 << len(lanes), load(net.widths, output_level(net))
    total_weight, loss = total_weight_of(batches, step) * n_out, 0.0
    for i in range(step.n_tiles * width):
        tile, lane = i // width, i % width
        at = load(workspace.level_start, output_level(net)) + tile * n_out * width + lane
        for j in range(n_out):
            d = 0.0
            if i < step.n_samples:
                sample = load(batches.order, step.first + i)
                weight = np.float64(load(batches.sample_weight, sample)) / total_weight
                z = np.float64(load(workspace.activations, at + j * width))
                t = np.float64(load(batches.values, sample * n_out + j))
                loss += weight * loss_of_output(params, z, t)
                d = weight * slope_of_output(params, z, t)
            store(workspace.activations, at + j * width, np.float32(d if abs(d) > 1e-30 else 0.0))
    output_gradients(lanes, net, workspace, step.n_tiles)
    return loss


@inlined
def loss_of_output(params, z, t):
    """``l(z, t)`` of one output of one sample."""
    error = z - t
    if params.loss == BINARY_CROSS_ENTROPY:
        return max(z, 0.0) - z * t + np.log1p(np.exp(-abs(z)))
    if params.loss == SQUARED_ERROR:
        return 0.5 * error * error
    if params.loss == ABSOLUTE_ERROR:
        return abs(error)
    if params.loss == HUBER:
        delta = np.float64(params.loss_parameter)
        return 0.5 * error * error if abs(error) <= delta else delta * (abs(error) - 0.5 * delta)
    quantile = np.float64(params.loss_parameter)
    return (1.0 - quantile) * error if error > 0 else -quantile * error


@inlined
def slope_of_output(params, z, t):
    """``dl/dz``, zero at a kink."""
    error = z - t
    if params.loss == BINARY_CROSS_ENTROPY:
        return 1.0 / (1.0 + np.exp(-z)) - t
    if params.loss == SQUARED_ERROR:
        return error
    if params.loss == HUBER:
        delta = np.float64(params.loss_parameter)
        return min(max(error, -delta), delta)
    if error == 0:
        return 0.0
    if params.loss == ABSOLUTE_ERROR:
        return 1.0 if error > 0 else -1.0
    quantile = np.float64(params.loss_parameter)
    return 1.0 - quantile if error > 0 else -quantile


@inlined
def squared_errors(worker, net, workspace, x, batches, step):
    """Squared errors of this thread's outputs against the clean inputs, and their gradients.

    ``L = sum_i s_i |z_i - x_i|^2 / (2 sum_i s_i)``. Outputs have no SReLU parameters: plane 1 of
    ``workspace.unit_gradients`` holds their errors, plane 0 the gradients of their intercepts.
    """
    lanes, width = worker.lanes, 1 << len(worker.lanes)
    n_out, first_unit = load(net.widths, output_level(net)), load(net.first_unit, output_level(net))
    first, last = own_share(worker, n_out)
    errors = net.n_units + first_unit
    weights = (n_out + worker.thread) * width
    total_weight = total_weight_of(batches, step)
    for j in range(first, last):
        store(workspace.unit_gradients, first_unit + j, np.float32(0))
        store(workspace.unit_gradients, errors + j, np.float32(0))
    for tile in range(step.n_tiles):
        begin, left = step.first + tile * width, min(width, step.n_samples - tile * width)
        samples = Samples(batches.order, begin, left)
        load_tile(lanes, x, samples, Tile(workspace.clean, ZERO), first, last)
        for lane in range(width):
            weight = np.float32(0)
            if lane < left:
                sample = load(batches.order, begin + lane)
                weight = load(batches.sample_weight, sample) / total_weight
            store(workspace.clean, weights + lane, np.float32(weight))
        weight = vload(workspace.clean, weights, lanes)
        for j in range(first, last):
            at = load(workspace.level_start, output_level(net)) + (tile * n_out + j) * width
            clean = vload(workspace.clean, j * width, lanes)
            error = vsub(vload(workspace.activations, at, lanes), clean)
            d = vmul(weight, error)
            vstore(workspace.activations, at, d)
            add_to(workspace.unit_gradients, first_unit + j, vsum(d))
            add_to(workspace.unit_gradients, errors + j, vsum(vproduct(d, error)))


@inlined
def sum_of_errors(net, workspace):
    """The mean squared error of an output, from the errors of all."""
    first, n_out = load(net.first_unit, output_level(net)), load(net.widths, output_level(net))
    total = 0.0
    for j in range(n_out):
        total += np.float64(load(workspace.unit_gradients, net.n_units + first + j))
    return total / n_out
