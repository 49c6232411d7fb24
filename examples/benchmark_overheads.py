"""
=====================================
What everything but the kernels costs
=====================================

Importing, compiling, starting and ending a fit, evolving, threads, memory, options, predicting; and
the limits of the machine, beside which the steps of training can be put::

    python benchmark_overheads.py                            # everything, some minutes
    python benchmark_overheads.py --only imports compile     # some of it
    python benchmark_overheads.py --large                    # also networks of a million neurons
    python benchmark_overheads.py --only sets --data FOLDER  # default fits on sets of X and y, .npz
    python benchmark_overheads.py --only rows --data FILE    # also predictions by their models

Each function below measures one thing and yields lines for the table at the end. What is compared
takes turns, ``--repeat`` times; medians are shown. What needs a fresh process gets one.
"""

import argparse
import functools
import os
import pathlib
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from benchmark_peers import Shape, Task, make_data
from benchmark_speed import SHAPES, compile_kernels, peak_memory, seconds_of_fit, sparse_mlp
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits

from sksparse_mlp import TrulySparseMLPClassifier

SMALL, MEDIUM, WIDE, WIDER = (SHAPES[name] for name in ("small", "medium", "wide", "wider"))
THIS_FOLDER = os.path.dirname(os.path.abspath(__file__))


# ---------------------------------------------------------------- measuring


def data_for(shape, n_samples):
    """Samples of nothing but noise, and labels."""
    return make_data(Task(shape, 1, n_samples, 1, 0.0))


def seconds_of(function):
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def taking_turns(functions, repeat):
    """Median seconds of each function; all are called once before."""
    for function in functions:
        function()
    turns = [[seconds_of(function) for function in functions] for _ in range(repeat)]
    return [statistics.median(seconds) for seconds in zip(*turns, strict=True)]


def fit(model, X, y, epochs, **fit_parameters):
    """A fit as a function without arguments."""
    return functools.partial(seconds_of_fit, model, X, y, epochs, **fit_parameters)


def seconds_per_epoch(models, X, y, repeat, epochs=(1, 11), fit_parameters=None):
    """Seconds of an epoch of each model: of a longer fit less a shorter one."""
    fit_parameters = fit_parameters or [{}] * len(models)
    fits = [
        fit(model, X, y, n, **parameters)
        for model, parameters in zip(models, fit_parameters, strict=True)
        for n in epochs
    ]
    seconds = taking_turns(fits, repeat)
    steps = epochs[1] - epochs[0]
    return [(seconds[i + 1] - seconds[i]) / steps for i in range(0, len(seconds), 2)]


def in_fresh_process(code, **environment):
    """Run code in a Python of its own; returns the numbers that it prints."""
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | environment,
        cwd=THIS_FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in output.stdout.split()]


# ---------------------------------------------------------------- starting

IMPORTS = """
import time
import numba, sklearn.neural_network, sklearn.model_selection
start = time.perf_counter()
import sksparse_mlp
print(time.perf_counter() - start)
"""

FIRST_FIT = """
import time
import numpy as np
from sksparse_mlp import TrulySparseMLPClassifier
X, y = np.random.default_rng(0).standard_normal((40, 30)), np.arange(40) % 2
for batch_size in ("auto", 2, 8):
    start = time.perf_counter()
    model = TrulySparseMLPClassifier((20, 20), max_iter=2, batch_size=batch_size).fit(X, y)
    print(time.perf_counter() - start)
start = time.perf_counter()
model.predict(X)
print(time.perf_counter() - start)
"""


def imports(options):
    """The import, beyond that of scikit-learn and Numba."""
    seconds = [in_fresh_process(IMPORTS)[0] for _ in range(options.repeat + 1)]
    yield "import beyond scikit-learn and Numba", f"{statistics.median(seconds[1:]):.3f} s"


def compilation(options):
    """The first fit in a process, with and without compiled kernels in Numba's cache."""
    with tempfile.TemporaryDirectory() as folder:
        cold, *warm = (
            in_fresh_process(FIRST_FIT, NUMBA_CACHE_DIR=folder) for _ in range(options.repeat + 1)
        )
    yield "first fit, empty cache", f"{cold[0]:.2f} s"
    yield "  then with batches of 2, and of 8", f"{cold[1]:.2f} s, {cold[2]:.2f} s"
    yield "  then the first prediction", f"{cold[3]:.2f} s"
    yield "first fit, kernels in the cache", f"{statistics.median(w[0] for w in warm):.2f} s"


