"""What inputs say of the targets only in pairs, compared with products that are inputs."""

import numpy as np
import pytest
from estimators import small
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f
from sklearn.preprocessing import scale
from test_relevance import check_that_the_form_changes_no_bit, data_of, example
from threadpoolctl import threadpool_limits

from sksparse_mlp import TrulySparseMLPRegressor
from sksparse_mlp._estimator import plan
from sksparse_mlp._training import pairs
from sksparse_mlp._training.data import TrainingData
from sksparse_mlp._training.moments import input_moments
from sksparse_mlp._training.pairs import pair_separation, samples_in_pairs


def found_in(data):
    return pair_separation(data, input_moments(data))


def together(n_samples=400, n_features=12, seed=0):
    """Standard normal inputs; the signs of the first two together decide the class."""
    X = np.random.default_rng(seed).normal(size=(n_samples, n_features))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def by_products(X, y, weight, separation_of_inputs):
    """The same, of products that were written out."""
    p = X.shape[1]
    mean = np.average(X, axis=0, weights=weight)
    Z = (X - mean) / np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    found = np.zeros(p)
    degrees = len(np.unique(y)) - 1 if y.ndim == 1 else 1
    rest = weight.sum() ** 2 / (weight**2).sum() - degrees - 1
    chance = f.isf(1 / p**2, degrees, rest) * degrees / rest
    for i in range(p):
        separation = separation_of_inputs(Z[:, [i]] * Z)
        found[i] = np.maximum(separation - chance, 0).sum()
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_separation_of_products_beyond_chance(weighted):
    X, y = together(n_features=6)
    X[:, 3] = X[:, 3] ** 3
    y[:100] = 2
    weight = np.ones(len(y)) + weighted * (np.arange(len(y)) % 3)
    expected = by_products(
        X, y, weight, lambda Z: input_moments(data_of(Z, y, weight)).separation()
    )
    assert expected[:2].min() > 0.1 > expected[4:].max()
    np.testing.assert_allclose(found_in(data_of(X, y, weight)), expected, rtol=1e-3, atol=1e-5)


def test_of_numbers_it_is_the_mean_over_the_outputs():
    X, _ = together(n_features=6)
    Y = np.float32(np.column_stack([X[:, 0] * X[:, 1], X[:, 2] + X[:, 3] * X[:, 4]]))
    weight = np.ones(len(X), np.float32)

    def data(inputs):
        return TrainingData(inputs, np.arange(len(X)), Y, weight)

    expected = by_products(X, Y, weight, lambda Z: input_moments(data(Z)).separation())
    np.testing.assert_allclose(found_in(data(X)), expected, rtol=1e-3, atol=1e-5)


def test_inputs_that_decide_together_are_found_and_alone_they_say_nothing():
    X, y = together()
    data = data_of(X, y)
    assert found_in(data)[:2].min() > 10 * found_in(data)[2:].max()
    assert input_moments(data).separation()[:2].max() < 0.05


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 5]))
def test_noise_has_next_to_nothing_beyond_chance(seed, n_classes):
    rng = np.random.default_rng(seed)
    found = found_in(data_of(rng.normal(size=(200, 30)), rng.integers(n_classes, size=200)))
    assert found.mean() < 0.02


def test_constant_inputs_are_in_no_pair():
    X, y = together()
    X[:, 5], X[:, 6] = 0, 1e30
    found = found_in(data_of(X, y))
    assert found[5] == found[6] == 0
    assert np.isfinite(found).all()


def test_the_form_of_X_changes_no_bit():
    check_that_the_form_changes_no_bit(found_in, *together())


def test_blocks_of_pairs_change_no_bit(monkeypatch):
    data = data_of(*together())
    whole = found_in(data)
    monkeypatch.setattr(pairs, "BLOCK", 50)
    assert np.array_equal(found_in(data), whole)


def test_the_threads_of_BLAS_change_no_bit():
    X, y = together(n_samples=2600, n_features=500)
    data, found = data_of(X, y), []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append((*input_moments(data), found_in(data)))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("n_samples", range(100, 2100, 100))
def test_products_that_are_constant_but_for_rounding_separate_nothing(n_samples):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_samples, 6)), rng.integers(2, size=n_samples)
    X[:, 0] = rng.permutation(n_samples) % 2
    X[:, 1], X[:, 2] = X[:, 0], 1 - X[:, 0]
    assert found_in(data_of(X, y)).max() < 0.3


@pytest.mark.parametrize("n_classes", [1, 2])
def test_one_class_says_nothing(n_classes):
    X, y = together()
    y[:] = n_classes - 1
    assert not found_in(data_of(X, y)).any()


def test_with_many_inputs_fewer_samples_are_looked_at_or_none(monkeypatch):
    data = data_of(*together())
    monkeypatch.setattr(pairs, "MOST_PRODUCTS", 12**2 * (2 * 100 + 2 * 10))
    some = samples_in_pairs(data)
    assert some.size == 100
    assert np.isin(some, data.samples).all()
    monkeypatch.setattr(pairs, "MOST_PRODUCTS", 12**2)
    assert samples_in_pairs(data).size == 0


def test_samples_that_alternate_are_all_looked_at_by_chance(monkeypatch):
    data = data_of(*together())
    monkeypatch.setattr(pairs, "MOST_SAMPLES_IN_PAIRS", 200)
    parity = samples_in_pairs(data) % 2
    assert 60 < parity.sum() < 140


def test_few_samples_are_not_looked_at_in_pairs(monkeypatch):
    def refused(*_):
        raise AssertionError("pairs were looked at")

    X, y = example(n_samples=12, n_features=12)
    monkeypatch.setattr(plan, "pair_separation", refused)
    small().fit(X, y)
    with pytest.raises(AssertionError, match="pairs"):
        small().fit(*example(n_samples=13, n_features=12))


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_connections_gather_at_inputs_that_decide_together(kind):
    X, y = together(n_samples=600, n_features=60)
    if kind == "numbers":
        model = TrulySparseMLPRegressor(50, epsilon=3, max_iter=5, random_state=0)
        model.fit(X, scale(X[:, 0] * X[:, 1]))
    else:
        model = small(hidden_layer_sizes=(50,), epsilon=3, max_iter=5).fit(X, y)
    degrees = np.diff(model.coefs_[0].indptr)
    assert degrees[:2].min() > 3 * degrees[2:].mean()
