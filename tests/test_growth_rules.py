"""Growth that chooses cells: candidates drawn as they should be, judged as the twin judges them."""

import tracemalloc

import numpy as np
import pytest
from builders import bits_of, make_data, make_network, record, single_layer, train
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
from numpy.testing import assert_allclose, assert_array_equal
from reference import cells_of
from scipy import sparse, stats
from test_topology import P_VALUE, assert_sound, content_of, new_connections

from sksparse_mlp._kernels.topology.notes import MAX_BUCKETS
from sksparse_mlp._network.team import Team
from sksparse_mlp._network.topology import DROP_RULES, GROWTH_RULES, PROPOSE_CELLS, candidates
from sksparse_mlp._network.topology.aliases import tables_of_chunks
from sksparse_mlp._network.topology.base import Candidates
from sksparse_mlp._network.topology.candidates import choose_cells
from sksparse_mlp._network.topology.rebuild import layer_view

each_rule = pytest.mark.parametrize("growth", sorted(PROPOSE_CELLS))


def layer_of(n_in=12, n_out=9, share=0.5, **changes):
    """A layer, a share of it connected, and what its neurons do."""
    connected = np.random.default_rng(0).random((n_in, n_out)) < share
    weights = np.random.default_rng(1).normal(size=connected.sum())
    network = single_layer(connected, weights, **changes)
    return network, record(network, make_data(40, n_in, n_out))


def evolve(network, signals, zeta, n_threads=1):
    with Team(n_threads) as team:
        return sum(network.evolve(team, zeta, range(network.n_layers), signals))


def connected_cells(network):
    return set(zip(*(cells.tolist() for cells in cells_of(network, 0)), strict=True))


def grown_cells(network):
    """The new connections of a tagged layer."""
    cells = np.column_stack(cells_of(network, 0))[new_connections(network)]
    return set(map(tuple, cells.tolist()))


# ---------------------------------------------------------------- candidates


@pytest.fixture
def proposed(monkeypatch):
    """Of a layer, by a rule: what the kernel proposed for so many draws."""

    def propose(network, signals, growth, n, n_threads=1):
        view, found = layer_view(network, 0, signals), []
        proposals = candidates._proposals
        monkeypatch.setattr(
            candidates, "_proposals", lambda *args: found.append(proposals(*args)) or found[-1]
        )
        with Team(n_threads) as team:
            choose_cells(team, view, GROWTH_RULES[growth](view).candidates, n)
        return found[-1]

    return propose


def rows_of(cells):
    return np.repeat(np.arange(cells.n_in), np.diff(cells.slots))


def dense_scores(network, signals, growth):
    """Of every cell the magnitude of the gradient, or of the cosine."""
    a = signals.activations[0].swapaxes(1, 2).reshape(-1, network.widths[0]).astype(np.float64)
    kind = signals.gradients if growth == "gradient" else signals.activations
    d = kind[1].swapaxes(1, 2).reshape(a.shape[0], -1).astype(np.float64)
    if growth == "cosine":
        a, d = (signal / np.maximum(np.linalg.norm(signal, axis=0), 1e-9) for signal in (a, d))
    return abs(a.T @ d)


# In cache, and so wide that vectors are prefetched.
@pytest.mark.parametrize("shape", [(12, 9), (3, 40_000)])
@pytest.mark.parametrize("growth", ["gradient", "cosine"])
def test_candidates_are_judged_as_the_twin_judges_them(proposed, growth, shape):
    network, signals = layer_of(*shape)
    cells, seen = proposed(network, signals, growth, 30), set()
    connected, expected = connected_cells(network), dense_scores(network, signals, growth)
    for row, column, score in zip(rows_of(cells), cells.columns, cells.scores, strict=True):
        if column < 0 and growth == "gradient":
            assert score == 0
        elif column >= 0:
            assert (row, column) not in connected
            assert score == pytest.approx(
                expected[row, column] * ((row, column) not in seen), rel=1e-3
            )
        seen.add((row, column))
    assert (cells.columns >= 0).any() and (cells.columns < 0).any()


