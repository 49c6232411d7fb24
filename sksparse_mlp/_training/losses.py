"""The contract of a loss: what a training must know of it; its arithmetic is the kernels'."""

from typing import NamedTuple

import numpy as np

from .._kernels.records import (
    ABSOLUTE_ERROR,
    BINARY_CROSS_ENTROPY,
    COX,
    CROSS_ENTROPY,
    HUBER,
    QUANTILE,
    RECONSTRUCTION,
    SQUARED_ERROR,
)
from .data import longest_first


class Targets(NamedTuple):
    """What the targets of some samples are: an array."""

    dtype: type
    ndim: int


CLASSES = Targets(np.int32, 1)
NUMBERS = Targets(np.float32, 2)


class Loss(NamedTuple):
    """A loss, as a training sees it."""

    code: int  # the kernels' number of it
    targets: Targets | None = NUMBERS  # None: X is its own target
    # Whether each sample is compared with the others of its mini-batch, of which it then must come
    # after those with longer times.
    compares: bool = False

    def in_order(self, order, targets, batch_size):
        """An order of samples, those of each mini-batch as the kernels take them."""
        return longest_first(order, targets, batch_size) if self.compares else order


LOSSES = {
    "cross_entropy": Loss(CROSS_ENTROPY, CLASSES),
    "reconstruction": Loss(RECONSTRUCTION, None),
    "binary_cross_entropy": Loss(BINARY_CROSS_ENTROPY),
    "squared_error": Loss(SQUARED_ERROR),
    "absolute_error": Loss(ABSOLUTE_ERROR),
    "huber": Loss(HUBER),
    "quantile": Loss(QUANTILE),
    "cox": Loss(COX, compares=True),
}


def check_targets(loss, targets):
    """Raise ValueError unless these are targets of a loss: kernels would read beyond others."""
    wanted = LOSSES[loss].targets
    if wanted is None or targets is None:
        fits = wanted is targets
    else:
        fits = wanted == (targets.dtype, targets.ndim)
    if not fits:
        raise ValueError(f"loss={loss!r} has no targets like these: {targets!r}.")
