"""Kernels are compiled before a fit starts, where Ctrl-C is heard, and only if they have to be."""

import os
import signal
import threading
import time
from functools import partial

import numba
import numpy as np
import pytest
from estimators import points, small
from numba.core.compiler_lock import global_compiler_lock
from scipy import sparse

from sksparse_mlp import SparseAutoencoderSelector, SparseMLPFeatureSelector
from sksparse_mlp._estimator import fitting
from sksparse_mlp._kernels import cache
from sksparse_mlp._network import averaging, lanes, prediction, signals, warmup
from sksparse_mlp._network.lanes import MAX_LANES, lanes_for
from sksparse_mlp._network.team import Stopped, Team
from sksparse_mlp._network.warmup import compile_ahead
from sksparse_mlp._training import importance, linear_start, rehearsal
from sksparse_mlp._training.rehearsal import rehearse_importance, rehearse_training

pytestmark = pytest.mark.timeout(120)
X, y = points()


# ---------------------------------------------------------------- what is compiled


@pytest.fixture
def called(monkeypatch):
    """Kernels that are called, each with the types of its arguments."""
    called, run = set(), Team.run

    def types_of(arguments):
        return tuple(map(numba.typeof, arguments))

    def record_and_run(team, kernel, *args, lanes=(), aside=False):
        called.add((kernel.__name__, len(lanes), types_of(args)))
        run(team, kernel, *args, lanes=lanes, aside=aside)

    def recording(kernel):
        def record_and_call(*args):
            called.add((kernel.__name__, types_of(args)))
            kernel(*args)

        return record_and_call

    monkeypatch.setattr(Team, "run", record_and_run)
    for module, name in (
        (prediction, "predict_batch"),
        (importance, "input_gradients"),
        (signals, "record_tile"),
        (averaging, "unite_layers"),
        (averaging, "keep_strongest"),
    ):
        monkeypatch.setattr(module, name, recording(getattr(module, name)))
    monkeypatch.setattr(warmup, "is_compiled", lambda *_: False)
    monkeypatch.setattr(lanes, "is_at_hand", lambda *_: False)
    return called


def rehearsed(called, rehearse):
    """What a rehearsal calls; nothing is noted of it afterwards."""
    rehearse()
    found = set(called)
    called.clear()
    return found


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (X, {}),
        (X.astype(np.float64), {"solver": "adam", "n_jobs": 2}),
        (sparse.csr_array(X), {"activation": "srelu", "dropout": 0.5}),
        (np.asfortranarray(X), {"batch_size": 3, "input_noise": 0.1}),
        (X, {"batch_size": 1, "evolution": None, "shuffle": False}),
        (np.arange(X.size).reshape(X.shape), {"batch_size": 96, "evolution": "guided"}),
        (X, {"evolution": "gradient", "drop": "mest"}),
        (X, {"evolution": "set", "redistribution": "gradient"}),
        (sparse.csr_array(X), {"evolution": "cosine", "n_jobs": 2}),
        (X, {"evolution": "hebbian"}),
        (X, {"averaging": "cyclic"}),
    ],
)
def test_a_fit_calls_what_was_rehearsed(called, monkeypatch, data, changes):
    model = small(early_stopping=True, max_iter=2, **changes)
    batch_size = model.batch_size
    expected = rehearsed(
        called,
        partial(
            rehearse_training,
            batch_size,
            work=0.0,
            validates=True,
            explains=True,
            verbose=False,
            growth=changes.get("redistribution") or changes.get("evolution") or "set",
            averages="averaging" in changes,
        ),
    )
    monkeypatch.setattr(fitting, "rehearse_training", lambda *_, **__: lanes_for(MAX_LANES))
    monkeypatch.setattr(linear_start, "lanes_at_hand", lambda _: lanes_for(MAX_LANES))
    monkeypatch.setattr(fitting, "WORK_PER_THREAD", 1)
    model.fit(data, y)
    assert called == expected


def test_nothing_is_compiled_that_is_not_needed(called):
    rehearse_training(8, work=0.0, validates=False, explains=False, verbose=False)
    assert {name for name, *_ in called} == {"rebuild_layer", "train_steps"}


@pytest.mark.parametrize("method", ["gradient", "attribution"])
def test_a_selector_calls_what_was_rehearsed(called, monkeypatch, method):
    expected = rehearsed(called, partial(rehearse_importance, method))
    monkeypatch.setattr(fitting, "rehearse_training", lambda *_, **__: None)
    selector = SparseMLPFeatureSelector(small(), k=2, method=method, n_networks=1)
    monkeypatch.setattr("sksparse_mlp.selection._supervised.rehearse_importance", lambda _: None)
    selector.fit(X, y)
    name = "input_gradients"
    assert {call for call in called if call[0] == name} == {c for c in expected if c[0] == name}
    assert len({call for call in called if call[0] == name}) == 1


