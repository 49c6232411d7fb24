"""TrulySparseMLPClassifier: labels, class weights and probabilities around a sparse network."""

import copy
import warnings

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from ._base import BaseSparseMLP
from ._compat import (
    StrOptions,
    check_first_partial_fit,
    check_sample_weight,
    fit_context,
    method_if,
)
from ._training import TrainingData


class TrulySparseMLPClassifier(ClassifierMixin, BaseSparseMLP):
    """Multilayer perceptron that is sparse from the first step to the last, and rewires itself."""

    _parameter_constraints: dict = {
        **BaseSparseMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(1000,),
        *,
        activation="relu",
        activation_slope=0.6,
        epsilon=None,
        density=None,
        evolution="set",
        zeta=0.3,
        evolution_interval="auto",
        evolution_end=0.75,
        evolve_output_layer=True,
        solver="adam",
        learning_rate="cosine",
        learning_rate_init=0.5,
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
        temperature="auto",
        class_weight=None,
        warm_start=False,
        verbose=False,
        random_state=None,
        n_jobs=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.activation_slope = activation_slope
        self.epsilon = epsilon
        self.density = density
        self.evolution = evolution
        self.zeta = zeta
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
        self.temperature = temperature
        self.class_weight = class_weight
        self.warm_start = warm_start
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
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping; None: with
            ``early_stopping=True``, a stratified fraction of the training samples.
        y_val : array-like of shape (n_val,), default=None
            Class labels of ``X_val``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : TrulySparseMLPClassifier
            The fitted estimator.
        """
        with self._all_or_nothing():
            going_on = self.warm_start and self.__sklearn_is_fitted__()
            X, y = self._validate_X(X, y, reset=not going_on)
            classes = _classes_of(y)
            if going_on and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    "warm_start=True goes on with the same classes: the network was fitted with "
                    f"{self.classes_}, y holds {classes}."
                )
            self.classes_ = classes
            data = self._training_data(X, y, sample_weight)
            data, validation = self._split(data, X_val, y_val, sample_weight_val)
            interrupted = self._train(
                data,
                len(classes),
                going_on=going_on,
                validation=validation,
                callback_data={"X": X, "y": y},
            )
        if interrupted:
            self._pass_on_interrupt()
        return self

    def _check_that_streams_make_sense(self):
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True has no meaning for partial_fit, which trains for one epoch: "
                "set early_stopping=False."
            )
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} cannot be known from a part of the data: "
                "for partial_fit give a dict, or sample_weight."
            )

    @method_if(_check_that_streams_make_sense)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, *, classes=None, sample_weight=None):
        """Train for one epoch on a chunk of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of samples.
        y : array-like of shape (n_samples,)
            Their class labels.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever appear; required in the first call, optional later.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : TrulySparseMLPClassifier
            The estimator, trained further.
        """
        with self._all_or_nothing():
            going_on = self.__sklearn_is_fitted__()
            if check_first_partial_fit(self, classes):
                self.classes_ = np.asarray(self.classes_)
            X, y = self._validate_X(X, y, reset=not going_on)
            data = self._training_data(X, y, sample_weight, streaming=True)
            interrupted = self._train(data, len(self.classes_), going_on=going_on, streaming=True)
        if interrupted:
            self._pass_on_interrupt()
        return self

    def _training_data(self, X, y, sample_weight, streaming=False):
        """Class numbers, and weights from ``sample_weight`` and ``class_weight``."""
        targets = self._class_numbers(y, "y")
        sample_weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not sample_weight.any():
            raise ValueError("sample_weight is zero for all samples: nothing to train on.")
        if self.class_weight == "balanced":
            share = np.bincount(targets, sample_weight, len(self.classes_))
            sample_weight = sample_weight / np.where(share > 0, share, 1)[targets]
        elif self.class_weight is not None:
            sample_weight = sample_weight * compute_sample_weight(self.class_weight, y)
        n_classes = np.unique(targets[sample_weight > 0]).size
        if n_classes < 2 and not streaming:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes; the data "
                f"(n_samples={X.shape[0]}) contains {n_classes} class of positive weight."
            )
        return self._training_rows(X, targets, sample_weight)

    def _class_numbers(self, y, name):
        """Labels as positions in ``classes_``."""
        y = column_or_1d(y, warn=True)
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            raise ValueError(
                f"{name} holds labels that are not in classes_={list(self.classes_)}: "
                f"{list(unknown)}."
            )
        return np.searchsorted(self.classes_, y).astype(np.int32)

    # ------------------------------------------------------------ validation while fitting

    def _split(self, data, X_val, y_val, sample_weight_val):
        """Set validation samples apart, if any are asked for; returns how to score a network."""
        if (X_val is None) != (y_val is None):
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(f"{given} was given without {missing}: give both or none.")
        if X_val is not None:
            X_val = self._validate_X(X_val, reset=False)
            y_val = check_array(y_val, ensure_2d=False, dtype=None, input_name="y_val")
            targets = self._class_numbers(y_val, "y_val")
            weight = check_sample_weight(sample_weight_val, X_val, dtype=np.float64)
            held_out = TrainingData(X_val, np.arange(X_val.shape[0]), targets, weight)
            return data, self._validator(held_out)
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val: give all.")
        if not self.early_stopping:
            return data, None
        held_out = self._held_out(data)
        held_out_data = data._replace(rows=data.rows[held_out])
        return data._replace(rows=data.rows[~held_out]), self._validator(held_out_data)

    def _held_out(self, data):
        """A stratified fraction of the rows: of each class at least one if it has two."""
        seed = check_random_state(self.random_state).randint(2**32, dtype=np.uint32)
        rng = np.random.default_rng([int(seed), 1])
        targets, held_out = data.targets[data.rows], np.zeros(data.rows.size, bool)
        for target in range(len(self.classes_)):
            members = np.flatnonzero(targets == target)
            wanted = max(1, round(self.validation_fraction * members.size))
            held_out[rng.permutation(members)[: min(wanted, members.size - 1)]] = True
        if not held_out.any():
            raise ValueError(
                "early_stopping=True sets validation samples apart and needs at least 2 samples "
                f"of one class; got n_samples={data.rows.size}."
            )
        return held_out

    def _validator(self, held_out):
        """Validation figures of a network as a function of it."""
        X, rows = held_out.X, held_out.rows
        targets, weight = held_out.targets[rows], held_out.sample_weight[rows].astype(np.float64)
        X_scored = None if self.scoring is None else X[rows]

        def validate(network, team):
            if self.scoring is None:
                logits = self._forward(X, network, team, chosen=rows)
                score = float(np.average(logits.argmax(axis=1) == targets, weights=weight))
            else:
                probe = copy.copy(self)
                probe._network = network
                probe.__dict__.pop("feature_names_in_", None)
                logits = self._forward(X_scored, network, team)
                scorer = check_scoring(probe, self.scoring)
                score = float(scorer(probe, X_scored, self.classes_[targets]))
            log_p = log_softmax(logits.astype(np.float64) / self.temperature_, axis=1)
            loss = -float(np.average(log_p[np.arange(rows.size), targets], weights=weight))
            monitored = -loss if self.scoring is None else score
            return {"validation_loss": loss, "validation_score": score, "monitored": monitored}

        return validate

    def _pass_on_interrupt(self):
        try:
            warnings.warn(
                f"Training was interrupted: the model is that of epoch {self.n_iter_}, the last "
                "full one.",
                RuntimeWarning,
                stacklevel=3,
            )
        finally:
            raise KeyboardInterrupt

    # ------------------------------------------------------------ predicting

    def _logits(self, X):
        check_is_fitted(self)
        return (
            self._forward(self._validate_X(X, reset=False)).astype(np.float64) / self.temperature_
        )

    def decision_function(self, X):
        """Logits of the classes; for two classes, their difference.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            For two classes positive where ``classes_[1]`` is predicted.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict(self, X):
        """The most probable class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    def predict_log_proba(self, X):
        """Logarithms of the class probabilities, finite also where they are tiny.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In the order of ``classes_``.
        """
        return log_softmax(self._logits(X), axis=1)

    def predict_proba(self, X):
        """Class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In the order of ``classes_``; each row sums to one.
        """
        return np.exp(self.predict_log_proba(X))

    @property
    def out_activation_(self):
        """Name of the output activation function."""
        self._fitted_network  # noqa: B018
        return "softmax"


def _classes_of(y):
    check_classification_targets(y)
    return unique_labels(y)
