"""One network from several: the mean of their weights, at the strongest connections."""

import pickle
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from builders import make_network, predict, shaken
from estimators import (
    indicators,
    numbers,
    points,
    same_bits,
    small,
    small_regressor,
    small_survival,
    times,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sksparse_mlp import merge
from sksparse_mlp._network.merging import merged

X, Y = points()
FIRST, SECOND = (slice(0, 48), slice(48, 96))


# ---------------------------------------------------------------- networks


@st.composite
def alike(draw):
    """Some networks with layers of the same sizes, and what each counts."""
    widths = [5, *draw(st.lists(st.integers(1, 6), max_size=2)), 3]
    n_connections = [draw(st.integers(1, n_in * n_out)) for n_in, n_out in pairwise(widths)]
    if len(widths) > 2 and draw(st.booleans()):
        n_connections.append(draw(st.integers(1, 15)))
    activation = draw(st.sampled_from(["relu", "srelu"]))
    seeds = draw(st.lists(st.integers(0, 99), min_size=1, max_size=4))
    networks = [
        shaken(make_network(widths, n_connections, seed=seed, activation=activation), seed)
        for seed in seeds
    ]
    for network, seed in zip(networks, seeds, strict=True):
        network.arrays.weights[:] = np.random.default_rng(seed).normal(
            size=network.arrays.weights.size
        )
    shares = np.array([draw(st.integers(1, 5)) for _ in seeds], float)
    return networks, shares / shares.sum()


def layers_of(network):
    return [network.weights_of(layer) for layer in range(network.n_layers)]


def strongest_of_mean(networks, shares, layer):
    """A slow twin: the cells of the mean of dense matrices that stay, and their weights."""
    united = sorted({
        cell
        for network in networks
        for cell in zip(*_cells(network.weights_of(layer)), strict=True)
    })  # fmt: skip
    dense = [network.weights_of(layer).toarray().astype(float) for network in networks]
    mean = {cell: sum(s * d[cell] for s, d in zip(shares, dense, strict=True)) for cell in united}
    best = sorted(united, key=lambda cell: (-abs(mean[cell]), cell))
    return {cell: mean[cell] for cell in best[: networks[0].n_connections[layer]]}


def _cells(matrix):
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows.tolist(), matrix.indices.tolist()


@given(alike())
def test_each_layer_keeps_the_strongest_connections_of_the_mean(drawn):
    networks, shares = drawn
    result = merged(networks, shares)
    for layer, matrix in enumerate(layers_of(result)):
        expected = strongest_of_mean(networks, shares, layer)
        found = dict(zip(zip(*_cells(matrix), strict=True), matrix.data, strict=True))
        assert list(found) == sorted(expected)  # distinct, sorted, as many as there were
        assert_allclose([found[c] for c in sorted(found)], [expected[c] for c in sorted(found)],
                        rtol=1e-6, atol=1e-7)  # fmt: skip


@given(alike())
def test_intercepts_and_srelu_are_means(drawn):
    networks, shares = drawn
    result = merged(networks, shares)
    for name in ("intercepts", "srelu"):
        arrays = [getattr(network.arrays, name) for network in networks]
        expected = np.average(arrays, axis=0, weights=shares)
        assert_allclose(getattr(result.arrays, name), expected, rtol=1e-5, atol=1e-6)


@given(alike())
def test_merging_leaves_the_networks_as_they_were(drawn):
    networks, shares = drawn
    before = [pickle.dumps(network.state_dict()) for network in networks]
    result = merged(networks, shares)
    result.arrays.weights[:] = 0
    assert [pickle.dumps(network.state_dict()) for network in networks] == before


@given(alike())
def test_a_network_merged_with_itself_is_itself(drawn):
    network = drawn[0][0]
    result = merged([network] * 2, np.full(2, 0.5))
    rows = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    assert_array_equal(predict(result, rows), predict(network, rows))


def test_a_connection_that_one_network_lacks_counts_as_zero():
    one, other = (make_network((2, 2), [2], seed=seed) for seed in (0, 1))
    for network, columns, weights in ((one, [0, 1], [1.0, 4.0]), (other, [1, 0], [3.0, -6.0])):
        network.arrays.indptr[:], network.arrays.indices[:] = [0, 1, 2], columns
        network.arrays.weights[:] = weights
    # The means are 0.5 and 1.5 in the first row, -3 and 2 in the second.
    result = merged([one, other], np.full(2, 0.5)).weights_of(0)
    assert_allclose(result.toarray(), [[0, 0], [-3, 2]])


def test_memory_is_in_proportion_to_connections():
    networks = [make_network((100_000, 100_000), [2_000], seed=seed) for seed in (0, 1)]
    assert merged(networks, np.full(2, 0.5)).n_connections == (2_000,)


# ---------------------------------------------------------------- estimators


def centres(start, **fit):
    """Two copies that went on with halves of the samples."""
    return [deepcopy(start).partial_fit(X[rows], Y[rows], **fit) for rows in (FIRST, SECOND)]


def test_models_that_went_on_from_one_become_one_that_is_as_good():
    start = small(max_iter=20).fit(X, Y)
    models = centres(start.set_params(learning_rate_init=0.01))
    model = merge(models)
    assert model.score(X, Y) > min(other.score(X, Y) for other in models) - 0.02
    assert model.n_connections_ == start.n_connections_


def test_one_model_alone_predicts_as_before():
    model = small().fit(X, Y)
    assert_array_equal(merge([model]).predict_proba(X), model.predict_proba(X))


def test_weights_say_what_each_model_counts():
    models = centres(small().fit(X, Y))
    assert same_bits(merge(models, weights=[1, 0]), merge(models[:1]))
    assert same_bits(merge(models, weights=[3, 3]), merge(models))
    assert not same_bits(merge(models, weights=[3, 1]), merge(models))


def test_the_result_has_the_means_of_temperature_and_importances():
    models = [small(temperature=t, random_state=t).fit(X, Y) for t in (1, 3)]
    model = merge(models, weights=[3, 1])
    assert model.temperature_ == 1.5
    importances = [other.feature_importances_ for other in models]
    assert_allclose(model.feature_importances_, np.average(importances, axis=0, weights=[3, 1]))
    assert model.history_ == models[0].history_


@pytest.mark.parametrize(("weights", "unit"), [([1, 1], 8.0), ([1, 0], 4.0), ([0, 1], 16.0)])
def test_the_result_counts_inputs_in_the_unit_between_those_of_all(weights, unit):
    models = [small(learning_rate_scaling="fan_in").fit(u * X / X.std(), Y) for u in (4, 16)]
    assert [model._network.input_unit for model in models] == [4.0, 16.0]
    assert merge(models, weights=weights)._network.input_unit == unit


def test_the_result_goes_on_learning():
    model = merge(centres(small().fit(X, Y)))
    t = model.t_
    assert model.partial_fit(X, Y).t_ == t + len(X)
    again = model.set_params(warm_start=True).fit(X, Y)
    assert again.t_ == t + 6 * len(X)
    assert again.n_connections_ == model.n_connections_


def test_the_result_goes_through_a_file():
    model = merge(centres(small().fit(X, Y)))
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_models_stay_as_they_were():
    models = centres(small().fit(X, Y))
    before = pickle.dumps(models)
    merge(models).partial_fit(X, Y)
    assert pickle.dumps(models) == before


def test_several_labels_are_merged_too():
    X, Y = indicators()
    models = [small(random_state=seed).fit(X, Y) for seed in (0, 1)]
    assert merge(models).predict(X).shape == Y.shape


@pytest.mark.parametrize("changes", [{}, {"skip_connections": "zero"}, {"hidden_layer_sizes": ()}])
def test_targets_of_other_scales_are_brought_to_one(changes):
    X, y = numbers()
    model = small_regressor(**changes).fit(X, y)
    # The same function of X, by another scale: weights half as large for deviations twice as large.
    other = deepcopy(model)
    other.target_center_, other.target_scale_ = model.target_center_ + 7, 2 * model.target_scale_
    network = other._network
    output = len(network.widths) - 2
    for layer in range(output, network.n_layers):
        network.weights_of(layer).data[:] /= 2
    z = network.intercepts_of(output)
    z[:] = (z - 7 / model.target_scale_) / 2
    nearly = {"rtol": 1e-4, "atol": 1e-6 * y.std()}  # outputs are float32
    assert_allclose(other.predict(X), model.predict(X), **nearly)
    both = merge([model, other])
    assert_allclose(both.predict(X), model.predict(X), **nearly)
    assert_allclose(both.target_center_, model.target_center_ + 3.5)


# ---------------------------------------------------------------- what cannot be merged


def a(X=X, Y=Y, **changes):
    return small(max_iter=1, **changes).fit(X, Y)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: a(hidden_layer_sizes=5), "widths"),
        (lambda: a(epsilon=2), "n_connections_"),
        (lambda: a(activation="tanh"), "activation"),
        (lambda: a(activation_slope=0.1), "activation_slope"),
        (lambda: a(X[:, 1:]), "n_features_in_"),
        (lambda: a(Y=np.char.lower(Y)), "classes_"),
        (lambda: a(Y=np.where(Y == "ALL", "AML", Y)), "n_outputs_"),
        (lambda: a(Y=np.eye(3, dtype=int)[np.arange(96) % 3]), "out_activation_"),
        (lambda: small_regressor().fit(*numbers()), "their class"),
    ],
)
def test_what_differs_is_named(other, named):
    with pytest.raises(ValueError, match=r"models\[1\]") as error:
        merge([a(), other()])
    assert named in str(error.value)


