"""Forward, backward and updates against the slow twin, on every path through the kernels."""

import numpy as np
import pytest
from builders import (
    bits_of,
    evolve,
    make_data,
    make_network,
    make_options,
    predict,
    shaken,
    train,
    with_numbers,
    with_times,
)
from numpy.testing import assert_allclose, assert_array_equal
from reference import Parameters, Twin, activate, flatten, log_softmax, slope_of
from scipy import sparse

from sksparse_mlp._kernels.forward import CACHE_BYTES
from sksparse_mlp._kernels.steps import FEATURES_AT_ONCE
from sksparse_mlp._network import workspace
from sksparse_mlp._network.activations import CODES
from sksparse_mlp._network.x_view import samples_at_once, window
from sksparse_mlp._training import data as _data
from sksparse_mlp._training import pace
from sksparse_mlp._training import trainer as _training
from sksparse_mlp._training.losses import LOSSES

WIDTHS = (6, 8, 7, 3)
# Lanes of a full tile, of a partly filled one; samples in one full tile and in several.
BATCHES = [4, 3, 32, 70]
CONDITIONS = {
    "plain": {},
    "dropout": {"dropout": 0.4},
    "input dropout": {"input_dropout": 0.2},
    "input noise": {"input_noise": 0.3},
    "noise of its own for each input": {
        "input_noise": 0.3,
        "noise_spread": np.linspace(0, 2, WIDTHS[0], dtype=np.float32),
    },
}
SOLVERS = {
    "sgd": {"solver": "sgd"},
    "nesterov": {"solver": "sgd", "nesterovs_momentum": True},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
}


