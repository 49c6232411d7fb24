"""Harrell's concordance index, and the mixin of estimators that it scores."""

import numpy as np

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
        y = self._read_y(y, "y")
        weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        found = concordance_index(y[:, 0] > 0, y[:, 1], self.predict(X), weight)
        if np.isnan(found):
            raise ValueError(
                f"y (n_samples={len(y)}) has no comparable pair: no event is followed by a longer "
                "time, and the concordance index is not defined."
            )
        return found
