"""Models on disk: pickle, joblib and skops, damaged files, files of other versions."""

import copy
import io
import multiprocessing
import pickle
import pickletools
import struct
import warnings
from functools import cache, partial

import joblib
import numpy as np
import pandas as pd
import pytest
from builders import bits_of
from estimators import KINDS, small, targets_for
from sklearn.base import clone

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPEnsembleClassifier,
)
from sksparse_mlp._estimator import fitting
from sksparse_mlp._estimator.supervised import BaseSupervisedMLP
from sksparse_mlp._kernels.steps import predict_batch
from sksparse_mlp._network import SparseNetwork
from sksparse_mlp._network.state import FORMAT_VERSION

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 8)).astype(np.float32)
y = np.array(["no", "yes", "maybe"])[RNG.integers(3, size=40)]


GENES = [f"gene {i}" for i in range(8)]

TINY = {"hidden_layer_sizes": (10, 6), "solver": "adam", "batch_size": 16, "max_iter": 3}
classifier = partial(small, **TINY)


def fitted(kind, **changes):
    return KINDS[kind](**TINY | changes).fit(X, targets_for(kind, y))


def through_pickle(model, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(model, protocol))


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file, compress=3)
    file.seek(0)
    return joblib.load(file)


def through_skops(model):
    skops = pytest.importorskip("skops.io")
    contents = skops.dumps(model)
    # What skops has to be told to trust: the two classes of this package that a model consists of.
    cls = type(model)
    trusted = ["sksparse_mlp._network.SparseNetwork", f"{cls.__module__}.{cls.__name__}"]
    untrusted = skops.get_untrusted_types(data=contents)
    assert untrusted == (trusted if model.__sklearn_is_fitted__() else trusted[1:])
    return skops.loads(contents, trusted=trusted)


WAYS = [through_pickle, through_joblib, through_skops, copy.deepcopy, copy.copy]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changes",
    [{"solver": "sgd"}, {"activation": "srelu"}, {"early_stopping": True}],
    ids=["sgd", "adam, SReLU", "early stopping"],
)
def test_a_model_comes_back_with_every_bit(way, changes):
    model = classifier(**changes).fit(X, y)
    back = way(model)
    assert bits_of(back._network) == bits_of(model._network)
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert back.get_params() == model.get_params()
    assert back.history_ == model.history_
    assert back.n_connections_ == model.n_connections_


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["regressor", "survival"])
def test_models_of_other_kinds_come_back_with_every_bit(way, kind):
    model = fitted(kind, skip_connections="fitted")
    back = way(model)
    assert bits_of(back._network) == bits_of(model._network)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert joblib.hash(back) == joblib.hash(model)
    if kind == "survival":
        curves = (each.predict_survival_function(X, return_array=True) for each in (back, model))
        np.testing.assert_array_equal(*curves)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(protocol):
    model = classifier().fit(X, y)
    back = through_pickle(model, protocol)
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_stream_goes_on_after_every_chunk_as_if_it_had_not_been_stored(way, solver):
    undisturbed, stored = classifier(solver=solver), classifier(solver=solver)
    for start in range(0, 40, 10):
        chunk = slice(start, start + 10)
        undisturbed.partial_fit(X[chunk], y[chunk], classes=["maybe", "no", "yes"])
        stored = way(stored.partial_fit(X[chunk], y[chunk], classes=["maybe", "no", "yes"]))
    assert bits_of(stored._network) == bits_of(undisturbed._network)


@pytest.mark.parametrize("way", WAYS)
def test_a_warm_start_goes_on_as_if_it_had_not_been_stored(way):
    model = classifier(warm_start=True).fit(X, y)
    back = way(model)
    assert bits_of(back.fit(X, y)._network) == bits_of(model.fit(X, y)._network)


@pytest.mark.parametrize("way", WAYS)
def test_an_estimator_that_is_not_fitted(way):
    back = way(classifier())
    assert back.get_params() == classifier().get_params()
    assert not back.__sklearn_is_fitted__()