# ---------------------------------------------------------------- around the training steps


def around_the_steps(options):
    """A fit against the epochs that it consists of."""
    X, y = data_for(MEDIUM, 135)
    fits = [fit(sparse_mlp(MEDIUM, 32, options.n_jobs), X, y, n) for n in (20, 40)]
    short, long = taking_turns(fits, options.repeat)
    yield f"fit of 20 epochs / 20 epochs, {MEDIUM}", f"{short / (long - short):.2f}"


def tiny_networks(options):
    """Iris with 50 hidden neurons, against scikit-learn's dense network."""
    X, y = load_iris(return_X_y=True)
    for solver in ("sgd", "adam"):
        plan = {"solver": solver, "batch_size": 32, "tol": 0.0, "n_iter_no_change": 10**9}
        ours = sparse_mlp(Shape((4, 50, 3), 20), 32, 1, solver=solver, learning_rate_init=1e-3)
        dense = MLPClassifier((50,), random_state=0, **plan)
        seconds = taking_turns([fit(model, X, y, 200) for model in (ours, dense)], options.repeat)
        yield f"iris, 200 epochs, {solver}", f"{seconds[0]:.3f} s"
        yield "  the same with MLPClassifier", f"{seconds[1]:.3f} s"


# ---------------------------------------------------------------- threads


def threads(options):
    """One thread against two, at three sizes."""
    for shape, n_samples, batch_size in ((SMALL, 1000, 128), (MEDIUM, 135, 2), (WIDER, 512, 128)):
        X, y = data_for(shape, n_samples)
        models = [sparse_mlp(shape, batch_size, n_jobs) for n_jobs in (1, 2)]
        one, two = seconds_per_epoch(models, X, y, options.repeat, (1, 4))
        yield f"1 thread / 2 threads, {shape}, batch {batch_size}", f"{one / two:.2f}"


def grid_search(options):
    """Two processes that use one thread each, against two each: four on, say, two cores."""
    X, y = data_for(MEDIUM, 200)
    searches = [
        GridSearchCV(
            sparse_mlp(MEDIUM, 32, n_jobs, max_iter=20), {"zeta": [0.2, 0.3]}, cv=3, n_jobs=2
        )
        for n_jobs in (1, 2)
    ]
    one, two = taking_turns([functools.partial(s.fit, X, y) for s in searches], options.repeat)
    yield "grid search in 2 processes, 2 threads each / 1 each", f"{two / one:.2f}"


# ---------------------------------------------------------------- memory

MEMORY = """
import benchmark_overheads
benchmark_overheads.print_memory_of_fit({name!r}, {n_samples}, {n_jobs})
"""


def print_memory_of_fit(name, n_samples, n_jobs):
    """Bytes that a fit takes beyond the data and what a tiny fit took; in a fresh process."""
    for shape in (SHAPES["tiny"], SHAPES[name]):
        X, y = data_for(shape, n_samples)
        before = peak_memory()
        seconds_of_fit(sparse_mlp(shape, 32, n_jobs), X, y, 2)
    print(peak_memory() - before)


def memory(options):
    """Peak memory of a fit, and the size of what it leaves."""
    for name, n_samples in (("wider", 512), ("million", 128))[: 1 + options.large]:
        code = MEMORY.format(name=name, n_samples=n_samples, n_jobs=options.n_jobs)
        # The first process may have to compile.
        taken = [in_fresh_process(code)[0] for _ in range(2)][-1]
        n_connections = sum(SHAPES[name].n_connections)
        yield f"memory of a fit beyond the data, {SHAPES[name]}", f"{taken / 1e6:.0f} MB"
        yield "  by connection", f"{taken / n_connections:.1f} bytes"
    X, y = data_for(WIDER, 64)
    model = sparse_mlp(WIDER, 32, options.n_jobs)
    seconds_of_fit(model, X, y, 1)
    n_connections = sum(model.n_connections_)
    for what in ("pickle", "pickle after drop_training_state()"):
        size = len(pickle.dumps(model, protocol=5))
        yield f"{what}, {WIDER}", f"{size / n_connections:.1f} bytes a connection"
        model.drop_training_state()


# ---------------------------------------------------------------- options, prediction, scaling


