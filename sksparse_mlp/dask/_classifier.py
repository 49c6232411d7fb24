"""DaskTrulySparseMLPClassifier: the classifier, fitted to rows that lie on many machines."""

from typing import ClassVar

import numpy as np

from .._estimator.compat import fit_context
from ..classifier import TrulySparseMLPClassifier
from ._base import OWN_CONSTRAINTS, FittedOnCluster
from ._collections import is_collection
from ._inherited import (
    DESCRIPTIONS,
    HOW_IT_TRAINS,
    NOTES,
    references_of,
    section_of,
    with_parameters_of,
)
from ._scores import accuracy


class DaskTrulySparseMLPClassifier(FittedOnCluster, TrulySparseMLPClassifier):
    __doc__ = f"""Train :class:`~sksparse_mlp.TrulySparseMLPClassifier` on a Dask cluster.

    X is a dask array (of dense blocks, or of SciPy CSR matrices), a dask frame or a list of
    delayed blocks; y and the weights are divided likewise; y holds labels, or is an indicator
    matrix. {HOW_IT_TRAINS}

    Parameters
    ----------
    {section_of(TrulySparseMLPClassifier, "Parameters", "Attributes")}

    {DESCRIPTIONS}

    Attributes
    ----------
    {section_of(TrulySparseMLPClassifier, "Attributes", "See Also")}

    See Also
    --------
    sksparse_mlp.TrulySparseMLPClassifier : The same for data in the memory of one machine.
    DaskTrulySparseMLPRegressor : The same for numbers.

    Notes
    -----
    {NOTES}

    References
    ----------
    {references_of(TrulySparseMLPClassifier)}

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sksparse_mlp.dask import DaskTrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=120, n_features=50, random_state=0)
    >>> X, y = da.from_array(X, chunks=(40, 50)), da.from_array(y, chunks=40)
    >>> with Client(processes=False, dashboard_address=':0') as client:
    ...     model = DaskTrulySparseMLPClassifier(20, max_iter=5, random_state=0).fit(X, y)
    ...     model.predict(X).compute().shape
    (120,)
    >>> model.to_local().n_connections_
    (1000, 40, 100)
    """

    _ordinary = TrulySparseMLPClassifier
    _parameter_constraints: ClassVar[dict] = {
        **TrulySparseMLPClassifier._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    @with_parameters_of(TrulySparseMLPClassifier)
    def __init__(
        self,
        hidden_layer_sizes="auto",
        *,
        rounds="auto",
        local_steps="auto",
        client=None,
        **parameters,
    ):
        super().__init__(hidden_layer_sizes, **parameters)
        self.rounds = rounds
        self.local_steps = local_steps
        self.client = client

    # ------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network on the workers; with ``warm_start=True``, go on training it.

        Parameters
        ----------
        X : dask array, dask frame or list of delayed blocks
            Training samples, divided by rows.
        y : the same, or array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix, divided as X is; an array only if the lengths of
            X's blocks are known.
        sample_weight : the same, default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping, in memory here.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Class labels of ``X_val``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : DaskTrulySparseMLPClassifier
            The fitted estimator.
        """
        return self._fit_blocks(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def _adopt_targets(self, summary, *, going_on):
        found = summary.groups
        if summary.numbers is not None:  # an indicator matrix says by its shape what it is about
            found = np.zeros((1, *summary.y_shape))
        self._set_targets(found, None, going_on=going_on)

    # ------------------------------------------------------------ predicting

    def _form_of(self, method):
        n_classes, is_label = len(self.classes_), not self._multilabel
        if method == "predict":
            return () if is_label else (n_classes,), self.classes_.dtype
        is_difference = method == "decision_function" and is_label and n_classes == 2
        return () if is_difference else (n_classes,), np.float64

    def decision_function(self, X):
        """Return the logits of the classes or labels; for two classes, their difference.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels), float64
            Lazy; an ndarray for an array.
        """
        return self._answer("decision_function", X)

    def predict(self, X):
        """Return the most probable class of each sample, or the labels that it has.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix, lazy; an ndarray for an array.
        """
        return self._answer("predict", X)

    def predict_log_proba(self, X):
        """Return the logarithms of the probabilities of the classes or labels.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            Lazy; an ndarray for an array.
        """
        return self._answer("predict_log_proba", X)

    def predict_proba(self, X):
        """Return the probabilities of the classes, or of each label by itself.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            Lazy; an ndarray for an array.
        """
        return self._answer("predict_proba", X)

    def score(self, X, y, sample_weight=None):
        """Return the share of samples whose class, or all of whose labels, are predicted.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.
        y : the same
            Class labels, divided as X is.
        sample_weight : the same, default=None
            Weights of the samples.

        Returns
        -------
        dask array without dimensions, or float
            Lazy for a collection: ``float`` of it computes.
        """
        if not is_collection(X):
            return self.to_local().score(X, y, sample_weight)
        return accuracy(self.predict(X), y, sample_weight)
