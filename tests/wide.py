"""Data with more features than samples, of which the first nine tell the classes apart."""

import numpy as np


def wide(n_samples=30, n_features=80, n_classes=3, seed=0):
    """Features and class numbers."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, n_features))
    X[:, :9] += y[:, None]
    return X, y