def relative_error(found, expected):
    """Norm of the difference over the norm, of lists of arrays."""
    found, expected = flatten(found), flatten(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def assert_close(found, expected, tolerance=1e-5):
    """Weights, intercepts and SReLU parameters, each group on its own."""
    errors = {
        kind: relative_error(a, b)
        for kind, a, b in zip(Parameters._fields, found, expected, strict=True)
        if b
    }
    assert max(errors.values()) < tolerance, errors


def gradients_by_kernels(network, data, **changes):
    """One step of plain SGD at rate 1 leaves the negative gradients as velocities."""
    trained = network.copy()
    train(trained, data, momentum=0.0, learning_rate_init=1.0, **changes)
    return Parameters(*([-a for a in group] for group in Parameters.velocities_of(trained)))


def numeric_gradients(network, data, **changes):
    """The same from nothing but the twin's losses."""
    twin = Twin(network, make_options(**changes))
    return twin.central_differences(data.X, data.targets, data.sample_weight)


def set_forward_path(monkeypatch, path):
    """Make all layers sum by column, or by chunk."""
    monkeypatch.setattr(workspace, "PRIVATE_SUMS_BELOW", 0 if path == "column" else 10**9)
    monkeypatch.setattr(workspace, "CONNECTIONS_PER_PRIVATE_SUM", 1)


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("weighted", [False, True], ids=["equal weights", "weighted"])
@pytest.mark.parametrize("condition", ["plain", "dropout"])
@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("activation", CODES)
def test_gradients_are_those_of_the_loss(activation, n_samples, condition, weighted):
    network = shaken(make_network(WIDTHS, activation=activation))
    data = make_data(n_samples, WIDTHS[0], WIDTHS[-1], weighted=weighted)
    changes = CONDITIONS[condition]
    assert_close(
        gradients_by_kernels(network, data, **changes), numeric_gradients(network, data, **changes)
    )


@pytest.mark.parametrize("condition", ["input dropout", "input noise"])
@pytest.mark.parametrize("n_samples", BATCHES)
def test_gradients_with_disturbed_inputs(n_samples, condition):
    network, changes = shaken(make_network(WIDTHS)), CONDITIONS[condition]
    data = make_data(n_samples, WIDTHS[0], WIDTHS[-1])
    assert_close(
        gradients_by_kernels(network, data, **changes), numeric_gradients(network, data, **changes)
    )


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("n_samples", BATCHES)
def test_gradients_of_a_reconstruction(n_samples, condition, n_threads):
    network, changes = shaken(make_network((6, 5, 6), activation="tanh")), CONDITIONS[condition]
    data = make_data(n_samples, 6, 2, weighted=True)._replace(targets=None)
    found = gradients_by_kernels(network, data, n_threads=n_threads, **changes)
    assert_close(found, numeric_gradients(network, data, **changes))


# Of each loss of numbers its parameter.
LOSSES_OF_NUMBERS = {
    "binary_cross_entropy": 0.0,
    "squared_error": 0.0,
    "absolute_error": 0.0,
    "huber": 0.3,
    "quantile": 0.8,
}


def test_every_loss_of_numbers_is_tested():
    others = {"cross_entropy", "reconstruction", "cox"}
    assert LOSSES_OF_NUMBERS.keys() == LOSSES.keys() - others


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("loss", LOSSES_OF_NUMBERS)
def test_gradients_of_losses_of_numbers(loss, n_samples, n_threads):
    network = shaken(make_network(WIDTHS, activation="tanh"))
    data = with_numbers(make_data(n_samples, WIDTHS[0], 2, weighted=True), WIDTHS[-1])
    changes = {"loss": loss, "loss_parameter": LOSSES_OF_NUMBERS[loss]}
    found = gradients_by_kernels(network, data, n_threads=n_threads, **changes)
    assert_close(found, numeric_gradients(network, data, **changes))


@pytest.mark.parametrize("loss", LOSSES_OF_NUMBERS)
def test_losses_of_numbers_are_those_of_the_twin(loss):
    network = make_network(WIDTHS)
    data = with_numbers(make_data(33, WIDTHS[0], 2, weighted=True), WIDTHS[-1])
    changes = {"loss": loss, "loss_parameter": LOSSES_OF_NUMBERS[loss]}
    twin = Twin(network, make_options(**changes))
    expected = twin.loss(data.X, data.targets, data.sample_weight, twin.calm)
    assert_allclose(train(network, data, **changes).history["loss"], expected, rtol=1e-5)


# ---------------------------------------------------------------- times


def make_times(n_samples, **changes):
    return with_times(make_data(n_samples, WIDTHS[0], 2, weighted=True), **changes)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_samples", BATCHES)
@pytest.mark.parametrize("n_times", [3, 1000], ids=["ties", "few ties"])
def test_gradients_of_censored_times(n_times, n_samples, n_threads):
    network = shaken(make_network((6, 8, 7, 1), activation="tanh"))
    data = make_times(n_samples, n_times=n_times)
    found = gradients_by_kernels(network, data, loss="cox", n_threads=n_threads)
    assert found.intercepts[-1] == 0
    twin = Twin(network, make_options(loss="cox"))
    loss, exact = twin.gradients(data.X, data.targets, data.sample_weight, twin.calm)
    assert train(network.copy(), data, loss="cox").history["loss"] == [pytest.approx(loss, 1e-5)]
    for expected in (exact, numeric_gradients(network, data, loss="cox")):
        assert_allclose(expected.intercepts[-1], 0, atol=1e-8)
        expected.intercepts[-1][:] = 0
        assert_close(found, expected)


def test_risk_sets_are_those_of_the_mini_batch():
    network, data = make_network((6, 8, 1)), make_times(70)
    twin = Twin(network, make_options(loss="cox", learning_rate_init=0.1))
    losses, shares = [], []
    for batch in (slice(0, 32), slice(32, 64), slice(64, 70)):
        part = data.X[batch], data.targets[batch], data.sample_weight[batch]
        losses.append(twin.step(*part))
        shares.append(part[2].sum())
    trainer = train(network, data, loss="cox", batch_size=32)
    assert_allclose(trainer.history["loss"], np.average(losses, weights=shares), rtol=1e-5)


def test_outputs_of_any_size_have_a_loss_of_times():
    network, data = make_network((6, 1)), make_times(40)
    network.arrays.weights[:] *= 1e6
    assert np.isfinite(train(network, data, loss="cox").history["loss"]).all()


def test_a_mini_batch_without_events_teaches_nothing():
    network, data = make_network((6, 8, 1)), make_times(40, censored=1.0)
    before = bits_of(network)
    assert train(network, data, loss="cox").history["loss"] == [0.0]
    assert bits_of(network) == before


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_refuses_targets_of_another_kind(loss):
    classes = make_data(8, WIDTHS[0], WIDTHS[-1])
    numbers, nothing = with_numbers(classes, WIDTHS[-1]), classes._replace(targets=None)
    right = {"cross_entropy": classes, "reconstruction": nothing}.get(loss, numbers)
    for data in (classes, numbers, nothing):
        if data is not right:
            with pytest.raises(ValueError, match=f"loss='{loss}'"):
                train(make_network(WIDTHS), data, loss=loss)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_samples", [4, 70])
@pytest.mark.parametrize("path", ["column", "chunk"])
def test_gradients_on_both_forward_paths(path, n_samples, n_threads, monkeypatch):
    set_forward_path(monkeypatch, path)
    network = shaken(make_network(WIDTHS, activation="srelu"))
    data = make_data(n_samples, WIDTHS[0], WIDTHS[-1])
    found = gradients_by_kernels(network, data, n_threads=n_threads, dropout=0.4)
    assert_close(found, numeric_gradients(network, data, dropout=0.4))


SKIP = {"full": (24, 28, 12, 18), "sparse": (24, 28, 12, 7)}


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_samples", [4, 70])
@pytest.mark.parametrize("path", ["column", "chunk"])
@pytest.mark.parametrize("skip", SKIP)
def test_gradients_with_a_skip_layer(skip, path, n_samples, n_threads, monkeypatch):
    set_forward_path(monkeypatch, path)
    network = with_skip_weights(shaken(make_network(WIDTHS, SKIP[skip], activation="srelu")))
    data = make_data(n_samples, WIDTHS[0], WIDTHS[-1])
    changes = {"dropout": 0.4, "input_noise": 0.3}
    found = gradients_by_kernels(network, data, n_threads=n_threads, **changes)
    assert_close(found, numeric_gradients(network, data, **changes))


@pytest.mark.parametrize("n_samples", [3, 40])
def test_a_skip_layer_adds_to_the_outputs(n_samples):
    network = with_skip_weights(make_network(WIDTHS, SKIP["sparse"]))
    X = make_data(n_samples, WIDTHS[0], WIDTHS[-1]).X
    skip, without = network.weights_of(3).toarray(), network.copy()
    without.arrays.weights[without.connections_of(3)[0] :] = 0
    assert_allclose(predict(network, X), predict(without, X) + X @ skip, atol=1e-5)


def with_skip_weights(network):
    """The network with random weights in its skip layer, which begin at zero."""
    start, stop = network.connections_of(network.n_layers - 1)
    network.arrays.weights[start:stop] = np.random.default_rng(2).normal(size=stop - start)
    return network


@pytest.mark.parametrize(("path", "by_chunk"), [("column", False), ("chunk", True)])
def test_forward_paths_can_be_forced(path, by_chunk, monkeypatch):
    set_forward_path(monkeypatch, path)
    buffers = make_network(WIDTHS).workspace(batch_size=32, n_threads=1)
    assert_array_equal(buffers.n_chunks > 0, by_chunk)


@pytest.mark.parametrize("activation", ["relu", "srelu"])
@pytest.mark.parametrize("n_samples", [7, 32, 70])
def test_gradients_are_zero_between_steps(n_samples, activation):
    network = shaken(make_network(WIDTHS, activation=activation))
    trainer = train(network, make_data(n_samples, WIDTHS[0], WIDTHS[-1]), n_epochs=2)
    work, n_units = trainer.workspace, sum(WIDTHS[1:])
    hidden = work.unit_gradients.reshape(5, n_units)[:, : n_units - WIDTHS[-1]]
    assert not work.gradients.any()
    assert not hidden.any()


def test_gradients_where_gathered_vectors_are_prefetched():
    assert CACHE_BYTES < 4 * 32 * 32_000
    network = shaken(make_network((20, 32_000, 2), (1_400, 300)))
    data = make_data(32, 20, 2)
    twin = Twin(network, make_options())
    calm = twin.disturbance(32)
    _, expected = twin.gradients(data.X, data.targets, data.sample_weight, calm)
    assert_close(gradients_by_kernels(network, data), expected)


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [1, 2, 7, 8, 13, 16, 33])
@pytest.mark.parametrize("activation", CODES)
def test_gradients_at_the_other_widths_of_a_tile(activation, n_samples):
    network = shaken(make_network(WIDTHS, activation=activation))
    data = make_data(n_samples, WIDTHS[0], WIDTHS[-1], weighted=True)
    changes = {"dropout": 0.2, "input_noise": 0.1}
    assert_close(
        gradients_by_kernels(network, data, **changes), numeric_gradients(network, data, **changes)
    )


