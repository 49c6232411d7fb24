"""The running mean of a network's weights while its topology changes.

A connection that the network or the mean lacks counts as zero there, and of each layer's mean the
strongest connections are kept, as many as the network has [1]_. So the mean takes no more memory
than a network that is not trained, 8 bytes a connection; as many are needed for the new one while
it is made.

References
----------
.. [1] Yin, Menkovski, Fang, Huang, Pei, Pechenizkiy, Mocanu, Liu (2022). Superposing many tickets
       into one: a performance booster for sparse neural network training. UAI.
"""

import numpy as np

from .._kernels.averaging import keep_strongest, unite_layers
from .._kernels.records import KeptConnections, LayerPair
from .prediction import read_only

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
    result = network.snapshot()
    for name in ("intercepts", "srelu"):
        values = getattr(mean, name).astype(np.float64) * (1.0 - share)
        getattr(result, name)[:] = values + share * getattr(network.arrays, name)
    for layer in range(network.n_layers):
        _average_layer(
            network, network.with_arrays(mean), network.with_arrays(result), layer, share
        )
    return result


def _average_layer(network, mean, result, layer, share):
    """Overwrite a layer of the result, which is a copy of the network."""
    start, stop = result.connections_of(layer)
    means = np.empty(2 * (stop - start), np.float32)
    pair = pair_of_layers(mean, network, layer, share, means)
    unite_layers(pair)
    threshold, n_ties = _threshold(pair.magnitudes[: pair.n_united[0]], stop - start)
    kept = KeptConnections(
        threshold=threshold,
        n_ties=n_ties,
        start=start,
        indptr=result.pointers_of(layer),
        indices=result.arrays.indices,
        weights=result.arrays.weights,
    )
    keep_strongest(pair, kept)


def pair_of_layers(mean, network, layer, share, means):
    """A layer of the mean and of the network as kernels see them, and where means go."""
    of_mean, of_network = (read_only(each.arrays) for each in (mean, network))
    return LayerPair(
        n_in=network.shapes[layer][0],
        share_1=1.0 - share,
        share_2=float(share),
        indptr_1=mean.with_arrays(of_mean).pointers_of(layer),
        indices_1=of_mean.indices,
        weights_1=of_mean.weights,
        indptr_2=network.with_arrays(of_network).pointers_of(layer),
        indices_2=of_network.indices,
        weights_2=of_network.weights,
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
