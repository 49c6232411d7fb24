"""TrulySparseMLPRegressor: numbers and losses around a sparse network."""

from numbers import Real
from typing import ClassVar

from sklearn.metrics import get_scorer_names

from ._estimator.compat import Interval, StrOptions, fit_context, method_if
from ._estimator.constraints import PARAMETER_CONSTRAINTS, POSITIVE
from ._estimator.documentation import described_as_in
from ._estimator.regression import BaseSparseRegressor
from .classifier import TrulySparseMLPClassifier


@described_as_in(TrulySparseMLPClassifier)
class TrulySparseMLPRegressor(BaseSparseRegressor):
    """Multilayer perceptron for numbers, sparse from the first step to the last, rewiring itself.

    The regressor beside :class:`TrulySparseMLPClassifier`: the same networks, of which only a fixed
    number of connections exists, and which drop the weakest of them while they learn and grow as
    many elsewhere [1]_ [2]_. Drug response, age or the expression of a gene from thousands of
    others are what it is made for.

    Standardise the inputs first, for example with
    :class:`~sklearn.preprocessing.StandardScaler`; it is best to put both into a pipeline. Targets
    are standardised inside, by the samples that ``fit`` is given, or ``partial_fit`` at first.

    Parameters
    ----------
    %(hidden_layer_sizes)s

    loss : {"squared_error", "absolute_error", "huber", "quantile"}, default="squared_error"
        What is trained, of the error e of each target in units of ``target_scale_``.
        "squared_error": ``e ** 2 / 2``, which leads to the mean; "absolute_error": ``abs(e)``,
        to the median; "huber": squared up to ``huber_delta`` and linear beyond, so that outliers
        count less; "quantile" [21]_: ``quantile * -e`` of predictions that are too low and
        ``(1 - quantile) * e`` of those that are too high, to the ``quantile``.

    quantile : float, default=0.5
        Which quantile loss="quantile" predicts, between 0 and 1; no effect on others.

    huber_delta : float, default=1.0
        Where loss="huber" begins to be linear, in units of ``target_scale_``, positive; no effect
        on others.

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
        the target, of several targets their mean. Of products of two inputs what is beyond chance
        counts, too, for both: times ``max(0, 1 - n_features / n_samples)``. At least a hundredth is
        laid at random. In [0, 1]. "auto": ``0.95 - 0.45 * min(1, n_features / n_samples)``.

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

    max_iter : int or "auto", default="auto"
        The largest number of epochs, that is passes over the data. "auto": with fewer features than
        samples, of which there are 50, and a skip layer that starts "fitted", what one to five
        pilots find: trainings on four fifths of the samples, of up to 200 steps, or 1200 and at
        least 40 passes in mini-batches, are watched on the others, and a fit takes two to six times
        as long; the largest number with over 10,000 samples. Else, and with ``early_stopping``,
        ``averaging`` or another ``learning_rate``, as with :class:`TrulySparseMLPClassifier`.

    %(shuffle)s

    %(tol)s

    %(n_iter_no_change)s

    %(early_stopping)s

    validation_fraction : float, default=0.1
        The share of the samples that ``early_stopping`` sets apart if there is no ``X_val``, in
        (0, 1).

    scoring : str, callable or None, default=None
        What ``early_stopping`` looks at: the name of a scikit-learn metric such as
        "neg_mean_absolute_error", or a callable ``scorer(estimator, X, y)``. None: the validation
        loss.

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
    target_center_ : ndarray of shape (n_outputs_,)
        What is taken from each target before training: its weighted mean; for another loss than
        "squared_error" its median, which outliers do not move.
    target_scale_ : ndarray of shape (n_outputs_,)
        What it is then divided by: the weighted standard deviation; or 1.4826 times the median
        absolute deviation. Near ties, where this is next to nothing, mean and deviation are taken.
    %(coefs_)s
    skip_coef_ : scipy.sparse.csr_array of shape (n_features_in_, n_outputs_) or None
        The connections of the skip layer, likewise; None without one.
    %(intercepts_)s
    %(srelu_)s
    %(n_connections_)s
    %(stable_neurons_)s
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each input moves the output: the mean over up to 512 training samples (32 in
        ``partial_fit``) of ``|dz / dx|``, of the skip layer or the hidden ways, whichever is more,
        times the deviation of the input; samples take outputs z in turns. They add up to one.
    %(history_)s
    %(loss_curve_)s
    %(loss_)s
    %(best_loss_)s
    validation_scores_ : list of float or None
        The validation score in each epoch: of ``scoring``, or R^2.
    %(best_epoch_)s
    %(best_validation_score_)s
    %(n_iter_)s
    %(t_)s
    %(n_features_in_)s
    %(feature_names_in_)s
    %(n_layers_)s
    n_outputs_ : int
        Number of output neurons: one for each target.
    %(activation_)s
    out_activation_ : str
        "identity".

    See Also
    --------
    TrulySparseMLPClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : Dense multilayer perceptron.

    Notes
    -----
    What the notes of :class:`TrulySparseMLPClassifier` say holds here, too. The fitted attributes
    are the whole model: with the activation function f, these lines give what ``predict`` gives::

        a = X
        for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1]):
            a = f(a @ W + b)
        z = a @ model.coefs_[-1] + model.intercepts_[-1] + X @ model.skip_coef_
        y = z * model.target_scale_ + model.target_center_

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
    .. [21] Koenker, R., Bassett, G. (1978). Regression quantiles. Econometrica 46, 33-50.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksparse_mlp import TrulySparseMLPRegressor
    >>> X, y = make_regression(200, 1000, n_informative=10, noise=5, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = make_pipeline(StandardScaler(), TrulySparseMLPRegressor(random_state=0))
    >>> model.fit(X_train, y_train).predict(X_test[:5]).shape
    (5,)
    """

    _parameter_constraints: ClassVar[dict] = {
        **{n: c for n, c in PARAMETER_CONSTRAINTS.items() if n != "temperature"},
        "loss": [StrOptions({"squared_error", "absolute_error", "huber", "quantile"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "huber_delta": [POSITIVE],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    }

    def __init__(
        self,
        hidden_layer_sizes="auto",
        *,
        loss="squared_error",
        quantile=0.5,
        huber_delta=1.0,
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
        scoring=None,
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
        self.loss = loss
        self.quantile = quantile
        self.huber_delta = huber_delta
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping; None: with
            ``early_stopping=True``, a fraction of the training samples.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of ``X_val``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : TrulySparseMLPRegressor
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @method_if(BaseSparseRegressor._check_that_streams_make_sense)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, *, sample_weight=None):
        """Train for one epoch on a chunk of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets. The first chunk of a stream decides how they are standardised: it should
            hold many samples. Where all targets in it are equal, ``target_scale_`` is 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : TrulySparseMLPRegressor
            The estimator, trained further.
        """
        return self._partial_fit(X, y, sample_weight)

    # ------------------------------------------------------------ predicting

    def predict(self, X):
        """Return the predicted targets of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            As y of ``fit``.
        """
        fitted = self._twin()  # another thread may fit this one anew meanwhile
        outputs = fitted._outputs(X)
        return fitted._task.predicted(outputs)
