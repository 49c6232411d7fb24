"""
=====================================================
Who relapses first, and the genes that tell
=====================================================

Of many patients all that is known is that they had no relapse until they were last seen.
``TrulySparseMLPSurvival`` learns from them, too: it orders patients by their risk, from thousands
of genes, and its interface is scikit-survival's.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPSurvival
from sksparse_mlp.plotting import ContributionDisplay

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# Patients
# --------
#
# Three genes raise the hazard of a relapse and three lower it. A third of the patients leave the
# study before one is seen.

n_patients, n_genes = (120, 200) if FAST else (600, 2000)
rng = np.random.default_rng(0)
common = rng.normal(size=(n_patients, 8)) @ rng.normal(scale=0.3, size=(8, n_genes))
X = (common + rng.normal(size=(n_patients, n_genes))).astype(np.float32)
risk = X[:, :3].sum(axis=1) - X[:, 3:6].sum(axis=1)
years = 4 * rng.exponential(np.exp(-1.5 * risk / risk.std()))
last_seen = rng.uniform(0, 12, n_patients)
y = np.empty(n_patients, [("relapse", bool), ("years", float)])
y["relapse"], y["years"] = years <= last_seen, np.minimum(years, last_seen)
names = np.array([f"gene {j}" for j in range(n_genes)])
names[:3], names[3:6] = [f"raises {j}" for j in range(3)], [f"lowers {j}" for j in range(3)]
X_train, X_new, y_train, y_new = train_test_split(X, y, stratify=y["relapse"], random_state=0)

# %%
# Risks
# -----
#
# The concordance index is the share of pairs of new patients that are in the right order.

model = make_pipeline(StandardScaler(), TrulySparseMLPSurvival(random_state=0))
model.fit(X_train, y_train)
concordance = model.score(X_new, y_new)
print(f"concordance: {concordance:.2f}, censored: {1 - y['relapse'].mean():.0%}")

# %%
# Groups by predicted risk
# ------------------------
#
# The curve of Kaplan and Meier counts, with those who are still seen at each time, how many had no
# relapse; its band is twice Greenwood's standard error.


def kaplan_meier(y):
    """Times, the share without a relapse after each, and its standard error."""
    times = np.unique(y["years"][y["relapse"]])
    at_risk = (y["years"][:, None] >= times).sum(axis=0)
    relapses = ((y["years"][:, None] == times) & y["relapse"][:, None]).sum(axis=0)
    share = np.cumprod(1 - relapses / at_risk)
    left = np.maximum(at_risk - relapses, 0.5)  # the last one may take all with it
    return times, share, share * np.sqrt(np.cumsum(relapses / (at_risk * left)))


predicted = model.predict(X_new)
group_of = np.searchsorted(np.quantile(predicted, [1 / 3, 2 / 3]), predicted)

# %%
# The picture
# -----------
#
# Left: new patients in three groups of equal size; ticks are those who left. Right: what moves
# their risks, a dot for each patient and gene, its colour the level of the gene. Of 2,000 genes the
# network relies most on those that raise or lower the hazard.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
groups = {"low": "#009E73", "middle": "#0072B2", "high": "#D55E00"}
for number, (name, color) in enumerate(groups.items()):
    group = y_new[group_of == number]
    times, share, error = kaplan_meier(group)
    times = np.concatenate(([0], times, [group["years"].max()]))
    share, error = (np.concatenate(([start], v, v[-1:])) for start, v in ((1, share), (0, error)))
    label = f"{name} risk: {group['relapse'].sum()} relapses of {len(group)}"
    left.step(times, share, where="post", color=color, linewidth=2, label=label)
    low, high = (np.clip(share + sign * 2 * error, 0, 1) for sign in (-1, 1))
    left.fill_between(times, low, high, step="post", color=color, alpha=0.15, linewidth=0)
    censored = group["years"][~group["relapse"]]
    at = share[np.searchsorted(times, censored, side="right") - 1]
    left.plot(censored, at, "|", color=color, markersize=7)
left.set(xlim=(0, 10), ylim=(0, 1.02), xlabel="years", ylabel="share without a relapse")
left.set_title(f"new patients by predicted risk, concordance {concordance:.2f}")
left.legend(loc="upper right")
scaled = model[:-1].transform(X_new)
ContributionDisplay.from_estimator(model[-1], scaled, feature_names=names, n_features=12, ax=right)
right.set_title("genes that move their risks")
plt.show()
