"""What the file of a network's estimator must hold: the labels, parameters and figures of a model.

The network has checks of its own, and so has its checksum: see :mod:`.sealed`.
"""

from inspect import signature
from reprlib import repr as short

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from .._network import SparseNetwork
from .._network.checks import check_list, is_count, is_finite, require
from .._network.state import plain
from .concordance import SurvivalMixin

# What a prediction needs.
OF_CLASSIFIERS = {"classes_", "temperature_", "_multilabel", "n_features_in_", "_importances"}
OF_REGRESSORS = {"target_center_", "target_scale_", "_is_column", "n_features_in_", "_importances"}
OF_SURVIVAL = {"unique_times_", "cum_baseline_hazard_", "n_features_in_", "_importances"}


def check_estimator(estimator, state):
    """Raise ValueError unless a state is that of such an estimator.

    Parameters
    ----------
    estimator : estimator
        Without attributes.
    state : dict
        Its attributes to be.
    """
    _require_all("parameters", set(signature(type(estimator)).parameters), state)
    if "_network" not in state:
        return
    network = state["_network"]
    require(type(network) is SparseNetwork, "_network is no network")
    if isinstance(estimator, ClassifierMixin):
        _require_all("attributes", OF_CLASSIFIERS, state)
    if isinstance(estimator, RegressorMixin):
        _require_all("attributes", OF_REGRESSORS, state)
    if isinstance(estimator, SurvivalMixin):
        _require_all("attributes", OF_SURVIVAL, state)
        same = np.shape(state["unique_times_"]) == np.shape(state["cum_baseline_hazard_"])
        require(same, "unique_times_ and cum_baseline_hazard_ differ in length")
    for name, check in CHECKS.items():
        if name in state:
            check(name, state[name], network.widths)
    if state.get("_multilabel"):
        counted = np.array_equal(state["classes_"], np.arange(network.widths[-1]))
        require(counted, "_multilabel=True, but classes_ do not count the outputs")


def _require_all(what, names, state):
    missing = sorted(names - set(state))
    require(not missing, f"it lacks {what}: {', '.join(missing)}")


# ---------------------------------------------------------------- one attribute each


def _check_n_features(name, value, widths):
    right = is_count(plain(value)) and plain(value) == widths[0]
    require(right, f"{name}={short(value)} of a network with {widths[0]} inputs")


def _check_classes(name, classes, widths):
    require(type(classes) in (np.ndarray, np.memmap), f"{name} is no array")
    require(classes.shape == (widths[-1],), f"{name} has no label for each of {widths[-1]} outputs")
    try:
        ascend = bool((classes[1:] > classes[:-1]).all())
    except TypeError:
        ascend = False
    require(ascend, f"{name} are not sorted")


def _check_temperature(name, value, widths):
    value = plain(value)
    right = (is_finite(value) or is_count(value)) and value > 0
    require(right, f"{name}={short(value)} is no positive number")


def _check_flag(name, value, widths):
    require(type(value) is bool, f"{name}={short(value)} is no bool")


def _check_targets(name, values, widths):
    right = type(values) in (np.ndarray, np.memmap) and values.shape == (widths[-1],)
    right = right and values.dtype.kind == "f" and np.isfinite(values).all()
    right = right and (name != "target_scale_" or (values > 0).all())
    require(right, f"{name} holds no number for each of {widths[-1]} outputs")


def _check_ascending(name, values, widths):
    right = type(values) in (np.ndarray, np.memmap) and values.ndim == 1 and values.size > 0
    right = right and values.dtype.kind == "f" and bool((values >= 0).all())
    right = right and bool((np.diff(values) >= 0).all())
    require(right, f"{name} holds no numbers that ascend from 0")


def _check_count(name, value, widths):
    require(is_count(plain(value)), f"{name}={short(value)} is no count")


def _check_importances(name, values, widths):
    right = type(values) in (np.ndarray, np.memmap) and values.shape == (widths[0],)
    right = right and values.dtype.kind == "f" and np.isfinite(values).all()
    require(right, f"{name} are no {widths[0]} finite numbers")


def _check_history(name, history, widths):
    losses = history.get("loss") if type(history) is dict else None
    right = type(losses) is list and losses and all(type(loss) is float for loss in losses)
    require(right, f"{name} holds no losses")
    for figure, values in history.items():
        check_list(f"{name} of {short(figure)}", values, len(losses))


CHECKS = {
    "n_features_in_": _check_n_features,
    "classes_": _check_classes,
    "temperature_": _check_temperature,
    "_multilabel": _check_flag,
    "_is_column": _check_flag,
    "target_center_": _check_targets,
    "target_scale_": _check_targets,
    "unique_times_": _check_ascending,
    "cum_baseline_hazard_": _check_ascending,
    "_n_samples": _check_count,
    "history_": _check_history,
    "scores_": _check_importances,
    "_importances": _check_importances,
}
