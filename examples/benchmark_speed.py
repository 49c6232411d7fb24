"""
===============================================
Seconds per epoch and step, compared with peers
===============================================

Trains networks of the same widths, batches and solver (SGD with momentum, ReLU) in four ways,
prints tables of time and memory, and draws the time against the number of connections::

    python benchmark_speed.py                              # small to large, batches 2, 32 and 128
    python benchmark_speed.py --large                      # a network of a million neurons as well
    python benchmark_speed.py --shapes small --batches 32 --repeat 5 --n-jobs 4
    python benchmark_speed.py --steps --batches 2 5 32 128 # a step alone, no evolution
    python benchmark_speed.py --more-models own.py         # and models of a file of yours

- *sksparse_mlp*: through its public interface only, (seconds of a fit of b epochs - seconds of a
  fit of a epochs) / (b - a), an evolution of the topology each epoch included;
- *PyTorch CSR*: a training step on PyTorch's sparse tensors, and SET; where torch is installed;
- *SciPy SET*: products with SciPy's CSR matrices, gradients by a Numba loop over the connections,
  and SET;
- *scikit-learn, dense*: MLPClassifier, where its weights, gradients and velocities fit into
  ``--dense-limit``;
- what the dictionary ``MODELS`` of a Python file holds: classes like those of ``benchmark_peers``.

Every model is a process of its own; all take turns in each repetition; medians are shown. An epoch
of a peer that takes longer than ``--seconds`` is extrapolated from its first mini-batches. Memory
is the most that a process held beyond the imported libraries and the data. Needs matplotlib for the
figure.
"""

import argparse
import importlib.util
import itertools
import runpy
import statistics
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from benchmark_peers import (
    LEARNING_RATE,
    MOMENTUM,
    ZETA,
    DenseMLP,
    ScipySET,
    Shape,
    Task,
    TorchCSR,
    make_data,
)
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from sksparse_mlp import TrulySparseMLPClassifier

SHAPES = {
    "tiny": Shape((20, 30, 30, 3), 3),
    "small": Shape((784, 1000, 1000, 1000, 10), 20),
    "medium": Shape((3312, 3000, 3000, 3000, 5), 20),
    "wide": Shape((19993, 10000, 10000, 2), 10),
    "wider": Shape((54675, 27500, 27500, 18), 10),
    "million": Shape((54675, 500000, 500000, 18), 10),
}
DEFAULT_SHAPES = ("small", "medium", "wide", "wider")


# ---------------------------------------------------------------- ours


def sparse_mlp(shape, batch_size, n_jobs, **changes):
    """Our estimator with nothing switched on that the peers lack."""
    parameters = {
        "hidden_layer_sizes": shape.widths[1:-1],
        "activation": "relu",
        "epsilon": shape.epsilon,
        "evolution": "set",
        "skip_connections": None,
        "evolution_interval": "epoch",
        "evolution_end": 1.0,
        "zeta": ZETA,
        "solver": "sgd",
        "momentum": MOMENTUM,
        "nesterovs_momentum": False,
        "learning_rate": "constant",
        "learning_rate_init": LEARNING_RATE,
        "learning_rate_scaling": None,
        "weight_decay": 0.0,
        "input_noise": 0.0,
        "batch_size": batch_size,
        "tol": 0.0,
        "n_iter_no_change": 10**9,
        "temperature": 1.0,
        "random_state": 0,
        "n_jobs": n_jobs,
    }
    return TrulySparseMLPClassifier(**parameters | changes)


def seconds_of_fit(model, X, y, epochs, **fit_parameters):
    """Seconds of a fit of some epochs."""
    model.set_params(max_iter=epochs)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y, **fit_parameters)
    return time.perf_counter() - start


def compile_kernels(model, X, y):
    """Have those kernels compiled that suit the batch size: for a short fit they are not."""
    # This one could go on for so many epochs, and ends at once.
    seconds_of_fit(clone(model).set_params(tol=1e9, n_iter_no_change=1), X, y, 10**6)


