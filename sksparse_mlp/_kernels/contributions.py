"""Contributions of the inputs to the outputs: ``x dz/dx``, a number for each sample and output."""

import numpy as np

from .importance import gather, hidden_gradients, pass_forward
from .jit import inlined, kernel
from .levels import has_skip, output_level
from .loading import load_tile
from .records import ZERO, Samples, Tile
from .simd import add_to, bare, load, store, vload, vmul, vsplat, vstore


@inlined
def start_from_column(lanes, net, batch, column):
    """Set the gradients of the outputs: a column's factors, zero for those of other columns."""
    width, at = 1 << len(lanes), load(batch.level_start, output_level(net))
    for j in range(load(net.widths, output_level(net))):
        d = np.float32(0)
        if load(batch.column_of, j) == column:
            d = load(batch.factor, j)
        vstore(batch.gradients, at + j * width, vsplat(d, lanes))


@inlined
def store_column(lanes, net, batch, samples, column):
    """``x d`` of a tile, ``d`` being what comes down through the first layer."""
    width, n_features = 1 << len(lanes), load(net.widths, 0)
    for feature in range(n_features):
        d = gather(lanes, net, ZERO, feature, batch.gradients, load(batch.level_start, 1))
        moved = vmul(d, vload(batch.buffer, feature * width, lanes))
        vstore(batch.gradients, feature * width, moved)
    for lane in range(samples.n):
        first = (samples.first + lane) * n_features
        for feature in range(n_features):
            at = (first + feature) * batch.n_columns + column
            store(batch.out, at, load(batch.gradients, feature * width + lane))


@inlined
def add_skip_layer(lanes, net, batch, samples):
    """Add ``x w`` of a tile for each connection of the skip layer that leads to a column."""
    width, n_features = 1 << len(lanes), load(net.widths, 0)
    pointers = load(net.first_pointer, output_level(net))
    for feature in range(n_features):
        start, stop = load(net.indptr, pointers + feature), load(net.indptr, pointers + feature + 1)
        for k in range(start, stop):
            output = load(net.indices, k)
            column = load(batch.column_of, output)
            if column < 0:
                continue
            w = load(net.weights, k) * load(batch.factor, output)
            for lane in range(samples.n):
                at = ((samples.first + lane) * n_features + feature) * batch.n_columns + column
                add_to(batch.out, at, w * load(batch.buffer, feature * width + lane))


@kernel
def input_contributions(lanes, net, params, x, batch):
    """One forward pass of some tiles, and a backward pass for each column."""
    net, params, batch = bare(net), bare(params), bare(batch)
    width, n_features = 1 << len(lanes), load(net.widths, 0)
    for tile in range(batch.first, batch.last):
        start = tile * width
        samples = Samples(batch.order, start, min(width, batch.n_samples - start))
        load_tile(lanes, x, samples, Tile(batch.buffer, ZERO), ZERO, n_features)
        pass_forward(lanes, net, params, batch, batch.buffer)
        for column in range(batch.n_columns):
            start_from_column(lanes, net, batch, column)
            for level in range(output_level(net) - 1, 0, -1):
                hidden_gradients(lanes, net, params, batch, level, batch.gradients)
            store_column(lanes, net, batch, samples, column)
        if has_skip(net):
            add_skip_layer(lanes, net, batch, samples)
