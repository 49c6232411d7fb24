"""
==============================================
Ensembles: several networks, or one that moves
==============================================

The mean of several sparse networks is more often right than one of them, and its probabilities are
more honest. :class:`~sksparse_mlp.TrulySparseMLPEnsembleClassifier` trains them one by one, or,
with ``method="edst"``, as stations of one training: after each, most connections escape to other
places, and a short training follows.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier, TrulySparseMLPEnsembleClassifier
from sksparse_mlp.inspection import topology_distance

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# Few digits to learn from
# ------------------------
#
# 300 handwritten digits to train on, the others to judge by.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=100 if FAST else 300, stratify=y, random_state=0
)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

# %%
# Two ways to ten members
# -----------------------
#
# "independent" takes ten times as long as one network, "edst" about three times. Each is
# repeated with other random numbers, to see more than luck.

n_members, n_repetitions = (3, 1) if FAST else (10, 5)
network = TrulySparseMLPClassifier(
    hidden_layer_sizes=100 if FAST else 300,
    epsilon=5,
    skip_connections=None,
    max_iter=10 if FAST else 100,
)
methods = ("independent", "edst")
ensembles = {
    method: [
        TrulySparseMLPEnsembleClassifier(
            network, n_estimators=n_members, method=method, random_state=seed
        ).fit(X_train, y_train)
        for seed in range(n_repetitions)
    ]
    for method in methods
}

# %%
# The first members, more and more of them
# ----------------------------------------


def by_number(ensemble):
    """Accuracy and log-loss of the first member, the first two, and so on."""
    each = [member.predict_proba(X_test) for member in ensemble.estimators_]
    means = [np.mean(each[:n], axis=0) for n in range(1, n_members + 1)]
    accuracy = [np.mean(ensemble.classes_[mean.argmax(axis=1)] == y_test) for mean in means]
    return accuracy, [log_loss(y_test, mean) for mean in means]


figures = {
    method: np.array([by_number(ensemble) for ensemble in ensembles[method]]) for method in methods
}

# %%
# How far apart the members are
# -----------------------------
#
# 0 for the same connections, up to the order of the neurons, 1 for none in common.

distances = {}
for method in methods:
    members = ensembles[method][0].estimators_
    distances[method] = np.array([[topology_distance(a, b) for b in members] for a in members])

# %%
# The picture
# -----------
#
# Lines are means over the repetitions, the bands their range. Dotted: one network.

colors = {"independent": "#0072B2", "edst": "#D55E00"}
numbers = np.arange(1, n_members + 1)
fig, axes = plt.subplots(2, 2, figsize=(9, 7.2), layout="constrained")
for ax, i, label in zip(axes[0], (0, 1), ("accuracy", "log-loss"), strict=True):
    for method in methods:
        values = figures[method][:, i]
        ax.plot(numbers, values.mean(axis=0), "o-", color=colors[method], label=method)
        ax.fill_between(
            numbers, values.min(axis=0), values.max(axis=0), color=colors[method], alpha=0.15
        )
    single = np.mean([figures[method][:, i, 0] for method in methods])
    ax.axhline(single, color="black", linestyle=":", label="one network")
    ax.set(xlabel="members", ylabel=f"{label} on other digits")
axes[0, 0].legend(loc="lower right")
for ax, method in zip(axes[1], methods, strict=True):
    image = ax.imshow(distances[method], vmin=0, vmax=1, cmap="viridis")
    ax.set(title=f"distance of the members: {method}", xlabel="member", ylabel="member")
fig.colorbar(image, ax=axes[1], label="topology distance")
plt.show()
