"""
=====================================
Is this checkout faster than another?
=====================================

The same training by two states of the package, in turns: 1,000 hidden neurons on gene-expression
sets, one thread, without what only one of them can do::

    git worktree add ../before 90fec29
    python benchmark_checkouts.py ../before --data FOLDER    # sets of X and y, .npz

Each fit is a process of its own, whose kernels are compiled before it is timed; processor seconds,
medians over ``--repeat`` turns, in which the checkouts come one after the other. Two hundred
full-batch steps (mini-batches of 512 of more samples) with noise on the inputs, Adam, and guided
evolutions between them were the default when the kernels for few samples were begun;
``--max-iter`` shortens them.
"""

import argparse
import inspect
import os
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np
from sklearn.preprocessing import scale

HERE = pathlib.Path(__file__).resolve().parents[1]
PLAN = {
    "hidden_layer_sizes": (1000,),
    "epsilon": 20,
    "evolution": "guided",
    "guidance": 0.5,
    "evolution_interval": 4,
    "input_noise": 1.0,
    "batch_size": 512,
    "temperature": 1.0,
    "random_state": 0,
    "n_jobs": 1,
}
# What a network had beside its layers was named differently; nothing of it takes part.
WITHOUT = {"direct_path": 0, "skip_connections": None}


def print_seconds_of_fit(checkout, path, max_iter):
    """Processor seconds of the second of two fits; in a process with one checkout on its path."""
    import sksparse_mlp
    from sksparse_mlp import TrulySparseMLPClassifier

    assert checkout in pathlib.Path(sksparse_mlp.__file__).parents, sksparse_mlp.__file__
    known = inspect.signature(TrulySparseMLPClassifier).parameters
    plan = PLAN | {name: value for name, value in WITHOUT.items() if name in known}
    with np.load(path) as arrays:
        X, y = scale(arrays["X"].astype(np.float64)), arrays["y"]
    for n_epochs in (2, max_iter):
        model = TrulySparseMLPClassifier(max_iter=n_epochs, **plan)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
    print(time.process_time() - start)


def seconds_of_fit(checkout, path, max_iter):
    """Processor seconds of a fit by the package of a checkout."""
    output = subprocess.run(
        [sys.executable, __file__, checkout, "--fit", path, "--max-iter", str(max_iter)],
        env=os.environ | {"PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(output.stdout)


def compare(before, path, repeat, max_iter):
    """Median seconds of both checkouts' fits, and their ratio's median over the turns."""
    turns = [
        [seconds_of_fit(checkout, path, max_iter) for checkout in (before, HERE)]
        for _ in range(repeat)
    ]
    medians = [statistics.median(seconds) for seconds in zip(*turns, strict=True)]
    return *medians, statistics.median(after / before for before, after in turns)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=pathlib.Path, help="the folder of the other checkout")
    parser.add_argument("--data", type=pathlib.Path, help="a folder of .npz files; needed")
    parser.add_argument("--repeat", type=int, default=5, help="turns of both, 5 by default")
    parser.add_argument("--max-iter", type=int, default=200, help="epochs of a fit, 200 by default")
    parser.add_argument("--fit", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.fit:
        return print_seconds_of_fit(options.before, options.fit, options.max_iter)
    if not (options.data and list(options.data.glob("*.npz"))):
        parser.error(f"--data={options.data} must be a folder with files .npz")
    if not (options.before / "sksparse_mlp").is_dir():
        parser.error(f"{options.before} holds no package sksparse_mlp")
    if options.repeat < 1:
        parser.error(f"--repeat={options.repeat} must be at least 1")
    print("| set | before | after | after / before |\n|---|---|---|---|")
    for path in sorted(options.data.glob("*.npz")):
        before, after, ratio = compare(
            options.before.resolve(), path, options.repeat, options.max_iter
        )
        print(f"| {path.stem} | {before:.3f} s | {after:.3f} s | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
