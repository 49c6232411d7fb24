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


# Beside a skip layer, what goes through hidden neurons begins small: it adds to what is there.
BESIDE_A_SKIP_LAYER = 0.1
# From a layer's fan-in and fan-out in connections, not cells, to a distribution and its scale.
WEIGHT_INITS = {
    "he_uniform": _he_uniform,
    "he_normal": _he_normal,
    "xavier": _xavier,
    "normal": _normal,
}


def weight_init_of(network, layer, n_connections, shape, *, from_zero=False):
    """The distribution of a layer's new weights, seeded for the network's next rebuilding of it.

    It has so many connections then, between neurons of this shape; ``from_zero`` makes all weights
    zero.
    """
    n_in, n_out = shape
    fan_in, fan_out = n_connections / n_out, n_connections / n_in
    distribution, scale = WEIGHT_INITS[network.weight_init](fan_in, fan_out)
    counter, gain = rebuilding_of(network, layer), 0.0 if from_zero else _gain(network, layer)
    return WeightInit(
        distribution=distribution,
        scale=np.float32(gain * scale),
        topology=derive_seed(network.streams.topology, counter),
        weights=derive_seed(network.streams.weights, counter),
    )


def rebuilding_of(network, layer):
    """The number of the network's next rebuilding of a layer, among those of all layers."""
    return network.n_evolutions * network.n_layers + layer


def _gain(network, layer):
    """What the weights of a layer are multiplied by: those of a skip layer begin at zero."""
    output_layer = len(network.widths) - 2
    unit = network.input_unit if layer == 0 else 1.0
    if layer == output_layer:
        return (BESIDE_A_SKIP_LAYER if network.has_skip else 1.0) / unit
    return network.weight_init_gain / unit if layer < output_layer else 0.0
