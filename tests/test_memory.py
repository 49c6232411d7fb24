"""Memory: an allocation that fails is an error that says so, and nothing is lost for ever."""

import gc
import multiprocessing
import re
import sys
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest
from builders import bits_of, trainings_left_by
from estimators import KINDS, small, targets_for
from sklearn.exceptions import ConvergenceWarning

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPEnsembleClassifier,
    TrulySparseMLPRegressor,
)

resource = pytest.importorskip("resource")

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 20)).astype(np.float32)
y = RNG.integers(2, size=60)
MEGABYTE = 2**20

classifier = partial(small, hidden_layer_sizes=(50,), solver="adam", max_iter=3)


def memory_in_use(kind="VmRSS"):
    """Bytes of this process: resident, or (VmSize) all that it may address."""
    with open("/proc/self/status") as status:
        return 1024 * int(re.search(rf"{kind}:\s+(\d+)", status.read())[1])


def in_a_process(function, *args):
    """Call a function in a process of its own; returns what it returns, or fails with it."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()

    def call():
        try:
            results.put(("returned", function(*args)))
        except BaseException:
            results.put(("failed", traceback.format_exc()))

    process = context.Process(target=call)
    process.start()
    process.join(250)
    process.kill()
    assert not results.empty(), f"the process ended with exit code {process.exitcode}"
    how, result = results.get()
    assert how == "returned", result
    return result


def fits_in_little_memory(spares):
    """A large fit with so many bytes to spare, for each: epochs before it failed, and its words.

    None where it did not fail. Whenever it does, the estimator is what it was, and works.
    """
    warnings.simplefilter("ignore", ConvergenceWarning)
    model = classifier(batch_size=60).fit(X, y)
    bits = bits_of(model._network)
    model.set_params(hidden_layer_sizes=(200_000,), epsilon=5)
    state, outcomes, epochs = dict(vars(model)), [], []
    model._observe = epochs.append
    limits = resource.getrlimit(resource.RLIMIT_AS)
    for spare in spares:
        epochs.clear()
        resource.setrlimit(resource.RLIMIT_AS, (memory_in_use("VmSize") + spare, limits[1]))
        try:
            model.fit(X, y)
        except MemoryError as error:
            outcomes.append((len(epochs), str(error)))
        else:
            outcomes.append(None)
            break
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
        assert all(vars(model)[name] is value for name, value in state.items())
        assert bits_of(model._network) == bits
        assert bits_of(classifier(batch_size=60).fit(X, y)._network) == bits
    return outcomes


def test_a_fit_without_enough_memory_says_how_much_and_changes_nothing():
    classifier(batch_size=60).fit(X, y)
    spares = range(0, 400 * MEGABYTE, 8 * MEGABYTE)
    # A new process, that finds the kernels compiled: what a compiler leaves behind is memory, too.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        *failures, last = pool.submit(fits_in_little_memory, spares).result(250)
    assert last is None
    for _, message in failures:
        assert re.search(r"Unable to allocate [\d.]+ [KMG]iB", message)
    epochs = {n for n, _ in failures}
    # Both before the first step, and in the middle of the training, where connections evolve.
    assert min(epochs) == 0 < max(epochs)


def growth_of(n_fits):
    """How much memory fits in a loop leave behind."""

    def fit_once(i):
        model = classifier(
            hidden_layer_sizes=(2000, 500), epsilon=20, batch_size=16, n_jobs=1 + i % 2,
            early_stopping=i % 3 == 0,
        )  # fmt: skip
        model.fit(X, y).predict(X)

    for i in range(12):
        fit_once(i)
    gc.collect()
    before = memory_in_use()
    for i in range(n_fits):
        fit_once(i)
    gc.collect()
    return memory_in_use() - before


def fit_kind(kind):
    """Fit an estimator of one of the kinds."""
    return KINDS[kind]().fit(X, targets_for(kind, y))


FITS = {
    **{kind: partial(fit_kind, kind) for kind in KINDS},
    "stream": lambda: small().partial_fit(X, y, classes=[0, 1]),
    "early stopping": lambda: small(early_stopping=True).fit(X, y),
    "averaging": lambda: small(averaging="ema").fit(X, y),
    "pilots": lambda: TrulySparseMLPRegressor((5,), random_state=0).fit(X, X[:, 0]),
    "ensemble": lambda: TrulySparseMLPEnsembleClassifier(small(), n_estimators=2).fit(X, y),
    "selector": lambda: SparseMLPFeatureSelector(small(), k=3, n_networks=2).fit(X, y),
    "autoencoder": lambda: SparseAutoencoderSelector(k=3, max_iter=2).fit(X),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_no_training_outlives_its_fit_in_a_cycle(fit):
    """Its memory would be kept until Python looks for cycles, which may be many fits later."""
    assert not trainings_left_by(fit)


@pytest.mark.parametrize(
    ("n_fits", "limit"),
    [(30, 10 * MEGABYTE), pytest.param(200, 20 * MEGABYTE, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_fits_in_a_loop_leave_nothing_behind(n_fits, limit):
    growth = in_a_process(growth_of, n_fits)
    print(f"{n_fits} fits grew by {growth / MEGABYTE:.1f} MB")
    assert growth < limit
