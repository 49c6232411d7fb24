"""The classifier on a Dask cluster: data that lie on many machines stay where they are."""

from ._classifier import DaskTrulySparseMLPClassifier

__all__ = ["DaskTrulySparseMLPClassifier"]
