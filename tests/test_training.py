"""The training loop: epochs, schedules, stopping, Ctrl-C at every place, and what it reports."""

import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from builders import bits_of, make_data, make_network, make_options, train
from numpy.testing import assert_allclose
from scipy import sparse

from sksparse_mlp._kernels.barrier import STOP
from sksparse_mlp._network import network as _network
from sksparse_mlp._network.team import Stopped, Team
from sksparse_mlp._network.topology import living_neurons
from sksparse_mlp._training import pace
from sksparse_mlp._training import trainer as _training
from sksparse_mlp._training.divergence import DivergenceError
from sksparse_mlp._training.interrupt import Interrupt, deferred_interrupt
from sksparse_mlp._training.parameters import step_parameters
from sksparse_mlp._training.schedules import adam_correction, step_rates
from sksparse_mlp._training.trainer import Trainer

WIDTHS = (6, 9, 3)
DATA = make_data(40, 6, 3)
STEPS = 3  # an epoch, with mini-batches of 16
BATCHES = {"batch_size": 16, "shuffle": True, "evolution": "set"}


def trained(n_epochs, data=DATA, **changes):
    """A network, its trainer."""
    network = make_network(WIDTHS)
    return network, train(network, data, n_epochs=n_epochs, **BATCHES | changes)


def trainer_of(n_epochs, **hooks):
    options = make_options(**BATCHES)
    return Trainer(make_network(WIDTHS), DATA, options, Team(1), n_epochs=n_epochs, **hooks)


def weights_of(network):
    return bits_of(network)[: -len(network.optimizer_state)]


# ---------------------------------------------------------------- epochs


def test_counters():
    network, trainer = trained(4)
    assert (network.t, network.epoch, network.n_seen) == (4 * STEPS, 4, 4 * 40)
    assert {len(values) for values in trainer.history.values()} == {4}


def test_each_epoch_visits_every_sample_once_in_an_order_of_its_own():
    trainer = trainer_of(2)
    first = trainer._order()
    trainer.network.epoch += 1
    second = trainer._order()
    assert np.array_equal(np.sort(first), np.arange(40))
    assert np.array_equal(np.sort(second), np.arange(40))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("changes", [{"shuffle": False}, {"batch_size": 40}], ids=str)
def test_the_order_is_kept_if_asked_for_or_if_it_has_no_meaning(changes):
    options = make_options(**BATCHES | changes)
    trainer = Trainer(make_network(WIDTHS), DATA, options, Team(1), n_epochs=1)
    assert trainer._order() is DATA.samples


def test_two_calls_go_on_where_one_would():
    network, _ = trained(4)
    halves = make_network(WIDTHS)
    for _ in range(2):
        train(halves, DATA, n_epochs=2, **BATCHES)
    assert bits_of(halves) == bits_of(network)


@pytest.mark.parametrize("seconds", [0.0, 1e9])
@pytest.mark.parametrize("interval", ["epoch", 2])
def test_how_many_steps_a_call_of_the_kernel_makes_changes_no_bit(seconds, interval, monkeypatch):
    expected, _ = trained(4, evolution_interval=interval)
    monkeypatch.setattr(pace, "SECONDS_PER_CALL", seconds)
    network, _ = trained(4, evolution_interval=interval)
    assert bits_of(network) == bits_of(expected)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "CSR"])
def test_a_conversion_in_parts_changes_no_bit(convert, monkeypatch):
    monkeypatch.setattr(_training, "samples_at_once", lambda X: 16)
    X = convert(np.round(4 * DATA.X).astype(np.int16))
    network, _ = trained(3, DATA._replace(X=X))
    expected, _ = trained(3, DATA._replace(X=X.astype(np.float32)))
    assert bits_of(network) == bits_of(expected)


# ---------------------------------------------------------------- learning rates


