"""The contract of a task, and what most of them have in common."""

from typing import Protocol

import numpy as np


class Task(Protocol):
    """The meaning of y and of the outputs.

    Attributes
    ----------
    loss : str
        What is trained: a name of :data:`sksparse_mlp._training.losses.LOSSES`.
    loss_parameter : float
        Its parameter; 0 where it has none.
    start_loss : str
        What the skip layer starts from the minimum of: a smooth one.
    start_penalty : float
        The penalty of that linear model, see :mod:`sksparse_mlp._training.linear_start`.
    noise_power : float
        How fast the noise on inputs that is "auto" falls with samples: see
        :func:`sksparse_mlp._estimator.defaults.input_noise`.
    n_outputs : int
        Outputs of the network.
    out_activation : str
        Name of what turns outputs into predictions.
    """

    loss: str
    loss_parameter: float
    start_loss: str
    start_penalty: float
    noise_power: float
    n_outputs: int
    out_activation: str

    def encoded(self, y, name) -> np.ndarray:
        """Targets of y: int32 [n_samples], or float32 [n_samples, n_outputs].

        ValueError, which calls y by its name, where it does not fit.
        """

    def shown(self, y) -> np.ndarray:
        """A y that was given, as scorers are to see it."""

    def strata(self, targets) -> np.ndarray:
        """A number for each sample: of each of them a fraction is held out."""

    def clues(self, targets, weight) -> np.ndarray:
        """What inputs are compared with where connections are to grow: targets, or of their kinds.

        ``weight`` is zero for samples that are held out.
        """
        return self.start_targets(targets)

    def start_targets(self, targets) -> np.ndarray:
        """The targets of the linear model that the skip layer starts from, of the same kinds."""
        return targets

    def figures(self, outputs, targets, weight) -> tuple:
        """Mean loss and score of outputs, float64, on weighted samples."""

    def predicted(self, outputs, even=0.0) -> np.ndarray:
        """What outputs say of y; of classes and labels, ``even`` is an output of even odds."""

    def missing_from(self, y) -> list:
        """What samples with these y cannot tell about: classes of which there are none."""
        return []
