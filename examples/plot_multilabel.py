"""
=================================================
Several labels a sample: which pathways are active
=================================================

A sample may have several labels at once. ``TrulySparseMLPClassifier`` then takes an indicator
matrix, as ``MultiLabelBinarizer`` makes it, and gives each label a probability of its own: one
network for all of them, which shares what they have in common.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# Pathways
# --------
#
# Each of eight pathways raises thirty genes when it is active, and some come together.

n_samples, n_features, n_labels = (80, 300, 4) if FAST else (300, 3000, 8)
rng = np.random.default_rng(0)
common = rng.random((n_samples, 1)) < 0.4
active = (rng.random((n_samples, n_labels)) < 0.25) | (common & (np.arange(n_labels) < 2))
genes = np.array([rng.choice(n_features, 30, replace=False) for _ in range(n_labels)])
X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
for label in range(n_labels):
    X[np.ix_(active[:, label], genes[label])] += rng.normal(0.6, 0.2, size=30)
X_train, X_test, y_train, y_test = train_test_split(X, active.astype(int), random_state=0)

# %%
# One network for all labels, and one linear model for each
# ---------------------------------------------------------

network = make_pipeline(StandardScaler(), TrulySparseMLPClassifier(random_state=0))
linear = make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression()))
network.fit(X_train, y_train)
linear.fit(X_train, y_train)
p = network.predict_proba(X_test)
p_linear = np.column_stack([columns[:, 1] for columns in linear.predict_proba(X_test)])
precision = {
    name: average_precision_score(y_test, values, average=None)
    for name, values in {"one sparse network": p, "logistic regressions": p_linear}.items()
}
print({name: values.mean().round(3) for name, values in precision.items()})

# %%
# The picture
# -----------
#
# Left: probabilities of the labels (columns) in test samples (rows), with a dot where the pathway
# was active. Right: how well each label is ranked.

shown = np.lexsort(y_test.T)[:40]
fig, (left, right) = plt.subplots(
    1, 2, figsize=(9.6, 5), width_ratios=(1, 1.4), layout="constrained"
)
image = left.imshow(p[shown], cmap="Blues", vmin=0, vmax=1, aspect="auto")
row, column = np.nonzero(y_test[shown])
left.plot(column, row, ".", color="#D55E00", markersize=4)
left.set(xlabel="pathway", ylabel="sample", title="probabilities, and the truth (dots)")
fig.colorbar(image, ax=left)
for i, (name, values) in enumerate(precision.items()):
    right.bar(np.arange(n_labels) + 0.4 * i - 0.2, values, 0.4, label=name,
              color=("#0072B2", "#999999")[i])  # fmt: skip
right.set(xlabel="pathway", ylabel="average precision", ylim=(0, 1))
right.legend(loc="lower right")
plt.show()