def test_schedules():
    steps = np.arange(2, 6)
    rates = {
        name: step_rates(name, 0.1, 2, 4, 10, 0.5)
        for name in ("constant", "adaptive", "invscaling", "cosine")
    }
    assert_allclose(rates["constant"], np.full(4, 0.1))
    assert_allclose(rates["adaptive"], np.full(4, 0.1))
    assert_allclose(rates["invscaling"], 0.1 / np.sqrt(steps + 1))
    assert_allclose(rates["cosine"], 0.05 * (1 + np.cos(np.pi * steps / 10)))


def test_a_cosine_that_is_over_stays_at_zero():
    assert_allclose(step_rates("cosine", 0.1, 10, 3, 10, 0.5), np.zeros(3), atol=1e-15)


def test_a_stream_has_no_end_that_a_cosine_could_reach():
    trainer = Trainer(make_network(WIDTHS), DATA, make_options(learning_rate="cosine"), Team(1))
    trainer.run(3)
    assert trainer.history["learning_rate"] == [0.1] * 3


def test_the_correction_makes_the_first_step_of_adam_as_long_as_its_rate():
    beta_1, beta_2 = 0.9, 0.95
    first, second = 1 - beta_1, 1 - beta_2
    assert adam_correction(1, beta_1, beta_2) * first / np.sqrt(second) == pytest.approx(1)


def test_rates_in_proportion_to_the_fan_in():
    network = make_network(WIDTHS, [27, 6])
    scaled = step_parameters(network, make_options(learning_rate_scaling="fan_in"))
    assert_allclose(scaled.rate_scale, [9 / 27, 3 / 6])
    assert_allclose(step_parameters(network, make_options()).rate_scale, [1, 1])


def test_neurons_that_went_do_not_count_as_entered():
    network, options = make_network((6, 4, 2)), {"neuron_pruning": "chase", "pruned_neurons": 0.5}
    options |= {"evolution": "set", "evolution_interval": 1, "learning_rate_scaling": "fan_in"}
    trainer = train(network, make_data(8, 6, 2), n_epochs=2, **options)
    living, n_connections = living_neurons(network)[1].size, network.n_connections
    assert living == 2
    assert_allclose(trainer.params.rate_scale, [2 / n_connections[0], 2 / n_connections[1]])


@pytest.mark.parametrize("rate", [0.0, 0.3, np.nextafter(1.0, 0.0)])
def test_dropout_rates_become_thresholds_of_32_bits(rate):
    params = step_parameters(make_network(WIDTHS), make_options(dropout=rate))
    assert int(params.dropout) / 2**32 == pytest.approx(rate, abs=1e-9)
    assert params.dropout < 2**32


# ---------------------------------------------------------------- stopping


class Validation:
    """Scores that a test has made up; knows how each epoch's network looked."""

    def __init__(self, scores):
        self.scores, self.seen = iter(scores), []

    def __call__(self, network, team):
        self.seen.append(weights_of(network))
        return {"monitored": next(self.scores)}


def stopped_early(scores, **changes):
    validation = Validation(scores)
    options = make_options(**BATCHES | {"early_stopping": True, "n_iter_no_change": 3} | changes)
    network = make_network(WIDTHS)
    trainer = Trainer(network, DATA, options, Team(1), validate=validation, n_epochs=9)
    trainer.run(9)
    return trainer, validation.seen.index(weights_of(network))


@pytest.mark.parametrize(
    ("scores", "n_epochs", "best"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 9, 8),
        ([1, 5, 4, 3, 2, 1, 1, 1, 1], 5, 1),
        ([5, 5, 5, 5, 5, 5, 5, 5, 5], 4, 0),
        ([1, 3, 2, 2, 4, 3, 3, 3, 9], 8, 4),
        ([-np.inf, -1, -2, -3, -4, 0, 0, 0, 0], 5, 1),
    ],
)
def test_early_stopping_goes_back_to_the_best_epoch(scores, n_epochs, best):
    trainer, kept = stopped_early(scores)
    assert (len(trainer.history["loss"]), kept) == (n_epochs, best)
    assert trainer.stopping.best == scores[best]


