"""TrulySparseMLPEnsembleClassifier: networks that vote."""

from typing import ClassVar

import numpy as np
from scipy.special import entr
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from .._estimator.compat import fit_context
from .._estimator.handed_out import FittedAttribute, stored
from ..classifier import TrulySparseMLPClassifier
from ._base import BaseEnsemble


class TrulySparseMLPEnsembleClassifier(ClassifierMixin, BaseEnsemble):
    """Several truly sparse networks, whose probabilities are averaged.

    Networks that were trained on the same samples and differ in their connections make different
    errors: their mean is more often right than one of them, and what it gives as a probability is
    nearer to one. How much they disagree tells how little the samples say, see
    :meth:`disagreement`.

    Standardise the inputs first, for example with
    :class:`~sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    estimator : TrulySparseMLPClassifier, default=None
        Its parameters are those of the members; it is not fitted itself. None: one with all its
        defaults. A ``checkpoint`` must be a directory.

    n_estimators : int, default=5
        How many members there are.

    method : {"independent", "disjoint", "edst", "trails"}, default="independent"
        Where the members come from. "independent": each is trained anew, from connections and
        weights of its own. "disjoint" [2]_: likewise, and no connection is in two members, in
        each layer that has room for the connections of all. "edst" [1]_ [2]_: they are stations
        of one training. The first is the network that the estimator would be by itself; then,
        time and again, most of its connections escape to other places, see ``escape_zeta``, the
        learning rate goes back to its beginning, and a fifth of the epochs leads to the next
        member. Five members take about 1.8 times as many epochs as one. "trails" [3]_: they are
        heads on one first hidden layer, that of the first member, which the others take as it is.

    escape_zeta : float, default=0.8
        The fraction of a layer's connections that moves when "edst" leaves a member for the next,
        in (0, 1); no effect with other methods.

    bootstrap : bool, default=False
        Whether each member is trained on samples of its own, drawn with replacement, as many as
        there are. They are drawn as weights: nothing is copied. Only with "independent" and
        "disjoint".

    oob_score : bool, default=False
        Whether to judge the ensemble by what members say of samples that they were not trained
        on, ``oob_score_``. Needs ``bootstrap=True``.

    verbose : bool or int, default=False
        Whether to print a line after each member. Their epochs are printed if ``estimator`` is
        verbose.

    random_state : int, RandomState instance or None, default=None
        Seed of everything that is random: the same int gives the same members, to the last bit.
        None: that of ``estimator``.

    n_jobs : int or None, default=None
        Number of threads that compute; it changes the time and never the result. None: that of
        ``estimator``.

    Attributes
    ----------
    estimators_ : list of TrulySparseMLPClassifier
        The members, fitted estimators by themselves.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; the numbers of the columns if y was an indicator matrix.
    feature_importances_ : ndarray of shape (n_features_in_,)
        The mean of those of the members; they add up to one.
    oob_score_ : float or None
        The accuracy of ``oob_decision_function_``, weighted; None without ``oob_score``.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes) or None
        Mean probabilities of the training samples, by those members that were not trained on
        them; NaN where there are none. None without ``oob_score``.
    n_outputs_ : int
        Number of output neurons of a member: one for each class or label.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.

    See Also
    --------
    TrulySparseMLPClassifier : One network.
    sksparse_mlp.merge : Makes one network of several.
    sksparse_mlp.inspection.topology_distance : How far apart the connections of two members are.

    Notes
    -----
    "disjoint" keeps members apart in the layers where ``n_estimators`` times the connections are no
    more than the cells, with the first topology as well as in every evolution. In other layers, of
    which full ones are a case, it changes nothing: there, members are independent. What [2]_ calls
    disjoint begins at the second layer, and only at the escapes of "edst".

    With "edst" the members share the linear part that the skip layer of wide data starts from, and
    are closer to one another than independent ones. In a layer with all possible connections,
    nothing can escape. ``history_`` of a later member is that of its own epochs.

    The heads of "trails" are trained one after the other, on a layer that the first member has
    learned and that rests from then on, and each for as many epochs; those of [3]_ are trained
    together. A skip layer belongs to the heads, and goes on from that of the first. The shared
    layer is kept once, also in files; ``estimators_`` puts ordinary estimators together.

    Ctrl-C and errors leave the ensemble as it was before ``fit``.

    References
    ----------
    .. [1] Liu, S., Chen, T., Atashgahi, Z., Chen, X., Sokar, G., Mocanu, E., Pechenizkiy, M., Wang,
           Z., Mocanu, D. C. (2022). Deep ensembling with no overhead for either training or
           testing: the all-round blessings of dynamic sparsity. ICLR.
    .. [2] van der Wal, P. R. D., et al. (2025). Multilayer perceptron ensembles in a truly sparse
           training context. Neural Computing and Applications.
    .. [3] Grooten, B., et al. (2025). NeuroTrails: training with dynamic sparse heads as the key
           to effective ensembling. arXiv 2505.17909.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksparse_mlp import TrulySparseMLPEnsembleClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=80, n_features=300, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> ensemble = TrulySparseMLPEnsembleClassifier(n_estimators=3, method="edst", random_state=0)
    >>> model = make_pipeline(StandardScaler(), ensemble).fit(X_train, y_train)
    >>> model.predict_proba(X_test[:4]).shape
    (4, 2)
    >>> len(model[-1].estimators_)
    3
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseEnsemble._parameter_constraints,
        "estimator": [TrulySparseMLPClassifier, None],
    }

    _default = TrulySparseMLPClassifier

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=5,
        method="independent",
        escape_zeta=0.8,
        bootstrap=False,
        oob_score=False,
        verbose=False,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.method = method
        self.escape_zeta = escape_zeta
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    # ------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train the members.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or an indicator matrix of the labels that each sample has.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : TrulySparseMLPEnsembleClassifier
            The fitted ensemble.
        """
        return self._fit(X, y, sample_weight)

    def _set_members(self, members):
        super()._set_members(members)
        self.classes_, self._multilabel = members[0].classes_, members[0]._multilabel

    def _set_out_of_bag_votes(self, votes):
        self.oob_decision_function_ = votes

    def _votes(self, member, X, **which):
        """Probabilities of validated X."""
        return np.exp(self._log_votes(member, X, **which))

    def _log_votes(self, member, X, **which):
        logits = self._outputs_of(member, X, **which) / member.temperature_
        return member._task.log_proba(logits)

    def _score_of(self, votes, y, weight):
        return float(accuracy_score(y, self._predicted(votes), sample_weight=weight))

    # ------------------------------------------------------------ predicting

    def predict(self, X):
        """Return the class of the highest mean probability, or the labels above one half.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or an indicator matrix.
        """
        fitted, members, X = self._members_and_X(X)
        return fitted._predicted(_mean(fitted._votes(member, X) for member in members))

    def predict_proba(self, X):
        """Return the members' mean probabilities of the classes, or of each label by itself.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            In the order of ``classes_``; of classes, each row sums to one.
        """
        fitted, members, X = self._members_and_X(X)
        return _mean(fitted._votes(member, X) for member in members)

    def predict_log_proba(self, X):
        """Return the logarithms of the mean probabilities, finite also where these are tiny.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            In the order of ``classes_``.
        """
        fitted, members, X = self._members_and_X(X)
        total = -np.inf
        for member in members:
            total = np.logaddexp(total, fitted._log_votes(member, X))
        return total - np.log(fitted._n_members())

    def disagreement(self, X):
        """Return how much the members disagree on each sample, in nats.

        This is the mutual information [1]_ of the class and the member: the entropy of the mean
        probabilities, less the mean of the entropies of each member's. It is 0 where all members
        say the same, however unsure they all are, and at most the logarithm of the number of
        classes or members, whichever is smaller. It is large on samples unlike those that were
        trained on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels), float64
            Of several labels, each by itself.

        References
        ----------
        .. [1] Houlsby, N., Huszar, F., Ghahramani, Z., Lengyel, M. (2011). Bayesian active learning
           for classification and preference learning. arXiv 1112.5745.
        """
        fitted, members, X = self._members_and_X(X)
        mean, entropy, n_members = 0.0, 0.0, fitted._n_members()
        for member in members:
            votes = fitted._votes(member, X)
            mean = mean + votes / n_members
            entropy = entropy + fitted._entropy(votes) / n_members
        return np.maximum(fitted._entropy(mean) - entropy, 0.0)

    def _predicted(self, proba):
        """Labels from mean probabilities."""
        return stored(self, "estimators_")[0]._task.predicted(proba, even=0.5)

    def _entropy(self, proba):
        """Entropy of the classes of each sample, or of each label."""
        if self._multilabel:
            return entr(proba) + entr(1.0 - proba)
        return entr(proba).sum(axis=1)

    classes_ = FittedAttribute("The class labels, sorted: array of shape (n_classes,), read-only.")
    oob_decision_function_ = FittedAttribute("Probabilities out of bag: array, read-only; or None.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = getattr(self.estimator, "class_weight", None) is None
        return tags


def _mean(parts):
    """The mean of some arrays, one of which is there at a time."""
    total, n = 0.0, 0
    for part in parts:
        total, n = total + part, n + 1
    return total / n
