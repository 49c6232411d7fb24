"""
=======================================================
Accuracy on gene-expression data, compared with peers
=======================================================

Runs cross-validated classifiers over a folder of data sets and writes tables and a figure::

    python benchmark_microarray.py                                   # small bundled sets
    python benchmark_microarray.py --data FOLDER [FOLDER ...] --n-jobs 4   # .npz with X and y
    python benchmark_microarray.py --data FOLDER --models sparse_mlp logreg svc_rbf
    python benchmark_microarray.py --data FOLDER --tuned             # nested cross-validation
    python benchmark_microarray.py --tables                          # few features, many samples
    python benchmark_microarray.py --data FOLDER --best 20 40        # after a choice of features

Needs pandas; LightGBM, matplotlib and rich are used where installed. To add a model, add a line
to ``MODELS``, and one to ``GRIDS`` if it is to take part in ``--tuned``.

Protocol. ``RepeatedStratifiedKFold`` with 5 splits (3 where a class has fewer than 5 members) and
4 repeats, ``StandardScaler`` fitted inside each fold, the repeat's number as random state. With
``--best``, only the best features by F take part, chosen inside each fold. With ``--tuned``, each
model is a ``GridSearchCV`` over its grid with 3 inner folds of the training part.

Figures, computed per fold and averaged:

- accuracy, and balanced accuracy (mean recall over the classes present in the test part);
- log-loss, with probabilities clipped at the float64 machine epsilon;
- ECE, the expected calibration error: 15 equal-width bins of the top-label confidence, mean
  absolute gap between confidence and accuracy weighted by bin size, over the pooled folds of one
  repeat;
- fit seconds of one thread, preprocessing and the search of ``--tuned`` included.

Paired difference: accuracy minus that of the reference on the same folds. Its standard errors:

- over the repeats: each repeat is reduced to one figure, the mean of its folds, because these share
  training rows. It tells how far other splits and seeds would move the figure on the same samples;
- corrected (Nadeau and Bengio, 2003): the variance over all folds times (1 / folds + test size /
  training size), because the repeats reuse the same rows, too. It stands for new samples, and gives
  the intervals per set;
- over the sets: the sets are independent, so this one needs no correction.

Each finished fold is a small file in ``CACHE/fixed/SET/MODEL/`` (or ``CACHE/tuned/...``), so an
interrupted run continues where it was. A file is recomputed when the data, the split or the
model's parameters changed; delete a model's folders after changing its code.
"""

import argparse
import itertools
import os
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.metaestimators import available_if
from threadpoolctl import threadpool_limits


class Case(NamedTuple):
    """What a model factory may depend on."""

    seed: int
    n_train: int
    n_features: int
    n_classes: int


class Problem(NamedTuple):
    """A data set, and of how many of its features, the best in each fold, a model learns."""

    X: np.ndarray
    y: np.ndarray
    n_best: int | None = None


class PlattSVC(SVC):
    """SVC with probabilities by Platt scaling on inner folds; ``predict`` stays that of SVC."""

    def fit(self, X, y):
        """Fit the machine, then a sigmoid on decision values of held-out rows."""
        super().fit(X, y)
        n_splits = min(5, np.unique(y, return_counts=True)[1].min())
        if n_splits > 1:
            machine = SVC(**self.get_params())
            platt = CalibratedClassifierCV(machine, cv=int(n_splits), ensemble=False)
            self.platt_ = platt.fit(X, y)
        return self

    @available_if(lambda machine: hasattr(machine, "platt_"))
    def predict_proba(self, X):
        """Return the probabilities of the classes; none where one has a single sample."""
        return self.platt_.predict_proba(X)


def scaled(*steps):
    """Return a pipeline that standardises first."""
    return make_pipeline(StandardScaler(), *steps)


def sparse_mlp(case, **parameters):
    """Return our model."""
    from sksparse_mlp import TrulySparseMLPClassifier

    return scaled(TrulySparseMLPClassifier(random_state=case.seed, **parameters))


