"""Samples of X, dense or CSR, into tiles; noise and dropout of the inputs."""

import numpy as np

from .jit import inlined
from .random import derive, lane_key
from .simd import (
    add_to,
    load,
    load_float32,
    load_float64,
    load_int32,
    load_int64,
    prefetch_address,
    store,
    vdrop,
    vfma,
    vload,
    vnormal,
    vsplat,
    vstore,
)

# Seeds of the hashes for the inputs' noise and dropout are apart from those for hidden neurons.
INPUT_NOISE, INPUT_DROPOUT, HIDDEN_DROPOUT = range(3)


@inlined
def load_by_column(lanes, x, samples, tile, first, last):
    """Copy features first .. last - 1 of a dense X, whose samples lie side by side, into a tile."""
    for feature in range(first, last):
        to, at = tile.start + feature * (1 << len(lanes)), x.values + feature * x.column_stride
        for lane in range(samples.n):
            address = at + load(samples.order, samples.first + lane) * x.row_stride
            if x.is_double:
                store(tile.values, to + lane, np.float32(load_float64(address)))
            else:
                store(tile.values, to + lane, load_float32(address))


@inlined
def load_by_row(lanes, x, samples, tile, first, last):
    """The same of an X whose features lie side by side."""
    width, tiles, offset = 1 << len(lanes), tile.values, tile.start
    # 64 features at a time: the lines of the tile that they share stay in L1. Meanwhile each
    # sample's next 64 are prefetched: the processor does not foresee this many strides.
    apart = 8 if x.is_double else 16
    for block in range(first, last, 64):
        block_end = min(block + 64, last)
        for lane in range(samples.n):
            at = x.values + load(samples.order, samples.first + lane) * x.row_stride
            for feature in range(block_end, min(block_end + 64, last), apart):
                prefetch_address(at + feature * x.column_stride)
            if x.is_double:
                for feature in range(block, block_end):
                    value = np.float32(load_float64(at + feature * x.column_stride))
                    store(tiles, offset + feature * width + lane, value)
            else:
                for feature in range(block, block_end):
                    value = load_float32(at + feature * x.column_stride)
                    store(tiles, offset + feature * width + lane, value)


@inlined
def load_integer(address, position, is_long):
    """An integer of an int32 or int64 array at an address."""
    if is_long:
        return load_int64(address + 8 * position)
    return np.int64(load_int32(address + 4 * position))


@inlined
def load_sparse(lanes, x, samples, tile, first, last):
    """Add the entries of some samples of a CSR X to a zeroed tile; duplicates sum up."""
    width = 1 << len(lanes)
    for lane in range(samples.n):
        sample = load(samples.order, samples.first + lane)
        begin = load_integer(x.indptr, sample, x.long_indptr)
        for k in range(begin, load_integer(x.indptr, sample + 1, x.long_indptr)):
            feature = load_integer(x.indices, k, x.long_indices)
            if first <= feature < last:
                if x.is_double:
                    value = np.float32(load_float64(x.values + 8 * k))
                else:
                    value = load_float32(x.values + 4 * k)
                add_to(tile.values, tile.start + feature * width + lane, value)


@inlined
def load_tile(lanes, x, samples, tile, first, last):
    """Fill features first .. last - 1 of a tile with some samples; unused lanes are zero."""
    width = 1 << len(lanes)
    if x.is_sparse or samples.n < width:
        for i in range(tile.start + first * width, tile.start + last * width):
            store(tile.values, i, np.float32(0))
    if x.is_sparse:
        load_sparse(lanes, x, samples, tile, first, last)
    elif abs(x.row_stride) < abs(x.column_stride):
        load_by_column(lanes, x, samples, tile, first, last)
    else:
        load_by_row(lanes, x, samples, tile, first, last)


@inlined
def disturb_tile(lanes, params, counter, number, clean, tile, first, last):
    """Features first .. last - 1 of a clean tile, with input dropout and fresh Gaussian noise.

    ``counter`` is that of the step, ``number`` that of the tile in its mini-batch. Both tiles may
    be the same.
    """
    dropout_key = derive(derive(params.seed, counter), np.int64(INPUT_DROPOUT))
    noise_key = derive(derive(params.seed, counter), np.int64(INPUT_NOISE))
    for feature in range(first, last):
        at = feature * (1 << len(lanes))
        value = vload(clean.values, clean.start + at, lanes)
        if params.input_dropout > 0:
            key = lane_key(lanes, dropout_key, feature, number)
            value = vdrop(value, key, params.input_dropout, params.input_dropout_scale)
        if params.input_noise > 0:
            key = lane_key(lanes, noise_key, feature, number)
            deviation = params.input_noise * load(params.noise_spread, feature)
            value = vfma(vsplat(deviation, lanes), vnormal(key, lanes), value)
        vstore(tile.values, tile.start + at, value)
