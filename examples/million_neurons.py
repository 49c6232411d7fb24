"""
=============================
One million neurons, or fifty
=============================

Trains a network that no dense library could even allocate, on synthetic data of the shape of the
Leukemia set (1397 samples, 54675 genes, 18 classes)::

    python million_neurons.py                          # a million neurons, under a minute
    python million_neurons.py --neurons 1e7            # ten million
    python million_neurons.py --neurons 5e7            # fifty million, half a billion connections
    python million_neurons.py --neurons 1e6 --epochs 10 --batch-size 128 --epsilon 5 --n-jobs 4

Two hidden layers share the neurons. The largest networks take few samples by default, a handful
of training steps an epoch: enough to see what a step and an evolution cost in time and memory.
With ``--samples 1397`` they train on them all.

Shows a progress bar where scikit-learn is at least 1.9 and rich is installed.
"""

import argparse
import sys
import time
import warnings
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sksparse_mlp import TrulySparseMLPClassifier

N_SAMPLES, N_FEATURES, N_CLASSES = 1397, 54675, 18
# Features whose mean differs between the classes.
N_INFORMATIVE = 2000
HELD_OUT = 300


class Setting(NamedTuple):
    """What a network of some size is trained with unless told otherwise."""

    epsilon: float
    batch_size: int
    samples: int


def setting_for(neurons):
    """What fits into 24 GB and takes minutes on two cores."""
    if neurons < 3e6:
        return Setting(epsilon=10, batch_size=64, samples=N_SAMPLES)
    if neurons < 3e7:
        return Setting(epsilon=5, batch_size=32, samples=256)
    return Setting(epsilon=5, batch_size=8, samples=32)


def make_data(n_samples, seed):
    """Noise in float32, and a class's own shift of the informative features; made in place."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, N_FEATURES), dtype=np.float32)
    y = rng.integers(N_CLASSES, size=n_samples)
    # The classes are the same whatever the seed of the samples.
    rng = np.random.default_rng(0)
    informative = rng.choice(N_FEATURES, N_INFORMATIVE, replace=False)
    centres = rng.standard_normal((N_CLASSES, N_INFORMATIVE), dtype=np.float32)
    for row, label in zip(X, y, strict=True):
        row[informative] += centres[label]
    return X, y


def make_model(neurons, epochs, batch_size, epsilon, n_jobs):
    """A plain network: ReLU, stochastic gradient descent with momentum, one evolution an epoch."""
    return TrulySparseMLPClassifier(
        hidden_layer_sizes=(neurons // 2, neurons - neurons // 2),
        activation="relu",
        epsilon=epsilon,
        evolution="set",
        skip_connections=None,
        evolution_interval="epoch",
        evolution_end=1.0,
        solver="sgd",
        momentum=0.9,
        nesterovs_momentum=True,
        learning_rate="constant",
        # Divided by a layer's connections per neuron: the same figure suits networks of any size.
        learning_rate_init=30.0,
        learning_rate_scaling="fan_in",
        weight_init_gain=1.0,
        input_noise=0.0,
        temperature=1.0,
        batch_size=batch_size,
        max_iter=epochs,
        tol=0.0,
        random_state=0,
        n_jobs=n_jobs,
    )


def compile_kernels(batch_size, n_jobs):
    """Train a tiny network, so that nothing has to be compiled while the large one is timed."""
    X, y = np.eye(2 * batch_size, dtype=np.float32), np.arange(2 * batch_size) % 2
    model = make_model(50, 2, batch_size, 1, n_jobs).fit(X, y)
    model.predict(X)


def show_progress(model):
    """A progress bar where there can be one, lines elsewhere."""
    try:
        from sklearn.callback import ProgressBar

        model.set_callbacks(ProgressBar())
    except ImportError:
        model.set_params(verbose=True)


def seconds_of(function, *args):
    """Seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def seconds_of_evolution(model, X, y):
    """Seconds of one evolution: a training step that begins with one, less a step without."""
    with_evolution, _ = seconds_of(model.partial_fit, X, y)
    without, _ = seconds_of(model.set_params(evolution=None).partial_fit, X, y)
    return with_evolution - without


def peak_memory():
    """The most memory that this process ever held, in bytes; None where it cannot be known."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def in_words(n_bytes):
    """A number of bytes with a unit."""
    if n_bytes is None:
        return "unknown on this system"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} PB"


def parse(arguments):
    """The command line; what is not given depends on the number of neurons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--neurons", type=float, default=1e6, help="hidden neurons")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument(
        "--epsilon", type=float, help="a layer has epsilon (inputs + outputs) connections"
    )
    parser.add_argument("--samples", type=int, help=f"training samples, usually {N_SAMPLES}")
    parser.add_argument("--n-jobs", type=int, default=-1, help="threads; -1: one a core")
    args = parser.parse_args(arguments)
    args.neurons = int(args.neurons)
    for name, value in setting_for(args.neurons)._asdict().items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


def main(arguments=None):
    """Train one network and say what it took."""
    args = parse(arguments)
    warnings.simplefilter("ignore", ConvergenceWarning)
    begin = time.perf_counter()

    seconds, (X, y) = seconds_of(make_data, args.samples, 1)
    X_new, y_new = make_data(min(args.samples, HELD_OUT), 2)
    print(f"data       {X.shape[0]} x {X.shape[1]}, {in_words(X.nbytes)}, made in {seconds:.1f} s")
    seconds, _ = seconds_of(compile_kernels, args.batch_size, args.n_jobs)
    print(f"kernels    compiled, or found in the cache, in {seconds:.1f} s")

    model = make_model(args.neurons, args.epochs, args.batch_size, args.epsilon, args.n_jobs)
    show_progress(model)
    seconds, _ = seconds_of(model.fit, X, y)
    peak = peak_memory()
    epochs, losses = model.history_["seconds"], model.loss_curve_
    accuracy = model.score(X_new, y_new)
    one_batch = slice(args.batch_size)
    evolution = seconds_of_evolution(model, X[one_batch], y[one_batch])

    widths = (N_FEATURES, *model.hidden_layer_sizes, N_CLASSES)
    connections, cells = sum(model.n_connections_), sum(a * b for a, b in pairwise(widths))
    steps = -(-args.samples // args.batch_size)
    print(f"""
neurons                     {sum(widths):,}
connections                 {connections:,}, one in {cells / connections:,.0f} of a dense network
fit                         {seconds:.1f} s, {seconds - sum(epochs):.1f} s of them to initialise
  seconds per epoch         {np.median(epochs):.2f}, {steps} training steps of {args.batch_size}
  one evolution             {evolution:.2f} s
peak memory                 {in_words(peak)}, of which data {in_words(X.nbytes + X_new.nbytes)}
weights of a dense network  {in_words(4 * cells)}
loss by epoch               {", ".join(f"{loss:.3g}" for loss in losses)}
accuracy                    {accuracy:.3f} on {len(y_new)} new samples, chance {1 / N_CLASSES:.3f}
total                       {time.perf_counter() - begin:.1f} s""")


if __name__ == "__main__":
    main()
