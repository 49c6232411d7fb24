"""Where connections grow: see :class:`.base.GrowthRule`.

References
----------
.. [1] Mocanu et al. (2018). Scalable training of artificial neural networks with adaptive sparse
       connectivity inspired by network science. Nature Communications 9, 2383.
.. [2] Evci et al. (2020). Rigging the lottery: making all tickets winners. ICML.
.. [3] Heddes et al. (2024). Always-sparse training by growing connections with guided stochastic
       exploration. arXiv 2401.06898.
.. [4] Atashgahi et al. (2022). A brain-inspired algorithm for training highly sparse neural
       networks. Machine Learning 111.
.. [5] Zhang et al. (2024). Epitopological learning and Cannistraci-Hebb network shape intelligence
       brain-inspired theory for ultra-sparse advantage in deep learning. ICLR.
"""

import numpy as np

from .base import Candidates, Growth


def uniform(layer):
    """SET [1]_: at any empty cell."""
    return Growth()


def guided(layer):
    """From the inputs that are preferred, in layers that they feed; else at any empty cell."""
    return Growth(preferences=layer.input_preferences if layer.from_inputs else None)


def by_gradient(layer):
    """RigL [2]_ of candidates [3]_: where the gradient that a connection would have is largest."""
    if layer.source_activations is None:
        return Growth()
    rows, columns = layer.source_activations, layer.target_gradients
    weights = _magnitudes(rows), _magnitudes(columns)
    return Growth(candidates=Candidates(*weights, rows, columns), from_zero=True)


def by_cosine(layer):
    """CTRE [4]_: between neurons that respond alike; now and then anywhere."""
    if layer.source_activations is None:
        return Growth()
    signals = layer.source_activations, layer.target_activations
    scales = [_inverse_norms(units) for units in signals]
    weights = (scale > 0 for scale in scales)
    return Growth(candidates=Candidates(*weights, *signals, *scales, rivals=True))


def hebbian(layer):
    """Cannistraci-Hebb [5]_: between neurons that paths of three connections lead to and from."""
    if layer.indptr[-1] == 0:
        return Growth()
    return Growth(candidates=Candidates(np.diff(layer.indptr)), from_zero=True)


def _magnitudes(signals):
    """The sum of the magnitudes of each neuron's signals."""
    return np.einsum("tnl->n", np.abs(signals))


def _inverse_norms(signals):
    """One over the Euclidean norm of each neuron's signals; zero where that is zero or infinite."""
    norms = np.sqrt(np.einsum("tnl,tnl->n", signals, signals))
    usable = (norms > 0) & (norms < np.inf)
    return np.divide(1.0, norms, out=np.zeros_like(norms), where=usable)


GROWTH_RULES = {
    "set": uniform,
    "guided": guided,
    "gradient": by_gradient,
    "cosine": by_cosine,
    "hebbian": hebbian,
}
# Those that look at what the neurons do on some samples.
NEED_SIGNALS = {"gradient", "cosine"}
# Of these, those that look at gradients.
NEED_GRADIENTS = {"gradient"}
# Those that choose cells of candidates.
PROPOSE_CELLS = {*NEED_SIGNALS, "hebbian"}
