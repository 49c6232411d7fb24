"""What single predictions of a classifier are made of: contributions of the inputs."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._network.contributions import contributions
from .._network.team import Team
from .._network.workspace import MAX_LANES
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
            ``decision_function`` returns, of all classes, or of two classes the difference, which
            is positive where ``classes_[1]`` is predicted. With two classes, the logit of one is
            always its difference to the other.

        Returns
        -------
        ndarray of float32
            Of shape (n_samples, n_features, n_classes); of shape (n_samples, n_features) for a
            single label, and for two classes if None is given.
        """
        check_is_fitted(self)
        est = self._twin()
        wanted = _wanted(classes, est.classes_)
        X = est._validate_X(X, reset=False)
        column_of, factor = _columns(wanted, len(est.classes_))
        found = _contributions(est, X, column_of, (factor / est.temperature_).astype(np.float32))
        return _in_order(found, column_of, wanted)


def _wanted(classes, known):
    """The numbers of the classes that are asked for, of the second of two if none is."""
    if classes is None:
        return np.array(1) if len(known) == 2 else np.arange(len(known))
    labels, known = np.asarray(classes), known.tolist()
    wanted = labels.ravel().tolist()
    if labels.ndim > 1 or not wanted or any(label not in known for label in wanted):
        raise ValueError(
            f"classes={classes!r} must be a class label that the network was fitted with, or a "
            f"list of such: {known}."
        )
    return np.array([known.index(label) for label in wanted]).reshape(labels.shape)


def _columns(wanted, n_classes):
    """The column that each output adds to, and the factor that it is multiplied by."""
    if n_classes == 2:
        sign = -1.0 if wanted.ndim == 0 and wanted == 0 else 1.0
        return np.zeros(2, np.int64), sign * np.array([-1.0, 1.0])
    column_of = np.full(n_classes, -1, np.int64)
    some = np.unique(wanted)
    column_of[some] = np.arange(some.size)
    return column_of, np.ones(n_classes)


def _contributions(est, X, column_of, factor):
    """Contributions to the columns, by as many threads as are worth it."""
    network, n_passes = est._network, 2 + int(column_of.max())
    work = [n_passes * n for n in network.n_connections]
    n_tiles = max(1, -(-X.shape[0] // MAX_LANES))
    n_threads = min(n_tiles, threads_worth_waking(est.n_jobs, work, X.shape[0]))
    with Team(n_threads) as team:
        found = contributions(network, X, team, column_of, factor)
    check_outputs(found.reshape(X.shape[0], -1))
    return found


def _in_order(found, column_of, wanted):
    """The columns as they were asked for; a label alone has no axis."""
    if column_of.size == 2:
        return found[..., 0] if wanted.ndim == 0 else found * np.float32([-1, 1])[wanted]
    places = column_of[wanted]
    if np.array_equal(places, np.arange(found.shape[2])):
        return found  # another choice is a copy
    return found[..., places]
