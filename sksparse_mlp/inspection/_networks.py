"""What is inspected: the network inside an estimator, its connections, the names of its inputs."""

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def network_of(est):
    """Find the fitted sparse network in an estimator, a pipeline or a search.

    Parameters
    ----------
    est : estimator
        A fitted sparse network, or a pipeline or search that ends in one.

    Returns
    -------
    estimator
        The part of it that has `coefs_`.
    """
    check_is_fitted(est)
    network = est
    while isinstance(network, Pipeline) or hasattr(network, "best_estimator_"):
        network = network[-1] if isinstance(network, Pipeline) else network.best_estimator_
    if not all(issparse(weights) for weights in getattr(network, "coefs_", [None])):
        raise TypeError(
            "est must be a fitted sparse network such as TrulySparseMLPClassifier, or a pipeline "
            f"or search that ends in one; got {type(network).__name__}."
        )
    return network


def members_of(ests):
    """List networks of the same inputs, also if there is only one.

    Parameters
    ----------
    ests : estimator or sequence of estimators
        Fitted sparse networks, or pipelines or searches that end in one.

    Returns
    -------
    list of estimators
        The networks themselves.
    """
    members = ests if isinstance(ests, (list, tuple, np.ndarray)) else [ests]
    networks = [network_of(member) for member in members]
    if len({network.n_features_in_ for network in networks}) != 1:
        raise ValueError(
            "est must be a network or a sequence of networks of the same features; got "
            f"{len(networks)} with n_features_in_="
            f"{[network.n_features_in_ for network in networks]}."
        )
    return networks


def feature_names_of(ests, feature_names=None):
    """Name the inputs of networks.

    Parameters
    ----------
    ests : estimator or sequence of estimators
        Fitted sparse networks, or pipelines or searches that end in one.
    feature_names : array-like of str, default=None
        Names to use; None: those seen in fit, in a pipeline after its other steps, or else
        `x0`, `x1`, ...

    Returns
    -------
    ndarray of str
        One name for each input.
    """
    est = ests[0] if isinstance(ests, (list, tuple, np.ndarray)) else ests
    network = network_of(est)
    if feature_names is not None:
        names = np.asarray(feature_names, dtype=object)
        if names.shape != (network.n_features_in_,):
            raise ValueError(
                f"feature_names must hold a name for each of the {network.n_features_in_} "
                f"features; got an array of shape {names.shape}."
            )
        return names
    if hasattr(network, "feature_names_in_"):
        return network.feature_names_in_
    pipeline = getattr(est, "best_estimator_", est)
    if isinstance(pipeline, Pipeline) and len(pipeline) > 1:
        try:
            return pipeline[:-1].get_feature_names_out()
        except (AttributeError, ValueError):
            pass  # one of the steps cannot name what it makes
    return np.array([f"x{j}" for j in range(network.n_features_in_)], dtype=object)


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
    return [
        csr_array((np.ones(w.nnz, np.float32), w.indices, w.indptr), shape=w.shape)
        for w in network.coefs_
    ]


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
