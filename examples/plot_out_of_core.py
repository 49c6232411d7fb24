"""
==============================================
More cells than memory: several epochs on disk
==============================================

A sparse matrix lies on the disk, in the format of AnnData; a block of rows at a time is read and
trained on with ``partial_fit``. Each epoch visits the blocks in another order, the step size falls
along half a cosine that ends where the training ends, and a block that is never trained on says
when to stop. Memory holds one block, however many there are. The same loop without any training,
and with scikit-learn's linear model, tells what takes the time.

Needs anndata, which brings h5py: ``pip install anndata``. With ``--large``, there are a million
cells of 20,000 genes, 2 % of them counted: 400 million counts, 3 GB on the disk.
"""

import os
import pickle
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from sksparse_mlp import TrulySparseMLPClassifier

try:
    import h5py
    from anndata.io import sparse_dataset, write_elem
except ImportError:
    print("This example needs anndata: pip install anndata")
    raise SystemExit from None

FAST, LARGE = os.environ.get("SKSPARSE_MLP_FAST") == "1", "--large" in sys.argv

# %%
# A matrix on the disk
# --------------------
#
# Ten types of cells; each expresses forty genes of its own more often than the others do. The
# matrix is written block by block: it never exists in memory.

n_blocks, block_size, n_genes = (4, 200, 500) if FAST else (20, 1000, 5000)
if LARGE:
    n_blocks, block_size, n_genes = 100, 10_000, 20_000
n_types, n_markers, n_counts = 10, 40, n_genes // 50
rng = np.random.default_rng(0)


def make_block(n_cells):
    """Counts of some cells, and their types."""
    types = rng.integers(n_types, size=n_cells)
    genes = rng.integers(n_genes, size=(n_cells, n_counts))
    n_own = max(1, n_counts // 20)
    genes[:, :n_own] = types[:, None] * n_markers + rng.integers(n_markers, size=(n_cells, n_own))
    counts = rng.geometric(0.5, size=genes.shape).astype(np.float32)
    rows = np.repeat(np.arange(n_cells, dtype=np.int32), n_counts)
    block = sparse.coo_array((counts.ravel(), (rows, genes.ravel())), shape=(n_cells, n_genes))
    return sparse.csr_matrix(block), types


folder = tempfile.TemporaryDirectory()
root = h5py.File(Path(folder.name) / "cells.h5", "w")
start = time.perf_counter()
X_first, y_first = make_block(block_size)
write_elem(root, "X", X_first)
matrix, labels = sparse_dataset(root["X"]), [y_first]
for _ in range(1, n_blocks):
    X_block, y_block = make_block(block_size)
    matrix.append(X_block)
    labels.append(y_block)
y = np.concatenate(labels)
print(f"written in {time.perf_counter() - start:.0f} s: {matrix.shape[0]:,} x {n_genes:,}")


# %%
# Blocks in another order in each epoch
# -------------------------------------
#
# Reading a slice of the matrix reads these rows only. Logarithms of the counts are divided by their
# root mean square in the first block, which leaves zeros zero. Two blocks are not trained on: one
# says when to stop, the other one how good the result is.

size = sparse.linalg.norm(X_first.log1p()) / np.sqrt(block_size * n_genes)


def block(i):
    """The i-th block, ready to train on, and its labels."""
    rows = slice(i * block_size, (i + 1) * block_size)
    return matrix[rows].log1p() / np.float32(size), y[rows]


def visit(train):
    """One epoch: read each training block once, in a new order, and train on it; rows a second."""
    start = time.perf_counter()
    for i in rng.permutation(n_blocks - 2):
        train(*block(i))
    return (n_blocks - 2) * block_size / (time.perf_counter() - start)


validation, test = block(n_blocks - 2), block(n_blocks - 1)
rows_per_second = {"reading alone": visit(lambda X, y: None)}
print(f"reading alone: {rows_per_second['reading alone']:,.0f} rows a second")

# %%
# Several epochs, and a step size that knows the end
# --------------------------------------------------
#
# ``partial_fit`` trains for one pass over a block, with a step size that is set before: a stream
# has no end of its own.

n_epochs, patience = 2 if FAST else 3 if LARGE else 5, 2
classes, n_steps = np.arange(n_types), n_epochs * (n_blocks - 2)
how = {"batch_size": 100, "learning_rate": "constant", "random_state": 0}
model = TrulySparseMLPClassifier(100, epsilon=2, **how)
first_rate, scores, rates = model.learning_rate_init, [], []


def train_network(X, y):
    """One pass over a block, at the place that it has in the whole training."""
    progress = len(rates) / n_steps
    rates.append(first_rate * 0.5 * (1 + np.cos(np.pi * progress)))
    model.set_params(learning_rate_init=rates[-1]).partial_fit(X, y, classes=classes)


speeds = []
for epoch in range(n_epochs):
    speeds.append(visit(train_network))
    scores.append(model.score(*validation))
    print(f"epoch {epoch + 1}: accuracy {scores[-1]:.4f}, {speeds[-1]:,.0f} rows a second")
    if scores[-1] == max(scores):
        best = pickle.dumps(model)
    elif max(scores[-patience:]) < max(scores):
        break
rows_per_second["sparse network"] = np.median(speeds)
print(f"best epoch on the test block: {pickle.loads(best).score(*test):.4f}")

# %%
# The same loop with a linear model
# ---------------------------------

linear = SGDClassifier(loss="log_loss", random_state=0)
rows_per_second["SGDClassifier"] = visit(lambda X, y: linear.partial_fit(X, y, classes=classes))
print(f"SGDClassifier after one epoch, test block: {linear.score(*test):.4f}")
print({name: f"{speed:,.0f} rows a second" for name, speed in rows_per_second.items()})

# %%
# How much memory that took
# -------------------------

if sys.platform != "win32":
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"largest amount of memory of this process: {peak:.2f} GB")

# %%
# The picture
# -----------
#
# The loss of each block when it was trained on; dotted: the ends of epochs.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.plot(np.arange(1, len(rates) + 1), model.loss_curve_, color="#0072B2")
for epoch in range(1, len(scores) + 1):
    ax.axvline(epoch * (n_blocks - 2), color="black", linestyle=":", linewidth=0.8)
ax.set(xlabel="blocks read", ylabel="loss", ylim=(0, None))
root.close()
folder.cleanup()
plt.show()
