"""One block's part of a round: a pure function of the network, the rows, the seed and the round."""

import time
from typing import NamedTuple

import numpy as np

from .._network.team import Team
from .._training.options import TrainingOptions
from .._training.trainer import Trainer
from ._blocks import seed_of_block
from ._messages import LEARNED, Learned, joined_network, packed


class RoundPlan(NamedTuple):
    """What all blocks have to know of a training."""

    options: TrainingOptions
    local_steps: int
    first_t: int  # steps that the network had taken before this training
    total_steps: int
    n_threads: int


class Replica(Trainer):
    """Trains a network for some steps of a training whose schedules are laid out elsewhere."""

    def __init__(self, network, data, plan, rate, team):
        super().__init__(network, data, plan.options, team)
        self.first_t, self.total_steps = plan.first_t, plan.total_steps
        self.stopping.rate = rate

    def run_steps(self, n_steps):
        """Go on where the counter of steps stands; returns the weighted mean of the loss."""
        losses, weights, network = [], [], self.network
        while n_steps > 0:
            network.epoch, step = divmod(network.t, self.steps_per_epoch)
            n_here, order = min(n_steps, self.steps_per_epoch - step), self._order()
            losses.append(self._train(order, step, n_here, network.epoch))
            weights.append(self._weights_of_batches(order)[step : step + n_here])
            n_steps -= n_here
        return np.average(np.concatenate(losses), weights=np.concatenate(weights))

    def _weights_of_batches(self, order):
        weight = self.data.sample_weight[order].astype(np.float64)
        return np.add.reduceat(weight, np.arange(0, self.n_samples, self.batch_size))


def train_replica(pattern, values, data, number, share, plan, rate):
    """Train a copy of the network on one block; the same arguments give the same bits.

    Parameters
    ----------
    pattern, values : list of bytes
        What :func:`.split_state` returns, pickled and divided.
    data : TrainingData
        The block.
    number : int
        The position of the block, which seeds its random numbers.
    share : float
        Of the weight of all samples.
    plan : RoundPlan
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
        loss = Replica(network, data, plan, rate, team).run_steps(plan.local_steps)
    arrays = {name: share * getattr(network.arrays, name) for name in LEARNED}
    moments = {name: share * m for name, m in network.optimizer_state._asdict().items()}
    seconds = time.perf_counter() - start
    return Learned(arrays, packed(moments), float(share * loss), seconds)
