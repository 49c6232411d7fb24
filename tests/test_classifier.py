"""Fitting, predicting and going on with TrulySparseMLPClassifier."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import points, same_bits, small
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import balanced_accuracy_score, log_loss

from sksparse_mlp import TrulySparseMLPClassifier

X, Y = points()
CLASSES = ["ALL", "AML", "CLL"]


@pytest.fixture(scope="module")
def fitted():
    return small(max_iter=20, zeta=0.1).fit(X, Y)


# ---------------------------------------------------------------- fitted attributes


def test_attributes_of_a_fitted_network(fitted):
    assert list(fitted.classes_) == CLASSES
    assert (fitted.n_features_in_, fitted.n_layers_, fitted.n_outputs_) == (10, 4, 3)
    assert fitted.out_activation_ == "softmax"
    assert (fitted.n_iter_, fitted.t_) == (20, 20 * 96)
    assert [matrix.shape for matrix in fitted.coefs_] == [(10, 12), (12, 8), (8, 3)]
    assert [vector.shape for vector in fitted.intercepts_] == [(12,), (8,), (3,)]
    assert [matrix.nnz for matrix in fitted.coefs_] == list(fitted.n_connections_)
    assert all(isinstance(matrix, sparse.csr_array) for matrix in fitted.coefs_)
    assert {array.dtype for array in fitted.coefs_ + fitted.intercepts_} == {np.dtype("float32")}


def test_losses(fitted):
    assert fitted.loss_curve_ == fitted.history_["loss"]
    assert fitted.loss_ == fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    assert fitted.best_loss_ == min(fitted.loss_curve_)
    assert fitted.validation_scores_ is fitted.best_validation_score_ is None


def test_the_loss_is_that_of_the_network_before_each_step():
    model = small(max_iter=2, batch_size=96, learning_rate_init=1e-9, evolution=None).fit(X, Y)
    assert model.loss_ == pytest.approx(log_loss(Y, model.predict_proba(X)), rel=1e-5)


@pytest.mark.parametrize(
    "attribute", ["coefs_", "intercepts_", "n_connections_", "feature_importances_", "classes_"]
)
def test_an_unfitted_estimator_has_no_fitted_attributes(attribute):
    assert not hasattr(small(), attribute)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "decision_function", "hidden_activations"]
)
def test_an_unfitted_estimator_predicts_nothing(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(small(), method)(X)


@pytest.mark.parametrize("skip", ["fitted", None])
def test_importances_are_slopes_of_the_steeper_way_times_the_spread(skip):
    model = small(skip_connections=skip).fit(X, Y)
    (W0, W1, W2), (b0, b1, _) = [W.toarray() for W in model.coefs_], model.intercepts_
    z0 = X @ W0 + b0
    z1 = np.maximum(z0, 0) @ W1 + b1
    slopes = np.einsum("ij,nj,jk,nk,kc->nic", W0, z0 > 0, W1, z1 > 0, W2)
    ways = [slopes] if skip is None else [slopes, 0 * slopes + model.skip_coef_.toarray()]
    ways = [way - way.mean(axis=2, keepdims=True) for way in ways]
    classes = np.searchsorted(model.classes_, Y)
    of_class = [np.abs(way[np.arange(len(Y)), :, classes]) for way in ways]
    moved = np.max(of_class, axis=0).mean(axis=0) * X.std(axis=0)
    assert_allclose(model.feature_importances_, moved / moved.sum(), rtol=1e-3)


def test_importances_of_inputs_that_do_not_vary_are_equal():
    model = small().fit(np.ones_like(X), Y)
    assert_allclose(model.feature_importances_, np.full(10, 0.1))


def test_the_html_representation_explains_the_parameters(fitted):
    assert "sksparse-mlp" in fitted._get_doc_link()
    assert "hidden_layer_sizes" in fitted._repr_html_()


# ---------------------------------------------------------------- predictions


def by_hand(model, X, n_layers):
    """Activations of a ReLU network, with SciPy."""
    for matrix, intercepts in list(zip(model.coefs_, model.intercepts_, strict=True))[:n_layers]:
        X = np.maximum(X @ matrix + intercepts, 0)
    return X


@pytest.mark.parametrize(("layer", "n_layers"), [(0, 1), (1, 2), (-1, 2), (-2, 1)])
def test_hidden_activations(fitted, layer, n_layers):
    activations = fitted.hidden_activations(X, layer)
    assert activations.dtype == np.float32
    assert_allclose(activations, by_hand(fitted, X, n_layers), rtol=1e-4, atol=1e-5)


def test_logits_are_those_of_the_weights(fitted):
    logits = by_hand(fitted, X, 2) @ fitted.coefs_[2] + fitted.intercepts_[2]
    assert_allclose(fitted.decision_function(X), logits, rtol=1e-4, atol=1e-4)


def test_a_temperature_divides_the_logits(fitted):
    warm = clone(fitted).set_params(temperature=3.0).fit(X, Y)
    assert_allclose(warm.decision_function(X), fitted.decision_function(X) / 3, rtol=1e-12)
    assert_allclose(
        warm.predict_log_proba(X), log_softmax(fitted.decision_function(X) / 3, axis=1), rtol=1e-12
    )


def test_the_most_probable_class_is_predicted(fitted):
    expected = fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]
    assert np.array_equal(fitted.predict(X), expected)
    assert fitted.score(X, Y) == np.mean(fitted.predict(X) == Y)


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "hidden_activations"])
def test_what_a_sample_is_predicted_depends_on_that_sample_only(fitted, method):
    predict = getattr(fitted, method)
    order = np.random.default_rng(0).permutation(len(X))
    together = predict(X)
    assert np.array_equal(predict(X[order]), together[order])
    assert np.array_equal(np.concatenate([predict(sample[None]) for sample in X]), together)


def test_log_probabilities_stay_finite_where_probabilities_do_not(fitted):
    log_proba = fitted.predict_log_proba(1e4 * X)
    assert np.isfinite(log_proba).all()
    assert log_proba.min() < -800


@pytest.mark.parametrize(
    "labels", [[3, 7], [0.0, 1.0], [False, True], ["b", "a"], np.array(["x", "y"], object)], ids=str
)
def test_labels_come_back_as_they_were(labels):
    y = np.asarray(labels)[np.arange(len(X)) % 2]
    model = small(max_iter=1).fit(X, y)
    assert list(model.classes_) == sorted(labels)
    assert model.predict(X).dtype == model.classes_.dtype == y.dtype


def test_lists_are_data():
    model = small(max_iter=1).fit(X.tolist(), Y.tolist())
    assert same_bits(model, small(max_iter=1).fit(X.astype(float), Y))
    assert model.predict(X.tolist()).shape == Y.shape


# ---------------------------------------------------------------- weights


def test_balanced_class_weights_undo_an_imbalance():
    y = np.where(np.arange(len(X)) < 8, "rare", "frequent")
    plain = small(max_iter=30).fit(X, y)
    balanced = small(max_iter=30, class_weight="balanced").fit(X, y)
    by_hand = small(max_iter=30, class_weight={"rare": 88 / 8}).fit(X, y)
    assert np.sum(balanced.predict(X) == "rare") > np.sum(plain.predict(X) == "rare")
    assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-3)


def test_class_weights_multiply_sample_weights():
    weight = np.linspace(0.5, 2, len(X))
    product = weight * np.where(Y == "AML", 3.0, 1.0)
    model = small(class_weight={"AML": 3.0}).fit(X, Y, weight)
    assert same_bits(model, small().fit(X, Y, product))


def test_samples_without_weight_are_as_good_as_absent():
    kept = np.arange(len(X)) % 3 > 0
    assert same_bits(small().fit(X, Y, kept.astype(float)), small().fit(X[kept], Y[kept]))


def test_in_one_batch_repeating_samples_is_weighting_them():
    repeats = 1 + np.arange(len(X)) % 3
    batch = {"batch_size": 1000}
    repeated = small(**batch).fit(np.repeat(X, repeats, axis=0), np.repeat(Y, repeats))
    assert same_bits(repeated, small(**batch).fit(X, Y, repeats))


def test_a_weight_below_the_precision_of_float32_is_none():
    weight = np.where(Y == "ALL", 1e-8, 1.0)
    kept = Y != "ALL"
    model = small(class_weight={"ALL": 1e-8}).fit(X, Y)
    assert same_bits(model, small().fit(X, Y, weight))
    assert model.t_ == 5 * kept.sum()


# ---------------------------------------------------------------- validation samples


def held_out():
    return (X[:64], Y[:64]), {"X_val": X[64:], "y_val": Y[64:]}


def test_early_stopping_returns_the_best_epoch():
    train, validation = held_out()
    model = small(early_stopping=True, learning_rate_init=0.5, max_iter=30)
    model.fit(*train, **validation)
    losses = model.history_["validation_loss"]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1
    assert log_loss(Y[64:], model.predict_proba(X[64:])) == pytest.approx(losses[best], rel=1e-6)
    assert model.best_validation_score_ == model.validation_scores_[best]
    assert model.best_epoch_ == best + 1
    assert model.best_loss_ is None


def test_what_is_returned_is_what_training_for_so_many_epochs_gives():
    train, validation = held_out()
    rates = {"learning_rate": "constant", "learning_rate_init": 0.5, "max_iter": 30}
    model = small(early_stopping=True, n_iter_no_change=5, **rates).fit(*train, **validation)
    best = int(np.argmin(model.history_["validation_loss"]))
    again = small(early_stopping=True, **rates | {"max_iter": best + 1})
    with pytest.warns(match="were not enough"):
        again.fit(*train, **validation)
    assert same_bits(model, again)


def test_by_a_scoring_the_best_epoch_is_that_of_the_best_score():
    model = small(early_stopping=True, scoring="balanced_accuracy").fit(X, Y)
    assert model.best_epoch_ == 1 + int(np.argmax(model.validation_scores_))


def test_without_early_stopping_there_is_no_best_epoch():
    assert small().fit(X, Y).best_epoch_ is None


def test_early_stopping_sets_samples_of_each_class_apart():
    model = small(early_stopping=True, validation_fraction=0.25).fit(X, Y)
    counts = np.unique(Y, return_counts=True)[1]
    assert model.t_ == 5 * (len(Y) - sum(round(0.25 * n) for n in counts))


def test_early_stopping_leaves_a_sample_of_each_class_to_train_on():
    y = np.r_[["rare"], ["frequent"] * 95]
    model = small(early_stopping=True, validation_fraction=0.9).fit(X, y)
    assert list(model.classes_) == ["frequent", "rare"]


def test_validation_samples_alone_are_for_looking_only():
    train, validation = held_out()
    watched = small().fit(*train, **validation)
    assert same_bits(watched, small().fit(*train))
    assert len(watched.history_["validation_loss"]) == watched.n_iter_
    assert watched.validation_scores_ == watched.history_["validation_score"]
    assert watched.validation_scores_[-1] == watched.score(X[64:], Y[64:])


def test_validation_samples_have_weights():
    train, validation = held_out()
    weight = np.arange(32.0)
    model = small().fit(*train, **validation, sample_weight_val=weight)
    expected = log_loss(Y[64:], model.predict_proba(X[64:]), sample_weight=weight)
    assert model.history_["validation_loss"][-1] == pytest.approx(expected, rel=1e-6)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[64:], Y[64:], weight))


@pytest.mark.parametrize(
    "scoring",
    ["balanced_accuracy", lambda model, X, y: balanced_accuracy_score(y, model.predict(X))],
    ids=["name", "callable"],
)
def test_early_stopping_looks_at_the_score_asked_for(scoring):
    train, validation = held_out()
    model = small(early_stopping=True, scoring=scoring, max_iter=30, learning_rate_init=0.5)
    model.fit(*train, **validation)
    assert model.best_validation_score_ == max(model.validation_scores_)
    score = balanced_accuracy_score(Y[64:], model.predict(X[64:]))
    assert score == model.best_validation_score_


def test_a_score_may_need_probabilities_of_a_frame():
    train, validation = held_out()
    frames = {"X_val": pd.DataFrame(validation["X_val"]), "y_val": pd.Series(validation["y_val"])}
    model = small(early_stopping=True, scoring="neg_log_loss")
    model.fit(pd.DataFrame(train[0]), train[1], **frames)
    by_loss = small(early_stopping=True).fit(*train, **validation)
    assert_allclose(model.validation_scores_, -np.array(by_loss.history_["validation_loss"]))


# ---------------------------------------------------------------- going on


def test_a_warm_start_goes_on():
    model = small(warm_start=True, max_iter=10, zeta=0.1).fit(X, Y)
    first_loss, first_topology = model.loss_curve_[0], model.coefs_[0].indices.copy()
    model.fit(X, Y)
    assert (model.n_iter_, len(model.loss_curve_), model.t_) == (10, 10, 2 * 10 * 96)
    assert model.loss_curve_[0] < first_loss
    assert not np.array_equal(model.coefs_[0].indices, first_topology)


def test_without_a_warm_start_fit_begins_anew():
    model = small().fit(X, Y)
    expected = pickle.loads(pickle.dumps(model))
    assert same_bits(model.fit(X, Y), expected)


def test_a_warm_start_with_other_parameters():
    model = small(warm_start=True).fit(X, Y)
    model.set_params(learning_rate_init=0.01, dropout=0.2, batch_size=16, max_iter=3).fit(X, Y)
    assert (model.n_iter_, model.t_) == (3, 8 * 96)


@pytest.mark.parametrize("name, value", [("weight_init", "normal"), ("weight_init_gain", 5.0)])
def test_a_warm_start_grows_weights_as_it_is_told(name, value):
    parameters = {"warm_start": True, "max_iter": 3, "zeta": 0.9}
    one, other = (small(**parameters).fit(X, Y) for _ in range(2))
    other.set_params(**{name: value}).fit(X, Y)
    assert not np.array_equal(one.fit(X, Y).coefs_[0].data, other.coefs_[0].data)


@pytest.mark.parametrize("activation", ["leaky_relu", "all_relu"])
def test_another_slope_when_training_goes_on_is_an_error(activation):
    model = small(warm_start=True, activation=activation, activation_slope=0.1).fit(X, Y)
    with pytest.raises(ValueError, match=r"activation_slope cannot change .* 0\.1, not with 0\.9"):
        model.set_params(activation_slope=0.9).fit(X, Y)


def test_a_stream_teaches_what_is_in_it():
    model = small(learning_rate="constant")
    for start in range(0, 96 * 20, 32):
        chunk = np.arange(start, start + 32) % 96
        model.partial_fit(X[chunk], Y[chunk], classes=CLASSES)
    assert model.score(X, Y) > 0.6
    assert model.n_iter_ == len(model.history_["seconds"]) == 60
    assert model.t_ == 60 * 32


def test_a_chunk_may_lack_classes():
    model = small().partial_fit(X[:32], Y[:32], classes=CLASSES)
    one_class = Y == "CLL"
    model.partial_fit(X[one_class], Y[one_class])
    assert list(model.classes_) == CLASSES


def test_class_weights_of_classes_that_a_chunk_lacks():
    model = small(class_weight={"ALL": 2.0, "AML": 3.0})
    kept = Y != "AML"
    model.partial_fit(X[kept], Y[kept], classes=CLASSES)
    weight = np.where(Y == "ALL", 2.0, 1.0)[kept]
    assert same_bits(model, small().partial_fit(X[kept], Y[kept], classes=CLASSES,
                                                sample_weight=weight))  # fmt: skip


def test_each_chunk_is_visited_in_another_order():
    first = small().partial_fit(X, Y, classes=CLASSES)
    order = np.random.default_rng(0).permutation(96)
    again = small(shuffle=False).partial_fit(X[order], Y[order], classes=CLASSES)
    assert not same_bits(first, again)
    assert same_bits(first, small().partial_fit(X, Y, classes=CLASSES))


def test_a_stream_survives_a_file_in_its_middle():
    straight, with_a_break = small(), small()
    for chunk in (slice(0, 48), slice(48, 96), slice(0, 96)):
        straight.partial_fit(X[chunk], Y[chunk], classes=CLASSES)
        with_a_break.partial_fit(X[chunk], Y[chunk], classes=CLASSES)
        with_a_break = pickle.loads(pickle.dumps(with_a_break))
    assert same_bits(straight, with_a_break)


def test_evolutions_are_counted_across_chunks():
    model = small(evolution_interval=3)
    for _ in range(9):
        model.partial_fit(X[:32], Y[:32], classes=CLASSES)
    moved = np.array(model.history_["connections_rewired"]) > 0
    assert list(np.flatnonzero(moved)) == [3, 6]


def test_a_fit_goes_on_after_the_training_state_was_dropped():
    model = small(warm_start=True).fit(X, Y)
    logits = model.decision_function(X)
    assert np.array_equal(model.drop_training_state().decision_function(X), logits)
    assert model.fit(X, Y).t_ == 2 * 5 * 96


def test_going_on_does_not_change_copies():
    model = small(warm_start=True).fit(X, Y)
    shallow, logits = copy.copy(model), model.decision_function(X)
    model.fit(X, Y)
    assert np.array_equal(shallow.decision_function(X), logits)


# ---------------------------------------------------------------- chance


def test_a_random_state_is_drawn_from_once():
    state = np.random.RandomState(0)
    first, second = small(random_state=state).fit(X, Y), small(random_state=state).fit(X, Y)
    assert not same_bits(first, second)
    assert same_bits(first, small(random_state=np.random.RandomState(0)).fit(X, Y))


def test_more_samples_do_not_change_the_topology():
    few, many = (
        small(evolution=None, max_iter=1).fit(X[:n], Y[:n]).coefs_[0].indices for n in (40, 96)
    )
    assert np.array_equal(few, many)


@pytest.mark.parametrize("changes", [{}, {"batch_size": 4}, {"activation": "srelu"}], ids=str)
def test_threads_change_no_bit(changes, monkeypatch):
    monkeypatch.setattr("sksparse_mlp._estimator.fitting.WORK_PER_THREAD", 1)
    noise = {"dropout": 0.3, "input_dropout": 0.1, "input_noise": 0.1, **changes}
    fits = [small(n_jobs=n_jobs, **noise).fit(X, Y) for n_jobs in (1, 2, 3)]
    assert same_bits(fits[0], fits[1])
    assert same_bits(fits[0], fits[2])


def test_defaults_learn_a_table_with_few_columns():
    model = TrulySparseMLPClassifier(random_state=0).fit(X[:64], Y[:64])
    assert model.score(X[64:], Y[64:]) > 0.7
