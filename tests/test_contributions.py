"""Contributions of the inputs to the logits of single samples."""

import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import pytest
from builders import make_network, make_options, shaken
from estimators import indicators, numbers, points, small, small_regressor
from numpy.testing import assert_allclose, assert_array_equal
from reference import Twin
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp._network import prediction
from sksparse_mlp._network.contributions import contributions as of_network
from sksparse_mlp._network.team import Team
from sksparse_mlp.inspection import contributions

WIDTHS = (6, 8, 7, 3)
WITH_SKIP = (24, 28, 11, 9)  # connections
N_CLASSES = WIDTHS[-1]
EACH_OUTPUT = (np.arange(N_CLASSES), np.ones(N_CLASSES, np.float32))

X, Y = points()
X2, Y2 = points(n_classes=2)


@pytest.fixture(scope="module")
def three():
    return small(skip_connections="fitted", temperature=1.5).fit(X, Y)


@pytest.fixture(scope="module")
def two():
    return small(skip_connections="fitted", temperature=1.5).fit(X2, Y2)


def explained(network, X, n_threads=1, columns=EACH_OUTPUT):
    with Team(n_threads) as team:
        return of_network(network, X, team, *columns)


def slow_contributions(network, X, h=1e-6):
    """The same from differences of a dense twin's outputs, one feature at a time."""
    twin = Twin(network, make_options())

    def outputs(shift):
        return twin.forward(X, twin.calm._replace(input_term=shift))[0][-1]

    slopes = [(outputs(e) - outputs(-e)) / (2 * h) for e in h * np.eye(X.shape[1])]
    return X[:, :, None] * np.stack(slopes, axis=1)


def samples(n_samples, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, WIDTHS[0])).astype(np.float32)


# ---------------------------------------------------------------- of a network


