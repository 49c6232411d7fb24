"""Feature selection by sparse networks: the inputs on which their connections gather."""

from ._autoencoder import SparseAutoencoderSelector
from ._supervised import SparseMLPFeatureSelector

__all__ = ["SparseAutoencoderSelector", "SparseMLPFeatureSelector"]
