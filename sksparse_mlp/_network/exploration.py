"""Which cells of each layer were ever connected, from the first topology on.

With N cells, n connections and k of them moved by an evolution, growth picks k of the N - n + k
empty cells uniformly. A cell that was never connected stays so with probability
1 - k / (N - n + k), so the share of unexplored cells is to be expected to shrink by this factor.
Small layers keep a bit for each cell and need no expectation.
"""

import numpy as np

# Layers of at most this many cells keep a bit for each of them: at most 16 kB.
COUNTED_UP_TO = 2**17


class ExploredCells:
    """Shares of cells ever connected, ITOP's R_s, by layer.

    Parameters
    ----------
    n_cells, n_connections : sequence of int
        Of each layer.

    Attributes
    ----------
    shares : list of float
        From 0 to 1: counted in small layers, expected in large ones.
    """

    def __init__(self, n_cells, n_connections):
        self.n_cells = tuple(n_cells)
        self.shares = [n / n_all for n, n_all in zip(n_connections, n_cells, strict=True)]
        self.counted = [n_all <= COUNTED_UP_TO for n_all in n_cells]
        self.bitmaps = [None] * len(self.n_cells)

    def begin(self, layer, pattern):
        """Note where the connections of a layer were before its first evolution."""
        if self.counted[layer] and self.bitmaps[layer] is None:
            self.bitmaps[layer] = _bits_of(pattern)

    def add(self, layer, pattern, n_moved):
        """Note where the connections are after an evolution that moved some of them."""
        n_cells = self.n_cells[layer]
        if self.counted[layer]:
            self.bitmaps[layer] = self.bitmaps[layer] | _bits_of(pattern)
            self.shares[layer] = int(np.unpackbits(self.bitmaps[layer]).sum()) / n_cells
        elif n_moved:
            n_empty = n_cells - pattern.nnz
            self.shares[layer] = 1.0 - (1.0 - self.shares[layer]) * n_empty / (n_empty + n_moved)

    def begin_anew(self, layer, n_connections):
        """Forget all of a layer but its connections."""
        self.shares[layer] = n_connections / self.n_cells[layer]
        self.bitmaps[layer] = None

    def copy(self):
        """An independent record of the same."""
        twin = ExploredCells(self.n_cells, [0] * len(self.n_cells))
        twin.load_state_dict(self.state_dict())
        return twin

    def stop_counting(self):
        """Forget the bitmaps: the shares go on from here as is to be expected."""
        self.counted = [False] * len(self.n_cells)
        self.bitmaps = [None] * len(self.n_cells)

    def state_dict(self):
        """All of it but the sizes, for files and copies."""
        return {
            "shares": list(self.shares),
            "counted": list(self.counted),
            "bitmaps": list(self.bitmaps),
        }

    def load_state_dict(self, state):
        """Take over a state."""
        vars(self).update({name: list(values) for name, values in state.items()})


def _bits_of(pattern):
    """One bit a cell, packed."""
    n_in, n_out = pattern.shape
    connected = np.zeros(n_in * n_out, bool)
    row_starts = np.arange(n_in) * n_out
    connected[np.repeat(row_starts, np.diff(pattern.indptr)) + pattern.indices] = True
    return np.packbits(connected)
