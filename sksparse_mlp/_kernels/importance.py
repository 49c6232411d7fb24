"""Gradients of losses or logits with respect to the inputs."""

import numpy as np

from .activations import activate, through_activation
from .forward import scatter_all
from .jit import inlined, kernel
from .levels import has_skip, levels_of, output_level
from .loading import load_tile
from .loss import softmax_loss_of_sample
from .records import (
    ATTRIBUTION,
    ATTRIBUTION_OF_OUTPUT,
    OF_LOSS,
    OF_OUTPUT,
    ZERO,
    Samples,
    Tile,
)
from .simd import (
    bare,
    load,
    store,
    vadd,
    vfma,
    vload,
    vmul,
    vselect_less,
    vsplat,
    vstore,
    vsub,
    vsum,
)


@inlined
def logit_gradients(lanes, net, batch, start):
    """Replace the logits of a tile by gradients: of the samples' losses, or of one output each."""
    width, n_out = 1 << len(lanes), load(net.widths, output_level(net))
    z = load(batch.level_start, output_level(net))
    for lane in range(width):
        weight = np.float32(0)
        if start + lane < batch.n_samples:
            weight = load(batch.weight, start + lane)
        if batch.kind == OF_LOSS and start + lane < batch.n_samples:
            target = load(batch.targets, start + lane)
            of_loss = np.float64(weight)
            softmax_loss_of_sample(batch.buffer, z + lane, width, n_out, target, of_loss)
        else:
            others = np.float32(0) if batch.kind >= OF_OUTPUT else -weight / np.float32(n_out)
            for j in range(n_out):
                store(batch.buffer, z + j * width + lane, others)
            if start + lane < batch.n_samples:
                at = z + load(batch.targets, start + lane) * width + lane
                store(batch.buffer, at, load(batch.buffer, at) + weight)


@inlined
def gather(lanes, net, layer, row, tiles, target):
    """Gradient of one neuron's activation: ``sum_j w[i, j] d[j]``."""
    width, pointer = 1 << len(lanes), load(net.first_pointer, layer) + row
    d = vsplat(np.float32(0), lanes)
    for k in range(load(net.indptr, pointer), load(net.indptr, pointer + 1)):
        of_target = vload(tiles, target + load(net.indices, k) * width, lanes)
        d = vfma(vsplat(load(net.weights, k), lanes), of_target, d)
    return d


@inlined
def hidden_gradients(lanes, net, params, batch, level, gradients):
    """Gradients of a level's pre-activations, from those of the next one.

    ``gradients`` may be the buffer itself, whose pre-activations are then replaced.
    """
    width, first_unit = 1 << len(lanes), load(net.first_unit, level)
    slope, target = load(params.slopes, level), load(batch.level_start, level + 1)
    for row in range(load(net.widths, level)):
        at, unit = load(batch.level_start, level) + row * width, first_unit + row
        z = vload(batch.buffer, at, lanes)
        a = activate(lanes, z, params.activation, slope, net, unit)
        d = gather(lanes, net, level, row, gradients, target)
        d = through_activation(lanes, z, a, d, params.activation, slope, net, unit)
        vstore(gradients, at, d)


@inlined
def magnitude(lanes, d):
    """``|d|``."""
    zero = vsplat(np.float32(0), lanes)
    return vselect_less(d, zero, vsub(zero, d), d)


@inlined
def pass_forward(lanes, net, params, batch, tiles):
    """Pre-activations of all levels of one tile, whose inputs are loaded."""
    for layer in range(net.n_layers):
        level, target_level = levels_of(net, layer)
        source, target = load(batch.level_start, level), load(batch.level_start, target_level)
        scatter_all(lanes, net, params, layer, tiles, source, target)


@kernel
def input_gradients(lanes, net, params, x, batch):
    """Forward and backward pass of some tiles, down to the sums of magnitudes at the inputs."""
    net, params, batch = bare(net), bare(params), bare(batch)
    width, n_features = 1 << len(lanes), load(net.widths, 0)
    tiles = batch.buffer
    outputs = load(batch.level_start, output_level(net))
    for tile in range(batch.first, batch.last):
        start = tile * width
        samples = Samples(batch.order, start, min(width, batch.n_samples - start))
        load_tile(lanes, x, samples, Tile(tiles, ZERO), ZERO, n_features)
        pass_forward(lanes, net, params, batch, tiles)
        logit_gradients(lanes, net, batch, start)
        for level in range(output_level(net) - 1, 0, -1):
            hidden_gradients(lanes, net, params, batch, level, tiles)
        for feature in range(n_features):
            d = gather(lanes, net, ZERO, feature, tiles, load(batch.level_start, 1))
            if has_skip(net):
                straight = gather(lanes, net, output_level(net), feature, tiles, outputs)
                if batch.steeper:
                    through, other = magnitude(lanes, d), magnitude(lanes, straight)
                    d = vselect_less(through, other, other, through)
                else:
                    d = vadd(d, straight)
            if batch.kind == ATTRIBUTION or batch.kind == ATTRIBUTION_OF_OUTPUT:
                d = vmul(d, vload(tiles, feature * width, lanes))
            store(batch.out, tile * n_features + feature, vsum(magnitude(lanes, d)))
