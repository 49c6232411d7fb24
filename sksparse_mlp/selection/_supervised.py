"""SparseMLPFeatureSelector: the features that classifiers rely on."""

from itertools import chain, repeat
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._estimator.compat import (
    CallbackSupportMixin,
    EnsembleReporter,
    Interval,
    LinkedToDocs,
    StrOptions,
    fit_context,
)
from .._estimator.constraints import AT_LEAST_ONE, PARAMETER_CONSTRAINTS, POSITIVE
from .._estimator.handed_out import FittedAttribute
from .._estimator.weights import checked_weight
from .._training.importance import MEMORY, ImportanceRecorder
from .._training.rehearsal import rehearse_importance
from ..classifier import TrulySparseMLPClassifier
from ..regressor import TrulySparseMLPRegressor
from ._best import BestFeatures
from ._default import default_estimator, networks_of_a_round
from ._eviction import scores_in_stages
from ._scaling import standardised
from ._stability import Tally, complementary_halves, false_selections_bound, n_chosen
from ._targets import halves_by_size, learns_numbers, samples_and_targets


class SparseMLPFeatureSelector(BestFeatures, CallbackSupportMixin, LinkedToDocs, BaseEstimator):
    """Select the features that sparse networks rely on.

    Several sparse networks are trained, each with connections at other random places. After
    each epoch, a network's inputs are scored by what it makes of them; scores are added up over
    the epochs and averaged over the networks, because one alone depends on the places of its
    connections.

    The networks see a standardised copy of X, so that no unit decides what is strong. If most of
    its numbers are zero, it is not centred, and a CSR matrix stays one.

    Parameters
    ----------
    estimator : TrulySparseMLPClassifier or TrulySparseMLPRegressor, default=None
        Its parameters are those of the networks; it is not fitted itself. None: one that learns
        by plain gradient descent from very small weights, so that a connection is as strong as
        it is useful, and not for long, because many short trainings say more than a few long
        ones: ``TrulySparseMLPClassifier(1000, epsilon=20, solver="sgd", learning_rate_init=0.05,
        learning_rate_scaling=None, weight_init_gain=0.01, weight_decay=0.1, input_noise=0.0,
        evolution="set", skip_connections=None)`` with 50 training steps, or 10 epochs if these
        are more. A given one keeps its own way of evolution, which with "auto" prefers inputs that
        differ between the classes where there are few samples; a skip layer, which has no part in
        the strength of an input, is only trained if ``skip_connections`` is not "auto".

    k : int, default=None
        How many features to select: those with the highest scores.

    threshold : float or str, default=None
        The lowest score to select: a number, "mean", "median" or a multiple such as "1.25*mean".
        None, where ``k`` is None too: "mean". Give one of the two; both may be changed after
        ``fit``, without another one.

    method : {"strength", "gradient", "attribution"}, default="strength"
        What an input is scored by. "strength": the sum of its connections' magnitudes, added up
        over the epochs [1]_ [3]_. "gradient": how much the loss of a sample changes with it, the
        mean of ``|dL/dx|``, in an exponential average over the epochs [2]_. "attribution": how
        much it contributes to the output of a sample's class, or of the target of a regressor, the
        mean of ``|x dz/dx|``, added up over the epochs [3]_. The last two look at 512 samples an
        epoch at most.

    eviction : float, default=None
        The share of the features that is evicted after each training, greater than 0 and less
        than 1: a new network is trained on those that are left, until ``k`` are, or as many as are
        chosen from a half; longer stays give higher scores [6]_. None: none. 0.5 takes a few
        times as long, and finds features that say something only together; best by "strength".

    n_networks : int or "auto", default="auto"
        How many networks are trained. More of them take longer and make the selection steadier:
        less dependent on ``random_state`` and on a few samples more or less. "auto": 20, and 2 for
        each half with ``max_false_selections``.

    max_false_selections : float, default=None
        A bound on the expected number of features that are selected by chance; None: no such
        control. The networks are trained anew on each half of ``n_pairs`` random splits, some of
        the best features are chosen from each, and selected are those that are chosen from at
        least ``min_frequency`` of the halves: complementary pairs stability selection [4]_ [5]_.
        It takes the place of ``k`` and ``threshold``, and ``n_networks`` are trained ``2 n_pairs``
        times; with so many halves, 1 to 5 are enough.

    n_pairs : int, default=50
        How many times the samples are split into halves, where ``max_false_selections`` is given.

    min_frequency : float, default=0.75
        From what share of the halves a feature must be chosen, above 0.5. The higher, the more
        features are chosen from each half, for the bound to be the same. It may be raised after
        ``fit``, which lowers the bound.

    verbose : bool or int, default=False
        Whether to print a line after each network. Their epochs are printed if ``estimator`` is
        verbose.

    random_state : int, RandomState instance or None, default=None
        Seed of everything that is random: the same int selects the same features. None: that of
        ``estimator``.

    n_jobs : int or None, default=None
        Number of threads that compute; it changes the time and never the result. None: that of
        ``estimator``.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features_in_,)
        The score of each feature, read-only. They add up to one.
    feature_importances_ : ndarray of shape (n_features_in_,)
        The same.
    selection_frequencies_ : ndarray of shape (n_features_in_,)
        The share of the halves from which each feature was chosen, read-only; None without
        ``max_false_selections``.
    n_chosen_ : int
        How many features were chosen from each half, or None.
    false_selections_bound_ : float
        The bound on the expected number of false selections, at most ``max_false_selections``;
        or None. False are features that are no more likely to be chosen from a half than one drawn
        at random, which noise is.
    estimators_ : list of TrulySparseMLPClassifier or of TrulySparseMLPRegressor
        The trained networks, of standardised inputs; of several halves, those of the first.
    estimator_ : TrulySparseMLPClassifier or TrulySparseMLPRegressor
        The first of them.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.

    See Also
    --------
    SparseAutoencoderSelector : Selects without class labels.
    sklearn.feature_selection.SelectFromModel : Works with one TrulySparseMLPClassifier, too.

    Notes
    -----
    Short trainings see what an input says by itself. Where inputs only matter together, as in an
    XOR, networks that are trained to the end find more of them::

        SparseMLPFeatureSelector(
            TrulySparseMLPClassifier(skip_connections=None, input_noise=1.0),
            method="attribution", n_networks=10, k=15,
        )

    On madelon (5 inputs that make an XOR, 15 that repeat them, 480 of noise), the default
    classifier has an accuracy of 0.88 on what this selects, and of 0.72 on all inputs.

    References
    ----------
    .. [1] Atashgahi, Z., Sokar, G., van der Lee, T., Mocanu, E., Mocanu, D. C., Veldhuis, R.,
           Pechenizkiy, M. (2022). Quick and robust feature selection: the strength of
           energy-efficient sparse training for autoencoders. Machine Learning 111, 377-414.
    .. [2] Liu, K., Atashgahi, Z., Sokar, G., Pechenizkiy, M., Mocanu, D. C. (2024). Supervised
           feature selection via ensemble gradient information from sparse neural networks.
           AISTATS, PMLR 238.
    .. [3] Atashgahi, Z., Liu, T., Pechenizkiy, M., Veldhuis, R., Mocanu, D. C., van der Schaar, M.
           (2024). Unveiling the power of sparse neural networks for feature selection. ECAI.
    .. [4] Shah, R. D., Samworth, R. J. (2013). Variable selection with error control: another look
           at stability selection. Journal of the Royal Statistical Society B 75, 55-80.
    .. [5] Meinshausen, N., Buehlmann, P. (2010). Stability selection. Journal of the Royal
           Statistical Society B 72, 417-473.
    .. [6] Atashgahi, Z., Zhang, X., Kichler, N., Liu, S., Yin, L., Pechenizkiy, M., Veldhuis, R.,
           Mocanu, D. C. (2023). Supervised feature selection with neuron evolution in sparse
           neural networks. Transactions on Machine Learning Research.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import LinearSVC
    >>> from sksparse_mlp import SparseMLPFeatureSelector
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=60, n_features=300, random_state=0)
    >>> selector = SparseMLPFeatureSelector(k=20, n_networks=2, random_state=0)
    >>> model = make_pipeline(StandardScaler(), selector, LinearSVC()).fit(X, y)
    >>> model[:-1].transform(X).shape
    (60, 20)
    >>> len(model[1].get_support(indices=True))
    20

    With at most one feature by chance:

    >>> selector = SparseMLPFeatureSelector(
    ...     max_false_selections=1, n_pairs=5, n_networks=1, random_state=0
    ... ).fit(StandardScaler().fit_transform(X), y)
    >>> selector.n_chosen_, round(selector.false_selections_bound_, 3)
    (12, 0.96)
    >>> chosen = selector.get_support()
    >>> bool((selector.selection_frequencies_[chosen] >= 0.75).all())
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BestFeatures._parameter_constraints,
        "estimator": [TrulySparseMLPClassifier, TrulySparseMLPRegressor, None],
        "method": [StrOptions(set(MEMORY))],
        "eviction": [Interval(Real, 0, 1, closed="neither"), None],
        "n_networks": [Interval(Integral, 1, 10**6, closed="both"), StrOptions({"auto"})],
        "max_false_selections": [POSITIVE, None],
        "n_pairs": [AT_LEAST_ONE],
        "min_frequency": [Interval(Real, 0.5, 1, closed="right")],
        "verbose": PARAMETER_CONSTRAINTS["verbose"],
        "random_state": ["random_state"],
        "n_jobs": PARAMETER_CONSTRAINTS["n_jobs"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        k=None,
        threshold=None,
        method="strength",
        eviction=None,
        n_networks="auto",
        max_false_selections=None,
        n_pairs=50,
        min_frequency=0.75,
        verbose=False,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.k = k
        self.threshold = threshold
        self.method = method
        self.eviction = eviction
        self.n_networks = n_networks
        self.max_false_selections = max_false_selections
        self.n_pairs = n_pairs
        self.min_frequency = min_frequency
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train the networks and score the features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,)
            Class labels; with a regressor as ``estimator``, numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : SparseMLPFeatureSelector
            The fitted selector.
        """
        twin = self._twin()
        X, y = samples_and_targets(twin, X, y)
        twin._check_choice(X.shape[1])
        if sample_weight is not None:
            sample_weight = checked_weight(sample_weight, X, "sample_weight")
        rehearse_importance(self.method)
        tally = Tally(X.shape[1], twin._n_chosen(X.shape[1]))
        n_rounds = 1 if self.max_false_selections is None else 2 * self.n_pairs
        n_networks = n_rounds * networks_of_a_round(self)
        reporter = EnsembleReporter(
            self, {"X": X, "y": y}, n_networks, lambda: self._news_of(twin) if tally.n else None
        )
        for number, (weight, networks) in enumerate(twin._rounds(n_rounds, y, sample_weight)):
            X_of_round = standardised(X, weight)
            for network in networks:
                with reporter.member("network", network):
                    tally.add(twin._scores_from(network, X_of_round, y, weight))
                    twin._set_scores(tally, networks)
                if self.verbose:
                    print(f"Network {tally.n} of {n_networks}, loss = {network.loss_:.8f}")
                if reporter.asked_to_stop and n_rounds == 1:
                    break
            tally.end_round()
            if reporter.asked_to_stop and number % 2 == 1:  # the pair is complete
                break
        twin.selection_frequencies_ = tally.frequencies()
        with self._published(twin):
            reporter.fit_ends()
        return self

    def _check_choice(self, n_features):
        super()._check_choice(n_features)
        others = [name for name in ("k", "threshold") if getattr(self, name) is not None]
        if self.max_false_selections is not None and others:
            raise ValueError(
                f"max_false_selections={self.max_false_selections!r} and "
                f"{others[0]}={getattr(self, others[0])!r} both say how many features to select: "
                "give one and leave the other None."
            )
        if self.eviction is not None and self.k is None and self.max_false_selections is None:
            raise ValueError(
                f"eviction={self.eviction!r} and k=None do not say how many features are to be "
                "left: give k or max_false_selections."
            )

    def _n_chosen(self, n_features):
        """How many features to choose from each half; None without halves."""
        if self.max_false_selections is None:
            return None
        return n_chosen(n_features, float(self.max_false_selections), float(self.min_frequency))

    def _rounds(self, n_rounds, y, sample_weight):
        """Weights and unfitted networks: once, or for each half of each pair."""
        template, weights = self.estimator, iter([sample_weight])
        if template is None:
            template = default_estimator(len(y) if n_rounds == 1 else len(y) // 2)
        changes = {"n_jobs": template.n_jobs if self.n_jobs is None else self.n_jobs}
        if template.skip_connections == "auto":
            changes["skip_connections"] = None  # the scores are those of the network alone
        given = template.random_state if self.random_state is None else self.random_state
        random_state = check_random_state(given)
        seeds = random_state.randint(2**31 - 1, size=n_rounds * networks_of_a_round(self))
        if n_rounds > 1:
            halves = np.random.RandomState(random_state.randint(2**31 - 1))
            strata = halves_by_size(y) if learns_numbers(self) else y
            weights = complementary_halves(strata, sample_weight, self.n_pairs, halves)
        for weight, of_round in zip(weights, seeds.reshape(n_rounds, -1), strict=True):
            copies = (clone(template).set_params(random_state=int(seed)) for seed in of_round)
            yield weight, [copy.set_params(**changes) for copy in copies]

    def _set_scores(self, tally, networks):
        """Set what is known after a network; of several halves, those of the first are kept."""
        self.scores_, self.n_chosen_ = tally.mean(), tally.n_chosen
        self.selection_frequencies_ = tally.frequencies()
        if tally.n <= networks_of_a_round(self):
            self.estimators_, self.estimator_ = networks[: tally.n], networks[0]

    def _scores_by(self, network, X, y, sample_weight):
        """Train a network; returns its scores, which add up to one."""
        recorder = ImportanceRecorder(self.method)
        network._observe = recorder.observe
        network.fit(X, y, sample_weight)
        del network._observe
        return recorder.normalised()

    def _scores_from(self, network, X, y, sample_weight):
        """Scores by a network, and by those that are trained on what is left after it."""
        networks = chain([network], repeat(None))

        def score(X):
            # Without the callbacks, to which all this is the fit of one network.
            own = next(networks) or type(network)(**network.get_params(deep=False))
            return self._scores_by(own, X, y, sample_weight)

        if self.eviction is None:
            scores = score(X)
        else:
            n_left = self.k if self.max_false_selections is None else self._n_chosen(X.shape[1])
            scores = scores_in_stages(score, X, n_left, float(self.eviction))
        if hasattr(self, "feature_names_in_"):
            network.feature_names_in_ = self.feature_names_in_
        return scores

    def _get_support_mask(self):
        if self.max_false_selections is None:
            return super()._get_support_mask()
        check_is_fitted(self)
        self._check_choice(self.n_features_in_)
        bound = self.false_selections_bound_
        if bound is None or bound > self.max_false_selections * (1 + 1e-9):
            raise ValueError(
                f"max_false_selections={self.max_false_selections!r} and "
                f"min_frequency={self.min_frequency!r} ask for other choices from the halves than "
                f"fit made (n_chosen_={self.n_chosen_}): fit again."
            )
        return self.selection_frequencies_ >= self.min_frequency

    selection_frequencies_ = FittedAttribute("How often each feature is chosen: array, read-only.")
    estimators_ = FittedAttribute("The trained networks: list, a copy.")

    @property
    def false_selections_bound_(self):
        """The bound on the expected number of features that are selected by chance, or None."""
        check_is_fitted(self)
        self._validate_params()
        if self.n_chosen_ is None:
            return None
        return false_selections_bound(self.n_chosen_, self.n_features_in_, self.min_frequency)

    @property
    def feature_importances_(self):
        """The score of each feature."""
        check_is_fitted(self)
        return self.scores_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
