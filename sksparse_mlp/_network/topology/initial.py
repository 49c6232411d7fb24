"""Where the first connections of a layer lie: see :class:`.base.InitialRule`.

References
----------
.. [1] Mocanu et al. (2018). Scalable training of artificial neural networks with adaptive sparse
       connectivity inspired by network science. Nature Communications 9, 2383.
.. [2] Watts, Strogatz (1998). Collective dynamics of 'small-world' networks. Nature 393, 440-442.
.. [3] Zhang et al. (2024). Epitopological learning and Cannistraci-Hebb network shape intelligence
       brain-inspired theory for ultra-sparse advantage in deep learning. ICLR: between two layers.
"""

import numpy as np
from scipy.sparse import csc_array

from .base import NO_CELLS, Cells


def erdos_renyi(layer, rewiring):
    """SET [1]_: anywhere."""
    return NO_CELLS


def small_world(layer, rewiring):
    """Near by on a ring [2]_ [3]_, but for those that are rewired and lie anywhere.

    The neurons that the layer leads to stand at equal distances along the ring of those that it
    leads from, each connected to the nearest: the same number for all, or one more.
    """
    n_in, n_out, n = layer.n_in, layer.n_out, layer.weights.size
    stops = n * np.arange(1, n_out + 1) // n_out
    fan_in = np.diff(stops, prepend=0)
    middle = (np.arange(n_out) + 0.5) * (n_in / n_out)
    first = np.floor(middle - fan_in / 2).astype(np.int64)
    rows = np.repeat(first - stops + fan_in, fan_in) + np.arange(n)
    kept = np.random.default_rng(layer.seed).random(n, np.float32) >= rewiring
    pointers = np.concatenate(([0], np.cumsum(kept)))[np.concatenate(([0], stops))]
    rows = (rows[kept] % n_in).astype(np.int32)
    pattern = csc_array((np.empty(rows.size, np.int8), rows, pointers), shape=(n_in, n_out)).tocsr()
    return Cells(pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32))


INITIAL_RULES = {"erdos_renyi": erdos_renyi, "small_world": small_world}
