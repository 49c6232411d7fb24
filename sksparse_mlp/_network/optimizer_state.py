"""What the solver remembers, from Python's side: its code for kernels, and its empty memory."""

import numpy as np

from .._kernels.records import ADAM, NESTEROV, SGD, OptimizerState


def solver_code(solver, momentum, nesterovs_momentum):
    """The kernels' code of a solver."""
    if solver == "adam":
        return ADAM
    return NESTEROV if nesterovs_momentum and momentum > 0 else SGD


def zero_optimizer_state(arrays, solver):
    """Moments of all parameters of a network, zero."""
    second = 1 if solver == "adam" else 0
    sizes = (arrays.weights.size, arrays.intercepts.size, arrays.srelu.size)
    return OptimizerState(*(np.zeros(n * used, np.float32) for n in sizes for used in (1, second)))
