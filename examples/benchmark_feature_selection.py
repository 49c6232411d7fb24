"""
==========================================================
Which genes: selectors compared by what can be done with them
==========================================================

Chooses features inside each training fold, trains a linear support vector machine on them alone and
prints its accuracy on the other fold, and how much the choices of the folds have in common::

    python benchmark_feature_selection.py                  # small bundled sets
    python benchmark_feature_selection.py --data FOLDER    # .npz files with X and y
    python benchmark_feature_selection.py --data FOLDER --sets khan tox_171 --k 50 100
    python benchmark_feature_selection.py --data FOLDER --results FILE  # can be resumed
    python benchmark_feature_selection.py --data FOLDER --protocol min-max --sets coil20 --k 50

LassoNet takes part where it is installed. With ``--results`` each fold is written to a file as soon
as it is done, and what the file holds already is not computed again.

Protocol. ``StratifiedKFold`` with 5 shuffled splits (3 where a class has fewer than 5 members),
``StandardScaler`` fitted inside each fold, each selector fitted once a fold; of its ranking, the
first k features are taken. Accuracy is that of ``LinearSVC(C=0.01)``, the mean over the folds, and
so are the seconds of a fit, on one thread.
Stability is the Jaccard overlap of the features chosen in two folds, the mean over all pairs: two
training parts share three quarters of their rows.

Two protocols more are those of published tables, one split each: a fifth of the rows, not
stratified, are held out by ``train_test_split(random_state=42)``, and the machine is ``SVC()``; its
inputs are standardised by the training rows ("standard") or brought to [0, 1] by all of them
("min-max", as it was published; features are chosen by training rows alone). One split of few rows
says little: "repeated" is "standard" on five others.

To add a selector, add a line to ``SCORERS``: a function of the training data and a seed that
returns a score for each feature.
"""

import argparse
import importlib.util
import itertools
import json
import time
import warnings
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
)
from sksparse_mlp.datasets import make_microarray

SETS = ("tox_171", "prostate_ge", "allaml", "khan", "glioma")


# ---------------------------------------------------------------- selectors


