"""Complementary pairs stability selection: its halves, its bound, and what it selects."""

import numpy as np
import pytest
from estimators import small
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sksparse_mlp import SparseMLPFeatureSelector
from sksparse_mlp.selection._stability import (
    Tally,
    complementary_halves,
    false_selections_bound,
    n_chosen,
)

N_INFORMATIVE, N_FEATURES = 5, 200
TINY = small(
    hidden_layer_sizes=(20,), epsilon=5, batch_size="auto", max_iter=10, weight_init_gain=0.1
)


def example(seed=0):
    """Three classes that differ in the first features; all others are noise."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(3), 20)
    X = rng.normal(size=(y.size, N_FEATURES)).astype(np.float32)
    X[:, :N_INFORMATIVE] += 2 * rng.permuted(np.tile([-1, 0, 1], (N_INFORMATIVE, 1)), axis=1).T[y]
    return X, y


def stable(**changes):
    parameters = {"max_false_selections": 1, "n_pairs": 5, "n_networks": 1, "random_state": 0}
    return SparseMLPFeatureSelector(TINY, **parameters | changes)


@pytest.fixture(scope="module")
def fitted():
    return stable().fit(*example())


# ---------------------------------------------------------------- halves


@given(st.lists(st.integers(0, 3), min_size=8, max_size=40), st.integers(0, 2**32 - 1))
def test_halves_are_disjoint_and_split_each_class_evenly(labels, seed):
    y = np.array([0, 0, 0, 1, 1, 1, *labels])
    halves = list(complementary_halves(y, None, 2, np.random.RandomState(seed)))
    assert len(halves) == 4
    for one, other in (halves[:2], halves[2:]):
        assert not (one * other).any()
        assert one.sum() == other.sum() == len(y) // 2
        for label in np.unique(y):
            assert abs(one[y == label].sum() - other[y == label].sum()) <= 2
    assert all(len(np.unique(y[half > 0])) >= 2 for half in halves)


def test_pairs_differ():
    halves = list(complementary_halves(np.arange(40) % 2, None, 3, np.random.RandomState(0)))
    assert len({half.tobytes() for half in halves}) == 6


def test_samples_keep_their_weights_and_those_of_none_are_in_no_half():
    weight = np.array([2.0, 3.0, 0.0, 1.0, 5.0, 0.0, 4.0, 1.0])
    halves = complementary_halves(np.arange(8) % 2, weight, 1, np.random.RandomState(0))
    one, other = halves
    assert_array_equal(one + other, weight)
    assert np.count_nonzero(one) == np.count_nonzero(other) == 3


@pytest.mark.parametrize("y", [[0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 2, 3]])
def test_too_few_samples_are_refused(y):
    halves = complementary_halves(np.array(y), None, 1, np.random.RandomState(0))
    with pytest.raises(ValueError, match=r"max_false_selections needs .* at least [23] samples"):
        next(halves)


# ---------------------------------------------------------------- bound


@given(
    st.integers(1, 10**5),
    st.floats(0.01, 100),
    st.floats(0.5, 1, exclude_min=True).filter(lambda f: f > 0.505),
)
def test_as_many_are_chosen_as_the_bound_allows(n_features, most, min_frequency):
    if (2 * min_frequency - 1) * n_features * most < 1:
        with pytest.raises(ValueError, match=r"max_false_selections=.* allows for no feature"):
            n_chosen(n_features, most, min_frequency)
        return
    n = n_chosen(n_features, most, min_frequency)
    assert false_selections_bound(n, n_features, min_frequency) <= most * (1 + 1e-9)
    more = false_selections_bound(n + 1, n_features, min_frequency)
    assert n == n_features or more > most


def test_the_bound_is_that_of_the_paper():
    """Shah and Samworth (2013), equation 5: ``E <= q theta / (2 tau - 1)`` with ``q / p``."""
    assert false_selections_bound(20, 1000, 0.9) == pytest.approx(20 * (20 / 1000) / 0.8)


def test_frequencies_are_counts_of_the_best_of_each_round():
    tally = Tally(4, 2)
    for scores in ([4, 3, 2, 1], [0, 1, 5, 4]):
        tally.add(np.array(scores))
        tally.end_round()
    assert tally.frequencies().tolist() == [0.5, 0.5, 0.5, 0.5]
    tally.add(np.array([1, 2, 0, 0]))
    tally.add(np.array([1, 2, 0, 9]))
    tally.end_round()
    assert_allclose(tally.frequencies(), [1 / 3, 2 / 3, 1 / 3, 2 / 3])
    assert_allclose(tally.mean(), [6 / 4, 8 / 4, 7 / 4, 14 / 4])


# ---------------------------------------------------------------- selection


def test_features_of_a_frequency_are_selected(fitted):
    frequencies = fitted.selection_frequencies_
    assert_array_equal(fitted.get_support(), frequencies >= 0.75)
    assert frequencies.sum() == pytest.approx(fitted.n_chosen_)
    assert (fitted.n_chosen_, fitted.false_selections_bound_) == (10, 1.0)


def test_false_selections_stay_below_the_bound_over_seeds():
    found = np.array([stable(random_state=s).fit(*example(s)).get_support() for s in range(8)])
    assert found[:, N_INFORMATIVE:].sum(axis=1).mean() <= 1
    assert found[:, :N_INFORMATIVE].sum(axis=1).mean() >= 4


def test_pure_noise_selects_next_to_nothing():
    X, y = example()
    noise = np.random.default_rng(1).normal(size=X.shape)
    assert stable().fit(noise, y).get_support().sum() <= 1


def test_each_half_is_scored_by_networks_of_its_own():
    """With one pair, the scores are those of plain selectors on either half."""
    X, y = example()
    selector = stable(n_pairs=1, n_networks=2).fit(X, y)
    random_state = np.random.RandomState(0)
    seeds = random_state.randint(2**31 - 1, size=4)
    rng = np.random.RandomState(random_state.randint(2**31 - 1))
    halves = list(complementary_halves(y, None, 1, rng))
    expected = np.zeros(N_FEATURES)
    for half, of_half in zip(halves, seeds.reshape(2, 2), strict=True):
        alone = [scores_of(seed, X, y, half) for seed in of_half]
        expected[np.argsort(-np.sum(alone, axis=0))[:10]] += 0.5
    assert_array_equal(selector.selection_frequencies_, expected)


def scores_of(seed, X, y, weight):
    class Seeded(np.random.RandomState):
        def randint(self, *args, **kwargs):
            return np.array([seed])

    plain = stable(max_false_selections=None, random_state=Seeded())
    return plain.fit(X, y, sample_weight=weight).scores_


def test_threads_and_sparse_input_change_nothing(fitted):
    X, y = example()
    other = stable(n_jobs=2).fit(sparse.csr_array(X), y)
    assert_array_equal(other.selection_frequencies_, fitted.selection_frequencies_)
    assert_array_equal(other.scores_, fitted.scores_)


def test_the_networks_of_the_first_half_are_kept():
    selector = stable(n_pairs=2, n_networks=2).fit(*example())
    assert len(selector.estimators_) == 2
    assert selector.estimator_ is selector.estimators_[0]


def test_without_control_there_are_no_frequencies():
    selector = stable(max_false_selections=None).fit(*example())
    assert selector.selection_frequencies_ is None
    assert (selector.n_chosen_, selector.false_selections_bound_) == (None, None)


def test_a_higher_frequency_after_fit_lowers_the_bound(fitted):
    selector = fitted._twin().set_params(min_frequency=1.0)
    assert selector.false_selections_bound_ == pytest.approx(0.5)
    assert_array_equal(selector.get_support(), fitted.selection_frequencies_ == 1)


def test_k_instead_of_control_after_fit(fitted):
    selector = fitted._twin().set_params(max_false_selections=None, k=3)
    assert selector.get_support().sum() == 3


@pytest.mark.parametrize("changes", [{"min_frequency": 0.6}, {"max_false_selections": 0.5}])
def test_choices_that_fit_did_not_make_are_refused(fitted, changes):
    with pytest.raises(ValueError, match=r"max_false_selections=.* and min_frequency=.*fit again"):
        fitted._twin().set_params(**changes).get_support()


def test_control_after_a_fit_without_it_is_refused():
    selector = stable(max_false_selections=None, k=3).fit(*example())
    with pytest.raises(ValueError, match=r"n_chosen_=None\): fit again"):
        selector.set_params(max_false_selections=1, k=None).get_support()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": 5}, "max_false_selections=1 and k=5 both say how many.*give one"),
        ({"threshold": "mean"}, "max_false_selections=1 and threshold='mean' both say"),
        ({"max_false_selections": 0}, "'max_false_selections' parameter.*Got 0"),
        ({"max_false_selections": 1e-9}, "max_false_selections=1e-09.*at least 0.01"),
        ({"min_frequency": 0.5}, "'min_frequency' parameter.*Got 0.5"),
        ({"n_pairs": 0}, "'n_pairs' parameter.*Got 0"),
    ],
)
def test_wrong_parameters_are_refused_by_name(changes, words):
    with pytest.raises(ValueError, match=words):
        stable(**changes).fit(*example())


def test_classes_too_small_for_halves_are_refused():
    X, y = example()
    with pytest.raises(ValueError, match="max_false_selections needs halves"):
        stable().fit(X[:21], y[:21])


def test_in_a_pipeline_and_as_a_clone():
    X, y = example()
    model = make_pipeline(clone(stable(n_pairs=2)), clone(TINY)).fit(X, y)
    assert model.predict(X).shape == y.shape


def test_an_unfitted_selector_selects_nothing():
    with pytest.raises(NotFittedError):
        stable().get_support()


def test_each_half_has_two_networks_by_default_and_a_single_choice_twenty():
    X, y = example()
    halves = stable(n_networks="auto", n_pairs=1).fit(X, y)
    single = stable(n_networks="auto", max_false_selections=None, k=5).fit(X, y)
    assert (len(halves.estimators_), len(single.estimators_)) == (2, 20)
