"""Where connections grow: see :class:`.base.GrowthRule`."""


def uniform(layer):
    """SET: at any empty cell."""
    return None


def guided(layer):
    """From the inputs that are preferred, in layers that they feed; else at any empty cell."""
    return layer.input_preferences if layer.from_inputs else None


GROWTH_RULES = {"set": uniform, "guided": guided}
