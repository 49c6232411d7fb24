"""Every parameter does what its description says, or changes nothing where it says so."""

import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import points, same_bits, small
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sksparse_mlp import TrulySparseMLPClassifier

X, Y = points()
IGNORING_THE_END = pytest.mark.filterwarnings("ignore:max_iter=.* epochs were not enough")

# What a parameter needs to be looked at, and another value for it.
EFFECTS = [
    ({}, "hidden_layer_sizes", (12, 9)),
    ({}, "activation", "all_relu"),
    ({}, "activation", "srelu"),
    ({}, "activation", "leaky_relu"),
    ({}, "activation", "tanh"),
    ({}, "activation", "logistic"),
    ({}, "activation", "identity"),
    ({"activation": "all_relu"}, "activation_slope", 0.3),
    ({"activation": "leaky_relu"}, "activation_slope", 0.3),
    ({}, "epsilon", 4),
    ({}, "epsilon", (3, 3, 2)),
    ({"epsilon": None, "density": 0.5}, "density", 0.4),
    ({}, "layer_density", "uniform"),
    ({"epsilon": None}, "layer_density", (0.6, 0.3, 0.7)),
    ({}, "initial_topology", "small_world"),
    ({"initial_topology": "small_world"}, "rewiring", 0.5),
    ({}, "evolution", None),
    ({}, "evolution", "gradient"),
    ({}, "evolution", "cosine"),
    ({}, "evolution", "hebbian"),
    ({"evolution": "set"}, "evolution", "guided"),
    ({"evolution": "guided"}, "guidance", 0.6),
    ({}, "skip_connections", "zero"),
    ({"skip_connections": "fitted"}, "skip_connections", "zero"),
    ({}, "evolution", "set"),
    ({}, "drop", "magnitude"),
    ({}, "drop", "random"),
    ({}, "drop", "mest"),
    ({}, "drop", "snip"),
    ({}, "drop_scope", "network"),
    ({"drop_scope": "network"}, "redistribution", "survivors"),
    ({}, "redistribution", "momentum"),
    ({}, "redistribution", "gradient"),
    ({}, "density_schedule", "cubic"),
    ({"density_schedule": "cubic"}, "initial_connections", 0.5),
    ({}, "neuron_pruning", "importance"),
    ({}, "neuron_pruning", "chase"),
    ({"neuron_pruning": "chase"}, "pruned_neurons", 0.2),
    ({}, "zeta", 0.1),
    ({}, "zeta_schedule", "cosine"),
    ({}, "zeta_schedule", "linear"),
    ({}, "evolution_interval", 2),
    ({}, "evolution_interval", "auto"),
    ({}, "evolution_end", 0.5),
    ({}, "averaging", "ema"),
    ({}, "averaging", "cyclic"),
    ({"epsilon": 1}, "evolve_output_layer", False),
    ({}, "solver", "adam"),
    ({}, "learning_rate", "invscaling"),
    ({}, "learning_rate", "constant"),
    ({"tol": 10.0, "n_iter_no_change": 1, "max_iter": 9}, "learning_rate", "adaptive"),
    ({}, "learning_rate_init", 0.04),
    ({}, "learning_rate_scaling", "fan_in"),
    ({"learning_rate": "invscaling"}, "power_t", 0.3),
    ({}, "momentum", 0.8),
    ({}, "nesterovs_momentum", False),
    ({"solver": "adam"}, "beta_1", 0.8),
    ({"solver": "adam"}, "beta_2", 0.9),
    ({}, "weight_decay", 0.1),
    ({}, "dropout", 0.2),
    ({}, "input_dropout", 0.2),
    ({}, "input_noise", 0.2),
    ({}, "input_noise", "auto"),
    ({}, "weight_init", "he_normal"),
    ({}, "weight_init", "xavier"),
    ({}, "weight_init", "normal"),
    ({}, "weight_init_gain", 0.5),
    ({}, "batch_size", 16),
    ({}, "batch_size", "auto"),
    ({}, "max_iter", 4),
    ({}, "max_iter", "auto"),
    ({}, "shuffle", False),
    ({"learning_rate": "constant", "n_iter_no_change": 1, "max_iter": 20}, "tol", 10.0),
    ({"learning_rate": "constant", "tol": 10.0}, "n_iter_no_change", 1),
    ({}, "early_stopping", True),
    ({"early_stopping": True}, "validation_fraction", 0.4),
    ({}, "class_weight", {"ALL": 5.0}),
    ({}, "random_state", 1),
]
# Those that change no weight; and a fit looks at `temperature` and `scoring` afterwards only.
WITHOUT_EFFECT = [
    ({}, "n_jobs", 2),
    ({}, "verbose", 1),
    ({}, "warm_start", True),
    ({}, "checkpoint_interval", 2),
    ({}, "temperature", 2.0),
    ({"skip_connections": "fitted"}, "skip_connections", "auto"),
    ({"evolution": "set"}, "guidance", 0.9),
    ({}, "scoring", "accuracy"),
    ({}, "activation_slope", 0.3),
    ({}, "power_t", 0.3),
    ({}, "beta_1", 0.8),
    ({}, "beta_2", 0.9),
    ({"solver": "adam"}, "momentum", 0.8),
    ({"solver": "adam"}, "nesterovs_momentum", False),
    ({"evolution": None}, "drop", "random"),
    ({}, "initial_connections", 2.0),
    ({}, "pruned_neurons", 0.2),
    ({"evolution": None}, "zeta", 0.1),
    ({"evolution": None}, "zeta_schedule", "cosine"),
    ({"evolution": None}, "evolution_end", 0.5),
    ({"evolution": None}, "evolve_output_layer", False),
    ({"batch_size": 96}, "shuffle", False),
]


