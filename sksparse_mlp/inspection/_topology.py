"""How the connections of each layer are spread: degrees, dead neurons, expansion."""

import numpy as np
from scipy.sparse.linalg import svds

from ._networks import network_of, patterns_of, skip_pattern_of
from ._summary import summary

# Of layers that are narrower at one end, a small dense matrix has the same singular values.
NARROW = 256
# The relative accuracy of singular values of other layers.
TOLERANCE = 1e-6


def topology_report(est):
    """Describe how the connections of each layer are spread over its neurons.

    Whether a signal gets from everywhere to everywhere shows in the spectrum of a layer's matrix of
    ones and zeros: the smaller the second singular value beside the first, the better. That of the
    best graphs, called Ramanujan graphs, and of random ones is about ``sqrt(d_in - 1) +
    sqrt(d_out - 1)``, with the mean degrees of the neurons at the layer's two ends [1]_. A layer
    well above that bound falls into parts, or has gathered its connections on some neurons.

    Parameters
    ----------
    est : estimator
        A fitted sparse network, or a pipeline, search or selector that ends in one.

    Returns
    -------
    dict of list
        One entry a layer, a skip layer last; ``pandas.DataFrame(report)`` makes a table. Keys:
        "in_degrees" and "out_degrees" (arrays: the connections that enter each neuron at the
        layer's outputs, and leave each at its inputs), "dead_inputs" and "dead_outputs" (how many
        are on no path from an input to an output of the network), "explored" (share of the cells
        ever connected), "first_singular_value" and "second_singular_value", "spectral_gap" (their
        difference), "ramanujan_bound", and "is_ramanujan" (whether the second singular value is
        within the bound).

    See Also
    --------
    summary : Sizes, memory and densities.
    topology_distance : How far apart the topologies of two networks are, or of one at two times.

    Notes
    -----
    Neurons without connections do not count in the mean degrees. Singular values have six digits.

    References
    ----------
    .. [1] D. N. M. Hoang, S. Kundu, S. Liu, Z. Wang, "Don't just prune by magnitude! Your mask
       topology is a secret weapon", NeurIPS (2023).

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import topology_report
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(100, epsilon=5, max_iter=5, random_state=0)
    >>> report = topology_report(model.fit(X, y))
    >>> [int(degrees.sum()) for degrees in report["in_degrees"]]
    [3000, 200, 1000]
    >>> report["is_ramanujan"][1:]  # of full layers, the second singular value is 0
    [True, True]
    """
    network = network_of(est)
    skip = skip_pattern_of(network)
    patterns = [*patterns_of(network), *([] if skip is None else [skip])]
    figures = zip(patterns, summary(network).layers, strict=True)
    rows = [_report_of_layer(pattern, layer) for pattern, layer in figures]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _report_of_layer(pattern, layer):
    in_degrees = np.bincount(pattern.indices, minlength=pattern.shape[1])
    out_degrees = np.diff(pattern.indptr).astype(np.int64)
    first, second = _singular_values(pattern)
    bound = _ramanujan_bound(in_degrees, out_degrees)
    return {
        "in_degrees": in_degrees,
        "out_degrees": out_degrees,
        "dead_inputs": layer.dead_inputs,
        "dead_outputs": layer.dead_outputs,
        "explored": layer.explored,
        "first_singular_value": first,
        "second_singular_value": second,
        "spectral_gap": first - second,
        "ramanujan_bound": bound,
        "is_ramanujan": bool(second <= bound * (1 + TOLERANCE)),
    }


def _ramanujan_bound(in_degrees, out_degrees):
    """What the second singular value of a random layer of these mean degrees is about."""
    means = (degrees[degrees > 0].mean() for degrees in (in_degrees, out_degrees))
    return float(sum(np.sqrt(mean - 1) for mean in means))


def _singular_values(pattern):
    """The two largest ones; the second of a single row or column is 0."""
    matrix = pattern.astype(np.float64)
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    n = matrix.shape[1]
    if n <= NARROW:
        squares = np.linalg.eigvalsh((matrix.T @ matrix).toarray())
        # Rounding errors of the largest square are all that a vanishing one consists of.
        squares[squares < n * np.finfo(float).eps * squares[-1]] = 0.0
        values = np.sqrt(squares)
    else:
        # Not ones: of a regular layer they are the first singular vector, and nothing else.
        start = np.random.default_rng(0).normal(size=n)
        values = svds(matrix, 2, v0=start, tol=TOLERANCE, return_singular_vectors=False)
        values.sort()
    return float(values[-1]), float(values[-2]) if n > 1 else 0.0