# ---------------------------------------------------------------- training


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weight_decay": 0.1},
        {"learning_rate_scaling": "fan_in"},
        {"weight_decay": 0.1, "learning_rate_scaling": "fan_in"},
        {"dropout": 0.3},
        {"input_dropout": 0.2, "input_noise": 0.1},
    ],
    ids=lambda changes: " and ".join(changes) or "plain",
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_ten_steps_equal_the_twins(solver, changes):
    changes = SOLVERS[solver] | changes
    network = make_network(WIDTHS, activation="srelu", solver=changes.pop("solver"))
    data = make_data(32, WIDTHS[0], WIDTHS[-1], weighted=True)
    twin = Twin(network, make_options(solver=network.solver, **changes))
    train(network, data, n_epochs=10, **changes)
    for _ in range(10):
        twin.step(data.X, data.targets, data.sample_weight)
    assert_close(Parameters.of(network), twin.parameters)


@pytest.mark.parametrize("unit", [8.0, 1 / 4])
@pytest.mark.parametrize("solver", SOLVERS)
def test_ten_steps_of_inputs_in_another_unit_equal_the_twins(solver, unit):
    changes = SOLVERS[solver] | {"learning_rate_scaling": "fan_in", "weight_decay": 0.1}
    parameters = {"solver": changes.pop("solver"), "input_unit": unit}
    network = with_skip_weights(make_network(WIDTHS, SKIP["sparse"], **parameters))
    data = make_data(32, WIDTHS[0], WIDTHS[-1])
    twin = Twin(network, make_options(solver=network.solver, **changes))
    train(network, data, n_epochs=10, **changes)
    for _ in range(10):
        twin.step(data.X, data.targets, data.sample_weight)
    assert_close(Parameters.of(network), twin.parameters)


