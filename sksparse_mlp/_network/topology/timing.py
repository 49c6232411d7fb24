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
    """

    interval: int | str
    end: float
    first_t: int
    total_steps: int | None

    def progress(self, t):
        """The share of the time in which connections move that lies behind; 0 in a stream."""
        last = self.end * self.total_steps if self.total_steps else 0
        return min(1.0, (t - self.first_t) / last) if last else 0.0

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
