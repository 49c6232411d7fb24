"""Pictures of single predictions: what they show, not how they look."""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from estimators import (
    indicators,
    numbers,
    points,
    small,
    small_regressor,
    small_survival,
    times,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksparse_mlp.inspection import contributions
from sksparse_mlp.plotting import ContributionDisplay
from sksparse_mlp.plotting._contributions import BIN, FARTHEST, _stacked

X, Y = points()
NAMES = [f"gene {j}" for j in range(X.shape[1])]


@pytest.fixture(scope="module")
def three():
    return small(skip_connections="fitted").fit(pd.DataFrame(X, columns=NAMES), Y)


@pytest.fixture(scope="module")
def two():
    return small(skip_connections="fitted").fit(*points(n_classes=2))


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def frame(X):
    return pd.DataFrame(X, columns=NAMES)


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_bars_are_the_contributions_of_a_sample(three):
    shown = ContributionDisplay.from_estimator(three, frame(X[:1]), class_of_interest="AML")
    found = contributions(three, frame(X[:1]), classes="AML")[0]
    assert_allclose([bar.get_width() for bar in shown.bars_], found[shown.features_])
    assert shown.dots_ is None


def test_the_largest_magnitude_is_on_top(three):
    shown = ContributionDisplay.from_estimator(three, frame(X[:1]), n_features=4)
    size = abs(shown.contributions[0])
    assert shown.features_.tolist() == np.argsort(-size, kind="stable")[:4].tolist()
    bottom, top = shown.ax_.get_ylim()
    assert top < 0 < 3 < bottom


def test_bars_for_and_against_differ_in_colour(three):
    shown = ContributionDisplay.from_estimator(three, frame(X[:1]))
    colors = {bar.get_facecolor(): bar.get_width() > 0 for bar in shown.bars_}
    signs = [bar.get_width() > 0 for bar in shown.bars_]
    assert len(colors) == 2
    assert [colors[bar.get_facecolor()] for bar in shown.bars_] == signs


def test_features_have_the_names_seen_in_fit(three):
    shown = ContributionDisplay.from_estimator(three, frame(X[:1]), n_features=3)
    assert labels(shown) == [NAMES[j] for j in shown.features_]


def test_features_have_the_names_that_are_given(two):
    X2 = points(n_classes=2)[0]
    shown = ContributionDisplay.from_estimator(two, X2[:1], feature_names=[*"abcdefgh$$"])
    assert labels(shown) == [[*"abcdefgh$$"][j] for j in shown.features_]


def test_a_dot_for_each_sample_and_feature(two):
    X2 = points(n_classes=2)[0]
    shown = ContributionDisplay.from_estimator(two, X2, n_features=3)
    assert shown.bars_ is None
    x, y = shown.dots_.get_offsets().T
    assert_allclose(x, contributions(two, X2)[:, shown.features_].T.ravel(), rtol=1e-6)
    assert_array_equal(np.round(y), np.repeat([0, 1, 2], len(X2)))


def test_a_colour_is_the_value_of_the_input(two):
    X2 = points(n_classes=2)[0]
    shown = ContributionDisplay.from_estimator(two, X2, n_features=1)
    values = X2[:, shown.features_[0]]
    relative = (values - values.min()) / np.ptp(values)
    assert_allclose(shown.dots_.get_array(), relative, rtol=1e-5)


@pytest.mark.parametrize("form", [sparse.csr_array, pd.DataFrame])
def test_the_form_of_X_changes_no_picture(two, form):
    X2 = points(n_classes=2)[0]
    as_it_is = ContributionDisplay.from_estimator(two, X2)
    other = ContributionDisplay.from_estimator(two, form(X2))
    assert_array_equal(other.dots_.get_offsets(), as_it_is.dots_.get_offsets())
    assert_array_equal(other.dots_.get_array(), as_it_is.dots_.get_array())


def test_an_input_that_does_not_vary_has_one_colour():
    X2, y = points(n_classes=2)
    model = small(hidden_layer_sizes=()).fit(X2, y)
    constant = np.tile(X2[:1], (5, 1))
    shown = ContributionDisplay.from_estimator(model, constant)
    assert set(shown.dots_.get_array()) == {0.0}


def test_several_classes_show_the_one_predicted(three):
    shown = ContributionDisplay.from_estimator(three, frame(X))
    numbers = np.searchsorted(three.classes_, three.predict(frame(X)))
    of_all = contributions(three, frame(X))
    assert_array_equal(shown.contributions, of_all[np.arange(len(X)), :, numbers])
    assert shown.ax_.get_xlabel() == "contribution to the logit of the predicted class"


def test_the_axis_names_the_class(three, two):
    X2 = points(n_classes=2)[0]
    displays = [
        ContributionDisplay.from_estimator(three, frame(X[:1])),
        ContributionDisplay.from_estimator(three, frame(X), class_of_interest="CLL"),
        ContributionDisplay.from_estimator(two, X2),
    ]
    found = [display.ax_.get_xlabel().split()[-1] for display in displays]
    assert found == [three.predict(frame(X[:1]))[0], "CLL", "AML"]


def test_it_draws_where_it_is_told_and_can_be_saved(two, tmp_path):
    figure, ax = plt.subplots()
    shown = ContributionDisplay.from_estimator(two, points(n_classes=2)[0], ax=ax)
    assert (shown.ax_, shown.figure_) == (ax, figure)
    figure.savefig(tmp_path / "picture.png")


def test_without_matplotlib_it_says_what_to_install(two, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"ContributionDisplay needs matplotlib: pip install"):
        ContributionDisplay.from_estimator(two, points(n_classes=2)[0])


@pytest.mark.parametrize("n_features", [0, 1.5])
def test_wrong_numbers_of_features_are_refused(two, n_features):
    with pytest.raises(ValueError, match=rf"n_features={n_features} must be an int of at least 1"):
        ContributionDisplay.from_estimator(two, points(n_classes=2)[0], n_features=n_features)


@pytest.mark.parametrize(
    ("make", "data", "name"),
    [(small_regressor, numbers, "prediction"), (small_survival, times, "log hazard ratio")],
)
def test_without_classes_it_shows_what_adds_to_the_output(make, data, name):
    X, y = data()
    model = make().fit(X, y)
    shown = ContributionDisplay.from_estimator(model, X)
    assert_array_equal(shown.contributions, contributions(model, X))
    assert shown.ax_.get_xlabel() == f"contribution to the {name}"
    assert len(ContributionDisplay.from_estimator(model, X[:1], n_features=3).bars_) == 3
    with pytest.raises(ValueError, match="has no meaning without classes"):
        ContributionDisplay.from_estimator(model, X, class_of_interest=1)


@pytest.mark.parametrize("n_labels", [2, 4])
def test_one_of_several_labels_is_to_be_named(n_labels):
    X, y = indicators(n_labels)
    model = small().fit(X, y)
    with pytest.raises(ValueError, match=f"which of {n_labels} outputs to show"):
        ContributionDisplay.from_estimator(model, X)
    shown = ContributionDisplay.from_estimator(model, X, class_of_interest=1)
    assert_array_equal(shown.contributions, contributions(model, X, classes=1))


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match="est must be a fitted sparse network"):
        ContributionDisplay.from_estimator(object(), X)


def test_dots_that_would_cover_each_other_are_stacked_to_either_side():
    assert sorted(_stacked(np.array([0.1, 0.1, 0.1, 5.0]), 1.0).tolist()) == [-0.09, 0, 0, 0.09]


def test_a_stack_stays_beside_its_line():
    offsets = _stacked(np.zeros(1000), BIN)
    assert abs(offsets).max() == pytest.approx(FARTHEST)
    assert len(np.unique(offsets)) == 1000