@pytest.mark.parametrize("solver", SOLVERS)
def test_ten_steps_with_evolution_equal_the_twins(solver):
    changes = SOLVERS[solver].copy()
    network = make_network(WIDTHS, activation="all_relu", solver=changes.pop("solver"))
    data = make_data(32, WIDTHS[0], WIDTHS[-1])
    twin = Twin(network, make_options(solver=network.solver, **changes))
    for step in range(10):
        if step % 3 == 2:
            evolve(network, zeta=0.4)
            twin.follow(network)
        train(network, data, **changes)
        twin.step(data.X, data.targets, data.sample_weight)
    assert_close(Parameters.of(network), twin.parameters)


@pytest.mark.parametrize("activation", CODES)
@pytest.mark.parametrize(
    ("widths", "n_connections"),
    [((1, 1, 2), (1, 2)), ((5, 40, 2), (3, 2)), ((3, 2), (6,)), ((2, 3, 5, 4, 2), (6, 15, 20, 8))],
    ids=["one neuron", "most neurons unconnected", "no hidden layer", "full"],
)
def test_ten_steps_of_odd_networks(widths, n_connections, activation):
    network = make_network(widths, n_connections, activation=activation)
    data = make_data(33, widths[0], widths[-1])
    twin = Twin(network, make_options())
    train(network, data, n_epochs=10)
    for _ in range(10):
        twin.step(data.X, data.targets, data.sample_weight)
    assert_close(Parameters.of(network), twin.parameters)


