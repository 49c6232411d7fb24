"""
==============================================
Connections gather on the pixels that matter
==============================================

A sparse network starts with connections at random places. After each epoch the weakest are
dropped and as many are grown elsewhere, at random again. What is useful stays, so that in the end
the connections are where the information is, although nobody told the network where to look.

Here each digit of 16 x 16 pixels is hidden in a field of noise, like the few genes that matter
among thousands.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.plotting import TopologyDisplay

FAST = os.environ.get("SKSPARSE_MLP_FAST") == "1"

# %%
# A digit in a field of noise
# ---------------------------

digits, y = load_digits(return_X_y=True)
digits = digits.reshape(-1, 8, 8).repeat(2, axis=1).repeat(2, axis=2) / 16
size, corner = 32, 8
inside = (slice(corner, corner + 16), slice(corner, corner + 16))

rng = np.random.default_rng(0)
images = rng.random((len(digits), size, size), dtype=np.float32)
images[:, *inside] = digits
X = images.reshape(len(images), -1) - 0.5
if FAST:
    X, y = X[:300], y[:300]

# %%
# Training, with a look at the connections after each epoch
# ---------------------------------------------------------
#
# ``partial_fit`` trains for one epoch. The row pointers of the first layer count the connections of
# each pixel.

model = TrulySparseMLPClassifier(
    hidden_layer_sizes=300,
    activation="relu",
    epsilon=5,
    solver="adam",
    learning_rate="constant",
    learning_rate_init=0.1,
    learning_rate_scaling="fan_in",
    zeta=0.2,
    weight_decay=1.0,
    batch_size=32,
    dropout=0.0,
    random_state=0,
)
n_epochs = 4 if FAST else 60
networks, degrees = {}, []
for epoch in range(n_epochs):
    model.partial_fit(X, y, classes=np.unique(y))
    networks[epoch + 1] = model.coefs_
    degrees.append(np.diff(model.coefs_[0].indptr))

print(f"{sum(model.n_connections_):,} connections in the first epoch and in the last")
print("accuracy on the training images:", round(model.score(X, y), 3))

# %%
# Where they went
# ---------------

fig = plt.figure(figsize=(10, 5.4), layout="constrained")
upper, lower = fig.subfigures(2, height_ratios=[1, 2])
for ax, image, label in zip(upper.subplots(1, 7), images, y, strict=False):
    ax.imshow(image, cmap="gray_r")
    ax.set(title=f"a {label}, in noise", xticks=[], yticks=[])
left, right = lower.subfigures(1, 2, width_ratios=[1.7, 1])
shown = np.unique(np.geomspace(1, n_epochs, 3).round().astype(int))
brightest = np.max(degrees[-1])
fields = left.subplots(1, len(shown))
for ax, epoch in zip(fields, shown, strict=True):
    display = TopologyDisplay(networks[epoch]).plot(image_shape=(size, size), ax=ax)
    display.colorbar_.remove()
    ax.images[0].set_clim(0, brightest)
    ax.set_title(f"epoch {epoch}")
left.colorbar(
    fields[-1].images[0], ax=fields, location="bottom", label="connections of a pixel", shrink=0.6
)
where = np.full((size, size), "noise")
where[inside] = "digit"
TopologyDisplay.from_estimator(
    model,
    kind="evolution",
    degree_history=degrees,
    epochs=np.arange(1, n_epochs + 1),
    groups=where.ravel(),
    ax=right.subplots(),
)
plt.show()
