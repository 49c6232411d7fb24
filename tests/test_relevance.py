"""How well an input alone tells the classes apart, compared with scikit-learn's F statistic."""

import numpy as np
import pytest
from estimators import same_bits, small
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_selection import f_classif
from sklearn.preprocessing import scale

from sksparse_mlp._estimator import plan
from sksparse_mlp._training.data import TrainingData
from sksparse_mlp._training.moments import (
    growth_preferences,
    input_moments,
    noise_spreads,
    typical_spread,
)


def data_of(X, y, weight=None, samples=None):
    weight = np.ones(len(y)) if weight is None else weight
    samples = np.arange(len(y)) if samples is None else samples
    return TrainingData(X, samples, y.astype(np.int32), weight.astype(np.float32))


def example(seed=0, n_samples=40, n_features=7, n_classes=3):
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    return rng.normal(size=(n_samples, n_features)) + 0.3 * y[:, None] * np.arange(n_features), y


def test_the_separation_is_the_F_statistic_but_for_a_constant():
    X, y = example()
    F = f_classif(X, y)[0]
    n_within, n_between = len(y) - 3, 2
    np.testing.assert_allclose(input_moments(data_of(X, y)).separation(), F * n_between / n_within)


def test_mean_and_variance_are_those_of_the_samples_that_train():
    X, y = example()
    moments = input_moments(data_of(X, y, samples=np.arange(5, 30)))
    np.testing.assert_allclose(moments.mean, X[5:30].mean(axis=0))
    np.testing.assert_allclose(moments.variance, X[5:30].var(axis=0))


def test_a_weight_of_two_is_a_sample_given_twice():
    X, y = example()
    weight = 1 + np.arange(len(y)) % 2
    weighted = input_moments(data_of(X, y, weight))
    repeated = input_moments(data_of(np.repeat(X, weight, axis=0), np.repeat(y, weight)))
    np.testing.assert_allclose(weighted.separation(), repeated.separation())


@pytest.mark.parametrize("offset", [1e3, -1e6])
def test_numbers_far_from_zero_keep_their_digits(offset):
    X, y = example()
    near, far = (input_moments(data_of(X + shift, y)).separation() for shift in (0, offset))
    np.testing.assert_allclose(far, near, rtol=1e-6)


def test_constant_inputs_separate_nothing():
    X, y = example()
    X[:, 2], X[:, 4] = 0.1, 0
    separation = input_moments(data_of(X, y)).separation()
    assert separation[[2, 4]].tolist() == [0, 0]
    assert np.isfinite(separation).all()


def test_perfect_separation_is_bounded():
    X, y = example()
    X[:, 3] = y
    assert input_moments(data_of(X, y)).separation()[3] == pytest.approx(1e3)


def check_that_the_form_changes_no_bit(figures, X, y):
    """Figures of the same values in any form of X are equal to the last bit."""
    X = np.where(X > 0.5, X, 0).astype(np.float32)
    dense, *others = (
        figures(data_of(form, y))
        for form in (X, sparse.csr_array(X), np.asfortranarray(X), X.astype(np.float64))
    )
    for other in others:
        assert np.array_equal(dense, other)


def test_the_form_of_X_changes_no_bit():
    check_that_the_form_changes_no_bit(input_moments, *example())


@given(st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_preferences_have_mean_one_and_leave_no_input_out(guidance, seed):
    separation = np.random.default_rng(seed).exponential(size=20)
    preferences = growth_preferences(separation, guidance)
    assert preferences.mean() == pytest.approx(1)
    assert (preferences >= 1 - guidance).all()


def test_without_any_separation_all_inputs_are_alike():
    assert growth_preferences(np.zeros(3), 0.5).tolist() == [1, 1, 1]


@pytest.mark.parametrize("unit", [1, 2.0**-9, 2.0**20])
def test_the_typical_spread_of_standardised_inputs_is_one_whatever_rounding_does(unit):
    X, y = example()
    X = np.float32(scale(X))
    X[:, 1] = 3
    assert typical_spread(input_moments(data_of(X * unit, y))) == unit


def test_the_typical_spread_of_constant_inputs_is_one():
    X, y = example()
    assert typical_spread(input_moments(data_of(np.ones_like(X), y))) == 1


@pytest.mark.parametrize(
    "units",
    [np.full(20, 1e-3), np.where(np.arange(20) < 10, 1.0, 0.02)],
    ids=["small inputs", "some that vary less than others"],
)
def test_noise_does_not_drown(units):
    X, y = example(n_samples=90, n_features=20)
    X[:, :10] = np.random.default_rng(0).normal(size=(90, 10))  # they say nothing
    X = scale(X) * units
    model = small(input_noise="auto", skip_connections="fitted", max_iter=20).fit(X, y)
    assert model.score(X, y) > 0.9


def test_inputs_have_noise_of_their_own_deviations_and_at_most_that_of_all():
    X, y = example(n_features=4)
    moments = input_moments(data_of(scale(X) * [0.01, 3, 8, 0], y))
    found = noise_spreads(moments, typical_spread(moments))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.01, 3, 4, 4], rtol=1e-6)  # 5 is the root mean square


