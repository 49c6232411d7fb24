"""Numbers about fitted networks."""

import doctest
import sys

import numpy as np
import pandas as pd
import pytest
from estimators import small
from fitted import Drawn, drawn, drawn_at_random, trained
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sksparse_mlp import SparseMLPFeatureSelector, TrulySparseMLPClassifier
from sksparse_mlp.inspection import (
    _distance,
    _importance,
    _summary,
    importance_table,
    summary,
    topology_distance,
)

# Input 2 feeds nothing, hidden neuron 1 gets nothing, hidden neuron 2 leads nowhere.
FIRST = [[0.5, 0, -1, 0], [1, 0, 0, 2], [0, 0, 0, 0]]
SECOND = [[1, -1], [3, 0], [0, 0], [0, 2]]


@pytest.fixture
def layers():
    return summary(drawn(FIRST, SECOND)).layers


# ---------------------------------------------------------------- where the network is


@pytest.fixture(scope="module")
def model():
    return trained()[0]


def test_the_network_of_a_pipeline_is_its_last_step():
    _, X, y = trained(max_iter=1)
    pipeline = make_pipeline(StandardScaler(), small()).fit(X, y)
    assert summary(pipeline).layers == summary(pipeline[-1]).layers


def test_the_network_of_a_search_is_the_best_one():
    model, X, y = trained(max_iter=1)
    search = GridSearchCV(model, {"zeta": [0.2, 0.3]}, cv=2).fit(X, y)
    assert summary(search).layers == summary(search.best_estimator_).layers


def test_the_network_of_a_selector_is_its_estimator():
    model, X, y = trained(max_iter=1)
    selector = SelectFromModel(model).fit(X, y)
    assert summary(selector).layers == summary(selector.estimator_).layers


def test_an_unfitted_network_is_not_inspected():
    with pytest.raises(NotFittedError):
        summary(TrulySparseMLPClassifier())


def test_a_dense_network_is_not_inspected():
    dense = MLPClassifier((2,), max_iter=300, tol=1.0, random_state=0).fit([[0], [1]], [0, 1])
    with pytest.raises(TypeError, match=r"est must be a fitted sparse network.*MLPClassifier"):
        summary(dense)


# ---------------------------------------------------------------- summary


def test_summary_counts_connections(layers):
    assert [layer.connections for layer in layers] == [4, 4]


def test_summary_counts_connections_of_weight_zero():
    network = drawn(FIRST, SECOND)
    network.coefs_[0].data[:] = 0
    assert summary(network).layers[0].connections == 4


def test_summary_gives_shapes(layers):
    assert [(layer.n_in, layer.n_out) for layer in layers] == [(3, 4), (4, 2)]


def test_summary_gives_densities(layers):
    assert [layer.density for layer in layers] == [4 / 12, 4 / 8]


def test_summary_gives_the_bytes_that_coefs_take(layers):
    weights = drawn(FIRST).coefs_[0]
    assert layers[0].memory == sum(
        a.nbytes for a in (weights.data, weights.indices, weights.indptr)
    )


def test_summary_gives_the_bytes_of_a_dense_layer(layers):
    assert layers[0].dense_memory == np.zeros((3, 4), np.float32).nbytes


def test_an_input_without_connections_is_dead(layers):
    assert layers[0].dead_inputs == 1


def test_a_neuron_that_gets_nothing_or_leads_nowhere_is_dead(layers):
    assert layers[0].dead_outputs == 2


def test_a_neuron_fed_by_dead_ones_only_is_dead():
    network = drawn([[1, 0]], [[1, 0], [0, 1]], [[1], [1]])
    assert summary(network).layers[1].dead_outputs == 1


def test_an_output_that_nothing_reaches_is_dead():
    assert summary(drawn([[1, 0]])).layers[0].dead_outputs == 1


def test_summary_gives_in_degrees(layers):
    assert (layers[0].in_degree_mean, layers[0].in_degree_max) == (1.0, 2)


def test_summary_gives_out_degrees(layers):
    assert (layers[0].out_degree_mean, layers[0].out_degree_max) == (4 / 3, 2)


