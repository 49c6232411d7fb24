"""CSR matrices: read where they are, safe from whatever another thread does to them meanwhile."""

import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pytest
from builders import make_network, predict
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp._estimator import csr
from sksparse_mlp._estimator.csr import readable_csr
from sksparse_mlp._network.x_view import dense_block

SHAPE = (40, 30)


def random_csr(dtype=np.float64, density=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random(SHAPE) < density, rng.normal(size=SHAPE), 0)
    return sparse.csr_array(X.astype(dtype))


def of_arrays(data, indices, indptr, shape=SHAPE):
    """A matrix of these very arrays, which nobody has looked at."""
    matrix = sparse.csr_array(shape)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix


def rows_backwards(X):
    order = np.concatenate(
        [np.arange(*ends)[::-1] for ends in zip(X.indptr[:-1], X.indptr[1:], strict=True)]
    )
    return of_arrays(X.data[order], X.indices[order], X.indptr, X.shape)


# ---------------------------------------------------------------- held, not copied


def validated(X):
    return TrulySparseMLPClassifier()._validate_X(X, reset=True)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, bool])
def test_validation_holds_the_very_values_and_indices(dtype, container):
    X = container(random_csr(dtype))
    read = validated(X)
    assert (read.data is X.data, read.indices is X.indices) == (True, True)
    assert type(read) is type(X)


def test_an_unsorted_matrix_is_held_as_well():
    X = rows_backwards(random_csr())
    read = validated(X)
    assert (read.data is X.data, read.indices is X.indices) == (True, True)


@pytest.mark.parametrize("order", [lambda X: X, rows_backwards], ids=["sorted", "unsorted"])
def test_validation_of_a_large_matrix_allocates_next_to_nothing(order, monkeypatch):
    monkeypatch.setattr(csr, "BLOCK", 2**12)
    rng = np.random.default_rng(0)
    X = order(sparse.csr_array(rng.random((1000, 600)).astype(np.float32)))
    tracemalloc.start()
    try:
        validated(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.2 * (X.data.nbytes + X.indices.nbytes)


def test_the_row_pointers_are_copied():
    X = random_csr()
    assert not np.shares_memory(validated(X).indptr, X.indptr)


# ---------------------------------------------------------------- changed by another thread


def test_another_threads_new_arrays_change_nothing():
    X = random_csr()
    network, read, expected = make_network((30, 8, 3)), validated(X), X.copy()
    X.indptr[:] = 10**9
    X.data, X.indices = np.zeros(1), np.zeros(1, np.int32)
    assert_array_equal(predict(network, read), predict(network, expected))


@given(indices=st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(0, 29), min_size=1))
def test_kernels_leave_out_indices_that_are_out_of_bounds(indices):
    X, network = random_csr(), make_network((30, 8, 3))
    read = validated(X)
    X.indices[:] = np.resize(np.array(indices), X.indices.size)
    expected = np.zeros(SHAPE)
    for row, (start, stop) in enumerate(zip(X.indptr[:-1], X.indptr[1:], strict=True)):
        for column, value in zip(X.indices[start:stop], X.data[start:stop], strict=True):
            if 0 <= column < 30:
                expected[row, column] += np.float32(value)
    found = predict(network, read)
    np.testing.assert_allclose(found, predict(network, expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("column", [-1, 30, 2**31 - 1])
def test_nothing_is_made_dense_whose_indices_are_out_of_bounds(column):
    block = random_csr()[:4]
    block.indices[-1] = column
    with pytest.raises(ValueError, match="X was changed while it was read"):
        dense_block(block)


FITS_WHILE_X_CHANGES = """
    import threading, time, warnings
    import numpy as np
    from scipy import sparse
    from sksparse_mlp import TrulySparseMLPClassifier

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3

    def stored_twice(n):
        rows, columns = rng.integers(60, size=n), rng.integers(40, size=n)
        order = np.argsort(rows, kind="stable")
        indptr = np.searchsorted(rows[order], np.arange(61)).astype(np.int32)
        return rng.normal(size=n), columns[order].astype(np.int32), indptr

    few, many = (stored_twice(n) for n in (200, 2_000_000))
    X = sparse.csr_array((60, 40))
    X.data, X.indices, X.indptr = (array.copy() for array in few)
    done = time.monotonic() + 3

    def change():
        while time.monotonic() < done:
            X.data, X.indices = many[:2]
            X.indptr[:] = many[2]
            time.sleep(1e-3)
            X.indptr[:] = few[2]
            X.data, X.indices = (array.copy() for array in few[:2])
            time.sleep(1e-3)
            vars(X).pop("_has_canonical_format", None)
            vars(X).pop("_has_sorted_indices", None)
            X.sum_duplicates()

    changing = threading.Thread(target=change)
    changing.start()
    model = TrulySparseMLPClassifier(9, max_iter=3, batch_size=8, random_state=0)
    finished = 0
    while time.monotonic() < done:
        try:
            model.fit(X, y).predict(X)
            finished += 1
        except ValueError:  # X was looked at between two changes
            pass
    changing.join()
    print(finished)
"""


def test_a_fit_survives_a_thread_that_changes_X():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FITS_WHILE_X_CHANGES)],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


