"""Random data, parameters and calls: a valid model or a documented error, never anything else."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from estimators import structured
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from sksparse_mlp import (
    TrulySparseMLPClassifier,
    TrulySparseMLPRegressor,
    TrulySparseMLPSurvival,
)

DTYPES = ["f4", "f8", "f2", ">f8", "i1", "i8", "u4", "?", "O", "g"]
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "gaps": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "csr_array": sparse.csr_array,
    "csr_matrix": sparse.csr_matrix,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "list": lambda X: X.tolist(),
}
SPECIAL = [0.0, 1.0, -1.0, 1e-45, 1e-20, 1e10, 1e30, 3e38, 1e39, np.inf, np.nan]


@st.composite
def matrices(draw, n_samples, n_features):
    """X of any type, layout, sparsity and size of numbers, now and then with a bad number."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    X = rng.normal(size=(n_samples, n_features)) * 10.0 ** draw(st.integers(-6, 6))
    X *= rng.random(X.shape) < draw(st.sampled_from([0.0, 0.1, 1.0, 1.0]))
    if X.size and draw(st.integers(0, 3)) == 0:
        X[rng.integers(n_samples), rng.integers(n_features)] = draw(st.sampled_from(SPECIAL))
    dtype = draw(st.sampled_from(DTYPES))
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    if layout.startswith("cs") or layout == "coo":
        dtype = "f4" if dtype in ("f2", "O", ">f8") else dtype
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LAYOUTS[layout](X.astype(dtype))


def labels(draw, rng, n_samples):
    n_classes = draw(st.sampled_from([1, 2, 3, 4, 4, 4]))
    return np.array(["a", "b", "c", "d"])[rng.permutation(n_samples) % n_classes]


def numbers(draw, rng, n_samples):
    spread, middle = draw(st.sampled_from([0.0, 1e-3, 1.0, 1.0, 1e10, 1e300])), draw(scales)
    shape = n_samples if draw(st.integers(0, 4)) else (n_samples, 1)
    return middle + spread * rng.normal(size=shape)


def times(draw, rng, n_samples):
    """Now and then all tied, or without an event, or with a time that is none."""
    time = rng.exponential(size=n_samples) * draw(st.sampled_from([1.0, 1e-30, 1e30]))
    time = time if draw(st.booleans()) else np.round(time, 1)
    if draw(st.integers(0, 9)) == 9:
        time[0] = draw(st.sampled_from([0.0, -1.0, np.inf, np.nan, 1e308]))
    return structured(
        rng.random(n_samples) < draw(st.sampled_from([0.7, 0.7, 0.3, 1.0, 0.0])), time
    )


