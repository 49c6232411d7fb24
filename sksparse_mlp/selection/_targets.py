"""What a selector is given: classes or numbers, one for each sample."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .._estimator.inputs import validated
from .._estimator.labels import readable_labels
from ..regressor import TrulySparseMLPRegressor


def learns_numbers(selector):
    """Whether the networks of a selector learn numbers, not classes."""
    return isinstance(selector.estimator, TrulySparseMLPRegressor)


def samples_and_targets(selector, X, y):
    """X and y as the networks need them; ValueError before any work where they do not fit.

    Parameters
    ----------
    selector : SparseMLPFeatureSelector
        Its number and names of features are set.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    """
    if len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1:
        raise ValueError(
            "y should be a 1d array with one label or number for each sample; got shape "
            f"{y.shape}. Select for one of the columns at a time."
        )
    if learns_numbers(selector):
        y = selector.estimator._read_y(y, "y")
        return validated(selector, X, y, reset=True, y_numeric=True)
    X, y = validated(selector, X, readable_labels(y, "y"), reset=True)
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise ValueError(
            f"{error} For numbers, give estimator=TrulySparseMLPRegressor(...)."
        ) from None
    return X, y


def halves_by_size(y):
    """Which numbers are among the larger half; of equal ones those that come later."""
    larger = np.zeros(len(y), bool)
    larger[np.argsort(y, axis=None, kind="stable")[len(y) // 2 :]] = True
    return larger
