"""What products of inputs say of the targets: where guided growth looks beside :mod:`.moments`.

Two inputs whose signs together decide a class say nothing each by itself. Their product does: the
separation of the product of two standardised inputs is measured as that of an input is, for all
pairs, an input's own square among them. What the best of all pairs may have by chance is taken
away, and what is left is summed up over the partners of an input. To screen inputs by covariances
that differ between the classes is known from [1]_.

All pairs of some samples take time by the square of the number of inputs, so with many inputs
fewer samples are looked at, or none. Sums are NumPy's own: those of BLAS depend on the number of
its threads.

References
----------
.. [1] Fan, Kong, Li, Zheng (2015). Innovated interaction screening for high-dimensional nonlinear
       classification. Annals of Statistics 43, 1243-1272.
"""

import numpy as np
from scipy.special import fdtri

from .._network.x_view import dense_block
from .moments import contrasts_with_targets, separation_of

# Products of two numbers that are added up at most, and samples that are looked at.
MOST_PRODUCTS, MOST_SAMPLES_IN_PAIRS = 4e9, 2**14
# All that is done to a pair for each contrast takes as long as so many products.
PRODUCTS_PER_CONTRAST = 10
# Numbers of a block of pairs.
BLOCK = 2**17
# Inputs further from their mean than so many standard deviations are taken to be so far.
FARTHEST = 10
# A product that varies by less than this share of its mean square is constant but for rounding.
LEAST_VARIATION = 1e-4


def samples_in_pairs(data):
    """Which samples can be looked at in pairs: int64, drawn at random, for they may have an order.

    Parameters
    ----------
    data : TrainingData
    """
    samples, n_features = data.samples, data.X.shape[1]
    numbers = data.targets.ndim == 2
    n_contrasts = data.targets.shape[1] if numbers else int(data.targets[samples].max()) + 1
    left = MOST_PRODUCTS / n_features**2 - PRODUCTS_PER_CONTRAST * n_contrasts
    at_most = int(min(MOST_SAMPLES_IN_PAIRS, max(0, left / (2 + numbers * n_contrasts))))
    if samples.size <= at_most:
        return samples
    # The same ones for any seed of the training: what an input says is no matter of chance.
    return np.sort(np.random.default_rng(0).choice(samples, at_most, replace=False))


def pair_separation(data, moments):
    """How far products of each input with others separate the targets beyond chance.

    Parameters
    ----------
    data : TrainingData
        Whose samples are looked at.
    moments : InputMoments
        Of the inputs of the training.

    Returns
    -------
    ndarray of float64, shape (n_features,)
        The sum over the partners of an input.
    """
    samples, n_features, classes = data.samples, data.X.shape[1], data.targets.ndim == 1
    weight = data.sample_weight[samples].astype(np.float64)
    weight /= weight.sum()
    contrasts = contrasts_with_targets(data.targets[samples], weight)
    by_chance = _largest_by_chance(contrasts, weight, n_features, classes)
    found = np.zeros(n_features)
    if by_chance == np.inf:
        return found
    Z, step = _standardised(data.X[samples], moments), max(1, BLOCK // n_features)
    for first in range(0, n_features, step):
        rows = slice(first, first + step)
        separation = _separation_of_products(Z[:, rows], Z, weight, contrasts, classes)
        found[rows] = np.maximum(separation - by_chance, 0).sum(axis=1)
    return found


def _largest_by_chance(contrasts, weight, n_features, classes):
    """The separation that one of all pairs is expected to exceed if none says anything."""
    n_contrasts = np.count_nonzero(np.diff(contrasts.indptr)) - 1 if classes else 1
    n_rest = 1 / np.square(weight).sum() - n_contrasts - 1
    if n_contrasts < 1 or n_rest <= 0:
        return np.inf
    return n_contrasts / n_rest * fdtri(n_contrasts, n_rest, 1 - 1 / n_features**2)


def _standardised(X, moments):
    """Samples with mean zero and deviation one, float32; zero where an input does not vary."""
    Z = dense_block(X)
    Z -= moments.mean
    Z *= moments.inverse_spread(of_constant=0.0)
    return np.clip(Z, -FARTHEST, FARTHEST, out=Z).astype(np.float32)


def _separation_of_products(rows, Z, weight, contrasts, classes):
    """The separation of the products of some inputs with all: float64 [n_rows, n_features]."""
    between = np.zeros((rows.shape[1], Z.shape[1]), np.float32)
    for contrast in range(contrasts.shape[0]):
        part = slice(*contrasts.indptr[contrast : contrast + 2])
        samples = contrasts.indices[part]
        between += _sums_of_products(contrasts.data[part], rows[samples], Z[samples]) ** 2
    squares_of_means = _sums_of_products(weight, rows, Z) ** 2
    if classes:
        between -= squares_of_means
    else:
        between /= contrasts.shape[0]
    squares = _sums_of_products(weight, rows**2, Z**2)
    variance = squares - squares_of_means
    variance[variance < LEAST_VARIATION * squares] = 0
    return separation_of(np.clip(between, 0, variance), variance)


def _sums_of_products(weight, rows, Z):
    return np.einsum("si,sj->ij", weight.astype(np.float32)[:, None] * rows, Z)