class Ours:
    """The public interface of sksparse_mlp."""

    def __init__(self, task, X, y):
        self.X, self.y = X, y
        evolution = "set" if task.evolves else None
        self.model = sparse_mlp(task.shape, task.batch_size, task.n_jobs, evolution=evolution)
        compile_kernels(self.model, X, y)
        seconds_of_fit(self.model, X, y, 2)
        # As many epochs as last a second, so that how a fit begins and ends does not matter.
        self.epochs = max(1, min(100, round(1.0 / self.model.history_["seconds"][1])))

    def seconds_per_epoch(self):
        """Seconds of an epoch and, where the task says so, its evolution."""
        short, long = (seconds_of_fit(self.model, self.X, self.y, n + 1) for n in (0, self.epochs))
        return (long - short) / self.epochs


# ---------------------------------------------------------------- taking turns


class Figures(NamedTuple):
    """What was measured of a model."""

    seconds: float
    memory: float


MODELS = {
    "sksparse_mlp": Ours,
    "PyTorch CSR": TorchCSR,
    "SciPy SET": ScipySET,
    "scikit-learn, dense": DenseMLP,
}
# Okabe and Ito's colours, which differ for colour-blind readers, too.
COLORS, MARKERS = ("#D55E00", "#0072B2", "#009E73", "#555555"), "os^D"
# What a worker process holds between its turns.
worker = {}