def relative_costs(options):
    """What options add to an epoch."""
    X, y = data_for(MEDIUM, 540)
    weights = {"sample_weight": np.random.default_rng(0).uniform(0.5, 2.0, len(y))}
    changes = {
        "nothing": {},
        "dropout=0.3": {"dropout": 0.3},
        "input_noise=0.5": {"input_noise": 0.5},
        "sample_weight": {},
        'activation="srelu"': {"activation": "srelu"},
        'solver="adam"': {"solver": "adam"},
        "nesterovs_momentum=True": {"nesterovs_momentum": True},
    }
    for batch_size in (2, 32):
        models = [sparse_mlp(MEDIUM, batch_size, options.n_jobs, **c) for c in changes.values()]
        extras = [weights if name == "sample_weight" else {} for name in changes]
        epochs = (1, 5) if batch_size == 2 else (1, 31)
        plain, *others = seconds_per_epoch(models, X, y, options.repeat, epochs, extras)
        for name, seconds in zip(list(changes)[1:], others, strict=True):
            yield f"{name}, batch {batch_size}", f"{seconds / plain - 1:+.0%}"


def evolution(options):
    """Seconds of an evolution by rules that look for inputs, against SET's, which draws at random.

    Epochs of one step each: what the median one takes longer with an evolution than without, so
    what an evolution leaves of the caches counts, too.
    """
    rules, expression = (None, "set", "guided"), Shape((7129, 1000, 2), 20)
    networks = [(expression, 201), (WIDER, 31), (SHAPES["million"], 6)]
    for shape, n_epochs in networks[: 2 + options.large]:
        X, y = data_for(shape, 100)
        models = [sparse_mlp(shape, 128, options.n_jobs, evolution=rule) for rule in rules]
        turns = []
        for _ in range(1 + options.repeat):
            for model in models:
                seconds_of_fit(model, X, y, n_epochs)
            turns.append([statistics.median(model.history_["seconds"]) for model in models])
        none, random, guided = np.median(turns[1:], axis=0)
        figures = f"{1e3 * (random - none):.1f} ms beside a step of {1e3 * none:.1f} ms"
        yield f"evolution by SET, {shape}", figures
        yield "  guided / SET", f"{(guided - none) / (random - none):.2f}"


def set_files(options):
    """Files of data sets in the folders of ``--data``."""
    given = map(pathlib.Path, options.data)
    return sorted(
        file for path in given for file in ([path] if path.is_file() else path.glob("*.npz"))
    )


def read_set(path):
    """Standardised samples and labels of a file."""
    with np.load(path) as arrays:
        return scale(arrays["X"].astype(np.float64)), arrays["y"]


def sets(options):
    """Default fits on all samples of the data sets of ``--data``, one thread."""
    for path in set_files(options):
        X, y = read_set(path)
        fits = [functools.partial(model.fit, X, y) for model in (
            TrulySparseMLPClassifier(random_state=0), LogisticRegression(max_iter=1000)
        )]  # fmt: skip
        ours, logistic = taking_turns(fits, options.repeat)
        what = f"default fit, {path.stem}, {X.shape[0]} x {X.shape[1]}, {len(set(y))} classes"
        yield what, f"{ours:.2f} s (logistic regression {logistic:.2f} s)"


def rows_per_second(options):
    """Predictions of 1, 100 and 10,000 rows, against scikit-learn's models; one thread.

    Two large networks, and the default one of each set of ``--data``.
    """
    rng = np.random.default_rng(0)
    for shape in (MEDIUM, WIDE):
        X = rng.standard_normal((10_000, shape.widths[0]), dtype=np.float32)
        ours = sparse_mlp(shape, 32, 1, max_iter=2)
        yield from rows_of(ours, X, np.arange(300) % shape.widths[-1], shape, options)
    for path in set_files(options):
        X, y = read_set(path)
        rows = rng.integers(len(X), size=max(10_000, len(X)))
        rows[: len(X)] = np.arange(len(X))
        ours = TrulySparseMLPClassifier(random_state=0, n_jobs=1)
        yield from rows_of(ours, X[rows], y, f"the default of {path.stem}", options)


