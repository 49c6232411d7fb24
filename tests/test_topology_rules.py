"""Every rule of topology evolution keeps its contract; a new rule is a line of a list here."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from builders import bits_of, evolve, make_network, single_layer
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from reference import (
    dropped_by_set,
    dropped_of,
    mest_saliency,
    receptive_fields,
    snip_saliency,
)
from scipy.sparse import csr_array
from strategies import weighted_layers

from sksparse_mlp._network.topology import (
    AMOUNT_RULES,
    DROP_RULES,
    GROWTH_RULES,
    INITIAL_RULES,
    LAYER_DENSITY_RULES,
    PROPOSE_CELLS,
    EvolutionTiming,
)
from sksparse_mlp._network.topology.rebuild import layer_view

# Of each rule its slow twin: which connections it drops, of a layer and zeta.
DROP_TWINS = {
    "set": lambda layer, zeta: dropped_by_set(layer.weights, zeta),
    "magnitude": lambda layer, zeta: dropped_of(abs(layer.weights), zeta),
    "random": lambda layer, zeta: dropped_of(
        np.random.default_rng(layer.seed).integers(2**31, size=layer.weights.size, dtype="u4"), zeta
    ),
    "mest": lambda layer, zeta: dropped_of(mest_saliency(layer.weights, layer.moment_1), zeta),
    "snip": lambda layer, zeta: dropped_of(snip_saliency(layer.weights, layer.moment_1), zeta),
}
# Of each rule its slow twin: how much it prefers each row of a layer, from the inputs or not. Those
# that choose cells are looked at in ``test_growth_rules``.
GROWTH_TWINS = {
    "set": lambda preferences, from_inputs: None,
    "guided": lambda preferences, from_inputs: preferences if from_inputs else None,
}
# Of each rule its slow twin: which cells of a layer with some connections are chosen at first.
INITIAL_TWINS = {
    "erdos_renyi": lambda n_in, n_out, n: np.zeros((n_in, n_out), bool),
    "small_world": receptive_fields,
}
# Of each rule the fractions it moves at the beginning, in the middle and at the end.
AMOUNT_TWINS = {
    "constant": lambda zeta: (zeta, zeta, zeta),
    "cosine": lambda zeta: (zeta, zeta / 2, 0.0),
    "linear": lambda zeta: (zeta, zeta / 2, 0.0),
}
# Of each rule how it spreads a density of 0.1 over layers of 10 x 20 and 20 x 80 cells.
LAYER_DENSITY_TWINS = {"erdos_renyi": [42, 138], "uniform": [20, 160]}

STEPS = st.integers(1, 1000)


def test_every_rule_has_a_twin():
    assert DROP_RULES.keys() == DROP_TWINS.keys()
    assert GROWTH_RULES.keys() == GROWTH_TWINS.keys() | PROPOSE_CELLS
    assert INITIAL_RULES.keys() == INITIAL_TWINS.keys()
    assert AMOUNT_RULES.keys() == AMOUNT_TWINS.keys()
    assert LAYER_DENSITY_RULES.keys() == LAYER_DENSITY_TWINS.keys()


@pytest.mark.parametrize("name", DROP_RULES)
@given(layer=weighted_layers())
def test_saliency_is_one_word_for_each_connection(name, layer):
    network = single_layer(*layer, drop=name)
    saliency = DROP_RULES[name](layer_view(network, 0))
    assert saliency.dtype == np.uint32
    assert saliency.shape == (network.n_connections[0],)


def next_view(network):
    """The only layer as the rules of the next evolution see it."""
    later = network.copy()
    later.n_evolutions += 1
    return layer_view(later, 0)


@pytest.mark.parametrize("name", DROP_RULES)
@given(layer=weighted_layers(), zeta=st.sampled_from([0.1, 0.3, 0.9]))
def test_what_is_dropped_is_what_the_twin_drops(name, layer, zeta):
    network = single_layer(*layer, drop=name)
    kept = ~DROP_TWINS[name](next_view(network), zeta)
    evolve(network, zeta)
    if not layer[0].all():
        tags = network.optimizer_state.weights_1
        assert_array_equal(np.sort(tags[tags > 0]), 1 + np.flatnonzero(kept))


@pytest.mark.parametrize("from_inputs", [True, False])
@pytest.mark.parametrize("name", GROWTH_TWINS)
def test_preferences_are_those_of_the_twin(name, from_inputs):
    preferences = np.array([1.0, 0.5, 1.5], np.float32)
    layer = SimpleNamespace(from_inputs=from_inputs, n_in=3, input_preferences=preferences)
    growth, expected = GROWTH_RULES[name](layer), GROWTH_TWINS[name](preferences, from_inputs)
    found = growth.preferences
    assert growth.candidates is None
    assert (found is None) == (expected is None)
    if expected is not None:
        assert_array_equal(found, expected)


@given(layer=weighted_layers())
def test_without_gradients_snip_drops_what_its_twin_drops(layer):
    network = single_layer(*layer, drop="snip")
    network.optimizer_state.weights_1[:] = 0
    view = layer_view(network, 0)
    saliency = DROP_RULES["snip"](view).view(np.float32)
    assert_array_equal(saliency, snip_saliency(view.weights, view.moment_1))


def first_cells(layer, name, rewiring):
    """The cells that a rule chooses for a layer of these cells, and the number of them all."""
    connected, weights = layer
    network = single_layer(connected, weights)
    chosen = INITIAL_RULES[name](layer_view(network, 0), rewiring)
    cells = np.zeros(connected.shape, bool)
    if chosen.columns.size:
        assert (np.diff(chosen.indptr) >= 0).all()
        cells[np.repeat(np.arange(len(cells)), np.diff(chosen.indptr)), chosen.columns] = True
        assert cells.sum() == chosen.columns.size  # all distinct
    return cells, weights.size


@pytest.mark.parametrize("name", INITIAL_RULES)
@given(layer=weighted_layers())
def test_the_first_cells_are_those_of_the_twin(name, layer):
    cells, n = first_cells(layer, name, 0.0)
    assert_array_equal(cells, INITIAL_TWINS[name](*cells.shape, n))
    some, _ = first_cells(layer, name, 0.5)
    assert not (some & ~cells).any()
    assert not first_cells(layer, name, 1.0)[0].any()


@given(layer=weighted_layers())
def test_receptive_fields_are_equally_large_and_all_inputs_are_in_some(layer):
    cells, n = first_cells(layer, "small_world", 0.0)
    assert set(cells.sum(axis=0)) <= {n // cells.shape[1], -(-n // cells.shape[1])}
    if n >= cells.shape[0] and cells.shape[0] <= cells.shape[1]:
        assert cells.any(axis=1).all()


@given(
    layer=weighted_layers(),
    rewiring=st.sampled_from([0.0, 0.3, 1.0]),
    n_threads=st.integers(2, 3),
    guided=st.booleans(),
)
def test_a_small_world_has_as_many_connections_as_it_should(layer, rewiring, n_threads, guided):
    connected, _ = layer
    more = {"initial_topology": "small_world", "rewiring": rewiring, "solver": "adam"}
    if guided:
        preferences = np.linspace(0.5, 1.5, connected.shape[0]).astype(np.float32)
        more |= {"growth": "guided", "input_preferences": preferences}
    shape, n = connected.shape, [int(connected.sum())]
    network = make_network(shape, n, **more)
    arrays = network.arrays
    for row in range(shape[0]):
        assert (np.diff(arrays.indices[arrays.indptr[row] : arrays.indptr[row + 1]]) > 0).all()
    assert arrays.indptr[-1] == n[0]
    assert bits_of(make_network(shape, n, n_threads=n_threads, **more)) == bits_of(network)


@pytest.mark.parametrize("growth", GROWTH_RULES)
def test_the_first_cells_are_as_chosen_whatever_rule_grows_later(growth):
    more = {"growth": growth, "input_preferences": np.ones(9, np.float32)}
    network = make_network((9, 6), [12], initial_topology="small_world", **more)
    expected = csr_array(receptive_fields(9, 6, 12))
    assert_array_equal(network.weights_of(0).indices, expected.indices)


def test_a_wide_small_world_takes_memory_in_proportion_to_connections():
    n = 100_000
    tracemalloc.start()
    network = make_network((60_000, 60_000), [n], initial_topology="small_world", rewiring=0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert network.arrays.indptr[-1] == n
    assert peak < 100 * n + 150 * 120_000


@pytest.mark.parametrize("zeta", [0.0, 0.2, 0.99])
@pytest.mark.parametrize("name", AMOUNT_RULES)
def test_amounts_are_those_of_the_twin(name, zeta):
    found = tuple(AMOUNT_RULES[name](zeta, progress) for progress in (0.0, 0.5, 1.0))
    assert found == pytest.approx(AMOUNT_TWINS[name](zeta), abs=1e-15)


@pytest.mark.parametrize("name", LAYER_DENSITY_RULES)
def test_densities_are_spread_as_the_twin_does(name):
    assert LAYER_DENSITY_RULES[name](0.1, [200, 1600], [30, 100]) == LAYER_DENSITY_TWINS[name]


def test_dropping_at_random_drops_other_connections_each_time():
    network = single_layer(np.eye(40, dtype=bool), np.ones(40), drop="random")
    views = next_view(network), layer_view(network, 0)
    dropped = [DROP_TWINS["random"](view, 0.5) for view in views]
    assert (dropped[0] != dropped[1]).any()


# ---------------------------------------------------------------- when


@given(interval=STEPS | st.just("epoch"), total=STEPS, first_t=st.integers(0, 50))
def test_without_a_share_of_the_training_nothing_evolves(interval, total, first_t):
    timing = EvolutionTiming(interval, 0.0, first_t, total)
    assert not any(timing.is_due(first_t + step, step) for step in range(min(total, 50)))


@given(interval=STEPS, t=st.integers(0, 10**6), n_steps=STEPS)
def test_no_evolution_is_passed_over(interval, t, n_steps):
    timing = EvolutionTiming(interval, 1.0, 0, None)
    n = timing.steps_until_due(t, n_steps)
    assert 1 <= n <= n_steps
    assert not any(timing.is_due(t + i, i) for i in range(1, n))


@given(end=st.floats(0.01, 1.0), total=STEPS)
def test_evolution_ends_where_it_should(end, total):
    timing = EvolutionTiming(1, end, 0, total)
    due = [t for t in range(total) if timing.is_due(t, t)]
    assert due == [t for t in range(1, total) if t <= end * total]


@pytest.mark.parametrize(
    ("timing", "shares"),
    [
        (EvolutionTiming(1, 1.0, 50, 100), (0.0, 0.5, 1.0)),
        (EvolutionTiming(1, 0.5, 50, 100), (0.0, 1.0, 1.0)),
        (EvolutionTiming("epoch", 0.5, 50, None), (0.0, 0.0, 0.0)),
    ],
)
def test_progress_is_that_of_the_time_in_which_connections_move(timing, shares):
    assert tuple(timing.progress(t) for t in (50, 100, 150)) == shares


def test_a_stream_has_no_end():
    timing = EvolutionTiming("epoch", 0.1, 0, None)
    assert [timing.is_due(t, step) for t, step in ((0, 0), (7, 0), (8, 1), (10**9, 0))] == [
        False, True, False, True,
    ]  # fmt: skip