def test_without_what_only_training_needs_a_file_is_a_third_smaller():
    model = classifier(hidden_layer_sizes=(500,), density=0.5, epsilon=None, solver="sgd").fit(X, y)
    whole, small = pickle.dumps(model), pickle.dumps(model.drop_training_state())
    assert len(small) < 0.75 * len(whole)
    back = pickle.loads(small)
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    back.partial_fit(X, y)


def test_a_model_that_is_mapped_into_memory_predicts_and_is_never_written_to(tmp_path):
    model, path = classifier().fit(X, y), tmp_path / "model.joblib"
    expected = model.predict_proba(X)
    joblib.dump(model, path)
    contents = path.read_bytes()
    mapped = joblib.load(path, mmap_mode="r")
    assert not mapped._network.arrays.weights.flags.writeable
    n_compiled = len(predict_batch.signatures)
    np.testing.assert_array_equal(mapped.predict_proba(X), expected)
    assert len(predict_batch.signatures) == n_compiled
    np.testing.assert_array_equal(mapped.coefs_[0].toarray(), model.coefs_[0].toarray())
    assert clone(mapped).get_params() == model.get_params()
    assert bits_of(mapped.partial_fit(X, y)._network) == bits_of(model.partial_fit(X, y)._network)
    assert path.read_bytes() == contents


# ---------------------------------------------------------------- what is in a file

PLAIN = (str, int, float, bool, type(None), np.ndarray, np.generic)


