"""The topology of a network: which neurons are connected, and how that changes in training.

Sparse evolutionary training, SET [1]_, and its kin, in these lines::

    for each layer: draw epsilon (n_in + n_out) distinct cells at random         density, initial
    for each training step:
        if an evolution is due:                                                  timing
            remove the hidden neurons that matter least, if any are to go        neurons
            N = how many connections there are to be now                         schedule, admission
            for each layer:
                s = saliency of each connection, in one group or two             drop
                n = floor(zeta |group|), for each group, or of all layers        amount, scope
                drop the n least salient connections of each group
                share out what is left of N, or grow as many as were dropped     redistribution
                take the best of some candidates for new ones, if there are any  growth, candidates
                connect so many empty cells, drawn by preference of their rows   growth
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
from .base import NO_CELLS, Budget, Cells
from .density import (
    LAYER_DENSITY_RULES,
    connections_for_densities,
    connections_for_epsilon,
)
from .drop import DROP_RULES
from .growth import GROWTH_RULES, NEED_GRADIENTS, NEED_SIGNALS, PROPOSE_CELLS
from .initial import INITIAL_RULES
from .neurons import NEURON_RULES, living_neurons, remove_neurons
from .rebuild import rebuild_layers
from .redistribution import REDISTRIBUTION_RULES
from .schedule import ADMITTING, DENSITY_SCHEDULES
from .scope import DROP_SCOPES
from .timing import EvolutionTiming

__all__ = [
    "ADMITTING",
    "AMOUNT_RULES",
    "DENSITY_SCHEDULES",
    "DROP_RULES",
    "DROP_SCOPES",
    "GROWTH_RULES",
    "INITIAL_RULES",
    "LAYER_DENSITY_RULES",
    "NEED_GRADIENTS",
    "NEED_SIGNALS",
    "NEURON_RULES",
    "NO_CELLS",
    "PROPOSE_CELLS",
    "REDISTRIBUTION_RULES",
    "Budget",
    "Cells",
    "EvolutionTiming",
    "connections_for_densities",
    "connections_for_epsilon",
    "living_neurons",
    "rebuild_layers",
    "remove_neurons",
]
