"""DaskTrulySparseMLPRegressor: the regressor, fitted to rows that lie on many machines."""

from typing import ClassVar

import numpy as np

from .._estimator.compat import fit_context
from ..regressor import TrulySparseMLPRegressor
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
from ._scores import r2


class DaskTrulySparseMLPRegressor(FittedOnCluster, TrulySparseMLPRegressor):
    __doc__ = f"""Train :class:`~sksparse_mlp.TrulySparseMLPRegressor` on a Dask cluster.

    X is a dask array (of dense blocks, or of SciPy CSR matrices), a dask frame or a list of
    delayed blocks; y, one column or several, and the weights are divided likewise. Targets are
    standardised by the mean and the standard deviation over all blocks, for any loss, and no
    pilots find out how long to train. {HOW_IT_TRAINS}

    Parameters
    ----------
    {section_of(TrulySparseMLPRegressor, "Parameters", "Attributes")}

    {DESCRIPTIONS}

    Attributes
    ----------
    {section_of(TrulySparseMLPRegressor, "Attributes", "See Also")}

    See Also
    --------
    sksparse_mlp.TrulySparseMLPRegressor : The same for data in the memory of one machine.
    DaskTrulySparseMLPClassifier : The same for classes.

    Notes
    -----
    {NOTES}

    References
    ----------
    {references_of(TrulySparseMLPRegressor)}

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import make_regression
    >>> from sksparse_mlp.dask import DaskTrulySparseMLPRegressor
    >>> X, y = make_regression(120, 50, n_informative=5, random_state=0)
    >>> X, y = da.from_array(X, chunks=(40, 50)), da.from_array(y, chunks=40)
    >>> with Client(processes=False, dashboard_address=':0') as client:
    ...     model = DaskTrulySparseMLPRegressor(20, max_iter=5, random_state=0).fit(X, y)
    ...     model.predict(X).compute().shape
    (120,)
    """

    _ordinary = TrulySparseMLPRegressor
    _parameter_constraints: ClassVar[dict] = {
        **TrulySparseMLPRegressor._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    @with_parameters_of(TrulySparseMLPRegressor)
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
        y : the same, or array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, divided as X is; an array only if the lengths of X's blocks are known.
        sample_weight : the same, default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping, in memory here.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of ``X_val``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : DaskTrulySparseMLPRegressor
            The fitted estimator.
        """
        return self._fit_blocks(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def _adopt_targets(self, summary, *, going_on):
        size, mean, variance, _ = summary.numbers
        if going_on:
            self._check_same_targets(summary.y_shape)
            self._warn_if_elsewhere(size, mean, variance)
            return
        self._is_column = summary.y_shape == ()
        self._standardise_by(size, mean, variance)

    # ------------------------------------------------------------ predicting

    def _form_of(self, method):
        return () if self._is_column else (self.n_outputs_,), np.float64

    def predict(self, X):
        """Return the predicted targets of each sample.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples,) or (n_samples, n_outputs), float64
            Lazy; an ndarray for an array.
        """
        return self._answer("predict", X)

    def score(self, X, y, sample_weight=None):
        """Return R^2 of the predictions, of several targets the mean.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.
        y : the same
            Targets, divided as X is.
        sample_weight : the same, default=None
            Weights of the samples.

        Returns
        -------
        dask array without dimensions, or float
            Lazy for a collection: ``float`` of it computes.
        """
        if not is_collection(X):
            return self.to_local().score(X, y, sample_weight)
        return r2(self.predict(X), y, sample_weight)
