"""How an estimator with targets is trained: from X and y to a network, by arguments and results."""

from functools import partial

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from .._network.activations import srelu_of_levels
from .._network.views import read_only
from .._training.checkpoint import Checkpoint, check_checkpoint
from .._training.data import TrainingData
from .._training.identity import identity_of_fit
from .._training.interrupt import deferred_interrupt
from .base import BaseSparseMLP
from .compat import CallbackReporter
from .fitting import train
from .handed_out import FittedAttribute, read_only_csr, stored
from .held_out import HeldOut, HeldOutFigures, held_out_fraction
from .plan import Shape, plan_training
from .unscaled import warn_if_unscaled
from .weights import checked_weight, training_samples

# Parameters that never change the result of a fit, or that its identity knows otherwise.
NOT_IN_IDENTITY = {
    "checkpoint",
    "checkpoint_interval",
    "verbose",
    "n_jobs",
    "random_state",  # the streams that it seeds are in it
    "warm_start",  # the network that it goes on with is in it
}


SET_BY_ENSEMBLES = ("_forbidden", "_n_frozen")


class BaseSupervisedMLP(BaseSparseMLP):
    """Everything but the meaning of y, which subclasses say.

    ``_task`` is what the network is to learn, a :class:`.tasks.Task`; ``_read_y`` makes y readable,
    ``_set_targets`` finds out what the task is about, and ``_weighted`` what samples weigh.
    """

    # What an ensemble sets on its own members for a fit: cells of each layer where no connection
    # may lie, and how many of the first layers stay as they are.
    _forbidden, _n_frozen = None, 0
    _not_in_identity = NOT_IN_IDENTITY
    # How long to train with max_iter="auto", where more than the shape of the data tells.
    _n_epochs = None

    # ------------------------------------------------------------ fitting

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        twin = self._twin()
        check_checkpoint(twin.checkpoint, twin.random_state, twin._observe is not None)
        network = twin._network if twin.warm_start and twin.__sklearn_is_fitted__() else None
        X, y = twin._validate_X(X, twin._read_y(y, "y"), reset=network is None)
        sample_weight = checked_weight(sample_weight, X, "sample_weight")
        twin._set_targets(y, sample_weight, going_on=network is not None)
        data = twin._training_data(X, y, sample_weight)
        streams = twin._new_streams() if network is None else network.streams
        data, held_out = twin._split(data, y, streams, X_val, y_val, sample_weight_val)
        report = partial(self._reporter, {"X": X, "y": twin._shown(y)}, twin, data=data)
        how = {"network": network, "held_out": held_out, "report": report}
        how["checkpoint"] = twin._checkpoint(data, held_out, streams, network)
        trainer = twin._learn(data, streams, **how)
        return self._finish(twin, trainer, n_samples=data.samples.size)

    def _finish(self, twin, trainer, n_samples):
        """Become what a training has made of a twin, and say how it ended."""
        with deferred_interrupt() as interrupt:
            twin._set_fitted(trainer, n_samples)
        trainer.interrupted |= interrupt.requested
        with self._published(twin):
            trainer.reporter.fit_ends()
            self._warn_if_too_short(trainer)
        if trainer.interrupted:
            self._raise_interrupt(stacklevel=6)
        return self

    def _partial_fit(self, X, y, sample_weight, **first):
        """Go on with a chunk; ``first`` is what the first call knows of the whole stream."""
        twin = self._twin()
        is_first = not twin.__sklearn_is_fitted__()
        twin._set_classes(**first)
        X, y = twin._validate_X(X, twin._read_y(y, "y"), reset=is_first)
        sample_weight = checked_weight(sample_weight, X, "sample_weight")
        twin._set_targets_of_stream(y, sample_weight, is_first=is_first)
        network = None if is_first else twin._network
        data = twin._training_data(X, y, sample_weight)
        streams = twin._new_streams() if network is None else network.streams
        trainer = twin._learn(data, streams, network=network, stream=True)
        n_samples, earlier = data.samples.size, None
        if network is not None:
            n_samples, earlier = n_samples + twin._n_samples, stored(twin, "history_")
        with deferred_interrupt() as interrupt:
            twin._set_fitted(trainer, n_samples, earlier)
            self._publish(twin)
        if trainer.interrupted or interrupt.requested:
            self._raise_interrupt(stacklevel=5)
        return self

    def _set_classes(self):
        """Take note of the classes that a stream will have."""

    def _shown(self, y):
        """A y that was read, as callbacks are to see it."""
        return y

    def _check_that_streams_make_sense(self):
        if self.averaging is not None:
            raise ValueError(
                f"averaging={self.averaging!r} has no meaning for partial_fit: a stream has no "
                "last part, whose weights could be averaged. Set averaging=None."
            )
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True has no meaning for partial_fit, which trains for one epoch: "
                "set early_stopping=False."
            )
        if self.checkpoint is not None:
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} has no meaning for partial_fit, which trains "
                "for one epoch: pickle the estimator between the calls."
            )

    @property
    def _scoring(self):
        """What early stopping looks at; None: the validation loss."""
        return self.scoring

    # ------------------------------------------------------------ data

    def _training_data(self, X, y, sample_weight):
        """The samples to learn from, with their targets and weights."""
        targets = self._task.encoded(y, "y")
        weight = self._weighted(sample_weight, targets)
        data = training_samples(X, targets, weight, self.batch_size)
        warn_if_unscaled(data, stacklevel=6)
        return data

    def _weighted(self, sample_weight, targets):
        """What the samples weigh in training."""
        return sample_weight

    def _split(self, data, y, streams, X_val, y_val, sample_weight_val):
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
        strata = self._task.strata(data.targets[data.samples])
        chosen = held_out_fraction(strata, self.validation_fraction, streams.splitting)
        train, test = (data._replace(samples=data.samples[c]) for c in (~chosen, chosen))
        return train, HeldOut(test, y)

    def _validation_data(self, X_val, y_val, sample_weight_val):
        y_val = self._read_y(y_val, "y_val")
        try:
            X_val = self._validate_X(X_val, reset=False)
        except ValueError as error:
            raise ValueError(f"X_val: {error}") from error
        targets = self._task.encoded(y_val, "y_val")
        check_consistent_length(X_val, targets)
        weight = checked_weight(sample_weight_val, X_val, "sample_weight_val")
        return HeldOut(TrainingData(X_val, np.arange(X_val.shape[0]), targets, weight), y_val)

    # ------------------------------------------------------------ training

    def _learn(
        self, data, streams, *, network=None, held_out=None, stream=False, report=None,
        checkpoint=None,
    ):  # fmt: skip
        """Train; everything that a callback or a scorer may ask for is set before.

        Parameters
        ----------
        data : TrainingData
        streams : Streams
            Seeds of a new network.
        network : SparseNetwork or None
            The fitted network to go on with.
        held_out : HeldOut or None
            Validation samples.
        stream : bool
            Whether the data are a part of a stream.
        report, checkpoint
            See :func:`.fitting.train`.

        Returns
        -------
        Trainer
            After the training.
        """
        n_samples, n_features = data.samples.size, data.X.shape[1]
        n_seen = self._n_samples if stream and network is not None else 0
        shape = Shape(n_samples, n_samples + n_seen, n_features, stream)
        plan = plan_training(self, self._task, data, shape, network)
        self._set_temperature(shape, plan.architecture.widths, network)
        return train(
            plan.architecture,
            data,
            plan.options,
            streams=streams,
            network=network,
            n_jobs=self.n_jobs,
            stream=stream,
            start=plan.start,
            explain=plan.explain,
            report=report,
            validate=None if held_out is None else HeldOutFigures(self, held_out, data),
            observe=self._observe,
            checkpoint=checkpoint,
        )

    def _set_temperature(self, shape, widths, network):
        """Set what outputs are divided by, where that has a meaning."""

    def _checkpoint(self, data, held_out, streams, network):
        """The file that keeps this fit's state, if there is one; it knows the fit by all it is."""
        if self.checkpoint is None:
            return None
        parameters = self.get_params(deep=False)
        ignored = self._not_in_identity
        parameters = {name: v for name, v in parameters.items() if name not in ignored}
        parameters |= {name: getattr(self, name) for name in SET_BY_ENSEMBLES if name in vars(self)}
        labels = getattr(self, "classes_", None)
        validation = None if held_out is None else held_out.data
        identity = identity_of_fit(parameters, labels, data, validation, streams, network)
        return Checkpoint(self.checkpoint, self.checkpoint_interval, identity)

    def _reporter(self, given, twin, n_epochs, trainer, data=None):
        """Tells scikit-learn's callbacks of this estimator how its twin is being fitted."""

        def fitted_attributes():
            """What the estimator would have if the training ended now."""
            return {**self._news_of(twin), **twin._found_by(trainer.model.copy(), data)}

        return CallbackReporter(self, given, n_epochs, fitted_attributes)

    def _found_by(self, network, data):
        """What predictions by this network need of a fit to these samples, if they are given."""
        return {"_network": network}

    def _set_fitted(self, trainer, n_samples, earlier=None):
        """Set the fitted attributes of a training, in which this number of samples was seen."""
        self._set_training_figures(trainer, earlier)
        self._n_samples = n_samples
        self._importances = trainer.explanation
        scores = self.validation_scores_ = stored(self, "history_").get("validation_score")
        self.best_epoch_ = self.best_validation_score_ = None
        if self.early_stopping:
            self.best_epoch_ = trainer.stopping.best_epoch + 1
            self.best_validation_score_ = scores[trainer.stopping.best_epoch]
            self.best_loss_ = None

    # ------------------------------------------------------------ predicting

    def _outputs(self, X):
        """Outputs of the network for raw X, float64."""
        check_is_fitted(self)
        X = self._validate_X(X, reset=False)
        return self._forward(X).astype(np.float64)

    # ------------------------------------------------------------ fitted attributes

    validation_scores_ = FittedAttribute("The score in each epoch: list, a copy; or None.")

    @property
    def skip_coef_(self):
        """Weights of the skip layer: CSR array of shape (n_features, n_outputs), or None."""
        network = self._fitted_network
        return read_only_csr(network.weights_of(network.n_layers - 1)) if network.has_skip else None

    @property
    def srelu_(self):
        """Parameters of hidden neurons by layer: list of arrays of shape (4, n), or None."""
        network = self._fitted_network
        parts = srelu_of_levels(network.activation, network.arrays.srelu, network.widths)
        return None if parts is None else [read_only(part) for part in parts]

    @property
    def feature_importances_(self):
        """How much each input moves the output of a sample; they add up to one."""
        self._fitted_network  # noqa: B018
        return self._importances.copy()

    @property
    def activation_(self):
        """The activation function of the hidden neurons, whatever the parameter is now."""
        return self._fitted_network.activation

    @property
    def out_activation_(self):
        """Name of the output activation function."""
        self._fitted_network  # noqa: B018
        return self._task.out_activation
