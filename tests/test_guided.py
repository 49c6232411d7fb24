"""Guided evolution: connections of the inputs gather at those that differ between the classes."""

import numpy as np
import pytest
from estimators import points
from wide import wide

from sksparse_mlp import TrulySparseMLPClassifier


def fitted(X, y, **changes):
    parameters = {"hidden_layer_sizes": (20,), "epsilon": 3, "max_iter": 5, "random_state": 0}
    return TrulySparseMLPClassifier(**parameters | changes).fit(X, y)


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


@pytest.mark.parametrize("n_samples, guidance", [(8, 0.5), (20, 0.725), (200, 0.9275)])
def test_by_default_more_is_guided_with_more_samples(n_samples, guidance):
    X, y = points(n_samples=n_samples)  # of ten features
    given = fitted(X, y, evolution="guided", guidance=guidance)
    assert np.array_equal(fitted(X, y).coefs_[0].indices, given.coefs_[0].indices)


def test_columns_of_noise_get_few_connections_with_many_samples():
    X, y = points(n_samples=300)
    X = np.hstack([X, np.random.default_rng(1).normal(size=(300, 50))])
    guided, chance = (
        degrees(fitted(X, y, hidden_layer_sizes=(50,), max_iter=30, evolution=rule))[:10].sum()
        for rule in ("auto", "set")
    )
    assert guided > 3 * chance
