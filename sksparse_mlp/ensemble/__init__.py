"""Several truly sparse networks: ensembles of them, and one made of several."""

from ._classifier import TrulySparseMLPEnsembleClassifier
from ._merge import merge
from ._regressor import TrulySparseMLPEnsembleRegressor

__all__ = ["TrulySparseMLPEnsembleClassifier", "TrulySparseMLPEnsembleRegressor", "merge"]
