"""The classifier inside everything that scikit-learn builds around classifiers."""

import pickle
from functools import partial

import joblib
import numpy as np
import pytest
from estimators import small
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_validate,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

# It learns the data below in a moment.
classifier = partial(
    small, hidden_layer_sizes=(20,), epsilon=6, max_iter=30, learning_rate_init=0.2
)


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(120, 12, n_informative=6, n_classes=3, class_sep=2.0, random_state=0)
    return X.astype(np.float32), np.array(["ALL", "AML", "CLL"])[y]


META_ESTIMATORS = {
    "pipeline": lambda: make_pipeline(StandardScaler(), classifier()),
    "calibrated": lambda: CalibratedClassifierCV(classifier(), cv=3),
    "bagging": lambda: BaggingClassifier(classifier(), n_estimators=3, random_state=0),
    "voting": lambda: VotingClassifier(
        [("sparse", classifier()), ("linear", LogisticRegression())], voting="soft"
    ),
    "stacking": lambda: StackingClassifier(
        [("sparse", classifier()), ("linear", LogisticRegression())], cv=3
    ),
    "one vs rest": lambda: OneVsRestClassifier(classifier()),
}


@pytest.mark.parametrize("name", META_ESTIMATORS)
def test_learns_inside(name, data):
    X, y = data
    model = META_ESTIMATORS[name]().fit(X[:90], y[:90])
    assert model.score(X[90:], y[90:]) > 0.7


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_in_parallel_finds_what_it_finds_alone(backend, data):
    X, y = data
    grid = {"zeta": [0.1, 0.5], "epsilon": [2, 5]}
    alone = GridSearchCV(classifier(max_iter=5), grid, cv=2).fit(X, y)
    with joblib.parallel_config(backend, n_jobs=2):
        together = GridSearchCV(classifier(max_iter=5), grid, cv=2).fit(X, y)
    scores = "mean_test_score"
    assert np.array_equal(together.cv_results_[scores], alone.cv_results_[scores])


def test_halving_search_over_epochs(data):
    search = HalvingGridSearchCV(
        classifier(), {"zeta": [0.1, 0.3, 0.5]}, resource="max_iter", min_resources=4,
        max_resources=12, cv=2, random_state=0,
    )  # fmt: skip
    assert search.fit(*data).best_estimator_.n_iter_ == 12


def test_cross_validate_returns_usable_estimators(data):
    X, y = data
    result = cross_validate(classifier(), X, y, cv=3, return_estimator=True)
    assert all(model.predict(X).shape == y.shape for model in result["estimator"])


def test_validation_data_is_transformed_on_its_way_through_a_pipeline(data):
    X, y = data
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    with config_context(enable_metadata_routing=True):
        network = classifier(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipe = Pipeline(
            [("scale", StandardScaler()), ("network", network)], transform_input=["X_val"]
        )
        pipe.fit(train, y_train, X_val=test, y_val=y_test)
    scaled = StandardScaler().fit(train).transform(test)
    expected = pipe[-1].score(scaled, y_test)
    assert pipe[-1].best_validation_score_ == pytest.approx(expected)


def test_permutation_importance_finds_the_informative_feature():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5))
    model = classifier().fit(X, X[:, 3] > 0)
    result = permutation_importance(model, X, X[:, 3] > 0, n_repeats=3, random_state=0)
    assert result.importances_mean.argmax() == 3


def test_select_from_model(data):
    X, y = data
    selector = SelectFromModel(classifier(), max_features=4, threshold=-np.inf).fit(X, y)
    assert selector.transform(X).shape == (len(X), 4)


@pytest.mark.parametrize("again", [lambda m: pickle.loads(pickle.dumps(m)), "joblib"])
def test_round_trips_through_files_change_nothing(again, data, tmp_path):
    X, y = data
    model = classifier().fit(X, y)
    if again == "joblib":
        joblib.dump(model, tmp_path / "model.joblib")
        loaded = joblib.load(tmp_path / "model.joblib")
    else:
        loaded = again(model)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_clone_is_unfitted_and_trains_to_the_same_bits(data):
    X, y = data
    model = classifier().fit(X, y)
    assert np.array_equal(clone(model).fit(X, y).predict_proba(X), model.predict_proba(X))


def test_feature_names_of_a_frame_are_kept_and_checked(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=[f"gene {i}" for i in range(X.shape[1])])
    model = classifier().fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda X: X.astype(np.float64),
        sparse.csr_array,
        sparse.csr_matrix,
        lambda X: np.lib.stride_tricks.as_strided(X, X.shape, X.strides, writeable=False),
    ],
    ids=["Fortran order", "float64", "csr_array", "csr_matrix", "read-only"],
)
def test_the_same_values_give_the_same_bits(convert, data):
    X, y = data
    expected = classifier().fit(X, y).predict_proba(X)
    assert np.array_equal(classifier().fit(convert(X), y).predict_proba(convert(X)), expected)


def test_a_memory_mapped_matrix(data, tmp_path):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = classifier().fit(X, y).predict_proba(X)
    assert np.array_equal(classifier().fit(mapped, y).predict_proba(mapped), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, bool, np.float16])
def test_other_numbers_train_as_their_float32_do(dtype):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (60, 9)).astype(dtype), rng.integers(0, 2, 60)
    expected = classifier().fit(X.astype(np.float32), y).predict_proba(X.astype(np.float32))
    assert np.array_equal(classifier().fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize(
    "X",
    [
        np.arange(20.0).reshape(-1, 1),
        np.ones((20, 4)),
        np.column_stack([np.ones(20), np.arange(20.0)]),
    ],
    ids=["one feature", "constant features", "one constant feature"],
)
def test_poor_features(X):
    proba = classifier().fit(X, np.arange(20) % 2).predict_proba(X)
    assert np.isfinite(proba).all()


def test_one_sample_a_class():
    X = np.eye(4, dtype=np.float32)
    assert list(classifier(max_iter=100).fit(X, list("abcd")).predict(X)) == list("abcd")