def test_an_improvement_below_tol_is_kept_but_does_not_count():
    trainer, kept = stopped_early([1, 1.01, 1.02, 1.03, 2, 2, 2, 2, 2], tol=0.1)
    assert (len(trainer.history["loss"]), kept) == (4, 3)


def test_an_adaptive_rate_is_lowered_before_training_ends():
    trainer, _ = stopped_early([5] * 9, learning_rate="adaptive", n_iter_no_change=2)
    assert_allclose(
        trainer.history["learning_rate"], 0.1 / 5.0 ** np.array([0, 0, 0, 1, 1, 2, 2, 3, 3])
    )


class Reporter:
    def __init__(self, stop_after):
        self.calls, self.stop_after = [], stop_after

    def epoch_begins(self, n_parts):
        self.calls.append(("begins", n_parts))

    def epoch_ends(self):
        self.calls.append("ends")
        return self.calls.count("ends") == self.stop_after


def test_a_reporter_hears_of_each_epoch_and_may_stop():
    reporter = Reporter(stop_after=2)
    trainer = trainer_of(5, reporter=reporter)
    trainer.run(5)
    assert reporter.calls == [("begins", 0), "ends"] * 2
    assert (trainer.interrupted, trainer.converged) == (False, False)


def test_an_observer_sees_the_network_after_each_epoch():
    seen = []
    trainer = trainer_of(3, observe=lambda trainer: seen.append(weights_of(trainer.network)))
    trainer.run(3)
    assert seen == [weights_of(trained(n_epochs)[0]) for n_epochs in (1, 2, 3)]


def test_divergence_is_told_with_its_epoch():
    poisoned = DATA._replace(sample_weight=np.full(40, np.nan, np.float32))
    with pytest.raises(DivergenceError, match=r"epoch 1.*learning_rate_init=0\.1"):
        trained(2, poisoned)


# ---------------------------------------------------------------- Ctrl-C


class PressedAt:
    """Ctrl-C is pressed while a certain step of the training runs."""

    def __init__(self, step):
        self.step, self.network = step, None

    @property
    def requested(self):
        return self.network.t > self.step


def interrupted(step, n_epochs, monkeypatch):
    """Train with one step a call of the kernel and Ctrl-C in a certain step, counted from 0."""
    pressed = PressedAt(step)

    @contextmanager
    def deferred(tell):
        yield pressed

    network = pressed.network = make_network(WIDTHS)
    with monkeypatch.context() as patch:
        patch.setattr(_training, "deferred_interrupt", deferred)
        patch.setattr(pace, "SECONDS_PER_CALL", 0.0)
        return network, train(network, DATA, n_epochs=n_epochs, **BATCHES)


@pytest.mark.parametrize("step", range(STEPS, 3 * STEPS))
def test_the_network_of_the_last_full_epoch_is_left(step, monkeypatch):
    network, trainer = interrupted(step, 5, monkeypatch)
    n_full = (step + 1) // STEPS
    assert trainer.interrupted
    assert {len(values) for values in trainer.history.values()} == {n_full}
    assert weights_of(network) == weights_of(trained(n_full)[0])