def test_without_evolution_what_is_connected_is_explored():
    model, *_ = trained(evolution=None)
    assert [layer.explored for layer in summary(model).layers] == [
        layer.density for layer in summary(model).layers
    ]


def test_explored_are_the_cells_ever_connected():
    model, X, y = trained(max_iter=1)
    model, seen = clone(model), [0, 0, 0]
    for _ in range(6):
        model.partial_fit(X, y, classes=[0, 1, 2])
        seen = [s + abs(w) for s, w in zip(seen, model.coefs_, strict=True)]
    expected = [s.count_nonzero() / (s.shape[0] * s.shape[1]) for s in seen]
    assert [layer.explored for layer in summary(model).layers] == expected


def test_rewired_is_the_mean_over_the_epochs():
    network = drawn(FIRST, SECOND, history={"rewired_by_layer": [[0, 0], [4, 2]]})
    assert [layer.rewired_per_epoch for layer in summary(network).layers] == [2.0, 1.0]


def test_what_the_file_of_an_old_version_does_not_say_is_unknown():
    figures = summary(drawn(FIRST, SECOND, history={}))
    assert np.isnan(figures.layers[0].explored)
    assert np.isnan(figures.layers[0].rewired_per_epoch)
    assert "unknown" in repr(figures)


def test_a_stream_that_goes_on_from_an_old_file_counts_what_is_new():
    network = drawn(FIRST, SECOND, history={"rewired_by_layer": [None, [4, 2]]})
    assert summary(network).layers[0].rewired_per_epoch == 4.0


def test_summary_prints_lines_of_equal_length():
    header, *rows = repr(summary(drawn(FIRST, SECOND))).splitlines()[1:]
    assert {len(row) for row in rows} == {len(header)}


def test_summary_prints_the_whole_network():
    text = repr(summary(drawn(np.ones((1000, 500)), np.ones((500, 2)))))
    assert text.startswith(
        "501,000 connections, 100 % of all cells; 4.01 MB, dense it would be 2 MB"
    )


def test_summary_prints_gigabytes():
    assert _summary._bytes(5_400_000_000) == "5.4 GB"


def test_summary_as_html_has_a_row_for_each_layer():
    assert summary(drawn(FIRST, SECOND))._repr_html_().count("<tr>") == 3


def test_summary_as_a_frame_has_the_fields_as_columns(layers):
    frame = summary(drawn(FIRST, SECOND)).to_frame()
    assert list(frame.columns) == list(layers[0]._fields)


def test_summary_as_a_frame_has_the_figures_of_the_layers(layers):
    frame = summary(drawn(FIRST, SECOND)).to_frame()
    assert tuple(frame.iloc[1]) == layers[1]


def test_summary_of_a_trained_network_has_its_connections(model):
    assert tuple(layer.connections for layer in summary(model).layers) == model.n_connections_


# ---------------------------------------------------------------- importances


def test_importances_are_sorted():
    assert list(importance_table(drawn(FIRST, SECOND))["importance"]) == [3 / 4.5, 1.5 / 4.5, 0]


def test_importance_ranks_count_from_one():
    assert list(importance_table(drawn(FIRST, SECOND)).index) == [1, 2, 3]


def test_importance_table_counts_the_connections_of_an_input():
    assert list(importance_table(drawn(FIRST, SECOND))["connections"]) == [2, 2, 0]


def test_importances_add_up():
    assert importance_table(drawn(FIRST, SECOND))["cumulative"].iloc[-1] == pytest.approx(1.0)


def test_features_have_default_names():
    assert list(importance_table(drawn(FIRST, SECOND))["feature"]) == ["x1", "x0", "x2"]


def test_features_are_called_as_the_caller_says():
    table = importance_table(drawn(FIRST, SECOND, names="xyz"), feature_names=["a", "b", "c"])
    assert list(table["feature"]) == ["b", "a", "c"]


def test_features_are_called_as_in_fit():
    table = importance_table(drawn(FIRST, SECOND, names=["TP53", "MYC", "KRAS"]))
    assert list(table["feature"]) == ["MYC", "TP53", "KRAS"]


