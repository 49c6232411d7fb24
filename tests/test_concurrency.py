"""Many threads, many processes, one disk cache: the right bits, no deadlock, nothing left over."""

import concurrent.futures
import importlib.util
import multiprocessing
import os
import pickle
import stat
import subprocess
import sys
import threading
import warnings
from functools import partial

import joblib
import numba
import numpy as np
import pytest
from builders import bits_of
from estimators import small

from sksparse_mlp._estimator import base, fitting
from sksparse_mlp._kernels import cache, ingredients, jit
from sksparse_mlp._kernels.jit import kernel
from sksparse_mlp._network.team import Team, threads_for

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning"),
]
posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and resource limits")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 20)).astype(np.float32)
y = RNG.integers(3, size=80)
SEEDS = range(6)

classifier = partial(
    small, hidden_layer_sizes=(30, 20), solver="adam", input_noise=0.5, batch_size=16, max_iter=4
)


@pytest.fixture(autouse=True)
def two_threads_each(monkeypatch):
    """Small networks, too, run on as many threads as they are told to, on any machine."""
    monkeypatch.setattr(fitting, "WORK_PER_THREAD", 1)
    monkeypatch.setattr(fitting, "cpu_count", lambda: 16)


def fit(seed, n_jobs=2):
    """What a worker does: the bits of a model fitted with a seed, and what it predicts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = classifier(random_state=seed, n_jobs=n_jobs).fit(X, y)
        return bits_of(model._network), model.predict_proba(X).tobytes()


@pytest.fixture(scope="module")
def expected():
    return [fit(seed, n_jobs=1) for seed in SEEDS]


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_many_threads_predict_with_one_model(n_jobs, expected):
    model = classifier(n_jobs=n_jobs).fit(X, y)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: model.predict_proba(X).tobytes(), range(200)))
    assert set(found) == {expected[0][1]}


def test_models_are_fitted_in_many_threads(expected):
    with concurrent.futures.ThreadPoolExecutor(len(SEEDS)) as pool:
        assert list(pool.map(fit, SEEDS)) == expected


def test_more_threads_than_cores(expected):
    assert fit(0, n_jobs=16) == expected[0]


@pytest.mark.parametrize("n_cores", [1, 3])
@pytest.mark.parametrize("n_jobs", [2, 200, 2000, 10**9, -1])
def test_no_more_threads_are_started_than_there_are_cores(monkeypatch, n_cores, n_jobs):
    sizes = []

    class CountedTeam(Team):
        def __init__(self, n_threads):
            sizes.append(n_threads)
            super().__init__(n_threads)

    monkeypatch.setattr(fitting, "cpu_count", lambda: n_cores)
    for module in (fitting, base):
        monkeypatch.setattr(module, "Team", CountedTeam)
    model = classifier(n_jobs=n_jobs).fit(X, y)
    model.predict(np.tile(X, (9, 1)))
    expected = min(n_cores, threads_for(n_jobs))
    assert sizes == [expected, expected]


@pytest.mark.parametrize(
    ("context", "n_jobs", "expected"),
    [
        ({}, None, 1),
        ({}, 3, 3),
        ({}, -1, joblib.cpu_count()),
        ({"n_jobs": 5}, None, 5),
        ({"n_jobs": 5}, 3, 3),
        ({"backend": "loky", "n_jobs": 5}, None, 5),
        ({"backend": "multiprocessing", "n_jobs": 5}, None, 5),
        ({"backend": "threading", "n_jobs": 5}, None, 5),
        ({"backend": "sequential", "n_jobs": 5}, 3, 1),
        ({"prefer": "processes", "n_jobs": 5}, 3, 3),
    ],
)
def test_what_n_jobs_means(context, n_jobs, expected):
    with joblib.parallel_config(**context):
        assert threads_for(n_jobs) == expected


def test_n_jobs_in_a_process_that_may_start_none():
    """A daemonic process starts no processes, but threads: joblib has nothing to warn of."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(threads_for_without_warnings, (3,)).get(timeout=100) == 3


def threads_for_without_warnings(n_jobs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return threads_for(n_jobs)


def test_a_worker_of_dask(expected):
    dask = pytest.importorskip("dask")
    tasks = [dask.delayed(fit)(seed) for seed in SEEDS]
    assert list(dask.compute(*tasks, scheduler="threads", num_workers=3)) == expected


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_exception_ends_all_threads(n_jobs):
    def fail(estimator, X, y):
        raise ZeroDivisionError("from within the fit")

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="from within the fit"):
        classifier(n_jobs=n_jobs, scoring=fail, early_stopping=True).fit(X, y)
    assert threading.active_count() == before


