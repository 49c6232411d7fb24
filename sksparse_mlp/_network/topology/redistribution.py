"""How what grows is shared out among the layers: see :class:`.base.RedistributionRule`.

References
----------
.. [1] Mostafa, Wang (2019). Parameter efficient training of deep convolutional neural networks by
       dynamic sparse reparameterization. ICML.
.. [2] Dettmers, Zettlemoyer (2019). Sparse networks from scratch: faster training without losing
       performance. arXiv 1907.04840.
.. [3] Parger et al. (2022). Gradient-based weight density balancing for robust dynamic sparse
       training. arXiv 2210.14012.
"""

import numpy as np

from .base import Candidates
from .candidates import CANDIDATES, scores_of


def by_survivors(team, layers, n_kept, n_grown):
    """DSR [1]_: in proportion to the connections that stay."""
    return n_kept


def by_momentum(team, layers, n_kept, n_grown):
    """SNFS [2]_: in proportion to the mean magnitude of what the optimizer remembers."""
    return [np.abs(layer.counted_moments).mean(dtype=np.float64) for layer in layers]


def by_top_gradients(team, layers, n_kept, n_grown):
    """GGR [3]_: each layer's share of the largest gradients, of candidates from all empty cells."""
    empty = np.array([layer.n_cells - layer.indices.size for layer in layers])
    draws = np.ceil(CANDIDATES * n_grown * empty / max(1, empty.sum()))
    scores = [_gradients(team, *of_layer) for of_layer in zip(layers, draws, strict=True)]
    together = np.concatenate(scores)
    n = min(n_grown, together.size)
    threshold = np.partition(together, together.size - n)[together.size - n] if n else np.inf
    return [np.count_nonzero((s >= threshold) & (s > 0)) for s in scores]


def _gradients(team, layer, n):
    """Magnitudes of gradients at empty cells, each as likely as any other."""
    if layer.source_activations is None:
        return np.zeros(0, np.float32)
    everywhere = Candidates(
        np.ones(layer.n_in), np.ones(layer.n_out), layer.source_activations, layer.target_gradients
    )
    return scores_of(team, layer, everywhere, n)


REDISTRIBUTION_RULES = {
    "survivors": by_survivors,
    "momentum": by_momentum,
    "gradient": by_top_gradients,
}
