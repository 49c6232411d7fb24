"""
============================================
Grid search: how many connections, how mobile
============================================

Two parameters make a sparse network what it is: ``epsilon``, which sets the number of its
connections, and ``zeta``, the share of them that each evolution moves. Both can be searched like
the parameters of any scikit-learn estimator.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray
from sksparse_mlp.inspection import summary

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# The data
# --------

X, y = make_microarray(
    n_samples=90 if FAST else 180,
    n_features=300 if FAST else 1000,
    n_informative=150,
    n_classes=4,
    class_sep=0.8,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The search
# ----------
#
# The scaler belongs into the pipeline: it then learns from the training folds only. With
# ``zeta=0`` the network keeps the random connections that it began with. What else helps with so
# many genes, guided evolution and the skip layer, is switched off, to see these two alone.

network = TrulySparseMLPClassifier(
    300, evolution="set", skip_connections=None, max_iter=20 if FAST else 100, random_state=0
)
model = Pipeline([("scale", StandardScaler()), ("network", network)])
grid = {
    "network__epsilon": [1, 5] if FAST else [1, 3, 10, 30],
    "network__zeta": [0.0, 0.3] if FAST else [0.0, 0.1, 0.3, 0.6],
}
search = GridSearchCV(model, grid, cv=3 if FAST else 4).fit(X_train, y_train)

print("best parameters:", search.best_params_)
print(f"accuracy in the search {search.best_score_:.2f}, on new samples ", end="")
print(f"{search.score(X_test, y_test):.2f}")

# %%
# The best network, fitted again to all training samples:

summary(search)

# %%
# The picture
# -----------

epsilons, zetas = grid.values()
shape = len(epsilons), len(zetas)
mean = search.cv_results_["mean_test_score"].reshape(shape)
error = search.cv_results_["std_test_score"].reshape(shape) / np.sqrt(search.n_splits_)

fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
image = ax.imshow(mean, cmap="cividis", origin="lower", aspect="auto")
for i, j in np.ndindex(shape):
    dark = mean[i, j] < (mean.min() + mean.max()) / 2
    text = f"{mean[i, j]:.2f}\n$\\pm$ {error[i, j]:.2f}"
    ax.text(j, i, text, ha="center", va="center", color="white" if dark else "black")
ax.set_xticks(range(len(zetas)), zetas)
ax.set_yticks(range(len(epsilons)), epsilons)
ax.set(xlabel="zeta: share of the connections moved by an evolution")
ax.set(ylabel="epsilon: connections, relative to the number of neurons")
fig.colorbar(image, label="accuracy in cross-validation")
plt.show()
