"""What numbers mean for training: their scale, and the loss."""

import warnings

import numpy as np
from sklearn.base import RegressorMixin

from .checks import check_not_masked
from .continual import ContinualRegressor
from .explaining import ExplainsRegressor
from .handed_out import FittedAttribute
from .supervised import BaseSupervisedMLP
from .tasks import NumberTask

# Targets further away than so many of the deviations that they are divided by are told.
FAR = 10.0


class BaseSparseRegressor(RegressorMixin, ExplainsRegressor, ContinualRegressor, BaseSupervisedMLP):
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
        if np.asarray(y).dtype.kind in "UST":
            raise ValueError(f"{name} must hold numbers, not text such as {np.ravel(y)[0]!r}.")
        return y

    def _checks_of_y(self, y):
        return {"multi_output": True, "y_numeric": True}

    def _set_targets(self, y, sample_weight, *, going_on):
        if not going_on:
            self._standardise_like(y, sample_weight)
        elif (y.ndim == 1) != self._is_column:
            raise ValueError(
                "warm_start=True goes on with the same targets: y has the shape "
                f"{y.shape}, and that of the last fit had {1 if self._is_column else 2} axes."
            )
        else:
            self._warn_if_elsewhere(y)

    def _set_targets_of_stream(self, y, sample_weight, *, is_first):
        if is_first:
            self._standardise_like(y, sample_weight)

    def _warn_if_elsewhere(self, y):
        """Warn where targets lie far from those whose scale is kept."""
        far = abs(np.mean(y, axis=0) - self.target_mean_) + np.std(y, axis=0)
        if (far > FAR * self.target_scale_).any():
            warnings.warn(
                "warm_start=True keeps target_mean_ and target_scale_ of the first fit, and these "
                f"y lie more than {FAR:g} times target_scale_ away: a new fit would learn faster.",
                UserWarning,
                stacklevel=6,  # the caller of fit
            )

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
