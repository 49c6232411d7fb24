"""Which neurons are connected: exact counts, exact drops, uniform growth, moments that travel."""

import pickle
from collections import Counter
from math import comb

import numpy as np
import pytest
from builders import (
    bits_of,
    cells_where,
    evolve,
    make_data,
    make_network,
    single_layer,
    train,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from reference import cells_of, dropped_by_set
from scipy import stats
from strategies import network_shapes, team_sizes, weighted_layers, zetas

from sksparse_mlp._network.team import Team
from sksparse_mlp._network.topology.weight_init import weight_init_of

# Below this a fixed seed is called bad luck no longer.
P_VALUE = 1e-4

solvers = st.sampled_from(["sgd", "adam"])


def assert_sound(network, n_connections):
    """Every layer holds its number of connections, distinct, in bounds, sorted within rows."""
    assert network.n_connections == tuple(n_connections)
    for layer, n_out in enumerate(network.widths[1:]):
        start, stop = network.connections_of(layer)
        pointers = network.pointers_of(layer)
        assert pointers[0] == start and pointers[-1] == stop == start + n_connections[layer]
        assert (np.diff(pointers) >= 0).all()
        rows, columns = cells_of(network, layer)
        assert (columns >= 0).all() and (columns < n_out).all()
        assert (np.diff(rows * n_out + columns) > 0).all()


def content_of(network):
    """By cell of a network of one layer: bits of the weight, and its moments."""
    rows, columns = cells_of(network, 0)
    second = network.optimizer_state.weights_2
    kept = zip(
        network.arrays.weights.view(np.uint32).tolist(),
        network.optimizer_state.weights_1.tolist(),
        second.tolist() if second.size else [None] * rows.size,
        strict=True,
    )
    return dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), kept, strict=True))


def flat_cells(network, layer=0):
    """Numbers of the connected cells, row by row."""
    rows, columns = cells_of(network, layer)
    return rows * network.widths[layer + 1] + columns


def new_connections(network):
    """Which connections of a tagged layer were grown."""
    return network.optimizer_state.weights_1 == 0


# ---------------------------------------------------------------- initialisation


@given(network_shapes(), team_sizes, st.integers(0, 2**32 - 1))
def test_initialisation_is_sound(shape, n_threads, seed):
    network = make_network(*shape, n_threads=n_threads, seed=seed)
    assert_sound(network, shape[1])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_all_moments_are_zero_at_first(solver):
    network = make_network((20, 30, 4), solver=solver)
    assert not any(moments.any() for moments in network.optimizer_state)


def test_layers_of_equal_shape_differ():
    network = make_network((30, 30, 30), (200, 200))
    assert not np.array_equal(flat_cells(network, 0), flat_cells(network, 1))


def test_seeds_differ():
    one, other = (make_network((30, 30), (200,), seed=seed) for seed in (0, 1))
    assert not np.array_equal(flat_cells(one), flat_cells(other))


# ---------------------------------------------------------------- evolution, any layer


@given(weighted_layers(), zetas, team_sizes, solvers)
def test_evolution_is_sound(layer, zeta, n_threads, solver):
    network = single_layer(*layer, solver=solver)
    evolve(network, zeta, n_threads=n_threads)
    assert_sound(network, [layer[0].sum()])


@given(weighted_layers(), zetas, team_sizes)
def test_evolution_drops_what_the_twin_drops(layer, zeta, n_threads):
    network = single_layer(*layer)
    kept = ~dropped_by_set(layer[1], zeta)
    evolve(network, zeta, n_threads=n_threads)
    if not layer[0].all():
        tags = network.optimizer_state.weights_1
        assert_array_equal(np.sort(tags[tags > 0]), 1 + np.flatnonzero(kept))


@given(weighted_layers(), zetas, team_sizes, solvers)
def test_weights_and_moments_travel_with_their_connection(layer, zeta, n_threads, solver):
    network = single_layer(*layer, solver=solver)
    before = content_of(network)
    evolve(network, zeta, n_threads=n_threads)
    survivors = {cell: kept for cell, kept in content_of(network).items() if kept[1] > 0}
    assert survivors == {cell: before[cell] for cell in survivors}


@given(weighted_layers(), zetas, solvers)
def test_the_moments_of_new_connections_are_zero(layer, zeta, solver):
    network = single_layer(*layer, solver=solver)
    evolve(network, zeta)
    if network.optimizer_state.weights_2.size:
        assert not network.optimizer_state.weights_2[new_connections(network)].any()


