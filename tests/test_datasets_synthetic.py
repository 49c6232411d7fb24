"""Synthetic gene expression: what is promised of it holds in what is drawn."""

import doctest
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis

from sksparse_mlp.datasets import _synthetic, make_microarray


def test_make_microarray_shapes_and_types():
    X, y = make_microarray(30, 200, n_classes=3, random_state=0)
    assert X.shape == (30, 200) and X.dtype == np.float32 and X.flags.c_contiguous
    assert y.dtype == np.int64 and np.bincount(y).tolist() == [10, 10, 10]
    assert np.isfinite(X).all() and 6 < X.mean() < 10


@pytest.mark.parametrize("make_state", [lambda: 7, lambda: np.random.RandomState(7)])
def test_make_microarray_is_deterministic(make_state):
    X, y = make_microarray(random_state=make_state())
    X_again, y_again = make_microarray(random_state=make_state())
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, make_microarray(random_state=8)[0])


def test_bunch_holds_the_same_data():
    X, y = make_microarray(random_state=0)
    dataset = make_microarray(random_state=0, return_X_y=False)
    np.testing.assert_array_equal(dataset.data, X)
    np.testing.assert_array_equal(dataset.target, y)
    assert dataset.feature_names[:2] == ["gene_0", "gene_1"] and len(dataset.feature_names) == 2000
    assert np.bincount(dataset.modules).tolist() == [25] * 80
    assert np.bincount(dataset.batches).tolist() == [34, 33, 33]


def test_markers_fill_modules():
    dataset = make_microarray(random_state=0, return_X_y=False)
    assert dataset.informative.shape == (50,)
    assert (np.diff(dataset.informative) > 0).all()
    assert np.unique(dataset.modules[dataset.informative]).size == 2


def test_each_marker_shifts_one_class():
    dataset = make_microarray(
        600, 90, n_informative=30, n_classes=3, class_sep=2, noise=0, batch_effect=0,
        n_batches=1, return_X_y=False, random_state=0,
    )  # fmt: skip
    profiles = np.array([dataset.data[dataset.target == c][0] for c in range(3)], dtype=float)
    shifts = (profiles - np.median(profiles, axis=0)).round(4)
    assert np.flatnonzero(shifts.any(axis=0)).tolist() == dataset.informative.tolist()
    assert set(shifts[shifts != 0]) == {-2.0, 2.0}
    assert np.count_nonzero(shifts, axis=1).tolist() == [10, 10, 10]


def test_no_markers_no_difference():
    X, y = make_microarray(4000, 20, n_informative=0, module_size=5, random_state=0)
    difference = X[y == 0].mean(axis=0) - X[y == 1].mean(axis=0)
    assert np.abs(difference).max() < 0.2


def test_genes_of_a_module_are_correlated():
    dataset = make_microarray(
        3000, 60, n_informative=0, module_size=20, n_batches=1, return_X_y=False, random_state=0
    )
    correlation = np.abs(np.corrcoef(dataset.data.T))
    same = np.equal.outer(dataset.modules, dataset.modules) & ~np.eye(60, dtype=bool)
    other = np.not_equal.outer(dataset.modules, dataset.modules)
    assert 0.2 < correlation[same].mean() < 0.4
    assert correlation[same].max() < 0.55
    assert correlation[other].max() < 0.1


def test_batches_are_shifted():
    settings = {"n_informative": 0, "n_batches": 2, "noise": 0, "return_X_y": False}
    dataset = make_microarray(20, 5000, batch_effect=0.5, random_state=0, **settings)
    first, second = (dataset.data[dataset.batches == b][0] for b in range(2))
    assert np.std(first - second) == pytest.approx(0.5 * np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("df", "low", "high"), [(5.0, 1.5, 12.0), (float("inf"), -0.1, 0.1)])
def test_tails(df, low, high):
    X, _ = make_microarray(
        2000, 50, n_informative=0, module_correlation=0, n_batches=1, tail_df=df, random_state=0
    )
    assert low < np.median(kurtosis(X, axis=0)) < high
    assert np.median(X.std(axis=0)) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_noise_does_not_depend_on_the_modules(correlation):
    X, _ = make_microarray(
        2000, 50, n_informative=0, module_correlation=correlation, n_batches=1, random_state=0
    )
    assert np.median(X.std(axis=0)) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [([0.8, 0.1, 0.1], [80, 10, 10]), ([1, 1, 1], [34, 33, 33]), ((5, 2, 1), [63, 25, 12])],
)
def test_weights(weights, sizes):
    _, y = make_microarray(n_features=60, n_classes=3, weights=weights, random_state=0)
    assert np.bincount(y).tolist() == sizes


def test_memory_is_that_of_the_result():
    tracemalloc.start()
    try:
        X, _ = make_microarray(400, 20000, random_state=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.15 * X.nbytes


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    n_classes=st.integers(2, 6),
    more_samples=st.integers(0, 30),
    n_features=st.integers(1, 60),
    share=st.floats(0, 1),
    module_share=st.floats(0, 1),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_size(n_classes, more_samples, n_features, share, module_share, seed):
    dataset = make_microarray(
        n_classes + more_samples,
        n_features,
        n_classes=n_classes,
        n_informative=int(share * n_features),
        module_size=1 + int(module_share * (n_features - 1)),
        n_batches=2,
        return_X_y=False,
        random_state=seed,
    )
    assert dataset.data.shape == (n_classes + more_samples, n_features)
    assert np.isfinite(dataset.data).all()
    assert np.unique(dataset.target).tolist() == list(range(n_classes))
    assert len(set(dataset.informative)) == int(share * n_features)


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("n_samples", 1, r"an integer in \[2, inf\)"),
        ("n_samples", 10.0, r"an integer in \[2, inf\)"),
        ("n_features", 0, r"an integer in \[1, inf\)"),
        ("n_informative", 101, r"an integer in \[0, 100\]"),
        ("n_classes", 1, r"an integer in \[2, inf\)"),
        ("module_size", 0, r"an integer in \[1, 100\]"),
        ("module_size", 101, r"an integer in \[1, 100\]"),
        ("n_batches", 41, r"an integer in \[1, 40\]"),
        ("class_sep", -1, r"a number in \[0, inf\)"),
        ("class_sep", "far", r"a number in \[0, inf\)"),
        ("module_correlation", 1.5, r"a number in \[0, 1\]"),
        ("batch_effect", float("inf"), r"a number in \[0, inf\)"),
        ("noise", float("nan"), r"a number in \[0, inf\)"),
        ("tail_df", 2, r"a number in \(2, inf\]"),
        ("weights", [1.0], "2 positive numbers"),
        ("weights", [1.0, 0.0], "2 positive numbers"),
        ("weights", [1.0, 0.001], "leave class 1 without any of n_samples=40"),
    ],
)
def test_make_parameters_are_checked(parameter, value, allowed):
    parameters = {"n_samples": 40, "n_features": 100} | {parameter: value}
    with pytest.raises(ValueError, match=f"{parameter}={re.escape(repr(value))} .*{allowed}"):
        make_microarray(**parameters)


def test_examples_in_the_documentation():
    assert doctest.testmod(_synthetic).failed == 0
