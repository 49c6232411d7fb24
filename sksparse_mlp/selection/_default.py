"""The networks of a selector that is given none, or not how many."""

from .._estimator import defaults
from ..classifier import TrulySparseMLPClassifier

# How long the networks of the default estimator are trained, at least.
STEPS, EPOCHS = 50, 10
# How many are trained for one choice, and for that of each of many halves.
NETWORKS, NETWORKS_OF_A_HALF = 20, 2


def default_estimator(n_samples):
    """Networks that learn by plain gradient descent from very small weights, for a short time."""
    steps_per_epoch = -(-n_samples // defaults.batch_size("auto", n_samples, stream=False))
    return TrulySparseMLPClassifier(
        hidden_layer_sizes=(1000,),
        epsilon=20,
        solver="sgd",
        learning_rate_init=0.05,
        learning_rate_scaling=None,
        weight_init_gain=0.01,
        weight_decay=0.1,
        input_noise=0.0,
        evolution="set",
        skip_connections=None,
        max_iter=max(EPOCHS, -(-STEPS // steps_per_epoch)),
    )


def networks_of_a_round(selector):
    """How many networks make one choice of features; "auto" means fewer for each of many halves."""
    if selector.n_networks != "auto":
        return selector.n_networks
    return NETWORKS if selector.max_false_selections is None else NETWORKS_OF_A_HALF
