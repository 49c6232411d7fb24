"""Hypothesis strategies: layers, weights and networks, odd ones included."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

# Magnitudes that tie, vanish or overwhelm; drawn often, besides all other finite numbers.
REMARKABLE = [0.0, 1e-45, 1e-38, 0.5, 1.0, float(np.float32(3e38))]

zetas = st.sampled_from([0.01, 0.3, 0.5, 0.99]) | st.floats(0.0, 0.999)
team_sizes = st.integers(1, 4)
widths_of_layer = st.integers(1, 12) | st.integers(60, 90)


def fillings(n_cells):
    """Numbers of connections of a layer, often nearly none or nearly all."""
    extremes = {1, 2, n_cells // 2, n_cells - 1, n_cells} & set(range(1, n_cells + 1))
    return st.sampled_from(sorted(extremes)) | st.integers(1, n_cells)


@st.composite
def connected_cells(draw):
    """A boolean matrix: which cells of a layer are connected."""
    n_in, n_out = draw(widths_of_layer), draw(widths_of_layer)
    n_connections = draw(fillings(n_in * n_out))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    connected = np.zeros(n_in * n_out, bool)
    connected[rng.choice(n_in * n_out, n_connections, replace=False)] = True
    return connected.reshape(n_in, n_out)


def weights_of(connected):
    """A weight for each connection: many ties, both zeros, subnormal and huge numbers."""
    remarkable = st.sampled_from([sign * value for value in REMARKABLE for sign in (1.0, -1.0)])
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    n = int(connected.sum())
    # Not arrays(): with old versions of NumPy it takes subnormal numbers for a fault.
    values = st.lists(remarkable | finite, min_size=n, max_size=n)
    return values.map(lambda v: np.array(v, np.float32))


@st.composite
def weighted_layers(draw):
    """Which cells of a layer are connected, and the weights in storage order."""
    connected = draw(connected_cells())
    return connected, draw(weights_of(connected))


@st.composite
def network_shapes(draw):
    """Widths of all levels, and numbers of connections of all layers."""
    widths = draw(st.lists(st.integers(1, 20), min_size=2, max_size=5))
    cells = [a * b for a, b in pairwise(widths)]
    return tuple(widths), tuple(draw(fillings(n)) for n in cells)
