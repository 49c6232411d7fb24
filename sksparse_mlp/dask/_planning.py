"""How a training is divided into rounds: what ``rounds`` and ``local_steps`` mean."""

import math
from typing import NamedTuple

# "auto": about so many rounds, of at most so many steps.
ROUNDS, MOST_STEPS = 50, 500
# Mini-batches are divided among the blocks, into parts of at least so many samples.
SMALLEST_BATCH = 32
# The learning rate is multiplied by so much at most.
MOST_LENGTHENED = 4.0


class Schedule(NamedTuple):
    """The rounds of a training."""

    n_rounds: int
    local_steps: int
    steps_per_pass: int  # of each block, in which all of them together see as much as all samples

    @property
    def total_steps(self):
        """Steps that each block takes in the whole training."""
        return self.n_rounds * self.local_steps

    def evolution_interval(self, given):
        """Steps between two evolutions; "auto": in each round."""
        if given == "epoch":
            return self.steps_per_pass
        return self.local_steps if given == "auto" else int(given)


def check_rounds(rounds, local_steps, max_iter):
    """Refuse three parameters that all set the length of the training."""
    if "auto" not in (rounds, local_steps, max_iter):
        raise ValueError(
            f"rounds={rounds!r}, local_steps={local_steps!r} and max_iter={max_iter!r} together "
            "set the length of the training twice: leave one of them 'auto'."
        )


def batch_of_block(given, batch_size, n_blocks):
    """Samples of a block's mini-batch: "auto" makes as many steps as in one process.

    Parameters
    ----------
    given : int or "auto"
        As the estimator's parameter.
    batch_size : int
        The same, "auto" resolved for one process.
    n_blocks : int
    """
    if given != "auto":
        return batch_size
    return max(min(batch_size, SMALLEST_BATCH), -(-batch_size // n_blocks))


def rate_factor(solver, n_blocks, batch_of_block, batch_size):
    """What the learning rate is multiplied by, because replicas are averaged.

    Adam divides gradients by the noise that it sees in them. The average of n replicas, each on
    mini-batches of b samples, has the noise of n b samples, and each of them divides by that of b:
    sqrt(n) makes up for it. Where n b are more than the samples that one process would take at
    once, there are fewer steps, and these are longer by the square root [1]_.

    Parameters
    ----------
    solver : {"adam", "sgd"}
    n_blocks, batch_of_block : int
    batch_size : int
        Of one process.

    References
    ----------
    .. [1] Malladi, S., Lyu, K., Panigrahi, A., Arora, S. (2022). On the SDEs and scaling rules for
           adaptive gradient algorithms. NeurIPS.
    """
    if solver != "adam":
        return 1.0
    return min(MOST_LENGTHENED, math.sqrt(n_blocks * n_blocks * batch_of_block / batch_size))


def schedule_of(rounds, local_steps, n_epochs, n_samples, n_blocks, batch_size):
    """The rounds of a training.

    Parameters
    ----------
    rounds, local_steps : int or "auto"
        As the estimator's parameters.
    n_epochs : int
        Passes over the data, where ``rounds`` and ``local_steps`` do not say how long.
    n_samples, n_blocks, batch_size : int

    Returns
    -------
    Schedule
    """
    steps_per_pass = -(-n_samples // (n_blocks * batch_size))
    n_steps = n_epochs * steps_per_pass
    if rounds != "auto" and local_steps != "auto":
        return Schedule(int(rounds), int(local_steps), steps_per_pass)
    if rounds != "auto":
        return Schedule(int(rounds), max(1, round(n_steps / rounds)), steps_per_pass)
    if local_steps == "auto":
        local_steps = max(1, min(MOST_STEPS, n_steps // ROUNDS))
    return Schedule(max(1, round(n_steps / local_steps)), int(local_steps), steps_per_pass)
