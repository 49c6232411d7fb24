"""What selectors share: from the scores of the features to the best of them."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from .._estimator.constraints import AT_LEAST_ONE, FINITE
from .._estimator.handed_out import FittedAttribute
from .._estimator.inputs import explained
from .._estimator.publishing import PublishedFit
from .._estimator.sealed import Sealed


class BestFeatures(SelectorMixin, PublishedFit, Sealed):
    """Selects the features of the highest ``scores_``: the best ``k``, or all above a threshold."""

    _parameter_constraints: ClassVar[dict] = {
        "k": [AT_LEAST_ONE, None],
        "threshold": [FINITE, str, None],
    }

    scores_ = FittedAttribute("The score of each feature: array, read-only.")

    def transform(self, X):
        """Reduce X to the selected features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        X_selected : {array, sparse matrix} of shape (n_samples, n_selected_features)
            The columns of the selected features.
        """
        # X is checked against the fit that selects from it, if another thread fits meanwhile.
        twin = self._twin()
        with explained(X, twin):
            return super(BestFeatures, twin).transform(X)

    def _check_choice(self, n_features):
        self._validate_params()  # they may be set between fit and transform
        if self.k is not None and self.threshold is not None:
            raise ValueError(
                f"k={self.k!r} and threshold={self.threshold!r} both say how many features to "
                "select: give one and leave the other None."
            )
        if self.k is not None and self.k > n_features:
            raise ValueError(
                f"k={self.k!r} features cannot be selected from the {n_features} features of X: "
                f"k must be from 1 to {n_features}."
            )
        lowest_score(self.threshold, np.ones(n_features))

    def _get_support_mask(self):
        check_is_fitted(self)
        self._check_choice(self.n_features_in_)
        if self.k is None:
            return self.scores_ >= lowest_score(self.threshold, self.scores_)
        mask = np.zeros(self.n_features_in_, bool)
        mask[np.argsort(-self.scores_, kind="stable")[: self.k]] = True
        return mask

    def __sklearn_is_fitted__(self):
        return hasattr(self, "scores_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def lowest_score(threshold, scores):
    """A threshold such as 0.1, "median" or "1.25*mean" as a number; None is the mean."""
    if isinstance(threshold, Real):
        return float(threshold)
    factor, _, statistic = ("mean" if threshold is None else threshold).rpartition("*")
    try:
        statistic = {"mean": np.mean, "median": np.median}[statistic.strip()]
        factor = float(factor or 1.0)
        if not np.isfinite(factor):
            raise ValueError
        return factor * statistic(scores)
    except (KeyError, ValueError):
        raise ValueError(
            f"threshold={threshold!r} is not understood: it must be a number, 'mean', 'median' or "
            "a multiple of one of them such as '1.25*mean'."
        ) from None