def test_cells_found_by_walks_are_judged_by_how_often_they_were(proposed):
    cells = proposed(*layer_of(), "hebbian", 60)
    found = np.column_stack([rows_of(cells), cells.columns])
    for row, column in {*map(tuple, found[cells.columns >= 0].tolist())}:
        scores = cells.scores[(found == (row, column)).all(axis=1)]
        assert int(scores.max()) == scores.size - 1 and np.count_nonzero(scores) == 1


@each_rule
def test_the_number_of_threads_changes_no_candidate(proposed, growth):
    one, other = (proposed(*layer_of(70, 30), growth, 200, n_threads=n) for n in (1, 3))
    assert_array_equal(one.columns, other.columns)
    assert_array_equal(one.scores.view(np.uint32), other.scores.view(np.uint32))


@each_rule
@pytest.mark.parametrize("shape", [(70, 30), (4, 400)])
def test_candidates_of_a_row_are_in_order(proposed, growth, shape):
    cells = proposed(*layer_of(*shape), growth, 400)
    assert np.diff(cells.slots).max() > (MAX_BUCKETS if shape == (4, 400) else 1)
    drawn = cells.columns >= 0
    numbers = (rows_of(cells) * cells.n_out + cells.columns)[drawn]
    assert (np.diff(numbers) >= 0).all() and drawn.any()


def draw(candidates_of_view, n, connected=None):
    """Candidates of a layer of 6 x 5 cells, drawn by some weights."""
    connected = np.zeros((6, 5), bool) if connected is None else connected
    connected[0, 0] = True
    network = single_layer(connected, np.ones(connected.sum()))
    view = layer_view(network, 0)._replace(n_out=10**6)  # no row is cut short
    slots = candidates._slots(candidates_of_view.row_weights, n, view)
    cells = candidates._proposals(view._replace(n_out=5), candidates_of_view, slots)
    with Team(1) as team:
        team.run(candidates.propose_cells, cells, lanes=(0,) * 5)
    return cells


def test_rows_and_columns_are_drawn_by_their_weights():
    rows, columns, n = np.array([0, 1, 2, 3, 0, 4.0]), np.array([1.0, 0, 5, 2, 2]), 20_000
    ones = np.ones((1, 6, 32), np.float32), np.ones((1, 5, 32), np.float32)
    cells = draw(Candidates(rows, columns, *ones), n)
    assert_allclose(np.diff(cells.slots), n * rows / rows.sum(), atol=1)
    counts = np.bincount(cells.columns, minlength=5)
    expected = n * columns / columns.sum()
    assert counts[1] == 0
    assert stats.chisquare(counts[columns > 0], expected[columns > 0]).pvalue > P_VALUE


def test_walks_end_where_paths_of_three_connections_lead():
    connected = np.zeros((6, 5), bool)
    connected[[0, 1, 1, 2, 3, 3, 5], [0, 0, 2, 2, 2, 4, 4]] = True
    degrees = connected.sum(axis=1)
    step = connected / np.maximum(degrees, 1)[:, None]
    back = connected / np.maximum(connected.sum(axis=0), 1)
    expected = degrees[:, None] * (step @ back.T @ step)
    n = 20_000
    cells = draw(Candidates(degrees.astype(float)), n, connected)
    counts, rows = np.zeros((6, 5)), rows_of(cells)
    np.add.at(counts, (rows[cells.columns >= 0], cells.columns[cells.columns >= 0]), 1)
    empty = ~connected & (expected > 0)
    assert not counts[~empty].any()
    expected *= n / expected.sum()
    assert_allclose(counts[empty], expected[empty], atol=5 * np.sqrt(expected[empty].max()))


def test_the_best_are_chosen_and_of_equal_ones_the_first():
    scores = np.array([0, 3, 1, 2, 0, 2, 2], np.float32)
    found = [np.flatnonzero(candidates._best(scores, n)).tolist() for n in (1, 3, 5, 7)]
    assert found == [[1], [1, 3, 5], [1, 2, 3, 5, 6], [1, 2, 3, 5, 6]]


