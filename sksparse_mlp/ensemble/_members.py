"""How the members of an ensemble come into being: each anew, or each from the one before.

"edst" is one training [1]_ [2]_: a full fit, whose network is the first member; then for each
further member an escape, which moves most connections of the last member elsewhere, and a short
training from there, with the learning rate back at its beginning.

References
----------
.. [1] Liu, S. et al. (2022). Deep ensembling with no overhead for either training or testing: the
       all-round blessings of dynamic sparsity. ICLR.
.. [2] van der Wal, P. R. D., et al. (2025). Multilayer perceptron ensembles in a truly sparse
       training context. Neural Computing and Applications.
"""

import numpy as np
from sklearn.base import clone

from .._estimator.fitting import threads_worth_waking
from .._network.team import Team

# Epochs from an escape to the next member, as a share of those of the full fit: five members then
# take 1.8 times as many as one.
PHASE = 0.2
# What a phase sets for itself, and the finished member has as the template has it.
OF_A_PHASE = ("max_iter", "warm_start")


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
    member = clone(previous)
    member._publish(previous)
    member._network = _escaped(previous, escape_zeta)
    return member.set_params(max_iter=max(1, int(PHASE * first.n_iter_)), warm_start=True)


def _escaped(member, escape_zeta):
    """A copy of a member's network whose weakest connections lie elsewhere."""
    network = member._network.copy()
    output_layer = len(network.widths) - 2
    layers = range(network.n_layers if member.evolve_output_layer else output_layer)
    with Team(threads_worth_waking(member.n_jobs, network.n_connections, 1)) as team:
        network.evolve(team, float(escape_zeta), layers)
    return network


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
