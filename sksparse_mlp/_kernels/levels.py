"""Which levels a connection layer leads from and to.

Layers 0, 1, ... lead from one level to the next. One more layer may follow them, the *skip layer*:
it leads from the inputs straight to the outputs.
"""

import numpy as np

from .jit import inlined


@inlined
def output_level(net):
    """The last level."""
    return net.n_levels - 1


@inlined
def levels_of(net, layer):
    """The levels that a layer leads from and to."""
    if layer < net.n_levels - 1:
        return np.int64(layer), np.int64(layer + 1)
    return np.int64(0), np.int64(net.n_levels - 1)


@inlined
def has_skip(net):
    """Whether the last layer is a skip layer."""
    return net.n_layers == net.n_levels


@inlined
def is_skip(net, layer):
    """Whether a layer adds to outputs that another one has computed."""
    return layer == net.n_levels - 1