def named(cases):
    return pytest.mark.parametrize(
        ("context", "name", "value"),
        cases,
        ids=[" ".join([f"{name}={value}", *map(str, context)]) for context, name, value in cases],
    )


def fitted(**changes):
    return small(**changes).fit(X, Y)


def test_every_parameter_is_looked_at():
    looked_at = {name for _, name, _ in EFFECTS + WITHOUT_EFFECT}
    # A checkpoint has tests of its own.
    assert looked_at == set(TrulySparseMLPClassifier().get_params()) - {"checkpoint"}


@IGNORING_THE_END
@named(EFFECTS)
def test_has_an_effect(context, name, value):
    with_it, without = fitted(**context | {name: value}), fitted(**context)
    assert with_it.get_params()[name] == value
    assert not np.array_equal(with_it.decision_function(X), without.decision_function(X))


@named(WITHOUT_EFFECT)
def test_has_no_effect_on_the_network(context, name, value):
    assert same_bits(fitted(**context | {name: value}), fitted(**context))


# ---------------------------------------------------------------- connections


@pytest.mark.parametrize(
    ("epsilon", "expected"),
    [(3, (66, 60, 24)), (0.01, (1, 1, 1)), (100, (120, 96, 24)), ((1, 2.5, 0.1), (22, 50, 1))],
)
def test_epsilon_sets_the_number_of_connections(epsilon, expected):
    assert fitted(epsilon=epsilon).n_connections_ == expected


def test_epsilon_is_20_and_less_for_hidden_neurons_unless_said_otherwise():
    model = small(
        hidden_layer_sizes=(200, 300), epsilon=None, skip_connections="zero", max_iter=1
    ).fit(np.tile(X, 10), np.arange(len(X)) % 40)
    assert model.n_connections_ == (4000, 7000, 20 * 340, 20 * 140)


@pytest.mark.parametrize("density", [0.05, 0.3, 0.8, 1.0])
def test_density_is_that_of_all_layers_together(density):
    n_cells = 10 * 12 + 12 * 8 + 8 * 3
    counts = fitted(epsilon=None, density=density).n_connections_
    assert sum(counts) == pytest.approx(density * n_cells, abs=1.5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epsilon": 3}, (75, 60, 15)),
        ({"epsilon": None, "density": 0.25}, (30, 24, 6)),
        ({"epsilon": None, "layer_density": (0.5, 0.25, 1)}, (60, 24, 24)),
        ({"epsilon": None, "layer_density": np.array([0.5, 0.25, 1e-6])}, (60, 24, 1)),
    ],
    ids=str,
)
def test_layer_density_spreads_the_connections(changes, expected):
    assert fitted(**{"layer_density": "uniform"} | changes).n_connections_ == expected


