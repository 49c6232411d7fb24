"""Small estimators with every choice made plain, and data for them."""

import numpy as np
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.preprocessing import scale

from sksparse_mlp import (
    TrulySparseMLPClassifier,
    TrulySparseMLPRegressor,
    TrulySparseMLPSurvival,
)

RECIPE = {
    "hidden_layer_sizes": (12, 8),
    "epsilon": 3,
    "skip_connections": None,
    "evolution_interval": "epoch",
    "evolution_end": 1.0,
    "solver": "sgd",
    "learning_rate": "cosine",
    "learning_rate_init": 0.05,
    "learning_rate_scaling": None,
    "weight_decay": 0.0,
    "input_noise": 0.0,
    "weight_init_gain": 1.0,
    "batch_size": 32,
    "max_iter": 5,
    "temperature": 1.0,
    "random_state": 0,
}


def small(**changes):
    """An unfitted classifier."""
    return TrulySparseMLPClassifier(**RECIPE | changes)


WITHOUT_CLASSES = {name: value for name, value in RECIPE.items() if name != "temperature"}


def small_regressor(**changes):
    """An unfitted regressor."""
    return TrulySparseMLPRegressor(**WITHOUT_CLASSES | changes)


def small_survival(**changes):
    """An unfitted survival model."""
    return TrulySparseMLPSurvival(**WITHOUT_CLASSES | changes)


# Makes of each kind of estimator one that is not fitted.
KINDS = {"classifier": small, "regressor": small_regressor, "survival": small_survival}


# Of every parameter that may change a result, a value that is neither the default nor above.
OTHER_VALUES = {
    "hidden_layer_sizes": (20, 11),
    "loss": "huber",
    "quantile": 0.4,
    "huber_delta": 0.5,
    "activation": "tanh",
    "activation_slope": 0.5,
    "epsilon": 2.0,
    "density": 0.3,
    "evolution": "guided",
    "guidance": 0.4,
    "layer_density": "uniform",
    "initial_topology": "small_world",
    "rewiring": 0.3,
    "drop": "magnitude",
    "drop_scope": "network",
    "redistribution": "momentum",
    "density_schedule": "cubic",
    "initial_connections": 2.0,
    "neuron_pruning": "chase",
    "pruned_neurons": 0.3,
    "zeta": 0.2,
    "zeta_schedule": "cosine",
    "evolution_interval": 2,
    "evolution_end": 0.5,
    "evolve_output_layer": False,
    "solver": "adam",
    "learning_rate": "constant",
    "learning_rate_init": 0.03,
    "learning_rate_scaling": "fan_in",
    "power_t": 0.4,
    "momentum": 0.8,
    "nesterovs_momentum": False,
    "beta_1": 0.8,
    "beta_2": 0.9,
    "weight_decay": 0.1,
    "dropout": 0.1,
    "input_dropout": 0.1,
    "input_noise": 0.1,
    "weight_init": "normal",
    "weight_init_gain": 0.5,
    "batch_size": 20,
    "max_iter": 3,
    "shuffle": False,
    "tol": 1e-3,
    "n_iter_no_change": 5,
    "early_stopping": True,
    "validation_fraction": 0.2,
    "scoring": "loss",  # of survival; the others have scikit-learn's names
    "averaging": "ema",
    "skip_connections": "fitted",
    "temperature": 2.0,
    "class_weight": "balanced",
    "random_state": 1,
}


def numbers(n_samples=96, n_features=10, seed=0):
    """Standardised features, and a target that they explain."""
    X, y = make_regression(n_samples, n_features, n_informative=6, noise=5.0, random_state=seed)
    return scale(X).astype(np.float32), y + 100.0


def indicators(n_labels=4, n_samples=96, n_features=10, seed=0):
    """Standardised features, and an indicator matrix of labels that they explain."""
    X, y = make_multilabel_classification(
        n_samples, n_features, n_classes=n_labels, random_state=seed
    )
    return scale(X).astype(np.float32), y


def points(n_classes=3, n_samples=96, n_features=10, seed=0):
    """Standardised features and string labels that they explain."""
    X, y = make_classification(
        n_samples, n_features, n_informative=6, n_classes=n_classes, class_sep=1.5,
        random_state=seed,
    )  # fmt: skip
    return scale(X).astype(np.float32), np.array(["ALL", "AML", "CLL", "CML"])[y]


def structured(event, time):
    """y of survival models."""
    y = np.empty(len(time), [("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    return y


def times(n_samples=96, n_features=10, seed=0):
    """Standardised features, and times that two of them explain; some are censored, some tied."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
    time, censoring = rng.exponential(np.exp(-X[:, 0] - X[:, 1])), rng.exponential(2.0, n_samples)
    return X, structured(time <= censoring, np.round(0.01 + np.minimum(time, censoring), 2))


def targets_for(kind, y):
    """Targets of a kind of estimator, made of class labels."""
    numbers = np.unique(y, return_inverse=True)[1]
    if kind == "survival":
        return structured(np.arange(len(y)) % 4 > 0, 1.0 + numbers)
    return numbers.astype(float) if kind == "regressor" else y


def same_bits(model, other):
    """Whether two fitted estimators have the same connections, weights and intercepts."""
    pairs = zip(model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return all(
        np.array_equal(a.indices, b.indices) and np.array_equal(a.data, b.data)
        if hasattr(a, "indices")
        else np.array_equal(a, b)
        for a, b in pairs
    )
