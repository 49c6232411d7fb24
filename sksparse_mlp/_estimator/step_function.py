"""Functions of time that are constant between jumps."""

import numpy as np


class StepFunction:
    """A function that jumps to ``y[i]`` at ``x[i]``, with the attributes of scikit-survival's.

    Parameters
    ----------
    x : ndarray of shape (n_times,)
        Ascending times.
    y : ndarray of shape (n_times,)
        Values from each time on.
    start : float
        The value before the first time.
    """

    def __init__(self, x, y, start):
        self.x, self.y, self.start = x, y, start

    @property
    def domain(self):
        """From where to where the function is known."""
        return 0.0, float(self.x[-1])

    def __call__(self, x):
        """Values at some times, from 0 to the last of ``x``; ValueError beyond it.

        Parameters
        ----------
        x : float or array-like
        """
        times, (first, last) = np.asarray(x, np.float64), self.domain
        if not ((times >= first) & (times <= last)).all():
            raise ValueError(f"x must lie between {first:g} and {last:g}; got {x!r}.")
        values = np.concatenate(([self.start], self.y))
        return values[np.searchsorted(self.x, times, side="right")]
