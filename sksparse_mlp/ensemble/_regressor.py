"""TrulySparseMLPEnsembleRegressor: networks whose predictions are averaged."""

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from .._estimator.compat import fit_context
from .._estimator.documentation import described_as_in
from .._estimator.handed_out import FittedAttribute
from ..regressor import TrulySparseMLPRegressor
from ._base import BaseEnsemble
from ._classifier import TrulySparseMLPEnsembleClassifier


@described_as_in(TrulySparseMLPEnsembleClassifier)
class TrulySparseMLPEnsembleRegressor(RegressorMixin, BaseEnsemble):
    """Several truly sparse networks, whose predictions are averaged.

    The regressor beside :class:`TrulySparseMLPEnsembleClassifier`: networks that differ in their
    connections make different errors, which the mean levels out. How far the members are apart
    tells how little the samples say, see ``return_std`` of :meth:`predict`.

    Standardise the inputs first, for example with
    :class:`~sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    estimator : TrulySparseMLPRegressor, default=None
        Its parameters are those of the members; it is not fitted itself. None: one with all its
        defaults. A ``checkpoint`` must be a directory.

    %(n_estimators)s

    %(method)s

    %(escape_zeta)s

    %(bootstrap)s

    %(oob_score)s

    %(verbose)s

    %(random_state)s

    %(n_jobs)s

    Attributes
    ----------
    estimators_ : list of TrulySparseMLPRegressor
        The members, fitted estimators by themselves.
    %(feature_importances_)s
    oob_score_ : float or None
        R^2 of ``oob_prediction_``, weighted; None without ``oob_score``.
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs) or None
        Mean predictions for the training samples, by those members that were not trained on them;
        NaN where there are none. None without ``oob_score``.
    n_outputs_ : int
        Number of output neurons of a member: one for each target.
    %(n_features_in_)s
    %(feature_names_in_)s

    See Also
    --------
    TrulySparseMLPRegressor : One network.
    sksparse_mlp.merge : Makes one network of several.
    sksparse_mlp.inspection.topology_distance : How far apart the connections of two members are.

    Notes
    -----
    What the notes of :class:`TrulySparseMLPEnsembleClassifier` say holds here, too.

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
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.preprocessing import scale
    >>> from sksparse_mlp import TrulySparseMLPEnsembleRegressor
    >>> X, y = make_regression(100, 300, n_informative=10, noise=5, random_state=0)
    >>> model = TrulySparseMLPEnsembleRegressor(n_estimators=3, random_state=0).fit(scale(X), y)
    >>> mean, std = model.predict(scale(X)[:4], return_std=True)
    >>> mean.shape, std.shape
    ((4,), (4,))
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseEnsemble._parameter_constraints,
        "estimator": [TrulySparseMLPRegressor, None],
    }

    _default = TrulySparseMLPRegressor

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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : TrulySparseMLPEnsembleRegressor
            The fitted ensemble.
        """
        return self._fit(X, y, sample_weight)

    def _set_out_of_bag_votes(self, votes):
        self.oob_prediction_ = votes

    def _votes(self, member, X, **which):
        """Predictions for validated X."""
        return member._task.predicted(self._outputs_of(member, X, **which))

    def _score_of(self, votes, y, weight):
        return float(r2_score(y, votes, sample_weight=weight)) if len(y) > 1 else None

    # ------------------------------------------------------------ predicting

    def predict(self, X, return_std=False):
        """Return the mean of the members' predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        return_std : bool, default=False
            Whether to return the standard deviation over the members, too. It says how unsure the
            networks are of the mean, and nothing of the noise of single targets: no interval that
            covers them.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            As y of ``fit``.
        y_std : ndarray of the same shape
            Only if ``return_std`` is True.
        """
        fitted, members, X = self._members_and_X(X)
        mean, squares = 0.0, 0.0
        for n, member in enumerate(members, 1):  # Welford's: one member is there at a time
            votes = fitted._votes(member, X)
            distance = votes - mean
            mean = mean + distance / n
            squares = squares + distance * (votes - mean)
        return (mean, np.sqrt(squares / n)) if return_std else mean

    oob_prediction_ = FittedAttribute("Predictions out of bag: array, read-only; or None.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
