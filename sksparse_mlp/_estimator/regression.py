"""What numbers mean for training: their scale, and the loss."""

import numpy as np
from sklearn.base import RegressorMixin

from .checks import check_not_masked
from .explaining import ExplainsRegressor
from .handed_out import FittedAttribute
from .supervised import BaseSupervisedMLP
from .tasks import NumberTask


class BaseSparseRegressor(RegressorMixin, ExplainsRegressor, BaseSupervisedMLP):
    """Everything about a regressor but its parameters, their documentation and its methods."""

    target_mean_ = FittedAttribute("Means of the targets: array of shape (n_outputs_,), read-only.")
    target_scale_ = FittedAttribute("Deviations of the targets: array likewise, read-only.")

    @property
    def _task(self):
        parameters = {"huber": self.huber_delta, "quantile": self.quantile}
        return NumberTask(
            self.target_mean_,
            self.target_scale_,
            loss=self.loss,
            loss_parameter=float(parameters.get(self.loss, 0.0)),
            is_column=self._is_column,
        )

    def _read_y(self, y, name):
        check_not_masked(y, name)
        return y

    def _checks_of_y(self, y):
        return {"multi_output": True, "y_numeric": True}

    def _set_targets(self, y, sample_weight, *, going_on):
        if not going_on:
            self._standardise_like(y, sample_weight)

    def _set_targets_of_stream(self, y, sample_weight, *, is_first):
        if is_first:
            self._standardise_like(y, sample_weight)

    def _standardise_like(self, y, sample_weight):
        """Take the mean and the deviation of each target from these samples."""
        self._is_column = y.ndim == 1
        y = np.asarray(y, np.float64).reshape(len(y), -1)
        weight = sample_weight / sample_weight.sum()
        size = np.maximum(abs(y).max(axis=0), np.finfo(np.float64).tiny)
        y, weight = y / size, weight[:, None]
        mean = (weight * y).sum(axis=0)
        spread = np.sqrt((weight * (y - mean) ** 2).sum(axis=0))
        # What is left of a constant target is rounding.
        spread[spread < 1e-12] = 1.0 / size[spread < 1e-12]
        self.target_mean_, self.target_scale_ = mean * size, spread * size

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
