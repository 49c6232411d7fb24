"""
==========================================
Counts of single cells, never made dense
==========================================

A table of counts by cell and gene is mostly zeros. Both the table and the network stay sparse here:
no matrix of all cells by all genes, nor of all genes by all neurons, is ever in memory.
"""

import os
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MaxAbsScaler, normalize

from sksparse_mlp import TrulySparseMLPClassifier

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# The cells
# ---------
#
# Six types of cells share most of their expression; each has markers that are three times as high.
# Cells differ in how many molecules of them were counted.

n_cells, n_genes, n_types = (400, 2000, 6) if FAST else (3000, 20_000, 6)
names = ["B cell", "T cell", "NK cell", "monocyte", "dendritic", "platelet"]
rng = np.random.default_rng(0)
expression = np.tile(rng.gamma(0.3, size=n_genes), (n_types, 1))
for row in expression:
    row[rng.choice(n_genes, n_genes // 50, replace=False)] *= 3
expression /= expression.sum(axis=1, keepdims=True)
y = rng.integers(n_types, size=n_cells)
n_molecules = rng.lognormal(np.log(0.1 * n_genes), 0.4, size=n_cells)
counts = sparse.vstack(
    [
        sparse.csr_array(rng.poisson(n * expression[kind]).astype(np.float32)[None, :])
        for n, kind in zip(n_molecules, y, strict=True)
    ],
    format="csr",
)
density = counts.nnz / (n_cells * n_genes)
print(f"{n_cells} cells x {n_genes} genes, {100 * density:.1f} % of the counts are not zero")

# %%
# Logarithms of counts per ten thousand, scaled gene by gene: zeros stay zeros.

X = normalize(counts, norm="l1")
X.data = np.log1p(1e4 * X.data)
X = MaxAbsScaler().fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The network
# -----------
#
# The first call of ``fit`` compiles, which takes memory of its own: it is not to be counted.

model = TrulySparseMLPClassifier(
    hidden_layer_sizes=(500, 50), input_noise=0.0, max_iter=3 if FAST else 20, random_state=0
)
model.fit(X_train[:100], y_train[:100])
tracemalloc.start()
model.fit(X_train, y_train)
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
print(f"accuracy on new cells: {model.score(X_test, y_test):.3f}")

# %%
# The picture
# -----------
#
# Left, the last hidden layer of the network on new cells, in two dimensions. Right, what is in
# memory, and what would be if it were dense.


def n_bytes(matrix):
    return matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes


sizes = {
    "counts, if dense": 4 * X_train.shape[0] * n_genes,
    "weights, if dense": sum(4 * w.shape[0] * w.shape[1] for w in model.coefs_),
    "counts": n_bytes(X_train),
    "weights": sum(map(n_bytes, model.coefs_)),
    "all that fit takes": peak,
}
colors = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"]
hidden = PCA(2, random_state=0).fit_transform(model.hidden_activations(X_test))

fig, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4.4), width_ratios=[1, 1.1], layout="constrained"
)
for kind, (color, marker) in enumerate(zip(colors, "os^Dv+", strict=True)):
    cells = hidden[y_test == kind]
    left.scatter(*cells.T, s=12, color=color, marker=marker, label=names[kind])
left.legend(markerscale=2, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=3, frameon=False)
left.set(title="New cells in the last hidden layer", xticks=[], yticks=[])
bars = right.barh(
    list(sizes), np.array(list(sizes.values())) / 1e6, color=[*["#BBBBBB"] * 2, *colors[:3]]
)
right.bar_label(bars, fmt="%.3g MB", padding=3)
right.set(title="Memory", xlabel="MB", xscale="log")
right.margins(x=0.25)
right.invert_yaxis()
plt.show()
