"""
=======================================================
Which connections to drop and to grow: rules compared
=======================================================

Trains networks of a few connections on five data sets, with each rule of growth and each rule of
dropping and with connections that stay where they are, and prints Markdown tables::

    python benchmark_topology.py --data FOLDER [FOLDER ...]     # .npz files with X and y
    python benchmark_topology.py --data FOLDER --growth set gradient --drop magnitude --seeds 3
    python benchmark_topology.py --data FOLDER --results FILE   # can be resumed
    python benchmark_topology.py --data FOLDER --growth set --drop set --more momentum cubic ema
    python benchmark_topology.py --cost --more momentum cubic   # what an evolution costs
    python benchmark_topology.py --quick                        # digits only, a few seconds

The digits are scikit-learn's; the other sets are looked for in the folders, by name.

Protocol. For each seed, a quarter of the samples is set apart, stratified; ``StandardScaler`` is
fitted on the rest; the network has two hidden layers of 500 neurons, no skip layer and the defaults
in all but density, evolution and drop. All rules see the same splits, and the seed is also the
network's. Accuracy is that on the samples set apart, in per cent, the mean over the seeds, with
half the width of its 95 % interval (Student's t over the seeds: it stands for other splits and
networks on the same samples, not for other samples).

Difference: accuracy minus that without evolution, same split and seed, the mean over the sets for
each seed, then mean and interval over the seeds.

Cost of an evolution (``--cost``, in place of accuracy): how much more processor time than others an
epoch of one mini-batch of 64 samples takes that begins with one, at three shapes; and that over the
cost by SET, and over an epoch of all samples of the shape. What neurons do on some samples, where
a rule looks at it, is part of it.
"""

import argparse
import itertools
import json
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier

SETS = ("khan", "tox_171", "madelon", "basehock", "digits")
DENSITIES = (0.1, 0.02, 0.005)
GROWTH = ("set", "guided", "gradient", "cosine", "hebbian")
DROP = ("set", "magnitude", "random", "mest", "snip")
# Rules of another kind, in most of which the number of a layer's connections changes; growth and
# dropping are then those of "set".
MORE = {
    "network scope": {"drop_scope": "network"},
    "survivors": {"drop_scope": "network", "redistribution": "survivors"},
    "momentum": {"redistribution": "momentum"},
    "gradient": {"redistribution": "gradient"},
    "cubic": {"density_schedule": "cubic"},
    "cubic, growing": {"density_schedule": "cubic", "initial_connections": 0.1},
    "bregman": {"density_schedule": "bregman", "evolution": "gradient"},
    "importance": {"neuron_pruning": "importance"},
    "chase": {"neuron_pruning": "chase"},
    "small world": {"initial_topology": "small_world"},
    "ema": {"averaging": "ema"},
    "cyclic": {"averaging": "cyclic"},
}
# What keeps the number of connections the same while the cost is measured.
OF_ONE_SIZE = {"cubic": {"initial_connections": 1}, "cubic, growing": {"initial_connections": 1}}
# Inputs, hidden neurons, classes, the epsilon that says how many connections there are, samples.
SHAPES = {
    "tiny": (100, (50, 50), 10, 5, 200),
    "3312-3000-3000-3000-5": (3312, (3000,) * 3, 5, 20, 135),
    "54675-27500-27500-18": (54_675, (27_500,) * 2, 18, 10, 1397),
    "54675-500000-500000-18": (54_675, (500_000,) * 2, 18, 10, 1397),
}
# Samples of a mini-batch where cost is measured.
BATCH = 64
COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377")
MARKERS = ("o", "s", "v", "D", "^")


class Rules(NamedTuple):
    """How connections move; without growth they stay where they are."""

    growth: str | None
    drop: str
    more: str | None = None


STATIC = Rules(None, "set")


def name_of(rules):
    """Return what a table calls the rules."""
    growth = parameters_of(rules)["evolution"]  # some rules bring their own
    name = "static" if rules == STATIC else f"{growth}, drop {rules.drop}"
    return name if rules.more is None else f"{name}; {rules.more}"


def parameters_of(rules):
    """Return the parameters of a network that follows the rules."""
    return {"evolution": rules.growth, "drop": rules.drop} | MORE.get(rules.more, {})


# ---------------------------------------------------------------- accuracy


