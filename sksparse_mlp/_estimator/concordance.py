"""Harrell's concordance index, and the mixin of estimators that it scores."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .weights import checked_weight

# Risks closer than this are tied.
TIED = 1e-8
# Pairs that are compared at a time.
BLOCK = 2**22


def concordance_index(event, time, risk, weight=None):
    """The share of comparable pairs in which the sample with the earlier event has the higher risk.

    A pair is comparable if the earlier time is that of an event; of equal times, if one is an event
    and the other is not. Equal risks count one half, a pair as the product of its weights.

    Parameters
    ----------
    event : ndarray of bool, shape (n_samples,)
    time, risk : ndarray of float, shape (n_samples,)
    weight : ndarray of float, shape (n_samples,), or None
        None: all equal.

    Returns
    -------
    float
        NaN where no pair is comparable.

    References
    ----------
    Harrell, F. E., Califf, R. M., Pryor, D. B., Lee, K. L., Rosati, R. A. (1982). Evaluating the
    yield of medical tests. JAMA 247, 2543-2546.
    """
    weight = np.ones(len(time)) if weight is None else weight
    concordant = comparable = 0.0
    first = np.flatnonzero(event)
    step = max(1, BLOCK // len(time))
    for i in (first[k : k + step, None] for k in range(0, first.size, step)):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        pairs = weight[i] * weight * later
        ahead = risk[i] - risk
        concordant += (pairs * np.where(abs(ahead) <= TIED, 0.5, ahead > 0)).sum()
        comparable += pairs.sum()
    return float(concordant / comparable) if comparable > 0 else np.nan


def check_comparable(found, name, n_samples):
    """Refuse a concordance index that is not defined; ``name`` is what an error calls y."""
    if np.isnan(found):
        raise ValueError(
            f"{name} (n_samples={n_samples}) has no comparable pair: no event is followed by a "
            "longer time, and the concordance index is not defined."
        )


class SurvivalMixin:
    """Mixin of survival models: ``score`` is the concordance index of ``predict``."""

    def score(self, X, y, sample_weight=None):
        """Return Harrell's concordance index: 1 for a perfect order, 0.5 for a random one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : structured array of shape (n_samples,)
            Events and times, as in ``fit``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; a pair has the product of its own.

        Returns
        -------
        float
            Of all pairs of which it is known who had the event first, the share in which this one
            has the higher predicted risk; equal risks count one half.
        """
        check_is_fitted(self)
        est = self._twin()
        X, y = est._validate_X(X, est._read_y(y, "y"), reset=False)
        weight = checked_weight(sample_weight, X, "sample_weight")
        event, time, risk = y[:, 0] > 0, y[:, 1], est._forward(X)[:, 0]
        found = concordance_index(event, time, risk.astype(np.float64), weight)
        check_comparable(found, "y", len(y))
        return found

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