@st.composite
def chunks(draw, n_features, targets):
    """X, y and weights that mostly fit together."""
    n_samples = draw(st.sampled_from([1, 2, 5, 8, 17, 33, 40, 40]))
    n_features = draw(st.sampled_from([n_features] * 15 + [n_features + 1]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    y = targets(draw, rng, n_samples)
    weight = draw(
        st.sampled_from([None, None, rng.random(n_samples), rng.integers(0, 2, n_samples) * 1e300])
    )
    return draw(matrices(n_samples, n_features)), y, weight


sizes = st.one_of(st.integers(1, 40), st.lists(st.integers(1, 40), max_size=3))
rates = st.one_of(st.just(0.0), st.floats(0, 1, exclude_max=True))
scales = st.one_of(st.floats(1e-4, 0.1), st.sampled_from([1e-30, 1.0, 1e6, 1e30]))
PARAMETERS = {
    "hidden_layer_sizes": sizes,
    "activation": st.sampled_from(
        ["relu", "all_relu", "srelu", "leaky_relu", "tanh", "logistic", "identity"]
    ),
    "activation_slope": st.sampled_from([0.6, 0.0, -3.0, 1e20]),
    "density": st.one_of(st.none(), st.floats(1e-6, 1)),
    "epsilon": st.one_of(st.none(), st.none(), st.floats(1e-3, 1e3)),
    "layer_density": st.sampled_from(["erdos_renyi", "uniform"]),
    "evolution": st.sampled_from(["set", "gradient", "cosine", "hebbian", None]),
    "drop": st.sampled_from(["set", "magnitude", "random", "mest", "snip"]),
    "drop_scope": st.sampled_from(["layer", "network"]),
    "redistribution": st.sampled_from([None, None, "momentum", "gradient"]),
    "density_schedule": st.sampled_from([None, None, "cubic"]),
    "initial_connections": st.sampled_from(["auto", 0.1, 1.0, 3.0]),
    "neuron_pruning": st.sampled_from([None, None, "chase"]),
    "pruned_neurons": rates,
    "zeta_schedule": st.sampled_from(["constant", "cosine", "linear"]),
    "zeta": rates,
    "evolution_interval": st.sampled_from(["auto", "epoch", 1, 2, 7]),
    "evolution_end": st.floats(0, 1),
    "evolve_output_layer": st.booleans(),
    "solver": st.sampled_from(["sgd", "adam"]),
    "learning_rate": st.sampled_from(["constant", "invscaling", "adaptive", "cosine"]),
    "learning_rate_init": scales,
    "learning_rate_scaling": st.sampled_from(["fan_in", None]),
    "power_t": st.sampled_from([0.0, 0.5, 100.0]),
    "momentum": rates,
    "nesterovs_momentum": st.booleans(),
    "beta_1": rates,
    "beta_2": rates,
    "weight_decay": st.sampled_from([0.0, 2e-4, 1.0, 1e10]),
    "dropout": rates,
    "input_dropout": rates,
    "input_noise": st.sampled_from(["auto", 0.0, 0.5, 1e10]),
    "weight_init": st.sampled_from(["he_uniform", "he_normal", "xavier", "normal"]),
    "weight_init_gain": st.sampled_from([1.0, 0.35, 1e-30, 1e10]),
    "batch_size": st.one_of(st.just("auto"), st.integers(1, 50)),
    "max_iter": st.integers(1, 4),
    "shuffle": st.booleans(),
    "tol": st.sampled_from([0.0, 1e-4, 1e3]),
    "n_iter_no_change": st.integers(1, 3),
    "early_stopping": st.booleans(),
    "validation_fraction": st.floats(0.01, 0.99),
    "warm_start": st.booleans(),
    "random_state": st.integers(0, 2**32 - 1),
    "n_jobs": st.sampled_from([None, 2]),
}
OF_CLASSIFIERS = {
    "scoring": st.sampled_from([None, None, "accuracy", "neg_log_loss"]),
    "temperature": st.sampled_from(["auto", 1e-6, 1.0, 1e10]),
    "class_weight": st.sampled_from([None, "balanced", {"a": 0.0}, {"a": 1e300, "b": 1e-300}]),
}
OF_REGRESSORS = {
    "scoring": st.sampled_from([None, None, "r2", "neg_mean_absolute_error"]),
    "loss": st.sampled_from(["squared_error", "absolute_error", "huber", "quantile"]),
    "quantile": st.floats(0, 1, exclude_min=True, exclude_max=True),
    "huber_delta": st.sampled_from([1e-30, 1.0, 1e30]),
}
OF_SURVIVAL = {"scoring": st.sampled_from(["concordance", "concordance", "loss"])}
# The class, its targets, and the parameters that others lack.
KINDS = {
    "classifier": (TrulySparseMLPClassifier, labels, OF_CLASSIFIERS),
    "regressor": (TrulySparseMLPRegressor, numbers, OF_REGRESSORS),
    "survival": (TrulySparseMLPSurvival, times, OF_SURVIVAL),
}
calls = st.tuples(
    st.sampled_from(["fit", "fit", "partial_fit", "predict"]),
    st.lists(st.sampled_from(["fit", "partial_fit", "predict"]), max_size=3),
).map(lambda parts: [parts[0], *parts[1]])


def check(model, n_features):
    """A fitted model is whole: its numbers are finite, its counts right, its layers in order."""
    X = np.linspace(-2, 2, 3 * n_features).reshape(3, n_features)
    try:
        predicted = model.predict(X)
    except ValueError as error:  # far from the samples that it saw
        assert "outputs" in str(error) and "beyond the range of float" in str(error)
    else:
        assert len(predicted) == 3
        check_predictions(model, X, predicted)
    assert np.isfinite(model.loss_curve_).all()
    assert model.n_iter_ == len(model.loss_curve_)
    layers = [*model.coefs_, *([] if model.skip_coef_ is None else [model.skip_coef_])]
    assert model.n_connections_ == tuple(layer.nnz for layer in layers)
    np.testing.assert_allclose(model.feature_importances_.sum(), 1)
    for layer, intercepts in zip(model.coefs_, model.intercepts_, strict=True):
        assert np.isfinite(layer.data).all()
        assert np.isfinite(intercepts).all()
        layer.check_format(full_check=True)
        columns = [layer.indices[i:j] for i, j in pairwise(layer.indptr)]
        assert all((np.diff(row) > 0).all() for row in columns)


def check_predictions(model, X, predicted):
    if hasattr(model, "classes_"):
        proba = model.predict_proba(X)
        assert proba.shape == (3, len(model.classes_))
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
        assert set(predicted) <= set(model.classes_)
    elif hasattr(model, "unique_times_"):
        with np.errstate(all="ignore"):
            curves = model.predict_survival_function(X, return_array=True)
        assert curves.shape == (3, len(model.unique_times_))
        assert ((curves >= 0) & (curves <= 1)).all()
        assert (np.diff(curves, axis=1) <= 0).all()


def fingerprint(model):
    if not model.__sklearn_is_fitted__():
        return None
    return [layer.data.tobytes() for layer in model.coefs_]


def has_room(model):
    """Targets near the end of float64 may have predictions beyond it, which are an error."""
    return abs(getattr(model, "target_scale_", np.ones(1))).max() < 1e290


def said_of(model, X):
    """It is finite."""
    assert np.isfinite(getattr(model, "predict_proba", model.predict)(X)).all()


def train(model, call, X, y, weight):
    if call == "fit":
        model.fit(X, y, weight)
    elif isinstance(model, TrulySparseMLPClassifier):
        model.partial_fit(X, y, classes=list("abcd"), sample_weight=weight)
    else:
        model.partial_fit(X, y, sample_weight=weight)


def follow(kind, data, calls, n_features):
    """Make the calls, and look at what each of them leaves."""
    cls, targets, own_parameters = KINDS[kind]
    parameters = data.draw(st.fixed_dictionaries({}, optional=PARAMETERS | own_parameters))
    model = cls(**{"hidden_layer_sizes": 10, "max_iter": 3} | parameters)
    n_fitted = n_features
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataConversionWarning)
        # scikit-learn's search for infinity adds +inf to -inf.
        warnings.filterwarnings("ignore", message="invalid value encountered in reduce")
        # Its scores say what they cannot judge: one sample, squares beyond float64, other classes.
        warnings.filterwarnings("ignore", module=r"sklearn\.metrics")
        warnings.filterwarnings("ignore", message="warm_start=True keeps target_center_")
        warnings.filterwarnings("ignore", message="The inputs in X vary on very different scales")
        for call in calls:
            X, y, weight = data.draw(chunks(n_features, targets))
            before = fingerprint(model)
            try:
                if call == "predict":
                    said_of(model, X)
                else:
                    train(model, call, X, y, weight)
            except ValueError as error:
                assert len(str(error)) > 20
                assert fingerprint(model) == before
                event(f"{call}: {type(error).__name__}")
            else:
                event(f"{call}: done")
                usual = weight is None and not parameters.get("class_weight")
                if call != "predict" and usual and has_room(model):
                    # What it was trained on, a model can predict, whatever its rate was.
                    said_of(model, X)
            if model.__sklearn_is_fitted__():
                n_fitted = model.n_features_in_
                check(model, n_fitted)


anything = given(data=st.data(), calls=calls, n_features=st.integers(1, 12))


@settings(max_examples=100)
@anything
def test_a_valid_model_or_a_documented_error(data, calls, n_features):
    follow("classifier", data, calls, n_features)


@pytest.mark.parametrize("kind", ["regressor", "survival"])
@settings(max_examples=25)
@anything
def test_the_same_without_classes(kind, data, calls, n_features):
    follow(kind, data, calls, n_features)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
@settings(settings.get_profile("nightly"))
@anything
def test_the_same_of_many_more(kind, data, calls, n_features):
    follow(kind, data, calls, n_features)
