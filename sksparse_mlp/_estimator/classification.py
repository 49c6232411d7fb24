"""How a classifier is trained: from X and y to a network, each step by arguments and results."""

from functools import partial

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_array, check_is_fitted

from .._network.team import Team
from .._training.checkpoint import Checkpoint
from .._training.data import TrainingData
from .._training.identity import identity_of_fit
from .._training.importance import SAMPLES_PER_EPOCH, importances, some_samples
from .._training.linear_start import start_skip_layer
from .._training.options import TrainingOptions
from . import defaults
from .anova import class_moments, growth_preferences, input_scale
from .architecture import Architecture, layer_sizes
from .base import BaseSparseMLP, plain_parameters
from .compat import CallbackReporter
from .fitting import threads_worth_waking, train
from .handed_out import FittedAttribute, stored
from .held_out import HeldOutFigures, stratified_fraction
from .labels import (
    checked_weight,
    class_numbers,
    classes_of,
    readable_labels,
    training_samples,
    weighted_by_class,
)
from .unscaled import warn_if_far_from_zero

# Parameters that never change the result of a fit, or that its identity knows otherwise.
NOT_IN_IDENTITY = {
    "checkpoint",
    "checkpoint_interval",
    "verbose",
    "n_jobs",
    "random_state",  # the streams that it seeds are in it
    "warm_start",  # the network that it goes on with is in it
}


