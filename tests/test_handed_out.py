"""Whatever a fitted estimator hands out, no change in place reaches the model."""

import pickle
from contextlib import suppress

import joblib
import numpy as np
import pandas
import pytest
from estimators import points, small, small_regressor, small_survival, targets_for
from scipy import sparse

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPEnsembleClassifier,
)

X, Y = points(n_samples=48)
FRAME = pandas.DataFrame(X, columns=[f"gene {j}" for j in range(X.shape[1])])

ESTIMATORS = {
    "classifier": lambda: small(max_iter=2, early_stopping=True, skip_connections="fitted"),
    "regressor": lambda: small_regressor(max_iter=2, early_stopping=True),
    "survival": lambda: small_survival(max_iter=2, early_stopping=True),
    "without hidden layers": lambda: small(hidden_layer_sizes=(), max_iter=2),
    "full layers": lambda: small(density=1.0, epsilon=None, max_iter=2),
    "supervised": lambda: SparseMLPFeatureSelector(small(max_iter=2), n_networks=2),
    "ensemble": lambda: TrulySparseMLPEnsembleClassifier(
        small(max_iter=2), n_estimators=20, bootstrap=True, oob_score=True
    ),
    "autoencoder": lambda: SparseAutoencoderSelector(8, epsilon=2, max_iter=2, random_state=0),
}


def as_fitted(model, path):
    return model


def through_pickle(model, path):
    return pickle.loads(pickle.dumps(model))


def mapped(model, path):
    joblib.dump(model, path / "model.joblib")
    return joblib.load(path / "model.joblib", mmap_mode="r")


@pytest.fixture(params=[as_fitted, through_pickle, mapped], ids=lambda way: way.__name__)
def way(request):
    return request.param


@pytest.fixture(params=ESTIMATORS)
def estimator(request, way, tmp_path):
    y = targets_for(request.param, Y)
    return way(ESTIMATORS[request.param]().fit(FRAME, y), tmp_path)


def fitted_attributes(estimator):
    names = [name for name in dir(estimator) if name.endswith("_") and not name.startswith("_")]
    return {name: getattr(estimator, name) for name in names if hasattr(estimator, name)}


def containers_in(value):
    """All that can be changed in place: arrays, lists and dicts, at any depth."""
    if isinstance(value, (np.ndarray, list, dict)) or sparse.issparse(value):
        yield value
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from containers_in(part)
    elif isinstance(value, dict):
        yield from containers_in(list(value.values()))
    elif sparse.issparse(value):
        yield from containers_in([value.data, value.indices, value.indptr])


def attempts_at(container):
    """Ways to change it in place."""
    if isinstance(container, np.ndarray):
        return [lambda: container.fill(container.flat[-1]), lambda: container[::-1].sort()]
    if sparse.issparse(container):
        return [
            lambda: container.data.fill(0),
            container.eliminate_zeros,
            lambda: container.__imul__(2),
            lambda: container.resize((1, 1)),
            lambda: container.T.eliminate_zeros(),
        ]
    return [container.clear]


def image_of(estimator):
    """All that there is to it, and all that it says."""
    return pickle.dumps([estimator, fitted_attributes(estimator)])


def test_no_change_in_place_reaches_the_model(estimator):
    before = image_of(estimator)
    for name, value in fitted_attributes(estimator).items():
        for container in containers_in(value):
            for attempt in attempts_at(container):
                with suppress(ValueError):  # of an array that is read-only
                    attempt()
                assert image_of(estimator) == before, name


def test_arrays_are_views_that_cannot_be_written_to():
    """No memory is taken, and whoever writes hears of it."""
    model = ESTIMATORS["classifier"]().fit(X, Y)
    arrays = model._network.arrays
    for layer, intercepts in zip(model.coefs_, model.intercepts_, strict=True):
        assert np.shares_memory(layer.data, arrays.weights)
        assert np.shares_memory(intercepts, arrays.intercepts)
        for array in (layer.data, layer.indices, layer.indptr, intercepts):
            with pytest.raises(ValueError, match="read-only"):
                array[:1] = 0
    for array in (model.skip_coef_.data, model.classes_):
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = array[:1]


OPERATIONS = {
    "toarray": lambda w: w.toarray(),
    "matrix product": lambda w: np.ones((2, w.shape[0]), np.float32) @ w,
    "sparse product": lambda w: w.T @ w,
    "transpose": lambda w: w.T.tocsr(),
    "abs": abs,
    "negative": lambda w: -w,
    "sum": lambda w: w.sum(axis=0),
    "rows": lambda w: w[2:5],
    "columns": lambda w: w[:, [1, 0]],
    "element": lambda w: w[0, 0],
    "comparison": lambda w: w > 0.1,
    "to CSC": lambda w: w.tocsc(),
    "to COO": lambda w: w.tocoo(),
    "non-zeros": lambda w: np.array(w.nonzero()),
    "maximum": lambda w: w.max(axis=1),
    "scaled": lambda w: 2 * w,
    "added": lambda w: w + w,
    "powers": lambda w: w.power(2),
    "stacked": lambda w: sparse.vstack([w, w]),
    "float64": lambda w: w.astype(np.float64),
}


def dense(value):
    return value.toarray() if sparse.issparse(value) else np.asarray(value)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_arithmetic_with_weights_works_as_ever(operation, way, tmp_path):
    model = way(ESTIMATORS["classifier"]().fit(X, Y), tmp_path)
    for weights in model.coefs_:
        own = sparse.csr_array(weights.toarray())
        compute = OPERATIONS[operation]
        np.testing.assert_array_equal(dense(compute(weights)), dense(compute(own)))


def test_a_copy_of_the_weights_can_be_changed(way, tmp_path):
    copy = way(ESTIMATORS["classifier"]().fit(X, Y), tmp_path).coefs_[0].copy()
    copy.data[0] = 0
    n_stored = copy.nnz
    copy.eliminate_zeros()
    assert copy.nnz < n_stored


def test_labels_given_to_a_stream_may_be_changed_later():
    classes = np.unique(Y)
    model = small().partial_fit(X, Y, classes=classes)
    before = model.classes_.copy()
    classes[:] = "none"
    np.testing.assert_array_equal(model.classes_, before)


def test_scores_may_be_replaced_as_a_whole():
    selector = ESTIMATORS["supervised"]().set_params(k=1).fit(X, Y)
    selector.scores_ = np.arange(X.shape[1], dtype=float)
    assert selector.get_support(indices=True).tolist() == [X.shape[1] - 1]


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_what_is_not_fitted_hands_out_nothing(make):
    assert fitted_attributes(make()) == {}


def test_a_fit_without_names_forgets_those_of_the_last_fit():
    model = small(max_iter=1).fit(FRAME, Y)
    assert not hasattr(model.fit(X, Y), "feature_names_in_")
