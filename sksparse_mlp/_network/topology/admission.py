"""How many empty cells become connections because they must, in a network that grows.

Linearised Bregman iterations [1]_ add up the gradient of each cell, and a cell becomes a connection
where the sum passes a threshold: so few are connected at first, and those come first whose gradient
is the largest, as in the flow of which they are steps, the inverse scale space [2]_. A sum for each
empty cell would be as large as a dense layer. Here nothing is remembered of them: at an evolution,
as many are looked at as there are connections, drawn as for growth by gradients, and those pass
whose gradient is near the largest.

References
----------
.. [1] Bungert, Roith, Tenbrinck, Burger (2022). A Bregman learning framework for sparse neural
       networks. JMLR 23.
.. [2] Burger, Moeller, Benning, Osher (2013). An adaptive inverse scale space method for compressed
       sensing. Mathematics of Computation 82.
"""

import numpy as np

from .candidates import scores_of
from .growth import by_gradient

# What the gradient of a cell that passes is of the largest, at least.
NEAR_THE_LARGEST = 0.05


def n_admitted(team, layers):
    """How many empty cells of each layer become connections.

    Parameters
    ----------
    team : Team
    layers : list of LayerView
        With signals.

    Returns
    -------
    ndarray of int64
    """
    gradients = []
    for layer in layers:
        candidates = by_gradient(layer).candidates
        scores = np.zeros(0, np.float32)
        if candidates is not None:
            scores = scores_of(team, layer, candidates, layer.indices.size)
        gradients.append(scores)
    return admitted(gradients)


def admitted(gradients):
    """How many magnitudes of each layer are near the largest of all."""
    threshold = NEAR_THE_LARGEST * max(of_layer.max(initial=0.0) for of_layer in gradients)
    return np.array([np.count_nonzero((g >= threshold) & (g > 0)) for g in gradients], np.int64)
