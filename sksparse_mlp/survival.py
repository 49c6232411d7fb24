"""TrulySparseMLPSurvival: times that may be censored around a sparse network."""

from typing import ClassVar

import numpy as np

from ._estimator.compat import StrOptions, fit_context, method_if
from ._estimator.constraints import PARAMETER_CONSTRAINTS
from ._estimator.documentation import described_as_in
from ._estimator.survival import BaseSparseSurvival
from .classifier import TrulySparseMLPClassifier


@described_as_in(TrulySparseMLPClassifier)
class TrulySparseMLPSurvival(BaseSparseSurvival):
    """Survival model with a multilayer perceptron that is sparse and rewires itself.

    The log hazard ratio of Cox's proportional hazards [21]_ is the output of such a network as
    :class:`TrulySparseMLPClassifier` has: of thousands of genes, for example. The interface is
    that of scikit-survival, which is not needed. Standardise the inputs first.

    Parameters
    ----------
    %(hidden_layer_sizes)s

    %(activation)s

    %(activation_slope)s

    %(epsilon)s

    %(density)s

    %(layer_density)s

    %(initial_topology)s

    %(rewiring)s

    %(evolution)s

    guidance : float or "auto", default="auto"
        The share of the inputs' connections that "guided" evolution lays in proportion to
        ``(r2 / (1 - r2)) ** 1.5`` of the inputs, with the squared correlation r2 of an input and
        the martingale residuals of a model without inputs, as in Cox's score test. Of products of
        two inputs what is beyond chance counts, too, for both: times ``max(0, 1 - n_features /
        n_samples)``. The others are laid at random, at least a hundredth. From 0, which is "set",
        to 1. "auto": ``0.95 - 0.45 * min(1, n_features / n_samples)``.

    %(drop)s

    %(drop_scope)s

    %(redistribution)s

    %(density_schedule)s

    %(initial_connections)s

    %(neuron_pruning)s

    %(pruned_neurons)s

    %(zeta)s

    %(zeta_schedule)s

    %(evolution_interval)s

    %(evolution_end)s

    %(evolve_output_layer)s

    %(solver)s

    %(learning_rate)s

    learning_rate_init : float, default=0.1
        The step size at the beginning, positive. Lower it if training diverges or its result
        changes much from one ``random_state`` to another. With ``learning_rate_scaling=None``,
        try 0.001 for "adam" and 0.01 for "sgd".

    %(learning_rate_scaling)s

    %(power_t)s

    %(momentum)s

    %(nesterovs_momentum)s

    %(beta_1)s

    %(beta_2)s

    %(weight_decay)s

    %(dropout)s

    %(input_dropout)s

    input_noise : float or "auto", default="auto"
        Standard deviation of the random numbers that are added to the inputs, new ones in each
        training step: the network must not rely on small differences. Not negative. "auto": each
        input's own, at most the root mean square of all, which it is in ``partial_fit``; with
        fewer features than samples times ``sqrt(n_features / n_samples)``.

    %(weight_init)s

    %(weight_init_gain)s

    %(batch_size)s

    %(max_iter)s

    %(shuffle)s

    %(tol)s

    %(n_iter_no_change)s

    %(early_stopping)s

    validation_fraction : float, default=0.1
        The share of the samples that ``early_stopping`` sets apart if there is no ``X_val``, of
        those with an event and of the others, in (0, 1).

    scoring : {"concordance", "loss"} or callable, default="concordance"
        What ``early_stopping`` looks at: the concordance index, the partial likelihood among the
        validation samples, or a callable ``scorer(estimator, X, y)``.

    %(averaging)s

    %(skip_connections)s

    %(warm_start)s

    %(checkpoint)s

    %(checkpoint_interval)s

    %(verbose)s

    %(random_state)s

    %(n_jobs)s

    Attributes
    ----------
    unique_times_ : ndarray of shape (n_times,)
        The times of the samples of ``fit``, or of the last ``partial_fit``, ascending.
    cum_baseline_hazard_ : ndarray of shape (n_times,)
        Breslow's estimate of the cumulative hazard at these times where ``predict`` is 0.
    %(coefs_)s
    skip_coef_ : scipy.sparse.csr_array of shape (n_features_in_, 1) or None
        The connections of the skip layer, likewise; None without one.
    %(intercepts_)s
    %(srelu_)s
    %(n_connections_)s
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each input moves the output z: the mean over up to 512 training samples (32 in
        ``partial_fit``) of ``|dz / dx|``, of the skip layer or the hidden ways, whichever is more,
        times the deviation of the input. They add up to one.
    %(history_)s
    %(loss_curve_)s
    %(loss_)s
    %(best_loss_)s
    validation_scores_ : list of float or None
        The validation score in each epoch: of ``scoring``, or the concordance index.
    %(best_epoch_)s
    %(best_validation_score_)s
    %(n_iter_)s
    %(t_)s
    %(n_features_in_)s
    %(feature_names_in_)s
    %(n_layers_)s
    n_outputs_ : int
        Number of output neurons: one.
    %(activation_)s
    out_activation_ : str
        "identity".

    See Also
    --------
    TrulySparseMLPClassifier : The same for classes.
    TrulySparseMLPRegressor : The same for numbers that are all known.

    Notes
    -----
    What the notes of :class:`TrulySparseMLPClassifier` say holds here, too. What is trained is the
    negative partial likelihood, Breslow's way with ties, by the mean over samples. It is no sum
    over samples: each event is compared with those at risk in the same mini-batch. With up to 512
    samples and ``batch_size="auto"`` the batch is all of them; smaller ones are an approximation
    that is the better the more samples they hold. Times matter by their order only. The baseline
    is found from the samples that were trained on: with many more inputs than samples their
    outputs are too far apart, so the curves of new samples are too sure; their order is not
    affected.

    References
    ----------
    .. [1] Mocanu, D. C., Mocanu, E., Stone, P., Nguyen, P. H., Gibescu, M., Liotta, A. (2018).
           Scalable training of artificial neural networks with adaptive sparse connectivity
           inspired by network science. Nature Communications 9, 2383.
    .. [2] Liu, S., Mocanu, D. C., Ramapuram Matavalam, A. R., Pei, Y., Pechenizkiy, M. (2021).
           Sparse evolutionary deep learning with over one million artificial neurons on
           commodity hardware. Neural Computing and Applications 33, 2589-2604.
    .. [3] Curci, S., Mocanu, D. C., Pechenizkiy, M. (2021). Truly sparse neural networks at
           scale. arXiv 2102.01732.
    .. [4] Jin, X., Xu, C., Feng, J., Wei, Y., Xiong, J., Yan, S. (2016). Deep learning with
           S-shaped rectified linear activation units. AAAI.
    .. [5] Kingma, D. P., Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    .. [6] Loshchilov, I., Hutter, F. (2019). Decoupled weight decay regularization. ICLR.
    .. [7] Evci, U. et al. (2020). Rigging the lottery: making all tickets winners. ICML.
    .. [8] Heddes, M. et al. (2024). Always-sparse training by growing connections with guided
           stochastic exploration. arXiv 2401.06898.
    .. [9] Atashgahi, Z. et al. (2022). A brain-inspired algorithm for training highly sparse neural
           networks. Machine Learning 111, 4411-4452.
    .. [10] Zhang, Y. et al. (2024). Epitopological learning and Cannistraci-Hebb network shape
            intelligence brain-inspired theory for ultra-sparse advantage in deep learning. ICLR.
    .. [11] Yuan, G. et al. (2021). MEST: memory-economic sparse training framework. NeurIPS.
    .. [12] Lee, N. et al. (2019). SNIP: single-shot network pruning. ICLR.
    .. [13] Mostafa, H., Wang, X. (2019). Dynamic sparse reparameterization. ICML.
    .. [14] Dettmers, T., Zettlemoyer, L. (2019). Sparse networks from scratch. arXiv 1907.04840.
    .. [15] Parger, M. et al. (2022). Gradient-based weight density balancing. arXiv 2210.14012.
    .. [16] Liu, S. et al. (2021). Sparse training via boosting pruning plasticity. NeurIPS.
    .. [17] Liu, S. et al. (2019). Adaptive sparse connectivity. ICML workshop.
    .. [18] Yin, L. et al. (2023). Dynamic sparsity is channel-level sparsity learner. NeurIPS.
    .. [19] Yin, L. et al. (2022). Superposing many tickets into one: a performance booster for
            sparse neural network training. UAI.
    .. [20] Watts, D. J., Strogatz, S. H. (1998). Collective dynamics of 'small-world' networks.
            Nature 393, 440-442.
    .. [21] Cox, D. R. (1972). Regression models and life-tables. Journal of the Royal Statistical
            Society B 34, 187-220.
    .. [22] Breslow, N. (1974). Covariance analysis of censored survival data. Biometrics 30, 89-99.

    Examples
    --------
    >>> import numpy as np
    >>> from sksparse_mlp import TrulySparseMLPSurvival
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 300))
    >>> time = rng.exponential(np.exp(-X[:, 0] - X[:, 1]))
    >>> censoring = rng.exponential(2.0, size=150)
    >>> y = np.empty(150, [("event", bool), ("time", float)])
    >>> y["event"], y["time"] = time <= censoring, np.minimum(time, censoring)
    >>> model = TrulySparseMLPSurvival(100, random_state=0).fit(X[:100], y[:100])
    >>> model.score(X[100:], y[100:]) > 0.5
    True
    >>> model.predict_survival_function(X[100:], return_array=True).shape
    (50, 100)
    """

    _parameter_constraints: ClassVar[dict] = {
        **{n: c for n, c in PARAMETER_CONSTRAINTS.items() if n != "temperature"},
        "scoring": [StrOptions({"concordance", "loss"}), callable],
    }

    def __init__(
        self,
        hidden_layer_sizes="auto",
        *,
        activation="relu",
        activation_slope=0.6,
        epsilon=None,
        density=None,
        layer_density="erdos_renyi",
        initial_topology="erdos_renyi",
        rewiring=0.1,
        evolution="auto",
        guidance="auto",
        drop="set",
        drop_scope="layer",
        redistribution=None,
        density_schedule=None,
        initial_connections="auto",
        neuron_pruning=None,
        pruned_neurons=0.5,
        zeta=0.3,
        zeta_schedule="constant",
        evolution_interval="auto",
        evolution_end=0.75,
        evolve_output_layer=True,
        solver="adam",
        learning_rate="cosine",
        learning_rate_init=0.1,
        learning_rate_scaling="fan_in",
        power_t=0.5,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.95,
        weight_decay=2e-4,
        dropout=0.0,
        input_dropout=0.0,
        input_noise="auto",
        weight_init="he_uniform",
        weight_init_gain=0.35,
        batch_size="auto",
        max_iter="auto",
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring="concordance",
        averaging=None,
        skip_connections="auto",
        warm_start=False,
        checkpoint=None,
        checkpoint_interval=1,
        verbose=False,
        random_state=None,
        n_jobs=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.activation_slope = activation_slope
        self.epsilon = epsilon
        self.density = density
        self.layer_density = layer_density
        self.initial_topology = initial_topology
        self.rewiring = rewiring
        self.evolution = evolution
        self.guidance = guidance
        self.drop = drop
        self.drop_scope = drop_scope
        self.redistribution = redistribution
        self.density_schedule = density_schedule
        self.initial_connections = initial_connections
        self.neuron_pruning = neuron_pruning
        self.pruned_neurons = pruned_neurons
        self.zeta = zeta
        self.zeta_schedule = zeta_schedule
        self.evolution_interval = evolution_interval
        self.evolution_end = evolution_end
        self.evolve_output_layer = evolve_output_layer
        self.solver = solver
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.learning_rate_scaling = learning_rate_scaling
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.input_noise = input_noise
        self.weight_init = weight_init
        self.weight_init_gain = weight_init_gain
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.averaging = averaging
        self.skip_connections = skip_connections
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    # ------------------------------------------------------------ fitting
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network; with ``warm_start=True``, go on training it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples. Float32 and float64 are read in place, other numbers a mini-batch
            at a time; nothing is copied as a whole.
        y : structured array of shape (n_samples,)
            Two fields, as in scikit-survival: a boolean, whether an event was seen, and its time,
            or else the time until which there was none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping; None: with
            ``early_stopping=True``, a fraction of the training samples.
        y_val : structured array of shape (n_val,), default=None
            Their events and times.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : TrulySparseMLPSurvival
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @method_if(BaseSparseSurvival._check_that_streams_make_sense)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, *, sample_weight=None):
        """Train for one epoch on a chunk of a stream.

        Risk sets are those of the chunk, and the baseline hazard afterwards is the chunk's, too.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of samples.
        y : structured array of shape (n_samples,)
            Their events and times.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : TrulySparseMLPSurvival
            The estimator, trained further.

        Raises
        ------
        ValueError
            If the chunk holds no event with a positive weight, from which nothing can be learned:
            make chunks larger.
        """
        return self._partial_fit(X, y, sample_weight)

    # ------------------------------------------------------------ predicting

    def predict(self, X):
        """Return the risk of each sample: the higher, the earlier an event is expected.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Log hazard ratios.
        """
        return self._outputs(X)[:, 0]

    def predict_cumulative_hazard_function(self, X, return_array=False):
        """Return the cumulative hazard of each sample by Breslow's estimate.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        return_array : bool, default=False
            Whether to return values at ``unique_times_`` instead of functions.

        Returns
        -------
        ndarray of shape (n_samples,) of functions of time, or (n_samples, n_times) of float64
            The functions have attributes ``x`` and ``y`` and take times up to the last.
        """
        fitted = self._twin()
        hazards = fitted._hazards(X)
        return hazards if return_array else fitted._step_functions(hazards, 0.0)

    def predict_survival_function(self, X, return_array=False):
        """Return the probability of each sample that no event comes up to a time.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        return_array : bool, default=False
            Whether to return values at ``unique_times_`` instead of functions.

        Returns
        -------
        ndarray of shape (n_samples,) of functions of time, or (n_samples, n_times) of float64
            The functions have attributes ``x`` and ``y`` and take times up to the last.
        """
        fitted = self._twin()
        survival = np.exp(-fitted._hazards(X))
        return survival if return_array else fitted._step_functions(survival, 1.0)
