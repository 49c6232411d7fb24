"""
====================================================
A search that gives up early, epoch by epoch: Optuna
====================================================

Optuna proposes values of parameters, trains with each for some epochs of ``partial_fit``, and stops
those trials that lie behind the others after as many epochs. No result is lost: the network of a
trial is what it was when it was stopped.

Needs optuna, which nothing else here does: ``pip install optuna``.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray

try:
    import optuna
except ImportError:
    print("This example needs optuna: pip install optuna")
    raise SystemExit from None

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# A trial
# -------
#
# Each epoch is one call of ``partial_fit`` on the training samples, after which the trial reports
# its score on samples that are kept apart for this choice. The test samples are not looked at.

n_samples, n_features, n_trials, n_epochs = (150, 100, 6, 5) if FAST else (600, 1000, 40, 30)
X, y = make_microarray(n_samples, n_features, n_classes=3, class_sep=0.5, random_state=0)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(
    X_rest, y_rest, test_size=0.3, stratify=y_rest, random_state=0
)
scaler = StandardScaler().fit(X_train)
X_train, X_val, X_test = map(scaler.transform, (X_train, X_val, X_test))
classes = np.unique(y)
curves = {}


def objective(trial):
    """The score of one choice of parameters on the validation samples."""
    model = TrulySparseMLPClassifier(
        trial.suggest_int("hidden_layer_sizes", 10, 200, log=True),
        epsilon=trial.suggest_float("epsilon", 2, 40, log=True),
        zeta=trial.suggest_float("zeta", 0.0, 0.6),
        learning_rate_init=trial.suggest_float("learning_rate_init", 0.005, 2, log=True),
        input_noise=trial.suggest_float("input_noise", 0.0, 1.0),
        learning_rate="constant",
        random_state=0,
    )
    curve = curves.setdefault(trial.number, [])
    for epoch in range(n_epochs):
        model.partial_fit(X_train, y_train, classes=classes)
        curve.append(model.score(X_val, y_val))
        trial.report(curve[-1], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("test_score", model.score(X_test, y_test))
    return curve[-1]


# %%
# The search
# ----------
#
# The median pruner stops a trial whose best score so far is below the median of the others' after
# as many epochs.

optuna.logging.set_verbosity(optuna.logging.WARNING)
pruner = optuna.pruners.MedianPruner(n_startup_trials=2 if FAST else 8, n_warmup_steps=1)
sampler = optuna.samplers.TPESampler(seed=0)
study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
study.optimize(objective, n_trials=n_trials)
n_pruned = sum(trial.state is optuna.trial.TrialState.PRUNED for trial in study.trials)
spent = sum(map(len, curves.values()))
print(
    f"{n_pruned} of {n_trials} trials were stopped early: {spent} epochs of {n_trials * n_epochs}"
)
print("best parameters:", {name: round(v, 3) for name, v in study.best_params.items()})
print(f"validation {study.best_value:.3f}, test {study.best_trial.user_attrs['test_score']:.3f}")

# %%
# The picture
# -----------
#
# Validation scores of all trials, epoch by epoch: gray ones were stopped.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for trial in study.trials:
    curve, pruned = curves[trial.number], trial.state is optuna.trial.TrialState.PRUNED
    color = "0.7" if pruned else "#0072B2"
    ax.plot(np.arange(1, len(curve) + 1), curve, color=color, linewidth=0.8, marker=".")
best = curves[study.best_trial.number]
ax.plot(np.arange(1, len(best) + 1), best, color="#E69F00", linewidth=2, label="best trial")
ax.set(xlabel="epoch", ylabel="accuracy on validation samples")
ax.legend()
plt.show()
