"""What an evolution drops: see :class:`.base.DropRule`.

Where a rule asks for gradients, they are those that the optimizer remembers, its first moment: the
mean of the last gradients with Adam, and with SGD a velocity that is proportional to it.

References
----------
.. [1] Mocanu et al. (2018). Scalable training of artificial neural networks with adaptive sparse
       connectivity inspired by network science. Nature Communications 9, 2383.
.. [2] Yuan et al. (2021). MEST: accurate and fast memory-economic sparse training framework on the
       edge. NeurIPS.
.. [3] Lee, Ajanthan, Torr (2019). SNIP: single-shot network pruning based on connection
       sensitivity. ICLR.
.. [4] Nowak et al. (2023). Fantastic weights and how to find them: where to prune in dynamic
       sparse training. NeurIPS.
"""

import numpy as np

LARGEST = np.finfo(np.float32).max


def weakest_of_each_sign(layer):
    """SET [1]_: of the positive weights those nearest zero, and of the negative ones likewise."""
    return layer.counted_weights.view(np.uint32)


def weakest(layer):
    """The weights nearest zero, whatever their sign."""
    return layer.counted_weights.view(np.uint32) & np.uint32(0x7FFFFFFF)


def any_of_all(layer):
    """All are equally likely."""
    random = np.random.default_rng(layer.seed)
    return random.integers(2**31, size=layer.weights.size, dtype=np.uint32)


def weakest_and_calmest(layer):
    """MEST [2]_: ``|w| + gamma |g|``, each over its mean in the layer; gamma is then 1."""
    return _as_saliency(_over_mean(layer.weights) + _over_mean(layer.moment_1))


def least_sensitive(layer):
    """SNIP [3]_, as a criterion in training [4]_: ``|w g|``; while all g are zero, ``|w|``."""
    if not layer.moment_1.any():
        return weakest(layer)
    weights = layer.counted_weights.astype(np.float64)
    return _as_saliency(np.abs(weights * layer.counted_moments))


def _over_mean(values):
    """Magnitudes over their mean, float64; zero where all are."""
    magnitudes = np.abs(values.astype(np.float64))
    mean = magnitudes.mean()
    return magnitudes / mean if mean > 0 else magnitudes


def _as_saliency(values):
    """Numbers that are not negative as bits that order as they do."""
    return np.minimum(values, LARGEST).astype(np.float32).view(np.uint32)


DROP_RULES = {
    "set": weakest_of_each_sign,
    "magnitude": weakest,
    "random": any_of_all,
    "mest": weakest_and_calmest,
    "snip": least_sensitive,
}
