"""Named, independent streams of random numbers, each addressed by counters instead of held state.

One draw of ``random_state`` seeds five streams. Whatever is random later is a function of a
stream's seed and of counters (epoch, step, evolution, neuron, sample): the same bits come out
for any number of threads, and after a pickle round trip nothing needs to be replayed.
"""

from typing import NamedTuple

import numpy as np

from ._jit import inlined
from ._simd import load, store

GOLDEN = 0x9E3779B97F4A7C15


class Streams(NamedTuple):
    """The seeds of the independent streams, plain integers below 2**63."""

    topology: int
    weights: int
    shuffling: int
    noise: int
    splitting: int


def make_streams(random_state):
    """Seed the streams with one draw of a ``numpy.random.RandomState``."""
    entropy = random_state.randint(0, 2**32, size=4, dtype=np.uint32)
    words = np.random.SeedSequence(entropy.tolist()).generate_state(len(Streams._fields), np.uint64)
    return Streams(*(int(word >> np.uint64(1)) for word in words))


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


def derive_seed(seed, *counters):
    """The same for Python: an independent 64-bit seed for each combination of counters."""
    (word,) = np.random.SeedSequence((seed, *counters)).generate_state(1, np.uint64)
    return word
