"""Truly sparse multilayer perceptrons for scikit-learn."""

from .classifier import TrulySparseMLPClassifier
from .selection import SparseAutoencoderSelector, SparseMLPFeatureSelector

__version__ = "0.1.0"

__all__ = [
    "SparseAutoencoderSelector",
    "SparseMLPFeatureSelector",
    "TrulySparseMLPClassifier",
    "__version__",
]
