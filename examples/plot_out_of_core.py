"""
==============================================
More cells than memory: several epochs on disk
==============================================

A sparse matrix lies on the disk, in the format of AnnData; a block of rows at a time is read and
trained on with ``partial_fit``. Each epoch visits the blocks in another order, the step size falls
along half a cosine that ends where the training ends, and a block that is never trained on says
when to stop. Memory holds one block, however many there are.

Needs anndata, which brings h5py: ``pip install anndata``. With ``--large``, there are a million
cells of 20,000 genes, 2 % of them counted: 400 million counts, 3 GB on the disk.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse

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
# Several epochs of blocks
# ------------------------
#
# Reading a slice of the matrix reads these rows only. ``partial_fit`` trains for one pass over a
# block, with a step size that is set before: a stream has no end of its own.


def block(i):
    """The i-th block, as logarithms of its counts, and its labels."""
    rows = slice(i * block_size, (i + 1) * block_size)
    return matrix[rows].log1p(), y[rows]


model = TrulySparseMLPClassifier(100, batch_size=100, learning_rate="constant", random_state=0)
n_epochs, first_rate = 2 if LARGE else 5, model.learning_rate_init
held_out, training = block(n_blocks - 1), np.arange(n_blocks - 1)
n_steps, step, scores = n_epochs * training.size, 0, []
start = time.perf_counter()
for epoch in range(n_epochs):
    for i in rng.permutation(training):
        rate = first_rate * 0.5 * (1 + np.cos(np.pi * step / n_steps))
        model.set_params(learning_rate_init=rate)
        model.partial_fit(*block(i), classes=np.arange(n_types))
        step += 1
    scores.append(model.score(*held_out))
    print(f"epoch {epoch + 1}: accuracy {scores[-1]:.3f}, {time.perf_counter() - start:.0f} s")
    if epoch > 1 and max(scores[-2:]) <= max(scores[:-2]):  # two epochs without a better one
        break

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
ax.plot(np.arange(1, step + 1), model.loss_curve_, color="#0072B2")
for epoch in range(1, len(scores) + 1):
    ax.axvline(epoch * training.size, color="black", linestyle=":", linewidth=0.8)
ax.set(xlabel="blocks read", ylabel="loss", ylim=(0, None))
root.close()
folder.cleanup()
plt.show()
