"""TrulySparseMLPRegressor: losses, scales of targets, and what it shares with the classifier."""

import inspect
import pickle
from functools import partial

import numpy as np
import pytest
from estimators import numbers, same_bits, small_regressor
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import activate
from scipy import sparse
from sklearn.datasets import make_friedman1
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_pinball_loss, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sksparse_mlp import TrulySparseMLPClassifier, TrulySparseMLPRegressor
from sksparse_mlp._estimator import defaults, pilot
from sksparse_mlp._estimator.target_moments import weighted_median
from sksparse_mlp._network.activations import CODES, slopes_by_level
from sksparse_mlp._training.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = numbers()
TWO = np.column_stack((Y, 30 * X[:, 0] - 20 * X[:, 1] + 7))
LOSSES = ("squared_error", "absolute_error", "huber", "quantile")
# As long as without pilots, and as pilots say.
regressor = partial(TrulySparseMLPRegressor, (20,), epsilon=5, max_iter=200, random_state=0)
piloted = partial(regressor, max_iter="auto")


def test_parameters_are_those_of_the_classifier_but_for_classes():
    ours, theirs = (
        set(inspect.signature(cls).parameters)
        for cls in (TrulySparseMLPRegressor, TrulySparseMLPClassifier)
    )
    assert theirs - ours == {"class_weight", "temperature"}
    assert ours - theirs == {"loss", "quantile", "huber_delta"}


def test_defaults_are_those_of_the_classifier_but_for_the_learning_rate():
    ours, theirs = (
        {name: p.default for name, p in inspect.signature(cls).parameters.items()}
        for cls in (TrulySparseMLPRegressor, TrulySparseMLPClassifier)
    )
    differ = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    assert differ == {"learning_rate_init"}


# ---------------------------------------------------------------- what it learns


@pytest.mark.parametrize("loss", LOSSES)
def test_learns_what_is_not_linear(loss):
    X, y = make_friedman1(400, random_state=0)
    model = make_pipeline(StandardScaler(), regressor(loss=loss)).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > Ridge().fit(X[:300], y[:300]).score(X[300:], y[300:])


@pytest.mark.parametrize("quantile", [0.2, 0.8])
def test_a_share_of_the_targets_lies_below_a_quantile(quantile):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = X[:, 0] + rng.gumbel(size=600)
    model = regressor(loss="quantile", quantile=quantile).fit(X, y)
    assert np.mean(y < model.predict(X)) == pytest.approx(quantile, abs=0.06)


def test_outliers_count_less_with_huber():
    y = Y.copy()
    y[::10] += 5000
    others = np.arange(len(y)) % 10 != 0
    squared, huber = (
        regressor(loss=loss, huber_delta=0.1).fit(X, y).predict(X)[others]
        for loss in ("squared_error", "huber")
    )
    assert np.median(abs(huber - Y[others])) < np.median(abs(squared - Y[others]))


def test_the_loss_of_held_out_samples_is_that_of_training():
    """Full batches: the training loss of the second epoch is that of the weights before it."""
    for loss in LOSSES:
        model = small_regressor(loss=loss, quantile=0.7, huber_delta=0.4, batch_size=1000,
                                evolution=None, max_iter=3)  # fmt: skip
        model.fit(X, TWO, X_val=X, y_val=TWO)
        expected = model.history_["validation_loss"][:-1]
        assert_allclose(model.loss_curve_[1:], expected, rtol=1e-5)


def test_the_validation_score_is_that_of_the_estimator():
    model = small_regressor().fit(X, TWO, X_val=X[:50], y_val=TWO[:50])
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[:50], TWO[:50]), abs=1e-6)


@pytest.mark.parametrize("scoring", ["neg_mean_absolute_error", "r2"])
def test_early_stopping_looks_at_scoring(scoring):
    model = small_regressor(early_stopping=True, scoring=scoring, max_iter=8).fit(X, Y)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_a_scorer_sees_the_targets_as_they_are():
    y, seen = np.round(abs(Y)), []

    def scorer(estimator, X, y):
        seen.append(y)
        return 0.0

    small_regressor(early_stopping=True, scoring=scorer, max_iter=1).fit(X, y)
    small_regressor(scoring=scorer, max_iter=1).fit(X, y, X_val=X, y_val=list(y))
    assert set(seen[0]) <= set(y)
    assert_array_equal(seen[1], y)


