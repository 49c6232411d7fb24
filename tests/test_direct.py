"""The direct path: weights compared with scikit-learn's, and its place in the classifier."""

import pickle

import numpy as np
import pytest
from estimators import points, small
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sksparse_mlp._estimator.direct_path import direct_weights
from test_relevance import data_of

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp._estimator import checks as _checks
from sksparse_mlp._estimator import defaults as _defaults
from sksparse_mlp._estimator import direct_path as _direct
from sksparse_mlp._estimator.anova import class_moments


def wide(n_samples=30, n_features=80, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, n_features))
    X[:, :9] += y[:, None]
    return X, y


def direct(X, y, n_outputs=None, **more):
    data = data_of(X, y, **more)
    return direct_weights(data, class_moments(data), n_outputs or y.max() + 1)


def outputs(X, weights, intercepts):
    z = X @ weights + intercepts
    return z - z.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_is_a_logistic_regression_on_inputs_scaled_by_their_separation(n_classes):
    X, y = wide(n_classes=n_classes)
    X = 3 * X + 5
    scaled = StandardScaler().fit_transform(X)
    separation = class_moments(data_of(X, y)).separation()
    scaled *= np.sqrt(1 + separation**2 / np.mean(separation**2))
    model = LogisticRegression(tol=1e-9, max_iter=10_000).fit(scaled, y)
    coef, intercept = model.coef_.T, model.intercept_
    if n_classes == 2:
        coef, intercept = np.hstack((-coef, coef)) / 2, np.hstack((-intercept, intercept)) / 2
    expected = outputs(scaled, coef, intercept)
    np.testing.assert_allclose(outputs(X, *direct(X, y)), expected, atol=2e-3)


def test_the_form_of_X_changes_no_bit():
    X, y = wide()
    X = np.where(abs(X) > 0.5, X, 0).astype(np.float32)
    dense, *others = (
        direct(form, y)
        for form in (X, sparse.csr_array(X), np.asfortranarray(X), X.astype(np.float64))
    )
    for other in others:
        assert all(np.array_equal(a, b) for a, b in zip(dense, other, strict=True))


def test_the_scale_of_the_weights_does_not_matter():
    X, y = wide()
    weight = np.linspace(0.5, 1, len(y))
    one, other = (outputs(X, *direct(X, y, weight=w)) for w in (weight, weight / 4))
    np.testing.assert_allclose(one, other)


def test_a_class_without_samples_gets_no_weights_and_is_improbable():
    X, y = wide(n_classes=2)
    weights, intercepts = direct(X, 2 * y, n_outputs=4)
    assert not weights[:, [1, 3]].any()
    assert (intercepts[[1, 3]] < -10).all()
    assert weights[:, [0, 2]].any()


def test_inputs_that_do_not_vary_have_no_weight():
    X, y = wide()
    X[:, 5], X[:, 6] = 1.0, 1e-38 * X[:, 6]
    weights, _ = direct(X, y)
    assert not weights[[5, 6]].any()
    assert np.isfinite(weights).all()


@pytest.mark.parametrize(
    ("X", "y"),
    [(np.ones((6, 10)), np.arange(6) % 2), (np.random.default_rng(0).normal(size=(6, 10)), 0)],
    ids=["constant inputs", "one class"],
)
def test_nothing_to_learn_from_gives_zero(X, y):
    weights, intercepts = direct(X, np.broadcast_to(y, 6), n_outputs=2)
    assert not weights.any()
    assert not intercepts.any()


def test_one_class_with_next_to_no_weight_is_nothing_to_learn_from():
    X, y = wide(n_samples=45, n_features=70, n_classes=2)
    model = TrulySparseMLPClassifier(20, epsilon=3, max_iter=2, random_state=0)
    model.fit(X, y, np.where(y == 1, 1e-9, np.linspace(0.5, 1, 45)))
    assert not model.direct_coef_.any()


def test_too_many_samples_for_it_are_an_error(monkeypatch):
    monkeypatch.setattr(_defaults, "DIRECT_PATH_AT_MOST", 29)
    X, y = wide()
    with pytest.raises(ValueError, match=r"direct_path=1.0 .* n_samples=30"):
        fitted(X, y, direct_path=1.0)


def test_too_little_memory_for_it_is_an_error(monkeypatch):
    monkeypatch.setattr(_checks, "_memory_of_this_machine", lambda: 2**25)
    X, y = wide()
    fitted(X, y, direct_path=0)
    with pytest.raises(ValueError, match=r"direct_path='auto' for 30 samples of 80 features"):
        fitted(X, y)


def test_many_tiles_give_what_one_gives(monkeypatch):
    X, y = wide()
    one = direct(X, y)
    monkeypatch.setattr(_direct, "BLOCK", 210)
    for got, expected in zip(direct(X, y), one, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("offset", [1e4, -1e6])
def test_inputs_far_from_zero_lose_no_digits(offset):
    X, y = wide()
    near, far = outputs(X, *direct(X, y)), outputs(X + offset, *direct(X + offset, y))
    np.testing.assert_allclose(far, near, atol=1e-4)


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [({"direct_path": 0}, {"direct_path": 1}, "direct_path"), ({}, {"guidance": 0.9}, "guidance")],
)
def test_a_checkpoint_of_other_ones_is_refused(before, after, name, tmp_path):
    X, y = wide()
    same = {"checkpoint": tmp_path / "run", "temperature": 1.0}
    fitted(X, y, **same, **before)
    with pytest.raises(ValueError, match=name):
        fitted(X, y, **same, **after)


