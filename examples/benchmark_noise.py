"""
===========================================================
Needles in a haystack: accuracy with ever more noise columns
===========================================================

Appends columns that say nothing to real data, until they are 90, 95 and 99 % of all, and prints how
accurate classifiers with their defaults remain::

    python benchmark_noise.py                                # digits, which scikit-learn brings
    python benchmark_noise.py --data FOLDER [FOLDER ...]     # also khan and warppie10p, .npz
    python benchmark_noise.py --noise permuted               # copies of columns, shuffled
    python benchmark_noise.py --quick                        # a minute's look

Noise is standard normal; or it is made of the columns of the data themselves, drawn at random, each
permuted over the samples, which keeps its distribution and nothing else.

Protocol. ``StratifiedKFold`` with 5 shuffled splits (3 where a class has fewer than 5 members) for
each seed, which also draws the noise; ``StandardScaler`` fitted inside each fold; one thread.
Accuracy is the mean over the folds and seeds. Needs matplotlib for ``--figure`` only.

To add a model, add a line to ``MODELS``.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier

SETS = ("digits", "khan", "warppie10p")
SHARES = (0.0, 0.9, 0.95, 0.99)
MODELS = {
    "sparse network": lambda seed: TrulySparseMLPClassifier(random_state=seed),
    "MLPClassifier": lambda seed: MLPClassifier(random_state=seed),
    "random forest": lambda seed: RandomForestClassifier(random_state=seed),
    "logistic regression": lambda seed: LogisticRegression(max_iter=1000),
}


# ---------------------------------------------------------------- data


def load_sets(folders, names):
    """Return the data sets that are there, by name: digits, and .npz files in some folders."""
    found = {}
    for name in names:
        files = [path for path in (Path(f) / f"{name}.npz" for f in folders) if path.exists()]
        if name == "digits":
            found[name] = load_digits(return_X_y=True)
        elif files:
            with np.load(files[0]) as data:
                found[name] = data["X"], data["y"]
        else:
            print(f"{name}: not in the folders given by --data, left out", flush=True)
    return {name: (X.astype(np.float32), y) for name, (X, y) in found.items()}


def with_noise(X, share, kind, seed):
    """Append columns of noise, such that they are this share of all, at random places."""
    rng = np.random.default_rng([seed, round(1000 * share)])
    n_noise = round(X.shape[1] * share / (1 - share))
    if kind == "normal":
        noise = rng.standard_normal((len(X), n_noise), dtype=np.float32)
    else:
        noise = rng.permuted(X[:, rng.integers(X.shape[1], size=n_noise)], axis=0)
    whole = np.hstack([X, noise])
    return whole[:, rng.permutation(whole.shape[1])] if n_noise else whole


# ---------------------------------------------------------------- measuring


class Notebook:
    """Remembers results in a file of JSON lines, or in memory only."""

    def __init__(self, path):
        self.path, self.known = path, {}
        if path is not None and Path(path).exists():
            for line in Path(path).read_text().splitlines():
                key, value = json.loads(line)
                self.known[tuple(key)] = value

    def remember(self, key, function, *arguments):
        """Return what is known under a key, or call a function to know it."""
        if key not in self.known:
            self.known[key] = function(*arguments)
            if self.path is not None:
                with Path(self.path).open("a") as file:
                    file.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known[key]


def accuracies(name, X, y, seed):
    """Return the accuracy of a model in each fold, and the mean seconds of a fit."""
    n_splits = min(5, max(3, np.unique(y, return_counts=True)[1].min()))
    splits = StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(X, y)
    found, start = [], time.perf_counter()
    for train, test in splits:
        model = make_pipeline(StandardScaler(), MODELS[name](seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found.append(model.fit(X[train], y[train]).score(X[test], y[test]))
    return [float(accuracy) for accuracy in found], (time.perf_counter() - start) / n_splits


def measure(notebook, sets, options):
    """Return mean accuracy and seconds a fit by set, share of noise and model."""
    results = {}
    for data, (X, y) in sets.items():
        for share in options.shares:
            runs = {name: [] for name in options.models}
            for seed in range(options.seeds):
                keys = {name: (data, options.noise, share, seed, name) for name in runs}
                is_known = all(key in notebook.known for key in keys.values())
                noisy = None if is_known else with_noise(X, share, options.noise, seed)
                for name, key in keys.items():
                    found = notebook.remember(key, accuracies, name, noisy, y, seed)
                    runs[name].append(found)
            for name, found in runs.items():
                accuracy = np.mean([np.mean(folds) for folds, _ in found])
                results[data, share, name] = accuracy, np.mean([seconds for _, seconds in found])
            print(f"{data}, {share:.0%} noise: done", flush=True)
    return results


# ---------------------------------------------------------------- showing


def print_table(results, options):
    """Print accuracy, and in brackets the seconds of a fit, as a Markdown table."""
    print("\naccuracy (seconds a fit)\n")
    print("| data | noise | " + " | ".join(options.models) + " |")
    print("|---" * (len(options.models) + 2) + "|")
    for data, share in dict.fromkeys((data, share) for data, share, _ in results):
        figures = [results[data, share, name] for name in options.models]
        cells = [f"{accuracy:.3f} ({seconds:.1f})" for accuracy, seconds in figures]
        print(f"| {data} | {share:.0%} | " + " | ".join(cells) + " |")


def draw(results, options, path):
    """Draw a panel for each set: accuracy against the share of noise."""
    import matplotlib.pyplot as plt

    sets = list(dict.fromkeys(data for data, *_ in results))
    size = {"figsize": (3.2 * len(sets) + 1, 3.2), "layout": "constrained"}
    figure, axes = plt.subplots(1, len(sets), squeeze=False, sharey=True, **size)
    colors = ("#0072B2", "#D55E00", "#009E73", "#E69F00")
    for ax, data in zip(axes[0], sets, strict=True):
        for name, color in zip(options.models, colors, strict=False):
            values = [results[data, share, name][0] for share in options.shares]
            ax.plot(range(len(values)), values, "o-", color=color, label=name)
        ax.set_xticks(range(len(options.shares)), [f"{share:.0%}" for share in options.shares])
        ax.set_xlabel("noise columns")
        ax.set_title(data)
    axes[0, 0].set_ylabel("accuracy")
    lines = axes[0, 0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper center", ncols=len(options.models), frameon=False)
    figure.savefig(path, dpi=100)


def main(arguments=None):
    """Run the benchmark, print its table, and draw it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1].replace("%", "%%"))
    parser.add_argument("--data", nargs="+", default=[], help="folders of .npz files with X and y")
    parser.add_argument("--sets", nargs="+", default=SETS, help="which of them, and digits")
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES, help="shares of noise")
    parser.add_argument("--noise", choices=("normal", "permuted"), default="normal")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--results", help="file that keeps what is done, to go on from there")
    parser.add_argument("--figure", help="file to draw to, such as pictures/noise.png")
    parser.add_argument("--quick", action="store_true", help="every sixth digit, no or 90 %% noise")
    options = parser.parse_args(arguments)
    sets = load_sets(options.data, options.sets)
    if options.quick:
        options.shares = (0.0, 0.9)
        sets = {name: (X[::6], y[::6]) for name, (X, y) in sets.items() if name == "digits"}
    results = measure(Notebook(options.results), sets, options)
    print_table(results, options)
    if options.figure is not None:
        draw(results, options, options.figure)


if __name__ == "__main__":
    main()