# ---------------------------------------------------------------- how long


def few_features(noise, n_samples=60):
    """A target that is linear in a few features, but for noise."""
    X = np.random.default_rng(0).normal(size=(n_samples, 5)).astype(np.float32)
    return X, X[:, :4].sum(axis=1) + noise * np.random.default_rng(1).normal(size=n_samples)


def test_the_more_noise_the_shorter_the_training():
    X, y = make_friedman1(150, 6, random_state=0)
    X = scale(X)
    clear = piloted().fit(X, y)
    noisy = piloted().fit(X, y + 3 * y.std() * np.random.default_rng(0).normal(size=150))
    assert noisy.n_iter_ < 50 < 150 < clear.n_iter_ < 200


def test_noise_is_not_learnt():
    X, y = few_features(noise=3.0, n_samples=150)
    truth = X[:, :4].sum(axis=1)
    found, all_steps, ridge = (
        r2_score(truth, model.fit(X, y).predict(X)) for model in (piloted(), regressor(), Ridge())
    )
    assert found - all_steps > 2 * abs(ridge - found)


def test_neither_the_form_of_X_nor_threads_change_how_long():
    X, y = few_features(noise=1.0)
    one, other = piloted().fit(X, y), piloted(n_jobs=2).fit(sparse.csr_array(X), y)
    assert one.n_iter_ == other.n_iter_ and same_bits(one, other)


def number_of_trainings(monkeypatch, model, *data):
    calls, run = [], Trainer.run
    monkeypatch.setattr(Trainer, "run", lambda self, n: (calls.append(n), run(self, n))[1])
    model.fit(*data)
    monkeypatch.undo()
    return len(calls)


@pytest.mark.parametrize(
    "changes",
    [{"max_iter": 9}, {"early_stopping": True}, {"averaging": "ema"}, {"hidden_layer_sizes": ()},
     {"learning_rate": "constant"}, {"skip_connections": None}],
    ids=str,
)  # fmt: skip
def test_what_says_how_long_needs_no_pilot(changes, monkeypatch):
    data = few_features(noise=1.0)
    assert number_of_trainings(monkeypatch, piloted(), *data) == 5 + 1
    assert number_of_trainings(monkeypatch, piloted().set_params(**changes), *data) == 1


def test_a_pilot_is_for_more_samples_than_features_and_not_for_a_handful(monkeypatch):
    for n_samples, n_features, n in ((49, 6, 1), (50, 6, 6), (60, 60, 1), (200, 6, 4), (500, 6, 2)):
        X, y = numbers(n_samples, n_features)
        assert number_of_trainings(monkeypatch, piloted(), X, y) == n
    warm = piloted(warm_start=True).fit(*few_features(noise=1.0))
    assert number_of_trainings(monkeypatch, warm, *few_features(noise=1.0)) == 1


def test_a_pilot_has_the_layers_that_all_samples_give(monkeypatch):
    monkeypatch.setattr(defaults, "SECOND_LAYER_FROM", 60)
    monkeypatch.setattr(defaults, "HIDDEN_NEURONS", 8)
    trained, run = [], Trainer.run
    monkeypatch.setattr(
        Trainer, "run", lambda self, n: (trained.append(self.network), run(self, n))
    )
    piloted().set_params(hidden_layer_sizes="auto", epsilon=1).fit(*few_features(noise=1.0))
    assert {n.widths for n in trained if n.widths[0] == 5} == {(5, 8, 8, 1)}  # else: rehearsals


def test_many_samples_are_trained_long_without_a_pilot(monkeypatch):
    monkeypatch.setattr(pilot, "MOST", 50)
    X, y = few_features(noise=3.0)
    assert piloted(batch_size=30).fit(X, y).n_iter_ == 2 * defaults.n_epochs(60, 5, 30, True)


