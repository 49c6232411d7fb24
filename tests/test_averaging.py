"""The mean of the weights over time: which it is, that it is small, and who sees it."""

import tracemalloc

import numpy as np
import pytest
from builders import bits_of, make_data, make_network, make_options, members_of, train
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
from reference import cells_of, shapes_of, strongest_mean
from scipy import sparse
from strategies import connected_cells, weights_of

from sksparse_mlp._network.averaging import averaged
from sksparse_mlp._network.team import Stopped, Team
from sksparse_mlp._training import pace
from sksparse_mlp._training.averaging import Averaging
from sksparse_mlp._training.trainer import Trainer

RULES = ("ema", "cyclic")
X, y = points()
EPOCHS = 20
each_rule = pytest.mark.parametrize("rule", RULES)


@st.composite
def two_layers(draw):
    """Two layers of the same shape with as many connections, each with weights; and a share."""
    connected = draw(connected_cells())
    other = np.random.default_rng(draw(st.integers(0, 99))).permuted(connected.ravel())
    layers = [connected, other.reshape(connected.shape)]
    # Products with these shares are exact: a sum has one last bit, fused or not.
    share = draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    return [(layer, draw(weights_of(layer))) for layer in layers], share


def network_with(connected, weights):
    network = make_network(connected.shape, [int(connected.sum())])
    pattern = sparse.csr_array(connected)
    network.arrays.indptr[:], network.arrays.indices[:] = pattern.indptr, pattern.indices
    network.arrays.weights[:] = weights
    return network


def dense(network, layer=0):
    """A layer with NaN where nothing is connected."""
    matrix = np.full(shapes_of(network)[layer], np.nan)
    start, stop = network.connections_of(layer)
    matrix[cells_of(network, layer)] = network.arrays.weights[start:stop]
    return matrix


# ---------------------------------------------------------------- one mean


@given(layers=two_layers())
def test_a_mean_is_that_of_the_twin(layers):
    (first, second), share = layers
    networks = [network_with(*layer) for layer in (first, second)]
    found = networks[1].with_arrays(averaged(networks[1], networks[0].arrays, share))
    expected = strongest_mean(*map(dense, networks), share, networks[0].n_connections[0])
    assert_array_equal(dense(found), expected.astype(np.float64))
    # A mean of two zeros is a connection, too.
    assert found.arrays.indptr[-1] == found.arrays.indices.size == first[0].sum()
    for row in range(first[0].shape[0]):
        columns = found.arrays.indices[found.arrays.indptr[row] : found.arrays.indptr[row + 1]]
        assert (np.diff(columns) > 0).all()


def test_the_first_mean_is_a_copy():
    network = make_network((5, 4, 2))
    mean = averaged(network, None, 1.0)
    before = mean.weights.copy()
    network.arrays.weights[:] += 1.0
    assert_array_equal(mean.weights, before)


def test_a_mean_of_wide_layers_takes_memory_in_proportion_to_connections():
    n = 200_000
    networks = [make_network((60_000, 60_000), [n], seed=seed) for seed in range(2)]
    averaged(*(networks[0], networks[1].arrays), 0.5)  # compiles
    tracemalloc.start()
    mean = averaged(networks[0], networks[1].arrays, 0.5)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    of_neurons = 12 * 120_000
    assert mean.weights.size == n
    assert held <= 8 * n + of_neurons + 10_000
    # Magnitudes are counted in blocks.
    assert peak <= 16 * n + of_neurons + 8 * 2**20 + 10_000


# ---------------------------------------------------------------- which epochs


def due(rule, n_epochs):
    averaging = Averaging(rule, n_epochs, 4)
    return [epoch + 1 for epoch in range(n_epochs) if averaging._is_due(epoch)]


def test_which_epochs_are_averaged():
    assert due("ema", 20) == [16, 17, 18, 19, 20]
    assert due("ema", 1) == [1]
    assert due("cyclic", 20) == [14, 16, 18, 20]
    assert due("cyclic", 3) == [1, 2, 3]
    assert due("cyclic", 1) == [1]
    assert due(None, 5) == []


@pytest.mark.parametrize(("rule", "last"), [("ema", 0.1), ("cyclic", 1 / 30)])
def test_what_an_epoch_counts(rule, last):
    averaging, shares = Averaging(rule, 100, 1), []
    for averaging.n_averaged in range(30):
        shares.append(averaging._share())
    assert_allclose(shares[:10], 1 / np.arange(1, 11))
    assert shares[-1] == pytest.approx(last)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@each_rule
def test_what_is_returned_is_the_mean_of_these_epochs(rule, solver):
    seen, networks = [], []
    model = small(averaging=rule, max_iter=EPOCHS, solver=solver, skip_connections="zero")
    model._observe = lambda trainer: networks.append(trainer.network.copy())
    model.fit(X, y)
    for epoch, network in enumerate(networks, 1):
        if epoch in due(rule, EPOCHS):
            seen.append(network)
    for layer in range(networks[0].n_layers):
        mean = dense(seen[0], layer)
        for n, network in enumerate(seen[1:], 2):
            mean = strongest_mean(mean, dense(network, layer), 1 / n, seen[0].n_connections[layer])
        assert_allclose(dense(model._network, layer), mean, rtol=1e-5, atol=1e-7)
    intercepts = np.mean([network.arrays.intercepts for network in seen], axis=0)
    assert_allclose(model._network.arrays.intercepts, intercepts, rtol=1e-4, atol=1e-6)


