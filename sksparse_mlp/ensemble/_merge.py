"""merge: one estimator from several, as centres make it that share models and no data."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._estimator.concordance import SurvivalMixin
from .._estimator.constraints import NOT_NEGATIVE
from .._estimator.supervised import BaseSupervisedMLP
from .._network.merging import merged


def merge(models, *, weights=None):
    """Make one network of several: the mean of their weights, at the strongest connections.

    Weights and intercepts are averaged [2]_; where a network has no connection, its weight is
    zero. Of the connections that any of the networks has, each layer keeps as many as it had, those
    of the largest mean weights: this is how WASAP-SGD [1]_ ends. So hospitals can train one model
    together, each on its own patients, and hand on nothing but models.

    Parameters
    ----------
    models : list of TrulySparseMLPClassifier or of TrulySparseMLPRegressor
        Fitted estimators with the same features, the same classes or number of targets, and layers
        of the same sizes.
    weights : array-like of shape (n_models,), default=None
        What each model counts, for example its number of samples; not negative. None: all the
        same.

    Returns
    -------
    estimator
        A new fitted one, with the parameters of the first model, which ``partial_fit`` and warm
        starts go on with; the solver starts anew.

    See Also
    --------
    TrulySparseMLPEnsembleClassifier : Keeps all networks and averages what they say.

    Notes
    -----
    A mean of networks is a good network only if their neurons mean the same: let all models go on
    from one, by warm starts or ``partial_fit`` of copies, and merge before they are far apart,
    rather often. Models that begin at random places each by itself have nothing in common but
    their skip layers. Where some see many more samples than others, give ``hidden_layer_sizes``:
    by default they might have different layers.

    A survival model's baseline hazard belongs to the samples of one centre: there is none of a mean
    of models, so they are refused; and so are models after ``new_task``, whose frozen connections a
    mean would change.

    ``temperature_`` and ``feature_importances_`` are the weighted means of the models', and the
    targets of regressors, which each model standardises by its own samples, are brought to one
    scale. ``history_``, ``n_iter_`` and the other figures of training are those of the first model;
    ``t_`` is the largest one.

    Time and memory are in proportion to the number of connections.

    References
    ----------
    .. [1] Curci, S., Mocanu, D. C., Pechenizkiy, M. (2021). Truly sparse neural networks at
           scale. arXiv 2102.01732.
    .. [2] McMahan, B., Moore, E., Ramage, D., Hampson, S., Aguera y Arcas, B. (2017).
           Communication-efficient learning of deep networks from decentralized data. AISTATS.

    Examples
    --------
    >>> from copy import deepcopy
    >>> from sksparse_mlp import TrulySparseMLPClassifier, merge
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=90, n_features=200, random_state=0)
    >>> model = TrulySparseMLPClassifier(50, random_state=0)
    >>> model = model.partial_fit(X[:10], y[:10], classes=[0, 1])
    >>> centres = [slice(10, 50), slice(50, 90)]
    >>> models = [deepcopy(model).partial_fit(X[rows], y[rows]) for rows in centres]
    >>> model = merge(models)
    >>> model.n_connections_ == models[0].n_connections_
    True
    >>> model = model.partial_fit(X[:10], y[:10])
    """
    models = _checked(models)
    shares = _shares(weights, len(models))
    twins = [model._twin() for model in models]
    twin = twins[0]._twin()
    networks = _at_one_scale(twin, twins, shares)
    twin._network = merged(networks, shares)
    importances = [other._importances for other in twins]
    twin._importances = np.average(importances, axis=0, weights=shares)
    twin._n_samples = sum(other._n_samples for other in twins)
    twin.t_ = twin._network.n_seen
    if hasattr(twin, "temperature_"):
        temperatures = [other.temperature_ for other in twins]
        twin.temperature_ = float(np.average(temperatures, weights=shares))
    result = clone(models[0])
    result._publish(twin)
    return result


# ---------------------------------------------------------------- what can be merged


def _checked(models):
    """The models as a list, all of which can be merged with the first."""
    if isinstance(models, BaseSupervisedMLP) or not hasattr(models, "__iter__"):
        raise TypeError(f"models must be a list of fitted estimators; got {models!r}.")
    models = list(models)
    if not models:
        raise ValueError("models must hold at least one fitted estimator; got an empty list.")
    for position, model in enumerate(models):
        if not isinstance(model, BaseSupervisedMLP) or isinstance(model, SurvivalMixin):
            raise TypeError(
                "models must be fitted TrulySparseMLPClassifiers or TrulySparseMLPRegressors; "
                f"models[{position}] is {type(model).__name__}."
            )
        check_is_fitted(model)
        if model._network.stable is not None:
            raise ValueError(
                "merge keeps the strongest connections of a mean, and new_task() froze some of "
                f"models[{position}]: merge models before their new_task()."
            )
        _check_same(models[0], model, position)
    return models


def _check_same(first, other, position):
    """Refuse models that differ, by an error that says in what."""
    facts, facts_of_other = _facts(first), _facts(other)
    for name, fact in facts.items():
        if facts_of_other.get(name) != fact:
            raise ValueError(
                f"models must agree in {name}: that of models[0] is {fact}, of models[{position}] "
                f"{facts_of_other.get(name)}."
            )


def _facts(model):
    """What must be the same, by name; the first that differs is named in an error."""
    network, names = model._network, getattr(model, "feature_names_in_", None)
    facts = {
        "their class": type(model).__name__,
        "n_features_in_": model.n_features_in_,
        "feature_names_in_": None if names is None else names.tolist(),
        "n_outputs_": model.n_outputs_,
        "out_activation_": model.out_activation_,
        "the widths of their layers": network.widths,
        "n_connections_": network.n_connections,
        "activation": network.activation,
        "activation_slope": network.activation_slope,
    }
    if hasattr(model, "classes_"):
        facts["classes_"] = model.classes_.tolist()
    else:
        facts["the shape of y"] = "one column" if model._is_column else "a matrix"
    return facts


def _shares(weights, n_models):
    """What each model counts, of one in total."""
    if weights is None:
        return np.full(n_models, 1 / n_models)
    valid = len(weights) == n_models and all(map(NOT_NEGATIVE.is_satisfied_by, weights))
    if not valid or not np.any(weights):
        raise ValueError(
            f"weights must be {n_models} numbers, one for each of models, not negative and not all "
            f"zero; got {weights!r}."
        )
    weights = np.asarray(weights, np.float64)
    weights = weights / weights.max()
    return weights / weights.sum()


# ---------------------------------------------------------------- targets of regressors


def _at_one_scale(twin, models, shares):
    """Networks of models whose outputs mean the same: numbers of one mean and one scale."""
    if not hasattr(twin, "target_scale_"):
        return [model._network for model in models]
    twin.target_center_ = np.average([m.target_center_ for m in models], axis=0, weights=shares)
    twin.target_scale_ = np.average([m.target_scale_ for m in models], axis=0, weights=shares)
    return [
        _rescaled(
            model._network,
            model.target_scale_ / twin.target_scale_,
            (model.target_center_ - twin.target_center_) / twin.target_scale_,
        )
        for model in models
    ]


def _rescaled(network, factor, shift):
    """A network that puts out ``factor * z + shift`` where the given one puts out z."""
    network = network.copy()
    output_layer = len(network.widths) - 2
    for layer in range(output_layer, network.n_layers):  # the output layer and a skip layer
        weights = network.weights_of(layer)
        weights.data[:] = weights.data * factor[weights.indices]
    intercepts = network.intercepts_of(output_layer)
    intercepts[:] = intercepts * factor + shift
    return network
