"""Numbers at the edge of float32: tiny, huge, not finite; training copes or says that it cannot."""

import pickle
import time

import numpy as np
import pytest
from builders import bits_of, make_data, make_network, make_options, predict, train
from estimators import small
from numpy.testing import assert_allclose, assert_array_equal
from reference import Parameters, Twin, flatten
from scipy.special import softmax

from sksparse_mlp._network.activations import CODES
from sksparse_mlp._training.divergence import DivergenceError
from sksparse_mlp._training.errors import ERROR_LOSSES

WIDTHS = (6, 8, 7, 3)
SOLVERS = ["sgd", "adam"]


def learned_by(network):
    """All parameters in one vector."""
    arrays = network.arrays
    return np.concatenate([arrays.weights, arrays.intercepts, arrays.srelu])


@pytest.mark.parametrize("loss", ERROR_LOSSES)
def test_slopes_of_losses_are_those_of_their_values(loss):
    value, slope = ERROR_LOSSES[loss]
    error, h = np.linspace(-3, 3, 60), 1e-6
    differences = (value(error + h, 0.7) - value(error - h, 0.7)) / (2 * h)
    assert_allclose(slope(error, 0.7), differences, atol=1e-5)
    assert slope(np.zeros(1), 0.7) == 0


# ---------------------------------------------------------------- huge logits

LOGITS = np.array([1e4, -1e4, 0.0], np.float32)


def certain_network():
    """A network that puts out nothing but huge logits, and data that it is wrong about."""
    network = make_network((4, 3))
    network.arrays.weights[:] = 0
    network.arrays.intercepts[:] = LOGITS
    return network, make_data(32, 4, 3)


def test_loss_at_huge_logits():
    network, data = certain_network()
    trainer = train(network, data)
    assert_allclose(trainer.history["loss"], (1e4 - LOGITS[data.targets]).mean(), rtol=1e-7)


def test_gradients_at_huge_logits():
    network, data = certain_network()
    twin = Twin(network, make_options())
    _, expected = twin.gradients(data.X, data.targets, data.sample_weight, twin.calm)
    train(network, data, momentum=0.0, learning_rate_init=1.0)
    found = -flatten(Parameters.velocities_of(network).arrays())
    assert_allclose(found, flatten(expected.arrays()), atol=1e-6)


def test_a_certain_and_right_network_learns_nothing():
    network, data = certain_network()
    before = learned_by(network).copy()
    train(network, data._replace(targets=np.zeros(32, np.int32)))
    assert_array_equal(learned_by(network), before)


def test_probabilities_at_huge_logits():
    data = make_data(32, 4, 3)
    est = small().fit(data.X, data.targets)
    est._network.intercepts_of(2)[:] = LOGITS
    assert_allclose(est.predict_proba(data.X), softmax([LOGITS] * 32, axis=1), atol=1e-300)


# ---------------------------------------------------------------- next to nothing


def test_forward_with_subnormal_weights():
    network, data = make_network(WIDTHS, activation="identity"), make_data(32, 6, 3)
    network.weights_of(0).data[:] = 1e-40
    twin = Twin(network, make_options())
    first = predict(network, data.X, level=1)
    assert_allclose(first, twin.forward(data.X)[0][0], rtol=1e-4, atol=1e-44)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", CODES)
def test_a_network_of_subnormal_weights_trains(activation, solver):
    network, data = make_network(WIDTHS, activation=activation, solver=solver), make_data(40, 6, 3)
    network.arrays.weights[:] = 1e-40
    train(network, data, n_epochs=5, batch_size=4)
    assert np.isfinite(learned_by(network)).all()


def smallest(arrays):
    """The least magnitude that is not zero."""
    magnitudes = abs(np.concatenate(arrays))
    return magnitudes[magnitudes > 0].min(initial=1)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("size", [1e-20, 1e-35, 1e-42])
def test_no_moment_is_subnormal(size, solver):
    network, data = make_network(WIDTHS, solver=solver), make_data(40, 6, 3)
    data.X[:] *= np.float32(size)
    train(network, data, n_epochs=5, batch_size=4)
    assert smallest(network.optimizer_state) >= 1e-30


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("size", [1e-20, 1e-35, 1e-42])
def test_no_weight_is_subnormal_after_a_step(size, solver):
    network, data = make_network(WIDTHS, solver=solver), make_data(32, 6, 3)
    network.arrays.weights[:] *= np.float32(size)
    network.arrays.intercepts[:] = np.float32(size)
    train(network, data, learning_rate_init=1e-37)
    assert smallest([network.arrays.weights, network.arrays.intercepts]) >= 1e-30


