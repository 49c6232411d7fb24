"""The skip layer: where it starts from, and that it is a layer as all others are."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from builders import members_of
from estimators import points, small
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from test_relevance import data_of
from wide import wide

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp._network import SparseNetwork
from sksparse_mlp._network.activations import CODES, slopes_by_level
from sksparse_mlp._network.streams import Streams
from sksparse_mlp._training import linear_start
from sksparse_mlp._training.lbfgs import minimise
from sksparse_mlp._training.moments import input_moments

skipping = partial(small, skip_connections="fitted")


def fitted(X, y, **changes):
    parameters = {"hidden_layer_sizes": (20,), "epsilon": 3, "max_iter": 5, "random_state": 0}
    return TrulySparseMLPClassifier(**parameters | changes).fit(X, y)


# ---------------------------------------------------------------- minimising


def test_minimise_finds_the_minimum_of_a_quadratic():
    A = np.diag(np.linspace(1, 100, 20)) + 0.1
    goal = np.arange(20.0)

    def quadratic(x):
        return 0.5 * (x - goal) @ A @ (x - goal), A @ (x - goal)

    assert_allclose(minimise(quadratic, np.zeros(20), max_iter=200, tol=1e-9), goal, atol=1e-7)


def test_minimise_ends_where_it_was_told_to():
    calls = []

    def quadratic(x):
        calls.append(x)
        return 0.5 * (x**2).sum(), x

    minimise(quadratic, np.ones(3), max_iter=0, tol=0.0)
    assert len(calls) == 1


@pytest.mark.parametrize("slope", [np.inf, np.nan])
def test_minimise_goes_nowhere_from_a_gradient_that_is_not_finite(slope):
    start = np.ones(3)
    found = minimise(lambda x: (x.sum(), np.array([0, slope, 1])), start, max_iter=5, tol=1e-9)
    assert_array_equal(found, start)


def test_minimise_never_goes_uphill():
    def steep(x):
        return float(np.cosh(5 * x).sum()), 5 * np.sinh(5 * x)

    start = np.full(4, 3.0)
    values = [steep(minimise(steep, start, max_iter=n, tol=1e-9))[0] for n in range(0, 60, 5)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(4)


# ---------------------------------------------------------------- the exact start


def start(X, y, n_outputs=None, *, n_skip=None, n_threads=1, **more):
    """Weights and output intercepts that the skip layer of a new network starts from."""
    data, n_outputs = data_of(X, y, **more), n_outputs or int(y.max()) + 1
    moments, n_in = input_moments(data), X.shape[1]
    with members_of(None, n_threads) as team:
        network = SparseNetwork(
            (n_in, 4, n_outputs),
            (2 * n_in, 2 * n_outputs, n_skip or n_in * n_outputs),
            activation="relu",
            activation_slope=0.0,
            weight_init="he_uniform",
            weight_init_gain=1.0,
            solver="adam",
            streams=Streams(1, 2, 3, 4, 5),
            team=team,
        )
        linear_start.start_linear_layer(network, data, moments, team, max_iter=300, tol=1e-6)
    return network.weights_of(2).toarray().astype(np.float64), network.intercepts_of(1)


def outputs(X, weights, intercepts):
    z = X @ weights + intercepts
    return z - z.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_is_a_logistic_regression_on_inputs_scaled_by_their_separation(n_classes):
    X, y = wide(n_classes=n_classes)
    X = 3 * X + 5
    scaled = StandardScaler().fit_transform(X)
    separation = input_moments(data_of(X, y)).separation()
    scaled *= np.sqrt(1 + separation**2 / np.mean(separation**2))
    model = LogisticRegression(tol=1e-9, max_iter=10_000).fit(scaled, y)
    coef, intercept = model.coef_.T, model.intercept_
    if n_classes == 2:
        coef, intercept = np.hstack((-coef, coef)) / 2, np.hstack((-intercept, intercept)) / 2
    expected = outputs(scaled, coef, intercept)
    assert_allclose(outputs(X, *start(X, y)), expected, atol=2e-2)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_neither_the_form_of_X_nor_threads_change_a_bit(n_threads):
    X, y = wide()
    X = np.where(abs(X) > 0.5, X, 0).astype(np.float32)
    dense = start(X, y)
    for form in (sparse.csr_array(X), np.asfortranarray(X), X.astype(np.float64)):
        for found, expected in zip(start(form, y, n_threads=n_threads), dense, strict=True):
            assert_array_equal(found, expected)


def test_samples_in_several_batches_give_what_one_gives(monkeypatch):
    X, y = wide()
    one = outputs(X, *start(X, y))
    monkeypatch.setattr(linear_start, "BATCH", 8)
    assert_allclose(outputs(X, *start(X, y)), one, atol=1e-2)


def test_a_bounded_number_of_samples_takes_part(monkeypatch):
    X, y = wide()
    monkeypatch.setattr(linear_start, "MOST_SAMPLES", 12)
    few = start(X, y)
    monkeypatch.setattr(linear_start, "MOST_SAMPLES", 30)
    assert not np.array_equal(few[0], start(X, y)[0])
    assert outputs(X, *few).argmax(axis=1).tolist() != [0] * 30


def test_the_scale_of_the_weights_does_not_matter():
    X, y = wide()
    weight = np.linspace(0.5, 1, len(y))
    one, other = (outputs(X, *start(X, y, weight=w)) for w in (weight, weight / 4))
    assert_allclose(one, other, atol=1e-3)


def test_only_its_connections_take_part():
    X, y = wide()
    weights, _ = start(X, y, n_skip=60)
    assert 30 < np.count_nonzero(weights) <= 60


def test_inputs_that_do_not_vary_have_no_weight():
    X, y = wide()
    X[:, 5], X[:, 6] = 1.0, 1e-38 * X[:, 6]
    weights, _ = start(X, y)
    assert not weights[[5, 6]].any()
    assert np.isfinite(weights).all()


@pytest.mark.parametrize("offset", [1e3, -1e4])
def test_inputs_far_from_zero_are_measured_from_their_mean(offset):
    X, y = wide()
    near, far = outputs(X, *start(X, y)), outputs(X + offset, *start(X + offset, y))
    assert_array_equal(far.argmax(axis=1), near.argmax(axis=1))


def test_nothing_to_learn_from_gives_no_weights():
    weights, _ = start(np.ones((6, 10)), np.arange(6) % 2)
    assert not weights.any()


def test_a_class_without_samples_is_improbable():
    X, y = wide(n_classes=2)
    z = outputs(X, *start(X, 2 * y, n_outputs=4))
    assert (softmax(z, axis=1)[:, [1, 3]] < 0.05).all()


# ---------------------------------------------------------------- the whole model, shown


def activation_of(model):
    """The activation function of a hidden layer, by its number."""
    slopes = slopes_by_level(model.activation, model.activation_slope, len(model.coefs_) + 1)

    def srelu(z, layer):
        t_right, a_right, t_left, a_left = model.srelu_[layer]
        above = np.where(z >= t_right, t_right + a_right * (z - t_right), z)
        return np.where(z <= t_left, t_left + a_left * (z - t_left), above)

    def piecewise(z, layer):
        return np.where(z > 0, z, slopes[layer + 1] * z)

    return {
        "srelu": srelu,
        "tanh": lambda z, layer: np.tanh(z),
        "logistic": lambda z, layer: expit(z),
        "identity": lambda z, layer: z,
    }.get(model.activation, piecewise)


@pytest.mark.parametrize("skip", ["fitted", "zero", None])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("activation", CODES)
def test_fitted_attributes_are_the_whole_model(activation, solver, skip):
    X, y = points()
    model = small(activation=activation, solver=solver, skip_connections=skip, temperature="auto")
    model.fit(X, y)
    f, a = activation_of(model), X
    for layer, (W, b) in enumerate(zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True)):
        a = f(a @ W + b, layer)
    z = a @ model.coefs_[-1] + model.intercepts_[-1]
    z = z + X @ model.skip_coef_ if skip is not None else z
    p = softmax(z / model.temperature_, axis=1)
    assert_allclose(model.predict_proba(X), p, atol=1e-5)


def test_it_is_counted():
    X, y = points()
    model = skipping().fit(X, y)
    layers = [*model.coefs_, model.skip_coef_]
    assert model.n_connections_ == tuple(layer.nnz for layer in layers)
    assert model.skip_coef_.shape == (10, 3)


def test_without_it_there_is_none():
    X, y = points()
    assert small(skip_connections=None).fit(X, y).skip_coef_ is None


def test_without_hidden_layers_there_is_nothing_to_skip():
    X, y = points()
    model = skipping(hidden_layer_sizes=()).fit(X, y)
    assert (model.skip_coef_, len(model.coefs_)) == (None, 1)


@pytest.mark.parametrize(
    ("epsilon", "expected"), [((3, 3, 1), 13), ((3, 3, 3, 2), 26), (1.5, 20)], ids=str
)
def test_how_many_connections_it_has(epsilon, expected):
    X, y = points()
    assert skipping(epsilon=epsilon).fit(X, y).skip_coef_.nnz == expected


def test_it_is_trained_and_evolves_where_it_is_not_full():
    X, y = points()
    before = skipping(epsilon=1, max_iter=1, evolution=None).fit(X, y).skip_coef_
    after = skipping(epsilon=1, zeta=0.5).fit(X, y).skip_coef_
    assert after.nnz == before.nnz
    assert after.indices.tolist() != before.indices.tolist()


def test_a_stream_trains_it_from_zero():
    X, y = points()
    model = small(skip_connections="auto").partial_fit(X, y, classes=np.unique(y))
    first = model.skip_coef_.toarray().copy()
    assert first.any()
    assert not np.array_equal(model.partial_fit(X, y).skip_coef_.toarray(), first)


def test_a_warm_start_trains_it_further():
    X, y = points()
    model = skipping(warm_start=True, max_iter=1).fit(X, y)
    first = model.skip_coef_.toarray().copy()
    second = model.fit(X, y).skip_coef_.toarray()
    assert 0 < abs(second - first).max() < 1


def test_validation_figures_include_it():
    X, y = wide(n_samples=60)
    model = fitted(X, y).set_params(max_iter=1)
    model.fit(X, y, X_val=X, y_val=y)
    expected = -np.mean(model.predict_log_proba(X)[np.arange(len(y)), y])
    assert model.history_["validation_loss"] == [pytest.approx(expected)]


def test_what_a_sample_is_predicted_depends_on_nothing_else():
    X, y = wide()
    model = fitted(X, y)
    one_by_one = np.vstack([model.predict_proba(row[None]) for row in X])
    assert_array_equal(one_by_one, model.predict_proba(X))


def test_a_pickle_predicts_the_same():
    X, y = wide()
    model = fitted(X, y)
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.predict_proba(X), model.predict_proba(X))


def test_fits_side_by_side_in_threads_give_the_bits_of_one_alone():
    X, y = wide(n_samples=60, n_features=300)
    alone = fitted(X, y).predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: fitted(X, y).predict_proba(X), range(8)))
    assert all(np.array_equal(other, alone) for other in others)


def test_importances_follow_the_way_that_decides():
    X, y = wide(n_samples=60, n_features=200)
    model = fitted(X, y, max_iter=20)
    assert set(np.argsort(-model.feature_importances_)[:9]) == set(range(9))
    assert model.feature_importances_.sum() == pytest.approx(1)


def test_a_chunk_of_one_sample_tells_inputs_apart():
    X, y = wide(n_samples=60)
    model = fitted(X, y).partial_fit(X[:1], y[:1])
    assert model.feature_importances_.max() > 2 / X.shape[1]


@pytest.mark.parametrize("skip", ["auto", None])
@pytest.mark.parametrize("sizes", [(), (10,)])
def test_only_what_starts_fitted_is_trained_briefly(sizes, skip):
    X, y = wide()
    model = TrulySparseMLPClassifier(sizes, epsilon=3, skip_connections=skip, random_state=0)
    assert model.fit(X, y).n_iter_ == (200 if skip is None else 30)
    model.set_params(warm_start=True).fit(X, y)
    assert model.n_iter_ == 200


def test_the_connections_to_the_outputs_stay_where_they_are_if_asked_for():
    X, y = points()
    fits = [
        skipping(epsilon=1, zeta=0.5, evolve_output_layer=False, max_iter=n).fit(X, y)
        for n in (1, 5)
    ]
    assert fits[0].skip_coef_.indices.tolist() == fits[1].skip_coef_.indices.tolist()
    assert fits[0].coefs_[0].indices.tolist() != fits[1].coefs_[0].indices.tolist()


@pytest.mark.filterwarnings("ignore:Input 0 of X holds much larger numbers")
def test_importances_do_not_depend_on_the_unit_of_an_input():
    X, y = wide(n_samples=60)
    model = fitted(X, y, max_iter=1, learning_rate_init=1e-9)
    X[:, 0] *= 1000
    scaled = fitted(X, y, max_iter=1, learning_rate_init=1e-9, hidden_layer_sizes=(1,))
    ratio = scaled.feature_importances_[0] / model.feature_importances_[0]
    assert 0.2 < ratio < 5


@pytest.mark.parametrize("n_features", [29, 30, 31])
def test_rules_of_the_defaults_have_no_cliff(n_features):
    X, y = wide(n_features=100)
    model = TrulySparseMLPClassifier(10, random_state=0).fit(X[:, :n_features], y)
    assert 30 <= model.n_iter_ <= 36
    assert 1.96 <= model.temperature_ <= 2.0


@pytest.mark.parametrize(
    ("hidden", "n_features", "expected"),
    [((), 15, 1.5), (5, 15, 1.5), ((5, 5), 15, 1.75), ((5, 5, 5), 15, 1.75), ((5, 5), 60, 2.0)],
)
def test_the_rule_of_temperature_heeds_depth_and_scarcity(hidden, n_features, expected):
    X, y = wide(n_samples=60, n_features=60)
    model = TrulySparseMLPClassifier(hidden, max_iter=1, random_state=0).fit(X[:, :n_features], y)
    assert model.temperature_ == expected


@pytest.mark.parametrize("skip", ["auto", "fitted"])
def test_the_only_layer_starts_likewise(skip):
    X, y = wide()
    alone = fitted(X, y, hidden_layer_sizes=(), skip_connections=skip, max_iter=1,
                   learning_rate_init=1e-9, epsilon=None)  # fmt: skip
    beside = fitted(X, y, skip_connections=skip, max_iter=1, learning_rate_init=1e-9,
                    weight_init_gain=1e-6, epsilon=None)  # fmt: skip
    assert_allclose(alone.decision_function(X), beside.decision_function(X), atol=1e-3)