def test_pilots_tell_one_line_each_and_leave_nothing(tmp_path, capsys):
    X, y = few_features(noise=1.0)
    seen = []

    def score(estimator, X, y):
        seen.append(len(X))
        return 0.0

    watched = piloted(checkpoint=tmp_path, verbose=True, scoring=score)
    watched.fit(X, y, X_val=X[:30], y_val=y[:30])
    plain = piloted().fit(X, y)
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1
    assert same_bits(watched, plain)
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "Pilot 5 of 5, to find out how long to train"
    assert len(lines) - 5 == len(seen) == watched.n_iter_
    assert vars(plain).keys() == vars(regressor().fit(X, y)).keys()
    assert plain.max_iter == "auto"


def test_an_interrupted_pilot_leaves_no_model(monkeypatch):
    def interrupted(self, n_epochs):
        self.interrupted = True

    monkeypatch.setattr(Trainer, "run", interrupted)
    model = piloted()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*few_features(noise=1.0))
    assert not model.__sklearn_is_fitted__()


def test_what_is_meant_for_layers_that_nobody_knows_is_refused_before_any_pilot(monkeypatch):
    monkeypatch.setattr(pilot, "HeldOut", None)
    model = piloted(epsilon=[3, 3]).set_params(hidden_layer_sizes="auto")
    with pytest.raises(ValueError, match="has a number for each layer"):
        model.fit(*few_features(noise=1.0))


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]"])
def test_times_are_refused_by_name(kind):
    with pytest.raises(ValueError, match=r"y must hold numbers, not times; got .*64\[s\]"):
        small_regressor().fit(X, np.arange(len(X)).astype(kind))


def test_text_is_refused_by_name_even_where_there_is_none():
    with pytest.raises(ValueError, match="y must hold numbers, not text such as 'a'"):
        small_regressor().fit(X, np.full(len(X), "a"))
    with pytest.raises(ValueError, match=r"y must hold numbers, not text\."):
        small_regressor().fit(X, np.array([], str))


@pytest.mark.parametrize("targets", [Y, TWO, TWO[:, :1]], ids=["column", "two", "matrix of one"])
def test_predictions_have_the_shape_of_y(targets):
    assert small_regressor().fit(X, targets).predict(X).shape == targets.shape


@pytest.mark.parametrize("loss", LOSSES)
def test_the_scale_of_the_targets_changes_nothing_else(loss):
    plain = small_regressor(loss=loss).fit(X, TWO)
    scaled = small_regressor(loss=loss).fit(X, 1e6 * TWO - 1e7)
    assert_allclose((scaled.predict(X) + 1e7) / 1e6, plain.predict(X), rtol=1e-3)


def test_targets_are_standardised_by_their_weighted_moments():
    weight = np.arange(len(Y)) % 3
    model = small_regressor().fit(X, TWO, sample_weight=weight)
    mean = np.average(TWO, axis=0, weights=weight)
    assert_allclose(model.target_center_, mean)
    assert_allclose(
        model.target_scale_, np.sqrt(np.average((TWO - mean) ** 2, axis=0, weights=weight))
    )


ROBUST = ["absolute_error", "huber", "quantile"]


@pytest.mark.parametrize("loss", ROBUST)
def test_targets_of_robust_losses_are_standardised_by_medians(loss):
    model = small_regressor(loss=loss).fit(X[1:], TWO[1:])
    center = np.median(TWO[1:], axis=0)
    assert len(TWO[1:]) % 2 == 1
    assert_allclose(model.target_center_, center)
    spread = np.median(abs(TWO[1:] - center), axis=0)
    assert_allclose(model.target_scale_, 1.4826 * spread)


@pytest.mark.parametrize("loss", ROBUST)
def test_targets_that_are_mostly_equal_have_a_scale(loss):
    mostly_zero = np.where(np.arange(len(Y)) % 3 == 0, Y, 0.0)
    model = small_regressor(loss=loss).fit(X, mostly_zero)
    assert_allclose(model.target_center_, mostly_zero.mean())
    assert_allclose(model.target_scale_, mostly_zero.std())


