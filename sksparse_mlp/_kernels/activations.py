"""Activation functions of one neuron for a vector of lanes, and their derivatives."""

import numpy as np

from .jit import inlined
from .records import PIECEWISE, RELU, SRELU, TANH
from .simd import (
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
