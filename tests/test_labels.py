"""Labels that are missing, several at once, bytes, or all of one class that weighs anything."""

import numpy as np
import pandas as pd
import pytest
from estimators import points, small
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.ensemble import BaggingClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier

from sksparse_mlp import SparseMLPFeatureSelector

X, Y = points(n_classes=2, n_samples=40)
NAN = float("nan")


def with_one(value, container=lambda labels: np.array(labels, dtype=object)):
    labels = Y.tolist()
    labels[5] = value
    return container(labels)


def dates(container):
    years = pd.Series(with_one(None, list)).map({"ALL": "2020", "AML": "2021"})
    return container(pd.to_datetime(years))


MISSING = {
    "None": (with_one(None), "None"),
    "NaN among strings": (with_one(NAN), "NaN"),
    "NaN among strings in a list": (with_one(NAN, list), "NaN"),
    "pandas.NA": (with_one(pd.NA), "<NA>"),
    "NaN": (np.where(np.arange(40) == 5, NAN, np.arange(40) % 2), "NaN"),
    "pandas strings": (pd.Series(with_one(None, list), dtype="string"), "<NA>"),
    "pandas categories": (pd.Series(with_one(None, list), dtype="category"), "NaN"),
    "pandas integers": (pd.array([0, 1, 0, 1, 0, None] + [1] * 34, dtype="Int64"), "NaN|<NA>"),
    "NaT": (dates(np.asarray), "NaT"),
    "NaT in pandas": (dates(pd.Series), "NaT"),
    "column": (with_one(None)[:, None], "None"),
}


def ways_to_give(labels):
    """What a mistake in labels can be called, and the call that makes it."""
    classes, numbers = sorted(set(Y)), np.arange(40)
    flat = labels if isinstance(labels, list) else np.ravel(labels)
    return {
        "y": [
            lambda: small().fit(X, labels),
            lambda: small().partial_fit(X, labels, classes=classes),
            lambda: SparseMLPFeatureSelector(small(), n_networks=1).fit(X, labels),
        ],
        "y_val": [lambda: small().fit(X, Y, X_val=X, y_val=labels)],
        "classes": [lambda: small().partial_fit(X, numbers, classes=flat)],
    }


@pytest.mark.parametrize("name", ["y", "y_val", "classes"])
@pytest.mark.parametrize(("labels", "value"), MISSING.values(), ids=MISSING)
def test_a_missing_label_is_an_error_that_names_where(labels, value, name):
    for call in ways_to_give(labels)[name]:
        with pytest.raises(ValueError, match=rf"^{name} contains ({value}) .*position 5"):
            call()


@pytest.mark.parametrize("name", ["y", "y_val", "classes"])
@pytest.mark.parametrize("dtype", ["S3", object])
def test_bytes_are_no_labels(dtype, name):
    labels = np.char.encode(Y).astype(dtype)
    for call in ways_to_give(labels)[name]:
        with pytest.raises(ValueError, match=rf"^{name} holds bytes, such as b'...'.* decode"):
            call()


@pytest.mark.parametrize("name", ["y", "y_val", "classes"])
def test_masked_labels_are_an_error(name):
    labels = np.ma.array(Y, mask=np.arange(40) == 5)
    with pytest.raises(ValueError, match=rf"^{name} is a masked array"):
        ways_to_give(labels)[name][0]()


@pytest.mark.parametrize("name", ["y_val", "y"])
def test_labels_that_cannot_be_compared_with_the_classes(name):
    mixture = np.array(["ALL", 1] * 20, dtype=object)
    model = small().partial_fit(X, Y, classes=sorted(set(Y)))
    call = {
        "y_val": lambda: small().fit(X, Y, X_val=X, y_val=mixture),
        "y": lambda: model.partial_fit(X, mixture),
    }[name]
    with pytest.raises(ValueError, match=rf"^{name} must hold labels like \['ALL', 'AML'\]"):
        call()


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy before 2.0")
def test_strings_of_any_width_are_labels():
    variable = Y.astype(np.dtypes.StringDType())
    classes = np.unique(Y).astype(np.dtypes.StringDType())
    model = small().fit(X, variable, X_val=X, y_val=variable)
    assert_array_equal(model.predict(X), small().fit(X, Y).predict(X))
    stream = small().partial_fit(X, variable, classes=classes)
    assert stream.classes_.tolist() == ["ALL", "AML"]