def peak_memory():
    """The most bytes that this process ever held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def models_of(path):
    """Classes by name: those of this file, and of another that is executed."""
    return MODELS | (runpy.run_path(path)["MODELS"] if path else {})


def prepare(name, path, task):
    """Make a model in this process; before it a tiny one, for what is loaded at first use."""
    threadpool_limits(task.n_jobs)
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
    model = models_of(path)[name]
    tiny = task._replace(shape=SHAPES["tiny"], n_samples=2 * task.batch_size)
    model(tiny, *make_data(tiny))
    data = make_data(task)
    before = peak_memory()
    worker.update(before=before, model=model(task, *data))


def take_turn():
    """Measure the model of this process once."""
    return worker["model"].seconds_per_epoch()


def memory_taken():
    """Memory of the model of this process so far."""
    return peak_memory() - worker["before"]


def measure(names, path, task, repeat):
    """Figures of some models, some of them in a file, on one task, by name."""
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            for name in names
        }
        for name in names:
            workers[name].submit(prepare, name, path, task).result()
        seconds = {name: [] for name in names}
        for _ in range(repeat):
            for name in names:
                seconds[name].append(workers[name].submit(take_turn).result())
        return {
            name: Figures(
                statistics.median(seconds[name]), workers[name].submit(memory_taken).result()
            )
            for name in names
        }


def models_for(shape, names, dense_limit):
    """The models that are installed and fit."""
    absent = set()
    if importlib.util.find_spec("torch") is None:
        absent.add("PyTorch CSR")
    if 12 * shape.n_cells > dense_limit * 1e9:
        absent.add("scikit-learn, dense")
    return [name for name in names if name not in absent]


# ---------------------------------------------------------------- tables and the figure


def table(results, names, field, show):
    """A Markdown table of one field: our figure, and those of the peers with their ratios to it."""
    lines = [
        "| network | connections | batch | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for (shape, batch_size), figures in results.items():
        ours = getattr(figures[names[0]], field)
        cells = [str(shape), f"{sum(shape.n_connections):,}", str(batch_size)]
        for name in names:
            value = getattr(figures[name], field) if name in figures else None
            ratio = f" ({value / ours:.1f} x)" if value and ours and name != names[0] else ""
            cells.append("-" if value is None else show(value) + ratio)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(results, names, n_samples, path):
    """Seconds per epoch against connections, one panel a batch size, one line a model."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    batches = sorted({batch_size for _, batch_size in results})
    fewest = min(sum(shape.n_connections) for shape, _ in results)
    size = (1 + 3.2 * len(batches), 3.8)
    figure, axes = plt.subplots(
        1, len(batches), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    # A model looks the same whichever others are drawn.
    looks = itertools.cycle(zip(COLORS, MARKERS, strict=True))
    styles = dict(zip(dict.fromkeys([*MODELS, *names]), looks, strict=False))
    for ax, batch_size in zip(axes[0], batches, strict=True):
        for name in names:
            points = [
                (sum(shape.n_connections), figures[name].seconds)
                for (shape, batch), figures in results.items()
                if batch == batch_size and name in figures
            ]
            x, seconds = np.array(sorted(points)).reshape(-1, 2).T
            color, marker = styles[name]
            ax.loglog(x, seconds, color=color, marker=marker, label=name)
        # From a power of ten on, and only these have labels: others would overlap.
        ax.set_xlim(left=10 ** np.floor(np.log10(fewest)))
        ax.xaxis.set_minor_formatter("")
        ax.set(title=f"batch {batch_size}", xlabel="connections")
        ax.grid(color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel(f"seconds per epoch of {n_samples:,} samples")
    lines = axes[0, 0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper center", ncols=min(4, 2 * len(batches)))
    figure.savefig(path, dpi=150)


# ---------------------------------------------------------------- command line


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=DEFAULT_SHAPES)
    parser.add_argument("--large", action="store_true", help="add the network of a million neurons")
    parser.add_argument("--batches", nargs="+", type=int, default=[2, 32, 128])
    parser.add_argument("--steps", action="store_true", help="of a step alone, without evolution")
    parser.add_argument("--models", nargs="+", help="those to compare; default: all")
    parser.add_argument("--more-models", metavar="FILE", help="Python that defines MODELS, too")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=2, help="threads of every model")
    parser.add_argument("--seconds", type=float, default=10.0, help="limit of a peer's turn")
    parser.add_argument("--dense-limit", type=float, default=6.0, help="in GB")
    parser.add_argument("--figure", default="benchmark_speed.png", help="'' for none")
    args = parser.parse_args(arguments)
    known = models_of(args.more_models)
    args.models = args.models or list(known)
    if unknown := set(args.models) - set(known):
        parser.error(f"--models: {', '.join(unknown)} is none of {', '.join(known)}")
    if args.large:
        args.shapes = [*args.shapes, "million"]
    return args


def task_of(shape, batch_size, args):
    """What to train; steps are of full mini-batches, four at least."""
    task = Task(shape, batch_size, args.samples, args.n_jobs, args.seconds, not args.steps)
    if args.steps:
        task = task._replace(n_samples=max(4, args.samples // batch_size) * batch_size)
    return task


def main(arguments=None):
    """Measure, print and draw."""
    args = parse(arguments)
    results = {}
    for batch_size in args.batches:
        for shape in map(SHAPES.get, args.shapes):
            task = task_of(shape, batch_size, args)
            names = models_for(shape, args.models, args.dense_limit)
            figures = measure(names, args.more_models, task, args.repeat)
            if args.steps:
                n_steps = task.n_samples // batch_size
                figures = {n: f._replace(seconds=f.seconds / n_steps) for n, f in figures.items()}
            results[shape, batch_size] = figures
            print(shape, batch_size, figures, file=sys.stderr)
    what = "step" if args.steps else f"epoch of {args.samples:,} samples"
    print(f"Time per {what}, {args.n_jobs} threads:\n")
    show = (lambda value: f"{1e3 * value:.3g} ms") if args.steps else "{:.3g} s".format
    print(table(results, args.models, "seconds", show))
    if args.steps:
        return
    print("\nMemory beyond libraries and data:\n")
    print(table(results, args.models, "memory", lambda value: f"{value / 1e6:,.0f} MB"))
    if args.figure:
        draw(results, args.models, args.samples, args.figure)


if __name__ == "__main__":
    main()
