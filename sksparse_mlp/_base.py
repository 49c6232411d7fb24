"""What every truly sparse estimator shares: parameters, validation, fitting, fitted attributes."""

import inspect
import os
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _defaults
from ._activations import CODES
from ._checkpoint import Checkpoint, identity_of_fit
from ._checks import check_memory, check_outputs, check_range, readable_csr, scaled_weights
from ._compat import (
    CallbackReporter,
    CallbackSupportMixin,
    Interval,
    LinkedToDocs,
    RealNotInt,
    StrOptions,
)
from ._inputs import NATIVE, merge_equal_rows
from ._network import MAX_LANES, SparseNetwork
from ._random import make_streams
from ._sealing import checksum_of
from ._sizes import connections_for_density, connections_for_epsilon
from ._threads import Team, threads_for
from ._training import Trainer, TrainingData, TrainingOptions, rules_for_prediction

DEFAULT_EPSILON = 20.0
# A thread must save more than it costs to wake. Work is connections times (samples + 8): to walk
# along the connections costs as much as 8 samples.
WORK_PER_THREAD, SAMPLES_PER_PASS = 200_000, 8
# Beside the largest weight, one this small vanishes in float32: it counts as zero.
NEGLIGIBLE_WEIGHT = np.finfo(np.float32).eps


