"""Rows of X into tiles of lanes, dense or CSR; noise and dropout of the inputs."""

import numpy as np

from ._jit import inlined
from ._random import derive, lane_key
from ._simd import (
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
def load_dense(lanes, rows, order, start, n_samples, tiles, offset, first, last):
    """Copy features first .. last - 1 of some rows of a dense X into a tile."""
    width = 1 << len(lanes)
    # 64 features at a time: the lines of the tile that they share stay in L1. Meanwhile each row's
    # next 64 are asked for: the processor does not see so many rows coming.
    apart = 8 if rows.is_double else 16
    for block in range(first, last, 64):
        block_end = min(block + 64, last)
        for lane in range(n_samples):
            at = rows.values + load(order, start + lane) * rows.row_stride
            for feature in range(block_end, min(block_end + 64, last), apart):
                prefetch_address(at + feature * rows.column_stride)
            if rows.is_double:
                for feature in range(block, block_end):
                    value = np.float32(load_float64(at + feature * rows.column_stride))
                    store(tiles, offset + feature * width + lane, value)
            else:
                for feature in range(block, block_end):
                    value = load_float32(at + feature * rows.column_stride)
                    store(tiles, offset + feature * width + lane, value)


@inlined
def load_integer(address, position, is_long):
    """An integer of an int32 or int64 array at an address."""
    if is_long:
        return load_int64(address + 8 * position)
    return np.int64(load_int32(address + 4 * position))


@inlined
def load_sparse(lanes, rows, order, start, n_samples, tiles, offset, first, last):
    """Add the entries of some rows of a CSR X to a zeroed tile; duplicates sum up."""
    width = 1 << len(lanes)
    for lane in range(n_samples):
        row = load(order, start + lane)
        begin = load_integer(rows.indptr, row, rows.long_indptr)
        for k in range(begin, load_integer(rows.indptr, row + 1, rows.long_indptr)):
            feature = load_integer(rows.indices, k, rows.long_indices)
            if first <= feature < last:
                if rows.is_double:
                    value = np.float32(load_float64(rows.values + 8 * k))
                else:
                    value = load_float32(rows.values + 4 * k)
                add_to(tiles, offset + feature * width + lane, value)


@inlined
def load_tile(lanes, rows, order, start, n_samples, tiles, offset, first, last):
    """Fill features first .. last - 1 of a tile with some rows of X; unused lanes are zero."""
    width = 1 << len(lanes)
    if rows.is_sparse or n_samples < width:
        for i in range(offset + first * width, offset + last * width):
            store(tiles, i, np.float32(0))
    if rows.is_sparse:
        load_sparse(lanes, rows, order, start, n_samples, tiles, offset, first, last)
    else:
        load_dense(lanes, rows, order, start, n_samples, tiles, offset, first, last)


@inlined
def disturb_tile(lanes, rules, step, tile, tiles, offset, first, last):
    """Input dropout and fresh Gaussian noise on features first .. last - 1."""
    width = 1 << len(lanes)
    dropout_key = derive(derive(rules.seed, step), np.int64(INPUT_DROPOUT))
    noise_key = derive(derive(rules.seed, step), np.int64(INPUT_NOISE))
    for feature in range(first, last):
        x = vload(tiles, offset + feature * width, lanes)
        if rules.input_dropout > 0:
            key = lane_key(lanes, dropout_key, feature, tile)
            x = vdrop(x, key, rules.input_dropout, rules.input_dropout_scale)
        if rules.input_noise > 0:
            key = lane_key(lanes, noise_key, feature, tile)
            x = vfma(vsplat(rules.input_noise, lanes), vnormal(key, lanes), x)
        vstore(tiles, offset + feature * width, x)
