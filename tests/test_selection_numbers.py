"""SparseMLPFeatureSelector with a regressor: numbers instead of classes."""

import numpy as np
import pytest
from builders import make_options
from numpy.testing import assert_allclose, assert_array_equal
from reference import Twin
from scipy.special import huber
from sklearn.base import clone

from sksparse_mlp import (
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
    TrulySparseMLPRegressor,
)
from sksparse_mlp._training.importance import ImportanceRecorder

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 30)).astype(np.float32)
Y = 3 * X[:, 4] - 2 * X[:, 7] + 0.1 * RNG.normal(size=100)
# As the networks of a selector that is given none.
NETWORK = TrulySparseMLPRegressor(
    200, solver="sgd", learning_rate_init=0.05, learning_rate_scaling=None, weight_decay=0.1,
    weight_init_gain=0.01, input_noise=0.0, evolution="set", max_iter=50, random_state=0,
)  # fmt: skip


def test_selects_the_features_that_a_number_depends_on():
    selector = SparseMLPFeatureSelector(NETWORK, k=2, n_networks=2).fit(X, Y)
    assert set(selector.get_support(indices=True)) == {4, 7}


def test_bounds_false_selections_of_numbers():
    selector = SparseMLPFeatureSelector(NETWORK, max_false_selections=1, n_pairs=3, n_networks=1)
    assert {4, 7} <= set(selector.fit(X, Y).get_support(indices=True))


@pytest.mark.parametrize("method", ["gradient", "attribution"])
def test_other_methods_select_them_too(method):
    one, other = (
        SparseMLPFeatureSelector(NETWORK, k=2, n_networks=2, method=method, n_jobs=n).fit(X, Y)
        for n in (1, 2)
    )
    assert set(one.get_support(indices=True)) == {4, 7}
    assert_array_equal(one.scores_, other.scores_)


def slow_scores(method, model, network, weight):
    """From differences of the outputs of the network of an epoch, and of its losses."""
    target = (Y - model.target_center_) / model.target_scale_
    twin, h = Twin(network, make_options()), 1e-6

    def outputs(shift):
        return twin.forward(X, twin.calm._replace(input_term=shift))[0][-1][:, 0]

    def losses(shift):
        error = outputs(shift) - target
        return {
            "squared_error": error**2 / 2,
            "absolute_error": abs(error),
            "huber": huber(model.huber_delta, error),
            "quantile": np.maximum((1 - model.quantile) * error, -model.quantile * error),
        }[model.loss]

    differentiated = losses if method == "gradient" else outputs
    steps = h * np.eye(X.shape[1])
    moved = [(differentiated(e) - differentiated(-e)) / (2 * h) for e in steps]
    moved = abs(np.array(moved).T * (1 if method == "gradient" else X))
    return np.average(moved, axis=0, weights=weight)


@pytest.mark.parametrize("method", ["gradient", "attribution"])
@pytest.mark.parametrize(
    "loss", [{}, {"loss": "absolute_error"}, {"loss": "huber", "huber_delta": 0.4},
             {"loss": "quantile", "quantile": 0.8}], ids=str,
)  # fmt: skip
def test_scores_are_those_of_finite_differences(method, loss):
    weight = 1.0 + np.arange(len(Y)) % 3
    seen, model = [], clone(NETWORK).set_params(hidden_layer_sizes=(9,), max_iter=1, **loss)

    def observe(trainer):
        recorder = ImportanceRecorder(method)
        recorder.observe(trainer)
        seen.append((recorder.scores, trainer.network.copy()))

    model._observe = observe
    model.fit(X, Y, weight)
    (scores, network), *_ = seen
    assert_allclose(scores, slow_scores(method, model, network, weight), rtol=1e-3)


def test_a_gap_in_what_is_to_be_transformed_is_an_error_that_names_the_imputer():
    selector = SparseMLPFeatureSelector(NETWORK, k=2, n_networks=1).fit(X, Y)
    gaps = np.where(np.arange(X.shape[1]) == 4, np.nan, X)
    pipeline = r"make_pipeline\(SimpleImputer\(\), StandardScaler\(\), SparseMLPFeatureSelector"
    with pytest.raises(ValueError, match=rf"X contains NaN(.|\n)*{pipeline}"):
        selector.transform(gaps)


@pytest.mark.parametrize("changes", [{}, {"max_false_selections": 1}])
def test_numbers_without_a_regressor_are_refused_early(changes):
    selector = SparseMLPFeatureSelector(TrulySparseMLPClassifier(9), **changes)
    with pytest.raises(ValueError, match=r"continuous.*TrulySparseMLPRegressor"):
        selector.fit(X, Y)


def test_several_columns_are_refused_without_advice_for_classifiers():
    with pytest.raises(ValueError, match="one of the columns at a time"):
        SparseMLPFeatureSelector().fit(X, np.column_stack((Y, Y)))


@pytest.mark.parametrize(
    ("targets", "said"),
    [(np.ma.masked_greater(Y, 2), "y is a masked array"), (Y.astype(str), "y must hold numbers")],
    ids=["masked", "text"],
)
def test_targets_that_the_regressor_refuses_are_refused(targets, said):
    with pytest.raises(ValueError, match=said):
        SparseMLPFeatureSelector(NETWORK, k=2).fit(X, targets)


def test_halves_are_made_of_numbers_of_which_most_are_equal():
    """As where all doses beyond some have the same effect."""
    capped = np.minimum(Y, np.quantile(Y, 0.2))
    selector = SparseMLPFeatureSelector(NETWORK, max_false_selections=1, n_pairs=1, n_networks=1)
    assert selector.fit(X, capped).selection_frequencies_.shape == (30,)
