"""Numbers of connections that change in training: exact at each moment, whatever is combined."""

import itertools
import pickle
import tracemalloc
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from builders import bits_of, make_data, make_network, record, train
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
from numpy.testing import assert_array_equal
from reference import cells_of, dropped_over_layers, shapes_of
from scipy import sparse
from test_checkpoint import fit_killed_after

from sksparse_mlp import TrulySparseMLPEnsembleClassifier
from sksparse_mlp._estimator.budget import check_layers_keep_their_sizes
from sksparse_mlp._network.team import Team
from sksparse_mlp._network.topology import (
    DENSITY_SCHEDULES,
    DROP_SCOPES,
    NEURON_RULES,
    REDISTRIBUTION_RULES,
    Budget,
    EvolutionTiming,
)
from sksparse_mlp._network.topology.admission import admitted
from sksparse_mlp._network.topology.budget import apportioned, plan_moves
from sksparse_mlp._network.topology.neurons import living_neurons
from sksparse_mlp._network.topology.rebuild import layer_view
from sksparse_mlp._training.budget import budget_of
from sksparse_mlp.inspection import summary
from sksparse_mlp.plotting import TopologyDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WIDTHS, COUNTS = (20, 16, 12, 3), (70, 50, 18, 25)
# Of each rule its slow twin.
SCOPE_TWINS = {
    "layer": lambda saliencies, fraction: [
        [int(fraction * np.count_nonzero(s >> 31 == group)) for group in (0, 1)] for s in saliencies
    ],
    "network": dropped_over_layers,
}
SHARE_TWINS = {
    "survivors": lambda layer, kept: kept,
    "momentum": lambda layer, kept: (
        sum(abs(float(m)) for m in layer.counted_moments) / len(layer.counted_moments)
    ),
}
# Of each schedule what it has at the beginning, in the middle and at the end, from 800 to 100.
SCHEDULE_TWINS = {"cubic": (800, 188, 100), "bregman": (100, 100, 100)}
# Of each rule the importance of three neurons by the weights that enter them, and the share of
# them that is left at the beginning, in the middle and at the end where half go.
NEURON_TWINS = {
    "importance": ([3.0, 0.0, 4.0], (1.0, 0.5**0.25, 0.5)),
    "chase": ([1.5, 0.0, 4.0], (1.0, 0.75, 0.5)),
}


def test_every_rule_has_a_twin():
    assert DROP_SCOPES.keys() == SCOPE_TWINS.keys()
    assert REDISTRIBUTION_RULES.keys() == SHARE_TWINS.keys() | {"gradient"}
    assert DENSITY_SCHEDULES.keys() == SCHEDULE_TWINS.keys()
    assert NEURON_RULES.keys() == NEURON_TWINS.keys()


# ---------------------------------------------------------------- rules

words = st.sampled_from([0, 1, 2, 2**31, 2**31 + 1, 2**32 - 1]) | st.integers(0, 2**32 - 1)
layers_of_words = st.lists(st.lists(words, min_size=1, max_size=30), min_size=1, max_size=4)
fractions = st.sampled_from([0.0, 0.3, 0.99]) | st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("name", DROP_SCOPES)
@given(layers=layers_of_words, fraction=fractions)
def test_as_many_are_dropped_as_the_twin_drops(name, layers, fraction):
    saliencies = [np.array(layer, np.uint32) for layer in layers]
    assert DROP_SCOPES[name](saliencies, fraction) == SCOPE_TWINS[name](saliencies, fraction)


@pytest.mark.parametrize("name", SHARE_TWINS)
def test_shares_are_those_of_the_twin(name):
    layers = [SimpleNamespace(counted_moments=np.array(m, np.float32)) for m in ([1, -3], [0.5])]
    found = REDISTRIBUTION_RULES[name](None, layers, [7, 2], 4)
    assert found == [SHARE_TWINS[name](*of_layer) for of_layer in zip(layers, [7, 2], strict=True)]


def test_the_largest_gradients_are_counted_where_they_are():
    network = make_network(WIDTHS, COUNTS)
    signals = record(network, make_data(40, 20, 3))
    views = [layer_view(network, layer, signals) for layer in range(4)]
    for layer in (1, 3):  # nothing to learn there
        views[layer] = views[layer]._replace(
            target_gradients=np.zeros_like(views[layer].target_gradients)
        )
    with Team(1) as team, Team(2) as two:
        found, other = (
            REDISTRIBUTION_RULES["gradient"](t, views, list(COUNTS), 30) for t in (team, two)
        )
    assert found == other
    assert found[1] == found[3] == 0 and min(found[0], found[2]) > 0
    assert sum(found) == 30