@pytest.mark.parametrize("step", range(STEPS - 1))
def test_within_the_first_epoch_there_is_no_network_to_leave(step, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        interrupted(step, 5, monkeypatch)


def test_at_the_end_of_the_first_epoch_its_network_is_left(monkeypatch):
    network, trainer = interrupted(STEPS - 1, 5, monkeypatch)
    assert (trainer.interrupted, network.epoch) == (True, 1)


def test_a_copy_to_go_back_to_lies_in_the_memory_of_the_last_one():
    network, _ = trained(1)
    older = network.snapshot()
    network.arrays.weights[:] += 1.0
    newer = network.snapshot(into=older)
    assert newer is older
    assert np.array_equal(newer.weights, network.arrays.weights)


def test_without_a_copy_to_go_back_to_the_epoch_is_finished(monkeypatch):
    # The steps turn out to be slow only after the epoch began as one call of the kernel.
    one_call = iter([STEPS, STEPS])
    monkeypatch.setattr(pace.Pace, "steps_per_call", property(lambda _: next(one_call, 1)))
    monkeypatch.setattr(
        pace.Pace, "seconds_per_step", property(lambda _: 0.0, lambda *_: None), False
    )
    network, trainer = interrupted(STEPS, 5, monkeypatch)
    assert (trainer.interrupted, network.epoch) == (True, 2)


def pressed_within(step, n_epochs, monkeypatch):
    """Train with full batches; a real signal comes while other threads compute a certain step."""
    kernel, network = _network.train_steps, make_network(WIDTHS)
    steps = iter(range(9))

    def press_and_wait(worker, *args):
        sync, batches = worker.sync, args[-1]
        if next(steps) < step:
            return kernel(worker, *args)
        # What is left half done must not be seen later.
        network.arrays.weights[:] = np.nan
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        while not sync[STOP]:
            time.sleep(0.001)
        batches.status[1] = 1

    with monkeypatch.context() as patch:
        patch.setattr(_network, "train_steps", press_and_wait)
        patch.setattr(pace, "SECONDS_PER_CALL", 0.0)
        return network, train(network, DATA, n_epochs=n_epochs)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX systems")
@pytest.mark.parametrize("step", [1, 2])
def test_ctrl_c_within_a_long_step_takes_its_epoch_back(step, monkeypatch, usual_ctrl_c):
    network, trainer = pressed_within(step, 5, monkeypatch)
    expected = make_network(WIDTHS)
    train(expected, DATA, n_epochs=step)
    assert (trainer.interrupted, network.epoch, len(trainer.history["loss"])) == (True, step, step)
    assert weights_of(network) == weights_of(expected)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX systems")
def test_ctrl_c_within_the_first_step_leaves_nothing(monkeypatch, usual_ctrl_c):
    with pytest.raises(KeyboardInterrupt):
        pressed_within(0, 5, monkeypatch)


def test_ctrl_c_within_a_long_validation_takes_its_epoch_back(monkeypatch, usual_ctrl_c):
    seen = []

    def validation(network, team):
        seen.append(weights_of(network))
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(Stopped):
                network.forward(DATA.X, team)
            raise Stopped
        return {"monitored": 0.0}

    monkeypatch.setattr(pace, "SECONDS_PER_CALL", 0.0)
    network = make_network(WIDTHS)
    with Team(1) as team:
        trainer = Trainer(network, DATA, make_options(), team, validate=validation, n_epochs=9)
        trainer.run(9)
    assert (trainer.interrupted, network.epoch) == (True, 2)
    assert {len(values) for values in trainer.history.values()} == {2}
    assert weights_of(network) == seen[1]


def test_ctrl_c_is_collected_and_a_second_one_raised(usual_ctrl_c):
    with pytest.raises(KeyboardInterrupt), deferred_interrupt() as interrupt:
        assert not interrupt.requested
        signal.raise_signal(signal.SIGINT)
        assert interrupt.requested
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual_ctrl_c


def test_a_handler_of_somebody_else_is_left_alone():
    presses = []
    before = signal.signal(signal.SIGINT, lambda *_: presses.append(1))
    try:
        with deferred_interrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (presses, interrupt.requested) == ([1], False)


def test_a_handler_that_somebody_installs_meanwhile_is_left_alone(usual_ctrl_c):
    theirs = lambda *_: None
    with deferred_interrupt():
        signal.signal(signal.SIGINT, theirs)
    assert signal.getsignal(signal.SIGINT) is theirs


def test_a_ctrl_c_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert not interrupt.requested


def test_threads_other_than_the_main_one_have_no_ctrl_c():
    found = []

    def enter():
        with deferred_interrupt() as interrupt:
            found.append((type(interrupt), signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [(Interrupt, before)]
