"""What a network is made of, and how its sizes follow from parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import numpy as np

from .._network import SparseNetwork
from .._network.topology import connections_for_density, connections_for_epsilon
from .checks import check_memory
from .constraints import AT_LEAST_ONE, LARGEST_COUNT, POSITIVE

DEFAULT_EPSILON = 20.0


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
    growth: str = "set"
    input_preferences: np.ndarray | None = None

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
                f"{self.n_connections}."
            )
        if network.solver != self.solver or network.activation != self.activation:
            raise ValueError(
                "solver and activation cannot change when training goes on: the network was "
                f"fitted with {network.solver!r} and {network.activation!r}, not with "
                f"{self.solver!r} and {self.activation!r}."
            )
        network = network.copy()
        network.growth, network.input_preferences = self.growth, self.input_preferences
        return network


def layer_sizes(
    n_features, hidden_layer_sizes, n_outputs, *, epsilon=None, density=None, skip=False, solver
):
    """Neurons of each level and connections of each layer.

    Parameters
    ----------
    n_features, n_outputs : int
    hidden_layer_sizes, epsilon, density : object
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
    cells = [n_in * n_out for n_in, n_out in shapes]
    sums = [n_in + n_out for n_in, n_out in shapes]
    if epsilon is not None and density is not None:
        raise ValueError(
            f"epsilon={epsilon!r} and density={density!r} both set the number of connections: "
            "give one and leave the other None."
        )
    if density is not None:
        n_connections = connections_for_density(float(density), cells, sums)
    else:
        epsilons = _epsilons(epsilon, len(widths) - 1, len(shapes))
        n_connections = connections_for_epsilon(epsilons, cells, sums)
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
            "hidden_layer_sizes must be an int or a sequence of ints, each from 1 to "
            f"{LARGEST_COUNT}; got {hidden_layer_sizes!r}."
        )
    return [int(size) for size in sizes]


def _epsilons(given, n_levels, n_layers):
    """One for each layer; a skip layer has that of the output layer, if it has none of its own."""
    epsilon = DEFAULT_EPSILON if given is None else given
    if isinstance(epsilon, Real):
        return [float(epsilon)] * n_layers
    valid = _is_sequence(epsilon) and all(map(POSITIVE.is_satisfied_by, epsilon))
    if not valid or len(epsilon) not in (n_levels, n_layers):
        more = " (and, if you like, one more for the skip layer)" if n_layers > n_levels else ""
        raise ValueError(
            "epsilon must be a positive number, or a sequence of one for each of the "
            f"{n_levels} layers{more}; got {given!r}."
        )
    epsilons = [float(e) for e in epsilon]
    return epsilons + epsilons[-1:] * (n_layers - len(epsilons))


def _is_sequence(values):
    """Whether these are values one behind the other: a list, tuple, array or Series."""
    return isinstance(values, Sequence) or len(getattr(values, "shape", ())) == 1
