"""A fit is published as a whole: others see the old model or the new one, and a failure neither."""

import copy
import pickle
import threading
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from estimators import points, small, small_regressor, small_survival, targets_for
from sklearn.base import clone

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
    TrulySparseMLPEnsembleClassifier,
)
from sksparse_mlp._training.trainer import Trainer

pytestmark = pytest.mark.timeout(120)

X, y = points(n_classes=3, n_features=10)
OTHER_X, OTHER_Y = points(n_classes=2, n_features=14, seed=1)
NAMES = [f"gene {i}" for i in range(X.shape[1])]
quick = partial(small, max_iter=1)

KINDS = {
    "classifier": quick,
    "regressor": partial(small_regressor, max_iter=1),
    "survival": partial(small_survival, max_iter=1),
    "autoencoder": lambda: SparseAutoencoderSelector(
        3, k=2, batch_size=32, max_iter=1, random_state=0
    ),
    "selector": lambda: SparseMLPFeatureSelector(quick(), k=2, n_networks=2, random_state=0),
    "ensemble": lambda: TrulySparseMLPEnsembleClassifier(
        quick(), method="edst", n_estimators=2, random_state=0
    ),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def same_attributes(found, expected):
    """Whether two dicts of attributes hold the very same objects under the same names."""
    return found.keys() == expected.keys() and all(found[n] is expected[n] for n in expected)


class Failure(Exception):
    """What a test raises."""


def fail(*_, **__):
    raise Failure


# ---------------------------------------------------------------- failures


# What fails before, in and after the training.
moments = pytest.mark.parametrize("method", ["__init__", "_record", "_take_best"])


@kinds
@moments
@pytest.mark.parametrize("fitted", [False, True])
def test_a_fit_that_fails_changes_no_attribute(kind, fitted, method, monkeypatch):
    model = KINDS[kind]()
    if fitted:
        model.fit(pd.DataFrame(X, columns=NAMES), targets_for(kind, y))
    before = dict(vars(model))
    monkeypatch.setattr(Trainer, method, fail)
    with pytest.raises(Failure):
        model.fit(OTHER_X, targets_for(kind, OTHER_Y))
    assert same_attributes(vars(model), before)


@moments
@pytest.mark.parametrize("fitted", [False, True])
def test_a_partial_fit_that_fails_changes_no_attribute(fitted, method, monkeypatch):
    model = quick()
    if fitted:
        model.partial_fit(X, y, classes=np.unique(y))
    before = dict(vars(model))
    monkeypatch.setattr(Trainer, method, fail)
    with pytest.raises(Failure):
        model.partial_fit(X, y, classes=np.unique(y))
    assert same_attributes(vars(model), before)


@pytest.mark.parametrize(
    ("X", "y"),
    [(X[:, :0], y), (np.full_like(X, np.nan), y), (X, y[:-1]), (X, np.full(len(X), "one"))],
)
@pytest.mark.parametrize("fitted", [False, True])
def test_bad_data_change_no_attribute(X, y, fitted):
    model = quick()
    if fitted:
        model.fit(OTHER_X, OTHER_Y)
    before = dict(vars(model))
    with pytest.raises(ValueError):
        model.fit(X, y)
    assert same_attributes(vars(model), before)


def test_a_warning_that_is_an_error_changes_no_attribute():
    model = small(learning_rate="constant", max_iter=2, tol=0.0)
    before = dict(vars(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(sklearn.exceptions.ConvergenceWarning):
            model.fit(X, y)
    assert same_attributes(vars(model), before)


class Callback:
    """Does something at the end of a task."""

    def __init__(self, do, task):
        self.do, self.task, self.seen = do, task, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        if context.task_name == self.task:
            self.seen.append(self.do(estimator, X, fitted_estimator))


@pytest.fixture
def with_callback():
    """Makes an estimator that does something at the end of each epoch, or of the fit."""
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

    def make(do, task, kind="classifier"):
        callback = Callback(do, task)
        return KINDS[kind]().set_callbacks(callback), callback

    return make


@pytest.mark.parametrize("kind", ["classifier", "survival", "autoencoder"])
@pytest.mark.parametrize("task", ["epoch", "fit"])
@pytest.mark.parametrize("fitted", [False, True])
def test_a_callback_that_fails_changes_no_attribute(with_callback, kind, task, fitted):
    model, callback = with_callback(lambda *_: None, task, kind)
    if fitted:
        model.fit(X, targets_for(kind, y))
    before = dict(vars(model))
    callback.do = fail
    with pytest.raises(Failure):
        model.fit(OTHER_X, targets_for(kind, OTHER_Y))
    assert same_attributes(vars(model), before)


# ---------------------------------------------------------------- what somebody sets meanwhile


def during_fit(do, **parameters):
    """Fit a model, and call a function with it in the middle of the fit; returns the model."""
    model = quick(early_stopping=True, **parameters)

    def score_and_do(estimator, X, y):
        do(model)
        return 0.0

    return model.set_params(scoring=score_and_do).fit(X, y)


def test_parameters_that_are_set_during_a_fit_stay():
    model = during_fit(lambda model: model.set_params(max_iter=7, random_state=3))
    assert (model.max_iter, model.random_state, model.n_iter_) == (7, 3, 1)


def test_parameters_that_are_set_during_a_fit_do_not_change_it():
    models = [
        during_fit(lambda model, change=change: model.set_params(**change), max_iter=3)
        for change in ({}, {"temperature": 9.0, "early_stopping": False, "class_weight": {}})
    ]
    answers = [model.set_params(temperature=1.0).predict_proba(X).tolist() for model in models]
    assert answers[0] == answers[1]
    assert models[0].best_epoch_ == models[1].best_epoch_


def test_requests_of_metadata_that_are_made_during_a_fit_stay():
    with sklearn.config_context(enable_metadata_routing=True):
        model = during_fit(lambda model: model.set_fit_request(sample_weight=True))
        requests = model.get_metadata_routing().fit.requests
    assert requests["sample_weight"] is True


def test_callbacks_that_are_removed_during_a_fit_stay_away(with_callback):
    model, _ = with_callback(lambda model, *_: model.set_callbacks(), "epoch")
    model.fit(X, y)
    assert not hasattr(model, "_skl_callbacks")


@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_nothing_of_a_callbacks_fit_is_left(with_callback, kind):
    model, callback = with_callback(lambda *_: None, "epoch", kind)
    model.fit(X, y).fit(X, y)
    kept = [name for name in vars(model) if "callback" in name]
    assert (kept, model._skl_callbacks) == (["_skl_callbacks"], [callback])


@pytest.mark.parametrize("kind", ["autoencoder", "selector"])
def test_the_kind_of_output_outlasts_a_fit(kind):
    model = KINDS[kind]().set_output(transform="pandas").fit(X, y)
    model.fit(X, y)
    assert isinstance(model.transform(X), pd.DataFrame)


def test_requests_of_metadata_outlast_a_fit():
    with sklearn.config_context(enable_metadata_routing=True):
        model = quick().set_fit_request(sample_weight=True).fit(X, y).fit(X, y)
        assert model.get_metadata_routing().fit.requests["sample_weight"] is True
        assert clone(model).get_metadata_routing().fit.requests["sample_weight"] is True


# ---------------------------------------------------------------- what a refit forgets


@kinds
def test_names_of_features_are_gone_after_a_fit_without(kind):
    model = KINDS[kind]().fit(pd.DataFrame(X, columns=NAMES), targets_for(kind, y))
    assert model.feature_names_in_.tolist() == NAMES
    model.fit(OTHER_X, targets_for(kind, OTHER_Y))
    assert (hasattr(model, "feature_names_in_"), model.n_features_in_) == (False, 14)


def test_a_callback_sees_a_model_without_the_names_of_an_earlier_fit(with_callback):
    model, callback = with_callback(lambda *_: None, "epoch")
    model.fit(pd.DataFrame(X, columns=NAMES), y)
    callback.do = lambda _, X, fitted: fitted.predict(X).tolist()
    model.fit(X, y)  # a warning would be an error
    assert callback.seen[-1] == model.predict(X).tolist()


def test_nothing_of_an_earlier_fit_is_left():
    once = quick().fit(OTHER_X, OTHER_Y)
    twice = quick(early_stopping=True).fit(pd.DataFrame(X, columns=NAMES), y)
    twice.set_params(early_stopping=False).fit(OTHER_X, OTHER_Y)
    assert vars(twice).keys() == vars(once).keys()
    assert (twice.best_epoch_, twice.validation_scores_) == (None, None)


# ---------------------------------------------------------------- subclasses


class WithProperties(TrulySparseMLPClassifier):
    """Keeps a parameter elsewhere, and computes an attribute of its own."""

    @property
    def max_iter(self):
        """As many as there are halves."""
        return self._halves // 2

    @max_iter.setter
    def max_iter(self, value):
        self._halves = 2 * value

    @property
    def n_weights_(self):
        """All of them."""
        return sum(self.n_connections_)


class WithMore(TrulySparseMLPClassifier):
    """Has a parameter and a fitted attribute more."""

    def __init__(self, shift=0, *, hidden_layer_sizes=(3,), max_iter=1, random_state=0):
        super().__init__(hidden_layer_sizes, max_iter=max_iter, random_state=random_state)
        self.shift = shift

    def fit(self, X, y):
        """Remember where the samples were."""
        super().fit(X + self.shift, y)
        self.shift_ = self.shift
        return self


def test_a_subclass_with_properties():
    model = WithProperties((4,), max_iter=2, random_state=0).fit(X, y)
    assert (model.n_iter_, model.n_weights_) == (2, sum(model.n_connections_))
    model.set_params(max_iter=1).fit(OTHER_X, OTHER_Y)
    assert (model.n_iter_, model.max_iter) == (1, 1)


def test_a_subclass_with_more_parameters_and_attributes():
    model = WithMore(0.5).fit(X, y)
    assert model.shift_ == 0.5
    assert model.set_params(shift=1.0).fit(OTHER_X, OTHER_Y).shift_ == 1.0


def test_attributes_of_a_user_outlast_a_fit():
    model = quick()
    model.note = "mine"
    assert model.fit(X, y).note == "mine"


# ---------------------------------------------------------------- other threads


def while_refitting(model, fits, look, n_looks=200):
    """What ``look`` returns while another thread fits a model in several ways, in turns."""
    stop, failures = threading.Event(), []

    def refit():
        try:
            while not stop.is_set():
                for fit in fits:
                    fit(model)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=refit)
    thread.start()
    try:
        return [look(model) for _ in range(n_looks)]
    finally:
        stop.set()
        thread.join()
        assert not failures


def fit_of(X, y):
    return lambda model: model.fit(X, y)


LOOKS = {
    "predict": lambda model, X: model.predict(X).tolist(),
    "predict_proba": lambda model, X: model.predict_proba(X).tolist(),
    "decision_function": lambda model, X: model.decision_function(X).tolist(),
    "hidden_activations": lambda model, X: model.hidden_activations(X).tolist(),
    "score": lambda model, X: model.score(X, y),
}


@pytest.mark.parametrize("look", LOOKS)
def test_predictions_are_those_of_the_old_model_or_the_new(look):
    """The classes differ in number, the networks in widths."""
    look, other_y = LOOKS[look], np.where(y == "ALL", "ALL", "other")
    model, answers = quick(hidden_layer_sizes=(4,)), []
    for labels in (y, other_y):
        answers.append(look(model.fit(X, labels), X))
    found = while_refitting(model, [fit_of(X, y), fit_of(X, other_y)], lambda m: look(m, X))
    assert all(answer in answers for answer in found)


def test_samples_are_refused_or_read_in_full_while_the_number_of_features_changes():
    model, answers = quick(), []
    for data, labels in ((X, y), (OTHER_X, OTHER_Y)):
        answers.append(model.fit(data, labels).predict(data).tolist())

    def look(model):
        try:
            return model.predict(X).tolist()
        except ValueError as error:
            assert "X has 10 features, but" in str(error)
            return answers[0]

    assert answers[0] in while_refitting(model, [fit_of(X, y), fit_of(OTHER_X, OTHER_Y)], look)


@pytest.mark.parametrize("attribute", ["coefs_", "intercepts_", "feature_importances_"])
def test_attributes_are_those_of_the_old_model_or_the_new(attribute):
    def layers(*sizes):
        return lambda model: model.set_params(hidden_layer_sizes=sizes).fit(X, y)

    def look(model):
        value = getattr(model, attribute)
        return [part.shape for part in value] if isinstance(value, list) else value.shape

    model, fits = quick(), [layers(4), layers(3, 2, 5)]
    expected = [look(fit(model)) for fit in fits]
    assert all(found in expected for found in while_refitting(model, fits, look))


def test_a_model_can_be_pickled_and_copied_during_a_fit():
    model = quick()
    answers = [model.fit(X, labels).predict(X).tolist() for labels in (y, y[::-1])]

    def look(model):
        twins = pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)
        return [twin.predict(X).tolist() for twin in twins]

    found = while_refitting(model, [fit_of(X, y), fit_of(X, y[::-1])], look, n_looks=30)
    assert all(answer in answers for answers_ in found for answer in answers_)


def consistent(model):
    """Whether all that a model says of itself is of one fit."""
    state = model.__getstate__()
    network = state["_network"]
    return (
        len(state["classes_"]) == network.widths[-1] == state["n_outputs_"]
        and state["n_features_in_"] == network.widths[0]
        and len(state["history_"]["loss"]) == state["n_iter_"] == network.epoch
        and state["t_"] == network.n_seen
    )


def test_fits_in_many_threads_leave_the_model_of_one_of_them():
    model = quick().fit(X, y)
    data = [(X, y, 1), (OTHER_X, OTHER_Y, 2)]

    def fit(X, y, n_epochs):
        for _ in range(5):
            model.set_params(max_iter=n_epochs).fit(X, y)

    threads = [threading.Thread(target=fit, args=each) for each in 2 * data]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert consistent(model)
    for thread in threads:
        thread.join()
    assert consistent(model)


def test_a_partial_fit_goes_on_from_one_model_while_another_thread_fits():
    model = quick().fit(X, y)

    def partial_fit(model):
        model.partial_fit(X, y)

    def look(model):
        partial_fit(model)
        return consistent(model)

    fits = [lambda model: model.set_params(max_iter=3).fit(X, y), partial_fit]
    assert all(while_refitting(model, fits, look, n_looks=50))


def test_memory_is_saved_of_one_model_while_another_thread_fits():
    fits = [fit_of(X, y), fit_of(OTHER_X, OTHER_Y)]
    look = lambda model: consistent(model.drop_training_state())
    assert all(while_refitting(quick().fit(X, y), fits, look, n_looks=50))


def test_a_twin_is_made_before_a_fit_looks_at_anything(monkeypatch):
    """A fit that another thread publishes when this one has begun leaves no trace in it."""
    model = quick(warm_start=True).fit(X, y)
    expected = pickle.loads(pickle.dumps(model)).fit(X, y)
    other, make_twin = quick().fit(OTHER_X, OTHER_Y), TrulySparseMLPClassifier._twin

    def make_twin_and_be_overtaken(estimator):
        twin = make_twin(estimator)
        if estimator is model:
            monkeypatch.undo()
            model._publish(other)
        return twin

    monkeypatch.setattr(TrulySparseMLPClassifier, "_twin", make_twin_and_be_overtaken)
    model.fit(X, y)
    assert model.predict_proba(X).tolist() == expected.predict_proba(X).tolist()


def test_a_partial_fit_that_is_overtaken_publishes_what_it_began_with(monkeypatch):
    model = quick().partial_fit(X, y, classes=np.unique(y))
    other, train = quick(max_iter=4).fit(X, y), TrulySparseMLPClassifier._learn

    def train_and_be_overtaken(twin, *args, **more):
        model._publish(other)
        return train(twin, *args, **more)

    monkeypatch.setattr(TrulySparseMLPClassifier, "_learn", train_and_be_overtaken)
    assert consistent(model.partial_fit(X, y))
    assert model.n_iter_ == 2


def test_memory_that_is_saved_while_a_fit_is_published_is_that_of_one_model(monkeypatch):
    model, other = quick().fit(X, y), quick().fit(OTHER_X, OTHER_Y)
    network = type(model._network)
    forget = network.drop_optimizer_state

    def forget_and_be_overtaken(self):
        model._publish(other)
        forget(self)

    monkeypatch.setattr(network, "drop_optimizer_state", forget_and_be_overtaken)
    assert consistent(model.drop_training_state())


@pytest.mark.parametrize("kind", ["autoencoder", "selector"])
def test_features_are_selected_by_the_fit_that_checked_x(kind, monkeypatch):
    selector = KINDS[kind]().fit(X, y)
    expected, mask = selector.transform(X), type(selector)._get_support_mask

    def overtaken(this):
        selector.fit(OTHER_X, OTHER_Y)
        return mask(this)

    monkeypatch.setattr(type(selector), "_get_support_mask", overtaken)
    np.testing.assert_array_equal(selector.transform(X), expected)
    assert selector.n_features_in_ == OTHER_X.shape[1]