# ---------------------------------------------------------------- processes


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing", "sequential"])
def test_backends_of_joblib(backend, expected):
    with joblib.parallel_config(backend, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(fit)(seed) for seed in SEEDS) == expected


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_started_in_any_way_after_this_one_ran_threads(method, expected):
    assert fit(0, n_jobs=3) == expected[0]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(fit, SEEDS).get(timeout=100) == expected


@pytest.mark.parametrize("method", ["spawn", pytest.param("fork", marks=posix)])
def test_process_pools_of_concurrent_futures(method, expected):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(fit, SEEDS, timeout=100)) == expected


@posix
def test_a_child_forked_while_other_threads_train(expected):
    stop = threading.Event()

    def train():
        while not stop.is_set():
            fit(1)

    trainers = [threading.Thread(target=train) for _ in range(2)]
    for trainer in trainers:
        trainer.start()
    try:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map_async(fit, SEEDS).get(timeout=100) == expected
    finally:
        stop.set()
        for trainer in trainers:
            trainer.join()


# ---------------------------------------------------------------- the disk cache of kernels

KERNEL = """
from sksparse_mlp._kernels.jit import inlined

@inlined
def three_times(value):
    return value * 3

def total(x):
    result = x[0] * 0
    for value in x:
        result += three_times(value)
    return result
"""
TYPES = ["f4", "f8", "i4", "i8", "u1", "c8"]


