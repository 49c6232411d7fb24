"""Shares of explored cells: counted in small layers, expected in large ones, kept in files."""

import pickle

import numpy as np
import pytest
from builders import evolve, make_network
from numpy.testing import assert_array_equal

from sksparse_mlp._network import exploration as _explored

WIDTHS, CONNECTIONS = (30, 20, 4), (90, 40)


def network(**changes):
    return make_network(WIDTHS, CONNECTIONS, **changes)


def cells_of(net):
    return [net.weights_of(layer).toarray() != 0 for layer in range(net.n_layers)]


def explored_by(net, n_evolutions):
    """Evolve, and look at each topology; the share of cells ever seen connected."""
    seen = cells_of(net)
    for _ in range(n_evolutions):
        evolve(net, 0.3)
        seen = [s | cells for s, cells in zip(seen, cells_of(net), strict=True)]
    return [s.mean() for s in seen]


@pytest.fixture
def uncounted(monkeypatch):
    """All layers are too large to be counted."""
    monkeypatch.setattr(_explored, "COUNTED_UP_TO", 0)


def test_before_any_evolution_what_is_connected_is_explored():
    assert network().explored.shares == [90 / 600, 40 / 80]


def test_small_layers_are_counted():
    net = network()
    assert_array_equal(explored_by(net, 6), net.explored.shares)


def test_of_large_layers_the_share_is_as_expected(uncounted):
    """The mean of 30 networks of 600 cells has a standard deviation of about 0.003."""
    networks = [network(seed=seed) for seed in range(30)]
    counted = np.mean([explored_by(net, 6) for net in networks], axis=0)
    expected = np.mean([net.explored.shares for net in networks], axis=0)
    np.testing.assert_allclose(expected, counted, atol=0.012)


def test_of_a_large_full_layer_all_is_explored(uncounted):
    net = make_network((3, 2), [6])
    net.explored.add(0, net.weights_of(0), 0)
    assert net.explored.shares == [1.0]


def test_a_network_that_went_through_a_file_goes_on_counting():
    straight, saved = network(), network()
    evolve(straight, 0.3)
    evolve(saved, 0.3)
    saved = pickle.loads(pickle.dumps(saved))
    evolve(straight, 0.3)
    evolve(saved, 0.3)
    assert saved.explored.shares == straight.explored.shares


def test_a_copy_counts_for_itself():
    net = network()
    evolve(net, 0.3)
    shares = list(net.explored.shares)
    evolve(net.copy(), 0.3)
    assert net.explored.shares == shares


def test_without_training_state_counting_turns_into_expecting():
    net = network()
    evolve(net, 0.3)
    counted = list(net.explored.shares)
    net.drop_optimizer_state()
    assert net.explored.bitmaps == [None, None]
    net = net.copy()  # has an optimizer state again
    evolve(net, 0.3)
    assert all(new > old for new, old in zip(net.explored.shares, counted, strict=True))


def test_a_damaged_bitmap_is_noticed():
    net = network()
    evolve(net, 0.3)
    state = net.__getstate__()
    state["explored"]["bitmaps"][0] = ~state["explored"]["bitmaps"][0]
    with pytest.raises(ValueError, match="damaged"):
        object.__new__(type(net)).__setstate__(state)


def test_a_network_that_never_evolves_keeps_no_bits():
    assert network().explored.bitmaps == [None, None]
