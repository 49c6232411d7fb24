"""Where the connections were, epoch by epoch."""

import numpy as np

from ._distance import topology_distance


class InputDegreeRecorder:
    """Callback that notes how many connections each input has, after every epoch of ``fit``.

    Inputs on which connections gather matter to the network. Needs scikit-learn 1.9 or later,
    whose estimators take callbacks by ``set_callbacks``.

    Attributes
    ----------
    degrees : list of ndarray of shape (n_features,)
        The connections of each input after each epoch. A new fit begins a new list.

    See Also
    --------
    sksparse_mlp.plotting.TopologyDisplay : Draws them, with ``kind="evolution"``.

    Notes
    -----
    Each epoch copies the network once, which takes a moment for very large ones.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import InputDegreeRecorder
    >>> from sksparse_mlp.plotting import TopologyDisplay
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(100, max_iter=5, random_state=0)
    >>> recorder = InputDegreeRecorder()
    >>> model = model.set_callbacks(recorder).fit(X, y)
    >>> len(recorder.degrees)
    5
    >>> display = TopologyDisplay.from_estimator(
    ...     model, kind="evolution", degree_history=recorder.degrees
    ... )
    """

    def __init__(self):
        self.degrees = []

    def setup(self, estimator, context):
        """Begin a new list; scikit-learn calls this before a fit.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : object
            What scikit-learn says of the fit.
        """
        self.degrees = []

    def on_fit_task_begin(self, estimator, context):
        """Do nothing; scikit-learn calls this before each epoch.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : object
            What scikit-learn says of the epoch.
        """

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Note the connections; scikit-learn calls this after each epoch.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : object
            What scikit-learn says of the epoch.
        fitted_estimator : estimator or None
            As if training had ended here.
        """
        if context.task_name == "epoch":
            self.degrees.append(np.diff(fitted_estimator.coefs_[0].indptr))

    def teardown(self, estimator, context):
        """Do nothing; scikit-learn calls this after a fit.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : object
            What scikit-learn says of the fit.
        """


class TopologyDistanceRecorder(InputDegreeRecorder):
    """Callback that notes how far the topology has moved, after every epoch of ``fit``.

    Needs scikit-learn 1.9 or later, whose estimators take callbacks by ``set_callbacks``.

    Attributes
    ----------
    degrees : list of ndarray of shape (n_features,)
        The connections of each input after each epoch. A new fit begins a new list.
    distances : list of float
        The distance between the topologies after an epoch and after the one before, as
        ``topology_distance`` measures it: one fewer than there are epochs.
    from_first : list of float
        The distance from the topology after the first epoch, likewise.

    See Also
    --------
    topology_distance : The distance, NNSTD.

    Notes
    -----
    Each epoch pairs the neurons of both topologies, which takes a time cubic in the width.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import TopologyDistanceRecorder
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     50, epsilon=2, max_iter=5, evolution_interval="epoch", random_state=0
    ... )
    >>> recorder = TopologyDistanceRecorder()
    >>> model = model.set_callbacks(recorder).fit(X, y)
    >>> len(recorder.distances)
    4
    >>> recorder.distances[-1] < recorder.from_first[-1]
    True
    """

    def __init__(self):
        super().__init__()
        self.distances, self.from_first = [], []
        self._first = self._last = None

    def setup(self, estimator, context):
        """Begin new lists; scikit-learn calls this before a fit.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : object
            What scikit-learn says of the fit.
        """
        super().setup(estimator, context)
        self.distances, self.from_first = [], []
        self._first = self._last = None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Note the distances; scikit-learn calls this after each epoch.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : object
            What scikit-learn says of the epoch.
        fitted_estimator : estimator or None
            As if training had ended here.
        """
        super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)
        if context.task_name != "epoch":
            return
        if self._first is None:
            self._first = fitted_estimator
        else:
            self.distances.append(topology_distance(self._last, fitted_estimator))
            self.from_first.append(topology_distance(self._first, fitted_estimator))
        self._last = fitted_estimator
