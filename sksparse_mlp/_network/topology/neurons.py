"""Which hidden neurons go while a network trains: see :class:`.base.NeuronRule`.

A neuron goes with all connections that enter or leave it, and one without connections gets none
any more. So nothing has to be remembered of those that went.

References
----------
.. [1] S. Liu et al. (2019). On improving deep learning generalization with adaptive sparse
       connectivity. ICML workshop on understanding and improving generalization in deep learning.
.. [2] Yin et al. (2023). Dynamic sparsity is channel-level sparsity learner. NeurIPS.
"""

import numpy as np

from ..resizing import with_connections
from .base import NeuronRule

# Importance pruning begins when neurons have had time to become strong or weak.
BEGINS = 1 / 3


def strength(weights):
    """The sum of the magnitudes of the weights that enter a neuron."""
    return np.bincount(weights.indices, np.abs(weights.data), weights.shape[1])


def mean_strength(weights):
    """The mean magnitude of the weights that enter a neuron."""
    n = np.bincount(weights.indices, minlength=weights.shape[1])
    return strength(weights) / np.maximum(n, 1)


def by_equal_shares(pruned, progress):
    """The same share of those that are left, each time, after a first part without."""
    return (1.0 - pruned) ** max(0.0, (progress - BEGINS) / (1.0 - BEGINS))


def gradually(pruned, progress):
    """The same number each time."""
    return 1.0 - pruned * progress


NEURON_RULES = {
    "importance": NeuronRule(strength, by_equal_shares, keeps_budget=False),  # [1]_
    "chase": NeuronRule(mean_strength, gradually, keeps_budget=True),  # [2]_
}


def living_neurons(network):
    """The neurons of each level that can have connections: int64 arrays.

    All inputs and outputs, and the hidden neurons that have any.
    """
    living = [np.arange(network.widths[0])]
    for level in range(1, len(network.widths) - 1):
        entered, left = network.weights_of(level - 1), network.weights_of(level)
        connected = np.diff(left.indptr) > 0
        connected[entered.indices] = True
        living.append(np.flatnonzero(connected))
    return [*living, np.arange(network.widths[-1])]


def remove_neurons(network, budget):
    """Remove the least important hidden neurons of each level, down to the share that is left now.

    A level keeps one neuron at least; where a layer would lose all its connections, all stay.

    Parameters
    ----------
    network : SparseNetwork
        Changed in place.
    budget : Budget

    Returns
    -------
    Budget
        How many connections there are after this evolution.
    """
    rule, gone = NEURON_RULES[budget.neurons], [np.zeros(width, bool) for width in network.widths]
    left = rule.living_share(budget.pruned, budget.progress)
    for level, living in enumerate(living_neurons(network)[1:-1], start=1):
        n_gone = max(0, living.size - max(1, round(network.widths[level] * left)))
        importance = rule.importance(network.weights_of(level - 1))[living]
        gone[level][living[np.argsort(importance, kind="stable")[:n_gone]]] = True
    stays = [_connections_without(network, layer, gone) for layer in range(network.n_layers)]
    n_lost = sum(np.count_nonzero(~stay) for stay in stays)
    if n_lost == 0 or not all(stay.any() for stay in stays):
        return budget
    network.adopt(with_connections(network, stays))
    return budget if rule.keeps_budget else budget._replace(total=budget.total - n_lost)


def _connections_without(network, layer, gone):
    """Which connections of a layer neither leave nor enter a neuron that goes."""
    weights, (source, target) = network.weights_of(layer), network.levels_of(layer)
    leaves = np.repeat(gone[source], np.diff(weights.indptr))
    return ~(leaves | gone[target][weights.indices])