def network_dense(case):
    """Return our model with dense layers as wide as the sparse model's parameters allow."""
    depth = 1 if case.n_train < 1000 else 2  # as hidden_layer_sizes="auto" has it
    widths = [case.n_features, *(1000,) * depth, case.n_classes]
    pairs = list(itertools.pairwise(widths))
    sizes = [min(a * b, 20 * a + 10 * b) for a, b in pairs[:-1]]
    budget = sum(sizes) + min(np.prod(pairs[-1]), 20 * sum(pairs[-1])) + sum(widths[1:])
    # n_features w + (depth - 1) w^2 + n_classes w weights, depth w + n_classes biases = budget
    linear = case.n_features + case.n_classes + depth
    roots = np.roots([depth - 1, linear, case.n_classes - budget])
    width = max(1, round(roots.real.max()))
    widths = (width,) * depth
    dense = {"density": 1.0, "evolution": None, "skip_connections": None}
    return sparse_mlp(case, **dense, hidden_layer_sizes=widths)


def pca_svc(case):
    """Return an SVC on the leading principal components, as many of 50 as there can be."""
    n_components = min(50, case.n_train - 1, case.n_features)
    return scaled(PCA(n_components, random_state=case.seed), PlattSVC())


def lightgbm(case):
    """Return LightGBM with its defaults."""
    from lightgbm import LGBMClassifier

    return scaled(LGBMClassifier(random_state=case.seed, n_jobs=1, verbose=-1))


MODELS = {
    "sparse_mlp": sparse_mlp,
    "logreg": lambda case: scaled(LogisticRegression(C=1.0, max_iter=1000)),
    "linear_svc": lambda case: scaled(LinearSVC(C=0.01, random_state=case.seed)),
    "best_f_svc": lambda case: scaled(SelectKBest(k=200), LinearSVC(random_state=case.seed)),
    "svc_rbf": lambda case: scaled(PlattSVC()),
    "pca_svc": pca_svc,
    "random_forest": lambda case: scaled(RandomForestClassifier(500, random_state=case.seed)),
    "mlp": lambda case: scaled(MLPClassifier(random_state=case.seed)),
    "lightgbm": lightgbm,
    "shrunken_centroids": lambda case: scaled(NearestCentroid(shrink_threshold=0.5)),
    # What each part of ours is worth: connections that stay where they are; the skip layer alone;
    # the network without it, by rule of evolution; and a dense one of as many parameters.
    "static": lambda case: sparse_mlp(case, evolution=None),
    "skip_layer": lambda case: sparse_mlp(case, learning_rate_init=1e-9, max_iter=1),
    "network_guided": lambda case: sparse_mlp(case, skip_connections=None, evolution="guided"),
    "network_set": lambda case: sparse_mlp(case, skip_connections=None, evolution="set"),
    "network_static": lambda case: sparse_mlp(case, skip_connections=None, evolution=None),
    "network_dense": network_dense,
    # Other inputs: as they are in the file; standardised, outliers brought to two deviations.
    "unscaled": lambda case: make_pipeline(sparse_mlp(case)[-1]),
    "clipped": lambda case: scaled(
        FunctionTransformer(np.clip, kw_args={"a_min": -2.0, "a_max": 2.0}), sparse_mlp(case)[-1]
    ),
}

# At most 12 candidates each; among ties the first wins, so the values of MODELS come first.
GRIDS = {
    "sparse_mlp": {
        "trulysparsemlpclassifier__skip_connections": ["fitted", "zero"],
        "trulysparsemlpclassifier__input_noise": [1.0, 0.3],
    },
    "logreg": {"logisticregression__C": [1, 1e-1, 1e-2, 1e-3, 1e-4, 10]},
    "linear_svc": {"linearsvc__C": [1e-2, 1e-1, 1, 1e-3, 1e-4, 1e-5]},
    "best_f_svc": {"selectkbest__k": [200, 50, 1000], "linearsvc__C": [1, 1e-1, 1e-2, 1e-3]},
    "svc_rbf": {"plattsvc__C": [1, 10, 100, 1000], "plattsvc__gamma": ["scale", 1e-4, 1e-3]},
    # Shares of the variance, because the smallest inner folds hold fewer than 50 rows.
    "pca_svc": {"pca__n_components": [0.95, 0.8, 0.5], "plattsvc__C": [1, 0.1, 10, 100]},
    "random_forest": {
        "randomforestclassifier__max_features": ["sqrt", 0.1],
        "randomforestclassifier__min_samples_leaf": [1, 3],
    },
    "mlp": {
        "mlpclassifier__alpha": [1e-4, 1e-2, 1],
        "mlpclassifier__learning_rate_init": [1e-3, 1e-4],
    },
    "lightgbm": {
        "lgbmclassifier__min_child_samples": [20, 5],
        "lgbmclassifier__colsample_bytree": [1.0, 0.1],
    },
}

