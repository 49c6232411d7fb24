"""Which neurons each connection layer leads from and to."""

from itertools import pairwise


def layer_shapes(widths, n_connections):
    """Neurons before and behind each layer; one more layer than pairs of levels is a skip layer."""
    skip = [(widths[0], widths[-1])] if len(n_connections) == len(widths) else []
    return [*pairwise(widths), *skip]
