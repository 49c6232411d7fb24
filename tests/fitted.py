"""Fitted networks for tests of what only looks at fitted attributes: drawn by hand, or trained."""

from itertools import pairwise

import numpy as np
from estimators import small
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator

from sksparse_mlp.datasets import make_microarray


class Drawn(BaseEstimator):
    """A fitted network with the weights that a test chooses, and nothing else to it."""

    def fit(self, X, y):
        raise NotImplementedError

    @property
    def feature_importances_(self):
        strength = np.asarray(abs(self.coefs_[0]).sum(axis=1), dtype=float).ravel()
        return strength / strength.sum()


def drawn(*layers, names=None, history=None):
    """A fitted network from matrices in which 0 means no connection."""
    network = Drawn()
    network.coefs_ = [csr_array(np.asarray(layer, np.float32)) for layer in layers]
    network.n_features_in_ = network.coefs_[0].shape[0]
    never_moved = {
        "rewired_by_layer": [[0] * len(layers)],
        "explored_by_layer": [[np.count_nonzero(layer) / np.size(layer) for layer in layers]],
    }
    network.history_ = never_moved if history is None else history
    if names is not None:
        network.feature_names_in_ = np.array(names, dtype=object)
    return network


def drawn_at_random(widths, density, seed=0, **more):
    """A fitted network of random connections."""
    rng = np.random.default_rng(seed)
    layers = [rng.random(shape) < density for shape in pairwise(widths)]
    return drawn(*layers, **more)


def trained(n_samples=60, n_features=40, n_classes=3, seed=0, **changes):
    """A small classifier trained for a few epochs, and its data."""
    X, y = make_microarray(
        n_samples, n_features, n_informative=10, n_classes=n_classes, random_state=seed
    )
    X -= X.mean(axis=0)
    return small(**{"temperature": "auto", "random_state": seed} | changes).fit(X, y), X, y
