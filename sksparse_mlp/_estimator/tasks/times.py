"""A time for each sample, after which an event was seen, or until which none was (survival)."""

import numpy as np

from ..concordance import concordance_index
from .base import Task

# Chosen on synthetic expression with censoring: weaker ones order any few samples perfectly.
START_PENALTY = 200.0


def as_structured(y):
    """Columns of events and times as a structured array."""
    found = np.empty(len(y), [("event", bool), ("time", np.float64)])
    found["event"], found["time"] = y[:, 0] > 0, y[:, 1]
    return found


class TimeTask(Task):
    """Times that may be censored, by Cox's partial likelihood: see :class:`.base.Task`.

    Targets are ranks of times, negative where no event was seen: the likelihood knows no more.
    """

    loss = start_loss = "cox"
    loss_parameter, start_penalty, n_outputs = 0.0, START_PENALTY, 1
    noise_power, out_activation = 0.5, "identity"

    def encoded(self, y, name):
        """Signed ranks of the times, equal for equal ones, from 1."""
        _, ranks = np.unique(y[:, 1], return_inverse=True)
        signed = np.where(y[:, 0] > 0, ranks.ravel() + 1, -ranks.ravel() - 1)
        return signed.reshape(-1, 1).astype(np.float32)

    def shown(self, y):
        """The structured array."""
        return as_structured(y)

    def strata(self, targets):
        """Whether an event was seen."""
        return (targets[:, 0] > 0).astype(np.int64)

    def clues(self, targets, weight):
        """Martingale residuals without any input: the score statistic is a sum over them."""
        time, event = abs(targets[:, 0]), targets[:, 0] > 0
        hazard = baseline_hazard(targets, weight, np.zeros(len(targets)))
        return (event - hazard[time.astype(np.int64) - 1]).astype(np.float32).reshape(-1, 1)

    def figures(self, outputs, targets, weight):
        """Loss, by risk sets among these samples, and concordance index; NaN without any pair."""
        event, time, z = targets[:, 0] > 0, abs(targets[:, 0]), outputs[:, 0]
        share, counts = weight / weight.sum(), event & (weight > 0)
        log_risk = log_risk_sets(time, share, z)
        loss = float((share[counts] * (log_risk[counts] - z[counts])).sum())
        return loss, concordance_index(event, time, z, weight)


def log_risk_sets(time, weight, z):
    """Logarithm of the sum of ``weight * exp(z)`` of all samples with this time or a longer one."""
    order = np.argsort(-time, kind="stable")
    with np.errstate(divide="ignore"):
        sums = np.logaddexp.accumulate(np.log(weight[order]) + z[order])
    # Of samples with equal times the last one has summed up all.
    return sums[np.searchsorted(-time[order], -time, side="right") - 1]


def baseline_hazard(targets, weight, z):
    """Breslow's cumulative hazard where z is zero, after each of the ranks from 1 to the largest.

    Parameters
    ----------
    targets : ndarray of float32, shape (n_samples, 1)
        Signed ranks.
    weight, z : ndarray of float64, shape (n_samples,)

    Returns
    -------
    ndarray of float64
        Infinite where it is beyond the range.
    """
    time, weight = abs(targets[:, 0]).astype(np.int64), weight / weight.sum()
    event = (targets[:, 0] > 0) & (weight > 0)
    log_risk = log_risk_sets(time, weight, z)
    with np.errstate(over="ignore"):
        jumps = np.exp(np.log(weight[event]) - log_risk[event])
    return np.cumsum(np.bincount(time[event] - 1, jumps, minlength=time.max()))
