"""SparseMLPFeatureSelector with a regressor: numbers instead of classes."""

import numpy as np
import pytest

from sksparse_mlp import (
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
    TrulySparseMLPRegressor,
)

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


def test_methods_that_need_classes_are_refused():
    with pytest.raises(ValueError, match=r"method='gradient'.*regressor"):
        SparseMLPFeatureSelector(NETWORK, method="gradient").fit(X, Y)


@pytest.mark.parametrize("changes", [{}, {"max_false_selections": 1}])
def test_numbers_without_a_regressor_are_refused_early(changes):
    selector = SparseMLPFeatureSelector(TrulySparseMLPClassifier(9), **changes)
    with pytest.raises(ValueError, match=r"continuous.*TrulySparseMLPRegressor"):
        selector.fit(X, Y)


def test_several_columns_are_refused_without_advice_for_classifiers():
    with pytest.raises(ValueError, match="one of the columns at a time"):
        SparseMLPFeatureSelector().fit(X, np.column_stack((Y, Y)))
