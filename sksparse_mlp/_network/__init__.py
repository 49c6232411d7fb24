"""The sparse network: arrays, threads and topology.

Knows the kernels; knows no training loop and no estimator.
"""

from .network import SparseNetwork

# Where it is found by files, whatever the files of this folder are called.
SparseNetwork.__module__ = "sksparse_mlp._network"

__all__ = ["SparseNetwork"]