def sparse_mlp(method, n_networks=20, **parameters):
    """Return the scores of our supervised selector as a function of the data."""
    parameters |= {"method": method, "n_networks": n_networks}

    def scores(X, y, seed):
        k = min(50, X.shape[1] // 2)  # where eviction ends
        selector = SparseMLPFeatureSelector(k=k, random_state=seed, **parameters)
        return selector.fit(X, y).scores_

    return scores


def sparse_autoencoder(X, y, seed):
    """Return the scores of our unsupervised selector."""
    return SparseAutoencoderSelector(random_state=seed).fit(X).scores_


def anova_f(X, y, seed):
    """Return F statistics; features without any variance come last."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.nan_to_num(f_classif(X, y)[0])


def random_forest(X, y, seed):
    """Return the impurity importances of a random forest."""
    return RandomForestClassifier(500, random_state=seed).fit(X, y).feature_importances_


def l1_logistic(X, y, seed):
    """Return the weights' magnitudes; where all are zero, the F statistic decides."""
    parameters = {"C": 1.0, "solver": "liblinear", "random_state": seed, "max_iter": 10_000}
    l1 = "l1_ratio" if LogisticRegression().get_params().get("penalty") == "deprecated" else None
    machine = LogisticRegression(**parameters, **({l1: 1.0} if l1 else {"penalty": "l1"}))
    machines = OneVsRestClassifier(machine).fit(X, y).estimators_
    weights = sum(abs(machine.coef_[0]) for machine in machines)
    f = anova_f(X, y, seed)
    return weights + 1e-9 * f / f.max()


def lassonet(X, y, seed):
    """Return LassoNet's importances: the penalty at which a feature drops out."""
    from lassonet import LassoNetClassifier

    numbers = np.unique(y, return_inverse=True)[1]
    model = LassoNetClassifier(
        hidden_dims=(100,), path_multiplier=1.05, random_state=seed, torch_seed=seed, verbose=0
    )
    model.path(X.astype(np.float32), numbers, return_state_dicts=False)
    return model.feature_importances_.numpy()


SCORERS = {
    "strength": sparse_mlp("strength"),
    "gradient": sparse_mlp("gradient"),
    "attribution": sparse_mlp("attribution"),
    "strength, one network": sparse_mlp("strength", n_networks=1),
    "eviction": sparse_mlp("strength", n_networks=4, eviction=0.5),
    "eviction, full trainings": sparse_mlp(
        "strength", n_networks=1, eviction=0.2, estimator=TrulySparseMLPClassifier()
    ),
    "sparse autoencoder": sparse_autoencoder,
    "ANOVA F": anova_f,
    "random forest": random_forest,
    "L1 logistic": l1_logistic,
    "LassoNet": lassonet,
    "at random": lambda X, y, seed: np.random.default_rng(seed).random(X.shape[1]),
}


# ---------------------------------------------------------------- protocol


class Fold(NamedTuple):
    """What came out in one fold: the first features, the accuracy by how many are taken, time."""

    order: list
    accuracy: dict
    seconds: float


class Figures(NamedTuple):
    """What came out for one selector, one number of features and one data set."""

    accuracy: float
    overlap: float
    seconds: float


class Notebook:
    """Folds that are done; in a file of one JSON object a line, or in memory only."""

    def __init__(self, path=None):
        self.path, self.folds = path, {}
        if path is not None and Path(path).exists():
            for line in Path(path).read_text().splitlines():
                entry = json.loads(line)
                accuracy = {int(k): value for k, value in entry["accuracy"].items()}
                fold = Fold(entry["order"], accuracy, entry["seconds"])
                key = entry.get("protocol", "folds"), entry["data"], entry["selector"]
                self.folds[(*key, entry["fold"])] = fold

    def get(self, key, numbers):
        """Return a fold if it is there, with the accuracy for each number of features."""
        fold = self.folds.get(key)
        return fold if fold is not None and set(numbers) <= set(fold.accuracy) else None

    def add(self, key, fold):
        """Note a fold."""
        self.folds[key] = fold
        if self.path is not None:
            names = ("protocol", "data", "selector", "fold")
            entry = dict(zip(names, key, strict=True)) | fold._asdict()
            with open(self.path, "a") as file:
                file.write(json.dumps(entry) + "\n")


class Split(NamedTuple):
    """Training rows, standardised, to choose by; what the machine learns from, is tested on."""

    X_to_choose: np.ndarray
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def stratified_folds(X, y):
    """Yield five splits, or three where a class is small."""
    n_splits = 5 if np.unique(y, return_counts=True)[1].min() >= 5 else 3
    for train, test in StratifiedKFold(n_splits, shuffle=True, random_state=0).split(X, y):
        yield standardised(X, y, train, test)


def published_splits(X, y, *, seeds=(42,), scale_all=False):
    """Yield the one split of published tables, or others of its kind."""
    for seed in seeds:
        train, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed)
        split = standardised(X, y, train, test)
        if scale_all:
            X = MinMaxScaler().fit_transform(X)
            split = split._replace(X=X[train], X_test=X[test])
        yield split


def standardised(X, y, train, test):
    """Return a split whose inputs are all standardised by the training rows."""
    scaler = StandardScaler().fit(X[train])
    X_train = scaler.transform(X[train])
    return Split(X_train, X_train, y[train], scaler.transform(X[test]), y[test])


# Splits, and the machine that judges.
PROTOCOLS = {
    "folds": (stratified_folds, LinearSVC(C=0.01, max_iter=100_000, random_state=0)),
    "standard": (published_splits, SVC()),
    "repeated": (partial(published_splits, seeds=range(5)), SVC()),
    "min-max": (partial(published_splits, scale_all=True), SVC()),
}


