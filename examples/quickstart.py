"""Cross-validate a truly sparse network beside SVM, random forest and a dense MLP.

    python examples/quickstart.py                      breast cancer and digits, no network needed
    python examples/quickstart.py --data FILE.npz      your data: arrays X and y
    python examples/quickstart.py --data FILE.csv --label COLUMN     also .tsv; needs pandas
    python examples/quickstart.py --data FILE.csv --label COLUMN --drop sample_id

Prints a table: accuracy and balanced accuracy over stratified folds, the seconds of one fit, and
the number of parameters (for the random forest: nodes of its trees).
"""

import argparse
import difflib
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sksparse_mlp import TrulySparseMLPClassifier

# What stands between the columns of a table.
SEPARATORS = {".csv": ",", ".tsv": "\t"}
MODELS = {
    "truly sparse MLP": TrulySparseMLPClassifier(random_state=0),
    "SVM (RBF)": SVC(),
    "random forest": RandomForestClassifier(n_estimators=500, random_state=0),
    "dense MLP": MLPClassifier((100,), random_state=0),
}


def bundled_data():
    """Data sets that scikit-learn brings along."""
    return {
        "breast cancer": load_breast_cancer(return_X_y=True),
        "digits": load_digits(return_X_y=True),
    }


def load_file(path, label, dropped):
    """X and y of a file with arrays or a table."""
    if not path.exists():
        raise SystemExit(f"There is no file {path}.")
    if path.suffix == ".npz":
        return load_arrays(path)
    if path.suffix in SEPARATORS:
        return load_table(path, label, dropped)
    raise SystemExit(f"--data must be an .npz file or one of {[*SEPARATORS]}; got {path}.")


def load_arrays(path):
    """X and y of an .npz file."""
    with np.load(path) as file:
        if not {"X", "y"} <= {*file}:
            raise SystemExit(f"{path.name} must hold arrays X and y; it holds {[*file]}.")
        try:
            return file["X"], file["y"]
        except ValueError as error:
            raise SystemExit(f"{path.name}: {error} Save y as y.astype(str).") from None


def load_table(path, label, dropped):
    """X and y of a text file with a line of names."""
    try:
        import pandas as pd
    except ImportError:
        raise SystemExit(f"{path.name} is read by pandas: pip install pandas") from None
    table = pd.read_csv(path, sep=SEPARATORS[path.suffix])
    for option, names in (("--label", [label]), ("--drop", dropped)):
        unknown = [name for name in names if name not in table]
        if unknown:
            near = difflib.get_close_matches(unknown[0], map(str, table.columns), cutoff=0.4)
            raise SystemExit(f"{option}: {path.name} has no column {unknown[0]!r}; like it: {near}")
    y, X = table[label], table.drop(columns=[label, *dropped])
    X = X.loc[:, ~X.columns.str.startswith("Unnamed: ")]  # the row names that pandas writes
    texts = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    if texts:
        raise SystemExit(f"Columns that hold no numbers: {texts[:10]}. Leave them out with --drop.")
    missing = [name for name in table.columns if table[name].isna().any()]
    if missing:
        raise SystemExit(f"Cells of {missing[:10]} are empty: fill them in first (SimpleImputer).")
    return X.to_numpy(np.float64), y.to_numpy(str)


def n_parameters(model):
    """Numbers that a fitted model consists of."""
    if isinstance(model, TrulySparseMLPClassifier):
        return sum(model.n_connections_) + sum(b.size for b in model.intercepts_)
    if isinstance(model, MLPClassifier):
        return sum(w.size for w in (*model.coefs_, *model.intercepts_))
    if isinstance(model, SVC):
        return model.support_vectors_.size + model.dual_coef_.size
    return sum(tree.tree_.node_count for tree in model.estimators_)


def compare(name, X, y, n_splits):
    """Cross-validate all models on one data set and print a row for each."""
    smallest_class = np.unique(y, return_counts=True)[1].min()
    folds = StratifiedKFold(max(2, min(n_splits, smallest_class)), shuffle=True, random_state=0)
    print(f"\n{name}: {X.shape[0]} samples, {X.shape[1]} features, {np.unique(y).size} classes")
    print("| model | accuracy | balanced accuracy | fit seconds | parameters |")
    print("|---|---|---|---|---|")
    for label, model in MODELS.items():
        result = cross_validate(
            make_pipeline(StandardScaler(), clone(model)),
            X,
            y,
            cv=folds,
            scoring=("accuracy", "balanced_accuracy"),
            return_estimator=True,
        )
        accuracy, balanced = result["test_accuracy"], result["test_balanced_accuracy"]
        size = n_parameters(result["estimator"][0][-1])
        print(
            f"| {label} | {accuracy.mean():.3f} ± {accuracy.std():.3f} | {balanced.mean():.3f} "
            f"| {np.median(result['fit_time']):.2f} | {size:,} |",
            flush=True,
        )


def main():
    """Read the options and compare the models on each data set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, nargs="*", help=".npz, .csv or .tsv files")
    parser.add_argument("--label", default="label", help="name of the column that holds the label")
    parser.add_argument("--drop", nargs="+", default=[], help="columns that are no features")
    parser.add_argument("--splits", type=int, default=5, help="folds (default: 5)")
    args = parser.parse_args()
    # The dense MLP stops after 200 epochs, converged or not: the figures say what that is worth.
    warnings.simplefilter("ignore", ConvergenceWarning)
    if args.data:
        sets = {path.stem: load_file(path, args.label, args.drop) for path in args.data}
    else:
        sets = bundled_data()
    for name, (X, y) in sets.items():
        compare(name, X, y, args.splits)


if __name__ == "__main__":
    main()
