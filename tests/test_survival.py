"""TrulySparseMLPSurvival: events and times, the baseline hazard, and the concordance index."""

import pickle
import signal

import numpy as np
import pytest
from estimators import same_bits, structured, times
from estimators import small_survival as survival
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPRegressor, TrulySparseMLPSurvival
from sksparse_mlp._estimator import defaults
from sksparse_mlp._estimator import survival as module
from sksparse_mlp._estimator.concordance import concordance_index
from sksparse_mlp._estimator.held_out import held_out_fraction
from sksparse_mlp._estimator.tasks.times import baseline_hazard
from sksparse_mlp.inspection import contributions

X, Y = times(n_samples=120)


def slow_concordance(event, time, risk):
    right = of = 0.0
    for i in np.flatnonzero(event):
        for j in range(len(time)):
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                of += 1
                right += 0.5 if risk[i] == risk[j] else float(risk[i] > risk[j])
    return right / of


# ---------------------------------------------------------------- concordance


@pytest.mark.parametrize(
    ("event", "time", "risk", "expected"),
    [
        ([1, 1, 1], [1, 2, 3], [3, 2, 1], 1.0),
        ([1, 1, 1], [1, 2, 3], [1, 2, 3], 0.0),
        ([1, 1, 1], [1, 2, 3], [0, 0, 0], 0.5),
        ([0, 1, 1], [1, 2, 3], [0, 2, 1], 1.0),  # nothing is known of the first one
        ([1, 0], [2, 2], [2, 1], 1.0),  # the censored one lived longer
        ([1, 1], [2, 2], [2, 1], np.nan),
        ([0, 0], [1, 2], [2, 1], np.nan),
    ],
)
def test_concordance_by_hand(event, time, risk, expected):
    found = concordance_index(np.array(event, bool), np.array(time), np.array(risk))
    assert_array_equal(found, expected)


def test_concordance_with_ties_is_that_of_all_pairs():
    rng = np.random.default_rng(0)
    time, event, risk = rng.integers(9, size=60), rng.random(60) < 0.6, rng.integers(5, size=60)
    expected = slow_concordance(event, time, risk)
    assert concordance_index(event, time, risk) == pytest.approx(expected)
    weight = rng.integers(1, 4, 60)
    found = concordance_index(event, time, risk, weight)
    repeated = [np.repeat(values, weight) for values in (event, time, risk)]
    assert found == pytest.approx(concordance_index(*repeated))


def test_concordance_and_hazards_are_those_of_scikit_survival():
    metrics = pytest.importorskip("sksurv.metrics", reason="scikit-survival is not installed")
    from sksurv.linear_model.coxph import BreslowEstimator

    model = survival().fit(X, Y)
    risk = model.predict(X)
    assert model.score(X, Y) == pytest.approx(
        metrics.concordance_index_censored(Y["event"], Y["time"], risk)[0]
    )
    breslow = BreslowEstimator().fit(risk, Y["event"], Y["time"])
    assert_allclose(model.unique_times_, breslow.unique_times_)
    assert_allclose(model.cum_baseline_hazard_, breslow.cum_baseline_hazard_.y, rtol=1e-5)
    theirs = breslow.get_survival_function(risk[:5])
    for ours, other in zip(model.predict_survival_function(X[:5]), theirs, strict=True):
        assert_allclose(ours(ours.x), other(ours.x), rtol=1e-5)


# ---------------------------------------------------------------- what it learns


def test_learns_who_has_the_event_first():
    model = make_pipeline(StandardScaler(), TrulySparseMLPSurvival(20, random_state=0))
    assert model.fit(X[:80], Y[:80]).score(X[80:], Y[80:]) > 0.65


def test_parameters_are_those_of_the_regressor_but_for_its_loss():
    ours, theirs = (
        set(cls().get_params()) for cls in (TrulySparseMLPSurvival, TrulySparseMLPRegressor)
    )
    assert ours < theirs and theirs - ours == {"loss", "quantile", "huber_delta"}


def test_many_samples_get_a_second_hidden_layer(monkeypatch):
    monkeypatch.setattr(defaults, "SECOND_LAYER_FROM", len(X))
    monkeypatch.setattr(defaults, "HIDDEN_NEURONS", 8)
    model = survival(hidden_layer_sizes="auto", epsilon=1)
    assert model.fit(X, Y).n_layers_ == 4
    assert model.fit(X[1:], Y[1:]).n_layers_ == 3


def test_only_the_order_of_times_matters():
    later = structured(Y["event"], np.exp(3 * Y["time"]))
    assert same_bits(survival().fit(X, Y), survival().fit(X, later))


def test_weights_are_repetitions():
    weight, how = np.arange(len(X)) % 3, {"batch_size": 1000, "skip_connections": "fitted"}
    repeated = np.repeat(np.arange(len(X)), weight)
    weighted = survival(**how).fit(X, Y, sample_weight=weight)
    other = survival(**how).fit(X[repeated], Y[repeated])
    assert same_bits(weighted, other)
    assert_allclose(weighted.cum_baseline_hazard_[-1], other.cum_baseline_hazard_[-1])


