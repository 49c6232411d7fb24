"""
========================================
Why this patient?
========================================

``feature_importances_`` ranks the genes over all samples. What a single prediction is made of tell
the contributions of the genes to the logit of a class: gene times gradient, through all of the
network. :func:`~sksparse_mlp.inspection.contributions` computes them exactly, and
:class:`~sksparse_mlp.plotting.ContributionDisplay` draws them.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray
from sksparse_mlp.inspection import contributions
from sksparse_mlp.plotting import ContributionDisplay

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# A classifier of three tumour types
# ----------------------------------
#
# The network is given what it was fitted with, scaled genes. A contribution is then that of a
# gene's difference to the mean sample.

X, y = make_microarray(
    n_samples=90 if FAST else 150,
    n_features=300 if FAST else 2000,
    n_informative=30,
    n_classes=3,
    random_state=0,
    return_X_y=True,
)
X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X)
X, X_new = scaler.transform(X), scaler.transform(X_new)
model = TrulySparseMLPClassifier(random_state=0).fit(X, y)

# %%
# One patient
# -----------
#
# The genes that speak most for the predicted class, in blue, or against it, in red.

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
patient = X_new[:1]
ContributionDisplay.from_estimator(model, patient, n_features=12, ax=left)
left.set_title(f"a patient of class {y_new[0]}")

# %%
# All new patients
# ----------------
#
# A dot for each of them and each gene, its colour the level of the gene.

ContributionDisplay.from_estimator(
    model, X_new, class_of_interest=model.classes_[0], n_features=12, ax=right
)
right.set_title(f"{len(X_new)} new patients")

# %%
# The numbers
# -----------
#
# Of each sample, gene and class. They add up to the logit, but for what the intercepts of the
# neurons add.

found = contributions(model, X_new)
logits = model.decision_function(X_new)
print(found.shape)
print("correlation with the logits:", np.corrcoef(found.sum(axis=1).ravel(), logits.ravel())[0, 1])

plt.show()