@given(weighted_layers(), zetas)
def test_evolution_tells_how_many_moved(layer, zeta):
    network = single_layer(*layer)
    assert evolve(network, zeta) == np.count_nonzero(new_connections(network))


@given(weighted_layers(), zetas)
def test_new_weights_are_in_the_range_of_the_law(layer, zeta):
    network = single_layer(*layer)
    evolve(network, zeta)
    new = network.arrays.weights[new_connections(network)]
    assert (
        abs(new) <= weight_init_of(network, 0, network.n_connections[0], network.shapes[0]).scale
    ).all()


@given(network_shapes(), zetas, team_sizes, solvers, st.integers(0, 2**32 - 1))
def test_counts_are_fixed_for_ever(shape, zeta, n_threads, solver, seed):
    network = make_network(*shape, solver=solver, seed=seed)
    data = make_data(20, shape[0][0], shape[0][-1])
    for _ in range(3):
        train(network, data, learning_rate_init=1e-3)
        evolve(network, zeta, n_threads=n_threads)
        network = pickle.loads(pickle.dumps(network))
    assert_sound(network, shape[1])


# ---------------------------------------------------------------- evolution, remarkable layers


def half_connected(n_in, n_out, seed=0):
    """A random half of the cells."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.arange(n_in * n_out) % 2 == 0).reshape(n_in, n_out)


def normal_weights(connected, seed=0):
    """Weights without ties."""
    return np.random.default_rng(seed).normal(size=int(np.sum(connected))).astype(np.float32)


def evolved(connected, weights, zeta, **changes):
    """A layer after one evolution."""
    network = single_layer(connected, weights, **changes)
    evolve(network, zeta)
    return network


def test_of_ties_the_first_go():
    connected, weights = half_connected(6, 6), np.full(18, 0.5)
    network = evolved(connected, weights, zeta=0.5)
    survivors = network.optimizer_state.weights_1[~new_connections(network)]
    assert_array_equal(np.sort(survivors), np.arange(10, 19))


def test_zero_and_minus_zero_are_of_different_sign():
    weights = np.tile(np.array([0.0, -0.0], np.float32), 9)
    network = evolved(half_connected(6, 6), weights, zeta=0.5)
    survivors = network.optimizer_state.weights_1[~new_connections(network)]
    assert_array_equal(np.sort(survivors), np.arange(9, 19))


def test_each_sign_loses_its_own_fraction():
    weights = np.concatenate([np.arange(1, 11), -np.arange(101, 109)])
    network = evolved(half_connected(6, 6), weights, zeta=0.5)
    survivors = network.optimizer_state.weights_1[~new_connections(network)]
    assert_array_equal(np.sort(survivors), [6, 7, 8, 9, 10, 15, 16, 17, 18])


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_of_one_sign_only(sign):
    connected = half_connected(8, 8)
    network = evolved(connected, sign * (1.0 + np.arange(32)), zeta=0.25)
    survivors = network.optimizer_state.weights_1[~new_connections(network)]
    assert_array_equal(np.sort(survivors), np.arange(9, 33))


def test_without_zeta_nothing_moves():
    connected = half_connected(8, 8)
    network = single_layer(connected, normal_weights(connected))
    before = bits_of(network)
    evolve(network, 0.0)
    assert bits_of(network) == before


def test_a_fraction_of_less_than_one_connection_moves_nothing():
    connected = half_connected(8, 8)
    network = single_layer(connected, normal_weights(connected))
    before = bits_of(network)
    evolve(network, 0.01)
    assert bits_of(network) == before


def test_nearly_all_connections_may_move():
    connected = half_connected(40, 40)
    network = evolved(connected, normal_weights(connected), zeta=0.999)
    assert_sound(network, [800])


def test_a_full_layer_is_left_alone():
    connected = np.ones((7, 5), bool)
    network = single_layer(connected, normal_weights(connected))
    before = bits_of(network)
    assert evolve(network, 0.5) == 0
    assert bits_of(network) == before


def test_the_only_free_cell_may_be_taken():
    connected = np.ones((9, 9), bool)
    connected[4, 4] = False
    grown = [
        evolved(connected, normal_weights(connected), zeta=0.9, seed=seed) for seed in range(20)
    ]
    assert any(4 * 9 + 4 in flat_cells(network) for network in grown)


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (1, 2), (2, 1), (1, 200), (200, 1)])
def test_layers_of_one_row_or_one_column(shape):
    connected = half_connected(*shape)
    network = evolved(connected, normal_weights(connected), zeta=0.6)
    assert_sound(network, [connected.sum()])


def test_a_row_that_grows_many_columns():
    connected = np.zeros((2, 3000), bool)
    connected[0, ::3] = True
    network = evolved(connected, normal_weights(connected), zeta=0.9)
    grown = np.diff(network.pointers_of(0))[1]
    assert grown > 64
    assert_sound(network, [1000])


@pytest.mark.parametrize("n_empty", [1, 5, 40])
def test_crowded_rows(n_empty):
    connected = np.ones((30, 30), bool)
    connected.ravel()[np.random.default_rng(0).choice(900, n_empty, replace=False)] = False
    network = evolved(connected, normal_weights(connected), zeta=0.5)
    assert_sound(network, [900 - n_empty])


def test_more_rows_than_chunks():
    connected = half_connected(1000, 3)
    network = evolved(connected, normal_weights(connected), zeta=0.5)
    assert_sound(network, [1500])


def test_two_evolutions_grow_different_cells():
    connected = half_connected(30, 30)
    network = single_layer(connected, normal_weights(connected))
    grown = []
    for _ in range(2):
        twin = network.copy()
        twin.n_evolutions = len(grown)
        evolve(twin, 0.5)
        grown.append(set(flat_cells(twin)[new_connections(twin)].tolist()))
    assert grown[0] != grown[1]


# ---------------------------------------------------------------- uniformity


def p_value_of_subsets(subsets, n_subsets):
    """Chi-square test that all sets of cells are equally likely."""
    counts = Counter(tuple(subset) for subset in subsets)
    return stats.chisquare([*counts.values(), *[0] * (n_subsets - len(counts))]).pvalue


@pytest.mark.parametrize(
    ("shape", "n_connections"),
    [((2, 4), 3), ((3, 3), 7), ((1, 8), 3), ((8, 1), 3), ((2, 3), 5)],
    ids=str,
)
def test_every_initial_topology_is_equally_likely(shape, n_connections):
    n_subsets = comb(shape[0] * shape[1], n_connections)
    networks = (make_network(shape, (n_connections,), seed=i) for i in range(20 * n_subsets))
    subsets = (flat_cells(network).tolist() for network in networks)
    assert p_value_of_subsets(subsets, n_subsets) > P_VALUE


# Connected cells and the number that stays: evenly spread, crowded, one row full.
GROWTH = {
    "sparse": (np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0]], bool), 3),
    "crowded": (np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 0]], bool), 7),
    "uneven": (np.array([[1, 1, 1, 1], [0, 0, 1, 0], [0, 0, 1, 0]], bool), 4),
    "one row": (np.array([[1, 0, 0, 1, 0, 1, 0, 1]], bool), 2),
    "one column": (np.array([[1, 0, 0, 1, 0, 1, 0, 1]], bool).T, 2),
}


@pytest.mark.parametrize("growth", ["set", "guided"])
@pytest.mark.parametrize("layer", GROWTH)
def test_every_set_of_empty_cells_is_equally_likely_to_grow(layer, growth):
    connected, n_kept = GROWTH[layer]
    # Growth that prefers all rows alike is uniform, too.
    rules = {"growth": growth, "input_preferences": np.ones(len(connected), np.float32)}
    n = int(connected.sum())
    n_subsets = comb(connected.size - n_kept, n - n_kept)
    # The first connections in storage order have the largest weights, and stay.
    network = single_layer(connected, np.arange(n, 0, -1), **rules)
    subsets = []
    for i in range(40 * n_subsets):
        twin = network.copy()
        twin.n_evolutions = i
        evolve(twin, (n - n_kept + 0.5) / n)
        subsets.append(flat_cells(twin)[new_connections(twin)].tolist())
    assert p_value_of_subsets(subsets, n_subsets) > P_VALUE


def p_value_of_cells(counts, n_times, n_chosen):
    """Chi-square test that all cells are equally likely, some chosen at a time."""
    n = counts.size
    expected = n_times * n_chosen / n
    # Cells are chosen without replacement, which evens out their counts.
    statistic = ((counts - expected) ** 2).sum() / expected * (n - 1) / (n - n_chosen)
    return stats.chi2(n - 1).sf(statistic)


@pytest.mark.parametrize(
    ("n_in", "n_out", "n_connections"),
    [(130, 7, 182), (7, 130, 182), (65, 65, 845), (40, 200, 200)],
)
def test_initial_connections_are_uniform_over_a_larger_layer(n_in, n_out, n_connections):
    counts, n_times = np.zeros(n_in * n_out), 300
    for seed in range(n_times):
        counts[flat_cells(make_network((n_in, n_out), (n_connections,), seed=seed))] += 1
    assert p_value_of_cells(counts, n_times, n_connections) > P_VALUE


def test_growth_is_uniform_over_a_larger_layer_with_crowded_rows():
    # Rows are drawn by chunk, then within it: every third is crowded, so that chunks hold both.
    crowded = np.arange(130) % 3 == 0
    connected = np.zeros((130, 30), bool)
    connected[:, :2] = connected[crowded, :27] = True
    kept = connected & crowded[:, None]
    # The crowded rows stay; all others lose what they have.
    weights = np.where(np.repeat(crowded, connected.sum(axis=1)), 2.0, 1.0)
    network, n_grown = single_layer(connected, weights), int((~kept & connected).sum())
    counts, n_times = np.zeros(connected.size), 300
    for i in range(n_times):
        twin = network.copy()
        twin.n_evolutions = i
        assert evolve(twin, (n_grown + 0.5) / connected.sum()) == n_grown
        counts[flat_cells(twin)[new_connections(twin)]] += 1
    assert p_value_of_cells(counts[~kept.ravel()], n_times, n_grown) > P_VALUE


class TeamThatLooksAtBits(Team):
    """A team that sees whether an evolution leaves any bit of taken columns."""

    def run(self, kernel, layer, rebuilt, buffers, init, **how):
        super().run(kernel, layer, rebuilt, buffers, init, **how)
        assert not buffers.taken.any()


@pytest.mark.parametrize("growth", ["set", "guided"])
def test_growth_is_uniform_over_sparse_rows_some_of_whose_cells_are_forbidden(growth):
    forbidden = np.random.default_rng(0).random((40, 200)) < 0.2
    rules = {"growth": growth, "input_preferences": np.ones(40, np.float32)}
    network = make_network((40, 200), [200], forbidden=(cells_where(forbidden),), **rules)
    network.optimizer_state.weights_1[:] = 1.0
    counts, n_times = np.zeros(forbidden.size), 400
    for i in range(n_times):
        twin = network.copy()
        twin.n_evolutions = i
        # Of each sign only the largest stays.
        with TeamThatLooksAtBits(1) as team:
            n_grown = evolve(twin, 0.999, team=team)
        counts[flat_cells(twin)[new_connections(twin)]] += 1
    assert n_grown > 190 and not counts[forbidden.ravel()].any()
    kept = np.zeros(forbidden.size, bool)
    kept[flat_cells(twin)[~new_connections(twin)]] = True
    assert p_value_of_cells(counts[~forbidden.ravel() & ~kept], n_times, n_grown) > P_VALUE


# ---------------------------------------------------------------- weight initialisation

WIDTHS, CONNECTIONS, GAIN = (200, 100, 50), (8000, 2000), 0.5


def distribution_of(weight_init, layer):
    """The distribution that new weights of a layer should have."""
    fan_in = CONNECTIONS[layer] / WIDTHS[layer + 1]
    fan_out = CONNECTIONS[layer] / WIDTHS[layer]
    gain = GAIN if layer == 0 else 1.0
    if weight_init == "normal":
        return stats.norm(scale=0.1 * gain)
    if weight_init == "he_normal":
        return stats.norm(scale=np.sqrt(2 / fan_in) * gain)
    limit = gain * np.sqrt(6 / (fan_in if weight_init == "he_uniform" else fan_in + fan_out))
    return stats.uniform(-limit, 2 * limit)


@pytest.mark.parametrize("layer", [0, 1], ids=["hidden layer", "output layer"])
@pytest.mark.parametrize("weight_init", ["he_uniform", "he_normal", "xavier", "normal"])
def test_initial_weights_follow_the_distribution(weight_init, layer):
    network = make_network(WIDTHS, CONNECTIONS, weight_init=weight_init, weight_init_gain=GAIN)
    weights = network.weights_of(layer).data.astype(np.float64)
    assert stats.kstest(weights, distribution_of(weight_init, layer).cdf).pvalue > P_VALUE


@pytest.mark.parametrize("layer", [0, 1], ids=["hidden layer", "output layer"])
@pytest.mark.parametrize("weight_init", ["he_uniform", "he_normal", "xavier", "normal"])
def test_grown_weights_follow_the_distribution(weight_init, layer):
    network = make_network(WIDTHS, CONNECTIONS, weight_init=weight_init, weight_init_gain=GAIN)
    network.optimizer_state.weights_1[:] = 1
    evolve(network, 0.8)
    start, stop = network.connections_of(layer)
    new = new_connections(network)[start:stop]
    weights = network.weights_of(layer).data[new].astype(np.float64)
    assert stats.kstest(weights, distribution_of(weight_init, layer).cdf).pvalue > P_VALUE


def test_grown_weights_are_fresh():
    network = make_network(WIDTHS, CONNECTIONS)
    before = set(network.arrays.weights.tolist())
    network.optimizer_state.weights_1[:] = 1
    evolve(network, 0.3)
    new = network.arrays.weights[new_connections(network)]
    # Floats have few enough bits for a little coincidence.
    assert np.mean([weight in before for weight in new.tolist()]) < 0.01


# ---------------------------------------------------------------- when evolution happens


def topology_of(network):
    """Cells of all layers."""
    return [flat_cells(network, layer).tolist() for layer in range(network.n_layers)]


def trained(n_epochs=3, n_samples=20, **changes):
    """A network before training, after it, and its trainer."""
    before = make_network((20, 15, 4))
    network = before.copy()
    data = make_data(n_samples, 20, 4)
    trainer = train(network, data, n_epochs=n_epochs, learning_rate_init=1e-3, **changes)
    return before, network, trainer


def test_without_evolution_the_topology_stays():
    before, network, _ = trained()
    assert topology_of(network) == topology_of(before)


def test_evolution_begins_every_epoch_but_the_first():
    _, network, trainer = trained(n_epochs=4, evolution="set")
    assert network.n_evolutions == 3
    assert [n > 0 for n in trainer.history["connections_rewired"]] == [False, True, True, True]


def test_no_evolution_follows_the_last_step():
    _, network, _ = trained(n_epochs=1, evolution="set")
    assert network.n_evolutions == 0


@pytest.mark.parametrize(("interval", "n_evolutions"), [(1, 14), (4, 3), (15, 0)])
def test_intervals_count_mini_batches(interval, n_evolutions):
    _, network, _ = trained(evolution="set", evolution_interval=interval, batch_size=4)
    assert network.n_evolutions == n_evolutions


def test_intervals_are_counted_across_calls():
    network, data = make_network((20, 15, 4)), make_data(4, 20, 4)
    for _ in range(10):
        train(network, data, evolution="set", evolution_interval=4, learning_rate_init=1e-3)
    assert network.n_evolutions == 2


def test_evolution_ends_early_if_asked_to():
    _, network, _ = trained(n_epochs=10, evolution="set", evolution_end=0.5)
    assert network.n_evolutions == 5


def test_the_output_layer_stays_if_asked_to():
    before, network, _ = trained(evolution="set", evolve_output_layer=False)
    assert topology_of(network)[-1] == topology_of(before)[-1]


def test_the_output_layer_evolves_otherwise():
    before, network, _ = trained(evolution="set")
    assert topology_of(network)[-1] != topology_of(before)[-1]


# ---------------------------------------------------------------- guided growth


@given(st.integers(0, 2**32 - 1))
def test_rows_grow_in_proportion_to_their_preference(seed):
    preferences = np.repeat([0.5, 1.0, 3.0], 20)
    network = make_network(
        (60, 400), [1200], seed=seed, growth="guided", input_preferences=preferences
    )
    degrees = np.diff(network.pointers_of(0)).reshape(3, 20).sum(axis=1)
    # Four standard deviations of the binomial distribution, at most.
    np.testing.assert_allclose(degrees, 1200 * np.array([0.5, 1.0, 3.0]) / 4.5, atol=70)


@given(st.integers(0, 2**32 - 1))
def test_guided_evolution_keeps_the_number_and_the_order_of_connections(seed):
    preferences = np.random.default_rng(seed).exponential(size=30) ** 3 + 0.01
    network = make_network(
        (30, 12), [200], seed=seed, growth="guided", input_preferences=preferences
    )
    for _ in range(3):
        evolve(network, 0.3)
    matrix = network.weights_of(0)
    assert matrix.nnz == 200
    for row in np.split(matrix.indices, matrix.indptr[1:-1]):
        assert (np.diff(row) > 0).all()


def test_guided_growth_does_not_depend_on_the_number_of_threads():
    preferences = np.random.default_rng(0).exponential(size=300) ** 2 + 0.1
    networks = []
    for n_threads in (1, 3):
        network = make_network(
            (300, 50), [4000], growth="guided", input_preferences=preferences, n_threads=n_threads
        )
        evolve(network, 0.3, n_threads=n_threads)
        networks.append(network.weights_of(0))
    one, other = networks
    assert np.array_equal(one.indices, other.indices)
    assert np.array_equal(one.data, other.data)
