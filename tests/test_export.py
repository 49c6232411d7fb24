"""Converting to scikit-learn's network."""

import doctest
import sys

import numpy as np
import pandas as pd
import pytest
from estimators import indicators, numbers, small, small_regressor, small_survival, times
from fitted import trained
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
    export,
)
from sksparse_mlp.export import (
    ACTIVATIONS,
    register_onnx_converters,
    to_mlp_classifier,
    to_mlp_regressor,
)


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three classes"])
def exported(request):
    model, X, _ = trained(n_classes=request.param)
    return model, to_mlp_classifier(model), X


def test_the_result_is_scikit_learns(exported):
    assert type(exported[1]) is MLPClassifier


def test_predictions_are_the_same(exported):
    model, dense, X = exported
    np.testing.assert_array_equal(dense.predict(X), model.predict(X))


def test_probabilities_are_the_same(exported):
    model, dense, X = exported
    np.testing.assert_allclose(dense.predict_proba(X), model.predict_proba(X), atol=1e-5)


def test_the_result_says_how_training_went(exported):
    model, dense, _ = exported
    assert dense.loss_curve_ == model.loss_curve_


def test_the_result_can_be_cloned_and_trained_anew(exported):
    _, dense, X = exported
    twin = clone(dense).set_params(max_iter=300, tol=1.0, random_state=0)
    twin.fit(X, np.arange(len(X)) % 2)
    assert [w.shape[0] for w in twin.coefs_] == [w.shape[0] for w in dense.coefs_]


def test_the_result_can_be_trained_further():
    model, X, y = trained()
    dense = to_mlp_classifier(model)
    before = dense.loss_
    for _ in range(20):
        dense.partial_fit(X, y)
    assert dense.loss_ < before


def test_the_result_is_independent():
    model, X, _ = trained()
    before = model.predict_proba(X)
    dense = to_mlp_classifier(model)
    for weights in [*dense.coefs_, *dense.intercepts_]:
        weights += 1
    dense.loss_curve_.clear()
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert len(model.loss_curve_) == model.n_iter_


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    model, X, _ = trained(activation=activation)
    dense = to_mlp_classifier(model)
    np.testing.assert_allclose(dense.predict_proba(X), model.predict_proba(X), atol=1e-5)


def test_what_is_set_after_the_fit_changes_nothing():
    model, X, _ = trained(activation="relu")
    dense = to_mlp_classifier(model.set_params(activation="tanh"))
    assert dense.activation == "relu"
    np.testing.assert_allclose(dense.predict_proba(X), model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("activation", ["all_relu", "leaky_relu", "srelu"])
def test_activations_that_scikit_learn_lacks_are_refused(activation):
    model, *_ = trained(activation=activation, max_iter=1)
    with pytest.raises(ValueError, match=f"activation='{activation}'.*allowed are 'relu', 'tanh'"):
        to_mlp_classifier(model)


def test_labels_may_be_words():
    model, X, y = trained()
    model.fit(X, np.array(["ALL", "AML", "CLL"])[y])
    np.testing.assert_array_equal(to_mlp_classifier(model).predict(X), model.predict(X))


def test_feature_names_are_kept():
    model, X, y = trained()
    X = pd.DataFrame(X, columns=[f"gene {j}" for j in range(X.shape[1])])
    model.fit(X, y)
    assert list(to_mlp_classifier(model).feature_names_in_) == list(X.columns)


def test_more_memory_than_allowed_is_not_taken():
    model, *_ = trained()
    with pytest.raises(
        ValueError, match=r"2,400 bytes, more than max_bytes=2,399: raise max_bytes"
    ):
        to_mlp_classifier(model, max_bytes=2399)


@pytest.mark.parametrize(("activation", "n_neurons"), [("relu", 6), ("identity", 3)])
def test_the_neurons_of_a_skip_layer_take_memory_too(activation, n_neurons):
    """They lie beside those of both hidden layers, 12 and 8."""
    model, *_ = trained(skip_connections="fitted", activation=activation)
    first, second = 12 + n_neurons, 8 + n_neurons
    needed = 4 * (40 * first + first * second + second * 3)
    assert sum(weights.nbytes for weights in to_mlp_classifier(model, max_bytes=needed).coefs_) == (
        needed
    )
    with pytest.raises(ValueError, match=f"{needed:,} bytes, more than max_bytes={needed - 1:,}"):
        to_mlp_classifier(model, max_bytes=needed - 1)


def test_an_unfitted_classifier_is_refused():
    with pytest.raises(NotFittedError):
        to_mlp_classifier(TrulySparseMLPClassifier())


def test_a_pipeline_is_refused():
    model, X, y = trained()
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    with pytest.raises(TypeError, match=r"without the pipeline.*got Pipeline"):
        to_mlp_classifier(pipeline)


def test_a_pipeline_works_with_the_result_in_it():
    model, X, y = trained()
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    expected = pipeline.predict_proba(X)
    pipeline.steps[-1] = ("dense", to_mlp_classifier(pipeline[-1]))
    np.testing.assert_allclose(pipeline.predict_proba(X), expected, atol=1e-5)


# ---------------------------------------------------------------- ONNX


@pytest.fixture(scope="module")
def to_onnx():
    """Convert with skl2onnx, which knows the estimators."""
    skl2onnx = pytest.importorskip("skl2onnx")
    register_onnx_converters()
    return lambda model, X: skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})


