"""Class labels and weights as training needs them: class numbers, samples that weigh something."""

import numpy as np
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import column_or_1d

from .._training.data import TrainingData, merge_equal_samples
from . import defaults
from .checks import scaled_weights
from .compat import check_sample_weight

# Beside the largest weight, one this small vanishes in float32: it counts as zero.
NEGLIGIBLE_WEIGHT = np.finfo(np.float32).eps


def classes_of(y):
    """The class labels in y, sorted."""
    try:
        check_classification_targets(y)
        unique_labels(y)  # refuses a mixture of strings and numbers, but forgets types of objects
    except TypeError as error:  # labels that cannot be sorted
        raise ValueError(f"y must hold strings, numbers or booleans, all alike: {error}.") from None
    return np.unique(y)


def class_numbers(y, classes, name):
    """Labels as positions in ``classes``; ``name`` is what an error calls y."""
    y = column_or_1d(y, warn=True)
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(
            f"{name} holds labels that are not in classes_={classes.tolist()}: {unknown.tolist()}."
        )
    return np.searchsorted(classes, y).astype(np.int32)


def checked_weight(sample_weight, X, name):
    """Weights of samples, float64, not negative, not all zero."""
    try:
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if not weight.any():
        raise ValueError(f"{name} is zero for all samples: there is nothing to learn from.")
    return scaled_weights(weight)


def weighted_by_class(sample_weight, targets, class_weight, classes):
    """Weights of samples multiplied by those of their classes.

    Parameters
    ----------
    sample_weight : ndarray of float64
    targets : ndarray of int32
        Class numbers.
    class_weight : dict, "balanced" or None
    classes : ndarray
        All labels, also those that a chunk of a stream does not hold.
    """
    if class_weight is None:
        return sample_weight
    if class_weight == "balanced":
        share = np.bincount(targets, sample_weight, len(classes))
        return sample_weight / np.where(share > 0, share, 1)[targets]
    weights = compute_class_weight(class_weight, classes=classes, y=classes)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"class_weight must hold finite numbers >= 0; got {class_weight!r}.")
    return sample_weight * weights[targets]


def training_samples(X, targets, sample_weight, batch_size):
    """The samples that weigh something; in one batch, equal ones only once.

    Giving a sample twice is then the same as giving it the weight two, to the last bit.

    Parameters
    ----------
    X : ndarray or CSR
    targets : ndarray of int32
        Class numbers.
    sample_weight : ndarray of float64
    batch_size : int or "auto"
        As the estimators' parameter.

    Returns
    -------
    TrainingData
    """
    sample_weight = scaled_weights(sample_weight)
    samples = np.flatnonzero(sample_weight > NEGLIGIBLE_WEIGHT * sample_weight.max())
    if samples.size == defaults.batch_size(batch_size, samples.size, stream=False):
        samples, sample_weight = merge_equal_samples(X, samples, targets, sample_weight)
    return TrainingData(X, samples, targets, sample_weight.astype(np.float32))
