"""Named, independent streams of random numbers, each addressed by counters instead of held state.

One draw of ``random_state`` seeds five streams. Whatever is random later is a function of a
stream's seed and of counters (epoch, step, evolution, neuron, sample): the same bits come out
for any number of threads, and after a pickle round trip nothing needs to be replayed.
"""

from typing import NamedTuple

import numpy as np


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


def derive_seed(seed, *counters):
    """An independent 64-bit seed for each combination of counters, as kernels derive theirs."""
    (word,) = np.random.SeedSequence((seed, *counters)).generate_state(1, np.uint64)
    return word
