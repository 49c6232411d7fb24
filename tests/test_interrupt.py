"""Ctrl-C: a real signal to a real process."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")

HERE = Path(__file__).parent
PRELUDE = """
import numpy as np, signal, warnings
from functools import partial
from estimators import small
# A parent that runs in the background may have us ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
X, y = rng.normal(size=(200, 500)).astype(np.float32), rng.integers(0, 3, 200)
# With so many samples in a mini-batch, no fit wants kernels of its own.
network = partial(small, hidden_layer_sizes=(200,), epsilon=20, batch_size=32,
                  learning_rate="constant", learning_rate_init=1e-4, n_iter_no_change=10**6)
network(max_iter=1, learning_rate="cosine").fit(X, y)
model = network(max_iter=10**6)
print("ready", flush=True)
"""


def started(body):
    """A process that runs a script, and has said "ready"."""
    script = PRELUDE + textwrap.dedent(body)
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=HERE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def interrupted(body, after=1.0):
    """Run a script, press Ctrl-C some time after it said "ready"; returns output and delay."""
    process = started(body)
    time.sleep(after)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    return output.split(), time.monotonic() - pressed


FIT_AND_REPORT = """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
    except KeyboardInterrupt:
        told = any("interrupted" in str(w.message) for w in caught)
        finite = np.isfinite(model.predict_proba(X)).all()
        print(model.n_iter_, len(model.loss_curve_), told, finite)
"""


def test_leaves_the_model_of_the_last_full_epoch_with_a_warning():
    (n_iter, n_losses, told, finite), _ = interrupted(FIT_AND_REPORT)
    assert (int(n_iter) >= 1, n_iter == n_losses, told, finite) == (True, True, "True", "True")


def test_stops_soon():
    _, delay = interrupted(FIT_AND_REPORT)
    assert delay < 10


MILLION = """
    from sksparse_mlp import TrulySparseMLPClassifier
    big = rng.standard_normal((512, 54675), dtype=np.float32)
    labels = rng.integers(18, size=512)
    model = TrulySparseMLPClassifier((500_000, 500_000), random_state=0)
    model.set_params(hidden_layer_sizes=(50, 50), max_iter=2).fit(big, labels)
    model.set_params(hidden_layer_sizes=(500_000, 500_000), max_iter=10)
    print("trains", flush=True)
    try:
        model.fit(big, labels)
    except KeyboardInterrupt:
        print(model.__sklearn_is_fitted__())
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [2, 5, 10, 20, 40])
def test_stops_within_two_seconds_in_an_epoch_of_a_million_neurons(after):
    """Whether it is being initialised, in its first epoch, a single step, or a later one."""
    process = started(MILLION)
    assert process.stdout.readline() == "trains\n"
    time.sleep(after)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline()
    delay = time.monotonic() - pressed
    process.kill()
    process.communicate()
    print(f"pressed after {after} s, heard after {delay:.2f} s, a model is left: {said}")
    assert said in ("True\n", "False\n")
    assert delay < 2


def test_before_the_first_epoch_the_estimator_stays_unfitted():
    body = """
        model.set_params(hidden_layer_sizes=(20000, 20000), epsilon=100, batch_size=1)
        try:
            model.fit(X, y)
        except KeyboardInterrupt:
            print(model.__sklearn_is_fitted__(), hasattr(model, "classes_"))
    """
    output, _ = interrupted(body, after=0.5)
    assert output == ["False", "False"]


def test_a_second_fit_is_not_disturbed():
    body = (
        FIT_AND_REPORT
        + """
        again = network(max_iter=2, learning_rate="cosine").fit(X, y)
        print(again.n_iter_)
    """
    )
    output, _ = interrupted(body)
    assert output[-1] == "2"


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it():
    body = """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        again = network(max_iter=300, learning_rate="cosine", tol=0.0).fit(X, y)
        print(again.n_iter_, signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
    """
    output, _ = interrupted(body, after=0.5)
    assert output == ["300", "True"]


# ---------------------------------------------------------------- while kernels are compiled

COMPILE = """
    import time
    from sksparse_mlp._kernels.steps import predict_batch, train_steps
    from sksparse_mlp._network import lanes
    for kernel in (predict_batch, train_steps):
        kernel._cache.disable()
    lanes.WORTH_COMPILING = -1.0  # any fit is worth kernels for its own batch size
    print("compiles", flush=True)
    try:
        {call}
    except KeyboardInterrupt:
        print("heard", flush=True)
    {call}
    print("done", flush=True)
"""
PREDICT = "network(max_iter=1, learning_rate='cosine').fit(X, y).predict(X)"
FIT = "network(max_iter=1, learning_rate='cosine', batch_size=9).fit(X, y)"


@pytest.mark.parametrize(
    ("call", "after"),
    [
        (PREDICT, 0.5),
        *[pytest.param(FIT, after, marks=pytest.mark.slow) for after in (0.2, 0.5, 1, 2, 3, 4, 5)],
    ],
)
def test_ctrl_c_is_heard_while_a_kernel_is_compiled_and_nothing_is_broken(call, after):
    """Whether Numba infers types or LLVM optimises, which no signal ends."""
    process = started(COMPILE.format(call=call))
    assert process.stdout.readline() == "compiles\n"
    time.sleep(after)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline()
    delay = time.monotonic() - pressed
    print(f"pressed after {after} s, heard after {delay:.2f} s")
    output, _ = process.communicate(timeout=100)
    assert (said, output, process.returncode) == ("heard\n", "done\n", 0)
    assert delay < 2


def test_a_script_that_ctrl_c_ends_while_a_kernel_is_compiled_ends_in_order():
    body = f"""
        from sksparse_mlp._kernels.steps import predict_batch
        predict_batch._cache.disable()
        print("compiles", flush=True)
        {PREDICT}
    """
    process = started(body)
    assert process.stdout.readline() == "compiles\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=100)
    # 1 where code that Numba executes meanwhile makes Python forget what ended it.
    assert process.returncode in (1, -signal.SIGINT)
