"""What every truly sparse estimator shares: validation, publishing a fit, fitted attributes."""

import warnings
from numbers import Integral
from typing import ClassVar

from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._network.lanes import MAX_LANES
from .._network.state import plain
from .._network.streams import make_streams
from .._network.team import Team
from .._network.views import read_only
from .checks import check_outputs
from .compat import CallbackSupportMixin, LinkedToDocs
from .constraints import PARAMETER_CONSTRAINTS
from .fitting import threads_worth_waking
from .handed_out import FittedAttribute, read_only_csr
from .inputs import validated
from .model_checks import check_estimator
from .publishing import PublishedFit
from .sealed import Sealed
from .shrinking import Shrinkable


class BaseSparseMLP(
    Shrinkable, PublishedFit, CallbackSupportMixin, LinkedToDocs, Sealed, BaseEstimator
):
    """Base class: everything but the meaning of the outputs and the way to train.

    This folder knows scikit-learn, labels and parameters; all arithmetic is below it.
    """

    _parameter_constraints: ClassVar[dict] = PARAMETER_CONSTRAINTS

    # Called with the Trainer after each epoch: a feature selector sets it on its own estimator.
    _observe = None

    # ------------------------------------------------------------ fitting

    def _validate_X(self, X, y="no_validation", *, reset):
        """X as kernels can read it, and y if it is given."""
        is_given = not isinstance(y, str)
        return validated(self, X, y, reset=reset, **self._checks_of_y(y) if is_given else {})

    def _checks_of_y(self, y):
        """What is to be checked of y, in words of scikit-learn's ``validate_data``."""
        return {}

    def _new_streams(self):
        """Seeds of all that is random in a new network."""
        return make_streams(check_random_state(self.random_state))

    def _set_training_figures(self, trainer, earlier=None):
        """Set the fitted attributes of a training; ``earlier`` is the history it goes on from."""
        self._network = trainer.network
        history = {name: v for name, v in trainer.history.items() if name != "monitored"}
        if earlier is not None:
            history = _joined(earlier, history)
        losses = history["loss"]
        self.history_, self.loss_curve_ = history, losses
        self.loss_, self.best_loss_, self.n_iter_ = losses[-1], min(losses), len(losses)
        self.t_ = trainer.network.n_seen
        self.n_layers_ = len(trainer.network.widths)
        self.n_outputs_ = trainer.network.widths[-1]

    def _warn_if_too_short(self, trainer):
        """Cosines and cycles end when they should; others when the loss stops falling."""
        options = trainer.options
        ran_out = len(trainer.history["loss"]) == options.max_iter and not trainer.converged
        has_an_end = options.learning_rate == "cosine" or options.averaging == "cyclic"
        if ran_out and not has_an_end:
            warnings.warn(
                f"max_iter={options.max_iter} epochs were not enough for the optimization to "
                "converge: the loss was still improving by more than tol.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _raise_interrupt(self, stacklevel):
        """Pass Ctrl-C on, with a warning to the caller of ``fit`` that says which model is left."""
        try:
            warnings.warn(
                f"Training was interrupted: the model is that of epoch {self.n_iter_}, the last "
                "full one.",
                RuntimeWarning,
                stacklevel=stacklevel,
            )
        finally:
            raise KeyboardInterrupt

    # ------------------------------------------------------------ state

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    def _check_state(self, state):
        check_estimator(self, state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ------------------------------------------------------------ using the network

    def _forward(self, X, network=None, team=None, **which):
        """Outputs of a network for validated X, float32."""
        network = self._network if network is None else network
        if team is None:
            # Prediction hands out tiles of samples.
            n_tiles = max(1, -(-X.shape[0] // MAX_LANES))
            n_threads = 1
            if n_tiles > 1:
                n_threads = threads_worth_waking(self.n_jobs, network.n_connections, X.shape[0])
            with Team(min(n_threads, n_tiles)) as own_team:
                return self._forward(X, network, own_team, **which)
        outputs = network.forward(X, team, **which)
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
        est = self._twin()
        n_hidden = len(est._network.widths) - 2
        if n_hidden == 0:
            raise ValueError("hidden_layer_sizes=() is a network without hidden layers.")
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer must be an int from {-n_hidden} to {n_hidden - 1}; got {layer!r}."
            )
        X = est._validate_X(X, reset=False)
        return est._forward(X, level=int(layer) % n_hidden + 1, activated=True)

    def drop_training_state(self):
        """Forget what only further training needs: 8 bytes a connection are left.

        ``partial_fit`` and warm starts still work, with a solver that starts anew.

        Returns
        -------
        self : estimator
            The same estimator.
        """
        check_is_fitted(self)
        twin = self._twin()
        twin._network = twin._network.copy()
        twin._network.drop_optimizer_state()
        self._publish(twin)
        return self

    # ------------------------------------------------------------ fitted attributes

    history_ = FittedAttribute("What happened in each epoch: dict of lists, a copy.")
    loss_curve_ = FittedAttribute("The loss in each epoch: list, a copy.")

    @property
    def coefs_(self):
        """Weights of each layer: list of CSR arrays of shape (n_in, n_out), read-only."""
        network = self._fitted_network
        return [read_only_csr(network.weights_of(i)) for i in range(len(network.widths) - 1)]

    @property
    def intercepts_(self):
        """Intercepts of each layer: list of arrays of shape (n_out,), read-only."""
        network = self._fitted_network
        return [read_only(network.intercepts_of(i)) for i in range(len(network.widths) - 1)]

    @property
    def n_connections_(self):
        """Number of connections of each layer."""
        return self._fitted_network.n_connections

    @property
    def _fitted_network(self):
        try:
            return vars(self)["_network"]
        except KeyError:
            name = type(self).__name__
            raise AttributeError(f"This {name} is not fitted yet: call fit first.") from None


def _joined(earlier, later):
    """Two histories one behind the other, equally long: None where one of them knows nothing."""
    lengths = [len(history["loss"]) for history in (earlier, later)]
    return {
        name: [
            value
            for history, length in zip((earlier, later), lengths, strict=True)
            for value in history.get(name, [None] * length)
        ]
        for name in {**earlier, **later}
    }


def plain_parameters(estimator, names):
    """Parameters by name, NumPy numbers as Python's: a float16 cannot count connections."""
    return {name: plain(getattr(estimator, name)) for name in names}