def judge_fold(score, split, machine, seed, numbers):
    """Choose features by the training data, and see what they are worth."""
    start = time.perf_counter()
    order = np.argsort(-score(split.X_to_choose, split.y, seed), kind="stable")[: max(numbers)]
    seconds, accuracy = time.perf_counter() - start, {}
    for k in numbers:
        fitted = clone(machine).fit(split.X[:, order[:k]], split.y)
        accuracy[k] = fitted.score(split.X_test[:, order[:k]], split.y_test)
    return Fold(order.tolist(), accuracy, seconds)


def judge(notebook, protocol, data, selector, X, y, numbers):
    """Return the figures of a selector for each number of features."""
    folds = []
    splits, machine = PROTOCOLS[protocol]
    for number, split in enumerate(splits(X, y)):
        key = (protocol, data, selector, number)
        fold = notebook.get(key, numbers)
        if fold is None:
            fold = judge_fold(SCORERS[selector], split, machine, number, numbers)
            notebook.add(key, fold)
        folds.append(fold)
    return {
        k: Figures(
            np.mean([fold.accuracy[k] for fold in folds]),
            mean_overlap([set(fold.order[:k]) for fold in folds]),
            np.mean([fold.seconds for fold in folds]),
        )
        for k in numbers
    }


def mean_overlap(choices):
    """Return the mean Jaccard overlap of all pairs of sets; NaN of one set."""
    pairs = list(itertools.combinations(choices, 2))
    return np.mean([len(a & b) / len(a | b) for a, b in pairs]) if pairs else np.nan


def load_sets(folders, names):
    """Return data sets by name, from .npz files or from what scikit-learn brings along."""
    if folders:
        paths = {path.stem: path for folder in folders for path in Path(folder).glob("*.npz")}
        files = {name: np.load(paths[name]) for name in names}
        return {name: (file["X"].astype(np.float32), file["y"]) for name, file in files.items()}
    return {
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "digits": load_digits(return_X_y=True),
        "make_microarray": make_microarray(
            n_samples=100, n_features=2000, n_informative=100, class_sep=1.2, random_state=0
        ),
    }


def print_table(k, results):
    """Print a Markdown table for one number of features: accuracy and, in brackets, stability."""
    sets = list(next(iter(results.values())))
    print(f"\n{k} features: accuracy (overlap of the folds' choices)\n")
    print("| selector | " + " | ".join(sets) + " | mean | seconds a fit |")
    print("|---" * (len(sets) + 3) + "|")
    for name, by_set in results.items():
        figures = [by_set[data][k] for data in sets]
        mean = Figures(*np.mean(figures, axis=0))
        cells = [f"{f.accuracy:.3f} ({f.overlap:.2f})" for f in [*figures, mean]]
        print(f"| {name} | " + " | ".join(cells) + f" | {mean.seconds:.1f} |")


def main(arguments=None):
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--data", nargs="+", help="folders of .npz files with X and y")
    parser.add_argument("--sets", nargs="+", default=SETS, help="which of them, by name")
    parser.add_argument("--k", nargs="+", type=int, help="how many features to select")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="folds")
    parser.add_argument("--selectors", nargs="+", choices=SCORERS, default=list(SCORERS))
    parser.add_argument("--results", help="file that keeps what is done, to go on from there")
    options = parser.parse_args(arguments)
    numbers = options.k or ([50, 100] if options.data else [10, 20])
    if importlib.util.find_spec("lassonet") is None:
        options.selectors = [name for name in options.selectors if name != "LassoNet"]
    notebook, results = Notebook(options.results), {name: {} for name in options.selectors}
    for data, (X, y) in load_sets(options.data, options.sets).items():
        for name in options.selectors:
            results[name][data] = judge(notebook, options.protocol, data, name, X, y, numbers)
            print(f"{data}, {name}: done", flush=True)
    for k in numbers:
        print_table(k, results)


if __name__ == "__main__":
    main()
