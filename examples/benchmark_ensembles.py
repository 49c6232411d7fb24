"""
=========================================================
Ensembles of five networks, compared with one and others
=========================================================

Cross-validated figures of all ways to make an ensemble, over folders of data sets::

    python benchmark_ensembles.py                            # small bundled sets
    python benchmark_ensembles.py --data FOLDER [FOLDER ...]      # .npz with X and y
    python benchmark_ensembles.py --data FOLDER --models one edst --sets khan tox_171
    python benchmark_ensembles.py --data FOLDER --sets tox_171 --centres

Needs pandas; LightGBM is used where installed.

Protocol. One round of 5 stratified folds (3 where a class has fewer than 5 members),
``StandardScaler`` fitted inside each, one thread. Figures as in :doc:`benchmark_microarray`:
accuracy, balanced accuracy and log-loss by fold, ECE over the pooled folds, and processor seconds
of a fit with the scaling, which other work on the machine disturbs less than a clock's. NNSTD is
the topological distance of the first layers of members, over two pairs of those of the first fold:
0 where they are the same up to the order of the neurons. p is Wilcoxon's signed-rank test over the
sets, against one network.

With ``--centres``, the training part of each split is dealt out to three centres, and
:func:`~sksparse_mlp.merge` is compared with what each learns by itself, and all together.

Each finished fold is a file in ``CACHE/SET/MODEL/``, so an interrupted run continues where it was;
delete a model's folders after changing its code.
"""

import argparse
import itertools
import os
import time
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
from benchmark_microarray import (
    expected_calibration_error,
    load_bundled,
    load_folders,
    markdown,
    save,
    score_fold,
    wilcoxon,
)
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sksparse_mlp import TrulySparseMLPClassifier, TrulySparseMLPEnsembleClassifier, merge
from sksparse_mlp.inspection import topology_distance

N_MEMBERS = 5
PAIRS = ((0, 1), (N_MEMBERS - 2, N_MEMBERS - 1))
N_CENTRES = 3


def ensemble(method):
    """What makes an ensemble by a method, from a seed."""
    return lambda seed: TrulySparseMLPEnsembleClassifier(
        n_estimators=N_MEMBERS, method=method, random_state=seed
    )


def bagging(seed):
    """Return scikit-learn's bagging of our networks."""
    return BaggingClassifier(TrulySparseMLPClassifier(), N_MEMBERS, random_state=seed)