class Notebook:
    """Fits that are done; in a file of one JSON object a line, or in memory only."""

    def __init__(self, path=None):
        self.path, self.fits = path, {}
        if path is not None and Path(path).exists():
            for line in Path(path).read_text().splitlines():
                key, fit = json.loads(line)
                self.fits[tuple(key)] = fit

    def get(self, key, compute):
        """Return the accuracy and the seconds of a fit, computed if they are not there."""
        if key not in self.fits:
            self.fits[key] = compute()
            if self.path is not None:
                with open(self.path, "a") as file:
                    file.write(json.dumps([key, self.fits[key]]) + "\n")
        return self.fits[key]


def load_sets(folders, names):
    """Return data sets by name; those that are in no folder are left out with a word."""
    found = {}
    for name in names:
        files = [folder / f"{name}.npz" for folder in folders]
        files = [file for file in files if file.exists()]
        if name == "digits":
            found[name] = load_digits(return_X_y=True)
        elif files:
            with np.load(files[0]) as arrays:
                found[name] = arrays["X"], arrays["y"]
        else:
            print(f"{name}.npz is in no folder of --data: left out")
    return found


def judge(X, y, rules, density, seed, width):
    """Return the accuracy on samples set apart, in per cent, and the seconds of the fit."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    model = TrulySparseMLPClassifier(
        (width, width),
        density=density,
        **parameters_of(rules),
        skip_connections=None,
        random_state=seed,
        n_jobs=1,
    )
    start = time.perf_counter()
    model.fit(scaler.transform(X), y)
    seconds = time.perf_counter() - start
    return 100 * model.score(scaler.transform(X_test), y_test), seconds


def judge_all(sets, rules_to_try, options):
    """Return arrays [set, seed] of accuracies and of seconds, by density and rules."""
    notebook, results = Notebook(options.results), {}
    for density, rules in itertools.product(options.densities, rules_to_try):
        fits = []
        for name, (X, y) in sets.items():
            for seed in range(options.seeds):
                which = rules if rules.more else rules[:2]
                key = (name, *which, density, seed, options.width)
                case = (X, y, rules, density, seed, options.width)
                fits.append(notebook.get(key, lambda case=case: judge(*case)))
        results[density, rules] = np.reshape(fits, (len(sets), options.seeds, 2))
    return results


def mean_and_interval(values):
    """Return the mean, and half the width of its 95 % interval."""
    half = stats.t.ppf(0.975, values.size - 1) * stats.sem(values) if values.size > 1 else np.nan
    return values.mean(), half


def difference(results, density, rules):
    """Return mean and interval of the difference from connections that stay where they are."""
    accuracy, static = (results[density, r][..., 0] for r in (rules, STATIC))
    return mean_and_interval((accuracy - static).mean(axis=0))


def print_accuracy(sets, rules_to_try, results, density):
    """Print a Markdown table for one density."""
    print(f"\nAccuracy in per cent with {100 * density:g} % of all connections\n")
    columns = [*sets, "difference from static", "seconds a fit"]
    print("| growth and drop | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for rules in rules_to_try:
        found = results[density, rules]
        cells = ["{:.1f} ± {:.1f}".format(*mean_and_interval(of_set[:, 0])) for of_set in found]
        cells.append("{:+.1f} ± {:.1f}".format(*difference(results, density, rules)))
        print(f"| {name_of(rules)} | {' | '.join(cells)} | {found[..., 1].mean():.2f} |")


# ---------------------------------------------------------------- cost


def seconds_of(shape, rules, evolutions, n_jobs):
    """Return the seconds of an evolution, and of a step on 64 samples: the best of a fit.

    Each epoch of the fit is a step, and every other one begins with an evolution. Processor time,
    where there is one thread: other programs have less part in it.
    """
    n_features, hidden, n_classes, epsilon, _ = shape
    X = np.random.default_rng(0).normal(size=(BATCH, n_features)).astype(np.float32)
    y = np.arange(BATCH) % n_classes
    clock, times = time.process_time if n_jobs == 1 else time.perf_counter, []

    def epoch_ends(model, X, y):
        times.append(clock())
        return 0.0

    model = TrulySparseMLPClassifier(
        hidden,
        epsilon=epsilon,
        evolution_interval=2,
        evolution_end=1.0,
        **parameters_of(rules) | OF_ONE_SIZE.get(rules.more, {}),
        skip_connections=None,
        batch_size=BATCH,
        max_iter=2 * evolutions + 2,
        n_iter_no_change=np.inf,
        scoring=epoch_ends,
        random_state=0,
        n_jobs=n_jobs,
    )
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
        model.fit(X, y, X_val=X[:2], y_val=y[:2])
    seconds = np.diff(times)[1:]
    step = seconds[1::2].min()
    return seconds[::2].min() - step, step


def print_cost(shapes, rules_to_try, evolutions, n_jobs):
    """Print a Markdown table of what an evolution costs."""
    print(f"\nMilliseconds of an evolution, {n_jobs} threads (over set, drop set; over an epoch)\n")
    print("| growth and drop | " + " | ".join(shapes) + " |")
    print("|---" * (len(shapes) + 1) + "|")
    by_set = {}
    for rules in rules_to_try:
        cells = []
        for name in shapes:
            seconds, step = seconds_of(SHAPES[name], rules, evolutions, n_jobs)
            first = by_set.setdefault(name, seconds)
            share = seconds / (step * SHAPES[name][-1] / BATCH)
            cells.append(f"{1e3 * seconds:.1f} ({seconds / first:.2f}; {share:.2f})")
        print(f"| {name_of(rules)} | {' | '.join(cells)} |", flush=True)


# ---------------------------------------------------------------- picture


def draw(options, results, path):
    """Draw the differences from connections that stay where they are, a panel a density."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = (1.5 + 3.0 * len(options.densities), 1.2 + 0.6 * len(options.growth))
    figure, axes = plt.subplots(
        1, len(options.densities), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    styles = dict(zip(DROP, zip(COLORS, MARKERS, strict=True), strict=True))
    for ax, density in zip(axes[0], options.densities, strict=True):
        ax.axvline(0, color="0.7")
        for i, drop in enumerate(options.drop):
            found = [difference(results, density, Rules(g, drop)) for g in options.growth]
            mean, half = np.array(found).T
            y = np.arange(len(found)) + 0.14 * (i - (len(options.drop) - 1) / 2)
            color, marker = styles[drop]
            ax.errorbar(mean, y, xerr=half, color=color, marker=marker, ls="", label=drop)
        ax.set(title=f"{100 * density:g} % of all connections", xlabel="points over static")
        ax.set_yticks(range(len(options.growth)), options.growth)
        ax.grid(axis="x", color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_ylabel("growth")
    lines = axes[0, 0].get_legend_handles_labels()
    figure.legend(*lines, title="drop", loc="outside right upper")
    figure.savefig(path, dpi=150)


# ---------------------------------------------------------------- command line


def parse(arguments):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="folders of .npz files")
    parser.add_argument("--sets", nargs="+", default=SETS, help="which sets, by name")
    parser.add_argument("--densities", nargs="+", type=float, default=DENSITIES)
    parser.add_argument("--growth", nargs="+", choices=GROWTH, default=GROWTH)
    parser.add_argument("--drop", nargs="+", choices=DROP, default=DROP)
    parser.add_argument("--more", nargs="+", choices=MORE, default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--width", type=int, default=500, help="neurons of each hidden layer")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES)[1:])
    parser.add_argument("--cost", action="store_true", help="measure cost in place of accuracy")
    parser.add_argument("--evolutions", type=int, default=5, help="of which the best counts")
    parser.add_argument("--n-jobs", type=int, default=1, help="threads to measure the cost with")
    parser.add_argument("--results", type=Path, help="file that keeps what is done")
    parser.add_argument("--figure", default="benchmark_topology.png", help="'' for none")
    parser.add_argument("--quick", action="store_true", help="see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sets, options.densities, options.width = ["digits"], (0.02,), 100
        options.growth, options.drop = ("set", "gradient"), ("set", "magnitude")
        options.more = ["cubic"]
        options.seeds, options.shapes, options.evolutions = 2, ["tiny"], 1
    return options


def main(arguments=None):
    """Judge all rules, and print and draw what came out; or measure what they cost."""
    options = parse(arguments)
    by_set = Rules("set", "set")
    rules_to_try = [
        *itertools.starmap(Rules, itertools.product(options.growth, options.drop)),
        *(Rules("set", "set", more) for more in options.more),
    ]
    if options.cost:
        others = [rules for rules in rules_to_try if rules != by_set]
        print_cost(options.shapes, [by_set, *others], options.evolutions, options.n_jobs)
        return
    sets, rules_to_try = load_sets(options.data, options.sets), [STATIC, *rules_to_try]
    results = judge_all(sets, rules_to_try, options)
    for density in options.densities:
        print_accuracy(sets, rules_to_try, results, density)
    if options.figure:
        draw(options, results, options.figure)


if __name__ == "__main__":
    main()
