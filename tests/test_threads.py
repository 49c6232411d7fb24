"""Threads: they change the time, never a bit; a failure in one ends all and reaches the caller."""

import signal
import threading
import time

import numpy as np
import pytest
from builders import bits_of, evolve, make_data, make_network, predict, train
from numpy.testing import assert_array_equal

from sksparse_mlp._kernels.barrier import STOP
from sksparse_mlp._network import network as _network
from sksparse_mlp._network import prediction, workspace
from sksparse_mlp._network.team import Stopped, Team
from sksparse_mlp._network.topology import rebuild
from sksparse_mlp._training import pace

# A thread that waits for one that never comes would wait for ever.
pytestmark = pytest.mark.timeout(120)

THREADS = [2, 3, 7]
# Wide enough for every thread to own something, and for both ways of the forward pass.
WIDTHS, CONNECTIONS = (150, 90, 40, 3), (6000, 1800, 60)


def network_of(n_threads=1, **changes):
    """A network, drawn by some threads."""
    return make_network(WIDTHS, CONNECTIONS, n_threads=n_threads, **changes)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("weight_init", ["he_uniform", "he_normal"])
def test_initialisation(weight_init, n_threads):
    changes = {"weight_init": weight_init}
    assert bits_of(network_of(n_threads, **changes)) == bits_of(network_of(**changes))


@pytest.mark.parametrize("n_threads", THREADS)
def test_initialisation_of_fewer_rows_than_threads(n_threads):
    one, several = (make_network((2, 50, 1), (60, 30), n_threads=n) for n in (1, n_threads))
    assert bits_of(several) == bits_of(one)


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_evolution(solver, n_threads):
    one = network_of(solver=solver)
    one.optimizer_state.weights_1[:] = np.arange(sum(CONNECTIONS))
    several = one.copy()
    evolve(one, 0.3)
    evolve(several, 0.3, n_threads=n_threads)
    assert bits_of(several) == bits_of(one)


@pytest.mark.parametrize("path", ["column", "chunk"])
@pytest.mark.parametrize("batch_size", [4, 70])
@pytest.mark.parametrize("n_threads", THREADS)
def test_training(n_threads, batch_size, path, monkeypatch):
    monkeypatch.setattr(workspace, "PRIVATE_SUMS_BELOW", 0 if path == "column" else 10**9)
    changes = {
        "batch_size": batch_size,
        "n_epochs": 2,
        "shuffle": True,
        "dropout": 0.3,
        "input_dropout": 0.1,
        "input_noise": 0.1,
        "weight_decay": 0.01,
        "evolution": "set",
        "learning_rate_init": 0.01,
    }
    one, data = network_of(activation="srelu"), make_data(75, WIDTHS[0], WIDTHS[-1])
    several = one.copy()
    train(one, data, **changes)
    train(several, data, n_threads=n_threads, **changes)
    assert bits_of(several) == bits_of(one)


@pytest.mark.parametrize("n_threads", THREADS)
def test_losses(n_threads):
    data = make_data(75, WIDTHS[0], WIDTHS[-1])
    one, several = (
        train(network_of(), data, batch_size=4, n_threads=n).history["loss"] for n in (1, n_threads)
    )
    assert several == one


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("n_samples", [1, 33, 300])
def test_prediction(n_samples, n_threads):
    network, X = network_of(), make_data(n_samples, WIDTHS[0], WIDTHS[-1]).X
    assert_array_equal(predict(network, X, n_threads=n_threads), predict(network, X))


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_prediction_in_many_calls(n_threads, monkeypatch):
    network, X = network_of(), make_data(300, WIDTHS[0], WIDTHS[-1]).X
    expected = predict(network, X)
    monkeypatch.setattr(prediction, "WORK_PER_CALL", 1)
    assert_array_equal(predict(network, X, n_threads=n_threads), expected)


