"""Several labels a sample: an indicator matrix as y, a probability for each label."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from estimators import indicators, points, same_bits, small
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import TrulySparseMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = indicators()


@pytest.fixture(scope="module")
def fitted():
    return small(max_iter=30).fit(X, Y)


def test_each_label_has_a_probability_of_its_own(fitted):
    p = fitted.predict_proba(X)
    assert p.shape == Y.shape
    assert not np.allclose(p.sum(axis=1), 1)
    assert_allclose(p, expit(fitted.decision_function(X)))
    assert_allclose(np.log(p), fitted.predict_log_proba(X))


def test_predicted_are_the_labels_more_probable_than_not(fitted):
    assert_array_equal(fitted.predict(X), fitted.predict_proba(X) > 0.5)


def test_its_attributes(fitted):
    assert fitted.classes_.tolist() == [0, 1, 2, 3]
    assert fitted.n_outputs_ == 4
    assert fitted.out_activation_ == "logistic"


def test_is_as_good_as_a_logistic_regression_of_each_label():
    X, y = make_multilabel_classification(400, 30, n_classes=5, random_state=0)
    ours = make_pipeline(StandardScaler(), TrulySparseMLPClassifier((50,), random_state=0))
    theirs = make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression()))
    ours, theirs = (m.fit(X[:300], y[:300]).score(X[300:], y[300:]) for m in (ours, theirs))
    assert ours > theirs - 0.05


FORMS = {
    "sparse": sparse.csr_matrix,
    "lists": np.ndarray.tolist,
    "frame": pd.DataFrame,
    "bool": np.bool_,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_any_form_of_indicators_gives_the_same(form):
    expected = small(early_stopping=True).fit(X, Y)
    assert same_bits(small(early_stopping=True).fit(X, form(Y)), expected)


def test_the_skip_layer_starts_from_logistic_regressions():
    X, y = indicators(n_samples=40, n_features=60, n_labels=3)
    model = TrulySparseMLPClassifier(
        (20,), epsilon=5, max_iter=1, learning_rate_init=1e-9, weight_init_gain=1e-6,
        temperature=1.0, random_state=0,
    ).fit(X, y)  # fmt: skip
    r2 = np.mean([[np.corrcoef(x, t)[0, 1] ** 2 for x in X.T] for t in y.T], axis=0)
    q = r2 / (1 - r2)
    scaled = StandardScaler().fit_transform(X) * np.sqrt(1 + q**2 / np.mean(q**2))
    expected = [LogisticRegression(tol=1e-8).fit(scaled, t).decision_function(scaled) for t in y.T]
    assert_allclose(model.decision_function(X), np.transpose(expected), atol=0.1)


def test_validation_figures_are_those_of_the_estimator():
    model = small(temperature=2.0).fit(X, Y, X_val=X[:40], y_val=Y[:40])
    p = model.predict_proba(X[:40])
    expected = -np.where(Y[:40], np.log(p), np.log1p(-p)).mean()
    assert model.history_["validation_loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert model.validation_scores_[-1] == model.score(X[:40], Y[:40])


def test_combinations_of_labels_are_held_out_in_proportion():
    y = np.repeat([[1, 0], [0, 1], [1, 1], [0, 0]], [40, 30, 20, 6], axis=0)
    model = small(early_stopping=True, scoring="f1_macro", validation_fraction=0.2)
    seen = []

    def scorer(estimator, X, y):
        seen.append(y)
        return 1.0

    model.set_params(scoring=scorer, max_iter=1).fit(X, y)
    assert sorted(np.unique(seen[0], axis=0, return_counts=True)[1]) == [1, 4, 6, 8]


def test_a_label_that_nobody_has_is_never_predicted():
    y = Y.copy()
    y[:, 1] = 0
    assert not small(max_iter=20).fit(X, y).predict(X)[:, 1].any()


def test_a_stream_learns_labels():
    model = small(max_iter=1)
    for _ in range(20):
        model.partial_fit(X, Y, classes=[0, 1, 2, 3])
    assert model.score(X, Y) > small(max_iter=1).fit(X, Y).score(X, Y)


def test_a_pickle_predicts_the_same(fitted):
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_neither_threads_nor_the_form_of_X_change_a_bit(n_jobs):
    model = partial(small, skip_connections="fitted", evolution="guided")
    assert same_bits(model().fit(X, Y), model(n_jobs=n_jobs).fit(sparse.csr_array(X), Y))


def test_class_weight_is_an_error_that_names_sample_weight():
    with pytest.raises(ValueError, match=r"class_weight='balanced' has no meaning.*sample_weight"):
        small(class_weight="balanced").fit(X, Y)


def test_other_numbers_than_zero_and_one_are_an_error():
    with pytest.raises(ValueError, match=r"^y must be an indicator matrix of zeros and ones"):
        small().fit(X, 2 * Y)


def test_a_chunk_with_other_labels_is_an_error():
    with pytest.raises(ValueError, match=r"^y must be an indicator matrix.*with 4 columns"):
        small().fit(X, Y).partial_fit(X, Y[:, :3])


def test_a_warm_start_with_classes_is_an_error():
    with pytest.raises(ValueError, match="warm_start=True goes on with the same classes"):
        small(warm_start=True).fit(X, Y).fit(*points())


def test_columns_of_several_classes_are_an_error_that_names_what_works():
    with pytest.raises(ValueError, match=r"^y should be a 1d array.*MultiOutputClassifier"):
        small().fit(X, np.column_stack((np.arange(96) % 3, Y[:, 0])))


def test_the_classes_of_a_stream_of_indicators_are_the_numbers_of_its_columns():
    with pytest.raises(ValueError, match=r"^classes must be the numbers of the columns"):
        small().partial_fit(X, Y, classes=["a", "b", "c", "d"])
