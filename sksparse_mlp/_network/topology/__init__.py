"""The topology of a network: which neurons are connected, and how that changes in training.

Sparse evolutionary training, SET [1]_, and its kin, in eleven lines::

    for each layer: draw epsilon (n_in + n_out) distinct cells at random         density, initial
    for each training step:
        if an evolution is due:                                                  timing
            for each layer:
                s = saliency of each connection, in one group or two             drop
                n = floor(zeta |group|), for each group                          amount
                drop the n least salient connections of each group
                take the best of some candidates for new ones, if there are any  growth, candidates
                connect as many empty cells, drawn by preference of their rows   growth
                give them weights of the initial distribution or 0, no momentum  weight_init
        update the weights

Each line on the right is a file with one contract, all of which :mod:`.base` states. A rule is a
function in the registry of its file; a new one is added there, and to the list of rules in
``tests/test_topology_rules.py``. The arithmetic is that of ``sksparse_mlp._kernels.topology``:
exact, in time proportional to the connections, the same bits for any number of threads. Optimizer
state moves with its connection.

References
----------
.. [1] Mocanu et al. (2018). Scalable training of artificial neural networks with adaptive sparse
       connectivity inspired by network science. Nature Communications 9, 2383.
"""

from .amount import AMOUNT_RULES
from .base import NO_CELLS, Cells
from .density import (
    LAYER_DENSITY_RULES,
    connections_for_densities,
    connections_for_density,
    connections_for_epsilon,
)
from .drop import DROP_RULES
from .growth import GROWTH_RULES, NEED_SIGNALS, PROPOSE_CELLS
from .initial import INITIAL_RULES
from .rebuild import rebuild_layers
from .timing import EvolutionTiming

__all__ = [
    "AMOUNT_RULES",
    "DROP_RULES",
    "GROWTH_RULES",
    "INITIAL_RULES",
    "LAYER_DENSITY_RULES",
    "NEED_SIGNALS",
    "NO_CELLS",
    "PROPOSE_CELLS",
    "Cells",
    "EvolutionTiming",
    "connections_for_densities",
    "connections_for_density",
    "connections_for_epsilon",
    "rebuild_layers",
]
