"""
=====================================================
Three hospitals, one model, and no patient that moves
=====================================================

Each of three centres has too few patients for a good model, and none may hand them on. What can be
handed on are models: all centres go on from the same one, each on its own patients, and
:func:`~sksparse_mlp.merge` makes one of theirs, with as many connections as each had. A few such
rounds are worth as much as all data together, or more: what chance taught each of the three, their
mean forgets.
"""

import os
from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier, merge
from sksparse_mlp.datasets import make_microarray

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"
n_repetitions, n_rounds = (1, 2) if FAST else (10, 5)

# %%
# The patients
# ------------
#
# Four types of tumours, 40 patients in each of three centres.

X, y = make_microarray(
    n_samples=320 if FAST else 720,
    n_features=300 if FAST else 1000,
    n_informative=100,
    n_classes=4,
    class_sep=1.2,
    random_state=0,
)
n_centres, per_centre = 3, 40

# %%
# Training together
# -----------------
#
# A round: every centre goes on with the common model for a few epochs, then all are merged. What
# they begin with is the same for all because its ``random_state`` is. The genes are standardised by
# numbers that all know: a mean and a variance can be handed on, too.

network = TrulySparseMLPClassifier(
    hidden_layer_sizes=200,
    epsilon=10,
    skip_connections="zero",
    evolution="set",
    learning_rate_init=0.2,
    input_noise=0.5,
    temperature=1.0,
    max_iter=10,
    warm_start=True,
)


def trained(model, X, y):
    """The model after a few more epochs."""
    return deepcopy(model).fit(X, y)


def accuracies(X, y, centres, others, seed):
    """Of own models, of the common one after one, two and all rounds, and of one for all data."""
    everybody = np.concatenate(centres)
    X = StandardScaler().fit(X[everybody]).transform(X).astype(np.float32)
    common = together = deepcopy(network).set_params(random_state=seed)
    own = [common] * n_centres
    after_rounds = []
    for _ in range(n_rounds):
        models = [trained(common, X[rows], y[rows]) for rows in centres]
        common = merge(models)
        after_rounds.append(common.score(X[others], y[others]))
        own = [trained(model, X[rows], y[rows]) for model, rows in zip(own, centres, strict=True)]
        together = trained(together, X[everybody], y[everybody])
    of_own = np.mean([model.score(X[others], y[others]) for model in own])
    of_all = together.score(X[others], y[others])
    return [of_own, after_rounds[0], after_rounds[1], after_rounds[-1], of_all]


# %%
# Patients change their centres
# -----------------------------
#
# Each repetition deals out the patients anew; those of no centre judge the models.

n_train = n_centres * per_centre
splits = StratifiedShuffleSplit(n_repetitions, train_size=n_train, random_state=0).split(X, y)
results = []
for seed, (train, others) in enumerate(splits):
    results.append(accuracies(X, y, np.split(train, n_centres), others, seed))
results = np.array(results)

# %%
# The picture
# -----------
#
# The bars are means over the repetitions, the lines on them standard errors.

names = [
    "each centre\nby itself",
    "merged",
    "merged, and\none more round",
    f"merged,\n{n_rounds} rounds",
    "all data\ntogether",
]
error = results.std(axis=0) / np.sqrt(len(results))
fig, ax = plt.subplots(figsize=(7.6, 4.2), layout="constrained")
colors = ["#777777", "#56B4E9", "#0072B2", "#004A73", "#009E73"]
bars = ax.bar(names, results.mean(axis=0), yerr=error, color=colors, capsize=4)
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.axhline(1 / 4, color="black", linestyle=":")
ax.annotate("chance", (4.4, 0.25), (0, 3), textcoords="offset points", ha="right")
ax.set(ylabel="accuracy on other patients", ylim=(0, 1))
plt.show()
