"""States: the walk over them, and that whatever is no state is refused before it does harm."""

import copy
import faulthandler
import multiprocessing
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from builders import bits_of, make_network
from estimators import small
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tampering import places, tampered

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp._network import SparseNetwork
from sksparse_mlp._network import state as module
from sksparse_mlp._network.state import checksum_of, leaves, map_leaves, seal, unseal
from sksparse_mlp._training import archive
from sksparse_mlp._training.checkpoint import Checkpoint
from sksparse_mlp._training.moments import growth_preferences

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 8)).astype(np.float32)
y = np.array(["no", "yes", "maybe"])[RNG.integers(3, size=40)]
# A change that takes longer than this many seconds never ends.
PATIENCE = 60


# ---------------------------------------------------------------- the walk

numbers = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.booleans()
parts = numbers | st.none() | st.text(max_size=5) | arrays(np.float32, array_shapes(max_side=3))
names = st.text(max_size=4) | st.integers(-3, 300)
states = st.recursive(
    parts, lambda part: st.lists(part, max_size=3) | st.dictionaries(names, part, max_size=3)
)


def shown(value):
    """A state as text in which nothing is lost, independent of the walk."""
    if isinstance(value, dict):
        return f"{{{sorted((repr(name), shown(part)) for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes()}"
    return repr(value)


def walked(state):
    return [(path, shown(value)) for path, value in leaves(state)]


@given(states, states)
def test_other_states_give_other_pairs(state, other):
    assert (walked(state) == walked(other)) == (shown(state) == shown(other))


def test_names_and_paths_are_not_confused():
    nested = [{"a/b": 1}, {"a": {"b": 1}}, {"a": {}}, {}, [], [[]], [{}], {"a": [1]}, {"a": {0: 1}}]
    assert len({repr(walked(state)) for state in [*nested, {0: 1}, {"0": 1}, [1]]}) == 12


@given(states)
def test_the_walk_does_not_depend_on_the_order_of_names(state):
    def backwards(part):
        if isinstance(part, dict):
            return {name: backwards(part[name]) for name in reversed(part)}
        return [backwards(v) for v in part] if isinstance(part, list) else part

    assert checksum_of(backwards(state)) == checksum_of(state)


@given(states)
def test_a_map_that_changes_nothing_gives_the_same_state(state):
    assert shown(map_leaves(lambda part: part, state)) == shown(state)


def test_numbers_of_numpy_and_tuples_are_like_those_of_python():
    state = {np.str_("a"): (np.int32(1), np.float64(0.5), np.bool_(True)), "b": np.array(["x"])}
    assert checksum_of(state) == checksum_of({"a": [1, 0.5, True], "b": ["x"]})


def doubled(value, n):
    """A list of two lists of two lists ..., which takes little memory."""
    for _ in range(n):
        value = [value, value]
    return value


def test_lists_that_hold_one_another_many_times_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PARTS", 1000)
    with pytest.raises(ValueError, match="more than 1,000 parts"):
        unseal({"format_version": module.FORMAT_VERSION, "checksum": 0, "t": doubled({}, 28)})


def test_lists_that_hold_themselves_are_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested more than"):
        unseal({"format_version": module.FORMAT_VERSION, "checksum": 0, "t": endless})


# ---------------------------------------------------------------- what is no network


def with_part(state, path, value):
    """A copy of a state with another part."""
    state = copy.deepcopy(state)
    *owners, last = path
    owner = state
    for name in owners:
        owner = owner[name]
    owner[last] = value
    return state


def loaded(state):
    network = SparseNetwork.__new__(SparseNetwork)
    network.__setstate__(seal(state))
    return network


@pytest.fixture
def state():
    """Of a network with all there may be."""
    preferences = np.linspace(0.5, 1.5, 8).astype(np.float32)
    more = {"solver": "adam", "activation": "srelu", "growth": "guided"}
    return make_network((8, 6, 5, 3), input_preferences=preferences, **more).state_dict()


def test_a_state_gives_the_same_network(state):
    assert bits_of(loaded(state)) == bits_of(make_network_of(state))


def make_network_of(state):
    network = SparseNetwork.__new__(SparseNetwork)
    network.load_state_dict(state)
    return network


