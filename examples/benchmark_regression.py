"""
====================================================
Regression, compared with models that users would try
====================================================

Cross-validated R^2 of default settings, and pinball loss of quantiles, as Markdown tables::

    python benchmark_regression.py                              # synthetic sets and diabetes
    python benchmark_regression.py --data tox_171.npz --genes 3  # and genes as targets
    python benchmark_regression.py --quick                      # a smoke test

Protocol. ``KFold`` with 5 shuffled splits, ``StandardScaler`` fitted inside each fold; for peers
that need it, the target is standardised, too. A gene as target: one with a large variance that is
drawn at random; genes that correlate with it by more than .9 in magnitude are left out as its
copies. One thread a model.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1, make_regression
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LassoCV, QuantileRegressor, RidgeCV
from sklearn.metrics import mean_pinball_loss, r2_score
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from sksparse_mlp import TrulySparseMLPRegressor

QUANTILES = (0.1, 0.5, 0.9)


def scaled(model):
    """With standardised inputs and targets."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), model), transformer=StandardScaler()
    )


def models(seed):
    """Unfitted regressors by name."""
    return {
        "sparse MLP": make_pipeline(StandardScaler(), TrulySparseMLPRegressor(random_state=seed)),
        "ridge": scaled(RidgeCV(np.logspace(-3, 6, 19))),
        "lasso": scaled(LassoCV(max_iter=10_000)),
        "SVR": scaled(SVR()),
        "random forest": RandomForestRegressor(random_state=seed),
        "boosting": HistGradientBoostingRegressor(random_state=seed),
        "dense MLP": scaled(MLPRegressor(random_state=seed, max_iter=500)),
    }


def quantile_models(seed, quantile):
    """Unfitted regressors that predict a quantile."""
    sparse = TrulySparseMLPRegressor(loss="quantile", quantile=quantile, random_state=seed)
    boosting = HistGradientBoostingRegressor(loss="quantile", quantile=quantile, random_state=seed)
    return {
        "sparse MLP": make_pipeline(StandardScaler(), sparse),
        "boosting": boosting,
        "linear": scaled(QuantileRegressor(quantile=quantile, alpha=0.01)),
    }


def noisy_set(n_samples, n_features, seed=0):
    """A linear target with as much noise as there is signal."""
    X, y = make_regression(n_samples, n_features, n_informative=n_features, random_state=seed)
    return X, y + y.std() * np.random.default_rng(seed).normal(size=n_samples)


def tall_set(n_samples, seed=0):
    """Twenty inputs whose effects saturate, interact and depend on a place, as prices do."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 20))
    place = np.sin(2 * X[:, 0]) * np.cos(2 * X[:, 1])
    y = 2 * place + np.tanh(2 * X[:, 2]) + X[:, 3] * X[:, 4] + 0.5 * abs(X[:, 5]) + X[:, 6]
    return X, np.exp(0.3 * y + 0.2 * rng.normal(size=n_samples))


def sets(quick):
    """Synthetic and bundled data by name."""
    n_samples, n_features = (60, 100) if quick else (200, 5000)
    found = {
        "diabetes": load_diabetes(return_X_y=True),
        f"linear {n_samples} x {n_features}": make_regression(
            n_samples, n_features, n_informative=20, noise=10.0, random_state=0
        ),
    }
    if not quick:
        found["linear 1000 x 50"] = make_regression(
            1000, 50, n_informative=20, noise=10.0, random_state=0
        )
        found["half noise 300 x 10"] = noisy_set(300, 10)
        found["friedman1 1000 x 10"] = make_friedman1(1000, noise=1.0, random_state=0)
        found["places 20000 x 20"] = tall_set(20_000)
    return found


def gene_sets(path, n_genes):
    """Genes as targets, the others but their copies as inputs."""
    with np.load(path) as data:
        X = data["X"].astype(np.float64)
    rng, variance = np.random.default_rng(0), X.var(axis=0)
    candidates = np.flatnonzero(variance > np.quantile(variance, 0.75))
    for gene in rng.choice(candidates, n_genes, replace=False):
        y, spread = X[:, gene], np.sqrt(variance) + 1e-12
        r = ((X - X.mean(axis=0)) * (y - y.mean())[:, None]).mean(axis=0) / (spread * y.std())
        yield f"{path.stem}, gene {gene}", (X[:, abs(r) < 0.9], y)


def cross_validated(model, X, y, score, n_splits):
    """Mean score of a model over folds, and the mean seconds of a fit."""
    scores, seconds = [], []
    for train, test in KFold(n_splits, shuffle=True, random_state=0).split(X):
        start = time.perf_counter()
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            fitted = clone(model).fit(X[train], y[train])
        seconds.append(time.perf_counter() - start)
        scores.append(score(y[test], fitted.predict(X[test])))
    return np.mean(scores), np.mean(seconds)


def print_table(title, rows, digits):
    """A Markdown table, one row a data set: figure (seconds)."""
    print(f"\n{title}\n\n| set | {' | '.join(next(iter(rows.values())))} |")
    print(f"|---|{'---|' * len(next(iter(rows.values())))}")
    for name, cells in rows.items():
        texts = [f"{score:.{digits}f} ({seconds:.2g} s)" for score, seconds in cells.values()]
        print(f"| {name} | {' | '.join(texts)} |", flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="benchmark_regression.py", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, nargs="*", default=[], help=".npz files with X")
    parser.add_argument("--genes", type=int, default=3, help="targets of each of them")
    parser.add_argument("--quick", action="store_true", help="small sets, two models, two folds")
    options = parser.parse_args(arguments)
    cases, n_splits = sets(options.quick), 2 if options.quick else 5
    for path in options.data:
        cases |= dict(gene_sets(path, options.genes))
    rows = {}
    for name, (X, y) in cases.items():
        chosen = dict(list(models(0).items())[: 2 if options.quick else None])
        if len(X) > 10_000:
            del chosen["SVR"]
        rows[name] = {
            m: cross_validated(model, X, y, r2_score, n_splits) for m, model in chosen.items()
        }
        rows[name] = {m: rows[name].get(m, (np.nan, np.nan)) for m in models(0) if m in chosen or
                      not options.quick}  # fmt: skip
    print_table("R^2, mean of the folds (seconds of a fit)", rows, 3)
    rows = {}
    X, y = tall_set(200 if options.quick else 4000, seed=1)
    for quantile in QUANTILES[: 1 if options.quick else None]:
        rows[f"quantile {quantile}"] = {
            m: cross_validated(
                model, X, y, lambda a, b, q=quantile: mean_pinball_loss(a, b, alpha=q), n_splits
            )
            for m, model in quantile_models(0, quantile).items()
        }
    print_table("Pinball loss, lower is better (seconds of a fit)", rows, 4)


if __name__ == "__main__":
    main()
