"""Stable neurons compute for ever what they computed; the number of connections never changes."""

import pickle

import numpy as np
import pytest
from builders import bits_of, make_network
from estimators import indicators, numbers, points, same_bits, small, small_regressor
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sksparse_mlp._network.plasticity import (
    evolve_plastic,
    frozen_connections,
    most_active,
    stabilise,
)
from sksparse_mlp._network.resizing import joined, with_connections
from sksparse_mlp._network.team import Team

X, y = points(n_classes=4, n_samples=120)
FIRST = np.isin(y, ["ALL", "AML"])


def stream(**changes):
    """A classifier that has seen the first two classes."""
    model = small(hidden_layer_sizes=(30, 20), evolution="set", **changes)
    for _ in range(3):
        model.partial_fit(X[FIRST], y[FIRST], classes=np.unique(y))
    return model


def most_active_slowly(activity, share):
    """One neuron after the other, the most active first, until they have the share."""
    chosen, total = np.zeros(activity.size, bool), 0.0
    for i in sorted(range(activity.size), key=lambda i: -activity[i]):
        if activity[i] > 0 and total < share * activity.sum():
            chosen[i], total = True, total + activity[i]
    return chosen


@given(
    activity=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    share=st.sampled_from([0.25, 0.5, 1.0]),
)
def test_the_most_active_neurons_are_those_of_the_twin(activity, share):
    activity = np.array(activity, float)
    assert_array_equal(most_active(activity, share), most_active_slowly(activity, share))


@given(
    seed=st.integers(0, 50),
    n=st.tuples(st.integers(1, 48), st.integers(1, 40), st.integers(1, 18)),
    zeta=st.sampled_from([0.3, 0.9]),
    solver=st.sampled_from(["sgd", "adam"]),
)
def test_the_invariants_of_stable_neurons(seed, n, zeta, solver):
    network, rng = (
        make_network((6, 8, 5, 3), [n[0], n[1], min(n[2], 15)], solver=solver),
        np.random.default_rng(seed),
    )
    with Team(1) as team:
        stabilise(network, team, [rng.random(8) < 0.5, rng.random(5) < 0.5], rng.random(3) < 0.5)
    for _ in range(2):
        frozen = np.concatenate(frozen_connections(network))
        for layer in range(3):
            start, stop = network.connections_of(layer)
            matrix, own = network.weights_of(layer), frozen[start:stop]
            rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
            cells = rows * matrix.shape[1] + matrix.indices
            assert (np.diff(cells) > 0).all() and cells.size == network.n_connections[layer]
            if layer:  # what leads from a plastic neuron to a stable one found no place, and is 0
                sources = network.stable[:8] if layer == 1 else network.stable[8:13]
                assert not matrix.data[own & ~sources[rows]].any()
            kept = cells[own], matrix.data[own].copy()
            with Team(1) as team:
                evolve_plastic(network, team, zeta, [layer])
            after = network.weights_of(layer)
            rows = np.repeat(np.arange(after.shape[0]), np.diff(after.indptr))
            own = np.concatenate(frozen_connections(network))[start:stop]
            assert_array_equal((rows * after.shape[1] + after.indices)[own], kept[0])
            assert_array_equal(after.data[own], kept[1])
        network.n_evolutions += 1


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_network_that_was_split_is_joined_again(solver):
    network, rng = make_network((6, 8, 5, 3), solver=solver), np.random.default_rng(0)
    for i, moments in enumerate(network.optimizer_state[:2]):
        moments[:] = np.arange(moments.size) + i
    some = [rng.random(n) < 0.5 for n in network.n_connections]
    parts = [with_connections(network, stays) for stays in (some, [~stays for stays in some])]
    assert bits_of(joined(*parts)) == bits_of(network)


def test_plastic_connections_without_an_empty_cell_keep_what_they_learned():
    network = make_network((6, 4, 2), [12, 8])
    with Team(1) as team:
        stabilise(network, team, [np.arange(4) < 2], np.array([True, False]))
        before = bits_of(network)
        assert evolve_plastic(network, team, 0.5, [1]) == [0]
    assert bits_of(network) == before


@pytest.mark.parametrize(
    "changes",
    [{}, {"activation": "srelu", "solver": "adam"}, {"skip_connections": "zero"}],
    ids=str,
)
def test_outputs_of_an_earlier_task_never_change_again(changes):
    model = stream(**changes).new_task(X[FIRST], y[FIRST])
    before, n = model.decision_function(X), model.n_connections_
    for _ in range(4):
        model.partial_fit(X[~FIRST], y[~FIRST])
    assert_array_equal(model.decision_function(X)[:, :2], before[:, :2])
    assert (model.decision_function(X)[:, 2:] != before[:, 2:]).any()
    assert model.n_connections_ == n
    assert [v.sum() > 0 for v in model.stable_neurons_] == [True] * 3