def test_weights_decay_to_nothing_and_no_further():
    network, data = make_network(WIDTHS), make_data(32, 6, 3)
    data.X[:] = 0
    train(network, data, n_epochs=200, learning_rate_init=0.9, weight_decay=0.9)
    assert abs(network.weights_of(0).data).max() < 1e-38


@pytest.mark.parametrize("size", [2.0**-60, 2.0**60])
def test_the_size_of_sample_weights_changes_no_bit(size):
    network, data = make_network(WIDTHS), make_data(40, 6, 3, weighted=True)
    train(usual := network.copy(), data, batch_size=4)
    scaled = data._replace(sample_weight=data.sample_weight * np.float32(size))
    train(network, scaled, batch_size=4)
    assert bits_of(network) == bits_of(usual)


# ---------------------------------------------------------------- divergence


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e15, 1e30])
@pytest.mark.parametrize("rate", [1.0, 1e6, 1e38])
@pytest.mark.parametrize("activation", CODES)
def test_training_ends_with_finite_parameters_or_an_error(activation, rate, size, solver):
    network, data = make_network(WIDTHS, activation=activation, solver=solver), make_data(32, 6, 3)
    data.X[:] *= np.float32(size)
    try:
        train(network, data, n_epochs=3, batch_size=4, learning_rate_init=rate)
    except DivergenceError:
        return
    assert np.isfinite(learned_by(network)).all()


# What makes a training diverge, and what is to be said of it.
TO_BLAME = {
    "weight_decay": ({}, {"weight_decay": 1e5}, 1.0),
    "weight_decay by fan-in": (
        {}, {"weight_decay": 1e3, "learning_rate_init": 0.5, "learning_rate_scaling": "fan_in"}, 1.0
    ),
    "weight_init_gain": ({"weight_init_gain": 1e20}, {}, 1.0),
    "activation_slope": ({"activation": "leaky_relu", "activation_slope": 1e15}, {}, 1.0),
    "learning_rate_init": ({}, {"learning_rate_init": 1e30}, 1.0),
    "learning_rate_init of Adam": ({"solver": "adam"}, {"learning_rate_init": 1e36}, 1.0),
    "input_noise": ({}, {"input_noise": 1e20}, 1.0),
    "momentum": ({"activation": "identity"}, {"momentum": 0.999}, 1.0),
    "dropout": ({"activation": "identity"}, {"dropout": 0.95}, 1.0),
    "input_dropout": ({"activation": "identity"}, {"input_dropout": 0.95}, 1.0),
    "X": ({}, {}, 1e20),
}  # fmt: skip


@pytest.mark.parametrize(("made_of", "options", "size"), TO_BLAME.values(), ids=TO_BLAME)
def test_the_error_names_what_is_to_blame(made_of, options, size, request):
    network, data = make_network(WIDTHS, **made_of), make_data(64, 6, 3)
    data.X[:] *= np.float32(size)
    name = request.node.callspec.id.split()[0]
    with pytest.raises(DivergenceError, match=rf"Most likely to blame: {name}\b[^;]*$"):
        train(network, data, n_epochs=3000, batch_size=16, **options)


def test_where_nothing_is_suspicious_the_usual_suspects_are_named():
    network, data = make_network(WIDTHS), make_data(32, 6, 3)
    network.arrays.weights[:] = np.nan
    with pytest.raises(DivergenceError, match=r"Lower learning_rate_init=0\.1, or scale X"):
        train(network, data)


def test_the_error_survives_a_pickle():
    network, data = make_network(WIDTHS), make_data(32, 6, 3)
    with pytest.raises(DivergenceError) as caught:
        train(network, data, learning_rate_init=1e38)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_stops_training(value):
    network, data = make_network(WIDTHS, activation="tanh"), make_data(32, 6, 3)
    network.arrays.intercepts[0] = value
    network.arrays.weights[:] = 1
    with pytest.raises(DivergenceError):
        train(network, data)


def test_training_stops_before_the_step_that_would_spread_it():
    network, data = make_network(WIDTHS), make_data(40, 6, 3)
    data.X[36:] = np.nan
    with pytest.raises(DivergenceError):
        train(network, data, batch_size=4)
    assert np.isfinite(learned_by(network)).all()