class BaseSparseClassifier(ClassifierMixin, BaseSparseMLP):
    """Everything about a classifier but its parameters, their documentation and its methods."""

    # ------------------------------------------------------------ data

    def _classes_to_fit(self, y, going_on):
        classes = classes_of(y)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes; y "
                f"(n_samples={len(y)}) contains 1 class: {classes.tolist()}."
            )
        if going_on and not np.array_equal(classes, self.classes_):
            raise ValueError(
                "warm_start=True goes on with the same classes: the network was fitted with "
                f"{self.classes_}, y holds {classes}."
            )
        return classes

    def _training_data(self, X, y, sample_weight):
        """Class numbers, and weights from ``sample_weight`` and ``class_weight``."""
        targets = class_numbers(y, self.classes_, "y")
        sample_weight = checked_weight(sample_weight, X, "sample_weight")
        sample_weight = weighted_by_class(sample_weight, targets, self.class_weight, self.classes_)
        if not sample_weight.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} leaves nothing to learn from: the data "
                f"(n_samples={X.shape[0]}) contains 0 classes of positive weight."
            )
        data = training_samples(X, targets, sample_weight, self.batch_size)
        warn_if_far_from_zero(data)
        return data

    def _split(self, data, streams, X_val, y_val, sample_weight_val):
        """The samples to train on, and those to validate with, or None."""
        if (X_val is None) != (y_val is None):
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(f"{given} was given without {missing}: give both or none.")
        if X_val is not None:
            return data, self._validation_data(X_val, y_val, sample_weight_val)
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val: give all.")
        if not self.early_stopping:
            return data, None
        held_out = stratified_fraction(
            data, len(self.classes_), self.validation_fraction, streams.splitting
        )
        return tuple(
            data._replace(samples=data.samples[chosen]) for chosen in (~held_out, held_out)
        )

    def _validation_data(self, X_val, y_val, sample_weight_val):
        y_val = readable_labels(y_val, "y_val")
        try:
            X_val = self._validate_X(X_val, reset=False)
        except ValueError as error:
            raise ValueError(f"X_val: {error}") from error
        y_val = check_array(y_val, ensure_2d=False, dtype=None, input_name="y_val")
        check_consistent_length(X_val, y_val)
        targets = class_numbers(y_val, self.classes_, "y_val")
        weight = checked_weight(sample_weight_val, X_val, "sample_weight_val")
        return TrainingData(X_val, np.arange(X_val.shape[0]), targets, weight)

    # ------------------------------------------------------------ training

    def _learn(self, data, streams, *, network=None, held_out=None, stream=False, report=None):
        """Train; everything that a callback or a scorer may ask for is set before.

        Parameters
        ----------
        data : TrainingData
        streams : Streams
            Seeds of a new network.
        network : SparseNetwork or None
            The fitted network to go on with.
        held_out : TrainingData or None
            Validation samples.
        stream : bool
            Whether the data are a part of a stream.
        report : callable or None
            See :func:`.fitting.train`.

        Returns
        -------
        Trainer
            After the training.
        """
        n_samples, n_features = data.samples.size, data.X.shape[1]
        n_seen = self._n_samples if stream and network is not None else 0
        shape = (n_samples + n_seen, n_features)
        sizes = self._layer_sizes(n_features)
        going_on = network is not None
        refines = not going_on and len(sizes[0]) == len(sizes[1])
        options = self._options(n_samples, *shape, stream, refines)
        moments = self._moments(data, options, sizes, stream, going_on)
        preferences = self._input_preferences(data, moments, options, network, stream)
        self.temperature_ = self._temperature(*shape)
        return train(
            self._architecture(sizes, preferences),
            data,
            options,
            streams=streams,
            network=network,
            n_jobs=self.n_jobs,
            stream=stream,
            start=None if going_on else self._start(data, options, sizes, moments, stream),
            explains=True,
            report=report,
            validate=None if held_out is None else HeldOutFigures(self, held_out),
            observe=self._observe,
            checkpoint=self._checkpoint(data, held_out, streams, network),
        )

    def _skip_start(self, stream):
        """``skip_connections``, "auto" resolved: a stream has no exact solution."""
        if self.skip_connections == "auto":
            return "zero" if stream else "exact"
        return self.skip_connections

    def _moments(self, data, options, sizes, stream, going_on):
        """Moments of the inputs by class, where something needs them."""
        has_skip = len(sizes[0]) == len(sizes[1])
        starts = has_skip and self._skip_start(stream) == "exact" and not going_on
        keeps = stream and going_on and self._network.input_preferences is not None
        guided = options.evolution == "guided" and not keeps
        return class_moments(data) if starts or guided else None

    def _input_preferences(self, data, moments, options, network, stream):
        """How much growth prefers each input; a stream keeps those of its network."""
        if stream and network is not None and self.evolution == "auto":
            return network.input_preferences
        if options.evolution != "guided":
            return None
        if stream and network is not None and network.input_preferences is not None:
            return network.input_preferences
        return growth_preferences(moments.separation(), self._guidance(data))

    def _guidance(self, data):
        """``guidance``; where "auto" chose to guide, the less the more samples there are."""
        if self.evolution != "auto":
            return self.guidance
        return self.guidance * defaults.scarcity(data.samples.size, data.X.shape[1])

    def _start(self, data, options, sizes, moments, stream):
        """What sets the skip layer of a new network, or None."""
        if len(sizes[0]) != len(sizes[1]) or self._skip_start(stream) != "exact":
            return None
        mean, scale = moments.mean, input_scale(moments)
        batch_size = options.batch_size  # the same kernels
        return partial(start_skip_layer, data=data, mean=mean, scale=scale, batch_size=batch_size)

    def _layer_sizes(self, n_features):
        return layer_sizes(
            n_features,
            self.hidden_layer_sizes,
            len(self.classes_),
            epsilon=self.epsilon,
            density=self.density,
            skip=self.skip_connections is not None,
            solver=self.solver,
        )

    def _options(self, n_samples, n_samples_in_all, n_features, stream, refines):
        """How to train: the parameters of the same names, each "auto" resolved."""
        values = plain_parameters(self, TrainingOptions.__dataclass_fields__)
        batch = values["batch_size"] = defaults.batch_size(self.batch_size, n_samples, stream)
        if self.max_iter == "auto":
            refines &= self._skip_start(stream) == "exact" and self.learning_rate == "cosine"
            values["max_iter"] = defaults.n_epochs(n_samples, n_features, batch, refines)
        if self.evolution_interval == "auto":
            total_steps = values["max_iter"] * -(-n_samples // batch)
            interval = defaults.evolution_interval(total_steps, self.evolution_end)
            values["evolution_interval"] = "epoch" if stream else interval
        if self.evolution == "auto":
            rule = "set" if stream else defaults.evolution(n_samples, n_features)
            values["evolution"] = rule
        if self.input_noise == "auto":
            values["input_noise"] = defaults.input_noise(n_samples_in_all, n_features)
        return TrainingOptions(**values)

    def _temperature(self, n_samples, n_features):
        """``temperature``, "auto" resolved."""
        if self.temperature != "auto":
            return plain_parameters(self, ["temperature"])["temperature"]
        return defaults.temperature(n_samples, n_features)

    def _architecture(self, sizes, preferences):
        widths, n_connections = sizes
        return Architecture(
            widths=widths,
            n_connections=n_connections,
            activation=self.activation,
            activation_slope=self.activation_slope,
            weight_init=self.weight_init,
            weight_init_gain=float(self.weight_init_gain),
            solver=self.solver,
            growth="set" if preferences is None else "guided",
            input_preferences=preferences,
        )

    def _checkpoint(self, data, held_out, streams, network):
        """The file that keeps this fit's state, if there is one; it knows the fit by all it is."""
        if self.checkpoint is None:
            return None
        parameters = self.get_params(deep=False)
        parameters = {name: v for name, v in parameters.items() if name not in NOT_IN_IDENTITY}
        identity = identity_of_fit(parameters, self.classes_, data, held_out, streams, network)
        return Checkpoint(self.checkpoint, self.checkpoint_interval, identity)

    def _reporter(self, data, twin, n_epochs, network):
        """Tells scikit-learn's callbacks of this estimator how its twin is being fitted."""

        def fitted_attributes():
            return {**self._news_of(twin), "_network": network.copy()}

        return CallbackReporter(self, data, n_epochs, fitted_attributes)

    def _set_fitted(self, trainer, n_samples, earlier=None, at_most=SAMPLES_PER_EPOCH):
        """Set the fitted attributes of a training, in which this number of samples was seen."""
        self._set_training_figures(trainer, earlier)
        self._n_samples = n_samples
        self._importances = self._importances_of(trainer, at_most)
        scores = self.validation_scores_ = stored(self, "history_").get("validation_score")
        self.best_epoch_ = self.best_validation_score_ = None
        if self.early_stopping:
            self.best_epoch_ = trainer.stopping.best_epoch + 1
            self.best_validation_score_ = scores[trainer.stopping.best_epoch]
            self.best_loss_ = None

    def _importances_of(self, trainer, at_most):
        """Importances of the inputs in the trained network, judged by at most this many samples."""
        network = trainer.network
        data = trainer.data._replace(samples=some_samples(network, trainer.data, at_most))
        spread = np.sqrt(class_moments(trainer.data).variance)
        if at_most < SAMPLES_PER_EPOCH and not spread.any():  # a chunk of one sample has none
            spread = np.ones_like(spread)
        n_samples = data.samples.size
        n_threads = threads_worth_waking(self.n_jobs, network.n_connections, n_samples)
        with Team(n_threads) as team:
            return importances(network, data, spread, team)

    # ------------------------------------------------------------ fitted attributes

    classes_ = FittedAttribute("The class labels, sorted: array of shape (n_classes,), read-only.")
    validation_scores_ = FittedAttribute("The score in each epoch: list, a copy; or None.")

    # ------------------------------------------------------------ predicting

    def _logits(self, X):
        """Tempered logits of raw X, float64."""
        check_is_fitted(self)
        X = self._validate_X(X, reset=False)
        return self._forward(X).astype(np.float64) / self.temperature_
