"""Bad parameters and bad data: an error that says what is wrong, and nothing is trained."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from estimators import KINDS, small, targets_for
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
    TrulySparseMLPRegressor,
    TrulySparseMLPSurvival,
)

NAN, INF = float("nan"), float("inf")
N_SAMPLES, N_FEATURES, CLASSES = 24, 5, [0, 1, 2]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_SAMPLES, N_FEATURES))
y = np.arange(N_SAMPLES) % 3
ONES = np.ones(N_SAMPLES)

TINY = {"hidden_layer_sizes": (6,), "epsilon": 2, "max_iter": 2, "batch_size": 8}
classifier = partial(small, **TINY)
OF_KIND = {kind: targets_for(kind, y) for kind in KINDS}


# ---------------------------------------------------------------- one parameter

NOT_NUMBERS = ["text", None, [1.0], NAN, INF]
NOT_BOOLEANS = ["yes", None, 2, 0.5]
NOT_COUNTS = [0, -1, 1.5, NAN, "many", [3]]

WRONG = {
    "hidden_layer_sizes": [
        *(0, -3, 1.5, NAN, None, "100", True, {5: 1}, {5, 6}),
        *((0,), (5, -1), (5, 2.5), (5, NAN), (5, None), (5, "6"), (5, True), [[5, 6]]),
        np.ones((2, 2), int),
    ],
    "activation": ["softplus", None, 1, ["relu"]],
    "activation_slope": NOT_NUMBERS,
    "epsilon": [0, -1, NAN, INF, "20", [2, NAN], [2, 0], [2, "2"], [[2, 2]], {2: 2, 3: 3}],
    "density": [0, -0.1, 1.01, NAN, "half", [0.5]],
    "evolution": ["rigl", True, 1],
    "layer_density": ["even", None, 0.5, (0.5,), (0.5, 0), (0.5, NAN), (0.5, 1.5), (0.5, "1")],
    "initial_topology": ["lattice", None, 1],
    "rewiring": [-0.1, 1.01, NAN, "0.5", None],
    "averaging": ["mean", True, 1],
    "drop": ["none", None, 1],
    "drop_scope": ["global", None, 1],
    "redistribution": ["even", True, 1],
    "density_schedule": ["linear", True, 1],
    "initial_connections": [0, -1, NAN, "many", None],
    "neuron_pruning": ["weakest", True, 0.2],
    "pruned_neurons": [-0.1, 1, NAN, "half", None],
    "zeta_schedule": ["exponential", None, 0.5],
    "guidance": [-0.1, 1.01, NAN, "0.5", None, "most"],
    "skip_connections": [1, True, "yes", "full"],
    "zeta": [-0.1, 1, NAN, "0.3", None],
    "evolution_interval": [*NOT_COUNTS, None],
    "evolution_end": [-0.1, 1.1, NAN, "all", None],
    "evolve_output_layer": NOT_BOOLEANS,
    "solver": ["lbfgs", None, 1],
    "learning_rate": ["linear", None, 0.1],
    "learning_rate_init": [*NOT_NUMBERS, 0, -0.1],
    "learning_rate_scaling": ["fan_out", True, 1],
    "power_t": [*NOT_NUMBERS, -0.5],
    "momentum": [*NOT_NUMBERS, -0.1, 1],
    "nesterovs_momentum": NOT_BOOLEANS,
    "beta_1": [*NOT_NUMBERS, -0.1, 1],
    "beta_2": [*NOT_NUMBERS, -0.1, 1],
    "weight_decay": [*NOT_NUMBERS, -0.1],
    "dropout": [*NOT_NUMBERS, -0.1, 1],
    "input_dropout": [*NOT_NUMBERS, -0.1, 1],
    "input_noise": [*NOT_NUMBERS, -0.1],
    "weight_init": ["zeros", None, 1],
    "weight_init_gain": [*NOT_NUMBERS, 0, -1],
    "batch_size": [*NOT_COUNTS, None],
    "max_iter": [*NOT_COUNTS, None],
    "shuffle": NOT_BOOLEANS,
    "tol": [*NOT_NUMBERS, -1e-4],
    "n_iter_no_change": [*NOT_COUNTS, None],
    "early_stopping": NOT_BOOLEANS,
    "validation_fraction": [*NOT_NUMBERS, 0, 1, -0.1],
    "scoring": ["no_such_score", 1, ["accuracy"]],
    "temperature": [*NOT_NUMBERS, 0, -1, 1e-300],
    "class_weight": ["even", 1, [1, 2, 3]],
    "warm_start": NOT_BOOLEANS,
    "checkpoint": [1, 0.5, True, ["a", "path"]],
    "checkpoint_interval": ["often", None, 0, -1, 0.0, -0.5],
    "verbose": ["yes", -1, None, 0.5],
    "random_state": [-1, 2**32, 1.5, "seed", np.random.default_rng(0)],
    "n_jobs": [0, 1.5, "all"],
}
WRONG_ELSEWHERE = {
    "regressor": {
        "loss": ["poisson", None, 1],
        "quantile": [*NOT_NUMBERS, 0, 1],
        "huber_delta": [*NOT_NUMBERS, 0, -1],
    },
    "survival": {"scoring": [*WRONG["scoring"], "accuracy", "r2", None]},
}


def wrong_of(kind):
    """Wrong values of each parameter of a kind of estimator."""
    parameters = KINDS[kind]().get_params()
    values = WRONG | WRONG_ELSEWHERE.get(kind, {})
    return {name: values[name] for name in parameters}


def test_every_parameter_is_tried():
    assert set(WRONG) == set(classifier().get_params())


def names_value(error, value):
    return str(value) in str(error) or repr(value) in str(error)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (kind, name, value)
        for kind in KINDS
        for name, values in wrong_of(kind).items()
        for value in values
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_what_is_allowed(kind, name, value):
    estimator = KINDS[kind](**TINY | {name: value})
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match=rf"\b{name}\b.*\bmust\b") as caught:
        estimator.fit(X, OF_KIND[kind])
    assert names_value(caught.value, value)
    assert vars(estimator) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 2, "density": 0.5}, "epsilon=2 and density=0.5 both set"),
        ({"epsilon": [2, 2, 2]}, r"each of the 2 layers; got \[2, 2, 2\]"),
        ({"epsilon": [2]}, r"each of the 2 layers; got \[2\]"),
        ({"class_weight": {0: NAN}}, "class_weight must hold finite numbers >= 0"),
        ({"class_weight": {0: -1}}, "class_weight must hold finite numbers >= 0"),
        ({"class_weight": {0: INF}}, "class_weight must hold finite numbers >= 0"),
        ({"class_weight": {7: 1}}, r"\[0, 1, 2\], are not in class_weight"),
        ({"class_weight": {0: 10**400}}, "class_weight must hold finite numbers >= 0"),
        ({"class_weight": {0: "1"}}, "class_weight must hold finite numbers >= 0"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, "contains 0 classes of positive weight"),
        ({"scoring": lambda *args: NAN, "early_stopping": True}, "return a number.* got nan"),
        ({"scoring": lambda *args: "good", "early_stopping": True}, "return a number.* 'good'"),
    ],
)
def test_contradictory_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        classifier(**changes).fit(X, y)


def numeric_parameters(estimator):
    """Names of the parameters that may be a number, from their constraints."""
    for name, constraints in type(estimator)._parameter_constraints.items():
        if any(isinstance(constraint, Interval) for constraint in constraints):
            yield name


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        pytest.param(estimator, name, id=f"{type(estimator).__name__} {name}")
        for estimator in (
            TrulySparseMLPClassifier(),
            TrulySparseMLPRegressor(),
            TrulySparseMLPSurvival(),
            SparseMLPFeatureSelector(),
            SparseAutoencoderSelector(),
        )
        for name in numeric_parameters(estimator)
    ],
)
def test_a_number_beyond_all_floats_is_an_error_that_names_the_parameter(estimator, name):
    times = isinstance(estimator, TrulySparseMLPSurvival)
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        clone(estimator).set_params(**{name: 10**400}).fit(X, OF_KIND["survival"] if times else y)


@pytest.mark.parametrize("name", ["hidden_layer_sizes", "epsilon"])
def test_a_number_beyond_all_floats_in_a_sequence_is_an_error(name):
    with pytest.raises(ValueError, match=rf"{name} must be .* got \[10000"):
        classifier(**{name: [10**400, 3]}).fit(X, y)


@pytest.mark.parametrize("name", ["sample_weight", "sample_weight_val"])
def test_a_weight_beyond_all_floats_is_an_error(name):
    weight = changed(ONES.astype(object), 3, 10**400)
    with pytest.raises(ValueError, match=rf"^{name}: "):
        classifier().fit(X, y, X_val=X, y_val=y, **{name: weight})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("max_iter", [0, -3])
def test_training_ends_where_nobody_has_checked_how_long_it_may_last(max_iter):
    with config_context(skip_parameter_validation=True):
        assert classifier(max_iter=max_iter).fit(X, y).n_iter_ == 1


SMALL_NUMBERS = {
    "learning_rate_init": np.float16(0.01),
    "dropout": np.float16(0.25),
    "input_dropout": np.float16(0.25),
    "input_noise": np.float16(0.5),
    "weight_decay": np.float16(0.001),
    "zeta": np.float16(0.25),
    "weight_init_gain": np.float16(0.5),
    "epsilon": np.float16(2),
    "batch_size": np.int8(8),
    "max_iter": np.uint8(2),
    "evolution_interval": np.int8(1),
    "n_jobs": np.int8(1),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SMALL_NUMBERS)
def test_a_number_of_NumPy_means_what_it_says(name):
    number = SMALL_NUMBERS[name]
    model, expected = (classifier(**{name: n}).fit(X, y) for n in (number, number.item()))
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("epsilon", [1e9, 1e308, [1e308, 1e-300]])
def test_epsilon_beyond_all_cells_makes_layers_full(epsilon):
    model = classifier(epsilon=epsilon).fit(X, y)
    assert model.n_connections_[0] == 5 * 6


@pytest.mark.parametrize("sizes", [10**12, (10**6, 10**12), 2**40])
def test_a_network_too_large_for_the_machine_is_refused_with_what_it_needs(sizes):
    with pytest.raises(ValueError, match=r"needs about [\d,.]+ GiB, this machine has"):
        classifier(hidden_layer_sizes=sizes).fit(X, y)


def test_a_layer_too_wide_for_its_indices_is_refused(monkeypatch):
    monkeypatch.setattr("sksparse_mlp._estimator.checks._memory_of_this_machine", lambda: 2**60)
    with pytest.raises(ValueError, match=r"2,147,483,647 neurons at most"):
        classifier(hidden_layer_sizes=2**31).fit(X, y)


# ---------------------------------------------------------------- X


def csr(**changes):
    """X as CSR with some of its three arrays replaced, which SciPy does not look at."""
    matrix = sparse.csr_array(X)
    for name, values in changes.items():
        setattr(matrix, name, values)
    return matrix


def changed(values, position, value):
    values = np.array(values)
    values[position] = value
    return values


GOOD = sparse.csr_array(X)
WRONG_X = {
    "NaN": (changed(X, (3, 1), NAN), "X contains NaN"),
    "infinity": (changed(X, (3, 1), -INF), "X contains infinity"),
    "beyond float32": (changed(X, (3, 1), -1e39), "-?1e\\+39, beyond the range of float32"),
    "long double": (changed(X, (3, 1), 1e300).astype(np.longdouble), "beyond the range of float32"),
    "no features": (X[:, :0], "0 feature"),
    "beyond float64": (changed(X.astype(object), (3, 1), 10**400), "beyond the range of float64"),
    "3-D": (X[None], "dim 3"),
    "1-D": (X[0], "Expected 2D"),
    "complex": (X + 0j, "Complex data"),
    "strings": (X.astype(str), "strings"),
    "objects": (changed(X.astype(object), (3, 1), "a"), "could not convert string"),
    "sparse NaN": (csr(data=changed(GOOD.data, 7, NAN)), "X contains NaN"),
    "sparse infinity": (csr(data=changed(GOOD.data, 7, INF)), "X contains infinity"),
    "sparse beyond float32": (csr(data=changed(GOOD.data, 7, 1e39)), "beyond the range of float32"),
    "sparse complex": (csr(data=GOOD.data + 0j), "Complex data"),
    "index too large": (csr(indices=changed(GOOD.indices, 7, 99)), "out of range.* 0 to 99"),
    "index negative": (csr(indices=changed(GOOD.indices, 7, -1)), "out of range.* -1 to 4"),
    "indices of fractions": (csr(indices=GOOD.indices + 0.5), "indices are not integers"),
    "pointer beyond the end": (csr(indptr=changed(GOOD.indptr, 3, 10**6)), "row pointers"),
    "last pointer beyond the end": (csr(indptr=changed(GOOD.indptr, -1, 10**6)), "row pointers"),
    "falling pointers": (csr(indptr=changed(GOOD.indptr, 3, 0)), "row pointers"),
    "negative pointer": (csr(indptr=changed(GOOD.indptr, 0, -5)), "row pointers"),
    "too few pointers": (csr(indptr=GOOD.indptr[:-2]), "row pointers"),
    "too few indices": (csr(indices=GOOD.indices[:-9]), "row pointers"),
    "too few values": (csr(data=GOOD.data[:-9]), "row pointers"),
}


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(X, y)


@pytest.fixture(scope="module")
def fitted_of_kind(fitted):
    return {kind: make(**TINY).fit(X, OF_KIND[kind]) for kind, make in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("bad", "message"), WRONG_X.values(), ids=WRONG_X)
def test_wrong_X(bad, message, kind, fitted_of_kind):
    estimator, y = KINDS[kind](**TINY), OF_KIND[kind]
    with pytest.raises(ValueError, match=message):
        estimator.fit(bad, y)
    assert not estimator.__sklearn_is_fitted__()
    with pytest.raises(ValueError, match=message):
        estimator.partial_fit(bad, y, **{"classes": CLASSES} if kind == "classifier" else {})
    with pytest.raises(ValueError, match=message):
        fitted_of_kind[kind].predict(bad)
    with pytest.raises(ValueError, match=rf"X_val: (.|\n)*{message}"):
        estimator.fit(X, y, X_val=bad, y_val=y)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict"])
def test_no_samples(method, fitted):
    arguments = (X[:0],) if method == "predict" else (X[:0], y[:0])
    with pytest.raises(ValueError, match="0 sample"):
        getattr(fitted, method)(*arguments)


@pytest.mark.parametrize("shape", [(24, 2**40), (24, 2**31)])
@pytest.mark.parametrize(
    "too_wide",
    [
        lambda shape: sparse.csr_array(([1.0], ([0], [7])), shape=shape),
        lambda shape: np.broadcast_to(np.float32(1), shape),
    ],
    ids=["CSR", "dense"],
)
def test_more_features_than_a_network_can_have(too_wide, shape, monkeypatch):
    monkeypatch.setattr("sksparse_mlp._estimator.checks._memory_of_this_machine", lambda: 2**60)
    with pytest.raises(ValueError, match=rf"X has [\d,]+ features \(shape .*{shape[1]}.*2,147,483"):
        classifier().fit(too_wide(shape), y)


def test_more_features_than_fit_into_memory(monkeypatch):
    monkeypatch.setattr("sksparse_mlp._estimator.checks._memory_of_this_machine", lambda: 144 * 4)
    with pytest.raises(ValueError, match=r"X has 5 features \(shape \(24, 5\)\).* 4 at most"):
        classifier().fit(X, y)


def with_gaps(values):
    return np.repeat(values, 2)[::2]


def duplicated():
    """Each value as the sum of two halves, stored one after the other."""
    order = np.repeat(np.arange(GOOD.nnz), 2)
    return sparse.csr_array((GOOD.data[order] / 2, GOOD.indices[order], 2 * GOOD.indptr), X.shape)


def backwards():
    order = np.arange(GOOD.nnz).reshape(X.shape)[:, ::-1].ravel()
    return sparse.csr_array((GOOD.data[order], GOOD.indices[order], GOOD.indptr), X.shape)


UNUSUAL_X = {
    "int64 indices": csr(indices=GOOD.indices.astype(np.int64)),
    "int64 pointers": csr(indptr=GOOD.indptr.astype(np.int64)),
    "int16 indices": csr(indices=GOOD.indices.astype(np.int16)),
    "uint32 indices": csr(indices=GOOD.indices.astype(np.uint32)),
    "values with gaps": csr(data=with_gaps(GOOD.data)),
    "indices with gaps": csr(indices=with_gaps(GOOD.indices)),
    "pointers with gaps": csr(indptr=with_gaps(GOOD.indptr)),
    "more than used": csr(data=np.append(GOOD.data, 9.0), indices=np.append(GOOD.indices, 99)),
    "duplicates": duplicated(),
    "unsorted": backwards(),
    "blocks with duplicates": sparse.bsr_array(
        (
            np.repeat(X[:, :, None, None] / 2, 2, axis=1).reshape(-1, 1, 1),
            np.repeat(GOOD.indices, 2),
            2 * GOOD.indptr,
        ),
        shape=X.shape,
    ),
    "matrix": sparse.csr_matrix(X),
    "csc": sparse.csc_array(X),
    "coo": sparse.coo_array(X),
    "long double": sparse.csr_array(X.astype(np.longdouble)),
    "other byte order": X.astype(">f8"),
    "columns first": np.asfortranarray(X),
    "with gaps": np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "backwards": X[::-1, ::-1].copy()[::-1, ::-1],
    "one byte off": np.frombuffer(b" " + X.tobytes(), np.uint8)[1:].view(float).reshape(X.shape),
    "objects": X.astype(object),
    "a list": X.tolist(),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("unusual", UNUSUAL_X.values(), ids=UNUSUAL_X)
def test_unusual_X_of_the_same_values_gives_the_same_model(unusual, fitted):
    before = pickle.dumps(unusual)
    model = classifier().fit(unusual, y)
    np.testing.assert_allclose(model.predict_proba(X), fitted.predict_proba(X), rtol=1e-6)
    np.testing.assert_array_equal(model.predict_proba(unusual), model.predict_proba(X))
    assert pickle.dumps(unusual) == before


# ---------------------------------------------------------------- y, weights, validation

WRONG_Y = {
    "NaN": (changed(y.astype(float), 2, NAN), "y contains NaN"),
    "infinity": (changed(y.astype(float), 2, INF), "y contains infinity"),
    "one class": (0 * y, "at least 2 classes.* contains 1 class"),
    "fractions": (y + 0.5, "continuous"),
    "two columns": (np.column_stack([y, y]), "1d"),
    "too short": (y[:-1], r"inconsistent numbers of samples: \[24, 23\]"),
    "None among strings and numbers": (np.array(["a", 1, None] * 8, object), "y contains None"),
    "None among strings": (np.array([None, "a"] * 12, object), "y contains None"),
    "strings and numbers": (np.array(["a", 1, "b"] * 8, object), "must hold strings"),
    "numbers among strings": (np.array([1, "a"] * 12, object), "Unknown label type"),
    "complex": (y + 0j, "Complex data"),
    "nothing": (None, "requires y"),
}


@pytest.mark.parametrize(("bad", "message"), WRONG_Y.values(), ids=WRONG_Y)
def test_wrong_y(bad, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, bad)


WRONG_WEIGHT = {
    "negative": (changed(ONES, 2, -1), "Negative values"),
    "all zero": (0 * ONES, "zero"),
    "NaN": (changed(ONES, 2, NAN), "contains NaN"),
    "infinity": (changed(ONES, 2, INF), "contains infinity"),
    "too short": (ONES[:-1], r"\(23,\), expected \(24,\)"),
    "two columns": (np.column_stack([ONES, ONES]), "1D"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("bad", "message"), WRONG_WEIGHT.values(), ids=WRONG_WEIGHT)
def test_wrong_weights(bad, message, kind):
    make, y = partial(KINDS[kind], **TINY), OF_KIND[kind]
    with pytest.raises(ValueError, match=f"sample_weight.*{message}"):
        make().fit(X, y, bad)
    with pytest.raises(ValueError, match=f"sample_weight_val.*{message}"):
        make().fit(X, y, X_val=X, y_val=y, sample_weight_val=bad)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [2.0**-1020, 2.0**1020])
def test_weights_far_beyond_float32_mean_the_same_as_ones(scale, fitted):
    model = classifier().fit(X, y, scale * ONES)
    np.testing.assert_array_equal(model.coefs_[0].data, fitted.coefs_[0].data)
    model = classifier(class_weight=dict.fromkeys(CLASSES, scale)).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0].data, fitted.coefs_[0].data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_val": X}, "X_val was given without y_val"),
        ({"y_val": y}, "y_val was given without X_val"),
        ({"sample_weight_val": ONES}, "sample_weight_val was given without X_val"),
        ({"X_val": X[:, :3], "y_val": y}, "X has 3 features.* expecting 5"),
        ({"X_val": X, "y_val": y + 1}, r"y_val holds labels that are not in classes_.*3"),
        ({"X_val": X, "y_val": y[:-1]}, "inconsistent numbers of samples"),
        ({"X_val": X[:0], "y_val": y[:0]}, "0 sample"),
        ({"X_val": X, "y_val": changed(y.astype(float), 1, NAN)}, "y_val contains NaN"),
    ],
)
def test_wrong_validation_data(arguments, message):
    estimator = classifier()
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, **arguments)
    assert not estimator.__sklearn_is_fitted__()


def test_early_stopping_needs_two_samples_of_a_class():
    with pytest.raises(ValueError, match=r"at least 2 samples of one class; got n_samples=3"):
        classifier(early_stopping=True).fit(X[:3], y[:3])


# ---------------------------------------------------------------- streams, and a fitted model


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"early_stopping": True}, {"classes": CLASSES}, "early_stopping=True has no meaning"),
        ({"class_weight": "balanced"}, {"classes": CLASSES}, "class_weight='balanced' cannot"),
        ({}, {}, "classes must be passed on the first call"),
        ({}, {"classes": [0, 1]}, r"y holds labels that are not in classes_.*2"),
        ({}, {"classes": [0, 1, 2, NAN]}, "NaN"),
        ({}, {"classes": [[0, 1, 2]]}, "Unknown label type"),
        ({}, {"classes": "012"}, "array-like"),
        ({"class_weight": dict.fromkeys(CLASSES, 0)}, {"classes": CLASSES}, "contains 0 class"),
    ],
)
def test_wrong_first_chunks_of_a_stream(changes, arguments, message):
    estimator = classifier(**changes)
    with pytest.raises(ValueError, match=message):
        estimator.partial_fit(X, y, **arguments)


def test_classes_of_a_stream_cannot_change():
    estimator = classifier().partial_fit(X, y, classes=CLASSES)
    with pytest.raises(ValueError, match="not the same as on last call"):
        estimator.partial_fit(X, y, classes=[0, 1, 2, 3])


@pytest.mark.parametrize(
    "changes", [{"hidden_layer_sizes": (7,)}, {"epsilon": 3}, {"density": 0.9, "epsilon": None}]
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_shape_of_a_network_cannot_change_when_training_goes_on(changes, method):
    estimator = classifier(warm_start=True).partial_fit(X, y, classes=CLASSES)
    with pytest.raises(ValueError, match="cannot change when"):
        getattr(estimator.set_params(**changes), method)(X, y)


@pytest.mark.parametrize("changes", [{"solver": "sgd"}, {"activation": "tanh"}])
def test_solver_and_activation_cannot_change_when_training_goes_on(changes):
    estimator = classifier(solver="adam").partial_fit(X, y, classes=CLASSES)
    with pytest.raises(ValueError, match="cannot change when"):
        estimator.set_params(**changes).partial_fit(X, y)


def test_a_warm_start_needs_the_same_classes():
    estimator = classifier(warm_start=True).partial_fit(X, y, classes=CLASSES)
    with pytest.raises(ValueError, match=r"fitted with \[0 1 2\], y holds \[0 1\]"):
        estimator.fit(X, y % 2)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_the_number_of_features_cannot_change(method, fitted):
    with pytest.raises(ValueError, match=r"X has 4 features.* expecting 5"):
        getattr(fitted, method)(X[:, :4])


@pytest.mark.parametrize("columns", [list("abcdf"), list("bacde")], ids=["other", "order"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_names_of_features_cannot_change(columns):
    model = classifier().fit(pd.DataFrame(X, columns=list("abcde")), y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(pd.DataFrame(X, columns=columns))


@pytest.mark.parametrize("layer", [1, -2, 0.5, "last", None])
def test_a_hidden_layer_that_does_not_exist(layer, fitted):
    with pytest.raises(ValueError, match="layer must be an int from -1 to 0"):
        fitted.hidden_activations(X, layer)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_without_hidden_layers_has_no_hidden_activations():
    model = classifier(hidden_layer_sizes=()).fit(X, y)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(\) is a network without hidden"):
        model.hidden_activations(X)


def nothing_to_learn(kind):
    """Targets that are refused: a single class, a number that is none, no event."""
    y = OF_KIND[kind].copy()
    if kind == "survival":
        y["event"] = False
        return y
    return y * (NAN if kind == "regressor" else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_fit_leaves_a_fitted_model_as_it_was(kind, fitted_of_kind):
    model, y = fitted_of_kind[kind], OF_KIND[kind]
    before = vars(model).copy()
    for bad_X, bad_y in ((X * NAN, y), (X, nothing_to_learn(kind)), (X[:, :2], y[:-1])):
        with pytest.raises(ValueError):
            model.fit(bad_X, bad_y)
    assert vars(model) == before
