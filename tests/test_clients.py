"""What other libraries do with the estimators: arrays of other kinds, metadata, pictures."""

import numpy as np
import pytest
from estimators import points, same_bits, small
from sklearn import config_context

from sksparse_mlp import SparseAutoencoderSelector, SparseMLPFeatureSelector

X, WORDS = points(n_samples=48)
Y = np.unique(WORDS, return_inverse=True)[1]


def supervised(**changes):
    parameters = {"estimator": small(max_iter=2), "n_networks": 2, "k": 4, "random_state": 0}
    return SparseMLPFeatureSelector(**parameters | changes)


def unsupervised(**changes):
    return SparseAutoencoderSelector(8, epsilon=2, k=4, max_iter=2, random_state=0, **changes)


# ---------------------------------------------------------------- arrays of other libraries


@pytest.fixture
def other(request):
    """Converts to arrays that are not NumPy's, while scikit-learn lets them through."""
    strict = pytest.importorskip("array_api_strict")
    with config_context(array_api_dispatch=True):
        yield lambda *arrays: [strict.asarray(array) for array in arrays]


FITS = {
    "fit": lambda X, y, w: small().fit(X, y, w),
    "fit with labels": lambda X, y, w: small().fit(np.asarray(X), y),
    "fit with weights": lambda X, y, w: small().fit(np.asarray(X), Y, w),
    "fit of balanced classes": lambda X, y, w: small(class_weight="balanced").fit(X, y),
    "validation": lambda X, y, w: small().fit(
        X, y, X_val=X, y_val=y, sample_weight_val=w
    ),
    "validation labels": lambda X, y, w: small().fit(
        np.asarray(X), Y, X_val=np.asarray(X), y_val=y
    ),
    "partial_fit": lambda X, y, w: small().partial_fit(X, y, classes=y[:24], sample_weight=w),
    "supervised": lambda X, y, w: supervised().fit(X, y, w).estimator_,
    "autoencoder": lambda X, y, w: unsupervised().fit(X, y),
}  # fmt: skip


@pytest.mark.parametrize("fit", FITS)
def test_arrays_of_other_libraries_train_as_those_of_numpy(fit, other):
    weight = np.linspace(1, 2, Y.size)
    expected = FITS[fit](X, Y, weight)
    found = FITS[fit](*other(X, Y, weight))
    assert same_bits(found, expected)
    np.testing.assert_equal(found.history_ | {"seconds": 0}, expected.history_ | {"seconds": 0})


METHODS = ("predict", "predict_proba", "decision_function", "hidden_activations")


@pytest.mark.parametrize("method", METHODS)
def test_predictions_for_arrays_of_other_libraries_are_numpys(method, other):
    model = small().fit(X, Y)
    found = getattr(model, method)(*other(X))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, getattr(model, method)(X))


def test_arrays_of_other_libraries_are_scored(other):
    model = small().fit(X, Y)
    assert model.score(*other(X, Y)) == model.score(X, Y)


@pytest.mark.parametrize("make", [supervised, unsupervised])
def test_selectors_select_from_arrays_of_other_libraries(make, other):
    selector = make().fit(X, Y)
    found = np.asarray(selector.transform(*other(X)))
    np.testing.assert_array_equal(found, selector.transform(X))
