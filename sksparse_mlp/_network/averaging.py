"""Means of networks that differ in their connections.

A connection that one of them lacks counts as zero there, and of each layer's mean the strongest
connections are kept, as many as there were: over the time of a training [1]_, and of networks that
were trained apart [2]_. The mean over time takes no more memory than a network that is not trained,
8 bytes a connection; as many are needed for the new one while it is made.

References
----------
.. [1] Yin, Menkovski, Fang, Huang, Pei, Pechenizkiy, Mocanu, Liu (2022). Superposing many tickets
       into one: a performance booster for sparse neural network training. UAI.
.. [2] Curci, Mocanu, Pechenizkiy (2021). Truly sparse neural networks at scale. arXiv 2102.01732:
       the last step of WASAP-SGD.
"""

import numpy as np

from .._kernels.averaging import keep_strongest, unite_layers
from .._kernels.records import KeptConnections, LayerPair
from .views import read_only_record

# Magnitudes that are looked at together; and how many of their 31 bits come first.
BLOCK, LOW_BITS = 2**20, 16


def averaged(network, mean, share):
    """A new mean, of an old one and what a network is now.

    Parameters
    ----------
    network : SparseNetwork
    mean : NetworkArrays or None
        Of networks of the same sizes; None: there is none yet.
    share : float
        What the network counts, from 0 to 1; all, if it is the first.

    Returns
    -------
    NetworkArrays
        New memory.
    """
    if mean is None:
        return network.snapshot()
    shares = 1.0 - share, float(share)
    result = united(network.with_arrays(mean), network, shares, network.n_connections)
    values = {name: getattr(mean, name).astype(np.float64) for name in ("intercepts", "srelu")}
    for name, old in values.items():
        new = old * shares[0] + shares[1] * getattr(network.arrays, name)
        values[name] = new.astype(np.float32)
    return result._replace(**values)


def united(first, second, shares, n_connections=None):
    """The weighted sum of two networks of the same shape, on the connections of either.

    Parameters
    ----------
    first, second : SparseNetwork
        Only their arrays are looked at.
    shares : tuple of float
        What each of them counts.
    n_connections : sequence of int or None
        Of each layer, how many of the strongest are kept, of equal ones the first; None: all.

    Returns
    -------
    NetworkArrays
        Of the second, with new memory for connections and weights.
    """
    indptr, layers, start = np.empty_like(second.arrays.indptr), [], 0
    result = second.with_arrays(second.arrays._replace(indptr=indptr))
    for layer in range(second.n_layers):
        n = None if n_connections is None else n_connections[layer]
        pointers = result.pointers_of(layer)
        layers.append(_unite_layer(first, second, layer, shares, n, pointers))
        pointers += start
        start = int(pointers[-1])
    one = len(layers) == 1
    indices, weights = layers[0] if one else map(np.concatenate, zip(*layers, strict=True))
    return result.arrays._replace(
        n_connections=start, indices=indices, weights=weights, indptr=indptr
    )


def _unite_layer(first, second, layer, shares, n, pointers):
    """Columns and weights of a layer; the pointers of its rows are written."""
    n_either = sum(int(np.ptp(each.pointers_of(layer)[[0, -1]])) for each in (first, second))
    means = np.empty(n_either, np.float32)
    pair = pair_of_layers(first, second, layer, shares, means)
    unite_layers(pair)
    n_united = int(pair.n_united[0])
    if n is None:
        n, threshold, n_ties = n_united, 0, n_united
    else:
        threshold, n_ties = _threshold(pair.magnitudes[:n_united], n)
    indices, weights = np.empty(n, np.int32), np.empty(n, np.float32)
    pointers[0] = 0
    keep_strongest(pair, KeptConnections(threshold, n_ties, 0, pointers, indices, weights))
    return indices, weights


def pair_of_layers(first, second, layer, shares, means):
    """A layer of two networks as kernels see it, and where means go."""
    arrays = [read_only_record(each.arrays) for each in (first, second)]
    return LayerPair(
        n_in=second.shapes[layer][0],
        share_1=shares[0],
        share_2=shares[1],
        indptr_1=first.with_arrays(arrays[0]).pointers_of(layer),
        indices_1=arrays[0].indices,
        weights_1=arrays[0].weights,
        indptr_2=second.with_arrays(arrays[1]).pointers_of(layer),
        indices_2=arrays[1].indices,
        weights_2=arrays[1].weights,
        means=means,
        magnitudes=means.view(np.uint32),
        n_united=np.zeros(1, np.int64),
    )


def _threshold(magnitudes, n):
    """The bits of the n-th largest magnitude, and how many of these are among the n."""
    high, n_left = _digit_of_nth(magnitudes, n, lambda bits: bits >> LOW_BITS)
    low_mask = (1 << LOW_BITS) - 1
    low, n_left = _digit_of_nth(
        magnitudes, n_left, lambda bits: bits[bits >> LOW_BITS == high] & low_mask
    )
    return (high << LOW_BITS) | low, n_left


def _digit_of_nth(magnitudes, n, digits_of):
    """The n-th largest of some digits, and how many of those that are equal are among the n."""
    counts = np.zeros(1 << LOW_BITS, np.int64)
    for first in range(0, magnitudes.size, BLOCK):
        bits = magnitudes[first : first + BLOCK] & np.uint32(0x7FFFFFFF)
        counts += np.bincount(digits_of(bits), minlength=counts.size)
    from_top = np.cumsum(counts[::-1])
    at = int(np.searchsorted(from_top, n))
    above = int(from_top[at - 1]) if at else 0
    return counts.size - 1 - at, n - above
