"""Class labels as training needs them: class numbers, and the weights of classes."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import column_or_1d

from .checks import check_not_masked
from .compat import check_first_partial_fit
from .constraints import NOT_NEGATIVE


def is_indicator(y):
    """Whether y says of several labels which ones a sample has: a matrix of zeros and ones."""
    return len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1


def readable_labels(y, name, *, multilabel=False):
    """Labels as scikit-learn can read them: one for each sample, none of them missing.

    Parameters
    ----------
    y : array-like, None or "no_validation"
        The last two are left to scikit-learn.
    name : str
        The parameter.
    multilabel : bool
        Whether an indicator matrix is as good.
    """
    if y is None or isinstance(y, str):
        return y
    labels = y if sparse.issparse(y) else _as_array(y)
    first = labels[0] if labels.ndim == 1 and labels.size else None
    several = (list, tuple, set, frozenset, np.ndarray)
    if sparse.issparse(y) or isinstance(first, several) or labels.shape[1:] > (1,):
        return _readable_indicators(y, name, labels.shape, multilabel)
    return _known_labels(y, name)


def _readable_indicators(y, name, shape, multilabel):
    """Several labels a sample: a matrix, if that is allowed and these are zeros and ones."""
    check_not_masked(y, name)
    advice = (
        "For several labels a sample, wrap this estimator: OneVsRestClassifier of "
        "sklearn.multiclass takes an indicator matrix, as MultiLabelBinarizer makes it, and "
        "MultiOutputClassifier of sklearn.multioutput one column of labels for each question."
    )
    if multilabel:
        if _type_of(y) == "multilabel-indicator":
            return y.toarray() if sparse.issparse(y) else np.asarray(y)
        advice = (
            "For several labels a sample give an indicator matrix of zeros and ones, as "
            "MultiLabelBinarizer makes it; for one column of labels for each question use "
            "MultiOutputClassifier of sklearn.multioutput."
        )
    raise ValueError(
        f"{name} should be a 1d array with one label for each sample; got several, shape {shape}. "
        f"{advice}"
    )


def _type_of(y):
    try:
        return type_of_target(y)
    except (TypeError, ValueError):
        return "unknown"


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