def parts_of(value, path="model"):
    """Everything that a state consists of, with its place."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from parts_of(part, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        assert type(value) in (list, tuple), f"{path} is a {type(value).__name__}"
        for i, part in enumerate(value):
            yield from parts_of(part, f"{path}[{i}]")
    elif isinstance(value, (BaseSupervisedMLP, SparseNetwork)):
        yield from parts_of(value.__getstate__(), path)
    else:
        yield path, value


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_numbers_texts_and_arrays(kind, n_jobs, monkeypatch):
    monkeypatch.setattr(fitting, "WORK_PER_THREAD", 1)
    sizes = {"hidden_layer_sizes": (300,), "epsilon": 40}
    model = fitted(kind, n_jobs=n_jobs, early_stopping=True, **sizes)
    model.predict(X)
    for path, value in parts_of(model):
        assert isinstance(value, PLAIN), f"{path} is a {type(value).__name__}"
        assert not isinstance(value, np.ndarray) or value.dtype.kind in "iufU", path


# ---------------------------------------------------------------- damaged files


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_an_error(part):
    contents = pickle.dumps(classifier().fit(X, y))
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        pickle.loads(contents[: int(part * len(contents))])


@pytest.mark.parametrize("name", ["indptr", "indices", "weights", "intercepts"])
def test_one_wrong_bit_in_an_array_is_an_error(name):
    model = classifier().fit(X, y)
    contents = bytearray(pickle.dumps(model))
    position = contents.index(getattr(model._network.arrays, name).tobytes())
    contents[position + 5] ^= 4
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(bytes(contents))


def flipped(contents, position, bit):
    changed = bytearray(contents)
    changed[position] ^= 1 << bit
    return bytes(changed)


def everything(kind="classifier", **changes):
    """A model that has all parts there are."""
    changes = {"skip_connections": "fitted", "evolution": "guided"} | changes
    if kind == "classifier":
        changes = {"class_weight": {"no": 2.0}} | changes
    model = KINDS[kind](**TINY, random_state=np.random.RandomState(0), **changes)
    return model.fit(pd.DataFrame(X, columns=GENES), targets_for(kind, y))


@cache
def state_of(kind):
    """Its state, which nobody changes."""
    return everything(kind).__getstate__()


def other_value(value):
    """A value with one thing changed, somewhere deep inside."""
    if isinstance(value, np.random.RandomState):
        return np.random.RandomState(1)
    if isinstance(value, np.ndarray):
        return np.roll(value, 1) if value.size > 1 else value + 1
    if isinstance(value, (dict, list, tuple)) and value:
        last = list(value)[-1] if isinstance(value, dict) else -1
        changed = value.copy() if isinstance(value, (dict, list)) else list(value)
        changed[last] = other_value(changed[last])
        return changed
    if isinstance(value, bool):
        return not value
    return value + (1 if isinstance(value, (int, float)) else "x") if value is not None else 0


def installed(state, kind="classifier"):
    cls = type(KINDS[kind]())
    return cls.__new__(cls).__setstate__(state)


PARTS = [(kind, name) for kind in KINDS for name in sorted(state_of(kind))]


@pytest.mark.parametrize(("kind", "name"), [part for part in PARTS if part[1] != "_network"])
def test_a_wrong_value_of_any_attribute_is_an_error(kind, name):
    state = state_of(kind)
    installed(state, kind)
    with pytest.raises(ValueError, match="damaged"):
        installed(state | {name: other_value(state[name])}, kind)


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_missing_attribute_is_an_error(kind, name):
    state = {key: value for key, value in state_of(kind).items() if key != name}
    with pytest.raises(ValueError, match="damaged"):
        installed(state, kind)


def test_a_missing_network_is_an_error():
    with pytest.raises(ValueError, match="damaged"):
        installed(state_of("classifier") | {"_network": None})


def positions_of(names, contents):
    """Where the texts of some names are in a pickle."""
    for operation, argument, position in pickletools.genops(contents):
        if argument in names and "UNICODE" in operation.name:
            length = len(argument.encode())
            start = contents.index(argument.encode(), position)
            yield from range(start, start + length)


def test_one_wrong_bit_in_the_name_of_an_attribute_is_an_error():
    model = everything()
    contents, names = pickle.dumps(model), set(vars(model))
    positions = list(positions_of(names, contents))
    assert len(positions) >= sum(map(len, names))
    for position in positions:
        for bit in (0, 3):
            with pytest.raises((ValueError, AttributeError, pickle.UnpicklingError)):
                pickle.loads(flipped(contents, position, bit))


def unlike_a_model(kind, name, value):
    """The state of an estimator with another attribute, its checksum computed anew."""
    model = everything(kind)
    setattr(model, name, value)
    return model.__getstate__()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_network", None),
        ("_importances", np.ones(7)),
        ("_importances", np.full(8, np.nan)),
        ("classes_", np.array(["no", "yes"])),
        ("classes_", np.array(["yes", "no", "maybe"])),
        ("classes_", np.array([None, 1, "x"])),
        ("classes_", ["maybe", "no", "yes"]),
        ("temperature_", 0.0),
        ("temperature_", "1"),
        ("n_features_in_", 9),
        ("history_", {"loss": [0.5], "seconds": []}),
        ("history_", {"seconds": [0.5]}),
        ("_n_samples", -1),
    ],
)
def test_what_is_no_model_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"state is damaged: {name}"):
        installed(unlike_a_model("classifier", name, value))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("regressor", "target_center_", np.array([np.nan])),
        ("regressor", "target_scale_", np.array([0.0])),
        ("regressor", "target_scale_", [1.0]),
        ("regressor", "_is_column", 1),
        ("survival", "unique_times_", np.array([2.0, 1.0, 3.0])),
        ("survival", "unique_times_", np.array([-1.0, 1.0, 3.0])),
        ("survival", "unique_times_", np.arange(4.0)),
        ("survival", "cum_baseline_hazard_", np.array([0.5, 0.4, 0.6])),
        ("survival", "cum_baseline_hazard_", np.array([0.5, np.nan, 0.6])),
        ("survival", "cum_baseline_hazard_", [0.1, 0.2, 0.3]),
    ],
)
def test_what_is_no_model_of_another_kind_is_refused_by_name(kind, name, value):
    with pytest.raises(ValueError, match=rf"state is damaged: {name}"):
        installed(unlike_a_model(kind, name, value), kind)


def test_scores_of_a_selector_that_are_no_numbers_are_refused():
    selector = SparseAutoencoderSelector(5, max_iter=1, random_state=0).fit(X)
    assert through_pickle(selector).scores_.tobytes() == selector.scores_.tobytes()
    selector.scores_ = selector.scores_ * np.nan
    with pytest.raises(ValueError, match="damaged: scores_"):
        through_pickle(selector)


def far_index(network):
    network.arrays.indices[0] = 2**30


def masked_indices(network):
    """Checks would not see what kernels do."""
    indices = np.full_like(network.arrays.indices, 2**30)
    network.arrays = network.arrays._replace(indices=np.ma.masked_array(indices, mask=True))


def rising_pointers(network):
    network.arrays.indptr[1:3] = 2**62, -(2**62)


@pytest.mark.parametrize("tamper", [far_index, masked_indices, rising_pointers])
@pytest.mark.parametrize("way", [through_skops, through_pickle])
def test_a_hostile_file_whose_checksum_is_right_is_refused(way, tamper):
    model = classifier().fit(X, y)
    tamper(model._network)
    with pytest.raises(ValueError, match=r"The state is damaged: (indices|indptr)"):
        way(model)


def test_a_model_of_classes_that_says_it_has_several_labels_a_sample_is_refused():
    model = classifier().fit(X, y)
    model._multilabel = True
    with pytest.raises(ValueError, match="damaged: _multilabel=True, but classes_"):
        through_pickle(model)


class Unplain:
    """Something that no checksum can know."""


def test_attributes_of_users_are_kept_whatever_they_are():
    model = everything(scoring=lambda estimator, X, y: 0.0)
    model.scoring = None
    model.note, model.tree = {1: [Unplain()], (1, 2): {3}}, 20 * [[[[Unplain()]]]]
    model.endless = []
    model.endless.append(model.endless)
    assert isinstance(through_pickle(model).note[1][0], Unplain)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("widths", [8, 10, 7, 3]),
        ("n_connections", [54, 1, 27]),
        ("activation_slope", 0.7),
        ("t", 0),
    ],
)
def test_a_wrong_number_in_the_network_is_an_error(name, wrong):
    state = classifier().fit(X, y)._network.__getstate__() | {name: wrong}
    with pytest.raises(ValueError, match="damaged"):
        SparseNetwork.__new__(SparseNetwork).__setstate__(state)


def read_and_predict(contents):
    """What becomes of a file: predictions, or "an error"."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = pickle.loads(contents)
            return model.predict(X).tolist(), model.predict_proba(X).tobytes()
    except Exception:  # pickle can raise almost anything
        return "an error"