# ---------------------------------------------------------------- several labels a sample

INDICATORS = np.column_stack([Y == "ALL", X[:, 0] > 0, X[:, 1] > 0]).astype(int)
SEVERAL = {
    "indicators": INDICATORS,
    "frame": pd.DataFrame(INDICATORS),
    "sparse indicators": sparse.csr_array(INDICATORS),
    "lists of different lengths": [["ALL"], ["ALL", "AML"]] * 20,
    "lists": [["ALL", "CLL"], ["ALL", "AML"]] * 20,
    "sets": [{"ALL"}, {"ALL", "AML"}] * 20,
    "Series of lists": pd.Series([["ALL"], ["ALL", "AML"]] * 20),
}


@pytest.mark.parametrize("several", SEVERAL.values(), ids=SEVERAL)
def test_a_selector_names_what_works_with_several_labels_a_sample(several):
    message = r"^y should be a 1d array.*(one of the columns at a time|MultiOutputClassifier)"
    with pytest.raises(ValueError, match=message):
        SparseMLPFeatureSelector(k=2, n_networks=1).fit(X, several)


LISTS = {name: several for name, several in SEVERAL.items() if "li" in name or name == "sets"}


@pytest.mark.parametrize("name", ["y", "y_val"])
@pytest.mark.parametrize("several", LISTS.values(), ids=LISTS)
def test_several_labels_in_lists_are_an_error_that_names_what_works(several, name):
    message = rf"^{name} should be a 1d array.*MultiLabelBinarizer.*MultiOutputClassifier"
    for call in ways_to_give(several)[name][:2]:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("several", list(SEVERAL.values())[:3], ids=list(SEVERAL)[:3])
def test_several_labels_to_validate_one_are_an_error(several):
    with pytest.raises(ValueError, match=r"^y_val should be a 1d array"):
        small().fit(X, Y, X_val=X, y_val=several)


@pytest.mark.parametrize("wrapper", [OneVsRestClassifier, MultiOutputClassifier])
def test_what_the_error_names_works(wrapper):
    assert wrapper(small()).fit(X, INDICATORS).predict(X).shape == INDICATORS.shape


# ---------------------------------------------------------------- classes that weigh nothing

RARE = np.where(np.arange(40) == 7, "AML", "ALL")
WIDE = np.hstack([X] * 5)
PRIORS = [
    {},
    {"evolution": "guided", "skip_connections": "fitted"},
    {"evolution": "guided", "skip_connections": "fitted", "batch_size": "auto"},
    {"early_stopping": True},
]


@pytest.mark.parametrize("weight", [0.0, 1e-300], ids=["no", "negligible"])
@pytest.mark.parametrize("inputs", [X, WIDE], ids=["few features", "many features"])
@pytest.mark.parametrize("changes", PRIORS, ids=str)
def test_where_one_class_has_all_the_weight_it_is_predicted(changes, inputs, weight):
    model = small(learning_rate_init=0.5, max_iter=40, **changes)
    model.fit(inputs, RARE, np.where(RARE == "ALL", 1.0, weight))
    assert model.classes_.tolist() == ["ALL", "AML"]
    assert set(model.predict(inputs)) == {"ALL"}


def test_a_class_weight_of_zero_leaves_one_class():
    model = small(class_weight={"AML": 0.0}, learning_rate_init=0.5, max_iter=40).fit(X, Y)
    assert set(model.predict(X)) == {"ALL"}


@pytest.mark.parametrize("inputs", [X, WIDE], ids=["few features", "many features"])
def test_bagging_bears_bootstraps_without_the_rare_class(inputs):
    model = BaggingClassifier(small(max_iter=2, batch_size="auto"), random_state=0)
    model.fit(inputs, RARE)
    drawn = [7 in samples for samples in model.estimators_samples_]
    assert (any(drawn), all(drawn)) == (True, False)
    assert model.predict_proba(inputs).shape == (40, 2)


def test_labels_of_one_class_are_an_error():
    with pytest.raises(ValueError, match=r"at least 2 classes.* contains 1 class: \['ALL'\]"):
        small().fit(X, np.full(40, "ALL"))
