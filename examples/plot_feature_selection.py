"""
========================================
Few genes out of thousands
========================================

:class:`~sksparse_mlp.SparseMLPFeatureSelector` trains many sparse networks for a short time and
chooses the genes on which their connections are strong, for whatever classifier comes next: here a
linear support vector machine. Beside it, one network's ``feature_importances_``, which
:class:`~sklearn.feature_selection.SelectFromModel` takes, the F test, and chance.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_classif
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sksparse_mlp import SparseMLPFeatureSelector, TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# The data
# --------
#
# 100 of the genes are markers of one of the types. The others are no less variable: they rise and
# fall together in modules and differ between the batches.

dataset = make_microarray(
    n_samples=100 if FAST else 200,
    n_features=400 if FAST else 2000,
    n_informative=100,
    n_classes=4,
    class_sep=0.7,
    return_X_y=False,
    random_state=0,
)
X, y = dataset.data, dataset.target
is_marker = np.isin(np.arange(X.shape[1]), dataset.informative)

# %%
# Four ways to choose k genes
# ---------------------------
#
# Each is fitted once per fold, and ranks all genes; the k best are then kept.


def rank_by_networks(X, y):
    selector = SparseMLPFeatureSelector(n_networks=2 if FAST else 20, random_state=0)
    return selector.fit(X, y).scores_


def rank_by_network(X, y):
    network = TrulySparseMLPClassifier(max_iter=20 if FAST else "auto", random_state=0)
    selector = SelectFromModel(network).fit(X, y)
    return selector.estimator_.feature_importances_


def rank_by_f_test(X, y):
    return SelectKBest(f_classif).fit(X, y).scores_


def rank_at_random(X, y):
    return np.random.default_rng(0).random(X.shape[1])


rankings = {
    "sparse networks": rank_by_networks,
    "one sparse network": rank_by_network,
    "F test": rank_by_f_test,
    "at random": rank_at_random,
}

# %%
# Chosen on the training folds, judged on the others
# --------------------------------------------------
#
# Genes chosen with the help of the samples that they are tested on would look far too good.

numbers = [10, 50] if FAST else [5, 10, 20, 50, 100, 200, 500]
folds = StratifiedKFold(3 if FAST else 5, shuffle=True, random_state=0)
shape = len(rankings), folds.n_splits, len(numbers)
accuracy, markers = np.empty(shape), np.empty(shape)
for fold, (train, test) in enumerate(folds.split(X, y)):
    scaler = StandardScaler().fit(X[train])
    X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
    for i, rank in enumerate(rankings.values()):
        best_first = np.argsort(-rank(X_train, y[train]))
        for j, k in enumerate(numbers):
            chosen = best_first[:k]
            svm = LinearSVC(C=0.01).fit(X_train[:, chosen], y[train])
            accuracy[i, fold, j] = svm.score(X_test[:, chosen], y[test])
            markers[i, fold, j] = is_marker[chosen].mean()

# %%
# In a pipeline, it is one step:

model = make_pipeline(
    StandardScaler(),
    SparseMLPFeatureSelector(k=50, n_networks=2 if FAST else 20, random_state=0),
    LinearSVC(C=0.01),
).fit(X, y)
print("genes that reach the support vector machine:", model[-1].n_features_in_)

# %%
# The picture
# -----------

colors = ["#0072B2", "#56B4E9", "#D55E00", "#777777"]
fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharex=True, layout="constrained")
for ax, figures, label in zip(
    axes, (accuracy, markers), ("accuracy on other samples", "markers among the genes"), strict=True
):
    for name, values, color in zip(rankings, figures, colors, strict=True):
        ax.plot(numbers, values.mean(axis=0), "o-", color=color, label=name)
        ax.fill_between(numbers, values.min(axis=0), values.max(axis=0), color=color, alpha=0.15)
    ax.set(xscale="log", xlabel="genes chosen", ylabel=label, ylim=(0, 1.03))
axes[0].axhline(1 / 4, color="black", linestyle=":")
axes[0].annotate(
    "chance", (numbers[-1], 0.25), (0, -4), textcoords="offset points", va="top", ha="right"
)
axes[1].legend(title="genes chosen by", loc="center left")
plt.show()