def lightgbm(seed):
    """Return LightGBM with its defaults."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1)


MODELS = {
    "one": lambda seed: TrulySparseMLPClassifier(random_state=seed),
    "independent": ensemble("independent"),
    "edst": ensemble("edst"),
    "disjoint": ensemble("disjoint"),
    "trails": ensemble("trails"),
    "bagging": bagging,
    "random_forest": lambda seed: RandomForestClassifier(500, random_state=seed),
    "lightgbm": lightgbm,
}
REFERENCE = "one"
# Of these, the best on all other sets is chosen for each set.
CHOICES = ["one", "independent", "edst", "disjoint", "trails"]
BETTER = {"accuracy": 1, "log_loss": -1}
METRICS = {
    "accuracy": "{:.3f}",
    "balanced_accuracy": "{:.3f}",
    "log_loss": "{:.3f}",
    "ece": "{:.3f}",
    "fit_seconds": "{:.2f}",
    "nnstd": "{:.2f}",
}


def main(arguments=None):
    """Fit what is not cached, and print the tables."""
    options = parse_options(arguments)
    sets = load_folders(options.data) if options.data else load_bundled()
    sets = {name: data for name, data in sets.items() if name in (options.sets or sets)}
    if options.centres:
        print(markdown(table_of_centres(sets, options.seeds)))
        return
    if not options.cached_only:
        MODELS["edst"](0).fit(*load_bundled()["digits_300"])  # compiles kernels, all before timing
    smallest_first = sorted(sets, key=lambda name: sets[name][0].size)
    rows = []
    for name, model in itertools.product(smallest_first, options.models):
        results = list(folds(name, model, *sets[name], options))
        if len(results) > 0 and all(result is not None for result in results):
            rows.append({"set": name, "model": model} | means(results))
    report(pd.DataFrame(rows))


def parse_options(arguments):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Ensembles of networks over many data sets.")
    user_cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    cache = user_cache / "sksparse_mlp" / "benchmark_ensembles"
    parser.add_argument("--data", type=Path, nargs="+", help="folders of .npz files with X and y")
    parser.add_argument("--sets", nargs="+", help="names of sets; all by default")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--cache", type=Path, default=cache, help="folder of finished folds")
    parser.add_argument("--cached-only", action="store_true", help="tables of what is finished")
    parser.add_argument("--centres", action="store_true", help="merge networks of three centres")
    parser.add_argument("--seeds", type=int, default=5, help="repetitions of --centres")
    return parser.parse_args(arguments)


# ---------------------------------------------------------------- cross-validation


def folds(name, model, X, labels, options):
    """The results of all folds, in order; None for one that is not cached, with --cached-only."""
    _, y = np.unique(labels, return_inverse=True)
    n_splits = 5 if np.bincount(y).min() >= 5 else 3
    splits = StratifiedKFold(n_splits, shuffle=True, random_state=0).split(X, y)
    for fold, (train, test) in enumerate(splits):
        path = options.cache / name / model / f"{fold}.npz"
        if not path.exists() and not options.cached_only:
            save(path, fitted_fold(model, X, y, train, test, measures_distance=fold == 0))
        yield dict(np.load(path)) if path.exists() else None


def fitted_fold(model, X, y, train, test, *, measures_distance):
    """Fit on the training part, and predict the test part."""
    pipeline = make_pipeline(StandardScaler(), MODELS[model](0))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tiny classes would warn hundreds of times
        start = time.process_time()
        pipeline.fit(X[train], y[train])
        fit_seconds = time.process_time() - start
        probability = pipeline.predict_proba(X[test]).astype(np.float64)
    return {
        "predicted": pipeline.predict(X[test]),
        "probability": probability,
        "truth": y[test],
        "fit_seconds": fit_seconds,
        "nnstd": distance_of_members(pipeline[-1]) if measures_distance else np.nan,
        "best_params": "",
    }


def distance_of_members(model):
    """Mean distance of the first layers of some members; NaN where there are no networks."""
    members = getattr(model, "estimators_", [])
    if len(members) < N_MEMBERS or not isinstance(members[0], TrulySparseMLPClassifier):
        return np.nan
    pairs = [(members[a], members[b]) for a, b in PAIRS]
    shapes = [[[layer.shape for layer in m.coefs_] for m in pair] for pair in pairs]
    if any(a != b for a, b in shapes):  # a bootstrap may lack a class, or samples for two layers
        return np.nan
    return np.mean([topology_distance(*pair, per_layer=True)[0] for pair in pairs])


def means(results):
    """Mean figures over the folds of a set."""
    figures = pd.DataFrame([score_fold(result) for result in results])
    row = figures[["accuracy", "balanced_accuracy", "log_loss", "fit_seconds"]].mean().to_dict()
    return row | {"ece": expected_calibration_error(results), "nnstd": float(results[0]["nnstd"])}


# ---------------------------------------------------------------- tables


def report(rows):
    """Print the means over the sets that all models have, and the figures of each set."""
    per_set = rows.set_index(["set", "model"])
    models, n_models = rows["model"].unique(), rows.groupby("set", sort=False)["model"].nunique()
    complete = n_models.index[n_models == len(models)]
    print(f"## Means over {len(complete)} sets\n\n{markdown(overall(per_set.loc[complete]))}\n")
    if set(CHOICES) <= set(models) and len(complete) > 1:
        print(f"## Chosen on other sets\n\n{markdown(left_out(per_set.loc[complete]))}\n")
    for metric in ("accuracy", "log_loss", "ece", "fit_seconds"):
        table = per_set[metric].unstack("model").reindex(index=n_models.index, columns=models)
        print(f"## {metric}\n\n{markdown(table.map(METRICS[metric].format))}\n")


def overall(per_set):
    """A row for each model: means, and p of accuracy and log-loss against one network."""
    groups = per_set.groupby("model", sort=False)
    table = groups[list(METRICS)].mean()
    table = pd.DataFrame({name: table[name].map(text.format) for name, text in METRICS.items()})
    for metric in ("accuracy", "log_loss"):
        wide = per_set[metric].unstack("model")
        difference = wide.sub(wide[REFERENCE], axis=0).round(10)
        table[f"{metric} - one"] = difference.mean().map("{:+z.4f}".format)
        table[f"p of {metric}"] = difference.apply(wilcoxon).map("{:.3f}".format)
    wide = per_set["fit_seconds"].unstack("model")
    ratio = wide.div(wide[REFERENCE], axis=0).median()
    table["times one"] = ratio.map("{:.1f}".format)
    return table


def left_out(per_set):
    """Each set by the method that is best on the others: means, and p against one network."""
    rows = {}
    for metric, sign in BETTER.items():
        wide = sign * per_set[metric].unstack("model")[CHOICES]
        best = ((wide.sum() - wide) / (len(wide) - 1)).idxmax(axis=1)
        difference = sign * (pd.Series({name: wide.at[name, m] for name, m in best.items()})
                             - wide[REFERENCE]).round(10)  # fmt: skip
        rows[metric] = {
            "chosen": ", ".join(f"{m} {n} times" for m, n in best.value_counts().items()),
            "mean": f"{sign * wide[REFERENCE].mean() + difference.mean():.4f}",
            "one": f"{sign * wide[REFERENCE].mean():.4f}",
            "difference": f"{difference.mean():+.4f}",
            "p": f"{wilcoxon(difference):.3f}",
        }
    table = pd.DataFrame(rows).T
    table.index.name = "metric"
    return table


# ---------------------------------------------------------------- centres


def table_of_centres(sets, n_seeds):
    """Accuracy of merged networks, of each centre's own, and of all data: mean and deviation."""
    tables = []
    for name, (X, labels) in sets.items():
        _, y = np.unique(labels, return_inverse=True)
        splits = StratifiedShuffleSplit(n_seeds, test_size=0.3, random_state=0).split(X, y)
        rows = [accuracies(X, y, *split, seed) for seed, split in enumerate(splits)]
        rows = pd.DataFrame(rows)
        row = rows.mean().map("{:.3f}".format) + rows.std().map(" ± {:.3f}".format)
        tables.append(row.rename(name))
    table = pd.DataFrame(tables)
    table.index.name = "set"
    return table


