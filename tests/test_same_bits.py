"""A refactoring changes no bit: digests of fits, recorded for each kind of processor."""

import hashlib
import json
import platform
import sys
from pathlib import Path

import llvmlite
import numba
import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import scale

from sksparse_mlp import TrulySparseMLPClassifier

RECORD = Path(__file__).parent / "data" / "same_bits.json"


def kind_of_machine():
    """What may change a bit: the processor, and what compiles and adds up."""
    features = hashlib.sha256(
        llvmlite.binding.get_host_cpu_features().flatten().encode()
    ).hexdigest()
    return " ".join(
        (platform.machine(), llvmlite.binding.get_host_cpu_name(), features[:12],
         f"numba-{numba.__version__}", f"numpy-{np.__version__}")
    )  # fmt: skip


def digest(*arrays):
    """A hash of arrays and CSR matrices, bit for bit."""
    hasher = hashlib.sha256()
    for array in arrays:
        parts = (array.indptr, array.indices, array.data) if sparse.issparse(array) else (array,)
        for part in parts:
            part = np.ascontiguousarray(part)
            part = part.astype(np.int64) if part.dtype.kind == "i" else part
            hasher.update(repr((part.dtype.str, part.shape)).encode() + part.tobytes())
    return hasher.hexdigest()[:32]


def bits_of(model, X):
    return digest(*model.coefs_, *model.intercepts_, model.predict_proba(X), model.loss_curve_)


def dense_fit(X, y):
    model = TrulySparseMLPClassifier(200, max_iter=30, random_state=0)
    return bits_of(model.fit(X, y), X)


def sgd_fit(X, y):
    model = TrulySparseMLPClassifier(
        (60, 40), activation="srelu", solver="sgd", learning_rate_init=0.01, dropout=0.2,
        input_noise=0.1, batch_size=16, max_iter=4, early_stopping=True, random_state=1,
    )  # fmt: skip
    return bits_of(model.fit(X, y), X)


def csr_fit(X, y):
    X = sparse.csr_array(np.where(np.abs(X) > 1.5, X, 0))
    model = TrulySparseMLPClassifier((80, 30), max_iter=10, batch_size=32, random_state=2)
    return bits_of(model.fit(X, y), X)


def stream(X, y):
    model = TrulySparseMLPClassifier((50,), evolution="set", random_state=3)
    for start in range(0, len(y), 57):
        part = slice(start, start + 57)
        model.partial_fit(X[part], y[part], classes=np.unique(y))
    return bits_of(model, X)


FITS = (dense_fit, sgd_fit, csr_fit, stream)


def digests(X, y):
    X = scale(X.astype(np.float64))
    return {fit.__name__: fit(X, y) for fit in FITS}


def test_a_refactoring_changes_no_bit(microarray):
    recorded = json.loads(RECORD.read_text())
    if kind_of_machine() not in recorded:
        pytest.skip(f"no digests were recorded on {kind_of_machine()}")
    # Those that were changed on purpose are recorded anew only where such a machine is at hand.
    of_machine = recorded[kind_of_machine()]
    assert of_machine
    assert digests(*microarray("tox_171")).items() >= of_machine.items()


if __name__ == "__main__":
    with np.load(sys.argv[1]) as data:
        found = digests(data["X"], data["y"])
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    RECORD.write_text(json.dumps(recorded | {kind_of_machine(): found}, indent=1) + "\n")