@given(
    values=st.lists(st.integers(-9, 9), min_size=1, max_size=12),
    weight=st.lists(st.integers(1, 4), min_size=12, max_size=12),
)
def test_a_weighted_median_is_that_of_repetitions(values, weight):
    values, weight = np.array(values, float)[:, None], np.array(weight[: len(values)])
    repeated = np.sort(np.repeat(values[:, 0], weight))
    found = weighted_median(values, weight.astype(float))
    assert_array_equal(found, repeated[(repeated.size - 1) // 2])


@pytest.mark.parametrize("n_features", [10, 300], ids=["few features", "many"])
@pytest.mark.parametrize("loss", ROBUST[:2])
def test_a_few_wrong_targets_do_not_count(loss, n_features):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, n_features)).astype(np.float32)
    y = 2 * X[:, 0] + X[:, 1]
    wrong = np.where(np.arange(100) < 3, y[:100] + 100, y[:100])
    found, misled = (
        regressor(loss=name).fit(X[:100], wrong).score(X[100:], y[100:])
        for name in (loss, "squared_error")
    )
    assert misled < -5 < 0.2 < found


@pytest.mark.parametrize("loss", ROBUST)
def test_targets_that_are_nearly_equal_have_a_scale(loss):
    nearly = np.where(np.arange(len(Y)) % 3 == 0, Y, 1e-9 * Y)
    assert_allclose(small_regressor(loss=loss).fit(X, nearly).target_scale_, nearly.std())


@pytest.mark.parametrize("weight", [0.3, 0.7, 1 / 3])
def test_a_constant_weight_changes_no_median(weight):
    for n in range(2, len(Y)):
        values, weights = Y[:n, None], np.full(n, weight)
        assert weighted_median(values, weights) == weighted_median(values, np.ones(n))


def test_a_target_without_weight_changes_no_bit():
    """However large it is: some say so that it is not known."""
    weight = np.append(np.ones(len(Y)), 0)
    placeholder = small_regressor().fit(np.vstack((X, X[:1])), np.append(Y, 1e20), weight)
    assert same_bits(placeholder, small_regressor().fit(X, Y))


def test_a_constant_target_is_predicted():
    targets = np.column_stack((Y, np.full(len(Y), 7.0)))
    assert_allclose(regressor().fit(X, targets).predict(X)[:, 1], 7.0, atol=1e-2)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e300])
def test_extreme_targets_are_predicted(size):
    found = regressor().fit(X, size * Y / 1000).predict(X)
    assert np.isfinite(found).all()
    assert_allclose(found.mean(), size * Y.mean() / 1000, rtol=0.2, atol=1e-2 * (size == 0))


WRONG = {
    "text": (np.array(["a"] * len(Y)), "^y must hold numbers, not text such as .*'a'"),
    "numbers as text": (Y.astype(str), "^y must hold numbers, not text"),
    "NaN": (np.where(np.arange(len(Y)) == 3, np.nan, Y), "Input y contains NaN"),
    "infinity": (np.where(np.arange(len(Y)) == 3, np.inf, Y), "infinity"),
    "masked": (np.ma.array(Y, mask=np.arange(len(Y)) == 3), "^y is a masked array"),
    "None": (None, "requires y"),
    "too short": (Y[:-1], "inconsistent"),
}


@pytest.mark.parametrize(("targets", "message"), WRONG.values(), ids=WRONG)
def test_wrong_targets_are_an_error(targets, message):
    with pytest.raises(ValueError, match=message):
        small_regressor().fit(X, targets)


def test_other_numbers_of_targets_are_an_error_that_names_y_val():
    with pytest.raises(ValueError, match=r"^y_val must hold 1 numbers for each sample.*got 2"):
        small_regressor().fit(X, Y, X_val=X, y_val=TWO)


def test_other_numbers_of_targets_later_in_a_stream_are_an_error():
    with pytest.raises(ValueError, match=r"^y must hold 2 numbers for each sample.*got 1"):
        small_regressor().partial_fit(X, TWO).partial_fit(X, Y)


