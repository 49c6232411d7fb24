"""What Python calls: a range of training steps, and the forward pass of prediction.

This folder holds the arithmetic: flat arrays in, arrays out. It knows no Python object but the
records of :mod:`sksparse_mlp._kernels.records`, imports nothing from the folders above, never
raises and never allocates.

Notation: ``z`` is a pre-activation, ``a = f(z)`` an activation, ``d = dL/dz`` its gradient. Layer
``l`` is one CSR matrix ordered by input neuron; all layers lie one behind the other in flat arrays.

Activations are *tile-major*: ``[tile, neuron, lane]``. For each connection the kernels touch one
vector of lanes, which is contiguous. A level's buffer holds ``z`` after the forward pass; backward
overwrites it with ``d``; ``a`` is recomputed whenever a vector is loaded.

A whole range of mini-batches runs in one compiled call, which every thread makes side by side.
Between two passes the threads meet at a barrier. Every sum has one owner and one order, so the
number of threads never changes a bit of the result.
"""

import numpy as np

from .activations import activate
from .backward import backward, update_units
from .barrier import barrier, own_share, stop_requested
from .cox import cox_loss
from .forward import forward, scatter_all, split_columns
from .jit import inlined, kernel
from .levels import has_skip, output_level
from .loading import HIDDEN_DROPOUT, disturb_tile, load_tile
from .loss import loss_of_outputs, softmax_loss, squared_errors, sum_of_errors
from .random import derive
from .records import COX, CROSS_ENTROPY, RECONSTRUCTION, ZERO, Samples, Step, Tile
from .simd import bare, load, store, vload, vstore

# Features that are loaded into all tiles and disturbed before the next ones are: inside L2.
FEATURES_AT_ONCE = 256


@inlined
def step_of(lanes, params, batches, number):
    """The mini-batch with a number inside its range."""
    width, first = 1 << len(lanes), number * batches.batch_size
    n_samples = min(batches.batch_size, batches.n_samples - first)
    counter = batches.first_step + number
    return Step(
        number,
        counter,
        first,
        n_samples,
        (n_samples + width - 1) // width,
        derive(derive(params.seed, counter), np.int64(HIDDEN_DROPOUT)),
        np.float32(load(batches.rates, number)),
        np.float32(load(batches.decays, number)),
    )


@inlined
def load_inputs(worker, net, params, workspace, x, batches, step):
    """Fill this thread's share of the first level with the samples of a mini-batch.

    Some features of all tiles, then others: where X lies by columns, each is read once.
    """
    lanes, width, n_features = worker.lanes, 1 << len(worker.lanes), load(net.widths, 0)
    first, last = own_share(worker, n_features)
    at_once = max(1, last - first) if x.is_sparse else FEATURES_AT_ONCE
    for begin in range(first, last, at_once):
        end = min(begin + at_once, last)
        for number in range(step.n_tiles):
            start, done = number * n_features * width, number * width
            clean, tile = Tile(workspace.inputs, start), Tile(workspace.activations, start)
            samples = Samples(batches.order, step.first + done, min(width, step.n_samples - done))
            if not batches.inputs_loaded:
                load_tile(lanes, x, samples, clean, begin, end)
            if params.input_noise > 0 or params.input_dropout > 0:
                disturb_tile(lanes, params, step.counter, number, clean, tile, begin, end)


@inlined
def loss_of_step(worker, net, params, workspace, x, batches, step, phase):
    """The loss of a mini-batch; the outputs' ``z`` become ``d``.

    Outputs are few: one thread does them. A reconstruction is as wide as the inputs: shared out.
    """
    wide = params.loss == RECONSTRUCTION
    if wide:
        squared_errors(worker, net, workspace, x, batches, step)
        phase = barrier(worker, phase)
    if worker.thread == 0:
        if wide:
            loss = sum_of_errors(net, workspace)
        elif params.loss == CROSS_ENTROPY:
            loss = softmax_loss(worker.lanes, net, workspace, batches, step)
        elif params.loss == COX:
            loss = cox_loss(worker.lanes, net, workspace, batches, step)
        else:
            loss = loss_of_outputs(worker.lanes, net, params, workspace, batches, step)
        store(batches.losses, step.number, loss)
        if stop_requested(worker):
            store(batches.status, 0, -1)
        elif not np.isfinite(loss):
            store(batches.status, 0, step.number + 1)
    return barrier(worker, phase)


@kernel
def train_steps(worker, net, optimizer_state, workspace, x, params, batches):
    """Run a range of mini-batches: every thread makes this call, each with its own number."""
    worker, net, optimizer_state = bare(worker), bare(net), bare(optimizer_state)
    workspace, params, batches = bare(workspace), bare(params), bare(batches)
    for layer in range(net.n_layers):
        if load(workspace.n_chunks, layer) == 0:
            split_columns(worker, net, workspace, layer)
    phase = barrier(worker, ZERO)
    if phase < 0:
        return
    for number in range(batches.n_steps):
        step = step_of(worker.lanes, params, batches, number)
        load_inputs(worker, net, params, workspace, x, batches, step)
        phase = barrier(worker, phase)
        for layer in range(net.n_layers):
            phase = forward(worker, net, params, workspace, layer, step, phase)
        phase = loss_of_step(worker, net, params, workspace, x, batches, step, phase)
        if load(batches.status, 0) != 0:
            return
        for layer in range(net.n_layers - 1, -1, -1):
            backward(worker, net, optimizer_state, params, workspace, batches, layer, step)
            phase = barrier(worker, phase)
        update_units(worker, net, optimizer_state, params, workspace, step.rate)


@kernel
def predict_batch(lanes, net, params, x, batch):
    """Forward pass of some samples, one tile at a time, up to a level."""
    net, params, batch = bare(net), bare(params), bare(batch)
    width, n_out = 1 << len(lanes), load(net.widths, batch.level)
    first_unit, slope = load(net.first_unit, batch.level), load(params.slopes, batch.level)
    begin = load(net.widths, 0) * width
    skips = has_skip(net) and batch.level == output_level(net)
    for start in range(batch.first, batch.last, width):
        n_samples = min(width, batch.last - start)
        source, target, other = ZERO, begin, begin + batch.half
        samples = Samples(batch.order, start, n_samples)
        load_tile(lanes, x, samples, Tile(batch.buffer, source), ZERO, load(net.widths, 0))
        for layer in range(batch.level):
            scatter_all(lanes, net, params, layer, batch.buffer, source, target)
            source, target, other = target, other, target
        if skips:
            scatter_all(lanes, net, params, batch.level, batch.buffer, ZERO, source)
        for j in range(n_out):
            if batch.activated:
                z = vload(batch.buffer, source + j * width, lanes)
                z = activate(lanes, z, params.activation, slope, net, first_unit + j)
                vstore(batch.buffer, source + j * width, z)
            for lane in range(n_samples):
                value = load(batch.buffer, source + j * width + lane)
                store(batch.out, (start + lane) * n_out + j, value)