FAR = 2**63 - 1
WRONG_PARTS = {
    "a width of NumPy's, whose products overflow": (("widths", 0), np.uint8(8)),
    "a width that is true": (("n_connections", 1), True),
    "a layer too wide": (("widths", 1), 2**31),
    "more connections than cells": (("n_connections", 0), 49),
    "an activation by number": (("activation",), 1),
    "a slope that is no number": (("activation_slope",), float("nan")),
    "a count beyond int64": (("t",), 2**63),
    "more updates than steps": (("n_updates",), 1),
    "a negative seed": (("streams", "noise"), -1),
    "no guidance for guided growth": (("input_preferences",), None),
    "growth that draws for ever": (
        ("input_preferences",),
        np.array([1, 1, 1, 1, 1, 1, 1, 1e-9], np.float32),
    ),
    "an index of another layer": (("arrays", "indices", 3), 6),
    "a negative index": (("arrays", "indices", 0), -1),
    "a far index": (("arrays", "indices", 0), 2**30),
    "pointers whose differences overflow": (("arrays", "indptr", slice(1, 3)), (FAR, -FAR - 1)),
    "a weight that is infinite": (("arrays", "weights", 2), np.inf),
    "an SReLU parameter that is no number": (("arrays", "srelu", 2), np.nan),
    "a negative square": (("optimizer_state", "weights_2", 0), -1),
    "a moment that is infinite": (("optimizer_state", "srelu_1", 0), -np.inf),
    "shares above one": (("explored", "shares", 0), 1.5),
    "bits of a layer not counted": (("explored", "counted", 0), False),
    "bits of another number of cells": (("explored", "bitmaps", 0), np.zeros(9, np.uint8)),
    "one layer too many": (("explored", "shares"), [0.1] * 4),
}