METRICS = ["accuracy", "balanced_accuracy", "log_loss", "ece", "fit_seconds"]
N_BINS = 15
FORMATS = dict.fromkeys(METRICS, "{:.3f}") | {
    "mean_rank": "{:.2f}",
    "difference": "{:+z.4f}",
    "se_repeats": "{:.4f}",
    "se_sets": "{:.4f}",
    "wilcoxon_p": "{:.3f}",
}


class Task(NamedTuple):
    """One fit: everything that a worker needs, and where the result goes."""

    set: str
    model: str
    repeat: int
    fold: int
    estimator: Any
    X: np.ndarray
    y: np.ndarray
    train: np.ndarray
    test: np.ndarray
    path: Path
    key: str

    @property
    def done(self):
        """Whether the cache holds the result of exactly this task."""
        if not self.path.exists():
            return False
        with np.load(self.path) as saved:
            return str(saved["key"]) == self.key


def main():
    """Plan, run what is not cached, and report."""
    options = parse_options()
    sets = load_sets(options)
    models = available(dict.fromkeys([options.reference, *options.models]))
    tasks = plan(sets, models, options)
    pending = [task for task in tasks if not task.done]
    print(f"{len(tasks)} fits, {len(tasks) - len(pending)} of them cached")
    run_all(pending, options.n_jobs)
    folds = score(tasks)
    per_set = summarise_sets(folds, options.reference)
    overall = summarise_models(folds, per_set)
    write_report(folds, per_set, overall, options)


def parse_options():
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Cross-validated accuracy over many data sets.")
    user_cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    cache = user_cache / "sksparse_mlp" / "benchmark_microarray"
    parser.add_argument("--data", type=Path, nargs="+", help="folders of .npz files with X and y")
    parser.add_argument("--sets", nargs="+", help="which of them, by name")
    parser.add_argument("--best", type=int, nargs="+", help="numbers of features to choose first")
    parser.add_argument("--tables", action="store_true", help="tables of few features, instead")
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, metavar="MODEL", help=", ".join(MODELS)
    )
    parser.add_argument("--reference", default="logreg", choices=MODELS, metavar="MODEL")
    parser.add_argument("--repeats", type=int, default=4, help="repeats of the cross-validation")
    parser.add_argument("--tuned", action="store_true", help="choose parameters by inner folds")
    parser.add_argument("--n-jobs", type=int, default=1, help="fits side by side")
    parser.add_argument("--cache", type=Path, default=cache, help="folder of finished folds")
    parser.add_argument("--output", type=Path, default=Path("benchmark_microarray_results"))
    options = parser.parse_args()
    options.models = options.models or list(GRIDS if options.tuned else MODELS)
    without_grid = {options.reference, *options.models} - set(GRIDS)
    if options.tuned and without_grid:
        parser.error(f"no grid for {', '.join(sorted(without_grid))}")
    return options


def load_sets(options):
    """Return {name: Problem} of what the options ask for."""
    if options.tables:
        sets = load_tables()
    else:
        sets = load_folders(options.data) if options.data else load_bundled()
    sets = {name: sets[name] for name in options.sets or sets}
    if options.best is None:
        return {name: Problem(*arrays) for name, arrays in sets.items()}
    return {
        f"{name}, best {k}": Problem(*arrays, k)
        for name, arrays in sets.items()
        for k in options.best
    }