@pytest.fixture
def cached_kernel(tmp_path, monkeypatch):
    """Makes a kernel from a file, whose cache is a new directory, as a new process would."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_has_warned", False)
    path = tmp_path / "some_kernel.py"
    path.write_text(KERNEL)

    def make():
        specification = importlib.util.spec_from_file_location("some_kernel", path)
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(sys.modules, "some_kernel", module)
        specification.loader.exec_module(module)
        return kernel(module.total)

    return make


def totals(total, types=TYPES):
    return [complex(total(np.arange(5).astype(dtype))) for dtype in types]


RIGHT = [30 + 0j] * len(TYPES)


def files_in(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def n_compiled(total):
    return sum(total.stats.cache_misses.values())


def test_a_second_process_compiles_nothing(cached_kernel, tmp_path):
    first = cached_kernel()
    assert totals(first) == RIGHT
    assert n_compiled(first) == len(TYPES)
    assert len(files_in(tmp_path / "cache")) == len(TYPES)
    second = cached_kernel()
    assert totals(second) == RIGHT
    assert n_compiled(second) == 0


def test_code_of_another_version_is_not_used_and_cleared_away(cached_kernel, tmp_path, monkeypatch):
    assert totals(cached_kernel()) == RIGHT
    old = set(files_in(tmp_path / "cache"))
    monkeypatch.setattr(cache, "digest_of_sources", lambda: "another")
    newer = cached_kernel()
    assert totals(newer) == RIGHT
    assert n_compiled(newer) == len(TYPES)
    assert not old & set(files_in(tmp_path / "cache"))


def test_the_key_is_the_contents_of_every_file_below_the_kernels(tmp_path):
    source = tmp_path / "deeper" / "kernels.py"
    source.parent.mkdir()
    source.write_text("a = 1")
    before, times = cache.digest_of_sources(tmp_path), source.stat()
    source.write_text("a = 2")
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    cache.digest_of_sources.cache_clear()
    assert cache.digest_of_sources(tmp_path) != before


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "swapped"])
def test_damaged_files_are_compiled_anew(cached_kernel, tmp_path, damage):
    assert totals(cached_kernel()) == RIGHT
    files = files_in(tmp_path / "cache")
    contents = [file.read_bytes() for file in files]
    for file, own, other in zip(files, contents, contents[1:] + contents[:1], strict=True):
        flipped = bytearray(own)
        flipped[len(own) // 2] ^= 1
        new = {"truncated": own[:1000], "one bit": bytes(flipped), "empty": b"", "swapped": other}
        file.write_bytes(new[damage])
    again = cached_kernel()
    assert totals(again) == RIGHT
    assert n_compiled(again) == len(TYPES)
    after = cached_kernel()
    assert totals(after) == RIGHT
    assert n_compiled(after) == 0


def compile_in_a_process(make, start, seed, results):
    types = np.random.default_rng(seed).permutation(TYPES)
    start.wait()
    results.put(totals(make(), types))


@posix
@pytest.mark.parametrize(
    "n_rounds", [2, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_processes_that_fill_the_cache_at_once(cached_kernel, tmp_path, n_rounds):
    context = multiprocessing.get_context("fork")
    for round_ in range(n_rounds):
        start, results = context.Barrier(8), context.SimpleQueue()
        workers = [
            context.Process(
                target=compile_in_a_process, args=(cached_kernel, start, 8 * round_ + i, results)
            )
            for i in range(8)
        ]
        for worker in workers:
            worker.start()
        assert [results.get() for _ in workers] == [RIGHT] * 8
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        files = files_in(tmp_path / "cache")
        assert len(files) == len(TYPES)
        after = cached_kernel()
        assert totals(after) == RIGHT
        assert n_compiled(after) == 0
        for file in files:
            file.unlink()


def test_a_cache_that_vanishes_is_made_again(cached_kernel, tmp_path):
    total = cached_kernel()
    for directory in sorted((tmp_path / "cache").rglob("*"), reverse=True):
        directory.rmdir()
    assert totals(total) == RIGHT
    assert len(files_in(tmp_path / "cache")) == len(TYPES)


def test_a_cache_that_cannot_be_written_costs_one_warning(cached_kernel, tmp_path):
    total = cached_kernel()
    for directory in (tmp_path / "cache").iterdir():
        directory.rmdir()
        directory.touch()
    with pytest.warns(RuntimeWarning, match="Compiled kernels cannot be kept") as caught:
        assert totals(total) == RIGHT
    assert len(caught) == 1


def test_no_place_for_a_cache_costs_one_warning(cached_kernel, monkeypatch):
    monkeypatch.setattr("numba.core.caching.CompileResultCacheImpl._locator_classes", [])
    with pytest.warns(RuntimeWarning, match="Compiled kernels cannot be kept") as caught:
        kernels = [cached_kernel(), cached_kernel()]
    assert len(caught) == 1
    assert [totals(total) for total in kernels] == [RIGHT, RIGHT]


# ---------------------------------------------------------------- files of other users

SOMEBODY_ELSE = 12345
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)


def gives_away(path):
    os.chown(path, SOMEBODY_ELSE, -1)


def lets_its_group_write(path):
    path.chmod(0o664)


def lets_all_write(path):
    path.chmod(0o777 if path.is_dir() else 0o646)


@posix
@pytest.mark.parametrize(
    "happens", [pytest.param(gives_away, marks=as_root), lets_its_group_write, lets_all_write]
)
def test_files_that_others_can_write_are_not_unpickled(
    cached_kernel, tmp_path, monkeypatch, happens
):
    assert totals(cached_kernel()) == RIGHT
    for file in files_in(tmp_path / "cache"):
        happens(file)
    unpickled = count_calls(monkeypatch, pickle, "loads")
    again = cached_kernel()
    with pytest.warns(RuntimeWarning, match="on disk are ignored") as caught:
        assert totals(again) == RIGHT
    assert (len(caught), n_compiled(again), len(unpickled)) == (1, len(TYPES), 0)
    assert n_compiled_by(cached_kernel()) == 0  # they were replaced


@posix
@pytest.mark.parametrize("happens", [pytest.param(gives_away, marks=as_root), lets_all_write])
def test_nothing_in_a_directory_that_others_can_write_to_is_unpickled(
    cached_kernel, tmp_path, monkeypatch, happens
):
    assert totals(cached_kernel()) == RIGHT
    (directory,) = {file.parent for file in files_in(tmp_path / "cache")}
    happens(directory)
    before = files_in(directory)
    unpickled = count_calls(monkeypatch, pickle, "loads")
    again = cached_kernel()
    with pytest.warns(RuntimeWarning, match="on disk are ignored") as caught:
        assert totals(again) == RIGHT
    assert (len(caught), n_compiled(again), len(unpickled)) == (1, len(TYPES), 0)
    assert files_in(directory) == before


@posix
def test_nothing_is_kept_in_a_directory_that_others_can_write_to(cached_kernel, tmp_path):
    total = cached_kernel()
    for directory in (tmp_path / "cache").iterdir():
        lets_all_write(directory)
    with pytest.warns(RuntimeWarning, match="others may write to") as caught:
        assert totals(total) == RIGHT
    assert (len(caught), files_in(tmp_path / "cache")) == (1, [])


@posix
@pytest.mark.parametrize("mode", [0o1777, 0o775])
def test_a_sticky_directory_or_one_of_a_group_is_good_enough(cached_kernel, tmp_path, mode):
    total = cached_kernel()
    for directory in (tmp_path / "cache").iterdir():
        directory.chmod(mode)
    assert totals(total) == RIGHT
    assert n_compiled_by(cached_kernel()) == 0


@posix
def test_nobody_else_can_write_what_is_kept(cached_kernel, tmp_path):
    before = os.umask(0)
    try:
        (tmp_path / "cache").mkdir(0o755)
        total = cached_kernel()
        for directory in (tmp_path / "cache").iterdir():
            directory.chmod(0o755)
        assert totals(total) == RIGHT
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in files_in(tmp_path / "cache")} == {0o644}


@posix
def test_only_systems_that_say_who_may_write_are_asked(tmp_path, monkeypatch):
    foreign = os.stat_result((stat.S_IFREG | 0o666, 0, 0, 1, SOMEBODY_ELSE, 0, 0, 0, 0, 0))
    with pytest.raises(cache.Untrusted, match="belongs to another user"):
        cache.check_that_nobody_else_writes(tmp_path, foreign)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        cache.check_that_nobody_else_writes(tmp_path, foreign)


def n_compiled_by(total):
    assert totals(total) == RIGHT
    return n_compiled(total)


def count_calls(monkeypatch, owner, name):
    """A list that grows with each call of a function of the cache."""
    calls, function = [], getattr(owner, name)
    counting = lambda *args: (calls.append(name), function(*args))[1]
    monkeypatch.setattr(cache.pickle, name, counting)
    return calls


def compile_on_a_full_disk(make, results):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results.put((totals(make()), [str(warning.message) for warning in caught]))


@posix
def test_a_full_disk_costs_one_warning(cached_kernel, tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    worker = context.Process(target=compile_on_a_full_disk, args=(cached_kernel, results))
    worker.start()
    found, messages = results.get()
    worker.join()
    assert found == RIGHT
    assert len(messages) == 1
    assert "cannot be kept" in messages[0]
    assert files_in(tmp_path / "cache") == []


@pytest.mark.parametrize("method", ["load_overload", "save_overload"])
def test_a_cache_whose_insides_have_changed_costs_time_only(cached_kernel, monkeypatch, method):
    def changed(self, *args):
        raise TypeError("another Numba")

    monkeypatch.setattr(f"numba.core.caching.Cache.{method}", changed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert totals(cached_kernel()) == RIGHT


def test_a_cache_that_this_numba_does_not_have_costs_one_warning(cached_kernel, monkeypatch):
    monkeypatch.delattr("numba.core.caching.FunctionCache")
    with pytest.warns(RuntimeWarning, match="Compiled kernels cannot be kept") as caught:
        total = cached_kernel()
    assert len(caught) == 1
    assert totals(total) == RIGHT


def compilers_of(version, monkeypatch):
    """What kernels, and functions that only kernels call, are compiled by, with a Numba."""
    monkeypatch.setattr(numba, "__version__", version)
    return ingredients.supported_compilers.__wrapped__()


def test_a_numba_that_was_not_tested_compiles_in_the_ordinary_way(cached_kernel, monkeypatch):
    assert len(compilers_of(numba.__version__, monkeypatch)) == 2
    assert compilers_of("99.0.1", monkeypatch) is None
    assert compilers_of("unknown", monkeypatch) is None
    monkeypatch.setattr(jit, "compilers", lambda: ({}, {}))
    assert totals(cached_kernel()) == RIGHT


def test_the_cache_can_be_switched_off(tmp_path):
    code = """
