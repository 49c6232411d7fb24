"""
====================================================
One process, and one or two workers of a Dask cluster
====================================================

Accuracy after equally many passes over the data, seconds, and what the workers tell one another::

    python benchmark_distributed.py                                  # artificial images
    python benchmark_distributed.py --hidden 4000 --epsilon 50 --rounds 10   # of a second
    python benchmark_distributed.py --data basehock.npz --splits 5   # X and y of a file
    python benchmark_distributed.py --quick                          # does it run?
    python benchmark_distributed.py --blocks 2 8 16                  # what more blocks cost

Workers are processes of one thread on this machine. "computing" is the mean time of a round in
which the slowest block's steps were taken, "communication" the share of the rounds' time in which
they were not: messages, averages, evolution and what Dask needs to plan. The last table carries the
last row on to more workers and slower networks, on paper.
"""

import argparse
import math
import time
from functools import partial
from operator import itemgetter

import numpy as np
from distributed import Client, LocalCluster
from scipy.ndimage import gaussian_filter
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.dask import DaskTrulySparseMLPClassifier

SIDE, N_CLASSES, N_STYLES = 28, 10, 12
# On paper: seconds of a message beside its bytes, and of the scheduler for each block of a round.
LATENCY, PLANNING = 0.005, 0.002


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
        n_train, n_test = (600, 200) if options.quick else (60_000, 10_000)
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
    starts = range(0, len(X), size)
    # By their hashes, blocks of one fit could be those that the end of the last one sets free.
    blocks = [client.scatter([p[i : i + size] for i in starts], hash=False) for p in (X, y)]
    start = time.perf_counter()
    model = DaskTrulySparseMLPClassifier(**parameters, client=client).fit(*blocks)
    seconds = time.perf_counter() - start
    history = model.history_
    return {
        "seconds": seconds,
        "accuracy": model.score(X_test, y_test),
        "rounds": model.n_iter_,
        "round": np.mean(history["seconds"]),
        "computing": np.mean(history["seconds_training"]),
        "bytes": np.mean(history["bytes_sent"]),
        "connections": sum(model.n_connections_),
    }


def rows_of(options):
    """Names of ways to train, and their figures."""
    parameters = {
        "max_iter": options.passes,
        "random_state": 0,
        "hidden_layer_sizes": options.hidden,
        "epsilon": options.epsilon,
        "batch_size": options.batch or "auto",
    }
    splits = list(splits_of(options))
    in_one_process({**parameters, "max_iter": 1}, *splits[0])  # compiles
    yield "one process", figures_of(in_one_process, options, splits, parameters)
    parameters["rounds"] = options.rounds or "auto"
    for n_workers in options.workers:
        how = {"threads_per_worker": 1, "dashboard_address": ":0", "processes": not options.quick}
        with LocalCluster(n_workers=n_workers, **how) as cluster, Client(cluster) as client:
            for n_blocks in options.blocks:
                first = {**parameters, "max_iter": 1, "rounds": 1}
                on_workers(client, n_blocks, first, *splits[0])
                train = partial(on_workers, client, n_blocks)
                workers = "worker" if n_workers == 1 else "workers"
                figures = figures_of(train, options, splits, parameters)
                yield f"{n_workers} {workers}, {n_blocks} blocks", figures


def figures_of(train, options, splits, parameters):
    """Of each figure, the mean over the splits: of the fastest of some equal fits."""
    fastest = [
        min((train(parameters, *split) for _ in range(options.repeat)), key=itemgetter("seconds"))
        for split in splits
    ]
    return {key: np.mean([of_split[key] for of_split in fastest]) for key in fastest[0]}


def cells_of(figures, alone):
    """A row of the table."""
    yield f"{figures['accuracy']:.4f}"
    yield f"{figures['seconds']:.1f}"
    yield f"{alone['seconds'] / figures['seconds']:.2f}"
    if "rounds" in figures:
        yield f"{figures['rounds']:.0f}"
        yield f"{figures['computing']:.3f}"
        yield f"{figures['bytes'] / 1e6:.2f}"
        yield f"{100 * (1 - figures['computing'] / figures['round']):.0f} %"


# ---------------------------------------------------------------- on paper


def seconds_on_paper(figures, n_workers, bits_per_second):
    """Seconds of a round beyond its computation.

    The network goes down a tree of workers and their sums come up another one, each level a
    message of all connections; each block is planned by the scheduler.
    """
    up = 8 * figures["connections"]  # a weight and what Adam remembers of it
    depth = math.ceil(math.log2(n_workers))
    messages = 8 * (figures["bytes"] + up) / bits_per_second + 2 * LATENCY
    return depth * messages + PLANNING * n_workers


def print_paper(figures):
    """The table for more workers, each with a block like those measured."""
    computing = figures["computing"]
    print(f"\nOn paper, {figures['connections']:,.0f} connections, {computing:.2f} s computing:\n")
    print("| workers | 1 Gbit/s: seconds beside | share | 10 Gbit/s: seconds beside | share |")
    print("|---|---|---|---|---|")
    for n_workers in (16, 128, 1000):
        cells = []
        for bits_per_second in (1e9, 1e10):
            beside = seconds_on_paper(figures, n_workers, bits_per_second)
            cells += [f"{beside:.2f}", f"{100 * beside / (beside + computing):.0f} %"]
        print("|", " | ".join([f"{n_workers:,}", *cells]), "|")


def main(arguments=None):
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="an .npz file with X and y; default: artificial images")
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--passes", type=int, default=20, help="over the data")
    parser.add_argument("--repeat", type=int, default=1, help="the fastest of so many fits counts")
    parser.add_argument("--hidden", type=int, default=1000, help="hidden neurons")
    parser.add_argument("--epsilon", type=float, help="sets the connections")
    parser.add_argument("--batch", type=int, help="of one process, and of each block")
    parser.add_argument("--rounds", type=int, help="of the clusters; default: the estimator's")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--blocks", type=int, nargs="+", default=[2])
    parser.add_argument("--quick", action="store_true", help="few samples, two passes, threads")
    options = parser.parse_args(arguments)
    if options.quick:
        options.passes, options.rounds, options.hidden, options.workers = 2, 2, 50, [1]
    columns = "accuracy | seconds | times faster | rounds | s computing in each"
    print(f"| | {columns} | MB a round to each worker | communication |")
    print("|---|---|---|---|---|---|---|---|")
    alone = None
    for name, figures in rows_of(options):
        alone = alone or figures
        cells = list(cells_of(figures, alone))
        print("|", " | ".join([name, *cells, *[""] * (7 - len(cells))]), "|", flush=True)
    print_paper(figures)


if __name__ == "__main__":
    main()
