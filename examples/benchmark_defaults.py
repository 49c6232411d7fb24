"""
==============================================
Are the defaults tuned to the sets shown here?
==============================================

Changes one default at a time, measures each variant on each set, and chooses among them as a user
of the other sets would have: for each set, the variant that is best on all others is reported::

    python benchmark_defaults.py --data FOLDER [FOLDER ...]

What the defaults reach by this choice (leave one set out) is an honest figure even where the sets
took part in the choice of defaults; what they reach as they are stands beside it. Splits and
figures are those of ``benchmark_microarray.py``, whose options are understood, too ("--data",
"--sets", "--repeats", ...); each finished fold is kept in its cache.

To add a variant, add a line to ``VARIANTS``.
"""

import benchmark_microarray as microarray
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression

# What is changed in the defaults; the steps are those of "auto", see the README.
VARIANTS = {
    "defaults": {},
    "noise 0.3": {"input_noise": 0.3},
    "noise 0.6": {"input_noise": 0.6},
    "noise 1.5": {"input_noise": 1.5},
    "15 epochs": {"max_iter": 15},
    "100 epochs": {"max_iter": 100},
    "rate 0.15": {"learning_rate_init": 0.15},
    "rate 1.5": {"learning_rate_init": 1.5},
    "300 neurons": {"hidden_layer_sizes": (300,)},
    "3000 neurons": {"hidden_layer_sizes": (3000,)},
    "one layer": {"hidden_layer_sizes": (1000,)},
    "two layers": {"hidden_layer_sizes": (1000, 1000)},
    "epsilon 5": {"epsilon": 5},
    "epsilon 10": {"epsilon": 10},
    "epsilon 20": {"epsilon": 20},
    "dropout 0.3": {"dropout": 0.3},
    "All-ReLU": {"activation": "all_relu"},
    "decay 0.002": {"weight_decay": 0.002},
    "guidance 0.5": {"guidance": 0.5},
    "guidance 0.8": {"guidance": 0.8},
    "SET": {"evolution": "set"},
    "static": {"evolution": None},
    "skip layer from zero": {"skip_connections": "zero"},
    "no skip layer": {"skip_connections": None},
    "temperature 1": {"temperature": 1.0},
    "temperature 3": {"temperature": 3.0},
}
REFERENCE = "logreg"


def model_of(changes):
    """Return a factory of the default model with some changes."""
    return lambda case: microarray.sparse_mlp(case, **changes)


def chosen_elsewhere(figures, *, highest):
    """Return, of each set, the variant that is best on average over the other sets."""
    others = (figures.sum() - figures) / (len(figures) - 1)
    return others.idxmax(axis=1) if highest else others.idxmin(axis=1)


def pick(figures, choice):
    """Return the figure of each set's chosen variant."""
    return pd.Series({name: figures.loc[name, variant] for name, variant in choice.items()})


def report(per_set):
    """Print the variants' means, and what the choice on the other sets gives."""
    tables = {name: per_set[name].unstack("model") for name in ("accuracy", "log_loss")}
    reference = {name: table.pop(REFERENCE) for name, table in tables.items()}
    print(pd.DataFrame({name: table.mean() for name, table in tables.items()}).round(4))
    for name, table in tables.items():
        choice = chosen_elsewhere(table, highest=name == "accuracy")
        ours = pick(table, choice)
        difference = ours - reference[name]
        print(f"\n{name}: {ours.mean():.4f} by the choice on the other sets, ", end="")
        print(
            f"{table['defaults'].mean():.4f} by the defaults, {reference[name].mean():.4f} ", end=""
        )
        print(
            f"by {REFERENCE}; difference {difference.mean():+.4f} +- {difference.sem():.4f}, ",
            end="",
        )
        print(f"p = {stats.wilcoxon(difference).pvalue:.3f}; chosen:")
        print(choice.value_counts().to_string())


def main():
    """Measure all variants and report."""
    microarray.MODELS = {name: model_of(changes) for name, changes in VARIANTS.items()}
    microarray.MODELS[REFERENCE] = lambda case: microarray.scaled(LogisticRegression(max_iter=1000))
    options = microarray.parse_options()
    tasks = microarray.plan(microarray.load_sets(options), microarray.MODELS, options)
    microarray.run_all([task for task in tasks if not task.done], options.n_jobs)
    report(microarray.summarise_sets(microarray.score(tasks), REFERENCE))


if __name__ == "__main__":
    main()
