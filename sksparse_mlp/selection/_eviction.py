"""Features are evicted in stages, so that fewer and fewer drown those that matter.

What features say together, noise hides from a network of many inputs; of few inputs, it finds it.
So the inputs of a network leave while few are left, as in NeuroFS [1]_. Here they leave between
trainings, each of a new network on what is left, as in recursive feature elimination [2]_: a
network that has learned from noise has to forget it otherwise.

References
----------
.. [1] Atashgahi, Z., Zhang, X., Kichler, N., Liu, S., Yin, L., Pechenizkiy, M., Veldhuis, R.,
   Mocanu, D. C. (2023). Supervised feature selection with neuron evolution in sparse neural
   networks. Transactions on Machine Learning Research.
.. [2] Guyon, I., Weston, J., Barnhill, S., Vapnik, V. (2002). Gene selection for cancer
   classification using support vector machines. Machine Learning 46, 389-422.
"""

import numpy as np


def scores_in_stages(score, X, n_left, eviction):
    """Scores of features, those that stay longer above all that were evicted before.

    Parameters
    ----------
    score : callable
        Called with some columns of X, returns their scores, not negative and not all zero.
    X : ndarray or CSR
    n_left : int
        How many features stay to the end.
    eviction : float
        The share of the features that are left that a stage evicts, those of the lowest scores.

    Returns
    -------
    ndarray of float64, shape (n_features,)
        They add up to one.
    """
    scores, left, stage = np.zeros(X.shape[1]), np.arange(X.shape[1]), 0
    while True:
        of_stage = score(X if stage == 0 else X[:, left])
        scores[left] = stage + of_stage / of_stage.max()
        if left.size <= n_left:
            return scores / scores.sum()
        n_staying = max(n_left, min(left.size - 1, int(left.size * (1 - eviction))))
        left = np.sort(left[np.argsort(-of_stage, kind="stable")[:n_staying]])
        stage += 1
