"""Truly sparse multilayer perceptrons for scikit-learn."""

from .classifier import TrulySparseMLPClassifier
from .regressor import TrulySparseMLPRegressor

__version__ = "0.1.0"

__all__ = [
    "SparseAutoencoderSelector",
    "SparseMLPFeatureSelector",
    "TrulySparseMLPClassifier",
    "TrulySparseMLPRegressor",
    "__version__",
]


def __getattr__(name):
    # scikit-learn's own feature selection takes longer to import than all of this package.
    if name in ("SparseAutoencoderSelector", "SparseMLPFeatureSelector"):
        from . import selection

        return getattr(selection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