@pytest.mark.parametrize("name", DENSITY_SCHEDULES)
def test_the_schedule_is_that_of_the_twin(name):
    found = tuple(DENSITY_SCHEDULES[name](800, 100, progress) for progress in (0.0, 0.5, 1.0))
    assert found == SCHEDULE_TWINS[name]


@pytest.mark.parametrize("name", NEURON_RULES)
def test_neurons_matter_as_the_twin_says(name):
    importance, shares = NEURON_TWINS[name]
    weights, rule = sparse.csr_array([[1.0, 0, -4], [-2, 0, 0]]), NEURON_RULES[name]
    assert_array_equal(rule.importance(weights), importance)
    found = [rule.living_share(0.5, progress) for progress in (0.0, 0.5, 1.0)]
    assert found == pytest.approx(list(shares))


@given(
    layers=st.lists(
        st.lists(st.sampled_from([0.0, 0.05, 0.09, 0.11, 1.0, 3.0]), max_size=6), min_size=1
    )
)
def test_gradients_near_the_largest_are_let_in_as_the_twin_does(layers):
    limit = 0.05 * max([g for layer in layers for g in layer], default=0.0)
    expected = [sum(1 for g in layer if g > 0 and g >= limit) for layer in layers]
    assert admitted([np.array(layer) for layer in layers]).tolist() == expected


# ---------------------------------------------------------------- sharing out

parts = st.lists(
    st.tuples(st.integers(0, 50), st.floats(0, 1e30) | st.sampled_from([np.nan, np.inf, 0.0])),
    min_size=1,
    max_size=6,
)


@given(parts=parts, data=st.data())
def test_whole_numbers_add_up_and_fit(parts, data):
    room, shares = np.array([r for r, _ in parts]), [s for _, s in parts]
    n = data.draw(st.integers(0, int(room.sum())))
    given = apportioned(n, shares, room)
    assert given.sum() == n
    assert (given >= 0).all() and (given <= room).all()