@pytest.mark.slow
def test_one_wrong_bit_anywhere_is_an_error_or_does_not_matter():
    """The damage is done in another process, which a wrong length might kill."""
    model = classifier().fit(X, y)
    contents, rng = pickle.dumps(model), np.random.default_rng(0)
    damaged = [flipped(contents, i, i % 8) for i in rng.choice(len(contents), 2000, replace=False)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map_async(read_and_predict, damaged).get(timeout=250)
    print(f"{found.count('an error')} of {len(found)} wrong bits are errors")
    right = model.predict(X).tolist(), model.predict_proba(X).tobytes()
    assert [result for result in found if result not in ("an error", right)] == []


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_of_joblib_is_an_error(tmp_path, part):
    path = tmp_path / "model.joblib"
    joblib.dump(classifier().fit(X, y), path)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(part * len(contents))])
    with pytest.raises((EOFError, IndexError, ValueError, pickle.UnpicklingError, struct.error)):
        joblib.load(path)


@pytest.mark.parametrize("version", [None, 0, FORMAT_VERSION + 1, "2"])
def test_another_format_is_refused_by_name(version):
    network = classifier().fit(X, y)._network
    state = {**network.__getstate__(), "format_version": version}
    with pytest.raises(
        ValueError, match=rf"format {version!r}; .* reads format {FORMAT_VERSION} only"
    ):
        SparseNetwork.__new__(SparseNetwork).__setstate__(state)


