"""The distribution of new weights: of the first ones as well as of those that grow."""

import numpy as np

from ..._kernels.records import NORMAL, UNIFORM, WeightInit
from ..streams import derive_seed


def _he_uniform(fan_in, fan_out):
    return UNIFORM, np.sqrt(6.0 / fan_in)


def _he_normal(fan_in, fan_out):
    return NORMAL, np.sqrt(2.0 / fan_in)


def _xavier(fan_in, fan_out):
    return UNIFORM, np.sqrt(6.0 / (fan_in + fan_out))


def _normal(fan_in, fan_out):
    return NORMAL, 0.1


# From a layer's fan-in and fan-out in connections, not cells, to a distribution and its scale.
WEIGHT_INITS = {
    "he_uniform": _he_uniform,
    "he_normal": _he_normal,
    "xavier": _xavier,
    "normal": _normal,
}


def weight_init_of(network, layer):
    """The distribution of a layer's new weights, seeded for the network's next rebuilding of it."""
    n_connections = network.n_connections[layer]
    fan_in, fan_out = (n_connections / network.widths[layer + i] for i in (1, 0))
    distribution, scale = WEIGHT_INITS[network.weight_init](fan_in, fan_out)
    is_hidden = layer < network.n_layers - 1
    counter = network.n_evolutions * network.n_layers + layer
    return WeightInit(
        distribution=distribution,
        scale=np.float32((network.weight_init_gain if is_hidden else 1.0) * scale),
        topology=derive_seed(network.streams.topology, counter),
        weights=derive_seed(network.streams.weights, counter),
    )
