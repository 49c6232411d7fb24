"""How many connections an evolution moves: see :class:`.base.AmountRule`."""


def constant(zeta, progress):
    """SET: the same fraction each time."""
    return zeta


AMOUNT_RULES = {"constant": constant}