@pytest.mark.parametrize("changes", [{}, {"dropout": 0.3, "input_noise": 0.1}], ids=str)
def test_an_epoch_of_mini_batches_equals_the_twins(changes):
    network, data = make_network(WIDTHS), make_data(11, WIDTHS[0], WIDTHS[-1], weighted=True)
    twin = Twin(network, make_options(**changes))
    trainer = train(network, data, batch_size=4, **changes)
    losses = []
    for batch in (slice(0, 4), slice(4, 8), slice(8, 11)):
        losses.append(twin.step(data.X[batch], data.targets[batch], data.sample_weight[batch]))
    weight = np.add.reduceat(data.sample_weight.astype(np.float64), [0, 4, 8])
    assert_close(Parameters.of(network), twin.parameters)
    assert_allclose(trainer.history["loss"], np.average(losses, weights=weight), rtol=1e-6)


def test_the_loss_of_a_reconstruction_is_the_mean_squared_error():
    network = make_network((6, 5, 6))
    data = make_data(33, 6, 2, weighted=True)._replace(targets=None)
    errors = (predict(network, data.X).astype(np.float64) - data.X) ** 2
    trainer = train(network, data)
    expected = np.average(errors.mean(axis=1), weights=data.sample_weight)
    assert_allclose(trainer.history["loss"], expected, rtol=1e-6)


def test_weights_multiply_samples():
    network, data = make_network(WIDTHS), make_data(20, WIDTHS[0], WIDTHS[-1])
    repeats = 1 + np.arange(20) % 3
    weighted = data._replace(sample_weight=repeats.astype(np.float32))
    chosen = np.repeat(np.arange(20), repeats)
    repeated = data._replace(samples=chosen)
    assert_close(gradients_by_kernels(network, weighted), gradients_by_kernels(network, repeated))


def test_cutting_an_epoch_into_calls_changes_no_bit(monkeypatch):
    network, data = make_network(WIDTHS), make_data(50, WIDTHS[0], WIDTHS[-1])
    changes = {"batch_size": 4, "dropout": 0.3, "n_epochs": 3}
    train(whole := network.copy(), data, **changes)
    monkeypatch.setattr(pace, "SECONDS_PER_CALL", 0.0)
    train(cut := network.copy(), data, **changes)
    assert bits_of(cut) == bits_of(whole)


@pytest.mark.parametrize("changes", [{}, {"input_noise": 0.3, "input_dropout": 0.2}], ids=str)
def test_inputs_that_stay_loaded_change_no_bit(changes, monkeypatch):
    widths = (FEATURES_AT_ONCE + 9, 5, 2)
    network, data = make_network(widths), make_data(35, widths[0], 2)
    monkeypatch.setattr(_training, "INPUTS_KEPT_UP_TO", 10**9)
    train(kept := network.copy(), data, n_epochs=3, n_threads=2, **changes)
    train(anew := network.copy(), data, **changes)
    for _ in range(2):
        train(anew, data, **changes)
    assert bits_of(kept) == bits_of(anew)
    monkeypatch.setattr(_training, "INPUTS_KEPT_UP_TO", 0)
    train(not_kept := network.copy(), data, n_epochs=3, **changes)
    assert bits_of(not_kept) == bits_of(kept)


