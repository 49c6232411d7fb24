"""What all neurons do on a tile of samples: activations, and gradients of the loss."""

import numpy as np

from .activations import activate
from .cox import cox_gradients
from .importance import hidden_gradients, logit_gradients, pass_forward
from .jit import inlined, kernel
from .levels import output_level
from .loading import load_tile
from .loss import slope_of_output
from .records import COX, CROSS_ENTROPY, RECONSTRUCTION, ZERO, Samples, Tile
from .simd import bare, load, store, vload, vstore


@inlined
def activate_level(lanes, net, params, batch, level):
    """Copy the activations of a level from the buffer's pre-activations; outputs stay those."""
    width, inner = 1 << len(lanes), 0 < level < output_level(net)
    slope, first_unit = load(params.slopes, level), load(net.first_unit, level)
    for row in range(load(net.widths, level)):
        at = load(batch.level_start, level) + row * width
        a = vload(batch.buffer, at, lanes)
        if inner:
            a = activate(lanes, a, params.activation, slope, net, first_unit + row)
        vstore(batch.out, at, a)


@inlined
def loss_gradients(lanes, net, params, batch, start):
    """Replace the outputs of a tile by gradients of the samples' losses."""
    if params.loss == CROSS_ENTROPY:
        logit_gradients(lanes, net, batch, start)
        return
    if params.loss == COX:
        cox_gradients(lanes, net, batch, start)
        return
    width, n_out = 1 << len(lanes), load(net.widths, output_level(net))
    inputs, outputs = load(batch.level_start, 0), load(batch.level_start, output_level(net))
    for j in range(n_out):
        for lane in range(width):
            at, d = outputs + j * width + lane, np.float32(0)
            if start + lane < batch.n_samples:
                if params.loss == RECONSTRUCTION:
                    d = load(batch.buffer, at) - load(batch.buffer, inputs + j * width + lane)
                else:
                    z = np.float64(load(batch.buffer, at))
                    t = np.float64(load(batch.values, (start + lane) * n_out + j))
                    d = np.float32(slope_of_output(params, z, t) / n_out)
                d *= load(batch.weight, start + lane)
            store(batch.buffer, at, d)


@kernel
def record_tile(lanes, net, params, x, batch):
    """Activations of all neurons for one tile, and gradients of the loss, which the buffer holds.

    Without gradients, it holds pre-activations. The tile of the inputs holds their values in both.
    """
    net, params, batch = bare(net), bare(params), bare(batch)
    start = batch.tile * (1 << len(lanes))
    samples = Samples(batch.order, start, min(1 << len(lanes), batch.n_samples - start))
    inputs = Tile(batch.buffer, load(batch.level_start, 0))
    load_tile(lanes, x, samples, inputs, ZERO, load(net.widths, 0))
    pass_forward(lanes, net, params, batch, batch.buffer)
    for level in range(net.n_levels):
        activate_level(lanes, net, params, batch, level)
    if not batch.backward:
        return
    loss_gradients(lanes, net, params, batch, start)
    for level in range(output_level(net) - 1, 0, -1):
        hidden_gradients(lanes, net, params, batch, level, batch.buffer)