# ---------------------------------------------------------------- one network


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("skip", ["fitted", "zero", None])
@pytest.mark.parametrize("activation", CODES)
def test_five_lines_of_numpy_give_predict(activation, skip, solver):
    model = small_regressor(activation=activation, skip_connections=skip, solver=solver)
    model.fit(X, TWO)
    slopes = slopes_by_level(activation, 0.6, 4)
    a = X.astype(np.float64)
    for level, (W, b) in enumerate(zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True), 1):
        srelu = None if model.srelu_ is None else model.srelu_[level - 1]
        a = activate(activation, a @ W + b, slopes[level], srelu)
    z = a @ model.coefs_[-1] + model.intercepts_[-1]
    if model.skip_coef_ is not None:
        z = z + X @ model.skip_coef_
    expected = z * model.target_scale_ + model.target_center_
    assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-3)


def test_the_skip_layer_starts_from_a_ridge_regression():
    """Without hidden steps that count, predictions are those of the linear model."""
    X, y = numbers(n_samples=30, n_features=40)
    model = regressor(skip_connections="fitted", max_iter=1, learning_rate_init=1e-9,
                      weight_init_gain=1e-6).fit(X, y)  # fmt: skip
    separation = np.square([np.corrcoef(X[:, j], y)[0, 1] for j in range(40)])
    separation = separation / (1 - separation)
    scaled = StandardScaler().fit_transform(X)
    scaled = scaled * np.sqrt(1 + separation**2 / np.mean(separation**2))
    expected = Ridge(alpha=1.0).fit(scaled, y).predict(scaled)
    assert_allclose(model.predict(X), expected, atol=0.02 * y.std())


def test_connections_gather_at_inputs_that_correlate_with_the_target():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 200)).astype(np.float32)
    y = X[:, :5].sum(axis=1) + 0.1 * rng.normal(size=100)
    degrees = np.diff(regressor(epsilon=1, evolution="guided").fit(X, y).coefs_[0].indptr)
    assert degrees[:5].mean() > 2 * degrees[5:].mean()


def test_importances_find_the_inputs_that_matter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 60)).astype(np.float32)
    y = np.column_stack((X[:, 0], X[:, 1])) + 0.1 * rng.normal(size=(100, 2))
    importances = regressor().fit(X, y).feature_importances_
    assert set(np.argsort(importances)[-2:]) == {0, 1}
    assert importances.sum() == pytest.approx(1)


# ---------------------------------------------------------------- promises


@pytest.mark.parametrize("form", [sparse.csr_array, np.asfortranarray, partial(np.float64)])
@pytest.mark.parametrize("loss", LOSSES)
def test_neither_the_form_of_X_nor_threads_change_a_bit(form, loss):
    model = partial(small_regressor, loss=loss, skip_connections="fitted", evolution="guided")
    assert same_bits(model().fit(X, TWO), model(n_jobs=2).fit(form(X), TWO))


def test_a_sample_given_twice_is_one_of_weight_two():
    weight = 1 + np.arange(len(Y)) % 2
    whole = partial(small_regressor, batch_size="auto")
    weighted = whole().fit(X, Y, sample_weight=weight)
    repeated = whole().fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-4)


def test_a_pickle_goes_on_as_the_original():
    model = small_regressor().partial_fit(X[:48], TWO[:48])
    copy = pickle.loads(pickle.dumps(model))
    for estimator in (model, copy):
        estimator.partial_fit(X[48:], TWO[48:])
    assert same_bits(model, copy)
    assert_array_equal(model.predict(X), copy.predict(X))


def test_a_stream_keeps_the_scale_of_its_first_chunk():
    model = small_regressor().partial_fit(X[:48], Y[:48])
    before = model.target_center_, model.target_scale_
    model.partial_fit(X[48:], 10 * Y[48:])
    assert_array_equal((model.target_center_, model.target_scale_), before)


def test_a_warm_start_goes_on():
    # An evolution of few connections may cost more than a few epochs win.
    model = small_regressor(warm_start=True, evolution=None).fit(X, Y)
    loss = model.loss_
    assert model.fit(X, Y).loss_ < loss
    assert model.t_ == 2 * 5 * len(Y)


