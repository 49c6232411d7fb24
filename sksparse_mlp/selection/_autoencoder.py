"""SparseAutoencoderSelector: the features that an autoencoder relies on."""

from functools import partial
from typing import ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._estimator import defaults
from .._estimator.architecture import Architecture, layer_sizes
from .._estimator.base import BaseSparseMLP, plain_parameters
from .._estimator.compat import CallbackReporter, fit_context
from .._estimator.constraints import AT_LEAST_ONE, NOT_NEGATIVE, PARAMETER_CONSTRAINTS
from .._estimator.fitting import train
from .._training.data import TrainingData
from .._training.importance import ImportanceRecorder
from .._training.options import TrainingOptions
from ._best import BestFeatures
from ._scaling import standardised


class SparseAutoencoderSelector(BestFeatures, BaseSparseMLP):
    """Select the features that say most about all others, without class labels.

    QuickSelection [1]_: a truly sparse network learns to reconstruct its inputs from noisy ones
    through a hidden layer, while its connections move to where they help most. The score of a
    feature is its strength, the sum of the magnitudes of its connections, added up over the
    epochs.

    The network sees a standardised copy of X, so that no unit decides what is strong. If most of
    its numbers are zero, as in counts of cells or words, it is not centred, and a CSR matrix is
    never made dense as a whole.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=1000
        Number of hidden neurons; several layers make a deeper autoencoder.

    k : int, default=None
        How many features to select: those with the highest scores.

    threshold : float or str, default=None
        The lowest score to select: a number, "mean", "median" or a multiple such as "1.25*mean".
        None, where ``k`` is None too: "mean". Give one of the two; both may be changed after
        ``fit``, without another one.

    activation : {"tanh", "logistic", "relu", "all_relu", "srelu", "leaky_relu", "identity"}, \
default="tanh"
        How a hidden neuron responds to its input, as in
        :class:`~sksparse_mlp.TrulySparseMLPClassifier`. Outputs are linear.

    epsilon : float or sequence of float, default=13
        Sets how many connections there are: a layer between n_in and n_out neurons has
        ``round(epsilon * (n_in + n_out))`` of them, at most ``n_in * n_out``.

    zeta : float, default=0.2
        The fraction of a layer's connections that moves after each epoch, in [0, 1).

    input_noise : float, default=0.2
        Standard deviation of the random numbers that are added to the inputs, new ones in each
        training step, while the targets stay clean. Not negative.

    dropout : float, default=0.2
        The share of hidden neurons that a training step leaves out at random, in [0, 1).

    solver : {"sgd", "adam"}, default="sgd"
        How the weights follow their gradients.

    learning_rate_init : float, default=0.01
        The step size at the beginning, positive. It falls to zero along half a cosine.

    momentum : float, default=0.9
        How much of its last step "sgd" repeats, in [0, 1).

    weight_decay : float, default=0.001
        Each step shrinks every weight by this fraction of the step size, not negative.

    batch_size : int or "auto", default=100
        Number of samples from which one training step is computed. "auto": all samples up to
        512, else 128.

    max_iter : int, default=100
        Number of epochs, that is passes over the data. 10 are often enough.

    verbose : bool or int, default=False
        Whether to print a line after each epoch.

    random_state : int, RandomState instance or None, default=None
        Seed of everything that is random: the same int selects the same features.

    n_jobs : int or None, default=None
        Number of threads that compute. None: 1, or what a :mod:`joblib` context says; -1: all
        processors. It changes the time and never the result.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features_in_,)
        The score of each feature, read-only. They add up to one.
    feature_importances_ : ndarray of shape (n_features_in_,)
        The same.
    coefs_ : list of scipy.sparse.csr_array
        The connections of each layer, of shape (n_in, n_out), read-only.
    intercepts_ : list of ndarray
        The intercepts of each layer, of shape (n_out,), read-only.
    n_connections_ : tuple of int
        The number of connections of each layer. No training changes it.
    history_ : dict of list
        One entry an epoch: "loss", "learning_rate", "seconds", "n_connections",
        "connections_rewired" and, of each layer, "connections_by_layer", "rewired_by_layer" and
        "explored_by_layer", the share of all possible connections that have been tried so far.
    loss_curve_ : list of float
        The mean squared error of the reconstruction in each epoch.
    loss_ : float
        The last of them.
    best_loss_ : float
        The smallest of them.
    n_iter_ : int
        Number of epochs.
    t_ : int
        Number of samples seen in training, repetitions counted.
    n_layers_ : int
        Number of layers of neurons, inputs and outputs included.
    n_outputs_ : int
        Number of output neurons: one for each feature.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.

    See Also
    --------
    SparseMLPFeatureSelector : Selects with class labels.

    Notes
    -----
    The original draws the noise once for the whole data set, here it is new in each step. Its
    hidden neurons are logistic, its learning rate is constant, its connections move until the
    end, new ones get weights as large as the first ones, and only the strength in the last epoch
    counts. Here, hidden neurons are "tanh": with logistic ones, whose outputs are never centred,
    features that nothing else tells about win when training lasts long. New weights are small, so
    that a connection has to earn its strength; connections stay where they are in the last
    quarter of the training; and all epochs count.

    What can be reconstructed need not tell classes apart: on gene expression, a classifier fared no
    better with features chosen so than with random ones. Select with labels where there are any.

    References
    ----------
    .. [1] Atashgahi, Z., Sokar, G., van der Lee, T., Mocanu, E., Mocanu, D. C., Veldhuis, R.,
           Pechenizkiy, M. (2022). Quick and robust feature selection: the strength of
           energy-efficient sparse training for autoencoders. Machine Learning 111, 377-414.

    Examples
    --------
    >>> from scipy.sparse import random_array
    >>> from sksparse_mlp import SparseAutoencoderSelector
    >>> X = random_array((100, 400), density=0.05, format="csr", rng=0)
    >>> selector = SparseAutoencoderSelector(50, k=30, max_iter=5, random_state=0)
    >>> selector.fit_transform(X).shape
    (100, 30)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BestFeatures._parameter_constraints,
        **{
            name: PARAMETER_CONSTRAINTS[name]
            for name in (
                "activation", "epsilon", "zeta", "dropout", "solver", "learning_rate_init",
                "momentum", "weight_decay", "batch_size", "verbose", "random_state", "n_jobs",
            )
        },
        "hidden_layer_sizes": ["array-like", AT_LEAST_ONE],
        "input_noise": [NOT_NEGATIVE],
        "max_iter": [AT_LEAST_ONE],
    }  # fmt: skip

    def __init__(
        self,
        hidden_layer_sizes=1000,
        *,
        k=None,
        threshold=None,
        activation="tanh",
        epsilon=13,
        zeta=0.2,
        input_noise=0.2,
        dropout=0.2,
        solver="sgd",
        learning_rate_init=0.01,
        momentum=0.9,
        weight_decay=1e-3,
        batch_size=100,
        max_iter=100,
        verbose=False,
        random_state=None,
        n_jobs=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.k = k
        self.threshold = threshold
        self.activation = activation
        self.epsilon = epsilon
        self.zeta = zeta
        self.input_noise = input_noise
        self.dropout = dropout
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the autoencoder and score the features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.
        y : Ignored
            Not used; here for the interface of a pipeline.

        Returns
        -------
        self : SparseAutoencoderSelector
            The fitted selector.
        """
        twin, recorder = self._twin(), ImportanceRecorder("strength")
        X = twin._validate_X(X, reset=True)
        n_samples, n_features = X.shape
        twin._check_choice(n_features)
        trainer = train(
            twin._architecture(n_features),
            TrainingData(
                standardised(X), np.arange(n_samples), None, np.ones(n_samples, np.float32)
            ),
            twin._options(n_samples),
            streams=twin._new_streams(),
            n_jobs=twin.n_jobs,
            report=partial(self._reporter, {"X": X, "y": y}),
            observe=recorder.observe,
        )
        twin._set_training_figures(trainer)
        twin.scores_ = recorder.normalised()
        with self._published(twin):
            trainer.reporter.fit_ends()
        if trainer.interrupted:
            self._raise_interrupt(stacklevel=4)
        return self

    def _architecture(self, n_features):
        widths, n_connections = layer_sizes(
            n_features,
            self.hidden_layer_sizes,
            n_features,
            epsilon=self.epsilon,
            solver=self.solver,
        )
        return Architecture(
            widths=widths,
            n_connections=n_connections,
            activation=self.activation,
            activation_slope=0.6,
            weight_init="he_uniform",
            weight_init_gain=0.1,
            solver=self.solver,
        )

    def _options(self, n_samples):
        """The estimator's own choices, and the parameters of the same names."""
        own = {
            "loss": "reconstruction",
            "learning_rate": "cosine",
            "evolution_end": 0.75,
            "tol": 0.0,
            "batch_size": defaults.batch_size(self.batch_size, n_samples, stream=False),
        }
        names = set(TrainingOptions.__dataclass_fields__) & set(self.get_params()) - set(own)
        return TrainingOptions(**own, **plain_parameters(self, names))

    def _reporter(self, data, n_epochs, trainer):
        return CallbackReporter(self, data, n_epochs, lambda: {"_network": trainer.model.copy()})

    @property
    def feature_importances_(self):
        """The score of each feature."""
        check_is_fitted(self)
        return self.scores_
