"""``scoring``: the samples' weights are heeded, and its errors say what to do about them."""

import numpy as np
import pytest
from estimators import points, small
from numpy.testing import assert_array_equal
from sklearn.metrics import accuracy_score, make_scorer

X, Y = points(n_samples=90)
RNG = np.random.default_rng(0)
WEIGHT = RNG.uniform(0.1, 3.0, 90)
TIMES = RNG.integers(1, 5, 90)


def network(**changes):
    return small(**{"early_stopping": True, "validation_fraction": 0.3, "max_iter": 4} | changes)


def without_weights(estimator, X, y):
    return float(np.mean(estimator.predict(X) == y))


# ---------------------------------------------------------------- weights

WEIGHTS = {
    "sample_weight": ({}, {"sample_weight": WEIGHT}),
    "class_weight": ({"class_weight": {"ALL": 5.0}}, {}),
    "balanced": ({"class_weight": "balanced"}, {"sample_weight": WEIGHT}),
    "sample_weight_val": ({}, {"X_val": X, "y_val": Y, "sample_weight_val": WEIGHT}),
    "none": ({}, {}),
}


@pytest.mark.parametrize("scoring", ["accuracy", make_scorer(accuracy_score)], ids=str)
@pytest.mark.parametrize(("changes", "given"), WEIGHTS.values(), ids=WEIGHTS)
def test_accuracy_is_what_is_reported_without_scoring(changes, given, scoring):
    # A single epoch: which one is the best, the score and the loss may see differently.
    scored, usual = (network(max_iter=1, scoring=s, **changes) for s in (scoring, None))
    scores, expected = (m.fit(X, Y, **given).validation_scores_ for m in (scored, usual))
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


@pytest.mark.parametrize("scoring", ["accuracy", without_weights])
def test_a_scorer_sees_samples_as_often_as_they_were_given(scoring):
    # In one batch, equal samples are merged into one with their weight.
    given = np.repeat(X, TIMES, axis=0), np.repeat(Y, TIMES)
    scored, usual = (network(max_iter=1, batch_size="auto", scoring=s) for s in (scoring, None))
    scores, expected = (m.fit(*given).validation_scores_ for m in (scored, usual))
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_one_that_takes_no_weights_is_shown_samples_repeatedly():
    shown = []

    def scorer(estimator, X, y):
        shown.append(y)
        return 0.0

    model = network(scoring=scorer, max_iter=1)
    model.fit(X, Y, X_val=X, y_val=Y, sample_weight_val=TIMES / 3)
    assert_array_equal(shown[0], np.repeat(Y, TIMES))


@pytest.mark.parametrize("scoring", ["accuracy", without_weights])
def test_samples_without_weight_are_not_shown(scoring):
    heard = np.arange(90) % 3 > 0
    fit = network(scoring=scoring).fit
    with_them = fit(X, Y, X_val=X, y_val=Y, sample_weight_val=heard).validation_scores_
    assert fit(X, Y, X_val=X[heard], y_val=Y[heard]).validation_scores_ == with_them


def test_one_that_takes_weights_is_told_them():
    told = []

    def scorer(estimator, X, y, *, sample_weight=None):
        told.append(sample_weight)
        return 0.0

    fit = network(scoring=scorer, max_iter=1).fit
    fit(X, Y, X_val=X, y_val=Y, sample_weight_val=WEIGHT)
    np.testing.assert_allclose(told[0] / told[0][0], WEIGHT / WEIGHT[0])
    fit(X, Y, X_val=X, y_val=Y, sample_weight_val=np.full(90, 0.3))
    assert told[1] is None


@pytest.mark.parametrize("scoring", [without_weights, "rand_score"])
@pytest.mark.parametrize("weight", [WEIGHT, np.where(np.arange(90) == 3, 1e-4, 1.0)])
def test_weights_that_no_repetition_expresses_are_an_error_before_training(weight, scoring):
    seen = []
    model = network(scoring=scoring, early_stopping=False)
    model._observe = seen.append
    with pytest.raises(ValueError, match=r"scoring=.* takes no sample_weight.*sample_weight=None"):
        model.fit(X, Y, X_val=X, y_val=Y, sample_weight_val=weight)
    assert seen == []


# ---------------------------------------------------------------- errors

TWO = Y != "CLL"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr", "roc_auc_ovo"])
def test_an_error_names_scoring_and_the_class_that_is_missing(scoring):
    message = rf"scoring='{scoring}' failed on the validation samples: .*no sample .*\['CLL'\]"
    with pytest.raises(ValueError, match=f"(?s){message}"):
        network(scoring=scoring).fit(X, Y, X_val=X[TWO], y_val=Y[TWO])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_score_that_is_no_number_names_the_class_that_is_missing():
    one = Y == "ALL"
    message = r"scoring='roc_auc' must return a number.*got nan.*no sample .*\['AML'\]"
    with pytest.raises(ValueError, match=message):
        network(scoring="roc_auc").fit(X[TWO], Y[TWO], X_val=X[one], y_val=Y[one])


@pytest.mark.parametrize("scoring", ["f1", "precision", "average_precision", "neg_brier_score"])
def test_an_error_about_the_positive_class_says_how_to_name_it(scoring):
    message = rf"scoring='{scoring}' .*\['ALL', 'AML'\].*make_scorer\(metric, pos_label=\.\.\.\)"
    with pytest.raises(ValueError, match=f"(?s){message}"):
        network(scoring=scoring).fit(X[TWO], Y[TWO])


def test_errors_of_other_kinds_keep_their_kind_and_get_a_note():
    def scorer(estimator, X, y):
        raise ZeroDivisionError("in the scorer")

    with pytest.raises(ZeroDivisionError, match="in the scorer") as caught:
        network(scoring=scorer).fit(X, Y)
    assert "scoring=<function" in caught.value.__notes__[0]
