"""What censored times mean for training: events, and the baseline hazard."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._training.divergence import DivergenceError
from .checks import check_not_masked
from .concordance import SurvivalMixin
from .explaining import contributions_to
from .handed_out import FittedAttribute
from .step_function import StepFunction
from .supervised import BaseSupervisedMLP
from .tasks import TimeTask
from .tasks.times import baseline_hazard

EXAMPLE = "np.rec.fromarrays((event, time), names='event,time') with event.dtype=bool"


class BaseSparseSurvival(SurvivalMixin, BaseSupervisedMLP):
    """Everything about a survival model but its parameters, documentation and methods."""

    unique_times_ = FittedAttribute("Times of the samples, ascending: array, read-only.")
    cum_baseline_hazard_ = FittedAttribute("Cumulative hazard at these: array, read-only.")

    @property
    def _task(self):
        return TimeTask()

    @property
    def _scoring(self):
        return None if self.scoring == "loss" else self.scoring

    def _read_y(self, y, name):
        """Columns of events and times, float64."""
        check_not_masked(y, name)
        if y is None or isinstance(y, str):
            return y
        y = np.asarray(y)
        if y.dtype.names is None or len(y.dtype.names) != 2 or y.ndim != 1:
            raise ValueError(
                f"{name} must be a structured array with two fields, whether an event was seen and "
                f"when, such as {EXAMPLE}; got {_kind_of(y)}."
            )
        event, time = (y[field] for field in y.dtype.names)
        if event.dtype != bool:
            swapped = " They are swapped: put the event first." if time.dtype == bool else ""
            raise ValueError(
                f"the first field of {name} must be boolean, whether an event was seen; got "
                f"{y.dtype.names[0]!r} of {event.dtype}.{swapped}"
            )
        if time.dtype.kind not in "iuf":
            raise ValueError(
                f"the second field of {name} must hold times; got {y.dtype.names[1]!r} of "
                f"{time.dtype}."
            )
        if not (np.isfinite(time) & (time >= 0)).all():
            bad = time[~(np.isfinite(time) & (time >= 0))][0]
            raise ValueError(
                f"times in {name} must be finite and not negative, and Input {name} contains {bad}."
            )
        return np.column_stack((event, time.astype(np.float64)))

    def _shown(self, y):
        return self._task.shown(y)

    def _checks_of_y(self, y):
        return {"multi_output": True}

    def _set_targets(self, y, sample_weight, *, going_on):
        if not (sample_weight[y[:, 0] > 0] > 0).any():
            raise ValueError(
                f"y (n_samples={len(y)}) holds no event with a positive weight: there is nothing "
                "to learn from."
            )
        self.unique_times_ = np.unique(y[:, 1])

    def _set_targets_of_stream(self, y, sample_weight, *, is_first):
        self._set_targets(y, sample_weight, going_on=not is_first)

    def _set_fitted(self, trainer, n_samples, earlier=None):
        super()._set_fitted(trainer, n_samples, earlier)
        vars(self).update(self._found_by(self._network, trainer.data))
        if not np.isfinite(self.cum_baseline_hazard_[-1]):
            raise DivergenceError(
                "The baseline hazard is beyond the range of float64: the log hazard ratios of the "
                f"samples are too far from zero. Lower learning_rate_init="
                f"{self.learning_rate_init!r}, or scale X (for example with StandardScaler)."
            )

    def _found_by(self, network, data):
        found = super()._found_by(network, data)
        if data is None:
            return found
        z = self._forward(data.X, network, chosen=data.samples)[:, 0].astype(np.float64)
        weight = data.sample_weight[data.samples].astype(np.float64)
        hazard = baseline_hazard(data.targets[data.samples], weight, z)
        # Times after the last of these samples belong to some that were held out.
        later = np.full(self.unique_times_.size - hazard.size, hazard[-1])
        return {**found, "cum_baseline_hazard_": np.concatenate((hazard, later))}

    def _hazards(self, X):
        """Cumulative hazards at ``unique_times_``, one row a sample."""
        check_is_fitted(self)
        with np.errstate(divide="ignore", over="ignore"):
            return np.exp(self._outputs(X) + np.log(self.cum_baseline_hazard_))

    def _step_functions(self, values, start):
        functions = np.empty(len(values), object)
        functions[:] = [StepFunction(self.unique_times_, row, start) for row in values]
        return functions

    def input_contributions(self, X):
        """Return what each input contributes to the log hazard ratio: input times gradient.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32
            ``x_j dz/dx_j``, with z as ``predict`` returns it.
        """
        check_is_fitted(self)
        est = self._twin()
        X = est._validate_X(X, reset=False)
        return contributions_to(est, X, np.zeros(1, np.int64), np.ones(1))[..., 0]


def _kind_of(y):
    fields = "" if y.dtype.names is None else f" with fields {list(y.dtype.names)}"
    return f"shape {y.shape} of {'records' if fields else y.dtype}{fields}"