# ---------------------------------------------------------------- what grows


@pytest.mark.parametrize("growth", ["gradient", "cosine"])
def test_what_grows_is_better_than_what_does_not(growth):
    network, signals = layer_of(40, 30, share=0.1, growth=growth)
    scores, before = dense_scores(network, signals, growth), connected_cells(network)
    evolve(network, signals, 0.3)
    rows, columns = map(list, zip(*(grown_cells(network) - before), strict=True))
    empty = [scores[cell] for cell in np.ndindex(scores.shape) if cell not in before]
    assert scores[rows, columns].mean() > 1.5 * np.mean(empty)


@pytest.mark.parametrize(("growth", "zero"), [("gradient", 1), ("hebbian", 1), ("cosine", 0)])
def test_new_weights_are_zero_where_the_method_says_so(growth, zero):
    network, signals = layer_of(growth=growth)
    evolve(network, signals, 0.5)
    new = network.arrays.weights[new_connections(network)]
    assert new.size and (new == 0).all() == zero


@each_rule
def test_where_there_are_no_candidates_growth_is_by_chance(growth):
    # No input says anything, and no two connections share a neuron.
    network = single_layer(np.eye(30, dtype=bool), np.ones(30), growth=growth)
    signals = record(network, make_data(5, 30, 30), X=np.zeros((5, 30), np.float32))
    assert evolve(network, signals, 0.5) == 15
    assert_sound(network, [30])


@each_rule
def test_only_one_empty_cell(growth):
    connected = np.ones((6, 6), bool)
    connected[2, 3] = False
    network = single_layer(connected, np.arange(1.0, 36), growth=growth)
    evolve(network, record(network, make_data(5, 6, 6)), 0.5)
    assert_sound(network, [35])


# ---------------------------------------------------------------- all combinations


PREFERENCES = np.linspace(0.2, 1.8, 20).astype(np.float32)
COMBINATIONS = [(d, g, s) for d in DROP_RULES for g in GROWTH_RULES for s in ("sgd", "adam")]
each_combination = pytest.mark.parametrize(
    ("drop", "growth", "solver"), COMBINATIONS, ids=map(" ".join, COMBINATIONS)
)


def evolved_in_training(n_threads=1, form=np.asarray, **changes):
    network = make_network(
        (20, 16, 12, 3), (70, 50, 18, 25), input_preferences=PREFERENCES, **changes
    )
    data = make_data(50, 20, 3)
    options = {"evolution": "set", "evolution_interval": 1, "batch_size": 25, "zeta": 0.4}
    data = data._replace(X=form(data.X))
    train(network, data, n_epochs=2, n_threads=n_threads, learning_rate_init=1e-2, **options)
    return network


@each_combination
def test_counts_and_order_are_kept_for_any_threads_and_form_of_X(drop, growth, solver):
    rules = {"drop": drop, "growth": growth, "solver": solver}
    network = evolved_in_training(**rules)
    start = make_network((20, 16, 12, 3), (70, 50, 18, 25), **rules, input_preferences=PREFERENCES)
    assert network.n_evolutions == 3
    assert network.arrays.indices.tobytes() != start.arrays.indices.tobytes()
    for layer, (n_in, n_out) in enumerate(network.shapes):
        rows, columns = cells_of(network, layer)
        assert rows.size == network.n_connections[layer] == start.n_connections[layer]
        assert (rows < n_in).all() and (columns >= 0).all() and (columns < n_out).all()
        assert (np.diff(rows * n_out + columns) > 0).all()
    other = evolved_in_training(n_threads=2, form=sparse.csr_array, **rules)
    assert bits_of(other) == bits_of(network)


@each_combination
def test_state_moves_with_its_connection(drop, growth, solver):
    preferences = np.ones(12, np.float32)
    rules = {"drop": drop, "growth": growth, "solver": solver, "input_preferences": preferences}
    network, signals = layer_of(**rules)
    before, n = content_of(network), network.n_connections[0]
    moved = evolve(network, signals, 0.4)
    after = content_of(network)
    survivors = {cell: kept for cell, kept in after.items() if kept[1] != 0}
    assert survivors == {cell: before[cell] for cell in survivors}
    assert moved == n - len(survivors) > 0
    assert all(kept[2] in (0, None) for cell, kept in after.items() if cell not in survivors)