# ---------------------------------------------------------------- stored twice

BLURRED = [1e8, 1.0, -1e8, 0.5]  # 1.5, and 0.5 in float32
ROWS, COLUMNS = np.repeat([0, 3], 4), np.repeat([7, 2], 4)


def several_times(dtype):
    values = np.tile(BLURRED, 2).astype(dtype)
    X = sparse.csr_array((values, COLUMNS, np.array([0, 4, 4, 4, 8])), shape=(4, 9))
    return {"csr": X, "coo": sparse.coo_array((values, (ROWS, COLUMNS)), shape=(4, 9)),
            "csc": sparse.csc_array((values[::-1], ROWS[::-1], [0, 0, 0, 4, 4, 4, 4, 4, 8, 8]),
                                    shape=(4, 9)),
            "bsr": sparse.bsr_array((values[:, None, None], X.indices, X.indptr),
                                    shape=(4, 9))}  # fmt: skip


@pytest.mark.parametrize("kind", ["csr", "coo", "csc", "bsr"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_stored_several_times_are_summed_in_float64(dtype, kind):
    X = several_times(dtype)[kind]
    expected = np.zeros((4, 9))
    expected[0, 7] = expected[3, 2] = 1.5
    assert_array_equal(validated(X).toarray(), expected)


@pytest.mark.parametrize("kind", ["csr", "coo"])
def test_integers_stored_several_times_do_not_wrap_around(kind):
    values = np.full(8, 100, np.int8)
    X = several_times(np.float32)["csr"]
    X = sparse.csr_array((values, X.indices, X.indptr), shape=X.shape)
    X = X if kind == "csr" else sparse.coo_array((values, (ROWS, COLUMNS)), shape=X.shape)
    assert validated(X).toarray().max() == 400


def test_a_sum_beyond_float32_is_an_error():
    X = sparse.csr_array((np.float32([3e38, 3e38]), [1, 1], [0, 2]), shape=(1, 3))
    with pytest.raises(ValueError, match=r"6e\+38, beyond the range of float32"):
        validated(X)


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=12))
def test_duplicates_are_found_wherever_they_are(rows):
    indices = np.array([column for row in rows for column in row], np.int32)
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    X = of_arrays(np.ones(indices.size), indices, indptr, (len(rows), 10))
    has_duplicates = any(len(set(row)) < len(row) for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csr, "BLOCK", 5)
        assert (readable_csr(X).data is X.data) != has_duplicates


# ---------------------------------------------------------------- types that SciPy cannot slice


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float16, ">f4", ">f8"])
def test_rare_types_of_values_mean_the_same(dtype):
    usual = random_csr()
    usual.data = usual.data.astype(np.float16).astype(np.float32)
    X, y = of_arrays(usual.data.astype(dtype), usual.indices, usual.indptr), np.arange(40) % 2
    model, expected = (
        TrulySparseMLPClassifier(9, max_iter=2, random_state=0).fit(x, y) for x in (X, usual)
    )
    assert_array_equal(model.predict_proba(X), expected.predict_proba(usual))
