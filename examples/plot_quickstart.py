"""
==================================
Quick start: gene expression data
==================================

Classify samples by the expression of thousands of genes with a network that is sparse from the
first step of its training to the last, see how the training went, and which genes it looks at.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray
from sksparse_mlp.inspection import importance_table, summary
from sksparse_mlp.plotting import FeatureImportanceDisplay, TrainingHistoryDisplay

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# The data
# --------
#
# 200 samples of four tumour types, three batches, 2000 genes in log2 expression, of which 200
# differ between the types. Real sets come from :func:`~sksparse_mlp.datasets.fetch_microarray`.

dataset = make_microarray(
    n_samples=120 if FAST else 200,
    n_features=500 if FAST else 2000,
    n_informative=100 if FAST else 200,
    n_classes=4,
    class_sep=0.6,
    return_X_y=False,
    random_state=0,
)
X, y = dataset.data, dataset.target
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# A model
# -------
#
# Scale the genes: the network expects inputs of about the same size.

model = make_pipeline(
    StandardScaler(),
    TrulySparseMLPClassifier(max_iter=10 if FAST else "auto", random_state=0),
)
model.fit(X_train, y_train)
print(f"accuracy on new samples: {model.score(X_test, y_test):.2f}, by chance it would be 0.25")

# %%
# The network in numbers: it never held more connections than these.

summary(model)

# %%
# How the training went
# ---------------------

_ = TrainingHistoryDisplay.from_estimator(model)

# %%
# Which genes it looks at
# -----------------------
#
# A gene's importance is the strength of its connections. One network is a matter of luck; five,
# each trained on other samples, show what can be relied on. Genes that truly differ between the
# types have an asterisk.

folds = cross_validate(model, X, y, return_estimator=True)
print("accuracy in five folds:", folds["test_score"].round(2))

names = np.array(dataset.feature_names, dtype=object)
names[dataset.informative] += " *"
importance_table(folds["estimator"], names).head(10)

# %%
FeatureImportanceDisplay.from_estimator(folds["estimator"], feature_names=names)
plt.show()
