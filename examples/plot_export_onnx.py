"""
===========================================
From a sparse network to ONNX
===========================================

:func:`~sksparse_mlp.export.to_mlp_classifier` turns a trained network into scikit-learn's
MLPClassifier, with the same predictions. Whatever knows that class can go on from there: here
skl2onnx, whose result runs in a browser, on a phone, or in another language.

Needs skl2onnx and onnxruntime for the second half: ``pip install skl2onnx onnxruntime``.
"""

import os
import pickle

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.datasets import make_microarray
from sksparse_mlp.export import to_mlp_classifier

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# A trained pipeline
# ------------------

X, y = make_microarray(
    n_samples=100 if FAST else 200,
    n_features=300 if FAST else 1000,
    n_informative=100,
    class_sep=0.5,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(
    StandardScaler(),
    TrulySparseMLPClassifier(300, epsilon=5, max_iter=20 if FAST else "auto", random_state=0),
).fit(X_train, y_train)
print(f"accuracy on new samples: {model.score(X_test, y_test):.2f}")

# %%
# The same pipeline with scikit-learn's network
# ---------------------------------------------

dense = make_pipeline(model[0], to_mlp_classifier(model[-1].drop_training_state()))
probabilities = {"MLPClassifier": dense.predict_proba(X_test)[:, 1]}
sizes = {"sparse network": len(pickle.dumps(model)), "MLPClassifier": len(pickle.dumps(dense))}

# %%
# And as an ONNX model
# --------------------

try:
    import onnxruntime
    import skl2onnx
except ImportError:
    print("The rest needs skl2onnx and onnxruntime: pip install skl2onnx onnxruntime")
else:
    onnx = skl2onnx.to_onnx(dense, X_test[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(onnx)
    probabilities["ONNX"] = session.run(None, {"X": X_test})[1][:, 1]
    sizes["ONNX"] = len(onnx)

# %%
# The picture
# -----------
#
# All say the same. A sparse network is also the smallest file.

own = model.predict_proba(X_test)[:, 1]
colors = {"sparse network": "#009E73", "MLPClassifier": "#0072B2", "ONNX": "#D55E00"}
markers = {"MLPClassifier": "o", "ONNX": "+"}
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.plot([0, 1], [0, 1], color="#777777", linewidth=0.8)
for name, values in probabilities.items():
    off = np.abs(values - own).max()
    face = "none" if markers[name] == "o" else colors[name]
    left.scatter(
        own,
        values,
        60,
        color=colors[name],
        facecolor=face,
        marker=markers[name],
        label=f"{name}, off by at most {off:.0e}",
    )
left.set(xlabel="probability by the sparse network", ylabel="by its copies")
left.legend(frameon=False)
bars = right.barh(
    list(sizes), np.array(list(sizes.values())) / 1e3, color=[colors[n] for n in sizes]
)
right.bar_label(bars, fmt="%.0f kB", padding=3)
right.set(xlabel="size of the file, kB")
right.margins(x=0.3)
right.invert_yaxis()
plt.show()
