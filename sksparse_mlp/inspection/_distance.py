"""How much two topologies differ: the normalised sparse topology distance, NNSTD [1]_.

Two neurons differ by the Jaccard distance of the sets of neurons that feed them. Pairing each
neuron of one network with one of the other such that the mean distance of the pairs is smallest
gives the distance of a layer; the inputs of the next layer are then paired in this way.

References
----------
.. [1] S. Liu et al., "Topological insights into sparse neural networks", ECML PKDD (2020).
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from ._networks import network_of, patterns_of

# Wider layers are paired greedily: the best assignment takes a time cubic in the width.
PAIRED_EXACTLY_UP_TO = 4096
# Distances that a greedy pairing holds at a time.
GREEDY_BLOCK = 2**23


def topology_distance(a, b, *, per_layer=False):
    """How much the topologies of two fitted networks differ, whatever the order of their neurons.

    This is the normalised sparse topology distance, NNSTD [1]_: 0 where the connections are the
    same up to the order of the neurons, 1 where no two neurons share an input. The members of a
    good ensemble are far apart, as are two random networks of low density.

    Parameters
    ----------
    a, b : estimators
        Fitted sparse networks with layers of the same sizes, or pipelines, searches or selectors
        that end in such.
    per_layer : bool, default=False
        Whether to return the distance of each layer instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_layers,)
        The distance, from 0 to 1.

    See Also
    --------
    summary : Figures of one network.

    Notes
    -----
    Layers of up to 4096 neurons are paired by the best assignment, wider ones greedily, which can
    make the distance somewhat larger.

    References
    ----------
    .. [1] S. Liu et al., "Topological insights into sparse neural networks", ECML PKDD (2020).

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import topology_distance
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> other = clone(model).set_params(random_state=1)
    >>> model, other = model.fit(X, y), other.fit(X, y)
    >>> topology_distance(model, model)
    0.0
    >>> distances = topology_distance(model, other, per_layer=True)
    >>> bool(distances[0] > 0.5)
    True
    """
    layers_a, layers_b = (patterns_of(network_of(est)) for est in (a, b))
    shapes_a, shapes_b = ([layer.shape for layer in layers] for layers in (layers_a, layers_b))
    if shapes_a != shapes_b:
        raise ValueError(
            f"a and b must have layers of the same shapes; got {shapes_a} and {shapes_b}."
        )
    distances, partners = [], np.arange(shapes_a[0][0])
    for layer_a, layer_b in zip(layers_a, layers_b, strict=True):
        partners, distance = _pair_neurons(layer_a.T.tocsr(), layer_b[partners].T.tocsr())
        distances.append(distance)
    return np.array(distances) if per_layer else float(np.mean(distances))


def _pair_neurons(inputs_a, inputs_b):
    """The partner in b of each neuron of a, and the mean distance of the pairs."""
    n = inputs_a.shape[0]
    if n > PAIRED_EXACTLY_UP_TO:
        return _pair_greedily(inputs_a, inputs_b)
    distances = _jaccard_distances(inputs_a, inputs_b)
    own, partners = linear_sum_assignment(distances)
    return partners, float(distances[own, partners].mean())


def _pair_greedily(inputs_a, inputs_b):
    """Each neuron of a takes the nearest one of b that is still free."""
    n = inputs_a.shape[0]
    partners, found = np.empty(n, np.int64), np.empty(n)
    taken = np.zeros(n, np.float32)
    n_rows = max(1, GREEDY_BLOCK // n)
    for first in range(0, n, n_rows):
        rows = _jaccard_distances(inputs_a[first : first + n_rows], inputs_b)
        for i, distances in enumerate(rows, first):
            partners[i] = np.argmin(distances + taken)
            found[i] = distances[partners[i]]
            taken[partners[i]] = np.inf
    return partners, float(found.mean())


def _jaccard_distances(a, b):
    """Distance of each row of a to each row of b, as sets; two empty ones are equal."""
    shared = (a @ b.T).toarray()
    united = np.diff(a.indptr)[:, None] + np.diff(b.indptr) - shared
    return np.where(united > 0, 1.0 - shared / np.maximum(united, 1.0), 0.0).astype(np.float32)
