"""Class labels and weights as training needs them: class numbers, samples that weigh something."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import column_or_1d

from .._training.data import TrainingData, merge_equal_samples
from . import defaults
from .checks import check_not_masked, scaled_weights
from .compat import check_first_partial_fit, check_sample_weight
from .constraints import NOT_NEGATIVE

# Beside the largest weight, one this small vanishes in float32: it counts as zero.
NEGLIGIBLE_WEIGHT = np.finfo(np.float32).eps


def readable_labels(y, name):
    """Labels as scikit-learn can read them: one for each sample, none of them missing.

    Parameters
    ----------
    y : array-like, None or "no_validation"
        The last two are left to scikit-learn.
    name : str
        The parameter.
    """
    if y is None or isinstance(y, str):
        return y
    labels = y if sparse.issparse(y) else _as_array(y)
    first = labels[0] if labels.ndim == 1 and labels.size else None
    several = (list, tuple, set, frozenset, np.ndarray)
    if sparse.issparse(y) or isinstance(first, several) or labels.shape[1:] > (1,):
        raise ValueError(
            f"{name} should be a 1d array with one label for each sample; got several, shape "
            f"{labels.shape}. For several labels a sample, wrap this estimator: "
            "OneVsRestClassifier of sklearn.multiclass takes an indicator matrix, as "
            "MultiLabelBinarizer makes it, and MultiOutputClassifier of sklearn.multioutput one "
            "column of labels for each question."
        )
    return _known_labels(y, name)


def _known_labels(y, name):
    """Labels, of which none is missing and none is bytes."""
    check_not_masked(y, name)
    for position, label in enumerate(_suspicious(_as_array(y))):
        if is_missing(label):
            label = "NaN" if isinstance(label, Real) else label
            raise ValueError(
                f"{name} contains {label} where a label should be (position {position}): leave "
                "out what has no label."
            )
        if isinstance(label, bytes):
            raise ValueError(
                f"{name} holds bytes, such as {label!r}, and must hold strings, numbers or "
                "booleans: decode them, for example with numpy.char.decode."
            )
    # scikit-learn cannot read strings of NumPy's StringDType.
    return np.array(y.tolist()) if _as_array(y).dtype.kind == "T" else y


def is_missing(value):
    """Whether this stands for a value that is not there: None, NaN, NaT or pandas.NA."""
    try:
        return value is None or bool(value != value)
    except TypeError:  # whether pandas.NA differs from itself is not known
        return True
    except ValueError:  # an array
        return False


def _as_array(y):
    """Labels as they are: among strings in a list, NumPy would make the text "nan" of NaN."""
    return np.asarray(y) if hasattr(y, "dtype") else np.asarray(y, dtype=object)


def _suspicious(labels):
    """Those to be looked at one by one: all others are known to be no bytes and not missing."""
    kind, labels = labels.dtype.kind, labels.ravel()
    if kind in "fcmM":
        return labels if (labels != labels).any() else ()
    return labels.tolist() if kind in "OST" else ()


def set_first_classes(estimator, classes):
    """Set ``classes_`` in the first call of ``partial_fit``; later calls have to agree."""
    if classes is not None:
        classes = _known_labels(classes, "classes")
    if check_first_partial_fit(estimator, classes):
        estimator.classes_ = np.asarray(estimator.classes_)


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
    try:
        unknown = np.setdiff1d(y, classes)
    except TypeError as error:  # labels that cannot be compared
        raise ValueError(f"{name} must hold labels like {classes.tolist()}: {error}.") from None
    if unknown.size:
        raise ValueError(
            f"{name} holds labels that are not in classes_={classes.tolist()}: {unknown.tolist()}."
        )
    return np.searchsorted(classes, y).astype(np.int32)


def checked_weight(sample_weight, X, name):
    """Weights of samples, float64, not negative, not all zero."""
    check_not_masked(sample_weight, name)
    try:
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except (TypeError, ValueError, OverflowError) as error:
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
    if not all(map(NOT_NEGATIVE.is_satisfied_by, class_weight.values())):
        raise ValueError(f"class_weight must hold finite numbers >= 0; got {class_weight!r}.")
    weights = compute_class_weight(class_weight, classes=classes, y=classes)
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
