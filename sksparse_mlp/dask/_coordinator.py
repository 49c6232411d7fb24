"""The training loop of a cluster: its epochs are rounds, its mini-batches are taken elsewhere."""

import time
from dataclasses import replace

import numpy as np

from .._network.plasticity import frozen_kept
from .._network.team import Stopped
from .._network.topology import EvolutionTiming
from .._training.history import add_epoch, topology_figures
from .._training.trainer import Trainer
from ._messages import LEARNED


class RoundTiming(EvolutionTiming):
    """Evolutions come between rounds, which are epochs here, where an interval has ended."""

    def is_due(self, t, step):
        """Whether to evolve before the round that begins with step ``t``."""
        ended = t // self.interval > (t - self.steps_per_epoch) // self.interval
        in_time = self.end > 0 and t - self.first_t <= self.end * self.total_steps
        return t > 0 and ended and in_time


class Coordinator(Trainer):
    """Trains a network in place, each epoch being a round: local steps on all blocks, averaged.

    All else, from early stopping to checkpoints, is that of :class:`.Trainer`.

    Parameters
    ----------
    network : SparseNetwork
    sample : TrainingData
        Some of all samples, here.
    cluster : Cluster
    team : Team
    n_rounds : int
    samples_per_round : int
    interval : int
        Steps between two evolutions.
    **hooks : dict
        ``validate``, ``reporter``, ``observe`` and ``checkpoint`` of ``Trainer``.
    """

    def __init__(
        self, network, sample, cluster, team, *, n_rounds, samples_per_round, interval, **hooks
    ):
        plan, self.cluster = cluster.plan, cluster
        options = replace(plan.options, max_iter=n_rounds)
        super().__init__(network, sample, options, team, **hooks)
        self.n_samples, self.steps_per_epoch = samples_per_round, plan.local_steps
        self.total_steps = plan.total_steps
        self.evolutions.timing = RoundTiming(
            interval, options.evolution_end, plan.first_t, plan.total_steps, plan.local_steps
        )
        self.history |= {"seconds_training": [], "bytes_sent": []}

    def _run_epoch(self, epoch, interrupt):
        """One round; False if Ctrl-C came in its middle, and it was taken back."""
        start, network = time.perf_counter(), self.network
        before = network.copy() if self.evolutions.timing.is_due(network.t, 0) else None
        rewired = self._evolve_if_due(self._order(), 0)
        try:
            learned = self.cluster.train(network, self.stopping.rate, interrupt)
        except Stopped:
            if epoch == 0:
                raise KeyboardInterrupt from None
            if before is not None:
                network.load_state_dict(before.state_dict())
            return False
        self._take_over(learned)
        self._record_round(learned, rewired, start)
        if self.observe is not None:
            self.observe(self)
        return True

    def _take_over(self, learned):
        """The network becomes the average of its replicas."""
        network, n_steps = self.network, self.steps_per_epoch
        with frozen_kept(network):  # a mean of equal numbers may differ in its last bits
            for name in LEARNED:
                getattr(network.arrays, name)[:] = learned.arrays[name]
        for name, moments in learned.unpacked_moments().items():
            getattr(network.optimizer_state, name)[:] = moments
        self.last_rate = self._rate_of_last_step()
        network.t += n_steps
        network.n_updates += n_steps
        network.epoch += 1
        network.n_seen += self.n_samples

    def _rate_of_last_step(self):
        self._rates(self.steps_per_epoch)
        return self.last_rate

    def _record_round(self, learned, rewired, start):
        figures = {
            **self._validation_figures(),
            "loss": learned.loss,
            "learning_rate": float(self.last_rate),
            "seconds": time.perf_counter() - start,
            "seconds_training": learned.seconds,
            "bytes_sent": float(self.cluster.n_bytes),
            **topology_figures(self.network, rewired),
        }
        add_epoch(self.history, figures)
        if not np.isfinite(learned.loss):
            raise self._divergence(len(self.history["loss"]))

    def _print_epoch(self):
        """With ``verbose``, print what the round just finished came to."""
        if self.options.verbose:
            seconds, computing = (self.history[n][-1] for n in ("seconds", "seconds_training"))
            print(
                f"Round {len(self.history['loss'])} of {self.options.max_iter}, loss = "
                f"{self.history['loss'][-1]:.8f}, {seconds:.2f} s, of which {computing:.2f} s "
                "computing"
            )
