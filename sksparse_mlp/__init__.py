"""Truly sparse multilayer perceptrons for scikit-learn."""

from importlib import import_module

from .classifier import TrulySparseMLPClassifier
from .regressor import TrulySparseMLPRegressor
from .survival import TrulySparseMLPSurvival

__version__ = "0.1.0"

__all__ = [
    "SparseAutoencoderSelector",
    "SparseMLPFeatureSelector",
    "TrulySparseMLPClassifier",
    "TrulySparseMLPEnsembleClassifier",
    "TrulySparseMLPEnsembleRegressor",
    "TrulySparseMLPRegressor",
    "TrulySparseMLPSurvival",
    "__version__",
    "merge",
]
# Where the names are that are imported when they are asked for: what they need of scikit-learn
# takes longer to import than all of this package.
LATER = {
    "SparseAutoencoderSelector": "selection",
    "SparseMLPFeatureSelector": "selection",
    "TrulySparseMLPEnsembleClassifier": "ensemble",
    "TrulySparseMLPEnsembleRegressor": "ensemble",
    "merge": "ensemble",
}


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    if name in LATER:
        return getattr(import_module(f".{LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
