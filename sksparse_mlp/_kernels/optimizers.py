"""One step of a solver on consecutive parameters, in place.

SGD with momentum: ``v = momentum v - rate g; w += v - rate decay w``; with Nesterov's look-ahead
``w += momentum v - rate g - rate decay w``. Adam: ``m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
w -= rate' m / (sqrt(v) + eps) + rate decay w`` with ``rate' = rate sqrt(1 - b2^t) / (1 - b1^t)``,
which the caller has worked out. Weight decay is decoupled from the gradient.

References
----------
Kingma, Ba (2015). Adam: a method for stochastic optimization. ICLR. Loshchilov, Hutter (2019).
Decoupled weight decay regularization. ICLR.
"""

import numpy as np

from .jit import always_inlined, inlined
from .records import ADAM, NESTEROV, SUM_GRADIENTS
from .simd import load, store


@always_inlined
def flushed(x):
    """Zero where ``|x| < 1e-30``: subnormal numbers would slow every later step."""
    return np.float32(0) if abs(x) < np.float32(1e-30) else x


@inlined
def update(params, trained, gradients, first_gradient, rate, decay, epsilon):
    """One step on some parameters, whose gradients begin at ``gradients[first_gradient]``.

    Gradients are left at zero, for the next step to add to. Weights and moments are flushed.
    ``epsilon`` is Adam's.
    """
    momentum, one, zero = params.momentum, np.float32(1), np.float32(0)
    weights, moment_1, moment_2 = trained.values, trained.moment_1, trained.moment_2
    w0, g0 = trained.start, first_gradient
    if params.solver == ADAM:
        for k in range(trained.n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            store(gradients, g0 + k, zero)
            m = momentum * load(moment_1, w0 + k) + (one - momentum) * g
            v = params.beta_2 * load(moment_2, w0 + k) + (one - params.beta_2) * g * g
            store(moment_1, w0 + k, flushed(m))
            store(moment_2, w0 + k, flushed(v))
            w = w - rate * m / (np.sqrt(v) + epsilon) - decay * w
            store(weights, w0 + k, flushed(w))
    elif params.solver == NESTEROV:
        for k in range(trained.n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            store(gradients, g0 + k, zero)
            velocity = momentum * load(moment_1, w0 + k) - rate * g
            store(moment_1, w0 + k, flushed(velocity))
            w = w + momentum * velocity - rate * g - decay * w
            store(weights, w0 + k, flushed(w))
    elif params.solver == SUM_GRADIENTS:
        for k in range(trained.n):
            total = load(moment_1, w0 + k) + rate * load(gradients, g0 + k)
            store(gradients, g0 + k, zero)
            store(moment_1, w0 + k, total)
    else:
        for k in range(trained.n):
            g, w = load(gradients, g0 + k), load(weights, w0 + k)
            store(gradients, g0 + k, zero)
            velocity = momentum * load(moment_1, w0 + k) - rate * g
            store(moment_1, w0 + k, flushed(velocity))
            w = w + velocity - decay * w
            store(weights, w0 + k, flushed(w))
