"""The contracts of topology rules: what a rule is given, and what it returns.

A rule is a plain function without state; what it needs from earlier epochs lies in the network. It
may read all that a :class:`LayerView` shows, changes nothing, and is exact in the same way for any
number of threads, being called in one.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np


class Cells(NamedTuple):
    """Some cells of a layer, by row."""

    indptr: np.ndarray  # int64 [n_in + 1], from 0
    columns: np.ndarray  # int32, ascending in a row


NO_CELLS = Cells(np.zeros(0, np.int64), np.zeros(0, np.int32))


def counted(values, unit):
    """Numbers times a unit; the same array where it is one."""
    return values if unit == 1 else values * np.float32(unit)


class LayerView(NamedTuple):
    """One layer as rules see it; the arrays are views of the network's."""

    number: int  # from 0
    from_inputs: bool  # the first layer, and a skip layer
    n_in: int
    n_out: int
    indptr: np.ndarray  # int64 [n_in + 1], from 0
    indices: np.ndarray  # int32 [n_connections]
    weights: np.ndarray  # float32 [n_connections]
    moment_1: np.ndarray  # float32 [n_connections], velocity or Adam's mean of gradients
    input_preferences: np.ndarray | None  # float32, of each input, mean one
    seed: np.uint64  # of this evolution of this layer, for rules that draw
    forbidden: Cells = NO_CELLS  # where no connection lies, and none may grow
    # What the layer's neurons did on some samples, float32 [n_tiles, n, lanes]; None, where no
    # rule of the network asks for it, and at the initialisation: activations of those that it
    # leads from and to, gradients of the latter.
    source_activations: np.ndarray | None = None
    target_activations: np.ndarray | None = None
    target_gradients: np.ndarray | None = None
    # What weights and first moments are multiplied by, to be compared with those of other layers.
    weight_unit: float = 1.0
    moment_unit: float = 1.0

    @property
    def counted_weights(self):
        """The weights, where inputs are counted in their unit."""
        return counted(self.weights, self.weight_unit)

    @property
    def counted_moments(self):
        """The first moments, where inputs are counted in their unit."""
        return counted(self.moment_1, self.moment_unit)

    @property
    def n_cells(self):
        """How many cells connections may take."""
        return self.n_in * self.n_out - self.forbidden.columns.size


class Candidates(NamedTuple):
    """Cells to draw, a few times as many as grow, and how to judge them; the best grow.

    A cell is drawn in proportion to the weights of its row and of its column, and judged by the
    magnitude of the product of two vectors, scaled if there are scales; without vectors, it is
    drawn at the end of a random walk along three connections, and judged by how often it is.
    """

    row_weights: np.ndarray  # float64 [n_in], not negative
    column_weights: np.ndarray | None = None  # float64 [n_out]
    source: np.ndarray | None = None  # float32 [n_tiles, n_in, lanes]
    target: np.ndarray | None = None  # float32 [n_tiles, n_out, lanes]
    row_scales: np.ndarray | None = None  # float32 [n_in]
    column_scales: np.ndarray | None = None  # float32 [n_out], where those of rows are
    rivals: bool = False  # whether connected cells are judged, too, and leave their place to chance


class Growth(NamedTuple):
    """Where connections grow: without anything, at any empty cell.

    ``preferences`` and ``candidates`` exclude one another. Where there are too few candidates, the
    others grow at any empty cell.
    """

    preferences: np.ndarray | None = None  # float32 [n_in], how much each row is preferred, not 0
    candidates: Candidates | None = None
    from_zero: bool = False  # whether the new weights are zero


class InitialRule(Protocol):
    """Where the first connections of a layer lie."""

    def __call__(self, layer: LayerView, rewiring: float) -> NamedTuple:
        """``Cells``; those that are missing of all grow by the network's rule.

        The layer's weights are there, but nothing is in them.
        """


class DropRule(Protocol):
    """What an evolution drops."""

    def __call__(self, layer: LayerView) -> np.ndarray:
        """The saliency of each connection, uint32.

        The highest bit is the connection's group; in each group, the fraction zeta of lowest
        saliency is dropped. The other 31 bits are those of a float32 that is not negative, or any
        other number that orders as it should.
        """


class GrowthRule(Protocol):
    """Where an evolution, or the initialisation, grows connections."""

    def __call__(self, layer: LayerView) -> Growth:
        """Where this layer grows.

        Among the empty cells of a row without candidates, all are equally likely.
        """


class AmountRule(Protocol):
    """How many connections an evolution moves."""

    def __call__(self, zeta: float, progress: float) -> float:
        """The fraction to move, in [0, 1), after this share of the time in which any do."""


class LayerDensityRule(Protocol):
    """How the connections are spread over the layers."""

    def __call__(self, density: float, cells: list, sums: list) -> list:
        """How many each layer has, by an overall density, its cells and its ``n_in + n_out``."""


class Move(NamedTuple):
    """What an evolution does to the number of a layer's connections."""

    n_dropped: tuple  # of each of the two groups
    n_after: int


class Budget(NamedTuple):
    """How many connections there are, where an evolution does not leave each layer its number."""

    total: int  # of all layers afterwards
    drop_scope: str = "layer"
    redistribution: str | None = None
    neurons: str | None = None  # the rule by which hidden neurons go
    pruned: float = 0.0  # the share of them that is gone in the end
    progress: float = 0.0  # the share of all evolutions that is done with this one
    admits: bool = False  # whether the total is a limit, up to which gradients let connections in


class DropScope(Protocol):
    """Among which connections the least salient are looked for."""

    def __call__(self, saliencies: list, fraction: float) -> list:
        """Of each layer, how many of each group are dropped: a fraction of each group in all."""


class RedistributionRule(Protocol):
    """How what grows is shared out among the layers."""

    def __call__(self, team: object, layers: list, n_kept: list, n_grown: int) -> list:
        """Of each layer, its share of what grows in all, not negative; they are only compared."""


class DensitySchedule(Protocol):
    """How many connections there are while a network trains, or how many at most."""

    def __call__(self, first: int, last: int, progress: float) -> int:
        """The number of all layers, after this share of the evolutions; the last one at 1."""


class NeuronRule(NamedTuple):
    """Which hidden neurons go, and what becomes of their connections."""

    importance: Callable  # of each neuron, by the CSR array of the weights that enter it
    living_share: Callable  # by the share that is gone in the end, and the progress
    keeps_budget: bool  # whether as many connections grow elsewhere