def test_a_model_of_a_version_with_fewer_parameters_is_refused_by_name():
    model = classifier().fit(X, y)
    del model.temperature
    with pytest.raises(ValueError, match="it lacks parameters: temperature"):
        through_pickle(model)


# ---------------------------------------------------------------- joblib.hash

HASHED = {
    "not fitted": lambda: classifier(),
    "sgd": lambda: classifier(solver="sgd").fit(X, y),
    "SReLU": lambda: classifier(activation="srelu").fit(X, y),
    "no hidden layer": lambda: classifier(hidden_layer_sizes=()).fit(X, y),
    "early stopping": lambda: classifier(early_stopping=True).fit(X, y),
    "all parts": everything,
    "objects as labels": lambda: classifier().fit(X, y.astype(object)),
    "without training state": lambda: everything().drop_training_state(),
    "a stream": lambda: classifier().partial_fit(X, y, classes=["maybe", "no", "yes"]),
    "a stream goes on": lambda: everything(evolution="auto").partial_fit(X, y),
    "a selector": lambda: SparseAutoencoderSelector(5, max_iter=2, random_state=0).fit(X),
}


@pytest.mark.parametrize("way", [through_pickle, through_joblib, copy.deepcopy, copy.copy])
@pytest.mark.parametrize("make", HASHED.values(), ids=HASHED)
@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_the_hash_of_joblib_survives_a_file(make, way):
    model = make()
    assert joblib.hash(way(model)) == joblib.hash(model)


def test_the_hash_of_joblib_of_equal_fits_differs_by_what_time_they_took_alone():
    models = [everything().partial_fit(pd.DataFrame(X, columns=f), y) for f in 2 * [GENES]]
    for model in models:
        assert all(seconds > 0 for seconds in model.history_["seconds"])
        model.history_ = {**model.history_, "seconds": [0.0] * model.n_iter_}
        model.loss_curve_ = model.history_["loss"]
    assert joblib.hash(models[0]) == joblib.hash(models[1])


OTHER_ESTIMATORS = {
    "selector": lambda: SparseMLPFeatureSelector(classifier(), k=3, n_networks=2, random_state=0),
    "autoencoder": lambda: SparseAutoencoderSelector(5, max_iter=1, random_state=0),
    "ensemble": lambda: TrulySparseMLPEnsembleClassifier(classifier(), n_estimators=2),
}


# Each has a checksum of its own.
CHECKED_BY_THEMSELVES = {"estimator", "estimator_", "estimators_", "_network"}


@cache
def state_of_another(kind):
    return OTHER_ESTIMATORS[kind]().fit(X, y).__getstate__()


@pytest.mark.parametrize("kind", OTHER_ESTIMATORS)
def test_a_wrong_value_of_any_attribute_of_another_estimator_is_an_error(kind):
    state = state_of_another(kind)
    assert {"n_features_in_", "scores_", "feature_importances_"} & set(state) > {"n_features_in_"}
    for name in state.keys() - CHECKED_BY_THEMSELVES:
        model = object.__new__(type(OTHER_ESTIMATORS[kind]()))
        with pytest.raises(ValueError, match="damaged"):
            model.__setstate__(state | {name: other_value(state[name])})


@pytest.mark.parametrize("kind", OTHER_ESTIMATORS)
def test_another_estimator_goes_through_a_file(kind):
    model = OTHER_ESTIMATORS[kind]().fit(X, y)
    assert through_pickle(model).__getstate__().keys() == state_of_another(kind).keys()
    assert vars(copy.deepcopy(model)).keys() == vars(model).keys()