def rows_of(ours, X, y, what, options):
    """Rows a second of a model of ours and of scikit-learn's, fitted to the first rows of X."""
    models = {
        "ours": ours,
        "MLPClassifier, 100 neurons": MLPClassifier((100,), max_iter=2),
        "LogisticRegression": LogisticRegression(max_iter=10),
        "random forest": RandomForestClassifier(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for model in models.values():
            model.fit(X[: len(y)], y)
    for n in (1, 100, 10_000):
        calls = [functools.partial(model.predict_proba, X[:n]) for model in models.values()]
        seconds = taking_turns(calls, options.repeat if n > 1 else 100 * options.repeat)
        figures = ", ".join(f"{name} {n / s:,.0f}" for name, s in zip(models, seconds, strict=True))
        yield f"rows a second, {n:,} at once, {what}", figures
    validate = functools.partial(validate_data, ours, X[:1], accept_sparse="csr", reset=False)
    whole = functools.partial(ours.predict_proba, X[:1])
    seconds, known = taking_turns([whole, validate], 100 * options.repeat)
    beyond = f"{1e6 * (seconds - known):.0f} us, {sum(ours.n_connections_):,} connections"
    yield "  a single row, beyond scikit-learn's validation", beyond


def limits(options):
    """What one thread of the machine can do: memory, vectors at random places, products."""
    n, rng = 2**25, np.random.default_rng(0)
    a, b, c = (np.ones(n, np.float32) for _ in range(3))
    table = np.ones((2**21, 32), np.float32)
    rows, out = rng.integers(len(table), size=2**20), np.empty((2**20, 32), np.float32)
    square = np.ones((2048, 2048), np.float32)
    with threadpool_limits(1):
        triad, gather, product = taking_turns(
            [
                lambda: np.add(a, np.multiply(b, 2, out=c), out=c),
                lambda: np.take(table, rows, axis=0, out=out, mode="clip"),
                lambda: square @ square,
            ],
            options.repeat,
        )
    yield (
        "memory, one thread, long arrays",
        f"{5 * 4 * n / triad / 1e9:.1f} GB/s",
    )
    yield "128-byte rows of 256 MB at random places", f"{1e9 * gather / len(rows):.1f} ns"
    yield "product of dense matrices, float32", f"{2 * 2048**3 / product / 1e9:.0f} GFLOP/s"


def seconds_of_step(shape, batch_size, n_steps, n_jobs, repeat):
    """Seconds of a step of training, of epochs of so many, as many as fill half a second or so."""
    X, y = data_for(shape, n_steps * batch_size)
    model = sparse_mlp(shape, batch_size, n_jobs, evolution=None)
    compile_kernels(model, X, y)
    epochs = (1, 2 + int(1.0 / seconds_of_fit(model, X, y, 2)))
    return seconds_per_epoch([model], X, y, repeat, epochs)[0] / n_steps


def steps(options):
    """A training step's traffic and arithmetic by second: its least, whatever caches do.

    For each sample a connection takes 6 operations, and reads or writes 12 bytes where it leads to;
    for all of them 28 bytes of its own, twice its place and weight, once its moment. The last two
    are full batches of a gene-expression set.
    """
    mini_batches = [(MEDIUM, 2, 64), (MEDIUM, 32, 16), (WIDE, 5, 32), (WIDE, 32, 16)]
    mini_batches += [(WIDER, 128, 4), (SMALL, 128, 16)]
    mini_batches += [(SHAPES["million"], 128, 4)] * options.large
    full_batches = [(Shape((n_features, 1000, 5), 20), 100, 1) for n_features in (5000, 22_283)]
    for shape, batch_size, n_steps in mini_batches + full_batches:
        step = seconds_of_step(shape, batch_size, n_steps, 1, options.repeat)
        n = sum(shape.n_connections)
        traffic, operations = n * (28 + 12 * batch_size), 6 * n * batch_size
        rates = f"{traffic / step / 1e9:.1f} GB/s, {operations / step / 1e9:.1f} GFLOP/s"
        yield f"step of {shape}, batch {batch_size}, 1 thread", f"{1e3 * step:.2f} ms: {rates}"


ALTERNATIVES = {
    "as it is": "",
    "two sums in turns, in the widest vectors too": """
import sksparse_mlp._network.workspace as module
make = module.Workspace
module.Workspace = lambda **record: make(**record | {"in_turns": True})
""",
    "private sums of levels eight times as large": """
import sksparse_mlp._network.workspace as module
module.PRIVATE_SUMS_BELOW *= 8
""",
    "prefetching beyond 1 MB": """
import sksparse_mlp._kernels.forward as module
module.CACHE_BYTES = 1_000_000
""",
    "no prefetching": """
import sksparse_mlp._kernels.forward as module
module.CACHE_BYTES = 10**12
""",
    "vectors of four, where two would do": """
import sksparse_mlp._network.lanes as module
module.FEWEST = 2
""",
}
STEP = """
import benchmark_overheads
benchmark_overheads.print_seconds_of_step({name!r}, {batch_size}, {n_jobs})
"""


def print_seconds_of_step(name, batch_size, n_jobs):
    """Seconds of a step of training, in a fresh process."""
    print(seconds_of_step(SHAPES[name], batch_size, 4, n_jobs, 3))


def choices(options):
    """What else kernels could do on this processor: a step's time, against what they do.

    Each way has a cache of kernels of its own. ``NUMBA_CPU_NAME`` stands for another processor.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, batch_size in (("medium", 2), ("medium", 32), ("wider", 128)):
            code = STEP.format(name=name, batch_size=batch_size, n_jobs=options.n_jobs)
            turns = [
                [
                    in_fresh_process(way + code, NUMBA_CACHE_DIR=os.path.join(folder, str(number)))
                    for number, way in enumerate(ALTERNATIVES.values())
                ]
                for _ in range(options.repeat + 1)
            ]
            seconds = np.array(turns)[1:, :, 0]  # the first ones may have compiled
            yield (
                f"step of {SHAPES[name]}, batch {batch_size}",
                f"{1e3 * seconds[:, 0].min():.2f} ms",
            )
            ratios = seconds.min(axis=0) / seconds[:, 0].min()
            for way, ratio in list(zip(ALTERNATIVES, ratios, strict=True))[1:]:
                yield f"  {way}", f"{ratio:.2f}"


def prediction(options):
    """A row's prediction against a row's training step, a third of which is its forward pass."""
    X, y = data_for(WIDER, 512)
    model = sparse_mlp(WIDER, 128, options.n_jobs)
    step = seconds_per_epoch([model], X, y, options.repeat, (1, 4))[0] / len(X)
    row = taking_turns([functools.partial(model.predict, X)], options.repeat)[0] / len(X)
    yield f"prediction of a row, {WIDER}", f"{1e6 * row:.0f} us"
    yield "  against a row's training step, batch 128", f"{row / step:.2f}"


def scaling(options):
    """The exponent of an epoch's time over a factor 100 in connections."""
    sizes, seconds = (3000, 10_000, 30_000, 100_000, 300_000), []
    shapes = [Shape((width, width, width, 10), 10) for width in sizes]
    for shape in shapes:
        X, y = data_for(shape, 64)
        models = [sparse_mlp(shape, 32, options.n_jobs)]
        # As many epochs for the smallest as have the work of a few of the largest.
        epochs = (1, 3 + 300_000 // shape.widths[0])
        seconds += seconds_per_epoch(models, X, y, options.repeat, epochs)
    n_connections = [sum(shape.n_connections) for shape in shapes]
    exponent = np.polyfit(np.log(n_connections), np.log(seconds), 1)[0]
    by_connection = [1e9 * s / n for s, n in zip(seconds, n_connections, strict=True)]
    yield "exponent of time by connections, factor 100", f"{exponent:.2f}"
    figures = ", ".join(f"{nanoseconds:.0f}" for nanoseconds in by_connection)
    yield "  an epoch by connection, smallest to largest", f"{figures} ns"


# ---------------------------------------------------------------- command line

MEASUREMENTS = {
    "imports": imports,
    "compile": compilation,
    "around": around_the_steps,
    "tiny": tiny_networks,
    "threads": threads,
    "grid": grid_search,
    "memory": memory,
    "options": relative_costs,
    "evolution": evolution,
    "sets": sets,
    "prediction": prediction,
    "rows": rows_per_second,
    "limits": limits,
    "steps": steps,
    "choices": choices,
    "scaling": scaling,
}


def main(arguments=None):
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--data", nargs="*", default=[], help="folders of data sets, or files")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args(arguments)
    rows = []
    for name in options.only:
        for row in MEASUREMENTS[name](options):
            print(*row, sep=": ", file=sys.stderr)
            rows.append(row)
    print("| what | measured |\n|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
