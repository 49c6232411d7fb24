"""Concordance of TrulySparseMLPSurvival beside ridge Cox regression, on synthetic expression.

Few samples of many correlated genes, of which some decide the hazard, linearly or not; about 40 %
of the times are censored. The ridge's penalty is chosen by cross-validation on the training
samples, the network has its defaults.

    python examples/benchmark_survival.py --seeds 5
    python examples/benchmark_survival.py --quick  # only to see that it runs
"""

import argparse
import time

import numpy as np
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPSurvival

PENALTIES = np.logspace(1, 5, 9)


class RidgeCox(BaseEstimator):
    """Cox regression with an L2 penalty, in the space that the samples span."""

    def __init__(self, penalty=100.0):
        self.penalty = penalty

    def fit(self, X, y):
        """Minimise Breslow's partial likelihood."""
        _, scores, basis = np.linalg.svd(X, full_matrices=False)
        Z, event, order = X @ basis.T, y["event"], np.argsort(-y["time"], kind="stable")
        Z, event = Z[order], event[order]

        def loss(w):
            z = Z @ w
            hazard = np.exp(z - z.max())
            risk = np.cumsum(hazard)
            value = (event * (np.log(risk) + z.max() - z)).sum() + self.penalty / 2 * (w @ w)
            d = hazard * np.cumsum((event / risk)[::-1])[::-1] - event
            return value, Z.T @ d + self.penalty * w

        found = minimize(loss, np.zeros(scores.size), jac=True, method="L-BFGS-B")
        self.coef_ = basis.T @ found.x
        return self

    def predict(self, X):
        """Log hazard ratios."""
        return X @ self.coef_

    def score(self, X, y):
        """Concordance index, of times without ties."""
        earlier = y["event"][:, None] & (y["time"][:, None] < y["time"])
        risk = self.predict(X)
        return (earlier * (risk[:, None] > risk)).sum() / earlier.sum()


def expression(kind, seed, n_samples=400, n_features=2000, n_informative=20):
    """Genes that share a few factors, and times of which 40 % are censored."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_samples, 10))
    X = factors @ rng.normal(scale=0.3, size=(10, n_features))
    X += rng.normal(size=(n_samples, n_features))
    genes = X[:, rng.choice(n_features, n_informative, replace=False)]
    genes = genes if kind == "linear" else np.maximum(genes, 0) * 1.7
    z = genes @ rng.normal(size=n_informative)
    time_to_event = rng.exponential(np.exp(-2 * (z - z.mean()) / z.std()))
    # A share of 40 % has a censoring time before the event.
    is_censored = rng.random(n_samples) < 0.4
    seen = np.where(is_censored, rng.uniform(size=n_samples) * time_to_event, time_to_event)
    y = np.empty(n_samples, [("event", bool), ("time", float)])
    y["event"], y["time"] = ~is_censored, seen
    return X.astype(np.float32), y


def main(arguments=None):
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="data sets of each kind")
    parser.add_argument("--quick", action="store_true", help="tiny data, one of each kind")
    options = parser.parse_args(arguments)
    n_seeds, size = options.seeds, {}
    if options.quick:
        n_seeds, size = 1, {"n_samples": 80, "n_features": 40}
    models = {
        "TrulySparseMLPSurvival": TrulySparseMLPSurvival(random_state=0),
        "the same, no hidden layer": TrulySparseMLPSurvival((), random_state=0),
        "ridge Cox, penalty by CV": GridSearchCV(RidgeCox(), {"penalty": PENALTIES}),
    }
    print("| hazard | model | concordance | std over seeds | seconds |\n|---|---|---|---|---|")
    for kind in ("linear", "not linear"):
        for name, model in models.items():
            scores, start = [], time.perf_counter()
            for seed in range(n_seeds):
                X, y = expression(kind, seed, **size)
                half = len(X) // 2
                fitted = make_pipeline(StandardScaler(), model).fit(X[:half], y[:half])
                scores.append(fitted.score(X[half:], y[half:]))
            seconds = (time.perf_counter() - start) / n_seeds
            row = f"{np.mean(scores):.3f} | {np.std(scores):.3f} | {seconds:.2f}"
            print(f"| {kind} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
