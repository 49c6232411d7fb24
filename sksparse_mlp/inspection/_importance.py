"""Inputs ranked by their importance."""

import numpy as np

from ._networks import feature_names_of, import_pandas, importances_of


def importance_table(est, feature_names=None):
    """Rank the inputs of a network, or of several ones, by their importance.

    Parameters
    ----------
    est : estimator or sequence of estimators
        A fitted sparse network, or a pipeline, search or selector that ends in one; or several of
        them, such as the members of an ensemble or the estimators of a cross-validation.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the features; None: those seen in fit, or else ``x0``, ``x1``, ...

    Returns
    -------
    pandas.DataFrame
        One row a feature, the most important first, indexed by rank. Columns: ``feature``,
        ``importance`` (``feature_importances_``, the mean of several), ``std`` (only of several:
        their standard deviation), ``connections`` (of the input, the mean of several; of a
        selector, those of its first network) and ``cumulative`` (the sum of the importances up to
        here).

    See Also
    --------
    sksparse_mlp.plotting.FeatureImportanceDisplay : The same as a picture.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import importance_table
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> table = importance_table(model.fit(X, y))
    >>> table.columns.to_list()
    ['feature', 'importance', 'connections', 'cumulative']
    >>> bool(table["importance"].is_monotonic_decreasing)
    True
    """
    pandas = import_pandas("importance_table")
    importances, networks = importances_of(est)
    degrees = np.array([np.diff(network.coefs_[0].indptr) for network in networks])
    several = len(networks) > 1
    mean = importances.mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    columns = {"feature": feature_names_of(est, feature_names), "importance": mean}
    if several:
        columns["std"] = importances.std(axis=0, ddof=1)
    columns["connections"] = degrees.mean(axis=0) if several else degrees[0]
    rank = pandas.RangeIndex(1, mean.size + 1, name="rank")
    table = pandas.DataFrame({name: values[order] for name, values in columns.items()}, rank)
    return table.assign(cumulative=table["importance"].cumsum())
