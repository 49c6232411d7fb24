"""
====================================================
One process, and one or two workers of a Dask cluster
====================================================

Accuracy after equally many passes over the data, seconds, and what the workers tell one another::

    python benchmark_distributed.py                                  # artificial images
    python benchmark_distributed.py --data basehock.npz --splits 5   # X and y of a file
    python benchmark_distributed.py --quick                          # does it run?
    python benchmark_distributed.py --blocks 2 8 16                  # what more blocks cost

Workers are processes of one thread on this machine. "communication" is the share of the time of the
rounds in which the slowest block's steps were not being taken: messages, averages, evolution and
what Dask needs to plan.
"""

import argparse
import time

import numpy as np
from distributed import Client, LocalCluster
from scipy.ndimage import gaussian_filter
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.dask import DaskTrulySparseMLPClassifier

SIDE, N_CLASSES, N_STYLES = 28, 10, 12


def images(n_samples, seed=0):
    """Blurred blobs: each class has several styles, shifted, faded and covered with noise."""
    rng = np.random.default_rng(seed)
    styles = gaussian_filter(rng.normal(size=(N_CLASSES * N_STYLES, SIDE, SIDE)), (0, 2, 2))
    styles = (styles / styles.std(axis=(1, 2), keepdims=True)).astype(np.float32)
    style = rng.integers(len(styles), size=n_samples)
    X = np.empty((n_samples, SIDE, SIDE), np.float32)
    for i, shift in enumerate(rng.integers(-2, 3, size=(n_samples, 2))):
        X[i] = np.roll(styles[style[i]], tuple(shift), axis=(0, 1))
    X *= rng.uniform(0.3, 1.0, size=(n_samples, 1, 1)).astype(np.float32)
    X += 0.8 * rng.standard_normal(X.shape, dtype=np.float32)
    return X.reshape(n_samples, -1), style % N_CLASSES


def splits_of(options):
    """Training and test samples, standardised."""
    if options.data is not None:
        with np.load(options.data) as data:
            X, y = data["X"].astype(np.float32), data["y"]
        n_test = 0.3
    else:
        n_train, n_test = (2_000, 500) if options.quick else (60_000, 10_000)
        X, y = images(n_train + n_test)
    splitter = StratifiedShuffleSplit(options.splits, test_size=n_test, random_state=0)
    for train, test in splitter.split(X, y):
        scaler = StandardScaler().fit(X[train])
        yield scaler.transform(X[train]), y[train], scaler.transform(X[test]), y[test]


def in_one_process(parameters, X, y, X_test, y_test):
    """Seconds and accuracy."""
    start = time.perf_counter()
    model = TrulySparseMLPClassifier(**parameters).fit(X, y)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "accuracy": model.score(X_test, y_test)}


def on_workers(client, n_blocks, parameters, X, y, X_test, y_test):
    """The same, and figures of the rounds; data and kernels are on the workers before."""
    size = -(-len(X) // n_blocks)
    blocks = [client.scatter([part[i : i + size] for i in range(0, len(X), size)])
              for part in (X, y)]  # fmt: skip
    start = time.perf_counter()
    model = DaskTrulySparseMLPClassifier(**parameters, client=client).fit(*blocks)
    seconds = time.perf_counter() - start
    history = model.history_
    computing = sum(history["seconds_training"]) / sum(history["seconds"])
    return {
        "seconds": seconds,
        "accuracy": model.score(X_test, y_test),
        "rounds": model.n_iter_,
        "MB a round": np.mean(history["bytes_sent"]) / 1e6,
        "communication": 1 - computing,
    }


def rows_of(options):
    """Names of ways to train, and figures of each split."""
    parameters = {
        "max_iter": options.passes,
        "random_state": 0,
        "hidden_layer_sizes": options.hidden,
    }
    splits = list(splits_of(options))
    in_one_process({**parameters, "max_iter": 1}, *splits[0])  # compiles
    yield "one process", [in_one_process(parameters, *split) for split in splits]
    for n_workers in options.workers:
        with (
            LocalCluster(n_workers, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            for n_blocks in options.blocks:
                on_workers(client, n_blocks, {**parameters, "max_iter": 1}, *splits[0])
                figures = [on_workers(client, n_blocks, parameters, *split) for split in splits]
                yield f"{n_workers} workers, {n_blocks} blocks", figures


def main(arguments=None):
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="an .npz file with X and y; default: artificial images")
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--passes", type=int, default=20, help="over the data")
    parser.add_argument("--hidden", type=int, default=1000, help="hidden neurons")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--blocks", type=int, nargs="+", default=[2])
    parser.add_argument("--quick", action="store_true", help="few samples, two passes")
    options = parser.parse_args(arguments)
    if options.quick:
        options.passes, options.workers = 2, [1]
    print("| | accuracy | seconds | rounds | MB a round to each worker | communication |")
    print("|---|---|---|---|---|---|")
    for name, figures in rows_of(options):
        mean = {key: np.mean([figure[key] for figure in figures]) for key in figures[0]}
        cells = [f"{mean['accuracy']:.4f}", f"{mean['seconds']:.1f}"]
        if "rounds" in mean:
            cells += [f"{mean['rounds']:.0f}", f"{mean['MB a round']:.2f}"]
            cells += [f"{100 * mean['communication']:.0f} %"]
        print("|", " | ".join([name, *cells, *[""] * (5 - len(cells))]), "|", flush=True)


if __name__ == "__main__":
    main()
