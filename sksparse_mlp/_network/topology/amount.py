"""How many connections an evolution moves: see :class:`.base.AmountRule`.

References
----------
.. [1] Dettmers, Zettlemoyer (2019). Sparse networks from scratch: faster training without losing
       performance. arXiv 1907.04840.
"""

from math import cos, pi


def constant(zeta, progress):
    """SET: the same fraction each time."""
    return zeta


def cosine(zeta, progress):
    """Falling to zero along half a cosine [1]_."""
    return zeta * (1.0 + cos(pi * progress)) / 2.0


def linear(zeta, progress):
    """Falling to zero along a straight line."""
    return zeta * (1.0 - progress)


AMOUNT_RULES = {"constant": constant, "cosine": cosine, "linear": linear}