def load_folders(folders):
    """Return {name: (X, y)} of all .npz files of some folders."""
    sets = {}
    for path in itertools.chain(*(sorted(folder.glob("*.npz")) for folder in folders)):
        with np.load(path) as arrays:
            sets[path.stem] = arrays["X"], arrays["y"]
    if not sets:
        raise SystemExit(f"no .npz file in {', '.join(map(str, folders))}")
    return sets


def load_bundled():
    """Return small sets that come with scikit-learn."""
    digits, labels = load_digits(return_X_y=True)
    return {
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "digits_300": (digits[:300], labels[:300]),
    }


def load_tables():
    """Return tables of few features: three real ones, six that are made up."""
    sets = {
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "digits": load_digits(return_X_y=True),
    }
    for n_samples, n_features in itertools.product((200, 1000, 10_000), (10, 50)):
        shape = {"n_samples": n_samples, "n_features": n_features, "n_informative": 8}
        table = make_classification(**shape, n_redundant=0, n_classes=3, random_state=0)
        sets[f"{n_samples} x {n_features}"] = table
    return sets


def available(models):
    """Return the models whose library is installed."""
    found = []
    for model in models:
        try:
            MODELS[model](Case(seed=0, n_train=100, n_features=100, n_classes=2))
            found.append(model)
        except ImportError as error:
            print(f"{model} is left out: {error}")
    return found


def plan(sets, models, options):
    """Return the tasks, model by model, the folds of one repeat next to each other."""
    mode = "tuned" if options.tuned else "fixed"
    tasks = []
    for model, (name, (X, labels, n_best)) in itertools.product(models, sets.items()):
        n_features = X.shape[1] if n_best is None else n_best
        classes, y = np.unique(labels, return_inverse=True)
        data_key = joblib.hash((X, y))
        n_splits = 5 if np.bincount(y).min() >= 5 else 3
        splitter = RepeatedStratifiedKFold(
            n_splits=n_splits, n_repeats=options.repeats, random_state=0
        )
        for i, (train, test) in enumerate(splitter.split(X, y)):
            repeat, fold = divmod(i, n_splits)
            estimator = MODELS[model](Case(repeat, len(train), n_features, len(classes)))
            if n_best is not None:
                steps = (step for _, step in estimator.steps)
                estimator = make_pipeline(SelectKBest(k=n_best), *steps)
            if options.tuned:
                inner = StratifiedKFold(3, shuffle=True, random_state=repeat)
                estimator = GridSearchCV(estimator, GRIDS[model], cv=inner)
            path = options.cache / mode / name / model / f"{repeat}_{fold}.npz"
            key = joblib.hash((data_key, train, estimator))
            tasks.append(Task(name, model, repeat, fold, estimator, X, y, train, test, path, key))
    return tasks


def run_all(tasks, n_jobs):
    """Run tasks side by side with a progress bar."""
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    finished = parallel(joblib.delayed(run)(task) for task in tasks)
    for _ in progress(finished, len(tasks)):
        pass


def progress(iterable, total):
    """Return the iterable with a progress bar around it."""
    try:
        from rich.progress import track
    except ImportError:
        return plain_progress(iterable, total)
    return track(iterable, "fits", total=total)


def plain_progress(iterable, total):
    """Yield the items and keep one line up to date."""
    for i, item in enumerate(iterable, start=1):
        print(f"\rfits: {i} of {total}", end="\n" if i == total else "", flush=True)
        yield item


def run(task):
    """Fit on the training part, predict the test part, save both and the time."""
    # One thread: fits run side by side, and their times can be compared.
    with threadpool_limits(1), warnings.catch_warnings():
        # Tiny classes and unconverged linear models would warn hundreds of times.
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        try:
            model = task.estimator.fit(task.X[task.train], task.y[task.train])
        except Exception as error:
            error.add_note(f"in {task.model} on {task.set}, repeat {task.repeat}, fold {task.fold}")
            raise
        fit_seconds = time.perf_counter() - start
        X_test = task.X[task.test]
        result = {"predicted": model.predict(X_test)}
        if hasattr(model, "predict_proba"):
            result["probability"] = model.predict_proba(X_test).astype(np.float64)
    result |= {"truth": task.y[task.test], "test": task.test, "fit_seconds": fit_seconds}
    result |= {"best_params": str(getattr(model, "best_params_", "")), "key": task.key}
    save(task.path, result)


