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

from ._activations import activate
from ._backward import backward, update_units
from ._forward import fill_rows, forward, scatter, split_columns
from ._jit import inlined, kernel
from ._loading import HIDDEN_DROPOUT, disturb_tile, load_tile
from ._loss import output_gradients, softmax_loss, squared_errors, sum_of_errors
from ._random import derive
from ._records import ONE, SQUARED_ERROR, ZERO
from ._simd import bare, load, store, vload, vstore
from ._threads import barrier, share, told_to_stop


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