# ---------------------------------------------------------------- forms of X

# Small integers, which every type of number holds exactly.
COUNTS = np.random.default_rng(0).poisson(0.7, (20, WIDTHS[0]))


def strided(X):
    """The same matrix, every second row and column of a larger one, columns backwards."""
    larger = np.zeros((2 * X.shape[0], 2 * X.shape[1]), np.float64)
    view = larger[::2, ::-2]
    view[:] = X
    return view


def unaligned(X):
    """The same matrix at an odd address."""
    memory = np.zeros(X.size * 8 + 1, np.uint8)[1:]
    view = memory.view(np.float64).reshape(X.shape)
    view[:] = X
    return view


def read_only(X):
    """The same matrix, not to be written to."""
    X = X.astype(np.float32)
    X.flags.writeable = False
    return X


def csr(X, dtype, index_dtype, kind=sparse.csr_array):
    """A CSR matrix with chosen types."""
    matrix = kind(X.astype(dtype))
    matrix.indices, matrix.indptr = (a.astype(index_dtype) for a in (matrix.indices, matrix.indptr))
    return matrix


def with_duplicates(X):
    """A CSR matrix that holds each entry in two halves, in reverse order."""
    matrix = sparse.coo_array(X.astype(np.float64))
    rows, columns = (np.repeat(c, 2)[::-1] for c in (matrix.row, matrix.col))
    order = np.argsort(rows, kind="stable")
    indptr = np.searchsorted(rows[order], np.arange(X.shape[0] + 1))
    data = np.repeat(matrix.data / 2, 2)[::-1]
    return sparse.csr_array((data[order], columns[order], indptr), shape=X.shape)


FORMS = {
    "float64": lambda X: X.astype(np.float64),
    "column by column": lambda X: np.asfortranarray(X, dtype=np.float32),
    "float64 column by column": lambda X: np.asfortranarray(X, dtype=np.float64),
    "strided": strided,
    "unaligned": unaligned,
    "read-only": read_only,
    "big-endian": lambda X: X.astype(">f8"),
    "float16": lambda X: X.astype(np.float16),
    "int8": lambda X: X.astype(np.int8),
    "uint8": lambda X: X.astype(np.uint8),
    "int32": lambda X: X.astype(np.int32),
    "int64": lambda X: X.astype(np.int64),
    "int64 column by column": lambda X: np.asfortranarray(X, dtype=np.int64),
    "CSR": lambda X: csr(X, np.float32, np.int32),
    "CSR matrix": lambda X: csr(X, np.float32, np.int32, sparse.csr_matrix),
    "float64 CSR": lambda X: csr(X, np.float64, np.int32),
    "CSR with long indices": lambda X: csr(X, np.float32, np.int64),
    "float64 CSR with long indices": lambda X: csr(X, np.float64, np.int64),
    "int CSR": lambda X: csr(X, np.int32, np.int32),
    "CSR with duplicates": with_duplicates,
}


@pytest.mark.parametrize("form", FORMS)
def test_training_does_not_depend_on_the_form_of_X(form):
    network, data = make_network(WIDTHS), make_data(20, WIDTHS[0], WIDTHS[-1])
    changes = {"batch_size": 4, "input_noise": 0.1, "n_threads": 2}
    train(usual := network.copy(), data._replace(X=COUNTS.astype(np.float32)), **changes)
    train(other := network.copy(), data._replace(X=FORMS[form](COUNTS)), **changes)
    assert bits_of(other) == bits_of(usual)


@pytest.mark.parametrize("form", FORMS)
def test_prediction_does_not_depend_on_the_form_of_X(form):
    network = make_network(WIDTHS)
    found = predict(network, FORMS[form](COUNTS))
    assert_array_equal(found, predict(network, COUNTS.astype(np.float32)))