def save(path, arrays):
    """Write a file that is either whole or absent, whenever the run is interrupted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    part.replace(path)


def score(tasks):
    """Return one row per set, model, repeat and fold; the ECE is that of the whole repeat."""
    rows = []
    for where, group in itertools.groupby(tasks, key=lambda task: task[:3]):
        results = [dict(np.load(task.path)) for task in group]
        ece = expected_calibration_error(results)
        for fold, result in enumerate(results):
            labels = dict(zip(["set", "model", "repeat"], where, strict=True), fold=fold)
            rows.append(labels | score_fold(result) | {"ece": ece})
    return pd.DataFrame(rows)


def score_fold(result):
    """Return the figures of one fold."""
    truth = result["truth"]
    correct = result["predicted"] == truth
    recalls = [correct[truth == label].mean() for label in np.unique(truth)]
    log_loss = np.nan
    if "probability" in result:
        p_truth = result["probability"][np.arange(len(truth)), truth]
        log_loss = -np.log(np.clip(p_truth, np.finfo(np.float64).eps, 1)).mean()
    return {
        "accuracy": correct.mean(),
        "balanced_accuracy": np.mean(recalls),
        "log_loss": log_loss,
        "fit_seconds": float(result["fit_seconds"]),
        "best_params": str(result["best_params"]),
    }


def expected_calibration_error(results):
    """Return the calibration error of pooled folds, NaN where one has no probabilities."""
    if not all("probability" in result for result in results):
        return np.nan
    probability = np.concatenate([result["probability"] for result in results])
    truth = np.concatenate([result["truth"] for result in results])
    confidence = probability.max(axis=1)
    excess = confidence - (probability.argmax(axis=1) == truth)
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return np.abs(np.bincount(bins, weights=excess)).sum() / len(truth)


def summarise_sets(folds, reference):
    """Return one row per set and model: mean figures, paired difference, standard errors."""
    rows = folds.groupby(["set", "model"], sort=False)[METRICS].mean()
    columns = ["difference", "se_repeats", "se_corrected", "half_width_95"]
    rows[columns] = np.nan
    differences = paired_differences(folds, reference)
    for (name, model), values in differences.groupby(["set", "model"], sort=False):
        n_folds, n_splits = len(values), values.index.unique("fold").size
        repeats = values.groupby("repeat").mean()
        corrected = np.sqrt(values.var() * (1 / n_folds + 1 / (n_splits - 1)))
        half_width = stats.t.ppf(0.975, n_folds - 1) * corrected
        row = values.mean(), repeats.sem(), corrected, half_width
        rows.loc[(name, model), columns] = row
    return rows.round(10)  # sums in another order must not break ties


def paired_differences(folds, reference):
    """Return the accuracy minus the reference's on the same fold, for the other models."""
    keys = ["set", "repeat", "fold"]
    accuracy = folds.pivot(index=keys, columns="model", values="accuracy")
    return accuracy.drop(columns=reference).sub(accuracy[reference], axis=0).stack()


def summarise_models(folds, per_set):
    """Return one row per model: means over the sets, rank, difference, Wilcoxon test."""
    overall = per_set[METRICS].groupby("model", sort=False).mean()
    ranks = per_set["accuracy"].groupby("set").rank(ascending=False)
    overall["mean_rank"] = ranks.groupby("model").mean()
    difference = per_set["difference"].dropna()
    overall["difference"] = difference.groupby("model").mean()
    overall["se_sets"] = difference.groupby("model").sem()
    # The variances of the sets add up, for their splits and seeds are independent.
    variance = per_set["se_repeats"].pow(2).groupby("model")
    overall["se_repeats"] = np.sqrt(variance.sum(min_count=1)) / variance.count()
    overall["wilcoxon_p"] = difference.groupby("model").agg(wilcoxon)
    return overall


