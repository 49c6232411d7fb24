"""How the members of an ensemble come into being: each anew, or from what another one has learned.

"independent" members have nothing to do with one another; "disjoint" ones stay away from each
other's connections [2]_. "edst" is one training [1]_ [2]_: a full fit, whose network is the first
member; then for each further member an escape, which moves most connections of the last member
elsewhere, and a short training from there, with the learning rate back at its beginning. "trails"
are several heads on the first layer of the first member [3]_, which is kept once.

References
----------
.. [1] Liu, S. et al. (2022). Deep ensembling with no overhead for either training or testing: the
       all-round blessings of dynamic sparsity. ICLR.
.. [2] van der Wal, P. R. D., et al. (2025). Multilayer perceptron ensembles in a truly sparse
       training context. Neural Computing and Applications.
.. [3] Grooten, B., et al. (2025). NeuroTrails: training with dynamic sparse heads as the key to
       effective ensembling. arXiv 2505.17909.
"""

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone

from .._estimator.fitting import threads_worth_waking
from .._estimator.plan import hidden_layer_sizes
from .._estimator.supervised import SET_BY_ENSEMBLES
from .._network.sharing import joined, rest_of
from .._network.streams import make_streams
from .._network.team import Team
from .._network.topology import NO_CELLS, Budget, Cells

# Epochs from an escape to the next member, as a share of those of the full fit: five members then
# take 1.8 times as many as one.
PHASE = 0.2
# What is set for the fit of a member, and the finished one has as the template has it.
SET_FOR_A_FIT = ("max_iter", "warm_start", "hidden_layer_sizes")
# How many layers the members of "trails" share: that from the inputs, the largest by far.
N_SHARED = 1


# ---------------------------------------------------------------- each anew


def with_layers_of(template, n_samples):
    """The template, with the layers that all samples give: members may see fewer of them."""
    sizes = hidden_layer_sizes(template, n_samples)
    return clone(template).set_params(hidden_layer_sizes=sizes)


def new_member(template, seed, n_jobs):
    """An estimator with the parameters of the template, not fitted."""
    member = clone(template).set_params(random_state=seed, warm_start=False)
    return member if n_jobs is None else member.set_params(n_jobs=n_jobs)


def kept_apart(member, members, n_estimators):
    """The member, which is not to connect what earlier members have connected.

    So it is in each layer where there are cells for the connections of all members, whichever the
    earlier ones take; in others it is free to.
    """
    networks = [other._network for other in members]
    layers = range(networks[0].n_layers)
    member._forbidden = tuple(_taken(networks, layer, n_estimators) for layer in layers)
    return member


def _taken(networks, layer, n_networks):
    n_in, n_out = networks[0].shapes[layer]
    if n_networks * networks[0].n_connections[layer] > n_in * n_out:
        return NO_CELLS
    patterns = [network.weights_of(layer) for network in networks]
    taken = sum(
        csr_array((np.ones(pattern.nnz, np.int8), pattern.indices, pattern.indptr), pattern.shape)
        for pattern in patterns
    )
    taken.sort_indices()
    return Cells(taken.indptr.astype(np.int64), taken.indices.astype(np.int32))


# ---------------------------------------------------------------- from another one


def escaped_member(previous, first, escape_zeta):
    """An estimator that a fit takes from where an escape led the previous member.

    Parameters
    ----------
    previous : estimator
        Fitted; it stays as it is.
    first : estimator
        The member that was trained in full.
    escape_zeta : float
        The share of the connections that moves.

    Returns
    -------
    estimator
    """
    network = previous._network.copy()
    output_layer = len(network.widths) - 2
    layers = range(network.n_layers if previous.evolve_output_layer else output_layer)
    budget = None
    if previous.neuron_pruning is not None:  # neurons that went stay away
        budget = Budget(sum(network.n_connections), neurons=previous.neuron_pruning)
    with _team_of(previous) as team:
        network.evolve(team, float(escape_zeta), layers, budget=budget)
    return _going_on(previous, network, max(1, int(PHASE * first.n_iter_)))


def branched_member(first, seed):
    """An estimator whose fit trains a new head on the first layer of a member.

    That layer stays as it is. Hidden layers beyond the first, and the output layer, are drawn anew;
    a skip layer goes on from where it is.
    """
    network = first._network.copy()
    network.streams = make_streams(np.random.RandomState(seed))
    with _team_of(first) as team:
        layers = range(N_SHARED, len(network.widths) - 1)
        network.redraw(team, layers, first.initial_topology, float(first.rewiring))
    member = _going_on(first, network, first.n_iter_)
    member._n_frozen = N_SHARED
    return member


def _team_of(member):
    """Threads to rebuild the layers of a member's network with."""
    return Team(threads_worth_waking(member.n_jobs, member._network.n_connections, 1))


def _going_on(member, network, n_epochs):
    """An estimator like a fitted one, but with another network, which a fit goes on with."""
    phase = clone(member)
    phase._publish(member)
    phase._network = network
    return phase.set_params(max_iter=n_epochs, warm_start=True)


# ---------------------------------------------------------------- finished ones


def settled(member, usual):
    """A fitted member, as an ordinary estimator: without what was set for its fit alone."""
    for name in SET_BY_ENSEMBLES:
        vars(member).pop(name, None)
    return member.set_params(**usual)


def head_of(member):
    """A member of "trails" without the layers that the first one holds."""
    head = member._twin()
    head._head = rest_of(vars(head).pop("_network"), N_SHARED)
    return head


def is_head(member):
    """Whether a member lacks layers."""
    return "_head" in vars(member)


def whole(member, first):
    """A member that can be used: a head gets its first layers."""
    if not is_head(member):
        return member
    twin = member._twin()
    twin._network = joined(vars(twin).pop("_head"), first._network, N_SHARED)
    return twin


# ---------------------------------------------------------------- bootstrap


def bootstrap_weights(sample_weight, rng):
    """Weights of the samples drawn with replacement, as many as weigh anything; others are zero.

    Parameters
    ----------
    sample_weight : ndarray of float64
    rng : RandomState
    """
    present = np.flatnonzero(sample_weight)
    drawn = rng.choice(present, present.size)
    return sample_weight * np.bincount(drawn, minlength=sample_weight.size)


class OutOfBag:
    """Means of what members say of samples that they were not trained on.

    Parameters
    ----------
    n_samples : int
    """

    def __init__(self, n_samples):
        self.counts, self.total = np.zeros(n_samples), None

    def add(self, samples, votes):
        """Take what a member says of some samples."""
        if self.total is None:
            self.total = np.zeros((self.counts.size, *votes.shape[1:]))
        self.total[samples] += votes
        self.counts[samples] += 1

    def mean(self):
        """NaN for samples that every member was trained on."""
        counts = np.where(self.counts > 0, self.counts, np.nan)
        return self.total / counts.reshape(-1, *[1] * (self.total.ndim - 1))
