"""Training that goes on: after a chunk of a stream, a warm start, a restored network."""

import numpy as np
import pytest
from builders import make_data, make_network, train
from estimators import points, small

from sksparse_mlp._estimator import defaults

X, Y = points(n_samples=60)


def largest_step(network, **changes):
    """How far the next step moves a weight, at most, by Adam at rate 1."""
    data = make_data(20, network.widths[0], network.widths[-1])
    before = network.arrays.weights.copy()
    train(network, data, learning_rate_init=1.0, **changes)
    return np.abs(network.arrays.weights - before).max()


@pytest.mark.parametrize("n_steps", [1, 5, 300])
@pytest.mark.parametrize("forget", ["restore", "drop"])
def test_adam_begins_anew_where_its_moments_do(forget, n_steps):
    network = make_network((6, 9, 3), solver="adam")
    train(network, make_data(20, 6, 3), n_epochs=n_steps, learning_rate_init=1e-3)
    if forget == "restore":
        network.restore(network.snapshot())
    else:
        network.drop_optimizer_state()
        network = network.copy()
    # With zero moments and the right correction, the first step of Adam is the rate for all.
    assert largest_step(network) == pytest.approx(1.0, rel=1e-3)


def test_a_stream_counts_each_sample_once():
    model = small(temperature="auto", max_iter=50).fit(X, Y)
    assert model.temperature_ == defaults.temperature(60, 10, 2)
    model.partial_fit(X[:20], Y[:20])
    assert model.temperature_ == defaults.temperature(80, 10, 2)
    model.partial_fit(X[:5], Y[:5])
    assert model.temperature_ == defaults.temperature(85, 10, 2)


def test_history_stays_equally_long_when_a_stream_follows_a_validated_fit():
    model = small().fit(X, Y, X_val=X[:10], y_val=Y[:10])
    model.partial_fit(X, Y)
    assert {len(values) for values in model.history_.values()} == {model.n_iter_}
    assert model.history_["validation_loss"][-1] is None


def test_history_stays_equally_long_when_a_validated_fit_follows_a_stream():
    model = small(warm_start=True).partial_fit(X, Y, classes=np.unique(Y))
    model.fit(X, Y, X_val=X[:10], y_val=Y[:10])
    assert {len(values) for values in model.history_.values()} == {model.n_iter_}


@pytest.mark.parametrize("interval", ["epoch", 1, "auto"])
def test_a_warm_start_without_a_time_to_evolve_never_evolves(interval):
    model = small(warm_start=True, evolution_end=0.0, evolution_interval=interval).fit(X, Y)
    model.fit(X, Y)
    assert model._network.n_evolutions == 0
    assert not any(model.history_["connections_rewired"])