def test_features_of_a_pipeline_are_called_as_its_other_steps_say():
    _, X, y = trained(max_iter=1)
    X = pd.DataFrame(X, columns=[f"gene {j}" for j in range(X.shape[1])])
    pipeline = make_pipeline(StandardScaler(), small()).fit(X, y)
    assert set(importance_table(pipeline)["feature"]) == set(X.columns)


def selection(network):
    """Selects some of the features, by their names, and hands on arrays without names."""
    return make_pipeline(SelectKBest(k=4), network)


AROUND = {
    "pipeline": selection,
    "pipeline in a pipeline": lambda net: make_pipeline(StandardScaler(), selection(net)),
    "search": lambda net: GridSearchCV(selection(net), {}, cv=2),
    "search in a pipeline": lambda net: make_pipeline(
        StandardScaler(), GridSearchCV(selection(net), {}, cv=2)
    ),
    "selector in a pipeline": lambda net: selection(SelectFromModel(net)),
    "supervised selector": lambda net: selection(SparseMLPFeatureSelector(net, n_networks=1)),
    "threshold": lambda net: TunedThresholdClassifierCV(selection(net), cv=2),
}


@pytest.fixture(scope="module")
def genes():
    """A frame of features with names, and two classes."""
    _, X, y = trained(n_classes=2, max_iter=1)
    return pd.DataFrame(X, columns=[f"gene {j}" for j in range(X.shape[1])]), y


@pytest.mark.parametrize("around", AROUND)
def test_names_are_followed_through_all_that_is_around_a_network(around, genes):
    frame, y = genes
    model = AROUND[around](small(max_iter=1)).fit(frame, y)
    expected = SelectKBest(k=4).fit(frame, y).get_feature_names_out()
    assert set(importance_table(model)["feature"]) == set(expected)


def test_names_are_those_of_the_features_that_an_elimination_left(genes):
    model = RFE(small(max_iter=1), n_features_to_select=4, step=40).fit(*genes)
    names = set(importance_table(model)["feature"])
    assert names == set(model.get_feature_names_out())
    assert len(names) == 4


def test_features_that_a_step_cannot_name_are_counted():
    _, X, y = trained(max_iter=1)
    model = make_pipeline(FunctionTransformer(lambda X: X[:, :3]), small(max_iter=1)).fit(X, y)
    assert set(importance_table(model)["feature"]) == {"x0", "x1", "x2"}


def test_networks_of_features_that_are_called_otherwise_are_not_averaged():
    networks = [drawn([[1], [3]], names=["a", "b"]), drawn([[1], [3]], names=["a", "c"])]
    with pytest.raises(ValueError, match="feature 1 is 'b' in one and 'c' in another"):
        importance_table(networks)
    assert list(importance_table(networks, feature_names=["x", "y"])["feature"]) == ["y", "x"]


def test_feature_names_of_another_number_are_refused():
    with pytest.raises(
        ValueError, match=r"feature_names must hold a name for each of the 3 .*\(2,"
    ):
        importance_table(drawn(FIRST, SECOND), feature_names=["a", "b"])


def test_importances_of_several_networks_are_averaged():
    table = importance_table([drawn([[1], [3]]), drawn([[2], [2]])])
    assert list(table["importance"]) == [5 / 8, 3 / 8]


def test_importances_of_several_networks_have_a_standard_deviation():
    table = importance_table([drawn([[1], [3]]), drawn([[2], [2]])])
    np.testing.assert_allclose(table["std"], np.std([0.25, 0.5], ddof=1))


def test_connections_of_several_networks_are_averaged():
    table = importance_table([drawn([[1, 1], [9, 0]]), drawn([[1, 0], [9, 0]])])
    assert list(table["connections"]) == [1.0, 1.5]


def test_importances_of_a_selector_are_its_own():
    selector = SelectFromModel(Drawn())
    selector.estimator_ = drawn([[1], [3]])
    selector.feature_importances_ = np.array([0.9, 0.1])
    assert list(importance_table(selector)["feature"]) == ["x0", "x1"]


