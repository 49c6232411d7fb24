"""When the topology evolves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EvolutionTiming:
    """Evolutions come before a step, never after the last one of a training.

    Parameters
    ----------
    interval : int or "epoch"
        Steps between two evolutions, counted from the network's first step; or one an epoch.
    end : float
        The share of the training after which there are no more.
    first_t : int
        Steps that the network had taken when this training began.
    total_steps : int or None
        Steps of this training; None: a stream, which has no end.
    steps_per_epoch : int
    """

    interval: int | str
    end: float
    first_t: int
    total_steps: int | None
    steps_per_epoch: int = 1

    def progress(self, t):
        """The share of the time in which connections move that lies behind; 0 in a stream."""
        last = self.end * self.total_steps if self.total_steps else 0
        return min(1.0, (t - self.first_t) / last) if last else 0.0

    @property
    def last_t(self):
        """The step before which this training's last evolution is due; None where none is."""
        if not (self.total_steps and self.end > 0):
            return None
        n_steps = min(self.total_steps - 1, int(self.end * self.total_steps))
        if self.interval == "epoch":
            last = self.first_t + n_steps - n_steps % self.steps_per_epoch
        else:
            last = self.first_t + n_steps - (self.first_t + n_steps) % self.interval
        return last if last >= max(1, self.first_t) else None

    def progress_to_last(self, t):
        """The share of the way to the last evolution: 1 at it, and 0 in a stream."""
        if self.last_t is None:
            return 0.0
        n_steps = self.last_t - self.first_t
        return min(1.0, (t - self.first_t) / n_steps) if n_steps else 1.0

    def is_due(self, t, step):
        """Whether to evolve before step ``t``, which is number ``step`` of its epoch."""
        if t == 0:
            return False
        due = step == 0 if self.interval == "epoch" else t % self.interval == 0
        if self.total_steps is None:
            return due
        return due and self.end > 0 and t - self.first_t <= self.end * self.total_steps

    def steps_until_due(self, t, n_steps):
        """How many of the next ``n_steps`` steps can be taken in one go."""
        if self.interval == "epoch":
            return n_steps
        return min(n_steps, self.interval - t % self.interval)
