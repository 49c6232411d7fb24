"""Cells where no connection may lie: no first topology and no rule of growth takes one."""

from collections import Counter
from math import comb

import numpy as np
import pytest
from builders import bits_of, cells_where, make_data, make_network, train
from hypothesis import given
from hypothesis import strategies as st
from reference import cells_of
from scipy import stats
from strategies import connected_cells, team_sizes

from sksparse_mlp._network.topology import GROWTH_RULES, NO_CELLS

EVERY_STEP = {"evolution": "set", "evolution_interval": 1, "batch_size": 8, "zeta": 0.4}


def numbers_of(network, layer=0):
    rows, columns = cells_of(network, layer)
    return rows * network.shapes[layer][1] + columns


def trained(shape, n_connections, forbidden, growth, n_threads, seed):
    """A network of one layer after some evolutions."""
    network = make_network(
        shape,
        [n_connections],
        seed=seed,
        n_threads=n_threads,
        growth=growth,
        input_preferences=np.linspace(0.5, 1.5, shape[0]).astype(np.float32),
        forbidden=(cells_where(forbidden),),
    )
    first = set(numbers_of(network).tolist())
    data = make_data(24, shape[0], shape[1], seed=seed)
    train(network, data, n_epochs=2, n_threads=n_threads, learning_rate_init=1e-3, **EVERY_STEP)
    return network, first


@st.composite
def layers(draw):
    """Which cells are forbidden, at least one being left, and how many connections there are."""
    forbidden = ~draw(connected_cells())
    n_free = int((~forbidden).sum())
    n_connections = draw(st.sampled_from([n_free, max(1, n_free - 1)]) | st.integers(1, n_free))
    return forbidden, n_connections


@given(layers(), st.sampled_from(sorted(GROWTH_RULES)), team_sizes, st.integers(0, 2**32 - 1))
def test_no_connection_ever_lies_at_a_forbidden_cell(layer, growth, n_threads, seed):
    forbidden, n_connections = layer
    network, first = trained(forbidden.shape, n_connections, forbidden, growth, n_threads, seed)
    last = numbers_of(network)
    assert len(first) == last.size == n_connections
    assert (np.diff(last) > 0).all()
    assert not forbidden.reshape(-1)[[*first, *last]].any()


@pytest.mark.parametrize("growth", GROWTH_RULES)
def test_the_number_of_threads_changes_nothing(growth):
    forbidden = np.random.default_rng(0).random((90, 40)) < 0.6
    one, two = (trained((90, 40), 300, forbidden, growth, n, 0)[0] for n in (1, 2))
    assert bits_of(one) == bits_of(two)


@pytest.mark.parametrize("growth", ["set", "guided"])
def test_all_topologies_of_other_cells_are_equally_likely(growth):
    forbidden = np.array([[1, 0, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]], bool)
    allowed, n_connections = int((~forbidden).sum()), 3
    n_subsets = comb(allowed, n_connections)
    rules = {"growth": growth, "input_preferences": np.ones(3, np.float32)}
    counts = Counter(
        tuple(numbers_of(make_network((3, 4), [3], seed=i, forbidden=(cells,), **rules)))
        for cells in [cells_where(forbidden)]
        for i in range(40 * n_subsets)
    )
    assert len(counts) == n_subsets
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_a_layer_that_fills_what_is_left_stays_where_it_is():
    forbidden = np.random.default_rng(0).random((9, 7)) < 0.5
    n_left = int((~forbidden).sum())
    network, first = trained((9, 7), n_left, forbidden, "set", 1, 0)
    assert network.is_full(0)
    assert first == set(np.flatnonzero(~forbidden))


def test_only_some_layers_may_forbid_cells():
    forbidden = np.arange(40).reshape(8, 5) % 2 == 0
    places = (cells_where(forbidden), NO_CELLS)
    network = make_network((8, 5, 3), [20, 15], forbidden=places)
    assert set(numbers_of(network, 0)) == set(np.flatnonzero(~forbidden))
    assert network.n_connections == (20, 15)