def test_a_skip_layer_has_the_density_of_the_output_layer_or_its_own():
    counts = [
        fitted(skip_connections="zero", epsilon=None, layer_density=densities).n_connections_[3]
        for densities in ((0.1, 0.1, 0.2), (0.1, 0.1, 0.2, 0.5))
    ]
    assert counts == [6, 15]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epsilon": 3, "layer_density": (0.1, 0.1, 0.1)}, "epsilon=3 and layer_density="),
        ({"epsilon": None, "density": 0.1, "layer_density": [0.1] * 3}, "density=0.1 and layer_"),
        ({"epsilon": 3, "density": 0.1}, "epsilon=3 and density=0.1"),
        ({"epsilon": (3, 3, 3), "layer_density": "uniform"}, "layer_density='uniform'"),
    ],
    ids=str,
)
def test_what_sets_the_number_of_connections_must_not_contradict(changes, named):
    with pytest.raises(ValueError, match=named):
        fitted(**changes)


@pytest.mark.parametrize("wrong", ["even", (0.1, 0.2), (0.1, 0, 0.2), (0.1, 1.1, 0.1), 0.5, None])
def test_wrong_densities_of_layers_are_told(wrong):
    with pytest.raises(ValueError, match=r"layer_density.* must be .*uniform"):
        fitted(epsilon=None, layer_density=wrong)


def test_a_layer_without_free_cells_is_left_alone():
    model = fitted(epsilon=None, density=1.0)
    assert sum(model.history_["connections_rewired"]) == 0
    assert [matrix.nnz for matrix in model.coefs_] == [120, 96, 24]


@pytest.mark.parametrize("sizes", [7, (7,), [7], np.array([7])], ids=repr)
def test_hidden_layer_sizes_is_a_number_or_a_sequence(sizes):
    assert fitted(hidden_layer_sizes=sizes).n_layers_ == 3


def wide_layers(n_samples, model=None, method="fit"):
    """The hidden layers that "auto" makes of so many samples."""
    X, y = points(n_samples=n_samples)
    model = model or small(hidden_layer_sizes="auto", epsilon=1, max_iter=1, warm_start=True)
    getattr(model, method)(X, y, **({} if method == "fit" else {"classes": np.unique(y)}))
    return model, [matrix.shape[1] for matrix in model.coefs_[: model.n_layers_ - 2]]


@pytest.mark.parametrize(("n_samples", "widths"), [(999, [1000]), (1000, [1000, 1000])])
def test_many_samples_get_a_second_hidden_layer(n_samples, widths):
    assert wide_layers(n_samples)[1] == widths


def test_samples_apart_for_early_stopping_do_not_count():
    model = small(hidden_layer_sizes="auto", epsilon=1, max_iter=1, early_stopping=True)
    assert wide_layers(1000, model)[1] == [1000]


@pytest.mark.parametrize("name", ["epsilon", "layer_density"])
def test_numbers_of_layers_need_layers_that_do_not_depend_on_the_data(name):
    given = {"epsilon": None} | {name: (0.5, 0.6)}
    with pytest.raises(ValueError, match=rf"^{name}=\(0.5, 0.6\) .* give hidden_layer_sizes\.$"):
        fitted(hidden_layer_sizes="auto", **given)


def test_a_stream_has_one_hidden_layer_however_many_its_samples():
    assert wide_layers(1000, method="partial_fit")[1] == [1000]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_network_keeps_its_hidden_layers_when_training_goes_on(method):
    model, widths = wide_layers(999)
    assert wide_layers(1000, model, method)[1] == widths


def polars_series(values):
    return pytest.importorskip("polars").Series(values)


