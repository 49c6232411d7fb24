"""When training has stalled, and which epoch was the best."""

from reprlib import repr as short

import numpy as np

from .._network.arrays import state_of_arrays
from .._network.checks import check_fields, is_count, require

# An "adaptive" learning rate that is lower than this ends the training.
SMALLEST_RATE = 1e-6


class StoppingRule:
    """Decides when training has stalled, and keeps the best epoch for early stopping.

    Parameters
    ----------
    options : TrainingOptions

    Attributes
    ----------
    rate : float
        The learning rate that schedules begin with; "adaptive" divides it.
    best_epoch : int or None
        Counted from 0.
    snapshot : NetworkArrays or None
        The arrays of the best epoch; only for early stopping.
    """

    def __init__(self, options):
        self.options = options
        self.rate = float(options.learning_rate_init)
        self.best, self.best_epoch, self.snapshot = -np.inf, None, None
        self.n_stale = 0

    def has_stalled(self, history, network):
        """Look at the epoch just finished."""
        options = self.options
        epoch = len(history["loss"]) - 1
        monitored = self._monitored(history, epoch)
        improved = monitored > self.best + options.tol or self.best_epoch is None
        self.n_stale = 0 if improved else self.n_stale + 1
        if monitored > self.best or self.best_epoch is None:
            self.best, self.best_epoch = monitored, epoch
            if options.early_stopping:
                self.snapshot = network.snapshot()
        if self.n_stale < options.n_iter_no_change:
            return False
        if options.learning_rate == "adaptive" and self.rate > SMALLEST_RATE:
            self.rate /= 5.0
            self.n_stale = 0
            return False
        # A cosine schedule ends where it was laid out to end, unless validation says otherwise.
        return options.early_stopping or options.learning_rate != "cosine"

    def _monitored(self, history, epoch):
        """What an epoch is judged by, higher being better."""
        if self.options.early_stopping:
            return history["monitored"][epoch]
        return -history["loss"][epoch]

    def state_dict(self):
        """All of it, for a checkpoint."""
        return {
            "rate": self.rate,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "n_stale": self.n_stale,
            "snapshot": None if self.snapshot is None else state_of_arrays(self.snapshot),
        }

    def load_state_dict(self, state, network, history):
        """Take over a state, of a training of this network that has this history.

        ValueError if none has it.
        """
        check_fields("stopping", state, self.state_dict())
        self._check(state, history)
        vars(self).update(state)
        if self.snapshot is not None:
            self.snapshot = network.arrays_of_state(self.snapshot)

    def _check(self, state, history):
        options, n_epochs = self.options, len(history["loss"])
        for name, most in (("best_epoch", n_epochs - 1), ("n_stale", n_epochs)):
            right = is_count(state[name]) and state[name] <= most
            require(right, f"stopping has {name}={short(state[name])} after {n_epochs} epochs")
        best, monitored = state["best"], self._monitored(history, state["best_epoch"])
        right = type(best) is float and best == monitored
        require(right, f"stopping has best={short(best)}, and history {monitored!r}")
        rate, first = state["rate"], self.rate
        lowest = SMALLEST_RATE / 5.0 if options.learning_rate == "adaptive" else first
        right = type(rate) is float and min(lowest, first) <= rate <= first
        require(right, f"stopping has rate={short(rate)}, and the training begins with {first}")
        kept = state["snapshot"] is not None
        require(kept == options.early_stopping, "stopping has a snapshot, or lacks it")
