"""Estimators on a Dask cluster: data that lie on many machines stay where they are."""

from ._classifier import DaskTrulySparseMLPClassifier
from ._regressor import DaskTrulySparseMLPRegressor

__all__ = ["DaskTrulySparseMLPClassifier", "DaskTrulySparseMLPRegressor"]
