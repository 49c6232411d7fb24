"""What an evolution drops: see :class:`.base.DropRule`."""

import numpy as np


def weakest_of_each_sign(layer):
    """SET: of the positive weights those nearest zero, and of the negative ones likewise."""
    return layer.weights.view(np.uint32)


DROP_RULES = {"set": weakest_of_each_sign}
