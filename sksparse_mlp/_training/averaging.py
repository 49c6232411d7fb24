"""The mean of the weights over the last part of a training: which epochs count, and how much.

"ema": an exponential moving average over the epochs of the last quarter, which begins as a plain
mean. "cyclic" [1]_: in up to three cycles at the end, of a tenth of the epochs each, half of the
connections are laid elsewhere, and the learning rate rises and falls again; the plain mean is that
of the network before the cycles and of those at their ends.

References
----------
.. [1] Yin, Menkovski, Fang, Huang, Pei, Pechenizkiy, Mocanu, Liu (2022). Superposing many tickets
       into one: a performance booster for sparse neural network training. UAI.
"""

from reprlib import repr as short

from .._network.arrays import state_of_arrays
from .._network.averaging import averaged
from .._network.checks import check_fields, require
from .schedules import step_rates

# "ema": the share of the training before it, and what one epoch counts when many did.
EMA_FROM, EMA_SHARE = 0.75, 0.1
# "cyclic": how many cycles there are, and epochs of the training for one of a cycle.
CYCLES, EPOCHS_PER_CYCLE = 3, 10
# A cycle begins with this share of the first learning rate, and moves this share of connections.
CYCLIC_RATE, RE_EXPLORED = 0.2, 0.5


class Averaging:
    """What a training with ``averaging`` returns in place of its last weights.

    Parameters
    ----------
    rule : {"ema", "cyclic"} or None
    n_epochs : int or None
        Of the training; a stream, None, has no last part.
    steps_per_epoch : int

    Attributes
    ----------
    mean : NetworkArrays or None
        So far; it is replaced, never changed.
    n_averaged : int
        How many epochs are in it.
    exploring_steps : int or None
        Steps before the first cycle, for which the schedules are laid out; None in a stream.
    """

    def __init__(self, rule, n_epochs, steps_per_epoch):
        self.rule = None if n_epochs is None else rule
        self.mean, self.n_averaged = None, 0
        self.exploring_steps, self._first, self._cycle = None, 0, 1
        if n_epochs is None:
            return
        n_exploring = n_epochs
        if rule == "cyclic":
            self._cycle = max(1, n_epochs // EPOCHS_PER_CYCLE)
            n_exploring -= min(CYCLES, (n_epochs - 1) // self._cycle) * self._cycle
        self._first = int(EMA_FROM * n_epochs) if rule == "ema" else n_exploring - 1
        self.exploring_steps = n_exploring * steps_per_epoch
        self._cycle_steps = self._cycle * steps_per_epoch

    # ------------------------------------------------------------ the mean

    def model(self, network):
        """What would be returned now: the network, with its mean if there is one."""
        return network if self.mean is None else network.with_arrays(self.mean)

    def epoch_ends(self, network, epoch):
        """Take a network into the mean, if it is due after this epoch, counted from 0."""
        if self._is_due(epoch):
            self.mean = averaged(network, self.mean, self._share())
            self.n_averaged += 1

    def _is_due(self, epoch):
        since = epoch - self._first
        return self.rule is not None and since >= 0 and since % self._cycle == 0

    def _share(self):
        """What the next epoch counts."""
        equal = 1.0 / (self.n_averaged + 1)
        return max(equal, EMA_SHARE) if self.rule == "ema" else equal

    # ------------------------------------------------------------ cycles

    def is_cycling(self, step):
        """Whether a step, counted from the first of the training, is in a cycle."""
        return self.rule == "cyclic" and step >= self.exploring_steps

    def explores_again(self, step):
        """Whether a cycle begins with a step."""
        return self.is_cycling(step) and (step - self.exploring_steps) % self._cycle_steps == 0

    def rates(self, rate, step, n_steps):
        """The learning rates of some steps of a cycle."""
        first = (step - self.exploring_steps) % self._cycle_steps
        return step_rates("cosine", CYCLIC_RATE * rate, first, n_steps, self._cycle_steps, 0.0)

    # ------------------------------------------------------------ state

    @property
    def progress(self):
        """What has been averaged so far; set it to go back to an earlier state."""
        return self.mean, self.n_averaged

    @progress.setter
    def progress(self, earlier):
        self.mean, self.n_averaged = earlier

    def state_dict(self):
        """All of it, for a checkpoint."""
        mean = None if self.mean is None else state_of_arrays(self.mean)
        return {"mean": mean, "n_averaged": self.n_averaged}

    def load_state_dict(self, state, network, n_epochs):
        """Take over a state, of a training of this network after some epochs.

        ValueError if none has it.
        """
        check_fields("averaging", state, self.state_dict())
        n, expected = state["n_averaged"], sum(map(self._is_due, range(n_epochs)))
        right = type(n) is int and n == expected
        require(right, f"averaging has n_averaged={short(n)} after {n_epochs} epochs")
        require((state["mean"] is None) == (n == 0), "averaging has a mean, or lacks it")
        self.n_averaged = n
        if n:
            self.mean = network.arrays_of_state(state["mean"])