@pytest.mark.parametrize(
    "fit",
    [
        lambda: small(batch_size=7, early_stopping=True).fit(X, y),
        lambda: small(batch_size=7).partial_fit(X, y, classes=np.unique(y)),
        lambda: SparseAutoencoderSelector(3, k=2, batch_size=7, max_iter=1).fit(X),
        lambda: SparseMLPFeatureSelector(small(batch_size=7), k=2, n_networks=1).fit(X, y),
    ],
)
def test_every_fit_is_rehearsed_before_its_network_is_made(monkeypatch, fit):
    happened = []

    class Watched(Team):
        def __init__(self, n_threads):
            happened.append("starts")
            super().__init__(n_threads)

    def rehearse(batch_size, *, work, validates, explains, verbose, growth, averages):
        happened.append((batch_size, validates))

    monkeypatch.setattr(fitting, "rehearse_training", rehearse)
    monkeypatch.setattr(fitting, "Team", Watched)
    fit()
    assert [what if what == "starts" else what[0] for what in happened] == [7, "starts"]


# ---------------------------------------------------------------- when, and what is said


@pytest.fixture
def new_kernel():
    """A function that was never compiled."""
    return numba.njit(nogil=True)(lambda value: value + 1)


def test_what_has_to_be_compiled_is_announced_once(new_kernel):
    announced = []
    rehearse = lambda team: (new_kernel(1), time.sleep(0.3))
    for _ in range(2):
        compile_ahead(rehearse, {new_kernel: 1}, lambda: announced.append(1))
    assert announced == [1]


def test_what_lies_on_the_disk_is_not_announced(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def add_one(value):
        return value + 1

    for expected in ([1], []):
        announced, kernel = [], numba.njit(nogil=True)(add_one)
        kernel._cache = cache.kernel_cache(add_one)
        rehearse = lambda team, kernel=kernel: (kernel(1), time.sleep(0.3))
        compile_ahead(rehearse, {kernel: 1}, partial(announced.append, 1))
        assert announced == expected


def test_what_is_compiled_is_not_rehearsed(new_kernel):
    new_kernel(1)
    compile_ahead(pytest.fail, {new_kernel: 1})


def test_other_types_are_compiled_too(new_kernel):
    new_kernel(1)
    compile_ahead(lambda team: new_kernel(1.0), {new_kernel: 1.0})
    assert len(new_kernel.signatures) == 2


@pytest.mark.parametrize(("verbose", "expected"), [(True, ["Compiling", "Epoch"]), (False, [])])
def test_verbose_says_that_kernels_are_compiled(verbose, expected, monkeypatch, capsys):
    def compile_at_once(rehearse, kernels, announce=None):
        if announce is not None:
            announce()

    monkeypatch.setattr(rehearsal, "compile_ahead", compile_at_once)
    small(max_iter=1, verbose=verbose).fit(X, y)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == expected


def test_verbose_says_nothing_where_all_is_compiled(capsys):
    small(max_iter=1).fit(X, y)
    small(max_iter=1, verbose=True).fit(X, y)
    assert "Compiling" not in capsys.readouterr().out


# ---------------------------------------------------------------- what may happen meanwhile


def test_an_error_is_passed_on_and_no_thread_left(new_kernel):
    def fail(team):
        raise ZeroDivisionError("from within")

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="from within"):
        compile_ahead(fail, {new_kernel: 1})
    assert threading.active_count() == before


def test_where_there_are_no_threads_the_calling_one_compiles(new_kernel, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(warmup.ThreadPoolExecutor, "submit", refuse)
    compile_ahead(lambda team: new_kernel(1), {new_kernel: 1})
    assert len(new_kernel.signatures) == 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX systems")
def test_ctrl_c_is_heard_while_a_kernel_is_compiled_and_ends_the_rest(new_kernel, usual_ctrl_c):
    go_on, seen, ended = threading.Event(), [], threading.Event()

    def rehearse(team):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        assert go_on.wait(60)
        seen.append(team.stopped)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        compile_ahead(rehearse, {new_kernel: 1})
    assert not seen
    go_on.set()
    assert ended.wait(60)
    assert seen == [True]


def test_a_rehearsal_that_is_told_to_stop_compiles_no_further_kernel(called, monkeypatch):
    def stop_and_rehearse(rehearse, kernels, announce=None):
        team = Team(1)
        team.stop()
        with pytest.raises(Stopped):
            rehearse(team)

    monkeypatch.setattr(rehearsal, "compile_ahead", stop_and_rehearse)
    rehearse_training(8, work=0.0, validates=True, explains=True, verbose=False)
    assert {name for name, *_ in called} == {"rebuild_layer"}


def test_prediction_is_compiled_where_ctrl_c_is_heard(monkeypatch):
    threads, model = [], small().fit(X, y)
    kernel = prediction.predict_batch

    def recording(*args):
        threads.append(threading.current_thread() is threading.main_thread())
        kernel(*args)

    monkeypatch.setattr(prediction, "predict_batch", recording)
    monkeypatch.setattr(warmup, "is_compiled", lambda *_: False)
    model.predict(X)
    assert threads == [False, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_for_what_is_being_compiled(new_kernel):
    compiling = threading.Event()

    def compile_for_a_while():
        with global_compiler_lock:
            compiling.set()
            time.sleep(0.3)

    thread = threading.Thread(target=compile_for_a_while)
    thread.start()
    compiling.wait()
    child = forked(lambda: new_kernel(1) - 2)
    thread.join()
    assert exit_code_of(child) == 0


def forked(function):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = function()
        finally:
            os._exit(code)
    return child


def exit_code_of(child, patience=30):
    """How a child ended, or None if it hangs; it is gone afterwards."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
