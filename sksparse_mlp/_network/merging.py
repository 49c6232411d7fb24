"""One network from several of the same shape: their mean, and of that the strongest connections.

The connections are first those of any of the networks, each with its mean weight, to which a
network without it contributes zero; of each layer, as many of the largest as there were are kept
[1]_.

References
----------
.. [1] S. Curci, D. C. Mocanu, M. Pechenizkiy, "Truly sparse neural networks at scale", arXiv
   2102.01732 (2021): the last step of WASAP-SGD.
"""

import numpy as np

from .exploration import ExploredCells
from .state import plain

COUNTERS = ("t", "epoch", "n_seen", "n_evolutions")


def merged(networks, shares):
    """The mean of some networks, with as many connections as each of them.

    Parameters
    ----------
    networks : list of SparseNetwork
        With layers of the same sizes and the same activation function.
    shares : ndarray of float64
        What each of them counts; they add up to one.

    Returns
    -------
    SparseNetwork
        Independent of them. The solver starts anew, and so does the count of explored cells; all
        else that is no weight is as in the first network, counters as in the one that is furthest.
    """
    first = networks[0]
    layers = [_merged_layer(networks, layer, shares) for layer in range(first.n_layers)]
    state = first.state_dict()
    state |= {name: max(plain(getattr(network, name)) for network in networks) for name in COUNTERS}
    starts = np.cumsum([0, *first.n_connections[:-1]])
    pointers = [start + indptr for start, (indptr, _, _) in zip(starts, layers, strict=True)]
    state["arrays"] = {
        "indptr": np.concatenate(pointers).astype(np.int64),
        "indices": np.concatenate([indices for _, indices, _ in layers]).astype(np.int32),
        "weights": np.concatenate([weights for _, _, weights in layers]).astype(np.float32),
        "intercepts": _mean(networks, "intercepts", shares),
        "srelu": _mean(networks, "srelu", shares),
    }
    cells = [n_in * n_out for n_in, n_out in first.shapes]
    state |= {
        "optimizer_state": None,
        "n_updates": 0,
        "stable": None,
        "input_preferences": _preferences(networks, shares),
        "explored": ExploredCells(cells, first.n_connections).state_dict(),
    }
    if state["input_preferences"] is None:
        state["growth"] = "set"
    return type(first).of_state(state)


def _merged_layer(networks, layer, shares):
    """Row pointers, columns and weights of a merged layer."""
    n_in, n_out = networks[0].shapes[layer]
    n_kept = networks[0].n_connections[layer]
    cells, weights = [], []
    for network, share in zip(networks, shares, strict=True):
        matrix = network.weights_of(layer)
        rows = np.repeat(np.arange(n_in, dtype=np.int64), np.diff(matrix.indptr))
        cells.append(rows * n_out + matrix.indices)
        weights.append(share * matrix.data.astype(np.float64))
    united, places = np.unique(np.concatenate(cells), return_inverse=True)
    mean = np.bincount(places.ravel(), np.concatenate(weights))
    # A stable order: of equally strong connections, those at the first places are kept.
    kept = np.sort(np.argsort(-abs(mean), kind="stable")[:n_kept])
    rows, columns = np.divmod(united[kept], n_out)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=n_in))))
    return indptr, columns, mean[kept]


def _mean(networks, name, shares):
    """The mean of an array that lies in the same order in all networks."""
    arrays = [getattr(network.arrays, name).astype(np.float64) for network in networks]
    return sum(s * array for s, array in zip(shares, arrays, strict=True)).astype(np.float32)


def _preferences(networks, shares):
    """Mean preferences of growth; None where a network has none."""
    given = [network.input_preferences for network in networks]
    if any(preferences is None for preferences in given):
        return None
    return np.average(given, axis=0, weights=shares).astype(np.float32)
