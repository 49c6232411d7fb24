"""What is inspected: the network inside an estimator, its connections, the names of its inputs."""

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def part_with(attribute, est):
    """Find the part of a fitted estimator that has an attribute.

    Parameters
    ----------
    attribute : str
        Name of the attribute.
    est : estimator
        A fitted estimator; or a pipeline, search or selector, whose last step, best estimator or
        estimator is looked at.

    Returns
    -------
    estimator or None
        The outermost part that has the attribute, None if there is none.
    """
    check_is_fitted(est)
    while est is not None and not hasattr(est, attribute):
        est = _inner(est)
    return est


def _inner(est):
    """What a pipeline, search or selector is around; None if it is around nothing."""
    if isinstance(est, Pipeline):
        return est[-1]
    return getattr(est, "best_estimator_", getattr(est, "estimator_", None))


def network_of(est):
    """Find the fitted sparse network in an estimator.

    Parameters
    ----------
    est : estimator
        A fitted sparse network, or a pipeline, search or selector that ends in one.

    Returns
    -------
    estimator
        The part of it that has ``coefs_``.
    """
    network = part_with("coefs_", est)
    if network is None or not all(map(issparse, network.coefs_)):
        raise TypeError(
            "est must be a fitted sparse network such as TrulySparseMLPClassifier, or a pipeline, "
            f"search or selector that ends in one; got {type(est).__name__}."
        )
    return network


def importances_of(ests):
    """Importances of the inputs of one or several networks of the same inputs.

    Parameters
    ----------
    ests : estimator or sequence of estimators
        Fitted sparse networks, or pipelines, searches or selectors that end in one.

    Returns
    -------
    importances : ndarray of shape (n_networks, n_features)
        Their ``feature_importances_``, a selector's own before those of its network.
    networks : list of estimators
        The networks themselves.
    """
    members = _members(ests)
    networks = [network_of(member) for member in members]
    widths = [network.n_features_in_ for network in networks]
    if len(set(widths)) != 1:
        raise ValueError(
            "est must be a network or a sequence of networks of the same features; got "
            f"{len(networks)} with n_features_in_={widths}."
        )
    rows = [part_with("feature_importances_", member).feature_importances_ for member in members]
    return np.array(rows), networks


def feature_names_of(ests, feature_names=None):
    """Name the inputs of one or several networks of the same inputs.

    Parameters
    ----------
    ests : estimator or sequence of estimators
        Fitted sparse networks, or pipelines, searches or selectors that end in one.
    feature_names : array-like of str, default=None
        Names to use; None: those seen in fit, in a pipeline after its other steps, or else
        ``x0``, ``x1``, ...

    Returns
    -------
    ndarray of str
        One name for each input.
    """
    members = _members(ests)
    if feature_names is None:
        return _common([_names_of_inputs(member) for member in members])
    names, n_features = np.asarray(feature_names, object), network_of(members[0]).n_features_in_
    if names.shape != (n_features,):
        raise ValueError(
            f"feature_names must hold a name for each of the {n_features} features; got an array "
            f"of shape {names.shape}."
        )
    return names


def _members(ests):
    return ests if isinstance(ests, (list, tuple, np.ndarray)) else [ests]


def _common(all_names):
    """The names that all networks have; those of different inputs cannot be averaged."""
    first, *others = all_names
    for names in others:
        if not np.array_equal(first, names):
            place = np.flatnonzero(first != names)[0]
            raise ValueError(
                "est must be a network or a sequence of networks of the same features; feature "
                f"{place} is {first[place]!r} in one and {names[place]!r} in another. If these are "
                "the same features, give feature_names."
            )
    return first


def _names_of_inputs(est):
    """Names of the inputs of the network inside, followed through all that is around it."""
    network, names = network_of(est), getattr(est, "feature_names_in_", None)
    while est is not network:
        names, est = _names_inside(est, names), _inner(est)
        names = getattr(est, "feature_names_in_", names)
    if names is None:
        names = np.array([f"x{j}" for j in range(network.n_features_in_)], dtype=object)
    return names


def _names_inside(est, names):
    """What the inputs are called that an estimator gives to the one inside; None if unknown."""
    if isinstance(est, Pipeline):
        if len(est) == 1:
            return names
        est = est[:-1]
    elif not _gives_a_part_inside(est):
        return names
    try:
        return est.get_feature_names_out(names)
    except (AttributeError, ValueError):  # a step that cannot name what it makes
        return None


def _gives_a_part_inside(est):
    """Whether the estimator inside was fitted with the selected features, as that of RFE."""
    inside = getattr(_inner(est), "n_features_in_", None)
    return getattr(est, "n_features_in_", inside) != inside


def patterns_of(network):
    """Where the connections of each layer are; those of weight 0 count.

    Parameters
    ----------
    network : estimator
        A fitted sparse network.

    Returns
    -------
    list of csr_array
        A matrix of ones for each layer, shape (n_in, n_out).
    """
    return [pattern_of(weights) for weights in network.coefs_]


def skip_pattern_of(network):
    """Where the connections of the skip layer are.

    Parameters
    ----------
    network : estimator
        A fitted sparse network.

    Returns
    -------
    csr_array or None
        A matrix of ones, shape (n_features, n_outputs); None where there is no such layer.
    """
    weights = getattr(network, "skip_coef_", None)
    return None if weights is None else pattern_of(weights)


def pattern_of(weights):
    """Where the connections of a layer are; those of weight 0 count.

    Parameters
    ----------
    weights : csr_array of shape (n_in, n_out)
        The weights of a layer.

    Returns
    -------
    csr_array
        A matrix of ones.
    """
    ones = np.ones(weights.nnz, np.float32)
    return csr_array((ones, weights.indices, weights.indptr), shape=weights.shape)


def levels_on_a_path(patterns, skip=None):
    """Of each level of neurons, which are on a path from an input to an output.

    Parameters
    ----------
    patterns : list of csr_array
        As :func:`patterns_of` makes them.
    skip : csr_array, default=None
        As :func:`skip_pattern_of` makes it.

    Returns
    -------
    list of ndarray of bool
        One for each level, inputs and outputs included.
    """
    fed = [np.ones(patterns[0].shape[0], bool)]
    for pattern in patterns:
        fed.append(pattern.T @ fed[-1] > 0)
    used = [np.ones(patterns[-1].shape[1], bool)]
    for pattern in reversed(patterns):
        used.insert(0, pattern @ used[0] > 0)
    if skip is not None:
        used[0] |= np.diff(skip.indptr) > 0
        fed[-1][skip.indices] = True
    return [f & u for f, u in zip(fed, used, strict=True)]


def import_pandas(wanted_by):
    """Import pandas, which only some functions need.

    Parameters
    ----------
    wanted_by : str
        Who needs it, for the error.

    Returns
    -------
    module
        pandas.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{wanted_by} needs pandas: pip install pandas") from error
    return pandas
