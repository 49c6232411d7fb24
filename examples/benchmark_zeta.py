"""What a small zeta costs and saves, and how far the topology moves: accuracy, seconds, NNSTD.

Prints, for each set and zeta, the mean accuracy on samples set apart, the median of the seconds of
a fit, and how far its last topology is from the first one.
"""

import argparse
from pathlib import Path

import numpy as np
from benchmark_topology import load_sets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.inspection import topology_distance

ZETAS = (0.02, 0.05, 0.1, 0.3)


def judge(X, y, zeta, seed):
    """Return the accuracy, the seconds, and how far the connections moved."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    model = TrulySparseMLPClassifier(
        500, density=0.02, zeta=zeta, skip_connections=None, random_state=seed
    )
    # Without evolution a network keeps the connections that it began with, at places of the seed.
    first = TrulySparseMLPClassifier(**model.get_params()).set_params(evolution="set", zeta=0)
    model.set_params(evolution="set").fit(X, y)
    moved = topology_distance(first.fit(X, y), model)
    return model.score(X_test, y_test), sum(model.history_["seconds"]), moved


def main():
    """Read the options, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="folders of .npz files")
    parser.add_argument("--sets", nargs="+", default=("digits", "su"), help="which sets, by name")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print("| set | zeta | accuracy | seconds | NNSTD from the first topology |")
    print("|---|---|---|---|---|")
    for name, (X, y) in load_sets(options.data, options.sets).items():
        for zeta in ZETAS:
            found = np.array([judge(X, y, zeta, seed) for seed in range(options.seeds)])
            accuracy, _, moved = found.mean(axis=0)
            seconds = np.median(found[:, 1])
            print(f"| {name} | {zeta} | {accuracy:.3f} | {seconds:.2f} | {moved:.2f} |", flush=True)


if __name__ == "__main__":
    main()
