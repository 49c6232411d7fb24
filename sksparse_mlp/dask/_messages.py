"""What travels between the client and the workers: at most 8 bytes a connection each way.

With "sgd", these are a weight and its velocity. Adam remembers two numbers of a weight: they travel
in two bytes each, with eight binary digits (bfloat16), and lose the others once a round.
"""

import pickle
from typing import NamedTuple

import numpy as np

from .._network import SparseNetwork

# What local steps change, and is averaged: of the arrays, all but the pattern of the connections.
LEARNED = ("weights", "intercepts", "srelu")
PATTERN = ("indptr", "indices")
COUNTERS = ("t", "n_updates", "epoch", "n_seen")


class Learned(NamedTuple):
    """What a block, or several, contributed to a round; sums of it are averages."""

    arrays: dict  # by name, multiplied by the share of the block's weight
    moments: dict  # of the solver, likewise, as they travel
    loss: float  # likewise
    seconds: float  # of the slowest block

    def __add__(self, other):
        arrays = {name: array + other.arrays[name] for name, array in self.arrays.items()}
        others = other.unpacked_moments()
        sums = {name: array + others[name] for name, array in self.unpacked_moments().items()}
        seconds = max(self.seconds, other.seconds)
        return Learned(arrays, packed(sums), self.loss + other.loss, seconds)

    def unpacked_moments(self):
        """The moments as float32."""
        return unpacked(self.moments)


def packed(moments):
    """Moments as they travel: in two bytes a number if there are two of each weight."""
    if not any(moments[name].size for name in moments if name.endswith("_2")):
        return moments
    return {name: in_two_bytes(moment) for name, moment in moments.items()}


def unpacked(moments):
    """Moments that have travelled, float32."""
    return {
        name: in_four_bytes(moment) if moment.dtype == np.uint16 else moment
        for name, moment in moments.items()
    }


def in_two_bytes(values):
    """Float32 numbers as the nearest bfloat16 ones, which are their upper halves, as uint16."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    to_even = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + to_even) >> np.uint32(16)).astype(np.uint16)


def in_four_bytes(halves):
    """The float32 numbers whose upper halves these are; the lower ones are zero."""
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)


def split_state(state):
    """A network's state as two messages: one changes in evolutions only, one in each round."""
    arrays = state["arrays"]
    values = {
        "arrays": {name: arrays[name] for name in LEARNED},
        "optimizer_state": packed(state["optimizer_state"]),
        "counters": {name: state[name] for name in COUNTERS},
    }
    pattern = {name: part for name, part in state.items() if name not in COUNTERS}
    pattern |= {"arrays": {name: arrays[name] for name in PATTERN}, "optimizer_state": None}
    return pattern, values


def joined_network(pattern, values):
    """The network of two messages, each in parts."""
    pattern, values = (pickle.loads(b"".join(parts)) for parts in (pattern, values))
    state = {**pattern, **values["counters"]}
    state["optimizer_state"] = unpacked(values["optimizer_state"])
    return SparseNetwork.of_state({**state, "arrays": pattern["arrays"] | values["arrays"]})
