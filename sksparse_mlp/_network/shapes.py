"""Which neurons each connection layer leads from and to."""

from itertools import pairwise


def has_skip(widths, n_connections):
    """Whether the last layer is a skip layer: there is one more than pairs of levels."""
    return len(n_connections) == len(widths)


def layer_shapes(widths, n_connections):
    """Neurons before and behind each layer."""
    skip = [(widths[0], widths[-1])] if has_skip(widths, n_connections) else []
    return [*pairwise(widths), *skip]
