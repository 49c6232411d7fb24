"""What a network is made of, and how its sizes follow from parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import numpy as np

from .._network import SparseNetwork
from .._network.activations import slopes_by_level
from .._network.topology import (
    LAYER_DENSITY_RULES,
    PROPOSE_CELLS,
    connections_for_densities,
    connections_for_epsilon,
)
from .checks import check_memory
from .constraints import AT_LEAST_ONE, DENSITY, LARGEST_COUNT, POSITIVE

# Connections for each neuron that a layer comes from, and that it leads to if they are hidden: with
# few inputs, hidden neurons of few connections tell noise from what matters.
DEFAULT_EPSILON, HIDDEN_EPSILON = 20.0, 10.0


@dataclass(frozen=True)
class Architecture:
    """All that a new network needs but random numbers: parameters of :class:`SparseNetwork`."""

    widths: tuple
    n_connections: tuple
    activation: str
    activation_slope: float
    weight_init: str
    weight_init_gain: float
    solver: str
    drop: str = "set"
    growth: str = "set"
    input_preferences: np.ndarray | None = None
    forbidden: tuple | None = None
    initial_topology: str = "erdos_renyi"
    rewiring: float = 0.0
    input_unit: float = 1.0

    def new_network(self, streams, team):
        """A network with connections and weights drawn at random."""
        return SparseNetwork(**vars(self), streams=streams, team=team)

    def continued(self, network):
        """A copy of a fitted network that training can go on with, if it has this architecture."""
        if network.widths != self.widths or network.n_connections != self.n_connections:
            raise ValueError(
                "hidden_layer_sizes, epsilon, density and skip_connections=None cannot change when "
                f"training goes on: the fitted network has layers {network.widths} with "
                f"{network.n_connections} connections, the parameters describe {self.widths} with "
                f"{self.n_connections}. Where redistribution, density_schedule or neuron_pruning "
                "have changed these numbers, leave them as they were."
            )
        if network.solver != self.solver or network.activation != self.activation:
            raise ValueError(
                "solver and activation cannot change when training goes on: the network was "
                f"fitted with {network.solver!r} and {network.activation!r}, not with "
                f"{self.solver!r} and {self.activation!r}."
            )
        slopes = slopes_by_level(self.activation, self.activation_slope, len(self.widths))
        if not np.array_equal(network.slopes(), slopes):
            raise ValueError(
                "activation_slope cannot change when training goes on: the network was fitted with "
                f"{network.activation_slope!r}, not with {self.activation_slope!r}."
            )
        check_growth_of_plastic(network.stable, self.growth)
        network = network.copy()
        network.drop, network.growth = self.drop, self.growth
        network.weight_init, network.weight_init_gain = self.weight_init, self.weight_init_gain
        network.input_preferences, network.forbidden = self.input_preferences, self.forbidden
        return network


def check_growth_of_plastic(stable, growth):
    """Refuse rules that look for places in the whole network where part of it is frozen."""
    if stable is not None and growth in PROPOSE_CELLS:
        raise ValueError(
            f"evolution={growth!r} cannot go with new_task, after which connections grow at random "
            'places of plastic neurons: set evolution="auto", "set" or None.'
        )


def layer_sizes(
    n_features,
    hidden_layer_sizes,
    n_outputs,
    *,
    epsilon=None,
    density=None,
    layer_density="erdos_renyi",
    skip=False,
    solver,
):
    """Neurons of each level and connections of each layer.

    Parameters
    ----------
    n_features, n_outputs : int
    hidden_layer_sizes, epsilon, density, layer_density : object
        As the estimators' parameters of these names.
    skip : bool
        Whether there is a skip layer, if there are hidden layers to skip.
    solver : str
        What it remembers of a connection takes memory.

    Returns
    -------
    widths, n_connections : tuple of int
    """
    widths = (n_features, *_hidden_widths(hidden_layer_sizes), n_outputs)
    shapes = list(pairwise(widths))
    if skip and len(widths) > 2:
        shapes.append((n_features, n_outputs))
    n_connections = _n_connections(epsilon, density, layer_density, shapes, len(widths) - 1)
    check_memory(widths, n_connections, 2 if solver == "adam" else 1)
    return widths, tuple(n_connections)


def _hidden_widths(hidden_layer_sizes):
    sizes = [hidden_layer_sizes] if isinstance(hidden_layer_sizes, Integral) else hidden_layer_sizes
    valid = _is_sequence(sizes) and all(
        isinstance(size, Integral) and not isinstance(size, bool) and size in AT_LEAST_ONE
        for size in sizes
    )
    if not valid:
        raise ValueError(
            "hidden_layer_sizes must be 'auto', an int or a sequence of ints, each from 1 to "
            f"{LARGEST_COUNT}; got {hidden_layer_sizes!r}."
        )
    return [int(size) for size in sizes]


def _n_connections(epsilon, density, layer_density, shapes, n_levels):
    """Connections of each layer, from whichever parameter sets them."""
    cells = [n_in * n_out for n_in, n_out in shapes]
    sums = [n_in + n_out for n_in, n_out in shapes]
    given = {"epsilon": epsilon, "density": density}
    if not isinstance(layer_density, str):
        densities = _one_for_each_layer("layer_density", layer_density, DENSITY, n_levels, shapes)
        _check_that_one_is_given({**given, "layer_density": layer_density})
        return connections_for_densities(densities, cells)
    _check_that_one_is_given(given)
    spread = LAYER_DENSITY_RULES[layer_density]
    if density is not None:
        return spread(float(density), cells, sums)
    n_connections = connections_for_epsilon(_epsilons(epsilon, n_levels, shapes), cells, sums)
    if layer_density == "erdos_renyi":
        return n_connections
    if not (epsilon is None or isinstance(epsilon, Real)):
        raise ValueError(
            f"epsilon={epsilon!r} and layer_density={layer_density!r} both say how the connections "
            "are spread over the layers: give one epsilon for all."
        )
    return spread(sum(n_connections) / sum(cells), cells, sums)


def _check_that_one_is_given(parameters):
    given = [f"{name}={value!r}" for name, value in parameters.items() if value is not None]
    if len(given) > 1:
        raise ValueError(
            f"{given[0]} and {given[-1]} both set the number of connections: give one and leave "
            'the other as it is by default, which is None, or layer_density="erdos_renyi".'
        )


def _epsilons(given, n_levels, shapes):
    """One for each layer."""
    if given is None:
        hidden, others = shapes[: n_levels - 1], shapes[n_levels - 1 :]
        between = [
            (DEFAULT_EPSILON * n_in + HIDDEN_EPSILON * n_out) / (n_in + n_out)
            for n_in, n_out in hidden
        ]
        return between + [DEFAULT_EPSILON] * len(others)
    if isinstance(given, Real):
        return [float(given)] * len(shapes)
    return _one_for_each_layer("epsilon", given, POSITIVE, n_levels, shapes)


def _one_for_each_layer(name, given, allowed, n_levels, shapes):
    """Floats; a skip layer has that of the output layer, if it has none of its own."""
    n_layers = len(shapes)
    valid = _is_sequence(given) and all(map(allowed.is_satisfied_by, given))
    if not valid or len(given) not in (n_levels, n_layers):
        more = " (and, if you like, one more for the skip layer)" if n_layers > n_levels else ""
        one = {"epsilon": "a positive number, or a sequence of one"}.get(
            name, '"erdos_renyi", "uniform", or a sequence of one density in (0, 1]'
        )
        raise ValueError(
            f"{name} must be {one} for each of the {n_levels} layers{more}; got {given!r}."
        )
    values = [float(value) for value in given]
    return values + values[-1:] * (n_layers - len(values))


def _is_sequence(values):
    """Whether these are values one behind the other: a list, tuple, array or Series."""
    return isinstance(values, Sequence) or len(getattr(values, "shape", ())) == 1