@pytest.mark.parametrize("old_samples", [0, 12])
def test_earlier_outputs_take_no_part_in_batches_without_their_classes(old_samples):
    def learned(shift):
        model = stream().new_task(X[FIRST], y[FIRST])
        model._network.intercepts_of(len(model._network.widths) - 2)[:2] += np.float32(shift)
        rows = np.concatenate([np.flatnonzero(~FIRST), np.flatnonzero(FIRST)[:old_samples]])
        model.partial_fit(X[rows], y[rows])
        return model.decision_function(X)[:, 2:]

    assert (learned(0) == learned(5)).all() == (old_samples == 0)


def test_temperature_stays_when_the_number_of_samples_changes():
    model = stream(temperature="auto").new_task(X[FIRST], y[FIRST])
    before = model.decision_function(X)
    model.partial_fit(X[~FIRST], y[~FIRST])
    assert_array_equal(model.decision_function(X)[:, :2], before[:, :2])
    before = model.temperature_
    assert model.set_params(warm_start=True).fit(X, y).temperature_ == before


def test_plastic_neurons_have_the_first_parameters_of_srelu_again():
    network = make_network((6, 5, 3), activation="srelu")
    first = network.arrays.srelu.reshape(4, 5).copy()
    network.arrays.srelu[:] = 7
    with Team(1) as team:
        stabilise(network, team, [np.arange(5) < 2], np.ones(3, bool))
    stable, srelu = network.stable[:5], network.arrays.srelu.reshape(4, 5)
    assert stable.sum() == 2 and (srelu[:, stable] == 7).all()
    assert_array_equal(srelu[:, ~stable], first[:, ~stable])


def test_preferences_of_earlier_tasks_are_forgotten():
    preferences = np.linspace(0.5, 1.5, 6).astype(np.float32)
    network = make_network((6, 5, 3), growth="guided", input_preferences=preferences)
    with Team(1) as team:
        stabilise(network, team, [np.arange(5) < 2], np.ones(3, bool))
    assert (network.growth, network.input_preferences) == ("set", None)


def test_the_same_bits_for_any_number_of_threads_and_after_a_pickle():
    def two_tasks(through=lambda model: model, **changes):
        model = through(stream(**changes).new_task(X[FIRST], y[FIRST]))
        return model.partial_fit(X[~FIRST], y[~FIRST])

    model = two_tasks()
    assert same_bits(two_tasks(n_jobs=2), model)
    assert same_bits(two_tasks(lambda m: pickle.loads(pickle.dumps(m))), model)


def test_a_regressor_keeps_its_hidden_neurons():
    X, y = numbers()
    model = small_regressor().partial_fit(X, y).new_task(X)
    stable, before = model.stable_neurons_[0], model.hidden_activations(X, 0)
    model.partial_fit(X, -y)
    assert_array_equal(model.hidden_activations(X, 0)[:, stable], before[:, stable])
    assert not model.stable_neurons_[-1].any()


def test_labels_that_some_sample_has_are_kept():
    X, y = indicators()
    y[:, 3] = 0
    model = small().partial_fit(X, y, classes=range(4)).new_task(X, y)
    assert model.stable_neurons_[-1].tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("changes", "how", "message"),
    [
        ({}, {"stability": 0}, "stability must be a number greater than 0"),
        ({}, {"stability": True}, "stability must be"),
        ({"evolution": "gradient"}, {}, "evolution='gradient' cannot go with new_task"),
    ],
)
def test_what_has_no_meaning_is_refused_and_changes_nothing(changes, how, message):
    model = stream()
    before = bits_of(model._network)
    with pytest.raises(ValueError, match=message):
        model.set_params(**changes).new_task(X[FIRST], y[FIRST], **how)
    assert bits_of(model._network) == before
    assert not model.stable_neurons_[0].any()


@pytest.mark.parametrize(
    ("labels", "message"), [(y[:50], "inconsistent numbers of samples"), (None, "y=None")]
)
def test_labels_of_other_samples_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        stream().new_task(X, labels)


def test_rules_that_look_everywhere_are_refused_later_too():
    model = stream().new_task(X[FIRST], y[FIRST]).set_params(evolution="cosine")
    with pytest.raises(ValueError, match="cannot go with new_task"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("rule", ["ema", "cyclic"])
def test_a_mean_of_weights_is_refused(rule):
    model = stream().new_task(X[FIRST], y[FIRST])
    before = bits_of(model._network)
    with pytest.raises(ValueError, match=rf"new_task\(\).*averaging='{rule}'"):
        model.set_params(warm_start=True, averaging=rule).fit(X, y)
    assert bits_of(model._network) == before


def test_smaller_networks_keep_their_stable_neurons():
    model = stream().new_task(X[FIRST], y[FIRST])
    smaller = model.compact()
    assert [v.size for v in smaller.stable_neurons_] == list(smaller._network.widths[1:])
    before = smaller.decision_function(X)
    smaller.partial_fit(X[~FIRST], y[~FIRST])
    assert_array_equal(smaller.decision_function(X)[:, :2], before[:, :2])