@pytest.mark.parametrize("unit", [2.0**-9, 2.0**7])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("skip", [None, "zero", "fitted"])
@pytest.mark.parametrize("hidden", [(), (20,), (20, 10)])
def test_a_network_learns_the_same_of_inputs_in_another_unit(unit, solver, skip, hidden):
    X, y = example(n_samples=60, n_features=8)
    X = scale(X)
    models = [
        small(
            hidden_layer_sizes=hidden, solver=solver, skip_connections=skip, input_noise="auto",
            learning_rate_scaling="fan_in", learning_rate_init=0.1, weight_decay=1e-3, max_iter=10,
        )
        for _ in range(2)
    ]  # fmt: skip
    expected = models[0].fit(X, y).predict_proba(X)
    np.testing.assert_allclose(models[1].fit(unit * X, y).predict_proba(unit * X), expected, 1e-4)


@pytest.mark.parametrize("drop", ["set", "magnitude", "mest", "snip"])
@pytest.mark.parametrize("redistribution", [None, "survivors", "momentum", "gradient"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_layers_share_connections_alike_for_inputs_in_another_unit(drop, redistribution, solver):
    X, y = example(n_samples=60, n_features=20)
    X = scale(X)
    models = [
        small(
            hidden_layer_sizes=(30, 20), solver=solver, input_noise="auto", evolution="set",
            drop=drop, drop_scope="network", redistribution=redistribution, max_iter=10,
            learning_rate_scaling="fan_in", learning_rate_init=0.1, skip_connections="zero",
        )
        for _ in range(2)
    ]  # fmt: skip
    expected = models[0].fit(X, y)
    found = models[1].fit(64 * X, y)
    assert found.n_connections_ == expected.n_connections_
    for a, b in zip(found.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(a.indices, b.indices)
    np.testing.assert_allclose(found.predict_proba(64 * X), expected.predict_proba(X), 1e-3)


@pytest.mark.parametrize("unit", [1e-9, 0.3, 3.0, 1e4, 1e12])
def test_a_network_learns_of_inputs_in_any_unit(unit):
    X, y = example(n_samples=90, n_features=20)
    X = scale(X) * unit
    changes = {"solver": "adam", "input_noise": "auto", "learning_rate_scaling": "fan_in"}
    model = small(skip_connections="zero", learning_rate_init=0.5, max_iter=30, **changes)
    assert model.fit(X, y).score(X, y) > 0.8


def test_a_stream_counts_in_the_unit_of_its_first_part():
    X, y = example(n_samples=60, n_features=8)
    X = 64 * scale(X)
    model = small(learning_rate_scaling="fan_in").partial_fit(X[:30], y[:30], classes=range(3))
    assert model._network.input_unit == 64
    assert model.partial_fit(X[30:] / 1024, y[30:])._network.input_unit == 64


def test_without_scaling_of_rates_inputs_are_taken_as_they_are():
    X, y = example()
    assert small(learning_rate_scaling=None).fit(64 * X, y)._network.input_unit == 1


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("evolution", ["guided", "set"])
def test_noise_is_as_large_as_inputs_vary(evolution, method):
    X, y = example(n_samples=60, n_features=80, n_classes=2)
    X = scale(X) / 32
    models = [small(input_noise=noise, evolution=evolution) for noise in ("auto", 1 / 32)]
    for model in models:
        getattr(model, method)(X, y, **({} if method == "fit" else {"classes": [0, 1]}))
    assert same_bits(*models)


@pytest.mark.parametrize(("call", "n_seen"), [("partial_fit", 512), ("fit", 600)])
def test_in_a_stream_some_samples_tell_how_far_inputs_vary(monkeypatch, call, n_seen):
    X, y = example(n_samples=600)
    model = small(max_iter=1, evolution="set").fit(X, y)
    seen = []
    monkeypatch.setattr(
        plan, "input_moments", lambda data: seen.append(data.samples.size) or input_moments(data)
    )
    getattr(model, call)(X, y)
    assert seen == [n_seen]
