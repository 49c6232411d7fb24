"""The direct path: a layer straight from the inputs to the outputs, trained to convergence.

It is a network of its own without hidden neurons, and its weights are the exact minimum of

    sum_i s_i (log sum_j exp z_ij - z_i,y) + |V|^2 / 2,    z = V^T (r * (x - m) / sd) + b,

a logistic regression, but for the scale of each input, ``r^2 = 1 + q^2 / mean(q^2)``, with ``q``
its ratio of the variation between the classes to that within; for two classes, ``V`` has one
column, their difference. The penalty so falls on inputs that say little: they are shrunk the most.
With fewer samples than inputs the minimum lies in the span of the samples; it is found there, from
the samples' products, whatever the number of inputs.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from .._network.network import SparseNetwork
from .._network.streams import Streams
from .._network.team import Team
from .._network.x_view import dense_block

# Columns of X are read in parts, of all samples: at most this many numbers.
BLOCK = 2**22
# Inputs that vary less have weights beyond float32: they are left out.
LEAST_SPREAD = 1e-30
# Directions whose variance is smaller than the largest by this factor are rounding.
RELATIVE_PRECISION = 1e-10
# The logit of a class without samples.
ABSENT = -20.0
MAX_ITER, TOLERANCE = 400, 1e-6


def bytes_needed(n_samples, n_features, n_outputs):
    """What :func:`direct_weights` and its result take at the peak."""
    return 8 * (5 * n_samples**2 + 4 * n_features * n_outputs + 2 * BLOCK)


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
    scale = _scale(moments)
    if np.unique(data.targets[data.samples]).size < 2 or not scale.any():
        return np.zeros((scale.size, n_outputs)), np.zeros(n_outputs)
    # One thread: sums in another order would give other bits.
    with threadpool_limits(1, user_api="blas"):
        products = sum(tile @ tile.T for _, tile in _tiles(data, moments.mean, scale))
        variances, directions = np.linalg.eigh(products)
        known = variances > RELATIVE_PRECISION * variances[-1]
        lengths = np.sqrt(variances[known])
        model = _softmax_regression(directions[:, known] * lengths, data)
        pulls = (directions[:, known] / lengths) @ model.coef_.T
        coefs = np.empty((scale.size, pulls.shape[1]))
        for columns, tile in _tiles(data, moments.mean, scale):
            coefs[columns] = scale[columns, None] * (tile.T @ pulls)
    intercepts = model.intercept_ - moments.mean @ coefs
    return _for_all_classes(coefs, intercepts, model.classes_, n_outputs)


def _scale(moments):
    """What the inputs are multiplied by: ``r / sd``, zero for those that do not vary."""
    separation = moments.separation()
    size = max(np.sqrt(np.mean(separation**2)), np.finfo(np.float64).tiny)
    spread = np.sqrt(moments.variance)
    varies = spread > LEAST_SPREAD
    return np.divide(
        np.hypot(1.0, separation / size), spread, out=np.zeros_like(spread), where=varies
    )


def _tiles(data, mean, scale):
    """Some columns of the centred and scaled samples at a time, and which ones."""
    width = max(1, BLOCK // data.samples.size)
    for start in range(0, mean.size, width):
        columns = slice(start, start + width)
        tile = dense_block(data.X[:, columns][data.samples])
        tile -= mean[columns]
        tile *= scale[columns]
        yield columns, tile


def _softmax_regression(Z, data):
    weight = data.sample_weight[data.samples].astype(np.float64)
    weight *= weight.size / weight.sum()
    model = LogisticRegression(max_iter=MAX_ITER, tol=TOLERANCE)
    with warnings.catch_warnings():
        # Perfectly separated classes: the last digits of the weights do not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(Z, data.targets[data.samples], weight)


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
    network.drop_optimizer_state()
    return network
