"""One class of several for each sample."""

import numpy as np

from ..labels import class_numbers
from .base import Task


class ClassTask(Task):
    """Classes, whose probabilities are the softmax of the outputs: see :class:`.base.Task`.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    temperature : float
        What outputs are divided by before they become probabilities.
    """

    loss = start_loss = "cross_entropy"
    loss_parameter, start_penalty, noise_power = 0.0, 1.0, 1 / 3
    out_activation = "softmax"

    def __init__(self, classes, temperature):
        self.classes, self.temperature = classes, temperature
        self.n_outputs = len(classes)

    def encoded(self, y, name):
        """Class numbers."""
        return class_numbers(y, self.classes, name)

    def shown(self, y):
        """One label a sample."""
        return np.asarray(y).ravel()

    def strata(self, targets):
        """The classes."""
        return targets

    def figures(self, outputs, targets, weight):
        """Cross-entropy and accuracy."""
        log_p = self.log_proba(outputs / self.temperature)[np.arange(len(targets)), targets]
        correct = outputs.argmax(axis=1) == targets
        return -float(np.average(log_p, weights=weight)), float(np.average(correct, weights=weight))

    def missing_from(self, y):
        """Classes without a sample."""
        return np.setdiff1d(self.classes, y).tolist()

    def decision(self, logits):
        """Logits as ``decision_function`` returns them: of two classes the difference."""
        return logits[:, 1] - logits[:, 0] if self.n_outputs == 2 else logits

    def predicted(self, outputs, even=0.0):
        """The most probable class of each sample, whatever outputs of even odds are."""
        return self.classes[outputs.argmax(axis=1)]

    def log_proba(self, logits):
        """Logarithms of the probabilities."""
        shifted = logits - logits.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
