"""One block's part of a round: a pure function of the network, the rows, the seed and the round."""

import time
from typing import NamedTuple

import numpy as np

from .._network import SparseNetwork
from .._network.team import Team
from .._training.options import TrainingOptions
from .._training.trainer import Trainer
from ._blocks import seed_of_block

# What local steps change, and is averaged: of the arrays, all but the pattern of the connections.
LEARNED = ("weights", "intercepts", "srelu")
PATTERN = ("indptr", "indices")
COUNTERS = ("t", "n_updates", "epoch", "n_seen")


class Plan(NamedTuple):
    """What all blocks have to know of a training."""

    options: TrainingOptions
    local_steps: int
    total_steps: int
    n_threads: int


class Learned(NamedTuple):
    """What a block, or several, contributed to a round; sums of it are averages."""

    arrays: dict  # by name, multiplied by the share of the block's weight
    loss: float  # likewise
    seconds: float  # of the slowest block

    def __add__(self, other):
        arrays = {name: array + other.arrays[name] for name, array in self.arrays.items()}
        seconds = max(self.seconds, other.seconds)
        return Learned(arrays, self.loss + other.loss, seconds)


def split_state(state):
    """A network's state as two messages: one changes in evolutions only, one in each round."""
    arrays, moments = state["arrays"], state["optimizer_state"]
    values = {
        "arrays": {name: arrays[name] for name in LEARNED},
        "optimizer_state": moments,
        "counters": {name: state[name] for name in COUNTERS},
    }
    pattern = {name: part for name, part in state.items() if name not in COUNTERS}
    pattern |= {"arrays": {name: arrays[name] for name in PATTERN}, "optimizer_state": None}
    return pattern, values


def joined_network(pattern, values):
    """The network of two messages, which other tasks read, too: all that changes is a copy."""
    network = object.__new__(SparseNetwork)
    state = {**pattern, **values["counters"], "optimizer_state": values["optimizer_state"]}
    network.load_state_dict({**state, "arrays": pattern["arrays"] | values["arrays"]})
    return network.copy()


class Replica(Trainer):
    """Trains a network for some steps of a training whose schedules are laid out elsewhere."""

    def __init__(self, network, data, plan, rate, team):
        super().__init__(network, data, plan.options, team)
        self.first_t, self.total_steps, self.stopping.rate = 0, plan.total_steps, rate

    def run_steps(self, n_steps):
        """Go on where the counter of steps stands; returns the losses of the mini-batches."""
        losses, network = [], self.network
        while n_steps > 0:
            network.epoch, step = divmod(network.t, self.steps_per_epoch)
            n_here = min(n_steps, self.steps_per_epoch - step)
            losses.append(self._train(self._order(), step, n_here, network.epoch))
            n_steps -= n_here
        return np.concatenate(losses)


def train_replica(pattern, values, data, number, share, plan, rate):
    """Train a copy of the network on one block; the same arguments give the same bits.

    Parameters
    ----------
    pattern, values : dict
        See :func:`split_state`.
    data : TrainingData
        The block.
    number : int
        The position of the block, which seeds its random numbers.
    share : float
        Of the weight of all samples.
    plan : Plan
    rate : float
        The learning rate that the schedule begins with.

    Returns
    -------
    Learned
    """
    start = time.perf_counter()
    network, share = joined_network(pattern, values), np.float32(share)
    streams = network.streams
    own = {name: seed_of_block(getattr(streams, name), number) for name in ("shuffling", "noise")}
    network.streams = streams._replace(**own)
    with Team(plan.n_threads) as team:
        losses = Replica(network, data, plan, rate, team).run_steps(plan.local_steps)
    arrays = {name: getattr(network.arrays, name) for name in LEARNED}
    moments = {f"state of {name}": m for name, m in network.optimizer_state._asdict().items()}
    arrays = {name: share * array for name, array in (arrays | moments).items()}
    return Learned(arrays, float(share * losses.mean()), time.perf_counter() - start)
