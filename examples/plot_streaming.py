"""
======================================================
A stream of samples, and connections that follow it
======================================================

``partial_fit`` trains on one chunk of samples after the other, without keeping any. After each
chunk the weakest connections move on. When the world changes, the network's connections leave the
genes that have become useless and settle on those that matter now.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.plotting import TopologyDisplay

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# The stream
# ----------
#
# Of 1000 features, the classes depend on the first 20 in the first half of the stream, and on the
# last 20 in the second half.

n_chunks, chunk_size, n_features, n_useful = (6 if FAST else 120), 200, 1000, 20
change = n_chunks // 2
rng = np.random.default_rng(0)
signal, y = make_classification(
    n_chunks * chunk_size,
    n_useful,
    n_informative=n_useful,
    n_redundant=0,
    n_classes=4,
    class_sep=2.0,
    random_state=0,
)
signal /= signal.std(axis=0)


def chunk(i):
    """The i-th chunk: noise everywhere, and the signal where it is now."""
    rows = slice(i * chunk_size, (i + 1) * chunk_size)
    X = rng.normal(size=(chunk_size, n_features)).astype(np.float32)
    useful = slice(0, n_useful) if i < change else slice(-n_useful, None)
    X[:, useful] = signal[rows]
    return X, y[rows]


# %%
# Test on each chunk first, then train on it
# ------------------------------------------
#
# One network rewires itself, the other keeps the connections that it began with: about one for
# each feature, so that a useful one may well have none.

rewiring = TrulySparseMLPClassifier(
    hidden_layer_sizes=100,
    epsilon=1,
    zeta=0.2,
    learning_rate="constant",
    learning_rate_init=0.2,
    weight_decay=0.5,
    weight_init_gain=0.2,
    input_noise=0.0,
    random_state=0,
)
models = {"rewiring": rewiring, "fixed connections": clone(rewiring).set_params(evolution=None)}
accuracy = {name: [] for name in models}
degrees = []
for i in range(n_chunks):
    X_chunk, y_chunk = chunk(i)
    for name, model in models.items():
        if i > 0:
            accuracy[name].append(model.score(X_chunk, y_chunk))
        model.partial_fit(X_chunk, y_chunk, classes=np.arange(4))
    degrees.append(np.diff(rewiring.coefs_[0].indptr))

# %%
# The picture
# -----------
#
# Mean accuracy of five chunks, and the connections of a feature. Dotted: the change.

groups = np.full(n_features, "never useful")
groups[:n_useful], groups[-n_useful:] = "useful first", "useful later"
fig, (upper, lower) = plt.subplots(2, figsize=(7.2, 6.4), sharex=True, layout="constrained")
for (name, values), color in zip(accuracy.items(), ("#0072B2", "#E69F00"), strict=True):
    smooth = np.convolve(values, np.full(5, 0.2), mode="valid")
    upper.plot(np.arange(5, n_chunks), smooth, color=color, label=name)
upper.set(ylabel="accuracy on the next chunk", ylim=(0, 1))
upper.legend(loc="lower right")
TopologyDisplay.from_estimator(
    rewiring, kind="evolution", degree_history=degrees, groups=groups, ax=lower
)
lower.set_xlabel("chunks seen")
for ax in (upper, lower):
    ax.axvline(change, color="black", linestyle=":")
plt.show()
