"""Several tasks one after the other: what is known of one does not change for the next."""

from numbers import Real

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from .._network.plasticity import most_active, stabilise, stable_of_level
from .._network.team import Team
from .._network.views import read_only
from .architecture import check_growth_of_plastic
from .compat import Interval

STABILITY = Interval(Real, 0, 1, closed="right")
# Samples whose activations are held at a time.
SAMPLES = 1024


class Continual:
    """Mixin of estimators that can keep what they know while they learn something else."""

    @property
    def stable_neurons_(self):
        """Which neurons are stable, by hidden layer and of the outputs: list of bool arrays."""
        network = self._fitted_network
        levels = range(1, len(network.widths))
        return [read_only(stable_of_level(network, level).copy()) for level in levels]

    def _new_task(self, X, stability, outputs_of):
        """Make what matters to a task stable; ``outputs_of(twin, X)`` says which outputs do."""
        check_is_fitted(self)
        if isinstance(stability, bool) or not STABILITY.is_satisfied_by(stability):
            raise ValueError(
                f"stability must be a number greater than 0 and at most 1; got {stability!r}."
            )
        twin = self._twin()
        rule = twin.evolution if twin.evolution != "auto" else twin._network.growth
        check_growth_of_plastic(True, rule)
        X = twin._validate_X(X, reset=False)
        outputs = outputs_of(twin, X)
        levels = range(1, len(twin._network.widths) - 1)
        important = [most_active(twin._activity(X, level), float(stability)) for level in levels]
        twin._network = twin._network.copy()
        with Team(1) as team:
            stabilise(twin._network, team, important, outputs)
        self._publish(twin)
        return self

    def _activity(self, X, level):
        """The mean magnitude of what each neuron of a level puts out."""
        total = np.zeros(self._network.widths[level])
        for start in range(0, X.shape[0], SAMPLES):
            activations = self._forward(X[start : start + SAMPLES], level=level, activated=True)
            total += np.abs(activations).sum(axis=0, dtype=np.float64)
        return total / X.shape[0]


class ContinualClassifier(Continual):
    """For classes, or several labels a sample."""

    def new_task(self, X, y, *, stability=0.95):
        """Keep what the network has learned of a task, before it goes on with another one.

        Networks that learn one task after the other forget the first ones, because the weights
        that hold them go on changing. This is NISPA [1]_: of each hidden layer, the most active
        neurons become *stable*, and so do the outputs of the task's classes. What enters a stable
        neuron never changes again: its weights and its intercept are frozen, connections from
        other neurons, the *plastic* ones, are dropped, and as many grow into plastic neurons.
        These start anew, for the next task, and may read from stable neurons what earlier tasks
        have found. The number of connections of each layer stays the same.

        Call ``partial_fit`` with the samples of a task, some times, then this with samples of it,
        then ``partial_fit`` with those of the next task. The more tasks there are, the more neurons
        they need: where all are stable, nothing is learned any more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples of the task that ends.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their class labels: the outputs of these classes, or of labels that some sample has,
            never change again.
        stability : float, default=0.95
            How much of a hidden layer's activity, the mean magnitude of what its neurons put out
            for X, stable neurons must have, greater than 0 and at most 1. They are the smallest
            such set, and those of earlier tasks.

        Returns
        -------
        self : estimator
            The same estimator.

        Notes
        -----
        A stable output is never trained again, and takes no part in mini-batches without samples
        of its class, so that later outputs need not drown it. But these have not seen samples of
        earlier tasks: compare outputs of one task only, where it is known which task a sample
        belongs to. From here on, ``temperature_`` stays as it is, and the solver starts anew.
        Connections grow at random places of plastic neurons; with ``evolution="guided"``, and in
        warm starts of ``fit``, from inputs that the samples to come speak for. Frozen weights take
        5 bytes a connection while the network is trained. A new ``fit`` knows of no tasks.

        References
        ----------
        .. [1] M. B. Gurbuz, C. Dovrolis, "NISPA: neuro-inspired stability-plasticity adaptation
           for continual learning in sparse networks", ICML (2022).
        """
        return self._new_task(X, stability, lambda twin, X: twin._outputs_of(X, y))

    def _outputs_of(self, X, y):
        """Which outputs samples with these labels have."""
        if y is None:
            raise ValueError("y=None says nothing of the task that ends: give the labels of X.")
        check_consistent_length(X, y)
        targets = self._task.encoded(self._read_y(y, "y"), "y")
        if targets.ndim == 2:
            return targets.any(axis=0)
        return np.bincount(targets, minlength=self._network.widths[-1]) > 0


class ContinualRegressor(Continual):
    """For numbers."""

    def new_task(self, X, *, stability=0.95):
        """Keep what the hidden neurons have learned of a task, before the next one.

        As :meth:`TrulySparseMLPClassifier.new_task` says, but outputs are those of all tasks: they
        stay plastic, and so do all connections to them. What is kept is what hidden neurons
        compute [1]_.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples of the task that ends.
        stability : float, default=0.95
            How much of a hidden layer's activity stable neurons must have, greater than 0 and at
            most 1.

        Returns
        -------
        self : estimator
            The same estimator.

        References
        ----------
        .. [1] M. B. Gurbuz, C. Dovrolis, "NISPA: neuro-inspired stability-plasticity adaptation
           for continual learning in sparse networks", ICML (2022).
        """
        return self._new_task(
            X, stability, lambda twin, X: np.zeros(twin._network.widths[-1], bool)
        )
