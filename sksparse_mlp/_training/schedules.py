"""Learning rates: what each schedule makes of ``learning_rate_init``, step by step."""

import numpy as np


def step_rates(schedule, rate, first_step, n_steps, total_steps, power_t):
    """The learning rates of steps first_step .. first_step + n_steps - 1, before Adam's correction.

    ``rate`` is ``learning_rate_init``, already divided where the schedule is "adaptive".
    """
    steps = np.arange(first_step, first_step + n_steps)
    if schedule == "cosine":
        return rate * 0.5 * (1.0 + np.cos(np.pi * np.minimum(steps / total_steps, 1.0)))
    if schedule == "invscaling":
        return rate / (steps + 1.0) ** power_t
    return np.full(n_steps, float(rate))


def adam_correction(t, beta_1, beta_2):
    """What Adam multiplies the rate of its t-th update by, t = 1, 2, ... since zero moments."""
    t = np.asarray(t, np.float64)
    return np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
