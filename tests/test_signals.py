"""What neurons do on a few samples: activations and gradients of the loss, as the twin has them."""

import numpy as np
import pytest
from builders import make_data, make_network, make_options, record, shaken, with_numbers
from numpy.testing import assert_allclose, assert_array_equal
from reference import Twin
from scipy import sparse

from sksparse_mlp._network import signals
from sksparse_mlp._network.lanes import MAX_LANES
from sksparse_mlp._network.signals import MOST_SAMPLES, samples_to_record

NETWORKS = {
    "one layer": ((7, 3), None),
    "two hidden layers": ((7, 9, 5, 3), None),
    "a skip layer": ((7, 9, 5, 3), (31, 22, 8, 11)),
}
ACTIVATIONS = ["relu", "all_relu", "srelu", "tanh"]
# One sample, a part of a tile, a tile, and two of them.
N_SAMPLES = [1, 20, 32, 64]


def network_and_data(widths, n_connections, n_samples, **changes):
    network = shaken(make_network(widths, n_connections, **changes))
    return network, make_data(n_samples, widths[0], widths[-1], weighted=True)


def by_sample(level, n_samples):
    """One row a sample, one column a neuron; the lanes without a sample must be zero."""
    rows = np.swapaxes(level, 1, 2).reshape(-1, level.shape[1])
    assert not rows[n_samples:].any()
    return rows[:n_samples]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_activations_are_those_of_the_twin(name, activation):
    network, data = network_and_data(*NETWORKS[name], 40, activation=activation)
    z, read = Twin(network, make_options()).forward(data.X)
    for found, expected in zip(record(network, data).activations, [*read, z[-1]], strict=True):
        assert_allclose(by_sample(found, 40), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_samples", N_SAMPLES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_products_are_the_gradients_of_the_connections(name, activation, n_samples):
    network, data = network_and_data(*NETWORKS[name], n_samples, activation=activation)
    twin, signals = Twin(network, make_options()), record(network, data)
    _, expected = twin.gradients(data.X, data.targets, data.sample_weight, twin.calm)
    for layer in range(network.n_layers):
        source, target = network.levels_of(layer)
        a = by_sample(signals.activations[source], n_samples)
        d = by_sample(signals.gradients[target], n_samples)
        found = a.T @ d * twin.connected[layer]
        assert_allclose(found, expected.weights[layer], rtol=1e-3, atol=1e-6)
    for level, of_intercepts in enumerate(expected.intercepts, 1):
        found = signals.gradients[level].sum(axis=(0, 2))
        assert_allclose(found, of_intercepts, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "parameter"),
    [
        ("binary_cross_entropy", 0.0),
        ("squared_error", 0.0),
        ("absolute_error", 0.0),
        ("huber", 0.3),
        ("quantile", 0.2),
        ("reconstruction", 0.0),
    ],
)
def test_gradients_are_those_of_any_loss(loss, parameter):
    network, data = network_and_data((6, 9, 6), None, 40)
    targets = None if loss == "reconstruction" else with_numbers(data, 6).targets
    data, options = data._replace(targets=targets), {"loss": loss, "loss_parameter": parameter}
    twin, signals = Twin(network, make_options(**options)), record(network, data, **options)
    _, expected = twin.gradients(data.X, targets, data.sample_weight, twin.calm)
    for level, of_intercepts in enumerate(expected.intercepts, 1):
        found = signals.gradients[level].sum(axis=(0, 2))
        assert_allclose(found, of_intercepts, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("form", [np.asfortranarray, sparse.csr_array, np.float64])
def test_neither_threads_nor_the_form_of_X_change_a_bit(form):
    network, data = network_and_data((7, 9, 5, 3), None, 64)
    one, other = record(network, data), record(network, data, n_threads=2, X=form(data.X))
    for kind, kind_of_other in zip(one, other, strict=True):
        for level, level_of_other in zip(kind, kind_of_other, strict=True):
            assert_array_equal(level, level_of_other)


def test_activations_are_the_same_without_gradients():
    network, data = make_network((6, 5, 4, 3)), make_data(40, 6, 3)
    whole, half = (record(network, data, backward=backward) for backward in (True, False))
    for activations, expected in zip(half.activations, whole.activations, strict=True):
        assert_array_equal(activations, expected)


def test_of_a_large_batch_some_samples_are_drawn_anew_each_time():
    network, batch = make_network((3, 2)), np.arange(100, 300)
    first = samples_to_record(network, batch)
    network.n_evolutions += 1
    second = samples_to_record(network, batch)
    for drawn in (first, second):
        assert np.unique(drawn).size == MOST_SAMPLES and np.isin(drawn, batch).all()
    assert set(first) != set(second)


@pytest.mark.parametrize(("most", "n"), [(10**9, MOST_SAMPLES), (319, MAX_LANES), (10, MAX_LANES)])
def test_of_very_many_neurons_fewer_samples_are_drawn_but_a_tile_of_them(most, n, monkeypatch):
    monkeypatch.setattr(signals, "MOST_ACTIVATIONS", most)
    assert samples_to_record(make_network((3, 2)), np.arange(200)).size == n


def test_a_small_batch_is_taken_whole():
    batch = np.array([5, 3, 9])
    assert_array_equal(samples_to_record(make_network((3, 2)), batch), batch)
