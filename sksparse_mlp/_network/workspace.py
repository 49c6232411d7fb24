"""Buffers of a training run, and how a mini-batch is laid out in lanes and tiles."""

import numpy as np

from .._kernels.backward import BLOCK
from .._kernels.records import COX, RECONSTRUCTION, Workspace
from .lanes import MAX_LANES, lanes_for

# Below this number of bytes, all outputs of a layer are cheaper to sum in private copies than by
# column, where every thread passes over all rows. An eighth of it for the widest tiles, dearer to
# add.
PRIVATE_SUMS_BELOW = 400_000
# Private sums cost one addition an output: each copy must save at least this many connections.
CONNECTIONS_PER_PRIVATE_SUM = 10


def aligned_zeros(n):
    """Float32 zeros that begin at a cache line: vectors then never straddle two."""
    return aligned(n, np.zeros)


def aligned(n, new=np.empty):
    """Float32 numbers, any, that begin at a cache line."""
    memory = new(4 * int(n) + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * int(n)].view(np.float32)


def make_workspace(network, batch_size, n_threads, loss, lanes=None, keeps_inputs=False):
    """Buffers to train a network with mini-batches of at most ``batch_size`` samples.

    ``lanes`` are those of the kernels; None: the narrowest, which in any case say how sums are
    shared out. ``keeps_inputs`` asks for memory of its own for inputs that are to be disturbed.
    """
    narrowest = 1 << len(lanes_for(batch_size))
    width = narrowest if lanes is None else 1 << len(lanes)
    n_tiles = -(-batch_size // width)
    widths = np.array(network.widths, np.int64)
    n_chunks = [_private_sums(network, layer, narrowest) for layer in range(network.n_layers)]
    sums = max(c * n_out for c, (_, n_out) in zip(n_chunks, network.shapes, strict=True))
    scratch_size = _scratch_size(network) if n_tiles == 1 else 0
    n_gradients = scratch_size * n_threads or network.arrays.weights.size
    by_column = n_threads > 1 and 0 in n_chunks
    n_splits = (n_threads - 1) * network.arrays.indptr.size if by_column else 0
    n_clean = {RECONSTRUCTION: network.widths[-1] + n_threads, COX: n_tiles}.get(loss, 0)
    activations = aligned_zeros(widths.sum() * n_tiles * width)
    return Workspace(
        activations=activations,
        inputs=aligned_zeros(widths[0] * n_tiles * width) if keeps_inputs else activations,
        level_start=np.concatenate(([0], np.cumsum(widths[:-1]))) * n_tiles * width,
        n_chunks=np.array(n_chunks, np.int64),
        partials=aligned_zeros(sums * n_tiles * width),
        column_splits=np.empty(n_splits, np.int32),
        in_turns=narrowest < MAX_LANES,
        gradients=aligned_zeros(n_gradients),
        scratch_size=scratch_size,
        unit_gradients=np.zeros(5 * network.arrays.intercepts.size, np.float32),
        clean=aligned_zeros(n_clean * width),
    )


def _scratch_size(network):
    """Gradients that a thread holds where one tile is the whole mini-batch: a block's.

    With several tiles, all gradients live until the last of them.
    """
    layers = zip(network.n_connections, network.shapes, strict=True)
    longest_row = max(min(n, n_out) for n, (_, n_out) in layers)
    # Each thread's own begins at a cache line.
    return -(-(BLOCK + longest_row) // 16) * 16


def _private_sums(network, layer, width):
    """How many private copies of a layer's outputs to sum; 0: sum by column."""
    limit = PRIVATE_SUMS_BELOW // (8 if width == MAX_LANES else 1)
    if network.shapes[layer][1] * width * 4 > limit:
        return 0
    copies = min(16, int(network.fan_in[layer]) // CONNECTIONS_PER_PRIVATE_SUM)
    # A power of two: 2, 4, 8 threads then get equally many.
    return 1 << (copies.bit_length() - 1) if copies >= 2 else 0
