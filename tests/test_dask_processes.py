"""A Dask cluster of processes: searches, killed workers, a dead scheduler, small memory."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError

import joblib
import numpy as np
import pytest
from dask_blocks import SETTINGS, distributed, in_blocks, on_cluster
from estimators import points, same_bits, small
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate

from sksparse_mlp._network.team import threads_for
from sksparse_mlp.dask._cluster import Cluster

dask = pytest.importorskip("dask")

X, Y = points(n_samples=90)


@pytest.fixture(scope="module")
def processes():
    """Two workers, each a process."""
    with distributed.LocalCluster(n_workers=2, processes=True, **SETTINGS) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            yield client


@pytest.fixture(scope="module")
def expected():
    """What one worker with threads of this process finds."""
    settings = {"processes": False, "n_workers": 1, "set_as_default": False}
    with distributed.Client(**settings, **SETTINGS) as client:
        return on_cluster(client=client).fit(*in_blocks(X, Y))


# ---------------------------------------------------------------- searches, before workers die


def threads_of_a_fit(estimator, X, y):
    """A scorer: the threads that this process gives a network with n_jobs=None."""
    return float(threads_for(None))


distributed.protocol.pickle.cloudpickle.register_pickle_by_value(sys.modules[__name__])
SEARCHES = {
    "GridSearchCV": lambda: GridSearchCV(small(max_iter=2), {"zeta": [0.1, 0.5]}, cv=2, n_jobs=2),
    "HalvingGridSearchCV": lambda: HalvingGridSearchCV(
        small(max_iter=2), {"zeta": [0.1, 0.3, 0.5]}, cv=2, min_resources=40, random_state=0
    ),
}  # fmt: skip


@pytest.fixture
def sent(monkeypatch):
    """Sizes, in bytes, of what the client sends: arrays by themselves, and pickled calls."""
    sizes = {"scatter": [], "submit": []}
    scatter, submit = distributed.Client.scatter, distributed.Client.submit

    def note_and_scatter(client, data, **how):
        sizes["scatter"].append(getattr(data, "nbytes", 0))
        return scatter(client, data, **how)

    def note_and_submit(client, function, *arguments, **how):
        sizes["submit"].append(len(distributed.protocol.pickle.dumps((function, arguments))))
        return submit(client, function, *arguments, **how)

    monkeypatch.setattr(distributed.Client, "scatter", note_and_scatter)
    monkeypatch.setattr(distributed.Client, "submit", note_and_submit)
    return sizes


@pytest.mark.parametrize(
    "name", ["GridSearchCV", pytest.param("HalvingGridSearchCV", marks=pytest.mark.slow)]
)
def test_a_search_finds_what_a_serial_one_finds(name, processes):
    search = SEARCHES[name]()
    alone = clone(search).set_params(n_jobs=None).fit(X, Y)
    with processes.as_current(), joblib.parallel_config("dask"):
        search.fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert same_bits(search.best_estimator_, alone.best_estimator_)


def test_all_folds_get_the_same_X_which_is_sent_once_and_take_one_thread_each(processes, sent):
    wide = np.tile(X, 30).astype(np.float64)
    scoring = {"threads": threads_of_a_fit, "accuracy": "accuracy"}
    alone = cross_validate(small(max_iter=1), wide, Y, cv=4)
    with processes.as_current(), joblib.parallel_config("dask"):
        found = cross_validate(small(max_iter=1), wide, Y, cv=4, scoring=scoring)
    np.testing.assert_array_equal(found["test_accuracy"], alone["test_score"])
    assert found["test_threads"].tolist() == [1.0] * 4
    assert sent["scatter"].count(wide.nbytes) == 1
    assert max(sent["submit"]) < 10_000 < wide.nbytes


@pytest.mark.slow
def test_ctrl_c_ends_a_search_and_the_cluster_is_free_again(processes, usual_ctrl_c):
    grid = {"zeta": np.linspace(0.1, 0.9, 40).tolist()}
    search = GridSearchCV(small(max_iter=300), grid, cv=3, n_jobs=2)
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
    start = time.monotonic()
    with processes.as_current(), joblib.parallel_config("dask"):
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, Y)
    while any(processes.processing().values()):
        time.sleep(0.1)
        assert time.monotonic() - start < 30
    assert processes.submit(sum, [1, 2]).result(timeout=30) == 3


# ---------------------------------------------------------------- faults


def test_a_worker_killed_in_the_middle_of_a_round_changes_nothing(processes, expected, monkeypatch):
    waits, wait = [], Cluster._wait

    def wait_and_kill(cluster, *arguments):
        waits.append(1)
        if len(waits) == 3:
            victim = next(iter(processes.cluster.workers.values()))
            os.kill(victim.pid, signal.SIGKILL)
        wait(cluster, *arguments)

    monkeypatch.setattr(Cluster, "_wait", wait_and_kill)
    assert same_bits(on_cluster(client=processes).fit(*in_blocks(X, Y)), expected)


def started(role, *arguments):
    """A process of Dask's, which nobody restarts."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{role}", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def started_worker(scheduler):
    return started("worker", *scheduler, "--no-nanny", "--nthreads", 1, "--no-dashboard")


