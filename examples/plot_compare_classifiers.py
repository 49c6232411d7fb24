"""
===================================================
Few strong markers or many weak ones: who wins when
===================================================

No classifier is best for all expression data. Where a handful of genes tell the types apart,
a forest of trees finds them. Where the difference is spread thinly over many genes, methods that
add up evidence do better: linear models, support vector machines, and sparse networks.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# The classifiers
# ---------------
#
# All with their default settings.

classifiers = {
    "sparse network": TrulySparseMLPClassifier(max_iter=20 if FAST else "auto", random_state=0),
    "logistic regression": LogisticRegression(max_iter=1000),
    "SVM, linear kernel": SVC(kernel="linear"),
    "SVM, Gaussian kernel": SVC(),
    "random forest": RandomForestClassifier(n_estimators=20 if FAST else 200, random_state=0),
}

# %%
# The data
# --------
#
# Three types, 1000 genes. The more genes are markers, the weaker each of them is, so that the
# distance between the types stays the same.

numbers = [10, 300] if FAST else [10, 30, 100, 300, 1000]
scores = {name: [] for name in classifiers}
for n_markers in numbers:
    X, y = make_microarray(
        n_samples=60 if FAST else 150,
        n_features=300 if FAST else 1000,
        n_informative=n_markers,
        n_classes=3,
        class_sep=7.0 / np.sqrt(n_markers),
        batch_effect=0.3,
        module_correlation=0.3,
        random_state=0,
    )
    for name, classifier in classifiers.items():
        model = make_pipeline(StandardScaler(), classifier)
        scores[name].append(cross_val_score(model, X, y, cv=3 if FAST else 5))

# %%
# The picture
# -----------
#
# Lines are means over the folds, the bars their standard errors.

colors = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7"]
fig, ax = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
for i, (name, color) in enumerate(zip(scores, colors, strict=True)):
    folds = np.array(scores[name])
    beside = np.array(numbers) * 1.04 ** (i - 2)
    error = folds.std(axis=1, ddof=1) / np.sqrt(folds.shape[1])
    width = 2.5 if i == 0 else 1.3
    ax.errorbar(
        beside, folds.mean(axis=1), error, marker="o", color=color, linewidth=width, label=name
    )
ax.axhline(1 / 3, color="black", linestyle=":", label="chance")
ax.set(xscale="log", xlabel="markers among 1000 genes", ylabel="accuracy in cross-validation")
ax.set_xticks(numbers, numbers)
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
plt.show()