def test_names_of_features_must_agree():
    pandas = pytest.importorskip("pandas")
    named = [a(pandas.DataFrame(X).add_prefix(prefix)) for prefix in ("f", "g")]
    with pytest.raises(ValueError, match="feature_names_in_"):
        merge(named)


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, np.nan], ["a", 1]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be 2 numbers"):
        merge([a(), a()], weights=weights)


def test_only_fitted_networks_are_merged():
    with pytest.raises(NotFittedError):
        merge([a(), small()])
    with pytest.raises(TypeError, match="models must be a list"):
        merge(a())
    with pytest.raises(TypeError, match=r"models\[1\] is str"):
        merge([a(), "b"])
    with pytest.raises(TypeError, match=r"models\[0\] is TrulySparseMLPSurvival"):
        merge([small_survival().fit(*times())])
    with pytest.raises(ValueError, match="empty"):
        merge([])


def test_models_that_keep_earlier_tasks_are_refused():
    with pytest.raises(ValueError, match=r"new_task\(\) froze some of models\[1\]"):
        merge([a(), a().new_task(X, Y)])


@pytest.mark.parametrize("growth", ["set", "gradient", "cosine", "hebbian"])
def test_growth_that_needs_no_preferences_is_that_of_the_first(growth):
    networks = [make_network((5, 4, 3), [8, 6], seed=seed, growth=growth) for seed in (0, 1)]
    assert merged(networks, np.array([0.5, 0.5])).growth == growth
