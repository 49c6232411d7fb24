"""One or several numbers for each sample (regression)."""

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from ..._training.errors import ERROR_LOSSES
from .base import Task

# Where losses are robust, targets that lie further from the center, in units of their scale, are
# taken to be so far while squares of them are looked at.
FARTHEST = 3.0


def is_robust(loss):
    """Whether a loss grows by no square, so that outliers count little."""
    return loss != "squared_error"


class NumberTask(Task):
    """Numbers, standardised for the network: see :class:`.base.Task`.

    Parameters
    ----------
    center, scale : ndarray of float64, shape (n_outputs,)
        What is taken from each target, and what it is then divided by.
    loss : {"squared_error", "absolute_error", "huber", "quantile"}
    loss_parameter : float
        Where "huber" begins to be linear, or which "quantile".
    is_column : bool
        Whether y has no second axis.
    """

    start_loss, start_penalty, out_activation = "squared_error", 1.0, "identity"
    noise_power = 0.5

    def __init__(self, center, scale, *, loss, loss_parameter, is_column):
        self.center, self.scale, self.is_column = center, scale, is_column
        self.loss, self.loss_parameter = loss, loss_parameter
        self.n_outputs = len(center)

    def encoded(self, y, name):
        """Standardised numbers."""
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name=name)
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_outputs:
            raise ValueError(
                f"{name} must hold {self.n_outputs} numbers for each sample, as y of fit; got "
                f"{y.shape[1]}."
            )
        with np.errstate(over="ignore"):
            targets = np.ascontiguousarray((y - self.center) / self.scale, np.float32)
        if not np.isfinite(targets).all():
            raise ValueError(f"{name} holds numbers beyond the range of float32 once standardised.")
        return targets

    def shown(self, y):
        """The numbers as they are: the standardised ones have lost digits."""
        return np.asarray(y)

    def strata(self, targets):
        """All samples are alike."""
        return np.zeros(len(targets), np.int64)

    def start_targets(self, targets):
        """Those of a robust loss without outliers, whose squares would be all that counts."""
        return np.clip(targets, -FARTHEST, FARTHEST) if is_robust(self.loss) else targets

    def figures(self, outputs, targets, weight):
        """Mean loss, of standardised numbers, and R^2."""
        losses = ERROR_LOSSES[self.loss].value(outputs - targets, self.loss_parameter).mean(axis=1)
        score = r2_score(targets, outputs, sample_weight=weight) if len(targets) > 1 else np.nan
        return float(np.average(losses, weights=weight)), float(score)

    def predicted(self, outputs, even=0.0):
        """Outputs as numbers like those of y."""
        with np.errstate(over="ignore"):
            y = outputs * self.scale + self.center
        if not np.isfinite(y).all():
            raise ValueError(
                f"The network's outputs, which are multiplied by target_scale_={self.scale}, are "
                "beyond the range of float64: training was about to diverge, or y of fit is. Lower "
                "learning_rate_init, or divide y by a constant."
            )
        return y[:, 0] if self.is_column else y
