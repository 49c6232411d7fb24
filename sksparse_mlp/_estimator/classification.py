"""How a classifier is trained: from X and y to a network, each step by arguments and results."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_array, check_is_fitted

from .._training.checkpoint import Checkpoint
from .._training.data import TrainingData
from .._training.identity import identity_of_fit
from .._training.options import TrainingOptions
from . import defaults
from .anova import class_moments, growth_preferences
from .architecture import Architecture, layer_sizes
from .base import BaseSparseMLP, plain_parameters
from .compat import CallbackReporter
from .fitting import train
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
from .prior import Prior, prior_of
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
        options = self._options(n_samples, *shape, stream)
        prior = self._prior_of_stream(data, network) if stream else self._prior(data, options)
        self._direct_network, self._direct_weight = prior.direct_network, prior.direct_weight
        self.temperature_ = self._temperature(*shape, prior.direct_weight)
        return train(
            self._architecture(sizes, prior),
            data,
            options,
            streams=streams,
            network=network,
            n_jobs=self.n_jobs,
            stream=stream,
            report=report,
            validate=None if held_out is None else HeldOutFigures(self, held_out),
            observe=self._observe,
            checkpoint=self._checkpoint(data, held_out, streams, network),
        )

    def _layer_sizes(self, n_features):
        return layer_sizes(
            n_features,
            self.hidden_layer_sizes,
            len(self.classes_),
            epsilon=self.epsilon,
            density=self.density,
            solver=self.solver,
        )

    def _options(self, n_samples, n_samples_in_all, n_features, stream):
        """How to train: the parameters of the same names, each "auto" resolved."""
        values = plain_parameters(self, TrainingOptions.__dataclass_fields__)
        batch = values["batch_size"] = defaults.batch_size(self.batch_size, n_samples, stream)
        if self.max_iter == "auto":
            values["max_iter"] = defaults.n_epochs(n_samples, batch)
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

    def _prior(self, data, options):
        """What the training data say before training."""
        return prior_of(
            data,
            len(self.classes_),
            guided=options.evolution == "guided",
            guidance=self.guidance,
            direct_path=self.direct_path,
        )

    def _prior_of_stream(self, data, network):
        """That of the network that a stream goes on with; "guided" growth must have preferences."""
        prior = Prior()
        if network is not None:
            prior = Prior(network.input_preferences, self._direct_network, self._direct_weight)
        if self.evolution not in ("auto", "guided"):
            return prior._replace(input_preferences=None)
        if self.evolution == "guided" and prior.input_preferences is None:
            preferences = growth_preferences(class_moments(data).separation(), self.guidance)
            return prior._replace(input_preferences=preferences)
        return prior

    def _temperature(self, n_samples, n_features, direct_weight):
        """``temperature``, "auto" resolved."""
        if self.temperature != "auto":
            return plain_parameters(self, ["temperature"])["temperature"]
        return defaults.temperature(n_samples, n_features, direct_weight)

    def _architecture(self, sizes, prior):
        widths, n_connections = sizes
        return Architecture(
            widths=widths,
            n_connections=n_connections,
            activation=self.activation,
            activation_slope=self.activation_slope,
            weight_init=self.weight_init,
            weight_init_gain=float(self.weight_init_gain),
            solver=self.solver,
            growth="set" if prior.input_preferences is None else "guided",
            input_preferences=prior.input_preferences,
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

    def _set_fitted(self, trainer, n_samples, earlier=None):
        """Set the fitted attributes of a training, in which this number of samples was seen."""
        self._set_training_figures(trainer, earlier)
        self._n_samples = n_samples
        scores = self.validation_scores_ = stored(self, "history_").get("validation_score")
        self.best_epoch_ = self.best_validation_score_ = None
        if self.early_stopping:
            self.best_epoch_ = trainer.stopping.best_epoch + 1
            self.best_validation_score_ = scores[trainer.stopping.best_epoch]
            self.best_loss_ = None

    # ------------------------------------------------------------ fitted attributes

    classes_ = FittedAttribute("The class labels, sorted: array of shape (n_classes,), read-only.")
    validation_scores_ = FittedAttribute("The score in each epoch: list, a copy; or None.")

    # ------------------------------------------------------------ predicting

    def _logits(self, X):
        """Tempered logits of raw X, float64."""
        check_is_fitted(self)
        X = self._validate_X(X, reset=False)
        outputs = self._forward(X).astype(np.float64) + self._direct_outputs(X)
        return outputs / self.temperature_

    def _direct_outputs(self, X, team=None, **which):
        """Those of the direct path alone; 0.0 without one."""
        if self._direct_network is None:
            return 0.0
        return self._forward(X, self._direct_network, team, **which)
