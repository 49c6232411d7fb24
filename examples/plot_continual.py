"""
=====================================
Task after task, without forgetting
=====================================

A network that learns one task after the other forgets the first ones. ``new_task`` keeps them:
neurons that matter to the tasks so far become stable, the others learn the next one (NISPA). Here
the digits come in five tasks: 0 and 1, then 2 and 3, and so on.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sksparse_mlp import TrulySparseMLPClassifier

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"
SEEDS, PASSES = ([10], 1) if FAST else (range(10, 15), 10)
NETWORKS = {"with a skip layer": "auto", "without a skip layer": None}

# %%
# The tasks
# ---------

X, y = load_digits(return_X_y=True)
X, task_of = scale(X), y // 2


def accuracies(model, X, y):
    """Accuracy in each task: among its two digits, and among all ten."""
    logits = model.decision_function(X)
    found = np.zeros((5, 2))
    for task in range(5):
        rows = y // 2 == task
        of_task = logits[rows, 2 * task : 2 * task + 2].argmax(axis=1) + 2 * task
        found[task] = np.mean(of_task == y[rows]), np.mean(logits[rows].argmax(axis=1) == y[rows])
    return found


def learn(seed, keeps, skip_connections):
    """Accuracies after each task, of shape (5 tasks learned, 5 tasks tested, 2 ways)."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    model = TrulySparseMLPClassifier(
        (400, 400), epsilon=10, skip_connections=skip_connections, random_state=seed
    )
    history = []
    for task in range(5):
        rows = y_train // 2 == task
        if keeps and task > 0:
            before = y_train // 2 == task - 1
            model.new_task(X_train[before], y_train[before])
        for _ in range(PASSES):
            model.partial_fit(X_train[rows], y_train[rows], classes=np.arange(10))
        history.append(accuracies(model, X_test, y_test))
    return np.array(history)


# %%
# Accuracy and forgetting
# -----------------------
#
# Forgetting is the accuracy in a task right after it, less that after all five: the mean over the
# first four tasks.

fig, axes = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True, layout="constrained")
for ax, (network, skip_connections) in zip(axes, NETWORKS.items(), strict=True):
    for keeps, color in ((False, "#E69F00"), (True, "#0072B2")):
        name = "new_task" if keeps else "partial_fit alone"
        histories = np.array([learn(seed, keeps, skip_connections) for seed in SEEDS])
        after = histories[:, range(5), range(5)]
        accuracy = histories[:, -1].mean(axis=1)
        forgetting = (after - histories[:, -1])[:, :4].mean(axis=1)
        for way, known in enumerate(("task known", "task not known")):
            print(
                f"{network}, {name}, {known}: accuracy {accuracy[:, way].mean():.3f} "
                f"(deviation {accuracy[:, way].std():.3f}), "
                f"forgetting {forgetting[:, way].mean():.3f}"
            )
        first = [histories[:, t, : t + 1, 0].mean() for t in range(5)]
        ax.plot(range(1, 6), first, "o-", color=color, label=name)
    ax.set(title=network, xlabel="tasks learned", ylim=(0.5, 1.02), xticks=range(1, 6))
axes[0].set_ylabel("mean accuracy in them")
axes[0].legend(loc="lower left")
plt.show()