def run_onnx(onnx, X):
    """Labels and probabilities."""
    session = pytest.importorskip("onnxruntime").InferenceSession(onnx.SerializeToString())
    return session.run(None, {"X": X})


def test_onnx_of_the_result_makes_the_same_predictions(exported, to_onnx):
    model, dense, X = exported
    X = X.astype(np.float32)
    _, probabilities = run_onnx(to_onnx(dense, X), X)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("words", [False, True], ids=["numbers", "words"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_onnx_of_a_pipeline_makes_the_same_predictions(n_classes, dtype, words, to_onnx):
    network, X, y = trained(n_classes=n_classes, skip_connections="fitted")
    X, y = X.astype(dtype), np.array(["ALL", "AML", "CLL"])[y] if words else y
    model = make_pipeline(StandardScaler(), network).fit(X, y)
    labels, probabilities = run_onnx(to_onnx(model, X), X)
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), (12, 8)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_onnx_of_a_network(activation, hidden_layer_sizes, to_onnx):
    model, X, _ = trained(activation=activation, hidden_layer_sizes=hidden_layer_sizes)
    X = X.astype(np.float32)
    _, probabilities = run_onnx(to_onnx(model, X), X)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-5)


def test_onnx_of_an_activation_that_scikit_learn_lacks_is_refused(to_onnx):
    network, X, y = trained(activation="srelu", max_iter=1)
    model = make_pipeline(StandardScaler(), network).fit(X, y)
    with pytest.raises(ValueError, match="activation='srelu', which scikit-learn lacks"):
        to_onnx(model, X)


def test_onnx_of_several_targets_is_refused():
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    X, y = numbers()
    model = small_regressor().fit(X, np.column_stack((y, -y)))
    register_onnx_converters()
    with pytest.raises(ValueError, match="n_outputs_=2 targets a sample is not possible"):
        to_onnx(model, X[:1])


@pytest.mark.parametrize("largest", [2**40, -(2**31)])
def test_onnx_of_labels_that_it_would_change_is_refused(largest, to_onnx):
    model, X, y = trained()
    model.fit(X, np.where(y == 1, largest, y))
    with pytest.raises(ValueError, match=f"keeps no class label beyond .* holds {largest:,}"):
        to_onnx(model, X)