# ---------------------------------------------------------------- in the classifier


def fitted(X, y, **changes):
    parameters = {"hidden_layer_sizes": (20,), "epsilon": 3, "max_iter": 5, "random_state": 0}
    return TrulySparseMLPClassifier(**parameters | changes).fit(X, y)


def test_its_outputs_are_added_to_those_of_the_network():
    X, y = wide()
    alone = fitted(X, y, direct_path=0, temperature=1)
    both = fitted(X, y, direct_path=1.5, temperature=1)
    weights, intercepts = direct(X, y)
    expected = alone.decision_function(X) + 1.5 * (X @ weights + intercepts)
    np.testing.assert_allclose(both.decision_function(X), expected, atol=1e-4)
    np.testing.assert_allclose(both.direct_coef_, 1.5 * weights, rtol=1e-6)
    np.testing.assert_allclose(both.direct_intercept_, 1.5 * intercepts, rtol=1e-6)


def test_without_it_there_are_no_weights():
    X, y = wide()
    model = fitted(X, y, direct_path=0)
    assert model.direct_coef_ is None
    assert model.direct_intercept_ is None


def test_auto_wants_as_many_features_as_samples():
    X, y = wide()
    assert fitted(X, y).direct_coef_ is not None
    assert fitted(X[:, :29], y).direct_coef_ is None


def test_what_a_row_is_predicted_depends_on_nothing_else():
    X, y = wide()
    model = fitted(X, y)
    one_by_one = np.vstack([model.predict_proba(row[None]) for row in X])
    assert np.array_equal(one_by_one, model.predict_proba(X))


def test_a_pickle_predicts_the_same():
    X, y = wide()
    model = fitted(X, y)
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.predict_proba(X), model.predict_proba(X))


def test_partial_fit_leaves_it_as_it_is():
    X, y = wide()
    model = fitted(X, y)
    before = model.direct_coef_.copy()
    assert np.array_equal(model.partial_fit(X[:7], y[:7]).direct_coef_, before)


def test_a_stream_has_none():
    X, y = wide()
    model = TrulySparseMLPClassifier(20, epsilon=3, random_state=0)
    assert model.partial_fit(X, y, classes=[0, 1, 2]).direct_coef_ is None


def test_validation_figures_include_it():
    X, y = wide(n_samples=60)
    model = fitted(X, y).set_params(max_iter=1)
    model.fit(X, y, X_val=X, y_val=y)
    expected = -np.mean(model.predict_log_proba(X)[np.arange(len(y)), y])
    assert model.history_["validation_loss"] == [pytest.approx(expected)]


# ---------------------------------------------------------------- guided evolution


def degrees(model):
    return np.diff(model.coefs_[0].indptr)


def test_guided_evolution_lays_connections_at_inputs_that_differ_between_the_classes():
    X, y = wide(n_samples=80, n_features=200)
    model = fitted(X, y, hidden_layer_sizes=(50,), evolution="guided", guidance=0.5)
    share = degrees(model)[:9].sum() / model.n_connections_[0]
    assert 0.3 < share < 0.7


def test_full_guidance_leaves_inputs_without_separation_next_to_unconnected():
    X, y = wide()
    X[:, 40:] = 0
    model = fitted(X, y, evolution="guided", guidance=1.0, epsilon=2)
    assert degrees(model)[40:].sum() < 0.1 * degrees(model).sum()


@pytest.mark.parametrize("changes", [{"density": 1.0, "epsilon": None}, {"epsilon": 20}])
def test_full_guidance_ends_where_inputs_that_differ_have_no_room(changes):
    X, y = wide()
    X[:, 1:] = 0
    model = fitted(X, y, evolution="guided", guidance=1.0, **changes)
    assert model.coefs_[0].nnz == model.n_connections_[0]


def test_no_guidance_is_uniform():
    X, y = wide(n_features=400)
    model = fitted(X, y, evolution="guided", guidance=0.0, epsilon=5)
    assert degrees(model)[:9].mean() == pytest.approx(degrees(model).mean(), rel=0.6)


def test_a_stream_evolves_by_chance():
    X, y = wide()
    models = [
        TrulySparseMLPClassifier(20, epsilon=3, evolution=rule, random_state=0)
        for rule in ("auto", "set")
    ]
    one, other = (m.partial_fit(X, y, classes=[0, 1, 2]).coefs_[0] for m in models)
    assert np.array_equal(one.indices, other.indices)


def test_a_stream_that_becomes_guided_looks_at_its_next_chunk():
    X, y = wide(n_samples=80, n_features=200)
    model = TrulySparseMLPClassifier(50, epsilon=3, evolution="set", random_state=0)
    model.partial_fit(X, y, classes=[0, 1, 2])
    before = degrees(model)[:9].sum()
    model.set_params(evolution="guided", guidance=0.9).partial_fit(X, y)
    assert degrees(model)[:9].sum() > 3 * before


def test_more_samples_than_features_evolve_by_chance():
    X, y = points()
    one, other = (small(evolution=rule).fit(X, y) for rule in ("auto", "set"))
    assert np.array_equal(one.coefs_[0].indices, other.coefs_[0].indices)
