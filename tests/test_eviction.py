"""Features that are evicted in stages."""

import numpy as np
import pytest
from estimators import small
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import SparseMLPFeatureSelector
from sksparse_mlp.selection._eviction import scores_in_stages


def selector(**changes):
    parameters = {
        "estimator": small(max_iter=3),
        "k": 4,
        "eviction": 0.5,
        "n_networks": 2,
        "random_state": 0,
    }
    return SparseMLPFeatureSelector(**parameters | changes)


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 35)
    rates = np.full(30, 0.2)
    return rng.poisson(rates + np.outer(y, np.arange(30) < 4)), y


def widths_of_stages(n_features, n_left, eviction):
    """How many features each stage sees."""
    widths = []

    def score(X):
        widths.append(X.shape[1])
        return X[0]

    scores_in_stages(score, np.arange(1.0, n_features + 1)[None], n_left, eviction)
    return widths


def test_a_stage_evicts_its_share():
    assert widths_of_stages(80, 10, 0.5) == [80, 40, 20, 10]


def test_the_last_stage_leaves_as_many_as_are_wanted():
    assert widths_of_stages(70, 30, 0.5) == [70, 35, 30]


def test_a_stage_evicts_one_feature_at_least():
    assert widths_of_stages(5, 2, 0.01) == [5, 4, 3, 2]


def test_features_that_stay_longer_have_higher_scores():
    values = np.array([5.0, 1.0, 3.0, 4.0, 2.0, 6.0])
    scores = scores_in_stages(lambda X: X[0], values[None], 2, 0.3)
    assert_array_equal(np.argsort(scores), np.argsort(values))
    assert scores.sum() == pytest.approx(1.0)


def test_a_later_stage_overrules_an_earlier_one():
    order = iter([np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0])])
    scores = scores_in_stages(lambda X: next(order), np.zeros((1, 3)), 2, 0.3)
    assert_array_equal(np.argsort(-scores), [1, 0, 2])


def test_features_that_matter_only_together_are_found():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 100))
    X[:, :6] = rng.choice([-1.0, 1.0], size=(200, 2))[:, [0, 1, 0, 1, 0, 1]]
    y = X[:, 0] * X[:, 1] > 0
    X[:, :6] += 0.6 * rng.normal(size=(200, 6))
    X = StandardScaler().fit_transform(X).astype(np.float32)
    found = {
        eviction: set(
            SparseMLPFeatureSelector(k=6, eviction=eviction, n_networks=2, random_state=0)
            .fit(X, y)
            .get_support(indices=True)
        )
        for eviction in (None, 0.5)
    }
    assert found[0.5] == set(range(6))
    assert len(found[None] & set(range(6))) < 6


def test_the_first_networks_are_those_of_a_fit_without_eviction(counts):
    with_it, without = selector().fit(*counts), selector(eviction=None).fit(*counts)
    for own, other in zip(with_it.estimators_, without.estimators_, strict=True):
        assert_array_equal(own.coefs_[0].toarray(), other.coefs_[0].toarray())


def test_sparse_equals_dense(counts):
    X, y = counts
    dense, as_csr = selector().fit(X, y), selector().fit(sparse.csr_array(X), y)
    assert_array_equal(as_csr.scores_, dense.scores_)


def test_halves_evict_until_as_many_are_left_as_are_chosen(counts):
    fitted = selector(k=None, max_false_selections=2, n_pairs=2, n_networks=1).fit(*counts)
    assert fitted.scores_.sum() == pytest.approx(1.0)
    assert fitted.selection_frequencies_.sum() == pytest.approx(fitted.n_chosen_)


@pytest.mark.parametrize("changes", [{"k": None}, {"k": None, "threshold": "mean"}])
def test_eviction_needs_to_know_how_many_are_left(counts, changes):
    with pytest.raises(ValueError, match=r"eviction=0\.5 and k=None do not say"):
        selector(**changes).fit(*counts)


@pytest.mark.parametrize("eviction", [0, 1, -0.5, "half"])
def test_shares_that_are_none_are_refused(counts, eviction):
    with pytest.raises(ValueError, match="'eviction' parameter"):
        selector(eviction=eviction).fit(*counts)