def accuracies(X, y, train, test, seed):
    """Accuracy on the test part after a first round of training, and after one more.

    All begin with the same network. The scaler knows all centres' means and variances, which can be
    handed on.
    """
    X = StandardScaler().fit(X[train]).transform(X)
    deal = StratifiedKFold(N_CENTRES, shuffle=True, random_state=seed)
    centres = [train[rows] for _, rows in deal.split(train, y[train])]
    # With "auto" layers, all samples together might get more of them than those of a centre.
    begun = TrulySparseMLPClassifier(1000, warm_start=True, random_state=seed)

    def trained(model, rows):
        return deepcopy(model).fit(X[rows], y[rows])

    def accuracy(*models):
        return np.mean([model.score(X[test], y[test]) for model in models])

    own = [trained(clone(begun), rows) for rows in centres]
    merged, together = merge(own), trained(clone(begun), train)
    figures = {
        "own": accuracy(*own),
        "merged": accuracy(merged),
        "all data": accuracy(together),
    }
    own = [trained(model, rows) for model, rows in zip(own, centres, strict=True)]
    again = merge([trained(merged, rows) for rows in centres])
    return figures | {
        "own, 2 rounds": accuracy(*own),
        "merged, 2 rounds": accuracy(again),
        "all data, 2 rounds": accuracy(trained(together, train)),
    }


if __name__ == "__main__":
    main()