@pytest.mark.parametrize("growth", GROWTH_RULES)
@pytest.mark.parametrize("drop", DROP_RULES)
def test_a_training_about_to_diverge_still_counts(drop, growth):
    network, signals = layer_of(drop=drop, growth=growth, input_preferences=np.ones(12, np.float32))
    network.arrays.weights[::3] = np.nan
    network.optimizer_state.weights_1[::5] = np.inf
    signals.activations[0][0, 3] = np.inf
    signals.gradients[1][0, 2] = np.nan
    evolve(network, signals, 0.4)
    assert_sound(network, [network.n_connections[0]])


@each_rule
def test_a_classifier_has_the_same_bits_for_dense_and_sparse_X(growth):
    X, y = points()
    one = small(evolution=growth).fit(X, y)
    other = small(evolution=growth, n_jobs=2).fit(sparse.csr_array(X), y)
    assert same_bits(one, other)


@each_rule
@pytest.mark.parametrize(
    ("model", "task"), [(small_regressor, numbers), (small, indicators), (small_survival, times)]
)
def test_other_targets_have_the_same_bits_for_any_threads(model, task, growth):
    X, y = task()
    one, other, by_chance = (
        model(evolution=rule, n_jobs=n).fit(X, y)
        for rule, n in ((growth, 1), (growth, 2), ("set", 1))
    )
    assert same_bits(one, other) and not same_bits(one, by_chance)


@each_rule
def test_a_stream_goes_on_with_the_rule_it_was_fitted_with(growth):
    X, y = points()
    one, other = (small(evolution=growth).fit(X, y) for _ in range(2))
    other.set_params(evolution="auto")
    assert same_bits(one.partial_fit(X, y), other.partial_fit(X, y))


@each_rule
def test_memory_is_in_proportion_to_connections_not_to_cells(growth):
    widths, n_connections = (60_000, 60_000, 2), (5_000, 5_000)
    network, data = make_network(widths, n_connections, growth=growth), make_data(50, 60_000, 2)
    options = {"evolution": "set", "batch_size": 25}
    tracemalloc.start()
    train(network, data, n_epochs=2, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert network.n_evolutions == 1
    assert peak < 300e6  # one bit of each cell would be 450 MB


# ---------------------------------------------------------------- guided growth


def test_tables_of_chunks_give_each_its_share():
    preferences = np.random.default_rng(0).exponential(size=1000) ** 4
    sums = np.concatenate(([0.0], np.cumsum(preferences)))
    shares, aliases = tables_of_chunks(sums)
    found = shares.copy()
    np.add.at(found, aliases, 1 - shares)
    bounds = [1000 * chunk // 64 for chunk in range(65)]
    assert_allclose(found / 64, np.diff(sums[bounds]) / sums[-1], atol=1e-12)


@pytest.mark.parametrize("n_in", [5, 130])
def test_guided_growth_prefers_each_free_cell_as_its_row(n_in):
    rng = np.random.default_rng(0)
    preferences = rng.uniform(0.1, 2, n_in).astype(np.float32)
    connected = rng.random((n_in, 4)) < np.linspace(0.1, 0.8, n_in)[:, None]
    connected[0, :2] = True, False
    n = int(connected.sum())
    weights = np.full(n, 2.0)
    weights[0] = 1.0  # the only one that moves
    network = single_layer(connected, weights, growth="guided", input_preferences=preferences)
    counts, n_times = np.zeros(n_in), 30 * n_in
    for i in range(n_times):
        twin = network.copy()
        twin.n_evolutions = i
        evolve(twin, None, 1.5 / n)
        counts[cells_of(twin, 0)[0][new_connections(twin)]] += 1
    free = 4 - connected.sum(axis=1)
    free[0] += 1
    expected = preferences * free
    expected *= n_times / expected.sum()
    assert stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue > P_VALUE
