"""Solvers and learning-rate schedules: codes, memory, and the rate of each step.

SGD with momentum: ``v = momentum v - rate g; w += v - rate decay w``; with Nesterov's look-ahead
``w += momentum v - rate g - rate decay w``. Adam: ``m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
w -= rate' m / (sqrt(v) + eps) + rate decay w`` with ``rate' = rate sqrt(1 - b2^t) / (1 - b1^t)``.
Weight decay is decoupled from the gradient (Loshchilov and Hutter, 2019). The update itself is a
kernel, fused with the backward pass.
"""

import numpy as np

from ._jit import inlined
from ._records import ADAM, NESTEROV, SGD, Slots
from ._simd import (
    load,
    store,
)

ADAM_EPSILON = 1e-8


def solver_code(solver, momentum, nesterovs_momentum):
    """The kernels' code of a solver."""
    if solver == "adam":
        return ADAM
    return NESTEROV if nesterovs_momentum and momentum > 0 else SGD


def empty_slots(network, solver):
    """A solver's memory for all parameters, zero, one float32 a slot."""
    second = 1 if solver == "adam" else 0
    sizes = (network.weights.size, network.intercepts.size, network.srelu.size)
    return Slots(*(np.zeros(n * used, np.float32) for n in sizes for used in (1, second)))


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
    """What Adam multiplies the rate of its t-th update by, t = 1, 2, ..."""
    t = np.asarray(t, np.float64)
    return np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)


@inlined
def update(rules, n, weights, w0, slots_1, slots_2, gradients, g0, rate, decay):
    """One step of the solver on n parameters from ``weights[w0]`` on, their gradients from g0 on.

    In place; decay is decoupled from the gradient. Gradients are left at zero, for the next step
    to add to. Memory next to nothing is set to zero, since subnormal numbers would slow every
    later step.
    """
    momentum, one, zero, tiny = rules.momentum, np.float32(1), np.float32(0), np.float32(1e-30)
    if rules.solver == ADAM:
        for k in range(n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            store(gradients, g0 + k, zero)
            m = momentum * load(slots_1, w0 + k) + (one - momentum) * g
            v = rules.beta_2 * load(slots_2, w0 + k) + (one - rules.beta_2) * g * g
            store(slots_1, w0 + k, m if abs(m) > tiny else zero)
            store(slots_2, w0 + k, v if v > tiny else zero)
            store(weights, w0 + k, w - rate * m / (np.sqrt(v) + rules.adam_epsilon) - decay * w)
    elif rules.solver == NESTEROV:
        for k in range(n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            store(gradients, g0 + k, zero)
            velocity = momentum * load(slots_1, w0 + k) - rate * g
            store(slots_1, w0 + k, velocity if abs(velocity) > tiny else zero)
            store(weights, w0 + k, w + momentum * velocity - rate * g - decay * w)
    else:
        for k in range(n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            store(gradients, g0 + k, zero)
            velocity = momentum * load(slots_1, w0 + k) - rate * g
            store(slots_1, w0 + k, velocity if abs(velocity) > tiny else zero)
            store(weights, w0 + k, w + velocity - decay * w)
