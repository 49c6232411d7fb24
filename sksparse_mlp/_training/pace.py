"""How long things take: how many steps one call of a kernel may run, which epochs are long."""

import numpy as np

# A call of the kernel lasts about this many seconds: as long as Ctrl-C may wait.
SECONDS_PER_CALL = 0.3
# Epochs that are guessed to last longer are reported in parts, in at most this number.
LONG_EPOCH, MOST_PARTS = 2.0, 100
# First guess of a step's cost: nanoseconds a connection, and a connection and sample.
CONNECTION_COST, SAMPLE_COST = 0.5, 0.15


class Pace:
    """What a training run knows of its speed.

    Parameters
    ----------
    n_connections : int
    n_lanes : int
        Samples of a mini-batch, rounded up to whole tiles.
    steps_per_epoch : int

    Attributes
    ----------
    seconds_per_step : float
        As measured last; a guess at first.
    seconds_to_validate : float
        What validation took in the last epoch.
    parts : ndarray of int
        After which steps a part of an epoch ends; short epochs have no parts.
    """

    def __init__(self, n_connections, n_lanes, steps_per_epoch):
        guess = 1e-9 * n_connections * (CONNECTION_COST + SAMPLE_COST * n_lanes)
        self.steps_per_epoch = steps_per_epoch
        self.seconds_per_step, self.seconds_to_validate = guess, 0.0
        n_parts = min(steps_per_epoch, MOST_PARTS) if steps_per_epoch * guess > LONG_EPOCH else 0
        self.parts = steps_per_epoch * np.arange(1, n_parts + 1) // max(1, n_parts)

    @property
    def steps_per_call(self):
        """How many mini-batches one call of the kernel runs."""
        return max(1, int(SECONDS_PER_CALL / max(self.seconds_per_step, 1e-7)))

    @property
    def step_is_long(self):
        """Whether a single step lasts longer than Ctrl-C may wait."""
        return self.seconds_per_step > SECONDS_PER_CALL

    @property
    def epoch_is_long(self):
        """Whether an epoch does, validation included."""
        seconds = self.steps_per_epoch * self.seconds_per_step + self.seconds_to_validate
        return seconds > SECONDS_PER_CALL

    def parts_ended(self, step, n_steps):
        """How many parts of an epoch end with steps step .. step + n_steps - 1."""
        return np.count_nonzero((self.parts > step) & (self.parts <= step + n_steps))