def test_networks_of_different_features_are_not_averaged():
    with pytest.raises(ValueError, match=r"same features; got 2 with n_features_in_=\[2, 1\]"):
        importance_table([drawn([[1], [3]]), drawn([[2]])])


def test_a_table_without_pandas_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="importance_table needs pandas: pip install pandas"):
        importance_table(drawn(FIRST, SECOND))


# ---------------------------------------------------------------- distance


def slow_distance(a, b):
    """The distance of each layer, neuron by neuron, after the paper."""
    distances, partners = [], np.arange(a.coefs_[0].shape[0])
    for first, second in zip(a.coefs_, b.coefs_, strict=True):
        first, second = first.toarray() != 0, second.toarray()[partners] != 0
        costs = np.empty((first.shape[1], second.shape[1]))
        for i, j in np.ndindex(*costs.shape):
            own, other = set(np.flatnonzero(first[:, i])), set(np.flatnonzero(second[:, j]))
            costs[i, j] = len(own ^ other) / len(own | other) if own | other else 0.0
        rows, partners = linear_sum_assignment(costs)
        distances.append(costs[rows, partners].mean())
    return distances


@pytest.mark.parametrize("density", [0.02, 0.2, 0.7])
def test_distance_is_that_of_the_paper(density):
    a, b = (drawn_at_random((30, 20, 15, 4), density, seed=seed) for seed in (1, 2))
    assert topology_distance(a, b, per_layer=True)[0] == pytest.approx(slow_distance(a, b)[0])


def test_distance_is_the_mean_over_the_layers():
    a, b = (drawn_at_random((30, 20, 15, 4), 0.2, seed=seed) for seed in (1, 2))
    assert topology_distance(a, b) == pytest.approx(topology_distance(a, b, per_layer=True).mean())


def test_distance_to_itself_is_zero():
    a = drawn_at_random((30, 20, 15, 4), 0.2)
    assert topology_distance(a, a) == 0.0


def test_distance_does_not_see_the_order_of_the_hidden_neurons():
    a = drawn_at_random((30, 20, 15, 4), 0.2)
    order = np.random.default_rng(0).permutation(20)
    first, second, last = (weights.toarray() for weights in a.coefs_)
    b = drawn(first[:, order], second[order], last)
    assert topology_distance(a, b) == 0.0


def test_distance_does_not_see_the_weights():
    a = drawn_at_random((30, 20, 4), 0.2)
    b = drawn(*(-2 * weights.toarray() for weights in a.coefs_))
    assert topology_distance(a, b) == 0.0


def test_networks_that_share_no_input_are_at_distance_one():
    assert topology_distance(drawn([[1, 1], [0, 0]]), drawn([[0, 0], [1, 1]])) == 1.0


@pytest.mark.parametrize("block", [1, 10**6], ids=["row by row", "at once"])
def test_a_greedy_pairing_finds_a_reordered_network(monkeypatch, block):
    monkeypatch.setattr(_distance, "PAIRED_EXACTLY_UP_TO", 0)
    monkeypatch.setattr(_distance, "GREEDY_BLOCK", block)
    first = np.random.default_rng(0).random((40, 20)) < 0.3
    assert topology_distance(drawn(first), drawn(first[:, ::-1])) == 0.0


def test_a_greedy_pairing_uses_every_neuron_once():
    rng = np.random.default_rng(0)
    a, b = (drawn(rng.random((10, 30)) < 0.2).coefs_[0].T.tocsr() for _ in range(2))
    partners, _ = _distance._pair_greedily(a, b)
    assert sorted(partners) == list(range(30))


def test_networks_of_different_shapes_are_not_compared():
    with pytest.raises(
        ValueError, match=r"a and b must have layers.*\[\(2, 1\)\] and \[\(1, 1\)\]"
    ):
        topology_distance(drawn([[1], [1]]), drawn([[1]]))


@pytest.mark.parametrize("module", [_distance, _importance, _summary], ids=lambda m: m.__name__)
def test_examples_in_the_documentation(module):
    assert doctest.testmod(module).failed == 0


def test_drawn_networks_are_never_trained():
    with pytest.raises(NotImplementedError):
        Drawn().fit(None, None)
