"""The same values and the same random_state give the same bits, whatever else is different."""

import os
import subprocess
import sys
from functools import partial
from hashlib import sha256

import numpy as np
import pytest
from builders import bits_of
from estimators import small
from scipy import sparse

from sksparse_mlp._estimator import fitting

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
# Float32 holds these numbers exactly, as does every other type that is tried.
X = np.where(RNG.random((70, 30)) < 0.4, RNG.integers(-30, 31, (70, 30)), 0).astype(np.float64)
y = RNG.integers(3, size=70)
CASES = {
    "adam, mini-batches, noise": {"solver": "adam", "input_noise": 0.5, "batch_size": 16},
    "sgd, full batches, dropout": {
        "solver": "sgd",
        "dropout": 0.3,
        "input_dropout": 0.2,
        "batch_size": 70,
    },
    "early stopping, SReLU": {
        "solver": "adam",
        "early_stopping": True,
        "activation": "srelu",
        "batch_size": 7,
    },
}


classifier = partial(
    small, hidden_layer_sizes=(60, 20), epsilon=8, learning_rate_init=0.01, weight_init_gain=0.3,
    max_iter=4, random_state=3,
)  # fmt: skip


def result_of(changes, X=X, y=y):
    """All bits of a model, and those of what it predicts."""
    model = classifier(**changes).fit(X, y)
    return (*bits_of(model._network), model.predict_proba(X).tobytes())


def with_gaps(X):
    return np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


FORMS = {
    "columns first": np.asfortranarray,
    "with gaps": with_gaps,
    "backwards": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "float32": lambda X: X.astype(np.float32),
    "float32, columns first": lambda X: np.asfortranarray(X.astype(np.float32)),
    "float16": lambda X: X.astype(np.float16),
    "int8": lambda X: X.astype(np.int8),
    "int64": lambda X: X.astype(np.int64),
    "big-endian": lambda X: X.astype(">f8"),
    "CSR": sparse.csr_array,
    "CSR matrix": sparse.csr_matrix,
    "CSR float32": lambda X: sparse.csr_array(X.astype(np.float32)),
    "CSR int16": lambda X: sparse.csr_array(X.astype(np.int16)),
    "CSC": sparse.csc_array,
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    """Parameters, and what they give for float64 in C order, with one thread."""
    return request.param, result_of(request.param)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_values_in_any_form(case, form):
    changes, expected = case
    assert result_of(changes, form(X)) == expected


@pytest.mark.parametrize("n_jobs", [2, 3, 7, -1])
def test_any_number_of_threads(case, n_jobs, monkeypatch):
    changes, expected = case
    monkeypatch.setattr(fitting, "WORK_PER_THREAD", 1)
    assert result_of({**changes, "n_jobs": n_jobs}) == expected


def test_the_same_fit_again(case):
    changes, expected = case
    assert result_of(changes) == expected


def test_any_way_to_give_the_random_state(case):
    changes, expected = case
    assert result_of({**changes, "random_state": np.random.RandomState(3)}) == expected
    assert result_of({**changes, "random_state": np.int64(3)}) == expected
    assert result_of({**changes, "random_state": 4}) != expected


def test_without_a_random_state_every_fit_is_another():
    assert result_of({"random_state": None}) != result_of({"random_state": None})


def test_without_a_random_state_the_global_one_decides():
    results = []
    for _ in range(2):
        np.random.seed(5)  # noqa: NPY002
        results.append(result_of({"random_state": None}))
    assert results[0] == results[1]


def test_a_RandomState_that_is_shared_goes_on():
    shared = np.random.RandomState(3)
    assert result_of({"random_state": shared}) != result_of({"random_state": shared})


def test_labels_of_any_kind():
    numbers = classifier().fit(X, y)
    names = classifier().fit(X, np.array(["x", "y", "z"])[y])
    assert bits_of(names._network) == bits_of(numbers._network)


def digest_of_all_cases():
    digest = sha256()
    for changes in CASES.values():
        for part in result_of(changes):
            digest.update(part)
    return digest.hexdigest()


def test_processes_of_their_own():
    code = "import test_determinism as t; print(t.digest_of_all_cases(), end='')"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=os.path.dirname(__file__),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    found = [process.communicate(timeout=250)[0] for process in processes]
    assert found == 2 * [digest_of_all_cases()]
