"""When a second hidden layer pays: one and two hidden layers on artificial sets of many sizes.

Prints accuracy and log-loss, or R2, on 3,000 new samples, and the seconds of a fit. These sets took
no part in the choice of the depth; ``hidden_layer_sizes="auto"`` adds the second layer from 1,000
samples on.
"""

import argparse
import time

import numpy as np
from sklearn import datasets
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier, TrulySparseMLPRegressor

N_TEST = 3000
DEPTHS = {"one": (1000,), "two": (1000, 1000)}


# ---------------------------------------------------------------- data


def classes(n_features, n_informative, n_classes, **parameters):
    """Return a function of a number and a seed: clusters on corners of a cube, inputs of noise."""
    parameters = {"n_redundant": 0, "n_clusters_per_class": 2} | parameters
    parameters |= {"n_informative": n_informative, "n_classes": n_classes}
    return made_by(datasets.make_classification, n_features=n_features, **parameters)


def made_by(function, **parameters):
    """Return a function of a number and a seed, by one of scikit-learn's."""
    return lambda n, seed: function(n_samples=n, random_state=seed, **parameters)


def noisy(f, n_features, signal_to_noise):
    """Return a function of a number and a seed: numbers that a function of uniform inputs gives."""

    def make(n, seed):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, size=(n, n_features))
        y = f(X, rng)
        return X, y + rng.normal(size=n) * y.std() / np.sqrt(signal_to_noise)

    return make


def waves(X, rng):
    """Five waves of products of neighbouring inputs."""
    return sum(np.sin(5 * X[:, i] * X[:, i + 1]) for i in range(5))


def boxes(X, rng):
    """Twelve boxes of three inputs each, inside which the target is higher or lower."""
    y = np.zeros(len(X))
    for height in rng.normal(size=12):
        chosen, low = rng.choice(X.shape[1], 3, replace=False), rng.uniform(-1, 0, 3)
        y += height * ((X[:, chosen] > low) & (X[:, chosen] < low + 1)).all(axis=1)
    return y


# Training samples, and what makes samples.
CLASSIFICATION = {
    "300 x 20": (300, classes(20, 8, 3)),
    "600 x 100": (600, classes(100, 10, 4, n_redundant=10)),
    "1200 x 100": (1200, classes(100, 10, 4, n_redundant=10)),
    "2500 x 300": (2500, classes(300, 15, 3, n_redundant=5, flip_y=0.05)),
    "5000 x 30": (5000, classes(30, 12, 5, n_clusters_per_class=3)),
    "2000 x 1000, one cluster a class": (
        2000,
        classes(1000, 50, 2, n_clusters_per_class=1, flip_y=0.1),
    ),
    "1200 x 10, a sphere": (1200, made_by(datasets.make_hastie_10_2)),
    "4000 x 10, a sphere": (4000, made_by(datasets.make_hastie_10_2)),
    "1500 x 20, three shells": (
        1500,
        made_by(datasets.make_gaussian_quantiles, n_features=20, n_classes=3),
    ),
}
LINEAR = {"n_informative": 20, "noise": 30}
REGRESSION = {
    "500 x 8, waves": (500, noisy(waves, 8, 10)),
    "1500 x 8, waves": (1500, noisy(waves, 8, 10)),
    "12000 x 20, waves": (12_000, noisy(waves, 20, 4)),
    "6000 x 12, boxes": (6000, noisy(boxes, 12, 4)),
    "1500 x 10, friedman1": (1500, made_by(datasets.make_friedman1, n_features=10, noise=1.0)),
    "2000 x 50, linear": (2000, made_by(datasets.make_regression, n_features=50, **LINEAR)),
    "1200 x 500, linear": (1200, made_by(datasets.make_regression, n_features=500, **LINEAR)),
}


# ---------------------------------------------------------------- what they are worth


def judge(estimator, X, y, n):
    """Return the score on the samples after the first n, the log-loss of classes, and seconds."""
    start = time.process_time()
    model = make_pipeline(StandardScaler(), estimator).fit(X[:n], y[:n])
    seconds = time.process_time() - start
    loss = np.nan
    if hasattr(model, "predict_proba"):
        loss = log_loss(y[n:], model.predict_proba(X[n:]), labels=model.classes_)
    return model.score(X[n:], y[n:]), loss, seconds


def print_table(estimator_class, sets, seeds):
    """Print, by set and depth, the means over the seeds; and those over all sets."""
    print("\n| set | " + " | ".join(f"{name}: score, log-loss, s" for name in DEPTHS) + " |")
    print("|---" * (1 + len(DEPTHS)) + "|")
    figures = []
    for name, (n, make) in sets.items():
        found = np.empty((seeds, len(DEPTHS), 3))
        for seed in range(seeds):
            X, y = make(n + N_TEST, 11 + seed)
            for i, sizes in enumerate(DEPTHS.values()):
                found[seed, i] = judge(estimator_class(sizes, random_state=seed), X, y, n)
        figures.append(found.mean(axis=0))
        print(f"| {name} | {cells(figures[-1])} |", flush=True)
    print(f"| mean | {cells(np.mean(figures, axis=0))} |")


def cells(by_depth):
    """Return the cells of a row."""
    return " | ".join(f"{score:.3f}, {loss:.3f}, {s:.2f}" for score, loss, s in by_depth)


def main(arguments=None):
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one small set of each kind")
    options = parser.parse_args(arguments)
    kinds = {TrulySparseMLPClassifier: CLASSIFICATION, TrulySparseMLPRegressor: REGRESSION}
    for estimator_class, sets in kinds.items():
        sets = dict(list(sets.items())[:1]) if options.quick else sets
        print_table(estimator_class, sets, options.seeds)


if __name__ == "__main__":
    main()
