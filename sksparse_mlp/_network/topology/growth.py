"""Where connections grow: see :class:`.base.GrowthRule`."""


def uniform(layer):
    """SET: at any empty cell."""
    return None


def guided(layer):
    """From the inputs that are preferred, in the first layer; elsewhere at any empty cell."""
    return layer.input_preferences if layer.number == 0 else None


GROWTH_RULES = {"set": uniform, "guided": guided}
