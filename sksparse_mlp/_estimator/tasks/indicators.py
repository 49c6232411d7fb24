"""Several labels for each sample, each of which it has or has not (multilabel)."""

import numpy as np
from scipy import sparse
from scipy.special import log_expit
from sklearn.utils import check_array

from .base import Task


class IndicatorTask(Task):
    """Labels, each with a probability of its own: see :class:`.base.Task`.

    Parameters
    ----------
    n_labels : int
    temperature : float
        What outputs are divided by before they become probabilities.
    """

    loss = start_loss = "binary_cross_entropy"
    loss_parameter, start_penalty, noise_power = 0.0, 1.0, 1 / 3
    out_activation = "logistic"

    def __init__(self, n_labels, temperature):
        self.n_outputs, self.temperature = n_labels, temperature

    def encoded(self, y, name):
        """Zeros and ones, one column a label."""
        y = y.toarray() if sparse.issparse(y) else check_array(y, dtype=None, input_name=name)
        if y.shape[1] != self.n_outputs or not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"{name} must be an indicator matrix of zeros and ones with {self.n_outputs} "
                f"columns, one for each label; got shape {y.shape} with {np.unique(y)[:5]}."
            )
        return np.ascontiguousarray(y, np.float32)

    def shown(self, y):
        """The indicator matrix."""
        return np.asarray(y)

    def strata(self, targets):
        """Combinations of labels; those that only one sample has are one stratum."""
        _, strata, counts = np.unique(targets, axis=0, return_inverse=True, return_counts=True)
        strata = strata.ravel()
        return np.where(counts[strata] > 1, strata, len(counts))

    def figures(self, outputs, targets, weight):
        """Mean cross-entropy of a label, and the share of samples whose labels are all right."""
        z = outputs / self.temperature
        losses = -(targets * log_expit(z) + (1 - targets) * log_expit(-z)).mean(axis=1)
        correct = ((outputs > 0) == targets).all(axis=1)
        return (
            float(np.average(losses, weights=weight)),
            float(np.average(correct, weights=weight)),
        )

    def missing_from(self, y):
        """Labels that no sample has."""
        return np.flatnonzero(~y.any(axis=0)).tolist()

    def decision(self, logits):
        """Logits of the labels."""
        return logits

    def predicted(self, outputs, even=0.0):
        """The indicator matrix of the labels that are more probable than not."""
        return (outputs > even).astype(np.int64)

    def log_proba(self, logits):
        """Logarithms of the labels' probabilities."""
        return log_expit(logits)
