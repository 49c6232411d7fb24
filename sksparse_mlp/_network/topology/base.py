"""The contracts of topology rules: what a rule is given, and what it returns.

A rule is a plain function without state; what it needs from earlier epochs lies in the network. It
may read all that a :class:`LayerView` shows, changes nothing, and is exact in the same way for any
number of threads, being called in one.
"""

from typing import NamedTuple, Protocol

import numpy as np


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


class DropRule(Protocol):
    """What an evolution drops."""

    def __call__(self, layer: LayerView) -> np.ndarray:
        """The saliency of each connection, uint32.

        The highest bit is the connection's group; in each group, the fraction zeta of lowest
        saliency is dropped. The other 31 bits are those of a float32 that is not negative.
        """


class GrowthRule(Protocol):
    """Where an evolution, or the initialisation, grows connections."""

    def __call__(self, layer: LayerView) -> np.ndarray | None:
        """How much each row of the layer is preferred, not negative; None: all are equal.

        Among the empty cells of a row, all are equally likely.
        """


class AmountRule(Protocol):
    """How many connections an evolution moves."""

    def __call__(self, zeta: float, progress: float) -> float:
        """The fraction to move, in [0, 1), after this share of the training."""