def test_cycles_begin_with_new_connections_and_a_rate_that_falls():
    model = small(averaging="cyclic", max_iter=30, batch_size=96, evolution_end=0.5).fit(X, y)
    rates, moved = (np.array(model.history_[n]) for n in ("learning_rate", "connections_rewired"))
    assert_allclose(rates[[0, 21, 24, 27]], [0.05, 0.01, 0.01, 0.01])
    assert_allclose(rates[[23, 26, 29]], 0.01 * 0.25)
    assert (np.diff(rates[:21]) < 0).all()
    # Half of each layer's positive and of its negative weights, rounded down.
    assert all(60 <= n <= sum(model.n_connections_) / 2 for n in moved[[21, 24, 27]])
    assert not np.delete(moved[11:], [10, 13, 16]).any()


@pytest.mark.parametrize("changes", [{"evolution": None}, {"zeta": 0.0}], ids=str)
def test_without_evolution_cycles_move_nothing(changes):
    model = small(averaging="cyclic", max_iter=EPOCHS, **changes).fit(X, y)
    assert not any(model.history_["connections_rewired"])


def test_a_training_that_ends_before_the_last_part_returns_its_network():
    changes = {"max_iter": 40, "learning_rate": "constant", "tol": 10.0, "n_iter_no_change": 3}
    expected = small(**changes).fit(X, y)
    assert expected.n_iter_ < 20
    for rule in RULES:
        assert same_bits(small(averaging=rule, **changes).fit(X, y), expected)


def test_no_cycle_is_ended_by_a_loss_that_rises():
    changes = {"learning_rate": "constant", "tol": 10.0, "n_iter_no_change": 17}
    model = small(averaging="cyclic", max_iter=EPOCHS, **changes).fit(X, y)
    assert model.n_iter_ == EPOCHS


# ---------------------------------------------------------------- promises


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (small, points()),
        (small, indicators()),
        (small_regressor, numbers()),
        (small_survival, times()),
    ],
    ids=["classes", "labels", "numbers", "times"],
)
@each_rule
def test_the_same_bits_for_any_number_of_threads_dense_or_sparse(rule, make, data):
    X, y = data
    changes = {"averaging": rule, "max_iter": 10, "hidden_layer_sizes": (60,), "epsilon": 30}
    model = make(**changes).fit(X, y)
    assert same_bits(make(**changes, n_jobs=2).fit(X, y), model)
    assert same_bits(make(**changes).fit(sparse.csr_array(X), y), model)
    assert model.n_connections_ == make(**changes | {"averaging": None}).fit(X, y).n_connections_


@each_rule
def test_early_stopping_scores_the_mean_and_returns_the_best(rule):
    model = small(averaging=rule, max_iter=EPOCHS, early_stopping=True, tol=0.0)
    model.fit(X[:64], y[:64], X_val=X[64:], y_val=y[64:])
    score = model.score(X[64:], y[64:])
    assert score == model.validation_scores_[model.best_epoch_ - 1]
    last = small(averaging=rule, max_iter=EPOCHS).fit(X[:64], y[:64], X_val=X[64:], y_val=y[64:])
    assert last.score(X[64:], y[64:]) == last.validation_scores_[-1]


@each_rule
def test_a_warm_start_goes_on_from_the_mean(rule):
    model = small(averaging=rule, max_iter=4, warm_start=True).fit(X, y)
    network = model._network
    assert network.n_updates == 0
    assert not network.optimizer_state.weights_1.any()
    again = model.fit(X, y)
    assert again._network.t == 2 * network.t


@each_rule
def test_callbacks_see_the_mean(rule):
    callback = pytest.importorskip("sklearn.callback")
    assert callback

    class Last:
        def setup(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                self.seen = fitted_estimator

    last = Last()
    model = small(averaging=rule, max_iter=6).set_callbacks(last).fit(X, y)
    assert same_bits(last.seen, model)


def test_a_stream_has_no_last_part():
    model = small(averaging="ema")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(ValueError, match=r"averaging='ema' has no meaning for partial_fit"):
        model.partial_fit(X, y, classes=np.unique(y))


def test_what_an_interrupted_validation_had_averaged_is_taken_back(monkeypatch):
    monkeypatch.setattr(pace, "SECONDS_PER_CALL", 0.0)
    data, taken = make_data(40, 6, 3), []

    def validate(network, team):
        taken.append(network)
        if len(taken) == 8:
            raise Stopped
        return {"validation_loss": 0.0, "validation_score": 0.0, "monitored": 0.0}

    options = make_options(averaging="ema", max_iter=8)
    with Team(1) as team:
        trainer = Trainer(make_network((6, 9, 3)), data, options, team, n_epochs=8)
        trainer.validate = validate
        trainer.run(8)
    assert trainer.averaging.n_averaged == 1
    expected = make_network((6, 9, 3))
    train(expected, data, n_epochs=7, max_iter=7)
    assert bits_of(trainer.network)[:5] == bits_of(expected)[:5]


@pytest.mark.parametrize("name", ["mean", "n_averaged"])
def test_a_mean_that_no_training_has_is_refused(name):
    network = make_network((6, 9, 3))
    with members_of(None, 1):
        averaging = Averaging("ema", 4, 1)
    averaging.epoch_ends(network, 3)
    state = averaging.state_dict() | {name: {"mean": None, "n_averaged": 2}[name]}
    with pytest.raises(ValueError, match="averaging has"):
        Averaging("ema", 4, 1).load_state_dict(state, network, 4)