@pytest.fixture
def mortal():
    """A client of a scheduler, and its two workers: processes that nobody else restarts."""
    patient = dask.config.set({"distributed.scheduler.allowed-failures": 1000})
    with patient, distributed.LocalCluster(n_workers=0, processes=True, **SETTINGS) as cluster:
        start = lambda: started_worker([cluster.scheduler_address])
        workers = [start(), start()]
        with distributed.Client(cluster, set_as_default=False) as client:
            yield client, workers, start
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_workers_killed_at_random_moments_change_nothing(mortal):
    """Each kill waits until two workers live again."""
    client, workers, start = mortal
    model, random = on_cluster(max_iter=50, client=client), np.random.default_rng(0)
    expected = clone(model).fit(*in_blocks(X, Y))
    killed, fits, stop = [], [], threading.Event()

    def kill():
        while not stop.is_set():
            if len(client.scheduler_info(n_workers=-1)["workers"]) < 2:
                time.sleep(0.1)
                continue
            time.sleep(random.uniform(0, 2))
            victim = workers.pop(random.integers(2))
            victim.kill()
            victim.wait()
            killed.append(len(fits))
            workers.append(start())
            time.sleep(1)

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        while len(killed) < 20:
            fits.append(clone(model).fit(*in_blocks(X, Y)))
    finally:
        stop.set()
        killing.join()
    assert all(same_bits(found, expected) for found in fits)
    print(f"{len(killed)} workers killed in {len(fits)} fits of 50 rounds")


@pytest.fixture
def cluster_of_processes(tmp_path):
    """Start a scheduler and a worker, each a process; all that is left of them ends at last."""
    living = []

    def start(name):
        file = tmp_path / f"{name}.json"
        living.append(started("scheduler", "--port", 0, "--no-dashboard", "--scheduler-file", file))
        living.append(started_worker(["--scheduler-file", file]))
        while not file.exists():
            time.sleep(0.1)
        client = distributed.Client(scheduler_file=str(file), set_as_default=False)
        client.wait_for_workers(1)
        return client, living[-2]

    yield start
    for process in living:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_after_the_death_of_the_scheduler_another_one_goes_on_from_the_checkpoint(
    cluster_of_processes, expected, tmp_path, monkeypatch
):
    client, scheduler = cluster_of_processes("first")
    waits, wait = [], Cluster._wait

    def wait_and_kill(cluster, *arguments):
        waits.append(1)
        if len(waits) == 3:
            scheduler.kill()
        wait(cluster, *arguments)

    model = on_cluster(checkpoint=tmp_path / "run.ckpt")
    with monkeypatch.context() as context:
        context.setattr(Cluster, "_wait", wait_and_kill)
        with pytest.raises(CancelledError):
            model.set_params(client=client).fit(*in_blocks(X, Y))
    assert not hasattr(model, "coefs_")
    client.close()
    client, _ = cluster_of_processes("second")
    seen = []
    monkeypatch.setattr(Cluster, "_wait", lambda *args: seen.append(1) or wait(*args))
    with client:
        assert same_bits(model.set_params(client=client).fit(*in_blocks(X, Y)), expected)
    assert len(seen) == expected.n_iter_ - 2


def large_block(number):
    """60 MB of float32, with a class in its first feature."""
    random = np.random.default_rng(number)
    X = random.standard_normal((500, 30_000), dtype=np.float32)
    y = np.arange(500) % 2
    X[:, 0] += 2 * y
    return X, y


@pytest.mark.slow
def test_blocks_beyond_the_memory_of_the_workers_are_spilled_and_the_limit_holds():
    """720 MB on a worker that may take 700: it lives, and the bits are those of a roomy one."""
    parts = [dask.delayed(large_block, nout=2)(number) for number in range(12)]
    model = on_cluster(hidden_layer_sizes=20, max_iter="auto", rounds=3, local_steps=5)
    found = []
    for limit in ("700MB", 0):
        settings = {"n_workers": 1, "memory_limit": limit, "set_as_default": False}
        with distributed.Client(**settings, **SETTINGS) as client:
            pids = client.run(os.getpid)
            found.append(clone(model).set_params(client=client).fit(*zip(*parts, strict=True)))
            assert client.run(os.getpid) == pids
            highest = max(client.run(peak_memory).values())
            print(f"memory_limit={limit}: at most {highest / 1e6:.0f} MB")
            assert not limit or highest < 700e6
    assert same_bits(*found)


def peak_memory():
    """Of this process so far, in bytes."""
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
