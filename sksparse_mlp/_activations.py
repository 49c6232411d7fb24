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

from ._jit import inlined
from ._records import IDENTITY, LOGISTIC, PIECEWISE, RELU, SRELU, TANH
from ._simd import (
    add_vsums_apart,
    load,
    vadd,
    vdiv,
    vexp,
    vfma,
    vmul,
    vproduct,
    vselect_less,
    vsplat,
    vsub,
)

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


@inlined
def srelu_of(lanes, net, unit):
    """The four SReLU parameters of a neuron, each in all lanes."""
    return (
        vsplat(load(net.srelu, unit), lanes),
        vsplat(load(net.srelu, net.n_hidden_units + unit), lanes),
        vsplat(load(net.srelu, 2 * net.n_hidden_units + unit), lanes),
        vsplat(load(net.srelu, 3 * net.n_hidden_units + unit), lanes),
    )


@inlined
def activate(lanes, z, activation, slope, net, unit):
    """``f(z)`` for one neuron."""
    zero, one = vsplat(np.float32(0), lanes), vsplat(np.float32(1), lanes)
    if activation == RELU:
        return vselect_less(z, zero, zero, z)
    if activation == PIECEWISE:
        return vselect_less(z, zero, vmul(z, vsplat(slope, lanes)), z)
    if activation == SRELU:
        t_right, a_right, t_left, a_left = srelu_of(lanes, net, unit)
        a = vselect_less(z, t_right, z, vfma(a_right, vsub(z, t_right), t_right))
        return vselect_less(t_left, z, a, vfma(a_left, vsub(z, t_left), t_left))
    if activation >= TANH:  # or logistic: the last two codes
        # tanh(z) = 2 logistic(2 z) - 1
        stretch = np.float32(2) if activation == TANH else np.float32(1)
        tail = vexp(vmul(z, vsplat(-stretch, lanes)))
        a = vdiv(vsplat(stretch, lanes), vadd(one, tail))
        return vsub(a, vsplat(stretch - np.float32(1), lanes))
    return z


@inlined
def through_activation(lanes, z, a, d, activation, slope, net, unit):
    """``d * f'(z)`` for one neuron with ``a = f(z)``."""
    zero, one = vsplat(np.float32(0), lanes), vsplat(np.float32(1), lanes)
    if activation == RELU:
        return vselect_less(zero, z, d, zero)
    if activation == PIECEWISE:
        return vselect_less(z, zero, vmul(d, vsplat(slope, lanes)), d)
    if activation == SRELU:
        t_right, a_right, t_left, a_left = srelu_of(lanes, net, unit)
        inner = vselect_less(z, t_right, d, vmul(d, a_right))
        return vselect_less(t_left, z, inner, vmul(d, a_left))
    if activation >= TANH:
        other = one if activation == TANH else a
        return vmul(d, vsub(other, vmul(a, a)))
    return d


@inlined
def add_srelu_gradients(lanes, z, d, net, unit, sums):
    """Add the gradients of a neuron's SReLU parameters to planes 1 to 4 of ``sums``."""
    zero, one = vsplat(np.float32(0), lanes), vsplat(np.float32(1), lanes)
    t_right, a_right, t_left, a_left = srelu_of(lanes, net, unit)
    below = vselect_less(t_left, z, zero, d)
    above = vselect_less(t_left, z, vselect_less(z, t_right, zero, d), zero)
    add_vsums_apart(
        sums, net.n_units + unit, net.n_units,
        vproduct(above, vsub(one, a_right)), vproduct(above, vsub(z, t_right)),
        vproduct(below, vsub(one, a_left)), vproduct(below, vsub(z, t_left)),
    )  # fmt: skip