from sksparse_mlp._kernels.steps import train_steps
print(type(train_steps._cache).__name__)
"""
    environment = {"SKSPARSE_MLP_CACHE": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    found = run_python(code, environment).communicate(timeout=100)[0]
    assert found == "NullCache\n"


def test_where_Numba_may_not_compile_a_fit_says_so():
    code = """
import sksparse_mlp
try:
    sksparse_mlp.TrulySparseMLPClassifier(2).fit([[0], [1]], [0, 1])
except RuntimeError as error:
    print(error)
"""
    found = run_python(code, {"NUMBA_DISABLE_JIT": "1"}).communicate(timeout=100)[0]
    assert "unset NUMBA_DISABLE_JIT" in found


# ---------------------------------------------------------------- the whole package, from nothing


def run_python(code, environment):
    """A new process that imports what this one does."""
    path = os.pathsep.join([*sys.path, os.path.dirname(__file__)])
    return subprocess.Popen(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


WHOLE_FIT = "import test_concurrency as t; print(t.fit(0)[1].hex())"
# Two of the three kernels, which compile in a third of the time.
PREDICTION = """
import builders, numpy as np
print(builders.predict(builders.make_network((9, 5, 3)), np.ones((4, 9), "f4")).tobytes().hex())
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("round_", range(20))
def test_eight_processes_start_at_once_on_an_empty_cache(round_, tmp_path):
    code = WHOLE_FIT if round_ == 0 else PREDICTION
    processes = [run_python(code, {"NUMBA_CACHE_DIR": str(tmp_path)}) for _ in range(8)]
    found = [process.communicate(timeout=800)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert len(found[0]) > 10
    assert len(set(found)) == 1
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".nbc"}
