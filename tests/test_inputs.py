"""X as users have it: tables with text, dates and gaps, masks, and inputs nobody has scaled."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import points, small, small_regressor, small_survival, targets_for
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPEnsembleClassifier,
    TrulySparseMLPEnsembleRegressor,
)
from sksparse_mlp._estimator.unscaled import warn_if_unscaled
from sksparse_mlp._training.data import TrainingData

X, Y = points(n_samples=48)
X = np.ascontiguousarray(X[:, :3])
NAN = float("nan")
FITTED = small(max_iter=1).fit(X, Y)

pytestmark = pytest.mark.filterwarnings("ignore:X has feature names")


def ways_to_give(bad):
    """Each call that takes X."""
    classes = np.unique(Y)
    return {
        "fit": lambda: small().fit(bad, Y),
        "partial_fit": lambda: small().partial_fit(bad, Y, classes=classes),
        "X_val": lambda: small().fit(X, Y, X_val=bad, y_val=Y),
        "predict": lambda: FITTED.predict(bad),
        "supervised selector": lambda: SparseMLPFeatureSelector(small()).fit(bad, Y),
        "autoencoder": lambda: SparseAutoencoderSelector(9).fit(bad),
    }


WAYS = list(ways_to_give(X))


def table(**columns):
    """X as a frame with some columns replaced."""
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], **columns})


TEXT = ["red", "green", "blue"] * 16


def with_text(dtype):
    values = X.astype(str).astype(dtype)
    values[3, 1] = "red"
    return values


def polars_frame(**columns):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]} | columns)


NOT_NUMBERS = {
    "category": (lambda: table(b=pd.Categorical(TEXT)), "'b'.*float: 'red'"),
    "text": (lambda: table(b=TEXT), "'b'.*float: 'red'"),
    "pandas strings": (lambda: table(b=pd.array(TEXT, dtype="string")), "'b'.*float: 'red'"),
    "text and gaps": (lambda: table(a=NAN, b=TEXT), "'b'.*float: 'red'"),
    "categories all over": (
        lambda: pd.DataFrame(dict.fromkeys("abc", pd.Categorical(TEXT))),
        "'a'.*float: 'red'",
    ),
    "dates": (lambda: table(c=pd.date_range("2020", periods=48)), "'c'.*datetime64"),
    "dates all over": (
        lambda: pd.DataFrame(dict.fromkeys("abc", pd.date_range("2020", periods=48))),
        "'a'.*datetime64",
    ),
    "periods": (lambda: table(c=pd.period_range("2020", periods=48)), "'c'.*not 'Period'"),
    "same names": (
        lambda: table(b=TEXT).set_axis(["a", "a", "c"], axis=1), "'a'.*float: 'red'",
    ),
    "polars text": (
        lambda: polars_frame(b=TEXT),
        "'b'.*float: 'red'",
    ),
    "polars lists": (
        lambda: polars_frame(b=X[:, :2].tolist()),
        "'b'.*can be converted",
    ),
    "objects": (lambda: with_text(object), "1.*float: 'red'"),
    "strings": (lambda: with_text(str), "0.*written as strings"),
    "bytes": (lambda: X.astype("S"), "0.*written as strings"),
    "lists": (lambda: with_text(object).tolist(), "0.*written as strings|1.*float: 'red'"),
    "variable strings": (lambda: with_text(np.dtypes.StringDType()), "0.*written as strings"),
    "dates in an array": (lambda: np.full(X.shape, "2020", "M8[D]"), "0.*datetime64"),
    "dicts": (lambda: np.where([[0, 1, 0]], {"x": 1}, X), "1.*real number, not 'dict'"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("make", "message"), NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_what_is_no_number_is_an_error_that_names_the_column(make, message, way):
    call = ways_to_give(make())[way]
    with pytest.raises(ValueError, match=f"X must hold numbers, and its column {message}"):
        call()


NUMBERS = {
    "categories of numbers": lambda: table(b=pd.Categorical([1, 2, 3] * 16)),
    "booleans": lambda: table(b=[True, False] * 24),
    "nullable": lambda: table(b=pd.array([1, 2, 3] * 16, dtype="Int64")),
    "objects": lambda: table(b=np.array([1, 2, 3] * 16, dtype=object)),
    "polars": polars_frame,
}


@pytest.mark.parametrize("make", NUMBERS.values(), ids=NUMBERS)
def test_what_can_be_converted_is(make):
    given = make()
    expected = np.column_stack([np.asarray(given[name], np.float64) for name in "abc"])
    model, other = small().fit(given, Y), small().fit(expected, Y)
    assert_array_equal(model.predict_proba(given), other.predict_proba(expected))


# ---------------------------------------------------------------- gaps

GAPS = {
    "NaN": lambda: np.where(np.arange(3) == 1, NAN, X),
    "None": lambda: table(b=np.array([None, 1] * 24, dtype=object)),
    "pandas.NA": lambda: table(b=np.array([pd.NA, 1] * 24, dtype=object)),
    "nullable": lambda: table(b=pd.array([None, 1] * 24, dtype="Int64")),
    "category": lambda: table(b=pd.Categorical([None, 1] * 24)),
    "the text nan": lambda: table(b=pd.Categorical(["nan", "1"] * 24)),
    "polars": lambda: polars_frame(b=[None, 1.0] * 24),
    "sparse": lambda: sparse.csr_array(np.where(np.arange(3) == 1, NAN, X)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", GAPS.values(), ids=GAPS)
def test_a_gap_is_an_error_that_names_the_imputer(make, way):
    pipeline = r"make_pipeline\(SimpleImputer\(\), StandardScaler\(\), \w+\(\)\)"
    call = ways_to_give(make())[way]
    with pytest.raises(ValueError, match=rf"X contains NaN(.|\n)*{pipeline}"):
        call()


def test_the_pipeline_that_the_error_names_works():
    model = make_pipeline(SimpleImputer(), StandardScaler(), small())
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, NAN, X)
    assert np.isfinite(model.fit(gaps, Y).predict_proba(gaps)).all()


ESTIMATORS = {
    "classifier": small(),
    "regressor": small_regressor(),
    "survival": small_survival(),
    "ensemble of classifiers": TrulySparseMLPEnsembleClassifier(small(), n_estimators=2),
    "ensemble of regressors": TrulySparseMLPEnsembleRegressor(small_regressor(), n_estimators=2),
    "selector": SparseMLPFeatureSelector(small(), k=2, n_networks=1),
    "autoencoder": SparseAutoencoderSelector(k=2, max_iter=1),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_estimator_names_a_pipeline_with_an_imputer_that_works(kind):
    estimator, y = clone(ESTIMATORS[kind]), targets_for(kind, np.arange(len(X)) % 2)
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, NAN, X)
    pipeline = f"make_pipeline(SimpleImputer(), StandardScaler(), {type(estimator).__name__}())"
    model = make_pipeline(SimpleImputer(), StandardScaler(), estimator)
    with pytest.raises(ValueError, match=f"X contains NaN(.|\n)*{re.escape(pipeline)}"):
        estimator.fit(gaps, y)
    model.fit(gaps, y)
    applied = "predict" if hasattr(model, "predict") else "transform"
    assert np.isfinite(getattr(model, applied)(gaps)).all()
    with pytest.raises(ValueError, match=f"X contains NaN(.|\n)*{re.escape(pipeline)}"):
        getattr(estimator, applied)(gaps)


# ---------------------------------------------------------------- masks


def masked(values, n_masked=1):
    return np.ma.array(values, mask=np.arange(np.size(values)).reshape(np.shape(values)) < n_masked)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("container", [np.asanyarray, list], ids=["array", "list of rows"])
def test_a_masked_X_is_an_error(container, way):
    call = ways_to_give(container(masked(X)))[way]
    with pytest.raises(ValueError, match=r"X is a masked array with masked values"):
        call()


def test_a_sparse_matrix_of_masked_values_is_an_error():
    matrix = sparse.csr_array(X)
    matrix.data = masked(matrix.data)
    with pytest.raises(ValueError, match="X is a masked array"):
        small().fit(matrix, Y)


@pytest.mark.parametrize("name", ["sample_weight", "sample_weight_val"])
def test_masked_weights_are_an_error(name):
    with pytest.raises(ValueError, match=f"{name} is a masked array"):
        small().fit(X, Y, X_val=X, y_val=Y, **{name: masked(np.ones(48))})


def test_a_mask_that_masks_nothing_is_no_error():
    model = small().fit(masked(X, 0), Y, masked(np.ones(48), 0))
    assert_array_equal(model.predict_proba(X), small().fit(X, Y).predict_proba(X))


# ---------------------------------------------------------------- not scaled

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(5, size=(48, 200))
FAR = "Most inputs in X are far from zero.*StandardScaler"


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, pd.DataFrame])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("batch_size", ["auto", 16])
def test_inputs_far_from_zero_are_told(batch_size, sign, container):
    with pytest.warns(UserWarning, match=FAR) as caught:
        small(batch_size=batch_size).fit(container(X + sign * 1e4), Y)
    assert caught[0].filename == __file__


def test_a_stream_of_inputs_far_from_zero_is_told():
    with pytest.warns(UserWarning, match=FAR) as caught:
        small().partial_fit(X + 1e4, Y, classes=np.unique(Y))
    assert caught[0].filename == __file__


WITH_ONE = {
    "far": X + [0, 1e4, 0],
    "on another scale": np.column_stack((X[:, 0], 1e4 * X[:, 1], RNG.normal(size=(48, 100)))),
    "constant": np.column_stack((X[:, 0], np.full(48, 1e3), X[:, 1])),
    "a year": np.column_stack((X[:, 0], RNG.integers(2005, 2025, 48), X[:, 1])),
    "the only one that is no count": sparse.csr_array(
        np.column_stack((RNG.poisson(0.1, 48), np.full(48, 500), RNG.poisson(0.1, (48, 200))))
    ),
    "of many": np.column_stack((X[:, 0], np.full(48, -1e3), RNG.normal(size=(48, 3000)))),
}


@pytest.mark.parametrize("inputs", WITH_ONE.values(), ids=WITH_ONE)
def test_one_input_of_large_numbers_is_told_by_its_number(inputs):
    with pytest.warns(
        UserWarning, match="Input 1 of X holds much larger.*StandardScaler"
    ) as caught:
        small().fit(inputs, Y)
    assert caught[0].filename == __file__


APART = r"vary on very different scales: a tenth of them by less than 0\.0\d+,.*StandardScaler"


def test_inputs_on_very_different_scales_are_told():
    table, labels = load_breast_cancer(return_X_y=True)
    with pytest.warns(UserWarning, match=APART) as caught:
        small().fit(table[:200], labels[:200])
    assert caught[0].filename == __file__


@pytest.mark.parametrize("unit", [1e-12, 1e18])
def test_inputs_in_a_unit_beyond_float32_are_told(unit):
    with pytest.warns(UserWarning, match="squares of such numbers are beyond float32") as caught:
        small(learning_rate_scaling="fan_in").fit(np.float64(X) * unit, Y)
    assert caught[0].filename == __file__


WELL_SCALED = {
    "in a small unit": X * np.float32(1e-8),
    "standardised": X,
    "counts": COUNTS,
    "sparse counts": sparse.csr_array(RNG.poisson(0.1, size=(48, 200))),
    "TF-IDF": TfidfTransformer().fit_transform(COUNTS),
    "images": load_digits().data[:48] * 16,
    "iris": load_iris().data[::3][:48],
    "a table": load_wine().data[::3][:48, :12],  # its last column is far from zero
    "constant": np.full((48, 4), 0.1),
    "zero": np.zeros((48, 4)),
    "few samples": X[:7] + 1e4,
    "gene expression": RNG.normal(8, 1, size=(48, 200)),
    "as scikit-learn checks": RNG.normal(100, 1, size=(48, 3)),
}


@pytest.mark.parametrize("inputs", WELL_SCALED.values(), ids=WELL_SCALED)
def test_other_inputs_are_not_told(inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().fit(inputs, Y[: inputs.shape[0]])


def test_only_a_part_of_X_is_looked_at():
    looked_at = []

    class Watched(np.ndarray):
        def __getitem__(self, key):
            part = np.asarray(super().__getitem__(key))
            looked_at.append(part.size)
            return part

    whole = RNG.random((2000, 3000)).view(Watched)
    warn_if_unscaled(TrainingData(whole, np.arange(2000), None, None), stacklevel=2)
    assert sum(looked_at) == 64 * 1024 + 8 * 3000
