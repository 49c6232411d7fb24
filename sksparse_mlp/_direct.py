"""The direct path: a layer straight from the inputs to the outputs, trained to convergence.

It is a network of its own without hidden neurons, and its weights are the exact minimum of

    sum_i s_i (log sum_j exp z_ij - z_i,y) + |V|^2 / 2,    z = V^T (r * (x - m) / sd) + b,

where ``r``, mean square one, is in proportion to how well an input alone tells the classes apart,
its ratio of the variation between the classes to that within; for two classes, ``V`` has one
column, their difference. The penalty so falls on inputs that say little: they are shrunk the most.
With fewer samples than inputs the minimum lies in the span of the samples; it is found there, from
the samples' products, whatever the number of inputs.
"""

import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from ._network import SparseNetwork
from ._random import Streams
from ._threads import Team

# Products of two blocks of rows are taken at a time; a block holds about so many numbers.
BLOCK = 2**23
# Inputs that vary less have weights beyond float32: they are left out.
LEAST_SPREAD = 1e-30
# Directions whose variance is smaller than the largest by this factor are rounding.
RELATIVE_PRECISION = 1e-10
# The logit of a class without samples.
ABSENT = -20.0
MAX_ITER, TOLERANCE = 1000, 1e-6


def direct_weights(data, moments, n_outputs):
    """The weights of the direct path.

    Parameters
    ----------
    data : TrainingData
        With class numbers as targets.
    moments : ClassMoments
        Of the same data.
    n_outputs : int
        Number of classes, also of those that no sample has.

    Returns
    -------
    weights : ndarray of float64, shape (n_features, n_outputs)
    intercepts : ndarray of float64, shape (n_outputs,)
        Zero where there is nothing to learn from.
    """
    if np.unique(data.targets[data.rows]).size < 2:
        return np.zeros((moments.mean.size, n_outputs)), np.zeros(n_outputs)
    weight = data.sample_weight[data.rows].astype(np.float64)
    weight *= weight.size / weight.sum()
    scale = _scale(moments)
    # One thread: sums in another order would give other bits.
    with threadpool_limits(1, user_api="blas"):
        products = _centred(_products(data, scale), weight / weight.size)
        variances, directions = np.linalg.eigh(products)
        known = variances > RELATIVE_PRECISION * max(variances[-1], np.finfo(np.float64).tiny)
        lengths = np.sqrt(variances[known])
        if not known.any():
            return np.zeros((scale.size, n_outputs)), np.zeros(n_outputs)
        model = _softmax_regression(directions[:, known] * lengths, data, weight)
        pulls = (directions[:, known] / lengths) @ model.coef_.T
        pulls -= np.outer(weight / weight.size, pulls.sum(axis=0))
        coefs = scale[:, None] ** 2 * _transposed_times(data, pulls)
    intercepts = model.intercept_ - moments.mean @ coefs
    return _for_all_classes(coefs, intercepts, model.classes_, n_outputs)


def _scale(moments):
    """What the inputs are multiplied by: their separation over their standard deviation."""
    separation = moments.separation()
    size = np.sqrt(np.mean(separation**2))
    spread = np.sqrt(moments.variance)
    scale = np.zeros_like(spread)
    np.divide(
        separation, size * spread, out=scale, where=(separation > 0) & (spread > LEAST_SPREAD)
    )
    return scale


def _softmax_regression(Z, data, weight):
    model = LogisticRegression(max_iter=MAX_ITER, tol=TOLERANCE)
    with warnings.catch_warnings():
        # Perfectly separated classes: the last digits of the weights do not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(Z, data.targets[data.rows], weight)


def _blocks(data):
    """The rows to train on, float64 and dense, a block at a time, and where each begins."""
    step = max(1, BLOCK // data.X.shape[1])
    for start in range(0, data.rows.size, step):
        rows = data.X[data.rows[start : start + step]]
        rows = rows.toarray() if sparse.issparse(rows) else rows
        yield start, np.ascontiguousarray(rows, dtype=np.float64)


def _products(data, scale):
    """The scalar products of all pairs of scaled samples."""
    products = np.empty((data.rows.size, data.rows.size))
    for first, some in _blocks(data):
        some = some * scale
        for second, others in _blocks(data):
            if second > first:
                break
            block = some @ (others * scale).T
            products[first : first + len(some), second : second + len(others)] = block
            products[second : second + len(others), first : first + len(some)] = block.T
    return products


def _centred(products, share):
    """The products of the samples' distances from their weighted mean."""
    mean = products @ share
    return products - mean - mean[:, None] + share @ mean


def _transposed_times(data, pulls):
    return sum(rows.T @ pulls[start : start + len(rows)] for start, rows in _blocks(data))


def _for_all_classes(coefs, intercepts, classes, n_outputs):
    """One column a class: two classes share what one column says, absent ones are improbable."""
    if len(classes) == 2:
        coefs, intercepts = np.hstack((-coefs, coefs)) / 2, np.hstack((-intercepts, intercepts)) / 2
    weights, all_intercepts = np.zeros((len(coefs), n_outputs)), np.full(n_outputs, ABSENT)
    weights[:, classes], all_intercepts[classes] = coefs, intercepts
    return weights, all_intercepts


def direct_network(weights, intercepts):
    """A network without hidden neurons that holds these weights, to predict with.

    Parameters
    ----------
    weights : ndarray, shape (n_inputs, n_outputs)
    intercepts : ndarray, shape (n_outputs,)
    """
    with Team(1) as team:
        network = SparseNetwork(
            weights.shape,
            (weights.size,),
            activation="identity",
            activation_slope=0.0,
            weight_init="normal",
            weight_init_gain=1.0,
            solver="sgd",
            streams=Streams(0, 0, 0, 0, 0),
            team=team,
        )
    network.arrays.weights[:] = weights.ravel()
    network.arrays.intercepts[:] = intercepts
    network.drop_slots()
    return network