@pytest.mark.parametrize(
    "changes",
    [{}, {"batch_size": 1000, "skip_connections": "fitted"}, {"evolution": "guided"},
     {"evolution": "gradient"}, {"evolution": "cosine"}, {"drop": "snip"}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, np.asfortranarray, np.float64])
def test_neither_threads_nor_the_form_of_X_change_a_bit(changes, form):
    one, other = survival(**changes).fit(X, Y), survival(n_jobs=2, **changes).fit(form(X), Y)
    assert same_bits(one, other)
    assert_array_equal(one.cum_baseline_hazard_, other.cum_baseline_hazard_)


# ---------------------------------------------------------------- hazards


def test_curves_begin_at_one_and_fall():
    model = survival().fit(X, Y)
    values = model.predict_survival_function(X, return_array=True)
    assert values.shape == (len(X), len(np.unique(Y["time"])))
    assert (np.diff(values, axis=1) <= 0).all() and (values <= 1).all() and (values >= 0).all()
    hazards = model.predict_cumulative_hazard_function(X, return_array=True)
    assert_allclose(values, np.exp(-hazards))
    curve, first = model.predict_survival_function(X[:1])[0], model.unique_times_[0]
    assert curve(first / 2) == 1.0 and curve(first) == values[0, 0]
    assert_array_equal(curve(curve.x), values[0])
    with pytest.raises(ValueError, match="x must lie between 0 and"):
        curve(curve.x[-1] + 1)


def test_hazards_are_finite_whatever_the_range_of_the_ratios():
    """Risk sets of exp(-800) and of exp(800), by hand."""
    targets = np.array([[1.0], [2.0], [3.0]])
    hazard = baseline_hazard(targets, np.ones(3), np.array([800.0, 0.0, -1.0]))
    assert_allclose(hazard, np.cumsum([0.0, 1 / (1 + np.exp(-1)), np.exp(1)]))


def test_curves_of_samples_far_away_are_probabilities():
    model = survival(max_iter=1).fit(X, structured(Y["time"] > Y["time"].min(), Y["time"]))
    values = model.predict_survival_function(X * 1e6, return_array=True)
    assert abs(model.predict(X * 1e6)).max() > 710
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.filterwarnings("ignore:Input 0 of X holds much larger numbers")
def test_a_fit_whose_hazard_overflows_is_refused():
    far = X.copy()
    far[:, 0] = -1e4
    with pytest.raises(ValueError, match="baseline hazard is beyond the range of float64"):
        survival(hidden_layer_sizes=(), max_iter=1).fit(far, Y)


# ---------------------------------------------------------------- y


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (structured(Y["event"], -Y["time"] - 1), "finite and not negative"),
        (structured(Y["event"], np.where(X[:, 0] > 0, np.nan, 1.0)), "contains nan"),
        (structured(Y["event"], np.inf + Y["time"]), "finite and not negative"),
        (structured(np.zeros(120, bool), Y["time"]), "holds no event"),
        (Y[["time", "event"]], "They are swapped"),
        (Y["time"], "structured array with two fields"),
        (np.column_stack((Y["event"], Y["time"])), "structured array with two fields"),
        (Y.astype([("event", float), ("time", float)]), "must be boolean"),
        (Y.astype([("event", bool), ("time", "U9")]), "must hold times"),
        (Y[:50], "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
    ],
    ids=str,
)
def test_bad_y_is_refused(y, message):
    model = survival()
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            call(X, y)
    assert not model.__sklearn_is_fitted__()


CENSORED = structured(np.zeros(9, bool), Y["time"][:9])


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (CENSORED, None, "no comparable pair"),
        (None, None, "requires y to be passed"),
        (Y[:8], None, "inconsistent numbers of samples"),
        (Y[:9], np.ones(7), "sample_weight"),
        (Y[:9], np.full(9, np.nan), "sample_weight: Input sample_weight contains NaN"),
        (Y[:9], np.linspace(-1, 1, 9), "sample_weight: Negative values"),
    ],
    ids=str,
)
def test_score_refuses_what_it_cannot_compare(y, weight, message):
    with pytest.raises(ValueError, match=message):
        survival(max_iter=1).fit(X, Y).score(X[:9], y, weight)


# ---------------------------------------------------------------- as the other estimators


@pytest.mark.parametrize("scoring", ["concordance", "loss", lambda est, X, y: est.score(X, y)])
def test_early_stopping_looks_at_scoring(scoring):
    model = survival(early_stopping=True, scoring=scoring, max_iter=8, validation_fraction=0.3)
    model.fit(X, Y)
    if scoring == "loss":
        losses = model.history_["validation_loss"]
        assert model.best_epoch_ == 1 + int(np.argmin(losses))
    else:
        assert model.best_validation_score_ == max(model.validation_scores_)


