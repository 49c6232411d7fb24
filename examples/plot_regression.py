"""
=====================================================
A number from thousands of genes, and how sure it is
=====================================================

``TrulySparseMLPRegressor`` predicts numbers as its classifier predicts classes: drug response, age,
the expression of a gene from all others. With ``loss="quantile"`` it predicts how far up or down
the truth may be.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPRegressor

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# A drug's effect saturates
# -------------------------
#
# Four of many genes drive the response to a drug, along a curve that levels off at both ends. The
# stronger the response, the less certain it is.

n_samples, n_features = (80, 200) if FAST else (600, 2000)
rng = np.random.default_rng(0)
X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
drive = X[:, :4] @ [1.5, 1.0, -1.0, 0.8]
response = 50 * (1 + np.tanh(drive))
y = response + rng.normal(size=n_samples) * (2 + 0.12 * response)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# The mean, and two quantiles
# ---------------------------


def regressor(**parameters):
    return make_pipeline(StandardScaler(), TrulySparseMLPRegressor(random_state=0, **parameters))


mean = regressor().fit(X_train, y_train)
low, high = (
    regressor(loss="quantile", quantile=quantile).fit(X_train, y_train) for quantile in (0.1, 0.9)
)
ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))).fit(X_train, y_train)
r2 = {"sparse MLP": mean.score(X_test, y_test), "ridge": ridge.score(X_test, y_test)}
print(r2)

# %%
# The picture
# -----------
#
# Left: predictions of samples that the networks have not seen, with the range from the 10 % to the
# 90 % quantile. Right: the importances of the genes; the four that drive the response stand out.

predicted = mean.predict(X_test)
order = np.argsort(predicted)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained")
left.vlines(
    predicted[order], low.predict(X_test)[order], high.predict(X_test)[order],
    color="#56B4E9", alpha=0.5, label="10 % to 90 %",
)  # fmt: skip
left.plot(predicted[order], y_test[order], "o", color="#0072B2", markersize=3, label="truth")
left.axline((50, 50), slope=1, color="black", linewidth=0.8)
left.set(xlabel="predicted response", ylabel="response", title=f"$R^2$ = {r2['sparse MLP']:.2f}")
left.legend()
importances = mean[-1].feature_importances_
right.vlines(np.arange(n_features), 0, importances, color="#999999", linewidth=0.6)
right.vlines(np.arange(4), 0, importances[:4], color="#D55E00", linewidth=2)
right.set(xlabel="gene", ylabel="importance", title="which genes")
plt.show()
