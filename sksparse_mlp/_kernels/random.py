"""Random numbers inside kernels: hashes of a seed and counters, and small states."""

import numpy as np

from .jit import inlined
from .simd import load, store

GOLDEN = 0x9E3779B97F4A7C15


@inlined
def mix(x):
    """A 64-bit hash of a 64-bit number (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inlined
def derive(seed, counter):
    """A new seed from a seed and a counter."""
    return mix(np.uint64(seed) + (np.uint64(counter) + np.uint64(1)) * np.uint64(GOLDEN))


@inlined
def lane_key(lanes, key, unit, tile):
    """Key of the lanes' hashes for one neuron in one tile of one step."""
    lane_step = np.uint64(0x9E3779B9) << np.uint64(len(lanes))
    return derive(key, unit) + np.uint64(tile) * lane_step


@inlined
def next_uniform(states, i):
    """Uniform in [0, 1) with 53 bits, from the i-th of some uint64 states (SplitMix64)."""
    state = load(states, i) + np.uint64(GOLDEN)
    store(states, i, state)
    return np.float64(mix(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inlined
def next_below(states, i, n):
    """Uniform among the integers 0 .. n - 1."""
    return np.int64(next_uniform(states, i) * n)


@inlined
def next_below_and_uniform(states, i, n):
    """Uniform among the integers 0 .. n - 1, and independent of it a uniform in [0, 1).

    One draw for both: what the integer leaves of the 53 bits is the second number.
    """
    scaled = next_uniform(states, i) * n
    below = np.int64(scaled)
    return below, scaled - below
