"""What numbers mean for training: their scale, and the loss."""

import warnings

import numpy as np
from sklearn.base import RegressorMixin

from .checks import check_not_masked
from .continual import ContinualRegressor
from .explaining import ExplainsRegressor
from .handed_out import FittedAttribute
from .pilot import epochs_to_train
from .supervised import BaseSupervisedMLP
from .target_moments import ROUNDING, moments_of_targets, robust_moments_of_targets
from .tasks import NumberTask
from .tasks.numbers import is_robust

# Targets further away than so many of the deviations that they are divided by are told.
FAR = 10.0


class BaseSparseRegressor(RegressorMixin, ExplainsRegressor, ContinualRegressor, BaseSupervisedMLP):
    """Everything about a regressor but its parameters, their documentation and its methods."""

    target_center_ = FittedAttribute(
        "Means of the targets, medians for robust losses: array of shape (n_outputs_,), read-only."
    )
    target_scale_ = FittedAttribute("Deviations from it: array of shape (n_outputs_,), read-only.")

    @property
    def _task(self):
        parameters = {"huber": self.huber_delta, "quantile": self.quantile}
        return NumberTask(
            self.target_center_,
            self.target_scale_,
            loss=self.loss,
            loss_parameter=float(parameters.get(self.loss, 0.0)),
            is_column=self._is_column,
        )

    def _read_y(self, y, name):
        check_not_masked(y, name)
        values = np.asarray(y).ravel()
        if values.dtype.kind in "UST":
            example = f" such as {str(values[0])!r}" if values.size else ""
            raise ValueError(f"{name} must hold numbers, not text{example}.")
        if values.dtype.kind in "mM":
            raise ValueError(f"{name} must hold numbers, not times; got {values.dtype}.")
        return y

    def _checks_of_y(self, y):
        return {"multi_output": True, "y_numeric": True}

    def _set_targets(self, y, sample_weight, *, going_on):
        if not going_on:
            self._standardise_like(y, sample_weight)
        else:
            self._check_same_targets(y.shape[1:])
            self._warn_if_elsewhere(*self._moments(y, sample_weight))

    def _check_same_targets(self, shape):
        known = () if self._is_column else self.target_center_.shape
        if shape != known:
            raise ValueError(
                "warm_start=True goes on with the same targets: those of a sample have the shape "
                f"{shape} in y, and had {known} in the last fit."
            )

    def _learn(self, data, streams, *, network=None, stream=False, checkpoint=None, **how):
        twin, learn = self._twin(), super(BaseSparseRegressor, type(self))._learn
        if network is None and not stream:
            twin._n_epochs, checkpoint = epochs_to_train(self, data, streams, learn, checkpoint)
        how |= {"network": network, "stream": stream, "checkpoint": checkpoint}
        return learn(twin, data, streams, **how)

    def _set_targets_of_stream(self, y, sample_weight, *, is_first):
        if is_first:
            self._standardise_like(y, sample_weight)

    def _warn_if_elsewhere(self, size, mean, variance):
        """Warn where targets with these moments lie far from those whose scale is kept."""
        far = abs(mean * size - self.target_center_) + np.sqrt(variance) * size
        if (far > FAR * self.target_scale_).any():
            warnings.warn(
                "warm_start=True keeps target_center_ and target_scale_ of the first fit, and "
                f"these y lie more than {FAR:g} times target_scale_ away: a new fit would learn "
                "faster.",
                UserWarning,
                stacklevel=6,  # the caller of fit
            )

    def _standardise_like(self, y, sample_weight):
        """Take the center and the scale of each target from these samples."""
        self._is_column = y.ndim == 1
        self._standardise_by(*self._moments(y, sample_weight))

    def _moments(self, y, sample_weight):
        moments = robust_moments_of_targets if is_robust(self.loss) else moments_of_targets
        return moments(y, sample_weight)

    def _standardise_by(self, size, mean, variance):
        """Take the center and the scale of each target from its moments."""
        spread = np.sqrt(variance)
        spread[spread < ROUNDING] = 1.0 / size[spread < ROUNDING]
        self.target_center_, self.target_scale_ = mean * size, spread * size

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
