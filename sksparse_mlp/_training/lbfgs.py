"""Limited-memory BFGS, for a smooth convex function of many numbers.

SciPy's own calls BLAS, whose sums depend on the number of its threads; here they are NumPy's.

References
----------
Nocedal, Wright (2006). Numerical optimization. Springer. Algorithms 7.4 and 7.5.
"""

import numpy as np

# Pairs of steps and changes of the gradient that are remembered.
MEMORY = 8
# A step is accepted if it gains this share of what the slope promises.
SUFFICIENT = 1e-4
MOST_HALVINGS = 20


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
        The best x found.
    """
    value, gradient = function(x)
    pairs = []
    for _ in range(max_iter):
        if np.abs(gradient).max() <= tol:
            break
        direction = -_times_inverse_hessian(gradient, pairs)
        slope = _dot(gradient, direction)
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
        if _dot(moved, change) > 1e-10 * _dot(change, change):
            pairs = [*pairs[1 - MEMORY :], (moved, change)]
        x, value, gradient = x + moved, new_value, new_gradient
    return x


def _times_inverse_hessian(gradient, pairs):
    """The two-loop recursion."""
    q, coefficients = gradient.copy(), []
    for moved, change in reversed(pairs):
        coefficients.append(_dot(moved, q) / _dot(moved, change))
        q -= coefficients[-1] * change
    if pairs:
        moved, change = pairs[-1]
        q *= _dot(moved, change) / _dot(change, change)
    for (moved, change), coefficient in zip(pairs, reversed(coefficients), strict=True):
        q += (coefficient - _dot(change, q) / _dot(moved, change)) * moved
    return q


def _dot(a, b):
    """A sum in an order that depends on nothing but its length."""
    return float((a * b).sum())
