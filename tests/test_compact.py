"""Networks without their dead and weak neurons."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from builders import make_network, predict, shaken
from estimators import KINDS, points, same_bits, small, targets_for
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sksparse_mlp import SparseAutoencoderSelector
from sksparse_mlp._network.activations import CODES
from sksparse_mlp._network.compaction import compacted, pruned
from sksparse_mlp._network.team import Team
from sksparse_mlp.datasets import make_microarray

ACTIVATIONS = sorted(CODES)
X = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
# Input 2 feeds nothing; of the neurons, 0 gets nothing, 1 leads nowhere, 2 leads to a dead end
# through the next level, 3 is alive. In the next level, 0 is fed by 0 alone, 1 is the dead end.
FIRST = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
SECOND = [[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1]]
LAST = [[1, 0], [0, 0], [1, 1]]


def network_of(*patterns, **changes):
    """A network with connections at the places that the test chooses."""
    matrices = [csr_array(np.asarray(pattern)) for pattern in patterns]
    widths = [matrices[0].shape[0]]
    for matrix in matrices:
        widths.append(matrix.shape[1])
    widths = widths[:-1] if changes.pop("skip", False) else widths
    network = make_network(widths, [matrix.nnz for matrix in matrices], **changes)
    for layer, matrix in enumerate(matrices):
        start, stop = network.connections_of(layer)
        network.arrays.indices[start:stop] = matrix.indices
        network.pointers_of(layer)[:] = start + matrix.indptr
    network.optimizer_state.weights_1[:] = 1 + np.arange(network.arrays.weights.size)
    network.optimizer_state.intercepts_1[:] = 100 + np.arange(network.arrays.intercepts.size)
    return shaken(network)


def compact(network):
    with Team(1) as team:
        return compacted(network, team)


def prune(network, percentile):
    with Team(1) as team:
        return pruned(network, percentile, team)


def paths_of(network):
    """A slow twin: hidden neurons on a path, each found by walking along all connections."""
    layers = [network.weights_of(i) for i in range(len(network.widths) - 1)]
    present = [(w.indptr, w.indices, np.ones(w.nnz)) for w in layers]
    present = [
        csr_array(cells[::-1], w.shape).toarray() for cells, w in zip(present, layers, strict=True)
    ]
    fed, used = [set(range(network.widths[0]))], [set(range(network.widths[-1]))]
    for cells in present:
        fed.append({j for i, j in np.argwhere(cells) if i in fed[-1]})
    for cells in reversed(present):
        used.insert(0, {i for i, j in np.argwhere(cells) if j in used[0]})
    return [len(f & u) for f, u in zip(fed, used, strict=True)][1:-1]


@st.composite
def sparse_networks(draw):
    widths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    widths = [6, *widths, draw(st.integers(1, 4))]
    n_connections = [
        draw(st.integers(1, max(1, n_in * n_out // 3))) for n_in, n_out in pairwise(widths)
    ]
    if draw(st.booleans()):
        n_connections.append(draw(st.integers(1, 6 * widths[-1])))
    changes = {
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "solver": draw(st.sampled_from(["sgd", "adam"])),
        "seed": draw(st.integers(0, 100)),
    }
    return shaken(make_network(widths, n_connections, **changes))


# ---------------------------------------------------------------- the network


@given(sparse_networks())
def test_a_compacted_network_puts_out_the_same(network):
    assert_allclose(predict(compact(network), X), predict(network, X), rtol=1e-5, atol=1e-6)


@given(sparse_networks())
def test_all_neurons_on_a_path_are_left_and_no_others(network):
    alive = paths_of(network)
    assert list(compact(network).widths[1:-1]) == [max(1, n) for n in alive]


@given(sparse_networks())
def test_compacting_twice_changes_nothing_more(network):
    once = compact(network)
    twice = compact(once)
    assert twice.widths == once.widths and twice.n_connections == once.n_connections


@given(sparse_networks())
def test_compacting_leaves_the_network_itself_as_it_was(network):
    before = pickle.dumps(network.state_dict())
    compact(network)
    prune(network, 50)
    assert pickle.dumps(network.state_dict()) == before


def test_dead_ends_are_left_out_with_their_connections():
    network = compact(network_of(FIRST, SECOND, LAST))
    assert (network.widths, network.n_connections) == ((3, 1, 1, 2), (1, 1, 2))


def test_what_leads_nowhere_is_left_out_to_the_bit():
    network = network_of(FIRST, [[0], [0], [0], [1]], [[1, 1]], activation="tanh")
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    smaller = compact(network)
    assert smaller.widths == (3, 1, 1, 2)
    assert_array_equal(predict(smaller, X), predict(network, X))


def test_neurons_that_put_out_zero_are_left_out_to_the_bit():
    network = network_of(FIRST, SECOND, LAST, activation="relu")
    network.arrays.intercepts[:-2] = -0.5
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    assert_array_equal(predict(compact(network), X), predict(network, X))


def test_optimizer_state_moves_with_its_connection():
    network = network_of(FIRST, SECOND, LAST)
    tag = dict(zip(network.arrays.weights, network.optimizer_state.weights_1, strict=True))
    smaller = compact(network).optimizer_state, compact(network).arrays
    assert smaller[0].weights_1.tolist() == [tag[weight] for weight in smaller[1].weights]
    assert smaller[0].intercepts_1.tolist() == [103, 106, 107, 108]


def test_without_any_path_each_layer_keeps_one_connection_that_does_nothing():
    network = network_of([[1, 0], [0, 0]], [[0, 0], [1, 1]], activation="logistic")
    smaller = compact(network)
    assert (smaller.widths, smaller.n_connections) == ((2, 1, 2), (1, 1))
    X = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    assert_allclose(predict(smaller, X), predict(network, X), rtol=1e-6)


def test_a_skip_layer_stays_as_it_is():
    network = network_of(FIRST, SECOND, LAST, [[1, 0], [0, 0], [0, 1]], skip=True)
    smaller = compact(network)
    assert smaller.n_connections == (1, 1, 2, 2)
    assert_array_equal(smaller.weights_of(3).toarray(), network.weights_of(3).toarray())


def test_a_network_without_dead_neurons_is_copied_with_what_it_explored():
    network = make_network((4, 3, 2), [12, 6])
    network.explored.shares[0] = 0.75
    assert compact(network).state_dict()["explored"] == network.state_dict()["explored"]


def test_a_solver_that_was_forgotten_stays_forgotten():
    network = network_of(FIRST, SECOND, LAST)
    network.drop_optimizer_state()
    assert compact(network).optimizer_state is None


# ---------------------------------------------------------------- importance pruning


@given(sparse_networks(), st.sampled_from([1.0, 20.0, 50.0, 99.0]))
def test_a_pruned_network_is_that_without_the_weights_that_enter_weak_neurons(network, percentile):
    weak_one = network.copy()
    for layer in range(len(network.widths) - 2):
        dense = np.abs(network.weights_of(layer).toarray()).astype(np.float64)
        strengths = dense.sum(axis=0)
        limit = np.percentile(strengths, percentile)
        weights = weak_one.weights_of(layer)
        for j, strength in enumerate(strengths):
            if strength <= limit and j != strengths.argmax():
                weights.data[weights.indices == j] = 0
    outputs = predict(prune(network, percentile), X)
    assert_allclose(outputs, predict(weak_one, X), rtol=1e-5, atol=1e-6)


def test_the_weakest_neurons_are_pruned():
    network = network_of(np.ones((2, 4)), np.ones((4, 2)))
    network.weights_of(0).data[:] = [4, 1, 2, 3, 4, 1, 2, 3]
    smaller = prune(network, 50)
    assert_array_equal(smaller.weights_of(0).toarray(), [[4, 3], [4, 3]])


def test_the_strongest_neuron_always_stays():
    network = network_of(np.ones((2, 3)), np.ones((3, 2)))
    network.arrays.weights[:] = 1.0
    assert prune(network, 1).widths == (2, 1, 2)


# ---------------------------------------------------------------- the estimator


@pytest.fixture(scope="module")
def thin():
    """A classifier many of whose neurons are dead, and its data."""
    X, y = points()
    return small(hidden_layer_sizes=(40, 30), epsilon=0.5).fit(X, y), X, y


def test_a_compacted_classifier_predicts_the_same(thin):
    model, X, _ = thin
    smaller = model.compact()
    assert sum(smaller.n_connections_) < sum(model.n_connections_)
    assert_allclose(smaller.predict_proba(X), model.predict_proba(X), rtol=1e-5)


def test_the_classifier_itself_stays_as_it_was(thin):
    model, _, _ = thin
    before = pickle.dumps(model)
    model.compact()
    model.prune(50)
    assert pickle.dumps(model) == before


def test_the_parameters_describe_the_smaller_network(thin):
    model, X, y = thin
    smaller = model.compact()
    assert clone(smaller).fit(X, y).n_connections_ == smaller.n_connections_
    assert smaller.hidden_layer_sizes == tuple(w.shape[0] for w in smaller.coefs_[1:])


def test_parameters_of_a_density_give_way_to_those_of_the_network():
    X, y = points()
    smaller = small(hidden_layer_sizes=30, epsilon=None, density=0.05).fit(X, y).compact()
    assert smaller.density is None
    assert clone(smaller).fit(X, y).n_connections_ == smaller.n_connections_


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("shrink", ["compact", "prune"])
def test_training_goes_on_with_the_smaller_network(solver, shrink):
    X, y = points()
    model = small(hidden_layer_sizes=(40, 30), epsilon=0.5, solver=solver, activation="srelu")
    smaller = getattr(model.fit(X, y), shrink)()
    before, sizes = smaller.coefs_[0].data.copy(), smaller.n_connections_
    smaller.partial_fit(X, y)
    assert smaller.n_connections_ == sizes
    assert before.shape == smaller.coefs_[0].data.shape
    assert not np.array_equal(before, smaller.coefs_[0].data)


def test_a_warm_start_goes_on_with_the_smaller_network(thin):
    model, X, y = thin
    smaller = model.compact().set_params(warm_start=True, max_iter=1)
    sizes = smaller.n_connections_
    assert smaller.fit(X, y).n_connections_ == sizes


def test_a_smaller_classifier_survives_a_pickle(thin):
    model, _, _ = thin
    smaller = model.compact()
    assert same_bits(pickle.loads(pickle.dumps(smaller)), smaller)


def test_pruning_in_turn_with_training_leaves_fewer_connections_each_time():
    X, y = points()
    model = small().fit(X, y)
    counts = [sum(model.n_connections_)]
    epochs = len(model.loss_curve_)
    for _ in range(3):
        model = model.prune(30).partial_fit(X, y)
        counts.append(sum(model.n_connections_))
    assert all(later < earlier for earlier, later in pairwise(counts))
    assert model.history_["n_connections"] == counts[:1] * epochs + counts[1:]


def test_a_selector_is_compacted_with_its_scores():
    X, _ = make_microarray(40, 30, n_informative=5, random_state=0)
    selector = SparseAutoencoderSelector(60, k=5, epsilon=0.5, max_iter=2, random_state=0).fit(X)
    smaller = selector.compact()
    assert smaller.n_connections_ < selector.n_connections_
    assert_array_equal(smaller.get_support(), selector.get_support())


@pytest.mark.parametrize("kind", ["regressor", "survival"])
def test_a_compacted_network_without_classes_predicts_the_same(kind):
    X, y = points()
    y = targets_for(kind, y)
    model = KINDS[kind](hidden_layer_sizes=(40, 30), epsilon=0.5, max_iter=3).fit(X, y)
    smaller = model.compact()
    assert sum(smaller.n_connections_) < sum(model.n_connections_)
    assert_allclose(smaller.predict(X), model.predict(X), rtol=1e-5, atol=1e-5)
    sizes = smaller.n_connections_
    assert smaller.partial_fit(X, y).n_connections_ == sizes


def test_a_classifier_without_hidden_layers_is_copied():
    X, y = points()
    model = small(hidden_layer_sizes=(), epsilon=2).fit(X, y)
    assert same_bits(model.compact(), model)


@pytest.mark.parametrize("shrink", ["compact", "prune"])
def test_only_a_fitted_estimator_shrinks(shrink):
    with pytest.raises(NotFittedError):
        getattr(small(), shrink)()


@pytest.mark.parametrize("percentile", [0, 100, -1, np.nan, "20", None, True])
def test_percentiles_that_are_none_are_refused(thin, percentile):
    with pytest.raises(ValueError, match="percentile must be a number greater than 0"):
        thin[0].prune(percentile)


@pytest.mark.parametrize("layer_density", ["erdos_renyi", "uniform", [0.2, 0.5, 0.5]])
@pytest.mark.parametrize("shrink", ["compact", "prune"])
def test_training_goes_on_wherever_the_budget_lay(shrink, layer_density):
    X, y = points()
    density = None if isinstance(layer_density, list) else 0.3
    model = small(epsilon=None, density=density, layer_density=layer_density).fit(X, y)
    smaller = getattr(model, shrink)(*([50] if shrink == "prune" else []))
    smaller.partial_fit(X, y)
    smaller.set_params(warm_start=True).fit(X, y)
    assert smaller.n_iter_ == 5