class BaseSparseMLP(CallbackSupportMixin, LinkedToDocs, BaseEstimator):
    """Base class: everything but the meaning of the outputs."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(CODES))],
        "activation_slope": [Interval(Real, None, None, closed="neither")],
        "epsilon": ["array-like", Interval(Real, 0, None, closed="neither"), None],
        "density": [Interval(Real, 0, 1, closed="right"), None],
        "evolution": [StrOptions({"auto", "guided", "set"}), None],
        "guidance": [Interval(Real, 0, 1, closed="both")],
        "zeta": [Interval(Real, 0, 1, closed="left")],
        "evolution_interval": [
            StrOptions({"auto", "epoch"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "evolution_end": [Interval(Real, 0, 1, closed="both")],
        "evolve_output_layer": ["boolean"],
        "solver": [StrOptions({"sgd", "adam"})],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", "cosine"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_scaling": [StrOptions({"fan_in"}), None],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "input_noise": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "weight_init": [StrOptions({"he_uniform", "he_normal", "xavier", "normal"})],
        "weight_init_gain": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "temperature": [StrOptions({"auto"}), Interval(Real, 1e-6, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_interval": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, None, closed="neither"),
        ],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
    }

    # Called with the Trainer after each epoch: a feature selector sets it on its own estimator.
    _observe = None
    # Not every estimator has a direct path, or keeps its state on disk while it is fitted.
    _direct_weight, checkpoint = 0.0, None

    # ------------------------------------------------------------ validation

    def _check_parameters(self, n_features, n_outputs):
        """Check what one parameter alone cannot show; returns widths and numbers of connections."""
        widths = (n_features, *self._hidden_widths(), n_outputs)
        cells = [a * b for a, b in pairwise(widths)]
        sums = [a + b for a, b in pairwise(widths)]
        if self.epsilon is not None and self.density is not None:
            raise ValueError(
                f"epsilon={self.epsilon!r} and density={self.density!r} both set the number of "
                "connections: give one and leave the other None."
            )
        if self.density is not None:
            n_connections = connections_for_density(float(self.density), cells, sums)
        else:
            epsilons = self._epsilons(len(cells))
            n_connections = connections_for_epsilon(epsilons, cells, sums)
        check_memory(widths, n_connections, 2 if self.solver == "adam" else 1)
        return widths, tuple(n_connections)

    def _hidden_widths(self):
        sizes = self.hidden_layer_sizes
        sizes = [sizes] if isinstance(sizes, Integral) else sizes
        valid = isinstance(sizes, (Sequence, np.ndarray)) and all(
            isinstance(size, Integral) and not isinstance(size, bool) and size >= 1
            for size in sizes
        )
        if not valid:
            raise ValueError(
                "hidden_layer_sizes must be an int or a sequence of ints, each at least 1; "
                f"got {self.hidden_layer_sizes!r}."
            )
        return [int(size) for size in sizes]

    def _epsilons(self, n_layers):
        epsilon = DEFAULT_EPSILON if self.epsilon is None else self.epsilon
        if isinstance(epsilon, Real):
            return [float(epsilon)] * n_layers
        valid = isinstance(epsilon, (Sequence, np.ndarray)) and all(
            isinstance(e, Real) and np.isfinite(e) and e > 0 for e in epsilon
        )
        if not valid or len(epsilon) != n_layers:
            raise ValueError(
                "epsilon must be a positive number, or a sequence of one for each of the "
                f"{n_layers} layers; got {self.epsilon!r}."
            )
        return [float(e) for e in epsilon]

    def _validate_X(self, X, y="no_validation", *, reset):
        """X as kernels can read it: dense or CSR, finite, numeric, not copied if it can be read."""
        try:
            checked = validate_data(self, X, y, accept_sparse="csr", dtype="numeric", reset=reset)
        except OverflowError as error:  # an integer of Python's
            raise ValueError(f"X holds a value beyond the range of float64: {error}.") from None
        X, *rest = checked if isinstance(checked, tuple) else (checked,)
        if sparse.issparse(X):
            X = readable_csr(X)
        if X.dtype.itemsize > 4 or X.dtype not in NATIVE:
            check_range(X)
        return (X, *rest) if rest else X

    def _batch_size(self, n_samples, streaming=False):
        if self.batch_size != "auto":
            return min(int(self.batch_size), n_samples)
        return _defaults.batch_size(n_samples, streaming)

    def _n_threads(self, n_connections, n_samples):
        """Threads worth waking; their number never changes a result."""
        work = sum(n_connections) * (n_samples + SAMPLES_PER_PASS)
        return int(max(1, min(threads_for(self.n_jobs), work // WORK_PER_THREAD)))

    # ------------------------------------------------------------ fitting

    @contextmanager
    def _all_or_nothing(self):
        """Take back whatever was set if fitting fails."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            for name in set(vars(self)) - set(before):
                if not name.startswith(("_callback", "_skl_callbacks")):
                    delattr(self, name)
            vars(self).update(before)
            raise

    def _options(self, n_samples, n_features, n_seen, streaming):
        """The parameters as the training loop takes them, each "auto" resolved."""
        names = TrainingOptions.__dataclass_fields__
        values = {name: _plain(getattr(self, name)) for name in names}
        batch = values["batch_size"] = self._batch_size(n_samples, streaming)
        if self.max_iter == "auto":
            values["max_iter"] = _defaults.n_epochs(n_samples, batch)
        if self.evolution_interval == "auto":
            total_steps = values["max_iter"] * -(-n_samples // batch)
            interval = _defaults.evolution_interval(total_steps, self.evolution_end)
            values["evolution_interval"] = "epoch" if streaming else interval
        shape = (n_samples + n_seen, n_features)
        values["evolution"] = self._evolution_rule(*shape, streaming)
        if self.input_noise == "auto":
            values["input_noise"] = _defaults.input_noise(*shape)
        if self.temperature == "auto":
            values["temperature"] = _defaults.temperature(*shape, self._direct_weight)
        return TrainingOptions(**values)

    def _evolution_rule(self, n_samples, n_features, streaming):
        """``evolution``, "auto" resolved."""
        if self.evolution != "auto":
            return self.evolution
        return "set" if streaming else _defaults.evolution(n_samples, n_features)

    def _learn_from_targets(self, data, going_on, streaming):
        """What can be known before training; returns growth's preferences for inputs, or None."""
        return None

    def _streams(self, going_on):
        """The seeds of all that is random: those of the network that goes on, or new ones."""
        if going_on:
            return self._network.streams
        return make_streams(check_random_state(self.random_state))

    def _initial_network(self, widths, n_connections, streams, team, preferences):
        return SparseNetwork(
            widths,
            n_connections,
            activation=self.activation,
            activation_slope=self.activation_slope,
            weight_init=self.weight_init,
            weight_init_gain=float(self.weight_init_gain),
            solver=self.solver,
            streams=streams,
            team=team,
            preferences=preferences,
        )

    def _network_to_continue(self, widths, n_connections, preferences):
        """A copy of the fitted network, if parameters set since still describe it."""
        network = self._network
        if network.widths != widths or network.n_connections != n_connections:
            raise ValueError(
                "hidden_layer_sizes, epsilon and density cannot change when training goes on: "
                f"the fitted network has layers {network.widths} with {network.n_connections} "
                f"connections, the parameters describe {widths} with {n_connections}."
            )
        if network.solver != self.solver or network.activation != self.activation:
            raise ValueError(
                "solver and activation cannot change when training goes on: the network was "
                f"fitted with {network.solver!r} and {network.activation!r}, not with "
                f"{self.solver!r} and {self.activation!r}."
            )
        network = network.copy()
        network.preferences = preferences
        return network

    def _train(
        self,
        data,
        n_outputs,
        *,
        going_on,
        streams=None,
        streaming=False,
        held_out=None,
        callback_data=None,
    ):
        """Train a new network, or a copy of the fitted one, and adopt it.

        A stream is trained on for one epoch, with no end to lay schedules out for. ``held_out``
        are validation samples, ``streams`` the seeds of a new network, if they are known already.
        Returns whether Ctrl-C ended it all.
        """
        widths, n_connections = self._check_parameters(data.X.shape[1], n_outputs)
        preferences = self._learn_from_targets(data, going_on, streaming)
        n_seen = self._network.n_seen if going_on and streaming else 0
        options = self._options(data.rows.size, data.X.shape[1], n_seen, streaming)
        n_epochs = 1 if streaming else options.max_iter
        with Team(self._n_threads(n_connections, options.batch_size)) as team:
            if going_on:
                network = self._network_to_continue(widths, n_connections, preferences)
            else:
                streams = streams or self._streams(going_on)
                network = self._initial_network(widths, n_connections, streams, team, preferences)
            reporter = None if streaming else self._reporter(network, callback_data, n_epochs)
            validate = None if held_out is None else partial(self._validator(held_out), team=team)
            checkpoint = self._checkpoint_of(network, data, options, held_out)
            trainer = Trainer(
                network,
                data,
                options,
                team,
                validate=validate,
                reporter=reporter,
                observe=self._observe,
                checkpoint=checkpoint,
                n_epochs=None if streaming else n_epochs,
            )
            kept = None if checkpoint is None else checkpoint.load()
            if kept is not None:
                trainer.go_on_from(kept)
            trainer.run(n_epochs)
        self._adopt(trainer, add=streaming and going_on)
        if reporter is not None:
            reporter.fit_ends()
            self._warn_if_too_short(trainer, n_epochs)
        return trainer.interrupted

    def _reporter(self, network, callback_data, n_epochs):
        return CallbackReporter(self, callback_data, n_epochs, lambda: {"_network": network.copy()})

    def _warn_if_too_short(self, trainer, n_epochs):
        """A cosine ends when it should; other schedules end when the loss stops falling."""
        ran_out = len(trainer.history["loss"]) == n_epochs and not trainer.converged
        if ran_out and trainer.options.learning_rate != "cosine":
            warnings.warn(
                f"max_iter={n_epochs} epochs were not enough for the optimization to converge: "
                "the loss was still improving by more than tol.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _checkpoint_of(self, network, data, options, held_out):
        """The file that keeps this fit's state, if there is one; it knows the fit by all it is."""
        if self.checkpoint is None:
            return None
        besides = (getattr(self, name, None) for name in ("scoring", "_direct_network"))
        identity = identity_of_fit(options, network, data, held_out, *besides)
        return Checkpoint(self.checkpoint, self.checkpoint_interval, identity)

    def _adopt(self, trainer, add):
        """Set the fitted attributes from a finished training run."""
        self._network = trainer.network
        trainer.history.pop("monitored", None)
        if add:
            for name, values in trainer.history.items():
                earlier = self.history_.get(name, [None] * self.n_iter_)
                self.history_[name] = earlier + values
        else:
            self.history_ = trainer.history
        self.loss_curve_ = self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        self.t_ = trainer.network.n_seen
        self.n_layers_ = len(trainer.network.widths)
        self.n_outputs_ = trainer.network.widths[-1]
        self.best_loss_ = min(self.loss_curve_)

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

    def _training_rows(self, X, targets, sample_weight):
        """The rows to train on: those that weigh something; in one batch, equal ones only once.

        Giving a row twice is then the same as giving it the weight two, to the last bit.
        """
        sample_weight = scaled_weights(sample_weight)
        rows = np.flatnonzero(sample_weight > NEGLIGIBLE_WEIGHT * sample_weight.max())
        if rows.size == self._batch_size(rows.size):
            rows, sample_weight = merge_equal_rows(X, rows, targets, sample_weight)
        return TrainingData(X, rows, targets, sample_weight.astype(np.float32))

    # ------------------------------------------------------------ using the network

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "checksum": checksum_of(_beside_the_network(state))}

    def __setstate__(self, state):
        state = dict(state)
        expected = state.pop("checksum", None)
        if expected not in (None, checksum_of(_beside_the_network(state))):
            raise ValueError("The file is damaged: the checksum of the estimator is wrong.")
        # A file of an older version knows fewer parameters: the others have their defaults.
        parameters = inspect.signature(type(self).__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        super().__setstate__({**defaults, **state})

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _forward(self, X, network=None, team=None, **which):
        """Outputs of a network for validated X, float32."""
        network = self._network if network is None else network
        if team is None:
            # Prediction hands out tiles of rows.
            n_tiles = max(1, -(-X.shape[0] // MAX_LANES))
            n_threads = min(self._n_threads(network.n_connections, X.shape[0]), n_tiles)
            with Team(n_threads) as own_team:
                return self._forward(X, network, own_team, **which)
        outputs = network.forward(X, rules_for_prediction(network), team, **which)
        check_outputs(outputs)
        return outputs

    def hidden_activations(self, X, layer=-1):
        """Return the activations of a hidden layer: the network's own view of the samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        layer : int, default=-1
            Which hidden layer, counted from 0; -1 is the last.

        Returns
        -------
        ndarray of shape (n_samples, hidden_layer_sizes[layer]), float32
            Activations, without dropout.
        """
        check_is_fitted(self)
        n_hidden = self._network.n_layers - 1
        if n_hidden == 0:
            raise ValueError("hidden_layer_sizes=() is a network without hidden layers.")
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer must be an int from {-n_hidden} to {n_hidden - 1}; got {layer!r}."
            )
        X = self._validate_X(X, reset=False)
        return self._forward(X, n_layers=int(layer) % n_hidden + 1, activated=True)

    def drop_training_state(self):
        """Forget what only further training needs: 8 bytes a connection are left.

        ``partial_fit`` and warm starts still work, with a solver that starts anew.

        Returns
        -------
        self : estimator
            The same estimator.
        """
        check_is_fitted(self)
        network = self._network.copy()
        network.drop_slots()
        self._network = network
        return self

    # ------------------------------------------------------------ fitted attributes

    @property
    def coefs_(self):
        """Weights of each layer: list of CSR arrays of shape (n_in, n_out)."""
        return [self._fitted_network.weights_of(i) for i in range(self._fitted_network.n_layers)]

    @property
    def intercepts_(self):
        """Intercepts of each layer: list of arrays of shape (n_out,)."""
        return [self._fitted_network.intercepts_of(i) for i in range(self._fitted_network.n_layers)]

    @property
    def n_connections_(self):
        """Number of connections of each layer."""
        return self._fitted_network.n_connections

    @property
    def feature_importances_(self):
        """Strength of each input: the sum of its connections' magnitudes, normalised to sum 1."""
        first = self._fitted_network.weights_of(0)
        strength = np.asarray(abs(first).sum(axis=1), dtype=np.float64).ravel()
        total = strength.sum()
        return strength / total if total > 0 else np.full(strength.size, 1.0 / strength.size)

    @property
    def _fitted_network(self):
        try:
            return vars(self)["_network"]
        except KeyError:
            name = type(self).__name__
            raise AttributeError(f"This {name} is not fitted yet: call fit first.") from None


def _beside_the_network(state):
    """What else decides what an estimator predicts."""
    return {name: state.get(name) for name in ("classes_", "n_features_in_", "temperature_")}


def _plain(value):
    """A NumPy number as one of Python's: a float16 could not even hold a number of neurons."""
    return value.item() if isinstance(value, np.generic) else value