SEQUENCES = {
    "tuple": tuple,
    "array": np.array,
    "Series": pd.Series,
    "Series with an index": lambda values: pd.Series(values, index=list("cba")[: len(values)]),
    "Index": pd.Index,
    "polars": polars_series,
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_any_sequence_means_what_a_list_does(sequence):
    expected = fitted(hidden_layer_sizes=[12, 8], epsilon=[3, 2, 1])
    model = clone(small(hidden_layer_sizes=sequence([12, 8]), epsilon=sequence([3, 2, 1])))
    assert same_bits(pickle.loads(pickle.dumps(model.fit(X, Y))), expected)


def test_no_hidden_layer_is_a_linear_model():
    model = fitted(hidden_layer_sizes=(), epsilon=100)
    logits = X @ model.coefs_[0] + model.intercepts_[0]
    np.testing.assert_allclose(model.decision_function(X), logits, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- evolution


def rewired(**changes):
    return fitted(**changes).history_["connections_rewired"]


def test_evolution_ends_where_it_should():
    moved = rewired(evolution_end=0.5, max_iter=8)
    assert [n > 0 for n in moved] == [False, True, True, True, True, False, False, False]


def test_evolution_interval_counts_mini_batches():
    # Three mini-batches an epoch, evolution before the 6th, 11th and 16th.
    assert [n > 0 for n in rewired(evolution_interval=5)] == [False, True, False, True, False]


def test_no_evolution_at_the_last_step():
    assert sum(rewired(evolution_interval=15)) == 0


def test_zeta_is_the_fraction_that_moves():
    (_, moved) = rewired(zeta=0.5, max_iter=2, evolve_output_layer=False, epsilon=2)
    assert moved == pytest.approx(0.5 * 2 * (22 + 20), abs=4)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_ever_fewer_connections_move(schedule):
    moved = rewired(zeta_schedule=schedule, max_iter=9)[1:]
    assert (np.diff(moved) <= 0).all() and moved[-1] < moved[0] / 3


def test_auto_spreads_evolutions_over_the_part_that_they_may_be_in():
    moved = np.array(rewired(evolution_interval="auto", evolution_end=0.75, max_iter="auto"))
    last = np.flatnonzero(moved)[-1]
    assert 0.7 * moved.size < last < 0.8 * moved.size


# ---------------------------------------------------------------- stopping


def test_training_stops_where_the_loss_does_not_improve():
    model = fitted(learning_rate="constant", tol=10.0, n_iter_no_change=3, max_iter=50)
    assert model.n_iter_ == 1 + 3


@IGNORING_THE_END
@pytest.mark.parametrize("changes", [{}, {"early_stopping": True}])
def test_infinite_patience_never_stops(changes):
    model = fitted(learning_rate="constant", tol=10.0, n_iter_no_change=np.inf, **changes)
    assert model.n_iter_ == 5


def test_a_cosine_schedule_is_run_to_its_end():
    assert fitted(tol=10.0, n_iter_no_change=3, max_iter=20).n_iter_ == 20


def test_early_stopping_ends_a_cosine_schedule():
    assert fitted(tol=10.0, n_iter_no_change=3, max_iter=20, early_stopping=True).n_iter_ == 4


def test_too_few_epochs_are_told():
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        fitted(learning_rate="constant", max_iter=3)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.05] * 4),
        ("invscaling", [0.05 / (3 * t) ** 0.5 for t in (1, 2, 3, 4)]),
        ("cosine", [0.025 * (1 + np.cos(np.pi * (3 * t - 1) / 12)) for t in (1, 2, 3, 4)]),
    ],
)
@IGNORING_THE_END
def test_learning_rates_at_the_end_of_each_epoch(schedule, expected):
    history = fitted(learning_rate=schedule, max_iter=4).history_
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-9)


def test_an_adaptive_learning_rate_is_divided_by_five_until_it_is_tiny():
    model = fitted(learning_rate="adaptive", tol=10.0, n_iter_no_change=2, max_iter=50)
    rates = model.history_["learning_rate"]
    np.testing.assert_allclose(rates[:6], np.array([5, 5, 5, 1, 1, 0.2]) / 100)
    assert (rates[-1] < 1e-6, model.n_iter_ < 50) == (True, True)


# ---------------------------------------------------------------- what is printed


def test_verbose_prints_a_line_an_epoch(capsys):
    model = fitted(verbose=1, max_iter=3, early_stopping=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Epoch 1", "Epoch 2", "Epoch 3"]
    assert f"loss = {model.loss_:.8f}, validation loss = " in lines[-1]


def test_nothing_is_printed_otherwise(capsys):
    fitted()
    assert capsys.readouterr() == ("", "")
