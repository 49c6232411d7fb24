"""X and y as they are given: what kernels can read, or an error that says what to do about it."""

from contextlib import contextmanager

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from .._network.x_view import NATIVE
from .checks import check_n_features, check_not_masked, check_range
from .csr import readable_csr, summable
from .labels import is_missing

HOW_TO_FILL_IN = (
    "make_pipeline(SimpleImputer(), StandardScaler(), {name}()), of sklearn.pipeline, "
    "sklearn.impute and sklearn.preprocessing."
)


class NotNumericError(ValueError, TypeError):
    """A column of X holds something that is no number: the message names it."""


def validated(estimator, X, y="no_validation", *, reset, **checks_of_y):
    """X as kernels can read it: dense or CSR, finite, numeric, not copied if it can be read.

    Parameters
    ----------
    estimator : estimator
        Its number and names of features are set, or compared.
    X : {array-like, sparse matrix}
    y : array-like
        Readable targets, if there are any.
    reset : bool
        Whether to set the number and names of features.
    **checks_of_y : dict
        Parameters of scikit-learn's ``validate_data`` that concern y.

    Returns
    -------
    X : ndarray or CSR
    y : ndarray
        Only if it was given.
    """
    check_not_masked(X, "X")
    check_n_features(X)
    how = {"accept_sparse": "csr", "dtype": "numeric", "reset": reset, **checks_of_y}
    # Kernels read NumPy's arrays alone.
    with explained(X, estimator), config_context(array_api_dispatch=False):
        checked = validate_data(estimator, summable(X), y, **how)
        given, *rest = checked if isinstance(checked, tuple) else (checked,)
        readable = _readable(given)
    return (readable, *rest) if rest else readable


def _readable(X):
    """X as scikit-learn lets it through, which may hold objects, as numbers that are finite."""
    if X.dtype.kind == "O":
        X = X.astype(np.float64)
        assert_all_finite(X, input_name="X")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold numbers; got {X.dtype}.")
    if sparse.issparse(X):
        X = readable_csr(X)
    if X.dtype.itemsize > 4 or X.dtype not in NATIVE:
        check_range(X)
    return X


# ---------------------------------------------------------------- what is wrong with X


@contextmanager
def explained(X, estimator):
    """Where scikit-learn refuses X, say more than it does: what is wrong, and what helps."""
    try:
        yield
    except OverflowError as error:  # an integer of Python's
        raise ValueError(f"X holds a value beyond the range of float64: {error}.") from None
    except (TypeError, ValueError) as error:
        explanation = _explanation(error, X, estimator)
        if explanation is None:
            raise
        raise explanation from error


def _explanation(error, X, estimator):
    """An error that says more than scikit-learn's, where there is more to say; else None."""
    for column, values in _columns(X):
        reason = _why_not_numbers(values)
        if reason is not None:
            return NotNumericError(
                f"X must hold numbers, and its column {column!r} cannot be converted: {reason}. "
                "Convert it first; OneHotEncoder and OrdinalEncoder encode categories."
            )
    if "Input X contains NaN" in str(error) or "NAType" in str(error):
        name = type(estimator).__name__
        how = getattr(estimator, "_how_to_fill_in", HOW_TO_FILL_IN).format(name=name)
        return ValueError(
            f"Input X contains NaN.\n{name} does not accept missing values encoded as NaN "
            f"natively. Leave out the samples that have any, or fill them in first: {how}"
        )
    return None


def _columns(X):
    """Names and values of the columns of a table that may hold anything but numbers."""
    if sparse.issparse(X):
        return
    is_frame = hasattr(X, "columns")
    try:
        X = X if is_frame else np.asarray(X)
    except ValueError:  # rows of different lengths
        return
    if len(X.shape) != 2 or (not is_frame and X.dtype.kind in "biufc"):
        return
    table = getattr(X, "iloc", X)
    for position, name in enumerate(X.columns if is_frame else range(X.shape[1])):
        yield name, np.asarray(table[:, position])


def _why_not_numbers(values):
    """Why a column cannot be converted to numbers; None if it can."""
    if values.dtype.kind in "biufc":
        return None
    if values.dtype.kind not in "OUST":
        return f"it holds {values.dtype}"
    for value in values.tolist():
        try:
            is_missing(value) or float(value)
        except (TypeError, ValueError, OverflowError) as error:
            return str(error)
    return None if values.dtype.kind == "O" else "it holds numbers written as strings"