def wilcoxon(differences):
    """Return the p-value of the signed-rank test, NaN where no set differs."""
    return stats.wilcoxon(differences).pvalue if differences.any() else np.nan


def write_report(folds, per_set, overall, options):
    """Write the tables and the figure."""
    options.output.mkdir(parents=True, exist_ok=True)
    folds.to_csv(options.output / "folds.csv", index=False)
    per_set.to_csv(options.output / "per_set.csv")
    overall.to_csv(options.output / "summary.csv")
    text = report(per_set, overall, options)
    (options.output / "report.md").write_text(text)
    print(text)
    if len(overall) > 1:
        draw(per_set, overall, options)
    print(f"written to {options.output}")


def report(per_set, overall, options):
    """Return the tables as Markdown."""
    mode = "nested cross-validation" if options.tuned else "fixed parameters"
    n_sets = per_set.index.unique("set").size
    means = pd.DataFrame({name: overall[name].map(text.format) for name, text in FORMATS.items()})
    plain, balanced = per_set["accuracy"], per_set["balanced_accuracy"]
    accuracy = plain.map("{:.3f}".format) + balanced.map(" ({:.3f})".format)
    error = per_set["se_corrected"].map(" ± {:.3f}".format)
    difference = per_set["difference"].map("{:+z.3f}".format) + error
    sections = {
        f"Means over {n_sets} sets ({mode}, {options.repeats} repeats)": means,
        "Accuracy (balanced accuracy)": by_model(accuracy),
        f"Accuracy minus that of {options.reference} ± corrected standard error": (
            by_model(difference).drop(columns=options.reference)
        ),
    }
    return "\n".join(f"## {title}\n\n{markdown(table)}\n" for title, table in sections.items())


def by_model(values):
    """Return a table of one value per set and model, in the order in which they come."""
    sets, models = (values.index.unique(level) for level in ("set", "model"))
    return values.unstack("model").reindex(index=sets, columns=models)


def markdown(table):
    """Return a table of strings as Markdown."""
    header = [table.index.name, *table.columns]
    rows = [header, ["---"] * len(header), *table.reset_index().to_numpy()]
    cells = [["" if cell in ("nan", "+nan") else cell for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def draw(per_set, overall, options):
    """Draw the paired differences, a panel for each model, with 95 % intervals."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("no figure: matplotlib is not installed")
        return
    models = overall.index.drop(options.reference)
    names = list(per_set.index.unique("set"))
    n_columns = min(4, len(models))
    n_rows = -(-len(models) // n_columns)
    size = (2.6 * n_columns + 1, (0.25 * len(names) + 1.2) * n_rows)
    shared = {"sharex": True, "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(n_rows, n_columns, figsize=size, layout="constrained", **shared)
    for ax in axes.flat[len(models) :]:
        ax.set_visible(False)
    for ax, model in zip(axes.flat, models, strict=False):
        draw_panel(ax, per_set.xs(model, level="model").loc[names], overall.loc[model])
        ax.set_title(model, fontsize="medium")
    axes[0, 0].set_yticks(range(len(names) + 1), [*names, "mean"])
    axes[0, 0].set_ylim(len(names) + 0.6, -0.6)  # from top to bottom, as in the table
    figure.supxlabel(f"accuracy minus that of {options.reference}")
    figure.savefig(options.output / "differences.png", dpi=150)
    plt.close(figure)


def draw_panel(ax, sets, mean):
    """Draw one model: a dot per set, a diamond for the mean over the sets."""
    # Blue and vermilion of Okabe and Ito: told apart by all kinds of colour vision.
    ax.axvline(0, color="0.6", linewidth=1)
    rows = np.arange(len(sets))
    dots = {"fmt": "o", "color": "#0072B2", "markersize": 4}
    ax.errorbar(sets["difference"], rows, xerr=sets["half_width_95"], **dots)
    width = stats.t.ppf(0.975, len(sets) - 1) * mean["se_sets"]
    diamond = {"fmt": "D", "color": "#D55E00", "markersize": 5}
    ax.errorbar(mean["difference"], len(sets), xerr=width, **diamond)


if __name__ == "__main__":
    main()