def test_teams_side_by_side():
    data, alone = make_data(75, WIDTHS[0], WIDTHS[-1]), network_of()
    networks = [alone.copy() for _ in range(3)]
    train(alone, data, batch_size=4)
    callers = [
        threading.Thread(target=train, args=(net, data), kwargs={"batch_size": 4, "n_threads": 2})
        for net in networks
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [bits_of(net) for net in networks] == [bits_of(alone)] * 3


# ---------------------------------------------------------------- failures


class Failure(Exception):
    """What a member raises."""


def failing_in(member, kernel):
    """The kernel, but one member of the team fails before it begins."""

    def failing(worker, *args):
        if worker.thread == member:
            raise Failure
        kernel(worker, *args)

    return failing


@pytest.mark.parametrize("member", [0, 1, 2])
def test_a_failure_before_training_reaches_the_caller(member, monkeypatch):
    network, data = network_of(), make_data(75, WIDTHS[0], WIDTHS[-1])
    monkeypatch.setattr(_network, "train_steps", failing_in(member, _network.train_steps))
    with pytest.raises(Failure):
        train(network, data, batch_size=4, n_threads=3)


@pytest.mark.parametrize("member", [0, 1, 2])
def test_a_failure_before_evolution_reaches_the_caller(member, monkeypatch):
    network = network_of()
    monkeypatch.setattr(rebuild, "rebuild_layer", failing_in(member, rebuild.rebuild_layer))
    with pytest.raises(Failure):
        evolve(network, 0.3, n_threads=3)


@pytest.mark.parametrize("member", [0, 1, 2])
def test_a_failure_without_a_barrier_reaches_the_caller(member):
    def fail(thread):
        if thread == member:
            raise Failure

    with Team(3) as team, pytest.raises(Failure):
        team.map(fail)


def test_a_thread_that_cannot_start_ends_the_others(monkeypatch):
    network, data = network_of(), make_data(75, WIDTHS[0], WIDTHS[-1])
    with Team(3) as team:
        submit, started = team._pool.submit, []

        def submit_once(*args):
            if started:
                raise RuntimeError("can't start new thread")
            started.append(submit(*args))
            return started[0]

        monkeypatch.setattr(team._pool, "submit", submit_once)
        refused = r"thread 3 of 3 could not be started \(can't start new thread\): lower n_jobs"
        with pytest.raises(RuntimeError, match=refused):
            train(network, data, batch_size=4, team=team)


def test_a_team_works_on_after_a_failure():
    with Team(2) as team:
        with pytest.raises(ZeroDivisionError):
            team.map(lambda thread: 1 // (1 - thread))
        done = []
        team.map(done.append)
    assert sorted(done) == [0, 1]


# ---------------------------------------------------------------- teams


def test_every_member_is_called_once():
    called = []
    with Team(5) as team:
        team.map(called.append)
    assert sorted(called) == list(range(5))


def test_the_caller_is_member_zero():
    threads = {}
    with Team(3) as team:
        team.map(lambda thread: threads.update({thread: threading.current_thread()}))
    assert threads[0] is threading.current_thread()


def test_a_team_of_one_starts_no_thread():
    before = threading.active_count()
    with Team(1) as team:
        team.map(lambda thread: None)
        assert threading.active_count() == before


def test_threads_end_with_their_team():
    before = threading.active_count()
    with Team(4) as team:
        team.map(lambda thread: None)
    assert threading.active_count() == before


def test_the_caller_stays_aside_where_it_is_told_to():
    threads = []
    with Team(2) as team:
        team.map(lambda thread: threads.append(threading.current_thread()), aside=True)
    assert len(threads) == 2
    assert threading.current_thread() not in threads


# ---------------------------------------------------------------- stopping


def test_all_are_waited_for_when_one_fails():
    ended = threading.Event()

    def fail_or_linger(thread):
        if thread == 0:
            raise Failure
        ended.wait(0.2)
        ended.set()

    with Team(2) as team:
        with pytest.raises(Failure):
            team.map(fail_or_linger)
        assert ended.is_set()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("path", ["column", "chunk"])
def test_a_team_that_was_told_to_stop_leaves_the_weights_alone(path, n_threads, monkeypatch):
    monkeypatch.setattr(workspace, "PRIVATE_SUMS_BELOW", 0 if path == "column" else 10**9)
    network, data = network_of(), make_data(75, WIDTHS[0], WIDTHS[-1])
    before = bits_of(network)
    with Team(n_threads) as team:
        team.stop()
        with pytest.raises(KeyboardInterrupt):
            train(network, data, batch_size=70, team=team)
    assert bits_of(network) == before


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX systems")
@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_interruption_while_others_compute_ends_them(n_threads, monkeypatch):
    """Ctrl-C that nobody defers, in the middle of a step that other threads compute."""
    network, data = network_of(), make_data(75, WIDTHS[0], WIDTHS[-1])

    def interrupt(*_):
        raise KeyboardInterrupt

    def train_until_stopped(worker, *args):
        if worker.thread == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        while not worker.sync[STOP]:
            time.sleep(0.001)

    monkeypatch.setattr(_network, "train_steps", train_until_stopped)
    monkeypatch.setattr(pace, "SECONDS_PER_CALL", 0.0)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(network, data, batch_size=70, n_threads=n_threads)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interruption_while_a_thread_starts_ends_it():
    ended = threading.Event()

    def train_until_stopped(thread):
        while not team.stopped:
            time.sleep(0.001)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        with Team(2) as team:
            submit = team._pool.submit

            def submit_and_be_interrupted(*task):
                submit(*task)
                raise KeyboardInterrupt

            team._pool.submit = submit_and_be_interrupted
            team.map(train_until_stopped, aside=True)
    assert ended.is_set()


@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_evolution_that_was_told_to_stop_says_so(n_threads, monkeypatch):
    monkeypatch.setattr(rebuild, "MANY_CONNECTIONS", 0)
    network = network_of()
    before = bits_of(network)
    with Team(n_threads) as team:
        expected = network.copy()
        evolve(expected, 0.3, team=team)
        snapshot = network.snapshot()
        team.stop()
        with pytest.raises(Stopped):
            evolve(network, 0.3, team=team)
    # It heard it: nothing that it made came to the network.
    assert (network.arrays.indices == snapshot.indices).all()
    network.restore(snapshot)
    assert bits_of(network) == before
    assert bits_of(expected) != before


@pytest.mark.parametrize("growth", ["set", "guided"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_nearly_full_layer_that_evolves_hears_that_it_is_to_stop(growth, n_threads):
    """Cells that ties are to leave are the only ones that there are to grow."""
    preferences = np.ones(60, np.float32) if growth == "guided" else None
    network = make_network((60, 20), [1195], growth=growth, input_preferences=preferences)
    network.arrays.weights[:] = 1.0
    with Team(n_threads) as team:
        team.stop()
        with pytest.raises(Stopped):
            evolve(network, 0.3, team=team)


def test_scratch_memory_is_the_same_until_more_of_it_is_asked_for():
    team = Team(1)
    first = team.scratch("a", 4, np.int32)
    assert np.shares_memory(team.scratch("a", 3, np.int32), first)
    assert not np.shares_memory(team.scratch("b", 4, np.int32), first)
    more = team.scratch("a", 5, np.int32)
    assert more.size == 5 and not np.shares_memory(more, first)


def test_scratch_memory_ends_with_its_team():
    network = network_of()
    with Team(1) as team:
        evolve(network, 0.3, team=team)
        assert team._scratch
    assert not team._scratch


def test_what_never_evolves_holds_no_scratch_memory():
    with Team(1) as team:
        train(
            make_network(WIDTHS, CONNECTIONS, team=team),
            make_data(20, WIDTHS[0], WIDTHS[-1]),
            team=team,
            zeta=0.3,
        )
        assert not team._scratch
