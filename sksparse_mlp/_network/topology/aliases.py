"""Walker's tables, with which a chunk of rows is drawn in the same time however many there are.

References
----------
.. [1] Walker, A. J. (1977). An efficient method for generating discrete random variables with
       general distributions. ACM Transactions on Mathematical Software 3, 253-256.
"""

import numpy as np

from ..._kernels.topology.notes import MAX_CHUNKS


def tables_of_chunks(sums):
    """How chunks are drawn in proportion to the preferences of their rows.

    Parameters
    ----------
    sums : ndarray of float64, shape (n_in + 1,)
        Running sums of the rows' preferences; of no rows, the tables are empty.

    Returns
    -------
    shares : ndarray of float64, shape (n_chunks,)
        How often a chunk that is drawn stays what it is.
    aliases : ndarray of int64, shape (n_chunks,)
        What it becomes otherwise.
    """
    n_rows = sums.size - 1
    n_chunks = min(MAX_CHUNKS, n_rows)
    bounds = [n_rows * chunk // n_chunks for chunk in range(n_chunks + 1)] if n_chunks else [0]
    left = np.diff(sums[bounds]) * n_chunks / sums[-1]
    shares, aliases = np.ones(n_chunks), np.arange(n_chunks)
    small = [chunk for chunk in range(n_chunks) if left[chunk] < 1]
    large = [chunk for chunk in range(n_chunks) if left[chunk] >= 1]
    while small and large:
        poor, rich = small.pop(), large[-1]
        shares[poor], aliases[poor] = left[poor], rich
        left[rich] -= 1 - left[poor]
        if left[rich] < 1:
            small.append(large.pop())
    return shares, aliases