@pytest.mark.parametrize("n_samples", [1, 70])
@pytest.mark.parametrize("n_connections", [WITH_SKIP, WITH_SKIP[:-1]], ids=["skip", "no skip"])
@pytest.mark.parametrize(
    "activation", ["relu", "all_relu", "leaky_relu", "srelu", "tanh", "logistic", "identity"]
)
def test_they_are_inputs_times_finite_differences(activation, n_connections, n_samples):
    network = shaken(make_network(WIDTHS, n_connections, activation=activation))
    if len(n_connections) == len(WIDTHS):  # a skip layer begins at zero
        network.weights_of(3).data[:] = np.linspace(-1, 1, n_connections[-1])
    found = explained(network, samples(n_samples), n_threads=2)
    assert_allclose(found, slow_contributions(network, samples(n_samples)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_no_bit(n_threads):
    network = shaken(make_network(WIDTHS, WITH_SKIP))
    alone = explained(network, samples(200))
    assert_array_equal(explained(network, samples(200), n_threads), alone)


def test_samples_come_in_parts_that_change_no_bit(monkeypatch):
    network = shaken(make_network(WIDTHS, WITH_SKIP))
    at_once = explained(network, samples(200))
    monkeypatch.setattr(prediction, "WORK_PER_CALL", 1)
    assert_array_equal(explained(network, samples(200)), at_once)


def test_a_sample_contributes_alike_in_any_company():
    network = shaken(make_network(WIDTHS, WITH_SKIP))
    company = explained(network, samples(70))
    assert_array_equal(explained(network, samples(70)[64:65]), company[64:65])


def test_a_column_is_a_sum_of_outputs_times_factors():
    network = shaken(make_network(WIDTHS, WITH_SKIP))
    column_of, factor = np.array([1, -1, 0]), np.array([2, 5, -1], np.float32)
    each = explained(network, samples(9))
    found = explained(network, samples(9), columns=(column_of, factor))
    assert_allclose(found, np.stack([-each[..., 2], 2 * each[..., 0]], axis=2), rtol=1e-6)


# ---------------------------------------------------------------- of an estimator


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_hidden_neurons_they_add_up_to_the_logit_less_the_intercept(n_classes):
    X, y = points(n_classes)
    model = small(hidden_layer_sizes=(), temperature=2.0).fit(X, y)
    (b,) = model.intercepts_
    b = (b[1] - b[0] if n_classes == 2 else b) / 2.0
    assert_allclose(contributions(model, X).sum(axis=1), model.decision_function(X) - b, atol=1e-5)


@pytest.mark.parametrize("skip", [None, "fitted"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_they_are_slopes_of_the_decision_function(n_classes, skip):
    X, y = points(n_classes)
    model = small(activation="tanh", skip_connections=skip, temperature=1.5).fit(X, y)
    x, step = X[:1].astype(np.float64), 1e-2 * np.eye(X.shape[1])
    slopes = (model.decision_function(x + step) - model.decision_function(x - step)) / 2e-2
    expected = slopes * (x.T if n_classes == 3 else x[0])
    assert_allclose(contributions(model, x)[0], expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    "form",
    [
        sparse.csr_array,
        sparse.csr_matrix,
        np.asfortranarray,
        pd.DataFrame,
        partial(np.asarray, dtype=np.float64),
        partial(np.asarray, dtype=np.int64),
    ],
)
def test_the_form_of_X_changes_no_bit(three, form):
    whole = np.round(X)
    assert_array_equal(contributions(three, form(whole)), contributions(three, whole))


def test_the_number_of_jobs_changes_no_bit(three):
    alone, many = contributions(three, X), np.tile(X, (300, 1))
    three.set_params(n_jobs=2)
    assert_array_equal(contributions(three, many), np.tile(alone, (300, 1, 1)))


@pytest.mark.parametrize("classes", [["CLL"], ["CLL", "ALL"], ["AML", "AML"]])
def test_some_classes_are_those_of_all(three, classes):
    of_all = contributions(three, X)
    numbers = np.searchsorted(three.classes_, classes)
    assert_array_equal(contributions(three, X, classes=classes), of_all[:, :, numbers])


def test_a_single_class_has_no_axis(three):
    assert_array_equal(contributions(three, X, classes="AML"), contributions(three, X)[:, :, 1])


def test_of_two_classes_each_is_the_difference_to_the_other(two):
    difference = contributions(two, X2)
    assert difference.shape == X2.shape
    assert_array_equal(contributions(two, X2, classes="AML"), difference)
    assert_array_equal(contributions(two, X2, classes="ALL"), -difference)
    both = contributions(two, X2, classes=["ALL", "AML"])
    assert_array_equal(both, np.stack([-difference, difference], axis=2))


def test_classes_may_be_numbers():
    model = small(max_iter=1).fit(X, np.searchsorted(np.unique(Y), Y) * 10)
    assert contributions(model, X, classes=np.int64(20)).shape == X.shape
    assert contributions(model, X, classes=[0, 20]).shape == (*X.shape, 2)


@pytest.mark.parametrize("classes", ["CML", ["ALL", "CML"], [], [["ALL"]], 0])
def test_other_classes_are_refused(three, classes):
    with pytest.raises(ValueError, match=r"classes=.* must be a class label .* \['ALL', 'AML'"):
        contributions(three, X, classes=classes)


def test_a_pipeline_is_refused_with_what_to_write_instead():
    model = make_pipeline(StandardScaler(), small(max_iter=1)).fit(X, Y)
    with pytest.raises(TypeError, match=r"Pipeline.*contributions\(model\[-1\], model\[:-1\]"):
        contributions(model, X)
    assert contributions(model[-1], model[:-1].transform(X)).shape == (*X.shape, 3)


def test_other_estimators_are_refused():
    with pytest.raises(
        TypeError, match=r"est must be a fitted sparse network.*got RandomForestClassifier"
    ):
        contributions(RandomForestClassifier(), X)


def test_an_unfitted_network_is_refused():
    with pytest.raises(NotFittedError):
        contributions(small(), X)


def test_samples_of_other_features_are_refused(three):
    with pytest.raises(ValueError, match="X has 9 features"):
        contributions(three, X[:, 1:])


def test_contributions_beyond_float32_are_refused(three):
    with pytest.raises(ValueError, match="1 of 1 rows of X are beyond the range of float32"):
        contributions(three, np.full((1, X.shape[1]), 3e38))


def test_little_memory_is_taken_beside_the_result():
    wide = np.random.default_rng(0).normal(size=(300, 3000)).astype(np.float32)
    model = small(max_iter=1).fit(wide, np.resize(Y, 300))
    contributions(model, wide[:1])  # kernels are loaded
    tracemalloc.start()
    try:
        found = contributions(model, wide, classes="ALL")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * found.nbytes


# ---------------------------------------------------------------- labels and numbers


@pytest.mark.parametrize("n_labels", [2, 4])
def test_each_of_several_labels_has_a_logit_of_its_own(n_labels):
    X, y = indicators(n_labels)
    model = small(hidden_layer_sizes=(), temperature=2.0).fit(X, y)
    found = contributions(model, X)
    logits = model.decision_function(X)
    assert_allclose(found.sum(axis=1), logits - model.intercepts_[0] / 2.0, atol=1e-5)
    assert_array_equal(contributions(model, X, classes=1), found[:, :, 1])


def test_of_a_number_they_have_its_unit():
    X, y = numbers()
    model = small_regressor(hidden_layer_sizes=()).fit(X, 100 * y + 7)
    (b,) = model.intercepts_
    expected = model.predict(X) - model.target_center_ - b * model.target_scale_
    assert_allclose(contributions(model, X).sum(axis=1), expected, rtol=1e-4, atol=1e-3)


def test_of_several_numbers_each_has_a_column():
    X, y = numbers()
    model = small_regressor().fit(X, np.stack([y, -y, y * y], axis=1))
    assert contributions(model, X).shape == (*X.shape, 3)
    assert contributions(small_regressor().fit(X, y[:, None]), X).shape == (*X.shape, 1)


def test_a_regressor_has_no_classes():
    X, y = numbers()
    with pytest.raises(ValueError, match="classes='ALL' has no meaning without classes"):
        contributions(small_regressor().fit(X, y), X, classes="ALL")
    with pytest.raises(NotFittedError):
        contributions(small_regressor(), X)
