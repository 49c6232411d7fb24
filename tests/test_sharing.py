"""Layers that stay as they are, and layers that several networks have in common."""

import numpy as np
import pytest
from builders import make_data, make_network, shaken, train
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sksparse_mlp._network.checks import BadState
from sksparse_mlp._network.sharing import joined, rest_of
from sksparse_mlp._network.team import Team

WIDTHS = (12, 9, 7, 3)


def network_of(seed=0, *, skip=True, **changes):
    n_connections = [40, 30, 15, 20] if skip else [40, 30, 15]
    return shaken(make_network(WIDTHS, n_connections, seed=seed, **changes), seed)


def first_layer(network):
    """What leads from the inputs to the first neurons, and what these are."""
    stop, srelu = network.connections_of(0)[1], network.arrays.srelu.reshape(4, -1)
    arrays = network.arrays
    parts = (arrays.indptr[:13], arrays.indices[:stop], arrays.weights[:stop])
    return b"".join(np.ascontiguousarray(a).tobytes() for a in (*parts, srelu[:, :9])) + (
        network.intercepts_of(0).tobytes()
    )


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("skip", [True, False])
def test_a_frozen_layer_stays_to_the_last_bit(solver, skip):
    network = network_of(skip=skip, solver=solver, activation="srelu")
    before, indices = first_layer(network), network.arrays.indices.copy()
    weights = network.arrays.weights.copy()
    options = {"evolution": "set", "evolution_interval": 1, "batch_size": 10, "zeta": 0.5}
    data = make_data(30, 12, 3)
    train(network, data, n_epochs=3, n_frozen=1, weight_decay=0.1, dropout=0.2, **options)
    assert first_layer(network) == before
    for layer in range(1, network.n_layers):
        start, stop = network.connections_of(layer)
        assert not np.array_equal(indices[start:stop], network.arrays.indices[start:stop])
        assert not np.isin(network.arrays.weights[start:stop], weights[start:stop]).all()


def test_other_layers_learn_as_they_would_beside_one_that_does_not_move():
    frozen, slow = (network_of(solver="sgd") for _ in range(2))
    data = make_data(30, 12, 3)
    before = slow.snapshot()
    train(frozen, data, n_frozen=1)
    train(slow, data)
    moved = slow.snapshot()
    start = frozen.connections_of(1)[0]
    assert_array_equal(frozen.arrays.weights[start:], moved.weights[start:])  # one step
    assert_array_equal(frozen.arrays.weights[:start], before.weights[:start])


def test_what_is_drawn_anew_is_another_topology_and_the_rest_stays():
    network = network_of(activation="srelu")
    before, indices, n_connections = first_layer(network), network.arrays.indices.copy(), 30
    with Team(1) as team:
        network.n_evolutions += 1
        network.redraw(team, [1, 2])
    start, stop = network.connections_of(1)
    assert stop - start == n_connections
    assert first_layer(network) == before
    assert not np.array_equal(network.arrays.indices[start:stop], indices[start:stop])
    start = network.connections_of(3)[0]
    assert_array_equal(network.arrays.indices[start:], indices[start:])


@given(st.booleans(), st.sampled_from(["relu", "srelu"]), st.integers(1, 2), st.integers(0, 9))
def test_what_was_taken_apart_and_joined_is_as_it_was(skip, activation, n_shared, seed):
    network = network_of(seed, skip=skip, activation=activation)
    whole = joined(rest_of(network, n_shared), network, n_shared)
    for found, expected in zip(whole.snapshot(), network.snapshot(), strict=True):
        assert_array_equal(found, expected)
    assert whole.explored.shares == network.explored.shares
    assert not np.shares_memory(whole.arrays.weights, network.arrays.weights)


def test_the_first_layers_are_those_of_the_other_network():
    one, other = (network_of(seed, activation="srelu") for seed in (0, 1))
    whole = joined(rest_of(other, 1), one, 1)
    assert first_layer(whole) == first_layer(one)
    start = one.connections_of(1)[0]
    assert_array_equal(whole.arrays.weights[start:], other.arrays.weights[start:])
    assert_array_equal(whole.intercepts_of(1), other.intercepts_of(1))


def test_a_rest_that_was_tampered_with_is_refused():
    network = network_of()
    rest = rest_of(network, 1)
    rest["arrays"]["indices"][0] = 10**6
    with pytest.raises(BadState):
        joined(rest, network, 1)