def test_validation_figures_are_those_of_the_estimator():
    model = survival(batch_size=1000, evolution=None).fit(X, Y, X_val=X, y_val=Y)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X, Y))
    assert_allclose(model.history_["validation_loss"][:-1], model.loss_curve_[1:], rtol=1e-4)


def test_validation_samples_without_a_comparable_pair_have_no_score():
    model = survival(max_iter=1).fit(X, Y, X_val=X[:9], y_val=CENSORED)
    assert np.isnan(model.validation_scores_).all()


def test_early_stopping_needs_a_comparable_pair():
    with pytest.raises(ValueError, match=r"early_stopping=True .* no comparable pair"):
        survival(early_stopping=True).fit(X, Y, X_val=X[:9], y_val=CENSORED)


def test_the_loss_of_validation_samples_without_weight_is_that_without_them():
    weight = (Y["time"] < np.median(Y["time"])).astype(float)
    weighted = survival(max_iter=1).fit(X, Y, X_val=X, y_val=Y, sample_weight_val=weight)
    fewer = survival(max_iter=1).fit(X, Y, X_val=X[weight > 0], y_val=Y[weight > 0])
    assert weighted.history_["validation_loss"] == pytest.approx(fewer.history_["validation_loss"])


def test_held_out_times_do_not_shape_what_is_trained():
    """Growth is guided by the other samples alone: other times apart, the same connections."""
    streams = survival()._new_streams()
    chosen = held_out_fraction(Y["event"].astype(int), 0.3, streams.splitting)
    other = Y.copy()
    other["time"][chosen] = 5 * Y["time"][chosen][::-1]
    how = {"evolution": "guided", "early_stopping": True, "validation_fraction": 0.3, "max_iter": 1}
    assert same_bits(survival(**how).fit(X, Y), survival(**how).fit(X, other))


def last_survival(estimator, X, y):
    return float(estimator.predict_survival_function(X, return_array=True)[:, -1].mean())


@pytest.mark.parametrize("refit", [False, True])
def test_a_scorer_sees_the_curves_of_its_epoch(refit):
    """The last epoch's are those of the fitted model, whatever an earlier fit has left."""
    model = survival(scoring=last_survival)
    model = model.fit(X[:50], Y[:50]) if refit else model
    model.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    assert model.validation_scores_[-1] == last_survival(model, X[80:], None)
    assert len(set(model.validation_scores_)) == model.n_iter_


def test_searches_and_pipelines():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), TrulySparseMLPSurvival(20, random_state=0)),
        {"trulysparsemlpsurvival__learning_rate_init": [0.05, 0.1]},
        cv=3,
    ).fit(X, Y)
    assert search.best_score_ > 0.5
    assert clone(search.best_estimator_).get_params()


def test_goes_on_with_streams_warm_starts_and_files():
    model = survival().partial_fit(X[:60], Y[:60]).partial_fit(X[60:], Y[60:])
    assert_array_equal(model.unique_times_, np.unique(Y["time"][60:]))
    warm = survival(warm_start=True).fit(X, Y).fit(X, Y)
    again = pickle.loads(pickle.dumps(warm))
    assert same_bits(warm, again)
    assert_array_equal(warm.predict(X), again.predict(X))


def test_a_checkpoint_ends_with_the_same_bits(tmp_path):
    how = {"early_stopping": True, "checkpoint": tmp_path / "run.ckpt"}
    first, second = survival(**how).fit(X, Y), survival(**how).fit(X, Y)
    assert same_bits(first, second)
    assert_array_equal(first.cum_baseline_hazard_, second.cum_baseline_hazard_)


def test_contributions_add_up_without_hidden_neurons():
    model = survival(hidden_layer_sizes=()).fit(X, Y)
    found = contributions(model, X)
    assert found.shape == X.shape
    assert_allclose(found.sum(axis=1) + model.intercepts_[-1], model.predict(X), atol=1e-4)
    assert set(np.argsort(model.feature_importances_)[-2:]) == {0, 1}


def test_ctrl_c_while_hazards_are_summed_up_loses_nothing(usual_ctrl_c, monkeypatch):
    summed_up = module.baseline_hazard

    def with_ctrl_c(*args):
        signal.raise_signal(signal.SIGINT)
        return summed_up(*args)

    monkeypatch.setattr(module, "baseline_hazard", with_ctrl_c)
    model = survival()
    with (
        pytest.raises(KeyboardInterrupt),
        pytest.warns(RuntimeWarning, match="interrupted") as told,
    ):
        model.fit(X, Y)
    assert told[0].filename == __file__
    monkeypatch.undo()
    assert same_bits(model, survival().fit(X, Y))
    assert model.cum_baseline_hazard_.shape == model.unique_times_.shape