def test_onnx_takes_no_more_memory_than_allowed(to_onnx):
    model, X, _ = trained()
    register_onnx_converters(max_bytes=2399)
    with pytest.raises(ValueError, match="more than max_bytes=2,399"):
        to_onnx(model, X)
    register_onnx_converters()
    assert to_onnx(model, X).ByteSize() > 2400


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("selector", [SparseMLPFeatureSelector, SparseAutoencoderSelector])
def test_onnx_of_a_pipeline_with_a_selector(selector, first, k, to_onnx):
    """Also of one that selects the first feature alone."""
    network, X, y = trained()
    X = X.astype(np.float32)
    model = make_pipeline(fitted_selector(selector, X, first, k), network)
    model[-1].fit(model[0].transform(X), y)
    _, probabilities = run_onnx(to_onnx(model, X), X)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-5)


def fitted_selector(selector, X, first, k):
    """A selector of this feature and the next ones, as if it had been fitted."""
    selector = selector(k=k)
    selector.n_features_in_ = X.shape[1]
    selector.scores_ = (np.arange(X.shape[1]) >= first).astype(float)
    return selector


def test_onnx_of_a_selector_of_nothing_is_refused(to_onnx):
    _, X, _ = trained(max_iter=1)
    selector = fitted_selector(SparseMLPFeatureSelector, X, 0, 1)
    selector.set_params(k=None, threshold=2.0)
    with pytest.raises(ValueError, match=r"threshold=2\.0\) selects no feature"):
        to_onnx(selector, X)


def test_onnx_without_skl2onnx_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"needs skl2onnx: pip install 'sksparse-mlp\[onnx\]'"):
        register_onnx_converters()


def test_examples_in_the_documentation():
    pytest.importorskip("skl2onnx")
    assert doctest.testmod(export).failed == 0


# ---------------------------------------------------------------- labels and numbers


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("skip", ["fitted", None])
def test_several_labels_a_sample_keep_a_probability_each(n_labels, skip):
    X, y = indicators(n_labels=n_labels)
    model = small(skip_connections=skip, temperature=2.0).fit(X, y)
    dense = to_mlp_classifier(model)
    np.testing.assert_allclose(dense.predict_proba(X), model.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(dense.predict(X), model.predict(X))


@pytest.mark.parametrize("skip", ["fitted", None])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_a_regressor_predicts_the_same(n_targets, skip):
    X, y = numbers()
    y = y if n_targets == 1 else np.column_stack((y, -y))
    model = small_regressor(skip_connections=skip).fit(X, y)
    dense = to_mlp_regressor(model)
    np.testing.assert_allclose(dense.predict(X), model.predict(X), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("skip", ["fitted", None])
def test_of_a_survival_model_the_risks_are_left(skip):
    X, y = times()
    model = small_survival(skip_connections=skip).fit(X, y)
    np.testing.assert_allclose(to_mlp_regressor(model).predict(X), model.predict(X), atol=1e-5)
    with pytest.raises(NotFittedError):
        to_mlp_regressor(small_survival())


def test_a_network_of_another_kind_is_an_error_that_names_what_is_wanted():
    X, y = numbers()
    regressor, classifier = small_regressor().fit(X, y), small().fit(X, y > 100)
    with pytest.raises(TypeError, match="must be a fitted TrulySparseMLPClassifier"):
        to_mlp_classifier(regressor)
    with pytest.raises(TypeError, match="must be a fitted TrulySparseMLPRegressor"):
        to_mlp_regressor(classifier)


@pytest.mark.parametrize(("make", "data"), [(small_regressor, numbers), (small_survival, times)])
def test_onnx_of_numbers(make, data):
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    session = pytest.importorskip("onnxruntime").InferenceSession
    X, y = data()
    model = make(skip_connections="fitted").fit(X, y)
    register_onnx_converters()
    run = session(to_onnx(model, X[:1]).SerializeToString(), providers=["CPUExecutionProvider"])
    found = run.run(None, {run.get_inputs()[0].name: X})[0]
    np.testing.assert_allclose(found.ravel(), model.predict(X), rtol=1e-4, atol=1e-4)


def test_onnx_of_several_labels_is_refused():
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    X, y = indicators()
    register_onnx_converters()
    with pytest.raises(ValueError, match="several labels a sample is not possible"):
        to_onnx(small().fit(X, y), X[:1])
