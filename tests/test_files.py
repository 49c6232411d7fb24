"""Models on disk: pickle, joblib and skops, damaged files, files of other versions."""

import copy
import io
import multiprocessing
import pickle
import struct
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
from builders import bits_of
from estimators import small
from sklearn.base import clone

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp._kernels.steps import predict_batch
from sksparse_mlp._network import SparseNetwork
from sksparse_mlp._network.state import FORMAT_VERSION

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# What skops has to be told to trust: the two classes of this package that a model consists of.
TRUSTED = [
    "sksparse_mlp._network.SparseNetwork",
    "sksparse_mlp.classifier.TrulySparseMLPClassifier",
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 8)).astype(np.float32)
y = np.array(["no", "yes", "maybe"])[RNG.integers(3, size=40)]


classifier = partial(small, hidden_layer_sizes=(10, 6), solver="adam", batch_size=16, max_iter=3)


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
    untrusted = skops.get_untrusted_types(data=contents)
    assert untrusted == (TRUSTED if model.__sklearn_is_fitted__() else TRUSTED[1:])
    return skops.loads(contents, trusted=TRUSTED)


WAYS = [through_pickle, through_joblib, through_skops, copy.deepcopy, copy.copy]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changes",
    [{}, {"solver": "adam", "activation": "srelu"}, {"early_stopping": True}],
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
    elif isinstance(value, (TrulySparseMLPClassifier, SparseNetwork)):
        yield from parts_of(value.__getstate__(), path)
    else:
        yield path, value


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_state_is_numbers_texts_and_arrays(n_jobs):
    model = classifier(n_jobs=n_jobs, hidden_layer_sizes=(300,), epsilon=40, early_stopping=True)
    model.fit(X, y).predict(X)
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


@pytest.mark.parametrize(
    ("name", "wrong"), [("classes_", np.array(["no", "maybe", "yes"])), ("temperature_", 1.5)]
)
def test_a_wrong_value_beside_the_network_is_an_error(name, wrong):
    state = classifier().fit(X, y).__getstate__() | {name: wrong}
    with pytest.raises(ValueError, match="damaged"):
        TrulySparseMLPClassifier.__new__(TrulySparseMLPClassifier).__setstate__(state)


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


def test_a_missing_parameter_is_an_error():
    state = dict(classifier().fit(X, y).__getstate__())
    del state["temperature"]
    with pytest.raises(ValueError, match="damaged"):
        TrulySparseMLPClassifier.__new__(TrulySparseMLPClassifier).__setstate__(state)