@given(n=st.integers(0, 1000), shares=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_where_there_is_room_numbers_are_in_proportion(n, shares):
    given = apportioned(n, shares, np.full(len(shares), 10**6))
    exact = n * np.array(shares) / sum(shares)
    assert (abs(given - exact) <= len(shares)).all()


def test_what_a_full_layer_cannot_take_goes_to_the_others():
    assert apportioned(9, [1, 1, 1], np.array([1, 9, 9])).tolist() == [1, 4, 4]
    assert apportioned(9, [1, 0, 0], np.array([1, 6, 6])).tolist() == [1, 4, 4]


@st.composite
def views(draw):
    """Layers with saliencies and moments, of which some are full."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        n_in, n_out = draw(st.integers(1, 6)), draw(st.integers(1, 6))
        n = draw(st.integers(1, n_in * n_out))
        moments = np.arange(n, dtype=np.float32)
        shape = {"n_in": n_in, "n_out": n_out, "n_cells": n_in * n_out}
        found.append(SimpleNamespace(**shape, counted_moments=moments, n=n))
    return found


@pytest.mark.parametrize("redistribution", [None, *SHARE_TWINS])
@pytest.mark.parametrize("scope", DROP_SCOPES)
@given(views=views(), zeta=fractions, total=st.integers(0, 200), data=st.data())
def test_the_total_is_exact_and_each_layer_keeps_one(
    scope, redistribution, views, zeta, total, data
):
    saliencies = [
        np.array(data.draw(st.lists(words, min_size=v.n, max_size=v.n)), np.uint32) for v in views
    ]
    moves = plan_moves(None, views, saliencies, zeta, Budget(total, scope, redistribution))
    cells = [view.n_in * view.n_out for view in views]
    after = [move.n_after for move in moves]
    assert sum(after) == np.clip(total, len(views), sum(cells))
    for move, view, saliency, n_cells in zip(moves, views, saliencies, cells, strict=True):
        n_kept = view.n - sum(move.n_dropped)
        assert 1 <= n_kept <= move.n_after <= n_cells
        for group, n_dropped in enumerate(move.n_dropped):
            assert 0 <= n_dropped <= np.count_nonzero(saliency >> 31 == group)


@given(
    interval=st.integers(1, 30) | st.just("epoch"), end=st.floats(0, 1), first_t=st.integers(0, 40),
    n_epochs=st.integers(1, 8), steps=st.integers(1, 9),
)  # fmt: skip
def test_the_last_evolution_is_foreseen(interval, end, first_t, n_epochs, steps):
    timing = EvolutionTiming(interval, end, first_t, n_epochs * steps, steps)
    due = [first_t + i for i in range(n_epochs * steps) if timing.is_due(first_t + i, i % steps)]
    assert timing.last_t == (due[-1] if due else None)
    progress = [timing.progress_to_last(t) for t in due]
    assert progress == sorted(progress) and progress[-1:] in ([], [1.0])


# ---------------------------------------------------------------- all combinations

RULES = [
    {"drop_scope": scope, "redistribution": shared, "density_schedule": schedule,
     "neuron_pruning": neurons}
    for scope, shared, schedule, neurons in itertools.product(
        DROP_SCOPES, (None, *REDISTRIBUTION_RULES), (None, *DENSITY_SCHEDULES),
        (None, *NEURON_RULES),
    )
    if not (schedule and neurons == "importance")
    and (schedule != "bregman" or shared in (None, "gradient"))
]  # fmt: skip
each_rule = pytest.mark.parametrize(
    "rules", RULES, ids=["-".join(str(v) for v in rules.values()) for rules in RULES]
)
GROWTH = itertools.cycle(["set", "guided", "gradient", "cosine", "hebbian"])
DROP = itertools.cycle(["set", "magnitude", "random", "mest", "snip", "set", "mest"])
NETWORKS = [
    {"growth": next(GROWTH), "drop": next(DROP), "solver": solver}
    for _, solver in zip(RULES, itertools.cycle(["sgd", "adam"]), strict=False)
]
PAIRS = list(zip(RULES, NETWORKS, strict=True))
PREFERENCES = np.linspace(0.2, 1.8, 20).astype(np.float32)


def assert_sound(network):
    """Distinct connections, in order, with what the solver remembers of each."""
    assert network.arrays.n_connections == sum(network.n_connections)
    sizes = {network.arrays.indices.size, network.arrays.weights.size}
    sizes.add(network.optimizer_state.weights_1.size)
    assert sizes == {sum(network.n_connections)}
    for layer, (n_in, n_out) in enumerate(shapes_of(network)):
        rows, columns = cells_of(network, layer)
        assert rows.size == network.n_connections[layer] >= 1
        assert (rows < n_in).all() and (columns >= 0).all() and (columns < n_out).all()
        assert (np.diff(rows * n_out + columns) > 0).all()


def trained(rules, kinds, n_threads=1, form=np.asarray, counts=COUNTS):
    """A network after five evolutions; and of each epoch, how many connections there were."""
    network = make_network(WIDTHS, counts, input_preferences=PREFERENCES, **kinds)
    data = make_data(50, 20, 3)
    options = {"evolution": "set", "evolution_interval": 2, "batch_size": 10, "zeta": 0.4}
    trainer = train(
        network, data._replace(X=form(data.X)), n_epochs=3, n_threads=n_threads,
        learning_rate_init=1e-2, final_connections=90, **options, **rules,
    )  # fmt: skip
    return network, trainer


@pytest.mark.parametrize(
    ("rules", "kinds"),
    PAIRS,
    ids=["-".join(map(str, (*r.values(), *k.values()))) for r, k in PAIRS],
)
def test_totals_are_as_promised_for_any_threads_and_form_of_X(rules, kinds):
    network, trainer = trained(rules, kinds)
    assert_sound(network)
    totals = trainer.history["n_connections"]
    by_layer = trainer.history["connections_by_layer"]
    assert by_layer[-1] == list(network.n_connections)
    assert totals == [sum(of_layers) for of_layers in by_layer]
    if rules["density_schedule"] is not None:
        assert totals == sorted(totals, reverse=True) and totals[-1] == 90
    elif rules["neuron_pruning"] != "importance":
        assert set(totals) == {sum(COUNTS)}
    if rules["redistribution"] is None and rules["neuron_pruning"] is None and totals[-1] != 90:
        assert network.n_connections == COUNTS
    other, _ = trained(rules, kinds, n_threads=2, form=sparse.csr_array)
    assert bits_of(other) == bits_of(network)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_network_grows_from_almost_nothing_up_to_its_limit(solver):
    def grown(n_threads=1, form=np.asarray, limit=400):
        network = make_network(WIDTHS, (20, 20, 10, 8), growth="gradient", solver=solver)
        data, options = make_data(50, 20, 3), {"evolution": "gradient", "batch_size": 10}
        data = data._replace(X=form(data.X))
        return network, train(
            network, data, n_epochs=4, n_threads=n_threads, evolution_interval=3,
            density_schedule="bregman", final_connections=limit, **options,
        )  # fmt: skip

    network, trainer = grown()
    assert_sound(network)
    totals = trainer.history["n_connections"]
    assert totals == sorted(totals) and 58 < totals[0] < totals[-1] <= 400
    assert bits_of(grown(2, sparse.csr_array)[0]) == bits_of(network)
    assert sum(grown(limit=60)[0].n_connections) == 60


def test_where_no_gradient_flows_nothing_is_let_in():
    network = make_network(WIDTHS, (20, 20, 10, 8), growth="gradient")
    signals = record(network, make_data(40, 20, 3))
    for gradients in signals.gradients:
        gradients[:] = 0
    with Team(1) as team:
        network.evolve(team, 0.3, range(4), signals, Budget(150, admits=True))
    assert sum(network.n_connections) == 58


def content_of(network):
    """By layer and cell: the bits of the weight, and what the solver remembers."""
    found = {}
    for layer in range(network.n_layers):
        start, stop = network.connections_of(layer)
        values = [network.arrays.weights, *network.optimizer_state[:2]]
        values = [v[start:stop].view(np.uint32).tolist() for v in values if v.size]
        for row, column, *kept in zip(*cells_of(network, layer), *values, strict=True):
            found[layer, int(row), int(column)] = kept
    return found


@each_rule
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_state_moves_with_its_connection(rules, solver):
    network = make_network(WIDTHS, COUNTS, solver=solver)
    for i, moments in enumerate(network.optimizer_state[:2]):
        moments[:] = np.arange(1, moments.size + 1) * (1 + i)
    before = content_of(network)
    total = 130 if rules["density_schedule"] else sum(COUNTS)
    budget = Budget(
        total, rules["drop_scope"], rules["redistribution"], rules["neuron_pruning"], 0.3, 1.0
    )
    signals = record(network, make_data(40, 20, 3))
    with Team(1) as team:
        grown = sum(network.evolve(team, 0.4, range(4), signals, budget))
    assert_sound(network)
    after = content_of(network)
    survivors = {cell: kept for cell, kept in after.items() if kept[1] != 0}
    assert survivors == {cell: before[cell] for cell in survivors}
    assert len(survivors) + grown == len(after)
    assert all(set(kept[1:]) == {0} for cell, kept in after.items() if cell not in survivors)


@pytest.mark.parametrize("rules", RULES[1::3])
def test_a_training_about_to_diverge_still_counts(rules):
    network = make_network(WIDTHS, COUNTS, drop="mest")
    network.arrays.weights[::3] = np.nan
    network.optimizer_state.weights_1[::5] = np.inf
    signals = record(make_network(WIDTHS, COUNTS), make_data(40, 20, 3))
    signals.gradients[1][0, 2] = np.nan
    timing = EvolutionTiming(1, 1.0, 0, 10)
    options = SimpleNamespace(**rules, pruned_neurons=0.5, final_connections=90)
    network.t = 9
    with Team(1) as team:
        budget = budget_of(options, network, timing, sum(COUNTS))
        network.evolve(team, 0.4, range(4), signals, budget)
    assert_sound(network)


def test_layers_that_are_left_alone_keep_their_connections():
    network = make_network(WIDTHS, COUNTS)
    before = content_of(network)
    with Team(1) as team:
        network.evolve(team, 0.4, [0, 1], None, Budget(120, "network", "momentum"))
    assert network.n_connections[2:] == COUNTS[2:] and sum(network.n_connections) == 120
    after = content_of(network)
    assert all(after[cell] == kept for cell, kept in before.items() if cell[0] > 1)


def test_full_layers_give_and_others_take():
    network = make_network((20, 16, 3), (40, 48), seed=1)
    signals = record(network, make_data(40, 20, 3))
    with Team(1) as team:
        for _ in range(8):
            network.evolve(team, 0.3, [0, 1], signals, Budget(88, "network", "survivors"))
            assert sum(network.n_connections) == 88
    assert network.n_connections[1] < 48


@pytest.mark.parametrize("name", NEURON_RULES)
def test_full_layers_that_give_nothing_keep_their_weights(name):
    network = make_network((5, 8, 2), (20, 8, 10))  # the skip layer has all 10 cells
    network.weights_of(2).data[:] = np.arange(10)
    with Team(1) as team:
        moved = network.evolve(team, 0.4, range(3), None, Budget(38, "layer", None, name, 0.5, 1.0))
    assert moved[2] == 0
    assert_array_equal(network.weights_of(2).data, np.arange(10))


def test_while_the_solver_remembers_nothing_each_layer_grows_what_it_lost():
    network = make_network(WIDTHS, COUNTS)
    with Team(1) as team:
        network.evolve(team, 0.4, range(4), None, Budget(sum(COUNTS), "layer", "momentum"))
    assert network.n_connections == COUNTS


# ---------------------------------------------------------------- neurons


@pytest.mark.parametrize("name", NEURON_RULES)
def test_neurons_that_went_never_come_back(name):
    rules = {"neuron_pruning": name, "pruned_neurons": 0.5}
    network, gone = make_network(WIDTHS, COUNTS, drop="magnitude"), []
    data, options = make_data(50, 20, 3), {"evolution": "set", "batch_size": 10, "zeta": 0.4}
    for _ in range(3):
        train(network, data, n_epochs=4, evolution_interval=2, **options, **rules)
        living = [set(neurons) for neurons in living_neurons(network)]
        gone.append([set(range(w)) - n for w, n in zip(WIDTHS, living, strict=True)])
        assert len(living[1]) <= 8 and len(living[2]) <= 6
    for earlier, later in itertools.pairwise(gone):
        assert all(e <= l for e, l in zip(earlier, later, strict=True))


def test_a_level_keeps_a_neuron_and_a_layer_a_connection():
    network, _ = trained({"neuron_pruning": "importance", "pruned_neurons": 0.99}, {})
    assert all(neurons.size for neurons in living_neurons(network))
    assert_sound(network)


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize("rules", [
    {"density_schedule": "cubic", "final_connections": 4_000},
    {"density_schedule": "bregman", "final_connections": 40_000},
    {"drop_scope": "network", "redistribution": "gradient"},
    {"neuron_pruning": "chase", "redistribution": "momentum"},
])  # fmt: skip
def test_memory_is_in_proportion_to_connections_not_to_cells(rules):
    network = make_network((60_000, 60_000, 2), (5_000, 5_000), growth="gradient")
    data, options = make_data(50, 60_000, 2), {"evolution": "set", "batch_size": 25}
    tracemalloc.start()
    train(network, data, n_epochs=2, **options, **rules)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert network.n_evolutions == 1
    assert peak < 300e6  # one bit of each cell would be 450 MB


def test_memory_is_that_of_the_moment():
    found = []

    def look(trainer):
        arrays = (*trainer.network.arrays, *trainer.network.optimizer_state)
        n_bytes = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))
        n_gradients = trainer.workspace.gradients.size
        found.append((sum(trainer.network.n_connections), n_bytes, n_gradients))

    model = small(density_schedule="cubic", initial_connections=5, max_iter=6, batch_size=64)
    model._observe = look
    model.fit(*points())
    totals = [n for n, _, _ in found]
    assert totals == sorted(totals, reverse=True) and totals[0] > 1.5 * totals[-1]
    for (n, n_bytes, n_gradients), (n_next, n_bytes_next, _) in itertools.pairwise(found):
        assert n_bytes - n_bytes_next == 12 * (n - n_next)  # place, weight and velocity
        assert n_gradients == n


# ---------------------------------------------------------------- estimators

KINDS = {
    "survivors": {"drop_scope": "network", "redistribution": "survivors"},
    "gradient, Adam": {"redistribution": "gradient", "solver": "adam"},
    "cubic": {"density_schedule": "cubic", "evolution_interval": 2},
    "growing": {"density_schedule": "cubic", "initial_connections": 0.2, "solver": "adam"},
    "bregman": {"density_schedule": "bregman", "evolution": "gradient"},
    "importance": {"neuron_pruning": "importance"},
    "chase": {"neuron_pruning": "chase", "redistribution": "momentum", "drop_scope": "network"},
}
each_kind = pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)


@each_kind
@pytest.mark.parametrize("more", [{}, {"early_stopping": True, "skip_connections": "zero"}])
def test_a_fit_that_was_killed_goes_on_with_the_same_bits(changes, more, tmp_path):
    X, y = points()
    expected = small(**changes, **more).fit(X, y)
    for n in (2, 4):
        path = tmp_path / f"{n}"
        fit_killed_after(n, small(**changes, **more, checkpoint=path), X, y)
        resumed = small(**changes, **more, checkpoint=path).fit(X, y)
        assert same_bits(resumed, expected)
        assert resumed.n_connections_ == expected.n_connections_


@each_kind
def test_the_best_epoch_comes_back_with_its_connections(changes):
    X, y = points()
    X_val, y_val = X[:30], np.roll(y[:30], 1)  # learning is of no use: an early epoch is the best
    model = small(**changes, early_stopping=True, max_iter=12, n_iter_no_change=20)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert sum(model.n_connections_) == model.history_["n_connections"][model.best_epoch_ - 1]
    assert np.isfinite(model.predict_proba(X)).all()


@each_kind
def test_copies_and_streams_go_on_with_the_same_bits(changes):
    X, y = points()
    model = small(**changes).fit(X, y)
    twin, total = pickle.loads(pickle.dumps(model)), sum(model.n_connections_)
    model.partial_fit(X, y).partial_fit(X, y)
    twin.set_params(n_jobs=2).partial_fit(X, y).partial_fit(X, y)
    assert same_bits(model, twin)
    assert sum(model.n_connections_) == total
    model.set_params(warm_start=True).fit(X, y)
    smaller = model.compact()
    np.testing.assert_allclose(smaller.predict_proba(X), model.predict_proba(X), rtol=1e-4)
    smaller.partial_fit(X, y)


@each_kind
@pytest.mark.parametrize(
    ("model", "task"), [(small_regressor, numbers), (small, indicators), (small_survival, times)]
)
def test_other_targets_have_the_same_bits_for_any_threads(changes, model, task):
    X, y = task()
    one, other = (model(**changes, n_jobs=n).fit(X, y) for n in (1, 2))
    assert same_bits(one, other)


def test_ensembles_and_reports_take_networks_of_any_sizes():
    X, y = points()
    template = small(**KINDS["chase"], density_schedule="cubic", skip_connections="zero")
    ensemble = TrulySparseMLPEnsembleClassifier(template, n_estimators=2, random_state=0)
    ensemble.fit(X, y)
    for model in ensemble.estimators_:
        assert model.neuron_pruning == "chase"
        assert sum(model.n_connections_) == model.history_["n_connections"][-1]
        assert str(sum(model.n_connections_)) in str(summary(model)).replace(",", "")
        TopologyDisplay.from_estimator(model)
        plt.close("all")


def test_a_schedule_ends_with_what_the_parameters_say():
    X, y = points()
    plain = small().fit(X, y)
    for first, interval, end in itertools.product((0.1, 3), ("epoch", 2, 4), (1.0, 0.5)):
        model = small(
            density_schedule="cubic", initial_connections=first, evolution_interval=interval,
            evolution_end=end,
        ).fit(X, y)  # fmt: skip
        assert sum(model.n_connections_) == sum(plain.n_connections_)
        assert (model.history_["n_connections"][0] < sum(plain.n_connections_)) == (first < 1)


def test_without_an_evolution_there_is_nothing_to_begin_with():
    X, y = points()
    model = small(density_schedule="cubic", max_iter=1).fit(X, y)
    assert same_bits(model, small(max_iter=1).fit(X, y))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"redistribution": "momentum", "evolution": None}, "redistribution='momentum'.*evolution"),
        ({"drop_scope": "network", "evolution": None}, "drop_scope='network'.*evolution=None"),
        (
            {"neuron_pruning": "chase", "evolution_end": 0},
            "neuron_pruning='chase'.*evolution_end=0",
        ),
        (
            {"neuron_pruning": "importance", "density_schedule": "cubic"},
            "neuron_pruning='importance' and density_schedule='cubic'",
        ),
        (
            {"density_schedule": "bregman", "evolution": "set"},
            "density_schedule='bregman'.*evolution='set'.*set evolution='gradient'",
        ),
        (
            KINDS["bregman"] | {"initial_connections": 2},
            "density_schedule='bregman'.*initial_connections=2",
        ),
        ({"redistribution": "survivors"}, "redistribution='survivors'.*drop_scope='layer'"),
    ],
)
def test_contradictions_are_named_and_nothing_is_trained(changes, message):
    model = small(**changes)
    with pytest.raises(ValueError, match=message):
        model.fit(*points())
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_on_a_cluster_each_layer_keeps_its_number(changes):
    with pytest.raises(ValueError, match=r"on a cluster each layer evolves by itself: set"):
        check_layers_keep_their_sizes(small(**changes))
    check_layers_keep_their_sizes(small())