def test_samples_that_are_not_trained_on_are_not_read():
    network, data = make_network(WIDTHS), make_data(20, WIDTHS[0], WIDTHS[-1])
    chosen = np.arange(1, 20, 3)
    train(some := network.copy(), data._replace(samples=chosen), batch_size=4)
    data.X[np.setdiff1d(np.arange(20), chosen)] = np.nan
    train(others := network.copy(), data._replace(samples=chosen), batch_size=4)
    assert bits_of(some) == bits_of(others)


def test_conversion_copies_only_some_samples_at_a_time(monkeypatch):
    network, data = make_network(WIDTHS), make_data(20, WIDTHS[0], WIDTHS[-1])
    converted = []

    def watched(X, order):
        converted.append(order.size)
        return window(X, order)

    monkeypatch.setattr(_data, "window", watched)
    monkeypatch.setattr(_training, "samples_at_once", lambda X: 8)
    train(network, data._replace(X=COUNTS), batch_size=4)
    assert max(converted) <= 8


@pytest.mark.parametrize(("dtype", "n_samples"), [(np.float32, 1000), (np.int8, 2**24 // 50_000)])
def test_samples_at_once_bound_what_a_conversion_copies(dtype, n_samples):
    assert samples_at_once(np.broadcast_to(dtype(0), (1000, 50_000))) == n_samples


# ---------------------------------------------------------------- prediction


@pytest.mark.parametrize("activation", CODES)
def test_logits_equal_the_twins(activation):
    network = shaken(make_network(WIDTHS, activation=activation))
    data = make_data(70, WIDTHS[0], WIDTHS[-1])
    z, _ = Twin(network, make_options()).forward(data.X)
    assert_allclose(predict(network, data.X), z[-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("activation", CODES)
def test_hidden_activations_equal_the_twins(activation, level):
    network = shaken(make_network(WIDTHS, activation=activation))
    data = make_data(33, WIDTHS[0], WIDTHS[-1])
    twin = Twin(network, make_options())
    z, _ = twin.forward(data.X)
    srelu = twin.parameters.srelu[level - 1] if activation == "srelu" else None
    expected = activate(activation, z[level - 1], slope_of(activation, 0.6, level), srelu)
    found = predict(network, data.X, level=level, activated=True)
    assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_prediction_depends_on_its_sample_alone():
    network, X = make_network(WIDTHS), make_data(77, WIDTHS[0], WIDTHS[-1]).X
    together = predict(network, X)
    alone = np.concatenate([predict(network, X[i : i + 1]) for i in range(77)])
    assert_array_equal(alone, together)


def test_chosen_samples_are_predicted_in_the_order_asked_for():
    network, X = make_network(WIDTHS), make_data(77, WIDTHS[0], WIDTHS[-1]).X
    chosen = np.random.default_rng(0).permutation(77)[:40]
    assert_array_equal(predict(network, X, chosen=chosen), predict(network, X)[chosen])


def test_a_sample_with_nan_spoils_no_other():
    network, X = make_network(WIDTHS, activation="tanh"), make_data(40, WIDTHS[0], WIDTHS[-1]).X
    whole = predict(network, X)
    X[5] = np.nan
    assert_array_equal(np.delete(predict(network, X), 5, axis=0), np.delete(whole, 5, axis=0))


@pytest.mark.parametrize("activation", CODES)
def test_nan_and_infinity_propagate(activation):
    network = make_network((2, 2, 2), (4, 4), activation=activation)
    X = np.array([[np.nan, 0.0]], np.float32)
    assert np.isnan(predict(network, X)).all()


def test_training_lowers_the_loss_that_prediction_sees():
    network, data = make_network(WIDTHS), make_data(32, WIDTHS[0], WIDTHS[-1])
    trainer = train(network, data, n_epochs=50, momentum=0.0)
    log_p = log_softmax(predict(network, data.X).astype(np.float64))
    loss = -log_p[np.arange(32), data.targets].mean()
    assert loss < trainer.history["loss"][-1] < trainer.history["loss"][0]
