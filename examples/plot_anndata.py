"""
=========================================
AnnData: training from a file on disk
=========================================

Single-cell data come as ``.h5ad`` files, often larger than the memory. Opened in backed mode, the
file hands out a chunk of cells at a time as a sparse matrix; ``partial_fit`` trains on it.

Needs anndata: ``pip install anndata``.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import normalize

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.inspection import importance_table

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

try:
    import anndata
except ImportError:
    print("This example needs anndata: pip install anndata")
    raise SystemExit from None

# %%
# A file to read
# --------------
#
# Five types of cells, each with ten marker genes of its own.

n_cells, n_genes = (400, 300) if FAST else (3000, 2000)
types = ["B cell", "T cell", "NK cell", "monocyte", "platelet"]
rng = np.random.default_rng(0)
kinds = rng.integers(len(types), size=n_cells)
rates = np.tile(rng.gamma(0.3, size=n_genes), (len(types), 1))
genes = np.array([f"gene_{j}" for j in range(n_genes)], dtype=object)
for kind, name in enumerate(types):
    markers = slice(10 * kind, 10 * kind + 10)
    rates[:, markers] = 0.1
    rates[kind, markers] = 1.5
    genes[markers] = [f"{name} marker {j}" for j in range(10)]

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "cells.h5ad"
anndata.AnnData(
    X=sparse.csr_matrix(rng.poisson(rates[kinds]).astype(np.float32)),
    obs=pd.DataFrame(
        {"type": pd.Categorical.from_codes(kinds, types)},
        index=[f"cell_{i}" for i in range(n_cells)],
    ),
    var=pd.DataFrame(index=genes),
).write_h5ad(path)

# %%
# Chunk by chunk
# --------------
#
# The last 500 cells are kept for testing. Each pass takes the chunks in another order.

cells = anndata.read_h5ad(path, backed="r")
print(cells)
labels = cells.obs["type"].astype(str).to_numpy()
n_train, chunk_size = n_cells - n_cells // 6, 128


def expression(start, stop):
    """Log-normalised expression of some cells: the only ones in memory."""
    X = normalize(cells.X[start:stop], norm="l1")
    X.data = np.log1p(1e4 * X.data)
    return X


model = TrulySparseMLPClassifier(
    hidden_layer_sizes=200,
    learning_rate="constant",
    learning_rate_init=0.1,
    input_noise=0.0,
    random_state=0,
)
starts = np.arange(0, n_train, chunk_size)
X_test, y_test = expression(n_train, n_cells), labels[n_train:]
accuracy = []
for _ in range(3 if FAST else 15):
    for start in rng.permutation(starts):
        stop = min(start + chunk_size, n_train)
        model.partial_fit(expression(start, stop), labels[start:stop], classes=types)
    accuracy.append(model.score(X_test, y_test))
print("accuracy on new cells after each pass:", np.round(accuracy, 3))

# %%
# The genes that it looks at
# --------------------------

table = importance_table(model, feature_names=cells.var_names)
table.head(10)

# %%
# The picture
# -----------
#
# Mean expression of the 20 most important genes in the new cells of each type.

top = table["feature"].head(20)
columns = cells.var_names.get_indexer(top)
means = np.array([X_test[y_test == name][:, columns].mean(axis=0) for name in types])
means = means.reshape(len(types), -1).T
cells.file.close()
folder.cleanup()

fig, ax = plt.subplots(figsize=(6.4, 6), layout="constrained")
image = ax.imshow(means, cmap="viridis", aspect="auto")
ax.set_xticks(range(len(types)), types)
ax.set_yticks(range(len(top)), top)
ax.set_title(f"The most important genes of {n_genes}")
fig.colorbar(image, label="mean log expression")
plt.show()
