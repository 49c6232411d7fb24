"""What other libraries do with the estimators: arrays of other kinds, metadata, pictures."""

import numpy as np
import pytest
from estimators import points, same_bits, small
from sklearn import config_context
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

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
def other():
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


# ---------------------------------------------------------------- weights on their way


def test_weights_are_routed_to_a_selector_and_a_classifier():
    weight = np.linspace(1, 3, Y.size)
    with config_context(enable_metadata_routing=True):
        steps = [
            step.set_fit_request(sample_weight=True) for step in (supervised(), small(max_iter=2))
        ]
        model = make_pipeline(*steps).fit(X, Y, sample_weight=weight)
    selector = supervised().fit(X, Y, weight)
    expected = small(max_iter=2).fit(selector.transform(X), Y, weight)
    assert same_bits(model[-1], expected)


def test_weights_are_routed_through_a_search_also_to_the_score():
    weight = np.where(Y == 0, 5.0, 1.0)
    network = small(max_iter=2)
    with config_context(enable_metadata_routing=True):
        network.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(network, {"zeta": [0.1]}, cv=[(np.arange(24), np.arange(24, 48))])
        search.fit(X, Y, sample_weight=weight)
    expected = small(max_iter=2, zeta=0.1).fit(X[:24], Y[:24], weight[:24])
    assert search.best_score_ == expected.score(X[24:], Y[24:], weight[24:])


def test_parameters_of_the_networks_of_a_selector_are_searched():
    grid = {"estimator__zeta": [0.1, 0.5], "k": [2]}
    search = GridSearchCV(supervised(), grid, cv=2, scoring=first_zeta).fit(X, Y)
    assert search.best_estimator_.estimators_[0].zeta == 0.5
    assert search.best_estimator_.transform(X).shape == (48, 2)


def first_zeta(selector, X, y):
    return selector.estimators_[0].zeta


# ---------------------------------------------------------------- predictions by others


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_cross_validated_predictions_are_those_of_the_folds(method):
    halves = [(np.arange(24), np.arange(24, 48)), (np.arange(24, 48), np.arange(24))]
    found = cross_val_predict(small(max_iter=2), X, WORDS, cv=halves, method=method)
    for train, test in halves:
        model = small(max_iter=2).fit(X[train], WORDS[train])
        np.testing.assert_array_equal(found[test], getattr(model, method)(X[test]))


@pytest.mark.parametrize("response", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("labels", [WORDS, WORDS == "ALL"], ids=["three words", "two booleans"])
def test_decision_boundaries_are_drawn(labels, response):
    plt = pytest.importorskip("matplotlib.pyplot")
    model = small(max_iter=2).fit(X[:, :2], labels)
    shown = DecisionBoundaryDisplay.from_estimator(
        model, X[:, :2], grid_resolution=7, response_method=response
    )
    plt.close(shown.figure_)
    grid = np.column_stack([shown.xx0.ravel(), shown.xx1.ravel()])
    expected = getattr(model, response)(grid)
    if response == "predict":
        expected = np.searchsorted(model.classes_, expected)
    elif response == "predict_proba" and expected.shape[1] == 2:
        expected = expected[:, 1]
    np.testing.assert_allclose(shown.response.ravel(), expected.ravel(), rtol=1e-6)
