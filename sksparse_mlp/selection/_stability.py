"""Complementary pairs stability selection: how often a feature is chosen from halves of the data.

Each of some pairs splits the samples into two halves at random, and from each half the ``q`` best
of ``p`` features are chosen. Selected are those that are chosen from at least a share ``f`` of the
halves. Of features that are chosen by chance, with a probability of at most ``q / p``, the expected
number among the selected is at most ``q^2 / ((2 f - 1) p)`` [1]_, whatever the features' scores
are, and whatever their distribution.

References
----------
.. [1] Shah, R. D., Samworth, R. J. (2013). Variable selection with error control: another look at
       stability selection. Journal of the Royal Statistical Society B 75, 55-80. Theorem 1.
"""

import numpy as np


def complementary_halves(y, sample_weight, n_pairs, rng):
    """Weights of the samples in each half, zero for those of the other half; one behind the other.

    Classes are split evenly. Of an odd number of samples one is in neither half of a pair.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class labels.
    sample_weight : array-like of shape (n_samples,) or None
    n_pairs : int
    rng : RandomState

    Yields
    ------
    ndarray of shape (n_samples,)
    """
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
    present = np.flatnonzero(weight != 0)
    _, classes, sizes = np.unique(y[present], return_inverse=True, return_counts=True)
    needed = 2 + present.size % 2
    if np.count_nonzero(sizes >= needed) < 2:
        raise ValueError(
            f"max_false_selections needs halves with samples of two classes: at least {needed} "
            f"samples of each of two classes. The classes have {np.sort(sizes)[::-1].tolist()}."
        )
    for _ in range(n_pairs):
        order = rng.permutation(present.size)[: present.size // 2 * 2]
        order = present[order[np.argsort(classes[order], kind="stable")]]
        for half in (order[0::2], order[1::2]):
            part = np.zeros_like(weight)
            part[half] = weight[half]
            yield part


def n_chosen(n_features, max_false_selections, min_frequency):
    """How many features to choose from each half, such that the bound holds."""
    square = (2 * min_frequency - 1) * n_features * max_false_selections
    n = int(np.sqrt(square) * (1 + 1e-12))
    if n == 0:
        lowest = 1 / ((2 * min_frequency - 1) * n_features)
        raise ValueError(
            f"max_false_selections={max_false_selections!r} allows for no feature at all: with "
            f"{n_features} features and min_frequency={min_frequency!r} it must be at least "
            f"{lowest:.2g}."
        )
    return min(n, n_features)


def false_selections_bound(n, n_features, min_frequency):
    """The bound on the expected number of false selections."""
    return n * n / ((2 * min_frequency - 1) * n_features)


class Tally:
    """Adds up the scores of networks, and counts how often each feature is among the best.

    Parameters
    ----------
    n_features : int
    n_chosen : int or None
        How many features are chosen in each round, from the sum of the scores of its networks.

    Attributes
    ----------
    n : int
        Networks so far.
    """

    def __init__(self, n_features, n_chosen):
        self.n_chosen, self.n, self.n_rounds = n_chosen, 0, 0
        self.total, self.of_round, self.counts = np.zeros((3, n_features))

    def add(self, scores):
        """Take the scores of a network."""
        self.total += scores
        self.of_round += scores
        self.n += 1

    def end_round(self):
        """Choose the best features of the networks since the last round; ties go to the first."""
        best = np.argsort(-self.of_round, kind="stable")[: self.n_chosen]
        self.counts[best] += 1
        self.of_round[:] = 0
        self.n_rounds += 1

    def mean(self):
        """Mean scores over all networks."""
        return self.total / self.n

    def frequencies(self):
        """The share of the rounds in which each feature was chosen; None without choices."""
        return None if self.n_chosen is None else self.counts / max(1, self.n_rounds)
