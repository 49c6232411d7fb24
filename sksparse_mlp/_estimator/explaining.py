"""What single predictions are made of: contributions of the inputs."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._network.contributions import contributions
from .._network.lanes import MAX_LANES
from .._network.team import Team
from .checks import check_outputs
from .fitting import threads_worth_waking


class ExplainsClassifier:
    """Mixin of classifiers: what each input of a sample contributes to the logits."""

    def input_contributions(self, X, *, classes=None):
        """Return what each input contributes to the logits: input times gradient.

        ``x_j dz/dx_j`` of each sample, over all ways through the network, with the logit z as
        ``decision_function`` returns it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        classes : label or array-like of labels, default=None
            Whose logits: one of ``classes_``, or some in any order. None: those that
            ``decision_function`` returns, of all classes or labels, or of two classes the
            difference, which is positive where ``classes_[1]`` is predicted. With two classes, the
            logit of one is always its difference to the other.

        Returns
        -------
        ndarray of float32
            Of shape (n_samples, n_features, n_classes); of shape (n_samples, n_features) for a
            single label, and for two classes if None is given.
        """
        check_is_fitted(self)
        est = self._twin()
        is_difference = len(est.classes_) == 2 and not est._multilabel
        wanted = _wanted(classes, est.classes_, is_difference)
        X = est._validate_X(X, reset=False)
        if is_difference:
            return _of_two_classes(est, X, wanted)
        some, places = np.unique(wanted, return_inverse=True)
        column_of = np.full(len(est.classes_), -1, np.int64)
        column_of[some] = np.arange(some.size)
        found = contributions_to(est, X, column_of, np.full(column_of.size, 1 / est.temperature_))
        if wanted.ndim == 0:
            return found[..., 0]
        in_order = np.array_equal(places, np.arange(some.size))
        return found if in_order else found[..., places]  # the latter copies


class ExplainsRegressor:
    """Mixin of regressors: what each input of a sample contributes to the prediction."""

    def input_contributions(self, X):
        """Return what each input contributes to the prediction: input times gradient.

        ``x_j dz/dx_j`` of each sample, over all ways through the network, with z as ``predict``
        returns it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_outputs), float32
            For targets as they were in ``fit``: one, or several columns.
        """
        check_is_fitted(self)
        est = self._twin()
        X = est._validate_X(X, reset=False)
        found = contributions_to(est, X, np.arange(est.n_outputs_), est.target_scale_)
        return found[..., 0] if est._is_column else found


def _wanted(classes, known, is_difference):
    """The numbers of the classes that are asked for; of the second, where two make one decision."""
    if classes is None:
        return np.array(1) if is_difference else np.arange(len(known))
    labels, known = np.asarray(classes), known.tolist()
    wanted = labels.ravel().tolist()
    if labels.ndim > 1 or not wanted or any(label not in known for label in wanted):
        raise ValueError(
            f"classes={classes!r} must be a class label that the network was fitted with, or a "
            f"list of such: {known}."
        )
    return np.array([known.index(label) for label in wanted]).reshape(labels.shape)


def _of_two_classes(est, X, wanted):
    """Contributions to the difference of two logits, with the sign of each class wanted."""
    sign = -1.0 if wanted.ndim == 0 and wanted == 0 else 1.0
    factor = sign * np.array([-1.0, 1.0]) / est.temperature_
    found = contributions_to(est, X, np.zeros(2, np.int64), factor)
    return found[..., 0] if wanted.ndim == 0 else found * np.float32([-1, 1])[wanted]


def contributions_to(est, X, column_of, factor):
    """Contributions to the columns, by as many threads as are worth it."""
    network, n_passes = est._network, 2 + int(column_of.max())
    work = [n_passes * n for n in network.n_connections]
    n_tiles = max(1, -(-X.shape[0] // MAX_LANES))
    n_threads = min(n_tiles, threads_worth_waking(est.n_jobs, work, X.shape[0]))
    with Team(n_threads) as team:
        found = contributions(network, X, team, column_of, factor.astype(np.float32))
    check_outputs(found.reshape(X.shape[0], -1))
    return found