@pytest.mark.parametrize("n_threads", [2, 3])
def test_all_threads_stop(n_threads):
    network, data = make_network(WIDTHS), make_data(40, 6, 3)
    data.X[20:] = np.nan
    with pytest.raises(DivergenceError):
        train(network, data, batch_size=4, n_threads=n_threads)


def test_the_error_names_the_epoch():
    network, data = make_network((6, 3)), make_data(32, 6, 3)
    with pytest.raises(DivergenceError, match="in epoch 3"):
        train(network, data, n_epochs=10, learning_rate_init=1e19, weight_decay=1.0)


def test_parameters_ruined_by_the_last_step_are_seen():
    network, data = make_network((6, 3)), make_data(32, 6, 3)
    with pytest.raises(DivergenceError):
        train(network, data, learning_rate_init=3e38, weight_decay=10.0)


def test_intercepts_ruined_by_the_last_step_are_seen():
    network, data = make_network((6, 3)), make_data(32, 6, 1)
    # No weight has a gradient; the velocity carries an intercept beyond all numbers.
    data.X[:] = 0
    with pytest.raises(DivergenceError):
        train(network, data, n_epochs=2, learning_rate_init=3e38)


@pytest.mark.parametrize("rate", [1e6, 1e15, 1e30])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_model_predicts_what_it_was_trained_on_or_is_none(solver, rate):
    """The last update of all, that no loss sees, may leave weights that overflow everything."""
    network, data = make_network(WIDTHS, solver=solver), make_data(40, 6, 3)
    try:
        train(network, data, learning_rate_init=rate)
    except DivergenceError:
        return
    assert np.isfinite(predict(network, data.X)).all()


def test_squares_of_gradients_that_overflow_are_an_error():
    """Adam would divide by infinity, and a weight never move again, without a word."""
    network, data = make_network((6, 3), solver="adam"), make_data(32, 6, 3)
    data.X[:, 0] *= np.float32(1e25)
    network.weights_of(0).data[:] = 0
    with pytest.raises(DivergenceError, match="a gradient is beyond the range of float32"):
        train(network, data, learning_rate_init=1e-30)


def test_a_fit_that_diverges_leaves_no_model():
    data = make_data(32, 6, 3)
    est = small(learning_rate_init=1e38)
    with pytest.raises(ValueError, match=r"learning_rate_init=1e\+38"):
        est.fit(data.X, data.targets)
    assert not hasattr(est, "coefs_")


def test_a_fit_that_diverges_leaves_the_model_that_was_there():
    data = make_data(32, 6, 3)
    est = small(warm_start=True)
    before = est.fit(data.X, data.targets).predict_proba(data.X)
    with pytest.raises(ValueError, match="diverged"):
        est.set_params(learning_rate_init=1e38).fit(data.X, data.targets)
    assert_array_equal(est.predict_proba(data.X), before)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_outputs_that_overflow_are_an_error(method):
    data = make_data(32, 6, 3)
    est = small().fit(data.X, data.targets)
    # The last update of a training that is about to diverge may leave such weights.
    est._network.arrays.weights[:] = 1e30
    with pytest.raises(ValueError, match="rows of X are beyond the range of float32"):
        getattr(est, method)(data.X)


# ---------------------------------------------------------------- time


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", CODES)
def test_subnormal_numbers_slow_nothing(activation, solver):
    usual = make_network((2000, 1000, 1000, 5), (60_000, 40_000, 4000), activation=activation,
                         solver=solver)  # fmt: skip
    tiny, data = usual.copy(), make_data(40, 2000, 5)
    tiny.arrays.weights[:] *= np.float32(1e-40)
    tiny.optimizer_state.weights_1[:] = 1e-40

    def seconds(network):
        network = network.copy()
        start = time.thread_time()
        # The first step meets these weights, and flushes them to zero.
        train(network, data, n_epochs=5, batch_size=4, learning_rate_init=1e-30)
        return time.thread_time() - start

    # Pairs of runs, one right after the other, suffer alike from whatever else the machine does.
    seconds(usual)
    ratios = [seconds(tiny) / seconds(usual) for _ in range(30)]
    print(f"{activation}, {solver}: subnormal weights take {np.median(ratios):.2f} times as long")
    assert np.median(ratios) < 1.5, ratios
