"""Vectors may be wider than a mini-batch: no bit changes, and no kernel has to be compiled."""

import numpy as np
import pytest
from builders import (
    make_data,
    make_network,
    make_options,
    shaken,
    with_numbers,
    with_times,
)
from estimators import points, small

from sksparse_mlp._estimator import fitting
from sksparse_mlp._kernels.compiling import is_compiled
from sksparse_mlp._network import lanes as lanes_module
from sksparse_mlp._network.lanes import lanes_at_hand, lanes_for
from sksparse_mlp._network.team import Team
from sksparse_mlp._training.trainer import Trainer

WIDEST = (0,) * 5
DATA = make_data(9, 11, 3, weighted=True)


def trained(lanes, data, *, n_out=3, activation="relu", batch_size=3, n_threads=1, **changes):
    """All that a network has learned, and its losses, after some epochs with these lanes."""
    solver = changes.get("solver", "sgd")
    network = shaken(make_network((11, 40, 23, n_out), activation=activation, solver=solver))
    options = make_options(batch_size=batch_size, **{"learning_rate_init": 0.01} | changes)
    with Team(n_threads) as team:
        trainer = Trainer(network, data, options, team, n_epochs=4, lanes=lanes)
        trainer.run(4)
    learned = [*network.snapshot(), *network.optimizer_state]
    return [part for part in learned if isinstance(part, np.ndarray)], trainer.history["loss"]


@pytest.mark.parametrize("batch_size", [2, 3, 9])
@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (DATA, {}),
        (DATA, {"n_threads": 2, "solver": "adam", "weight_decay": 0.1}),
        (DATA, {"activation": "srelu", "dropout": 0.3, "input_dropout": 0.2, "input_noise": 0.5}),
        (DATA, {"activation": "tanh", "nesterovs_momentum": False}),
        (DATA._replace(targets=None), {"loss": "reconstruction", "n_out": 11, "n_threads": 2}),
        (with_numbers(DATA, 3), {"loss": "huber", "activation": "logistic"}),
        (with_times(DATA), {"loss": "cox", "activation": "all_relu", "n_out": 1}),
    ],
)
def test_wider_vectors_change_no_number(data, changes, batch_size):
    expected, losses = trained(lanes_for(batch_size), data, batch_size=batch_size, **changes)
    found, losses_found = trained(WIDEST, data, batch_size=batch_size, **changes)
    for values, expected_values in zip(found, expected, strict=True):
        np.testing.assert_array_equal(values, expected_values)  # a zero may have another sign
    assert losses_found == losses


def test_sums_are_shared_out_alike_whatever_the_vectors():
    network = make_network((11, 2000, 3))
    narrow, wide = (network.workspace(2, 2, lanes=lanes) for lanes in (None, WIDEST))
    np.testing.assert_array_equal(narrow.n_chunks, wide.n_chunks)


@pytest.mark.parametrize(
    ("at_hand", "batch_size", "work", "expected"),
    [
        ((), 2, 0, 5),
        ((), 2, 1e12, 1),
        ((), 200, 1e12, 5),
        ((5,), 3, 0, 5),
        ((2, 5), 2, 0, 2),
        ((2, 3, 5), 5, 0, 3),
        ((2, 5), 5, 1e12, 3),
        ((2,), 5, 0, 5),
    ],
)
def test_lanes_at_hand_are_preferred_unless_others_pay(
    at_hand, batch_size, work, expected, monkeypatch
):
    monkeypatch.setattr(lanes_module, "is_at_hand", lambda _, first: len(first.lanes) in at_hand)
    assert len(lanes_at_hand(batch_size, work)) == expected


def test_another_batch_size_compiles_nothing(monkeypatch):
    X, y = points()
    small(batch_size=32, max_iter=1).fit(X, y)
    kernel = lanes_module.train_steps
    before = len(kernel.signatures)
    monkeypatch.setattr(lanes_module, "is_at_hand", is_compiled)
    for batch_size in (1, 5, 12, 96):
        small(batch_size=batch_size, max_iter=1).fit(X, y)
    assert len(kernel.signatures) == before


def test_a_fit_says_how_much_there_is_to_do(monkeypatch):
    X, y = points()
    seen, rehearse = {}, fitting.rehearse_training

    def look_and_rehearse(batch_size, **what):
        seen.update(what)
        return rehearse(batch_size, **what)

    monkeypatch.setattr(fitting, "rehearse_training", look_and_rehearse)
    model = small(batch_size=7, max_iter=3, tol=0.0, early_stopping=False).fit(X, y)
    assert seen["work"] == sum(model.n_connections_) * 3 * -(-len(X) // 7)
