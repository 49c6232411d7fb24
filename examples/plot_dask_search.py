"""
===========================================
A grid search, and a large fit, on a cluster
===========================================

Two ways to use more than one machine. A search of many small fits hands them out to the workers of
a Dask cluster; one fit to data that do not fit into a machine trains on the blocks where they lie.
Here, the cluster is this process: give ``Client`` the address of a scheduler to leave it. Processes
on this machine are started by ``Client(n_workers=2, threads_per_worker=1)``, under
``if __name__ == "__main__"`` in a script.

Needs dask and distributed: ``pip install 'dask[distributed]'``.
"""

import os

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.dask import DaskTrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray

try:
    import dask.array as da
    from distributed import Client
except ImportError:
    print("This example needs dask and distributed: pip install 'dask[distributed]'")
    raise SystemExit from None

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

client = Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0")

# %%
# Many fits, one on each worker
# -----------------------------
#
# Leave ``n_jobs`` of the network at None: each fit then takes one thread, so that a cluster of one
# thread a core is never asked for more. X goes to the cluster once, and from worker to worker;
# Ctrl-C cancels all fits that have not begun. A search finds, to the last bit, what it would find
# alone. The same holds for everything in scikit-learn that takes ``n_jobs``, such as
# ``cross_validate`` and ``HalvingGridSearchCV``, which gives few samples to many candidates first.

X, y = make_microarray(n_samples=90, n_features=200, n_classes=3, random_state=0)
network = TrulySparseMLPClassifier(50, max_iter=2 if FAST else 30, random_state=0)
grid = {"zeta": [0.1, 0.3] if FAST else [0.0, 0.1, 0.3, 0.6]}
with joblib.parallel_config("dask"):
    search = GridSearchCV(network, grid, cv=3).fit(X, y)
    halving = HalvingGridSearchCV(network, grid, cv=3, random_state=0).fit(X, y)
    scores = cross_validate(search.best_estimator_, X, y, cv=3)["test_score"]
print("best parameters:", search.best_params_, "and by halving:", halving.best_params_)
print("accuracy of the folds:", scores.round(3))

# %%
# One fit, on blocks that stay where they are
# -------------------------------------------
#
# Each block trains a replica of the network for some steps; their average is where the next round
# begins. The result depends on the blocks and the seed, not on the workers.

n_samples, n_rounds = (300, 2) if FAST else (6000, 40)
X, y = make_microarray(n_samples=n_samples, n_features=200, n_classes=3, random_state=1)
size = n_samples // 4
X_blocks, y_blocks = da.from_array(X, chunks=(size, -1)), da.from_array(y, chunks=size)
losses = {}
for local_steps in (1, 4, 16):
    model = DaskTrulySparseMLPClassifier(
        50, rounds=n_rounds, local_steps=local_steps, skip_connections=None, random_state=0
    )
    losses[local_steps] = model.fit(X_blocks, y_blocks).loss_curve_
print(f"accuracy on the training samples: {float(model.score(X_blocks, y_blocks)):.3f}")
print("connections:", model.to_local().n_connections_)
client.close()

# %%
# The picture
# -----------
#
# Messages are sent once a round: with more steps in each, fewer of them are needed.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for (local_steps, curve), color in zip(
    losses.items(), ("#56B4E9", "#E69F00", "#0072B2"), strict=True
):
    ax.plot(np.arange(1, n_rounds + 1), curve, color=color, label=f"{local_steps} local steps")
ax.set(xlabel="round", ylabel="loss", ylim=(0, None))
ax.legend()
plt.show()