def test_a_warm_start_with_targets_far_away_is_told():
    model = small_regressor(warm_start=True, solver="adam", learning_rate_init=1e-3).fit(X, Y)
    with pytest.warns(UserWarning, match="keeps target_center_ and target_scale_"):
        model.fit(X, 100 * Y)


def test_a_warm_start_does_not_tell_of_targets_without_weight():
    model = small_regressor(warm_start=True, max_iter=1).fit(X, Y)
    far = np.append(Y, 1e9)
    model.fit(np.vstack((X, X[:1])), far, sample_weight=(far < 1e9).astype(float))


@pytest.mark.parametrize("first", [Y, TWO], ids=["column", "two"])
def test_a_warm_start_with_targets_of_another_shape_is_an_error(first):
    model = small_regressor(warm_start=True, max_iter=1).fit(X, first)
    with pytest.raises(ValueError, match="goes on with the same targets"):
        model.fit(X, np.column_stack((TWO, Y)))


def test_a_killed_fit_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    expected = small_regressor(max_iter=6).fit(X, TWO)
    checkpointed = small_regressor(max_iter=6, checkpoint=tmp_path / "state")
    n_epochs = iter([None, None, SystemExit])

    def print_or_exit(trainer):
        if next(n_epochs):
            raise SystemExit

    with monkeypatch.context() as patches:
        patches.setattr(Trainer, "_print_epoch", print_or_exit)
        with pytest.raises(SystemExit):
            checkpointed.fit(X, TWO)
    assert same_bits(checkpointed.fit(X, TWO), expected)


@pytest.mark.parametrize(
    "changes", [{"loss": "huber"}, {"loss": "quantile", "quantile": 0.6}, {"huber_delta": 2.0}]
)
def test_a_checkpoint_knows_the_loss(changes, tmp_path):
    small_regressor(checkpoint=tmp_path / "state").fit(X, Y)
    with pytest.raises(ValueError, match="belongs to another fit, which differs in"):
        small_regressor(checkpoint=tmp_path / "state", **changes).fit(X, Y)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "poisson"}, "The 'loss' parameter"),
        ({"quantile": 1.0}, "The 'quantile' parameter"),
        ({"huber_delta": 0}, "The 'huber_delta' parameter"),
    ],
)
def test_wrong_parameters_are_an_error(changes, message):
    with pytest.raises(ValueError, match=message):
        small_regressor(**changes).fit(X, Y)


# ---------------------------------------------------------------- among scikit-learn's


def test_works_in_searches_and_cross_validation():
    pipeline = make_pipeline(StandardScaler(), small_regressor())
    assert len(cross_val_score(pipeline, X, Y, cv=3)) == 3
    grid = {"loss": ["squared_error", "huber"]}
    search = GridSearchCV(small_regressor(), grid, cv=2).fit(X, TWO)
    assert search.best_estimator_.n_outputs_ == 2


def test_several_targets_at_once_are_as_good_as_one_each():
    together = regressor().fit(X, TWO)
    apart = MultiOutputRegressor(regressor()).fit(X, TWO)
    for model in (together, apart):
        assert r2_score(TWO, model.predict(X)) > 0.95


def test_pinball_loss_is_lower_than_that_of_the_mean():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5))
    y = X[:, 0] + rng.exponential(size=500) * (1 + (X[:, 1] > 0))
    mean, upper = (regressor(loss=loss, quantile=0.9).fit(X[:300], y[:300]).predict(X[300:])
                   for loss in ("squared_error", "quantile"))  # fmt: skip
    assert mean_pinball_loss(y[300:], upper, alpha=0.9) < mean_pinball_loss(
        y[300:], mean, alpha=0.9
    )


def test_early_stopping_of_one_sample_speaks_of_no_class():
    with pytest.raises(ValueError, match="needs at least 2 samples; got n_samples=1"):
        small_regressor(early_stopping=True).fit(X[:1], Y[:1])
