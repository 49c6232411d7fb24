"""The activation functions of hidden neurons: a registry of names and what each one needs.

========== ===================================================================================
relu       max(z, 0)
leaky_relu z above zero, ``slope * z`` below
all_relu   z above zero, below it ``s * z`` with s = -slope, +slope, -slope, ... by hidden layer
srelu      ``t_r + a_r (z - t_r)`` from t_r on, ``t_l + a_l (z - t_l)`` up to t_l, z between them;
           the four parameters of each neuron are learned
tanh       hyperbolic tangent
logistic   1 / (1 + exp(-z))
identity   z
========== ===================================================================================

References
----------
All-ReLU: Curci, Mocanu, Pechenizkiy (2021). Truly sparse neural networks at scale. arXiv
2102.01732. SReLU: Jin et al. (2016). Deep learning with S-shaped rectified linear activation
units. AAAI.
"""

import numpy as np

from .._kernels.records import IDENTITY, LOGISTIC, PIECEWISE, RELU, SRELU, TANH

CODES = {
    "relu": RELU,
    "leaky_relu": PIECEWISE,
    "all_relu": PIECEWISE,
    "srelu": SRELU,
    "tanh": TANH,
    "logistic": LOGISTIC,
    "identity": IDENTITY,
}
# t_right, a_right, t_left, a_left: at first a leaky ReLU that saturates softly above one.
SRELU_START = (1.0, 0.6, 0.0, 0.2)


def slopes_by_level(name, slope, n_levels):
    """The slope below zero for each level of neurons; level 0, the inputs, has none."""
    slopes = np.zeros(n_levels, np.float32)
    if name == "leaky_relu":
        slopes[1:] = slope
    elif name == "all_relu":
        slopes[1:] = np.where(np.arange(1, n_levels) % 2 == 1, -slope, slope)
    return slopes


def initial_srelu(name, n_hidden_units):
    """The learnable parameters of all hidden neurons, four planes one behind the other."""
    if name != "srelu":
        return np.zeros(0, np.float32)
    return np.repeat(np.array(SRELU_START, np.float32), n_hidden_units)


def srelu_of_levels(activation, srelu, widths):
    """Parameters of SReLU by hidden level, arrays of shape (4, n) that are views; else None."""
    if activation != "srelu":
        return None
    planes = srelu.reshape(4, -1)
    return np.split(planes, np.cumsum(widths[1:-1])[:-1], axis=1)
