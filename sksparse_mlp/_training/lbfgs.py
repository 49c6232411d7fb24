"""Limited-memory BFGS, for a smooth convex function of many numbers.

SciPy's own calls BLAS, whose sums depend on the number of its threads; here they are NumPy's, of
products that are written to memory which is there already: new memory would cost more than they.

References
----------
Nocedal, Wright (2006). Numerical optimization. Springer. Algorithms 7.4 and 7.5.
"""

from typing import NamedTuple

import numpy as np

# Pairs of steps and changes of the gradient that are remembered.
MEMORY = 8
# A step is accepted if it gains this share of what the slope promises.
SUFFICIENT = 1e-4
MOST_HALVINGS = 20


class Pair(NamedTuple):
    """A step, what it changed the gradient by, and the product of the two."""

    moved: np.ndarray
    change: np.ndarray
    product: float


def minimise(function, x, *, max_iter, tol):
    """Minimise a function from a start.

    Parameters
    ----------
    function : callable
        Returns the value and the gradient at x.
    x : ndarray of float64
    max_iter : int
        Steps at most.
    tol : float
        The largest component of the gradient at the end.

    Returns
    -------
    ndarray of float64
        The best x found, beyond which no step is taken where the gradient is not finite.
    """
    value, gradient = function(x)
    pairs, room = [], np.empty_like(x)
    for _ in range(max_iter):
        if not tol < np.abs(gradient).max() < np.inf:  # inputs near the end of float32
            break
        direction = _times_inverse_hessian(gradient, pairs, room)
        np.negative(direction, out=direction)
        slope = _dot(gradient, direction, room)
        step = 1.0 if pairs else min(1.0, 1.0 / np.abs(gradient).sum())
        for _ in range(MOST_HALVINGS):
            new_value, new_gradient = function(x + step * direction)
            if new_value <= value + SUFFICIENT * step * slope:
                break
            step /= 2
        else:
            if not pairs:
                break
            pairs = []  # what was remembered misleads: try the steepest way down
            continue
        moved, change = step * direction, new_gradient - gradient
        product = _dot(moved, change, room)
        if product > 1e-10 * _dot(change, change, room):
            pairs = [*pairs[1 - MEMORY :], Pair(moved, change, product)]
        x, value, gradient = x + moved, new_value, new_gradient
    return x


def _times_inverse_hessian(gradient, pairs, room):
    """The two-loop recursion."""
    q, coefficients = gradient.copy(), []
    for moved, change, product in reversed(pairs):
        coefficients.append(_dot(moved, q, room) / product)
        q -= np.multiply(change, coefficients[-1], out=room)
    if pairs:
        _, change, product = pairs[-1]
        q *= product / _dot(change, change, room)
    for (moved, change, product), coefficient in zip(pairs, reversed(coefficients), strict=True):
        factor = coefficient - _dot(change, q, room) / product
        q += np.multiply(moved, factor, out=room)
    return q


def _dot(a, b, room):
    """A sum in an order that depends on nothing but its length; ``room`` is for the products."""
    return float(np.multiply(a, b, out=room).sum())
