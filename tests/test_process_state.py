"""A fit and a prediction leave the process as it was, in the main thread and in others.

With ``random_state=None`` they draw from NumPy's global generator, as scikit-learn does: not here.
"""

import contextlib
import decimal
import faulthandler
import gc
import locale
import logging
import os
import pickle
import random
import signal
import socket
import sys
import threading
import tracemalloc
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import threadpoolctl
from estimators import points, small

from sksparse_mlp import SparseAutoencoderSelector, SparseMLPFeatureSelector
from sksparse_mlp._estimator import fitting

pytestmark = pytest.mark.timeout(120)
X, y = points()


def descriptors():
    """Files and sockets that are open, where the system lists them."""
    with contextlib.suppress(OSError):
        return sorted(os.listdir("/proc/self/fd"))
    return []


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def repr_of(thing):
    """What a thing is, not where it lies."""
    return repr(thing).split(" at 0x")[0]


# What a process, or a thread, has once, and anybody could change.
STATES = {
    "signal handlers": lambda: {
        number: signal.getsignal(number) for number in signal.valid_signals()
    },
    "alarm": lambda: signal.getitimer(signal.ITIMER_REAL) if os.name == "posix" else None,
    "threads of linear algebra": lambda: [
        (pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()
    ],
    "floating-point errors": np.geterr,
    "call at floating-point errors": np.geterrcall,
    "printing of arrays": np.get_printoptions,
    "filters of warnings": lambda: list(warnings.filters),
    "display of warnings": lambda: (warnings.showwarning, warnings.formatwarning),
    "random numbers of NumPy": lambda: pickle.dumps(np.random.get_state()),  # noqa: NPY002
    "random numbers of Python": random.getstate,
    "environment": lambda: dict(os.environ),
    "locale": lambda: locale.setlocale(locale.LC_ALL),
    "directory": os.getcwd,
    "mask of permissions": umask,
    "module path": lambda: list(sys.path),
    "hooks of imports": lambda: (list(sys.meta_path), list(sys.path_hooks)),
    "recursion limit": sys.getrecursionlimit,
    "switch interval": sys.getswitchinterval,
    "tracing": lambda: (sys.gettrace(), threading.gettrace()),
    "profiling": lambda: (sys.getprofile(), threading.getprofile()),
    "hooks of errors": lambda: (sys.excepthook, sys.unraisablehook, threading.excepthook),
    "streams": lambda: (sys.stdin, sys.stdout, sys.stderr),
    "stack of threads": threading.stack_size,
    "threads": lambda: {thread.ident for thread in threading.enumerate()},
    "collection of garbage": lambda: (gc.isenabled(), gc.get_threshold(), list(gc.callbacks)),
    "tracing of memory": tracemalloc.is_tracing,
    "tracebacks of crashes": faulthandler.is_enabled,
    "logging": lambda: (logging.root.level, list(logging.root.handlers)),
    "decimals": lambda: repr(decimal.getcontext()),
    "timeout of sockets": socket.getdefaulttimeout,
    "configuration of scikit-learn": sklearn.get_config,
    "backend of joblib": lambda: [*map(repr_of, joblib.parallel.get_active_backend())],
    "open files": descriptors,
}  # fmt: skip


def state():
    return {name: look() for name, look in STATES.items()}


def differences(before, after):
    return [name for name in before if before[name] != after[name]]


def then_used(fit):
    """A fit, and whatever the model then does."""

    def fit_and_use(**more):
        model = fit(**more)
        for method in ("predict_proba", "transform"):
            if hasattr(model, method):
                getattr(model, method)(X)

    return fit_and_use


JOBS = {
    "fit": then_used(lambda: small(skip_connections="fitted", n_jobs=2).fit(X, y)),
    "fit with validation": then_used(
        lambda: small(
            skip_connections="fitted", n_jobs=2, early_stopping=True, scoring="f1_macro"
        ).fit(X, y)
    ),
    "partial fit": then_used(lambda: small().partial_fit(X, y, classes=np.unique(y))),
    "autoencoder": then_used(
        lambda: SparseAutoencoderSelector(3, max_iter=2, random_state=0).fit(X)
    ),
    "selector": then_used(
        lambda: SparseMLPFeatureSelector(small(), k=2, n_networks=2, method="gradient").fit(X, y)
    ),
}


def fail():
    """A fit that fails in its midst."""

    def score(estimator, X, y):
        raise ZeroDivisionError

    with contextlib.suppress(ZeroDivisionError):
        small(early_stopping=True, scoring=score, n_jobs=2).fit(X, y)


def press_ctrl_c():
    """A fit that Ctrl-C interrupts, where it can."""

    def score(estimator, X, y):
        signal.raise_signal(signal.SIGINT)
        return 0.0

    model = small(early_stopping=True, scoring=score)
    with contextlib.suppress(KeyboardInterrupt), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        model.fit(X, y)


@pytest.fixture(autouse=True)
def all_is_loaded(monkeypatch):
    """What the first fit of a process imports and compiles changes more than a fit does."""
    monkeypatch.setattr(fitting, "WORK_PER_THREAD", 1)
    for job in JOBS.values():
        job()


@pytest.mark.parametrize("job", [*JOBS.values(), fail], ids=[*JOBS, "failure"])
def test_the_main_thread_finds_all_as_it_was(job):
    before = state()
    job()
    assert differences(before, state()) == []


def test_an_interrupted_fit_leaves_all_as_it_was(usual_ctrl_c):
    before = state()
    press_ctrl_c()
    assert differences(before, state()) == []


@pytest.mark.parametrize("job", [*JOBS.values(), fail], ids=[*JOBS, "failure"])
def test_another_thread_finds_all_as_it_was(job):
    found = []

    def run():
        before = state()
        job()
        found.append(differences(before, state()))

    before = state()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [[]]
    assert differences(before, state()) == []


# What a fit changes in its own thread for the time it takes, or in the handling of Ctrl-C.
OWN = {"threads", "open files", "signal handlers", "configuration of scikit-learn"}


@pytest.mark.parametrize("in_main_thread", [True, False])
def test_another_thread_sees_no_change_in_the_midst_of_a_fit(in_main_thread):
    seen = []

    def look():
        thread = threading.Thread(target=lambda: seen.append(state()))
        thread.start()
        thread.join()

    def score(estimator, X, y):
        look()
        return 0.0

    model = small(early_stopping=True, scoring=score, max_iter=2, n_jobs=2)
    look()
    if in_main_thread:
        model.fit(X, y)
    else:
        thread = threading.Thread(target=model.fit, args=(X, y))
        thread.start()
        thread.join()
    first, *others = seen
    assert len(others) == 2
    assert {name for other in others for name in differences(first, other)} <= OWN


@contextlib.contextmanager
def other_filters():
    """Changes the filters of warnings for a while."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("floating-point errors", lambda: np.errstate(all="print")),
        ("filters of warnings", other_filters),
        ("directory", lambda: contextlib.chdir("/")),
        ("configuration of scikit-learn", lambda: sklearn.config_context(assume_finite=True)),
    ],
)
def test_a_change_would_be_seen(name, change):
    before = state()
    with change():
        found = differences(before, state())
    assert found == [name]
