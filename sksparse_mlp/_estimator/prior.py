"""What a look at the classes says before training: where to grow, and the direct path."""

from typing import NamedTuple

import numpy as np

from .._network import SparseNetwork
from . import defaults
from .anova import class_moments, growth_preferences
from .checks import check_direct_path
from .direct_path import bytes_needed, direct_network, direct_weights


class Prior(NamedTuple):
    """What is known of the inputs before training."""

    input_preferences: np.ndarray | None = None  # for guided growth
    direct_network: SparseNetwork | None = None
    direct_weight: float = 0.0


def prior_of(data, n_classes, *, guided, guidance, direct_path):
    """Look at the training data of a new network, or of a warm start.

    Parameters
    ----------
    data : TrainingData
    n_classes : int
    guided : bool
        Whether growth is guided.
    guidance : float
        As the classifier's parameter.
    direct_path : float or "auto"
        As the classifier's parameter.
    """
    shape = data.samples.size, data.X.shape[1]
    weight = defaults.direct_path(direct_path, *shape)
    if weight > 0:
        check_direct_path(direct_path, *shape, bytes_needed(*shape, n_classes))
    moments = class_moments(data) if guided or weight > 0 else None
    preferences = growth_preferences(moments.separation(), guidance) if guided else None
    if weight == 0:
        return Prior(preferences)
    weights, intercepts = direct_weights(data, moments, n_classes)
    return Prior(preferences, direct_network(weight * weights, weight * intercepts), weight)
