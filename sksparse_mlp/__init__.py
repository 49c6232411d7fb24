"""Truly sparse multilayer perceptrons for scikit-learn."""

from .classifier import TrulySparseMLPClassifier

__version__ = "0.1.0"

__all__ = ["TrulySparseMLPClassifier", "__version__"]