@pytest.mark.parametrize(("path", "value"), WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_what_is_no_network_is_refused(state, path, value):
    state["explored"]["bitmaps"][0] = np.zeros(6, np.uint8)
    loaded(state)
    with pytest.raises(ValueError, match="state is damaged"):
        loaded(with_part(state, path, value))


@pytest.mark.parametrize("name", ["indices", "indptr", "weights"])
def test_an_array_that_shows_a_check_other_values_is_refused(state, name):
    array = state["arrays"][name]
    hidden = np.ma.masked_array(array, mask=np.arange(array.size) % 2 == 0)
    swapped = array.astype(array.dtype.newbyteorder())
    for strange in (hidden, array.view(np.recarray), swapped, array[None]):
        with pytest.raises(ValueError, match=name):
            loaded(with_part(state, ("arrays", name), strange))


def test_the_strongest_guidance_is_not_refused(state):
    separation = np.zeros(8)
    separation[3] = 1e6
    loaded({**state, "input_preferences": growth_preferences(separation, guidance=1.0)})


def test_a_large_layer_must_not_be_counted_by_cells(state):
    state = make_network((400, 400), [50]).state_dict()
    loaded(state)
    with pytest.raises(ValueError, match="160000 cells are counted"):
        loaded(with_part(state, ("explored", "counted", 0), True))


def test_steps_without_moments_are_refused(state):
    state = {**state, "t": 5, "n_updates": 5}
    loaded(state)
    with pytest.raises(ValueError, match="n_updates=5 without an optimizer_state"):
        loaded({**state, "optimizer_state": None})


def test_a_long_text_is_not_repeated_in_the_error(state):
    with pytest.raises(ValueError, match="activation") as caught:
        loaded({**state, "activation": 10**6 * "x"})
    assert len(str(caught.value)) < 200


def test_all_networks_that_can_be_made_can_be_loaded():
    for activation in ("relu", "srelu", "tanh"):
        for solver in ("sgd", "adam"):
            network = make_network((5, 4, 1), activation=activation, solver=solver)
            assert bits_of(loaded(network.state_dict())) == bits_of(network)
            network.drop_optimizer_state()
            assert loaded(network.state_dict()).optimizer_state is None


# ---------------------------------------------------------------- one thing changed, anywhere

# What an error may begin with: it says what is wrong.
REFUSALS = (
    "The state is damaged: ",
    "The state is nested",
    "checkpoint=",
    "The network's outputs for",
    "solver and activation cannot change",
    "Training diverged",
)
VARIANTS = (
    {"solver": "adam", "activation": "srelu", "early_stopping": True, "evolution": "guided"},
    {"skip_connections": "fitted", "evolution": "guided", "learning_rate": "adaptive"},
    {"solver": "adam", "hidden_layer_sizes": (), "scoring": "accuracy", "early_stopping": True},
)
classifier = partial(small, hidden_layer_sizes=(10, 6), batch_size=16, max_iter=4)


class Killed(BaseException):
    """Ends a fit as a kill does."""


@cache
def fitted(variant):
    return classifier(**VARIANTS[variant]).fit(X, y)


@cache
def half_done(variant):
    """What the file of a fit holds after two of its four epochs."""
    save, n_saved = Checkpoint.save, []

    def save_twice(self, state, at_once=False):
        save(self, state, at_once)
        n_saved.append(1)
        if len(n_saved) == 2:
            raise Killed

    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patches:
        patches.setattr(Checkpoint, "save", save_twice)
        path = Path(directory, "state")
        with pytest.raises(Killed):
            classifier(**VARIANTS[variant], checkpoint=path).fit(X, y)
        with open(path, "rb") as file:
            return archive.read(file)


def is_well_formed(network):
    """Whether a network is one, looked at cell by cell."""
    first = 0
    for layer, (n_in, n_out) in enumerate(network.shapes):
        pointers = network.pointers_of(layer).tolist()
        if pointers[0] != first or len(pointers) != n_in + 1:
            return False
        for start, stop in pairwise(pointers):
            row = network.arrays.indices[start:stop].tolist()
            inside = all(0 <= column < n_out for column in row)
            if start > stop or sorted(set(row)) != row or not inside:
                return False
        first += network.n_connections[layer]
        if pointers[-1] != first:
            return False
    return first == network.arrays.indices.size == network.arrays.weights.size


def use(model):
    """Predict and train on, as anybody would."""
    assert is_well_formed(model._network)
    model.predict_proba(X)
    model.set_params(early_stopping=False, checkpoint=None, warm_start=True, max_iter=1)
    model.partial_fit(X, y).fit(X, y)
    model.predict(X)
    assert is_well_formed(model._network)


def restored(state):
    """An estimator from attributes, the checksum computed anew."""
    model = TrulySparseMLPClassifier.__new__(TrulySparseMLPClassifier)
    vars(model).update(state)
    sealed = model.__getstate__()
    model = TrulySparseMLPClassifier.__new__(TrulySparseMLPClassifier)
    model.__setstate__(sealed)
    return model


def with_one_change(state, number, rng):
    """A copy with the so-manieth change: one place after the other, in a random order."""
    paths = list(places(state))
    order = np.random.default_rng(0).permutation(len(paths))
    return tampered(state, paths[order[number % len(paths)]], rng)


def use_network(variant, number, rng):
    network = loaded(with_one_change(fitted(variant)._network.state_dict(), number, rng))
    use(restored({**vars(fitted(variant)), "_network": network}))


def use_estimator(variant, number, rng):
    model = fitted(variant)
    state = {name: v for name, v in vars(model).items() if name not in model.get_params()}
    use(restored({**model.get_params(), **with_one_change(state, number, rng)}))


def use_checkpoint(variant, number, rng):
    contents = with_one_change(half_done(variant), number, rng)
    with TemporaryDirectory() as directory:
        file = Path(directory, "state")
        try:
            archive.write(file, contents)
        except (TypeError, ValueError):
            raise ValueError("checkpoint= of this kind cannot be written") from None
        use(classifier(**VARIANTS[variant], checkpoint=file).fit(X, y))


USES = (use_network, use_checkpoint, use_estimator)


def outcome_of(seed):
    """What becomes of one change: "harmless", or the error, which must say what is wrong."""
    rng = np.random.default_rng(seed)
    number, use_it = divmod(seed, len(USES))
    number, variant = divmod(number, len(VARIANTS))
    use_it = USES[use_it]
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use_it(variant, number, rng)
    except Exception as error:
        return use_it.__name__, type(error).__name__, str(error)
    finally:
        faulthandler.cancel_dump_traceback_later()
    return use_it.__name__, "harmless", ""


def outcomes(seeds):
    """In another process, which a wrong address might kill."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return list(pool.map(outcome_of, seeds, chunksize=10))


@pytest.mark.parametrize(
    "n", [150, pytest.param(2000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_one_thing_changed_anywhere_is_an_error_that_says_what_or_does_no_harm(n):
    found = outcomes(range(n))
    print(Counter(outcome[:2] for outcome in found))
    wrong = {
        seed: (use_it, kind, text)
        for seed, (use_it, kind, text) in enumerate(found)
        if kind != "harmless"
        and not (
            kind in ("BadState", "ValueError", "DivergenceError") and text.startswith(REFUSALS)
        )
    }
    assert wrong == {}
    assert sum(kind == "BadState" for _, kind, _ in found) > n / 4
