"""What a checkpoint belongs to: all that may change the result of a fit, and nothing else."""

import functools
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from estimators import KINDS, OTHER_VALUES, same_bits, targets_for
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV

import sksparse_mlp
from sksparse_mlp._estimator import plan
from sksparse_mlp._estimator.supervised import NOT_IN_IDENTITY
from sksparse_mlp._training import checkpoint as module
from sksparse_mlp._training.description import described
from sksparse_mlp._training.identity import digest
from sksparse_mlp._training.moments import input_moments
from sksparse_mlp._training.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12)).astype(np.float32)
y = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + 0.5 * RNG.normal(size=(60, 3)), axis=1)]

# Of those that never change a result, one that finds the file.
FINDS = {
    "checkpoint": "another name",
    "checkpoint_interval": 2,
    "verbose": True,
    "n_jobs": 2,
    "warm_start": True,
    "random_state": np.random.RandomState(0),  # the same seeds
}
OF_SKLEARN = {"classifier": "accuracy", "regressor": "r2"}
VARIED = [
    (kind, name)
    for kind, make in KINDS.items()
    for name in make().get_params()
    if name not in FINDS or name == "random_state"
]


def of_kind(kind, **changes):
    sizes = {"epsilon": None, "hidden_layer_sizes": (20, 10), "max_iter": 2}
    return KINDS[kind](**sizes | changes)


classifier = functools.partial(of_kind, "classifier")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """For each kind of estimator, the file of a fit that has ended."""
    files = {kind: tmp_path_factory.mktemp(kind) / "state" for kind in KINDS}
    for kind, path in files.items():
        of_kind(kind, checkpoint=path).fit(X, targets_for(kind, y))
    return files


@pytest.fixture
def file(tmp_path):
    """That of a fit that has ended."""
    path = tmp_path / "state"
    classifier(checkpoint=path).fit(X, y)
    return path


def test_the_exceptions_are_those_that_are_tested():
    assert set(FINDS) == NOT_IN_IDENTITY


@pytest.mark.parametrize(("kind", "name"), VARIED)
def test_another_value_of_any_parameter_is_another_fit(finished, kind, name):
    assert name in OTHER_VALUES, "a new parameter needs another value here"
    other = OF_SKLEARN.get(kind, OTHER_VALUES[name]) if name == "scoring" else OTHER_VALUES[name]
    estimator = of_kind(kind, checkpoint=finished[kind]).set_params(**{name: other})
    with pytest.raises(ValueError, match=rf"another fit, which differs in (.*, )?{name}\b"):
        estimator.fit(X, targets_for(kind, y))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_values_are_the_same_fit(finished, kind, monkeypatch):
    monkeypatch.delattr(Trainer, "_run_epoch")
    of_kind(kind, checkpoint=finished[kind]).fit(X, targets_for(kind, y))


def test_other_times_are_another_fit(finished):
    times = targets_for("survival", y)
    times["event"][:9] = ~times["event"][:9]
    with pytest.raises(ValueError, match="another fit, which differs in"):
        of_kind("survival", checkpoint=finished["survival"]).fit(X, times)


@pytest.mark.parametrize("name", FINDS)
def test_what_changes_no_result_finds_the_file(file, tmp_path, name, monkeypatch):
    shutil.copy(file, tmp_path / "another name")
    value = tmp_path / FINDS[name] if name == "checkpoint" else FINDS[name]
    monkeypatch.delattr(Trainer, "_run_epoch")
    found = classifier(checkpoint=file).set_params(**{name: value}).fit(X, y)
    monkeypatch.undo()
    assert same_bits(found, classifier().fit(X, y))


def test_a_grid_search_over_activations_compares_different_models(tmp_path):
    grid = {"activation": ["relu", "tanh", "logistic"]}
    search = GridSearchCV(classifier(checkpoint=tmp_path), grid, cv=2).fit(X, y)
    undisturbed = GridSearchCV(classifier(), grid, cv=2).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 3 * 2 + 1
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(search.cv_results_[name], undisturbed.cv_results_[name])
    assert same_bits(search.best_estimator_, undisturbed.best_estimator_)


# ---------------------------------------------------------------- data


def test_other_labels_of_validation_samples_that_are_the_training_samples(tmp_path):
    estimator = classifier(early_stopping=True, checkpoint=tmp_path / "state")
    estimator.fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="differs in validation data"):
        estimator.fit(X, y, X_val=X, y_val=np.roll(y, 1))
    with pytest.raises(ValueError, match="differs in validation data"):
        estimator.fit(X, y, X_val=X, y_val=y, sample_weight_val=np.arange(60))


def test_other_labels_in_the_same_order_are_other_classes(file):
    with pytest.raises(ValueError, match=r"differs in classes\b"):
        classifier(checkpoint=file).fit(X, np.char.add(y, "x"))


def test_labels_of_another_type_are_the_same_classes(file):
    assert same_bits(classifier(checkpoint=file).fit(X, y.astype(object)), classifier().fit(X, y))


def test_another_version_of_the_package_begins_anew(file, tmp_path, monkeypatch):
    monkeypatch.setattr(sksparse_mlp, "__version__", "99.0")
    with pytest.raises(ValueError, match="differs in version of sksparse_mlp"):
        classifier(checkpoint=file).fit(X, y)
    classifier(checkpoint=tmp_path).fit(X, y)
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1


def identity_of(monkeypatch, **changes):
    """The identity of a fit."""
    found = []
    monkeypatch.setattr(
        module.Checkpoint, "resume", lambda self, trainer: found.append(self.identity)
    )
    monkeypatch.setattr(module.Checkpoint, "save", lambda *args, **more: None)
    classifier(checkpoint="state", **changes).fit(X, y)
    return found.pop()


def test_no_computed_result_is_in_it(monkeypatch, tmp_path):
    """The last bits of the moments of the classes are those of a kind of processor."""
    changes = {"evolution": "guided", "skip_connections": "fitted", "early_stopping": True}
    monkeypatch.chdir(tmp_path)
    expected = identity_of(monkeypatch, **changes)

    def rounded_otherwise(data):
        moments = input_moments(data)
        return moments._replace(**{name: v * (1 + 1e-12) for name, v in moments._asdict().items()})

    monkeypatch.setattr(plan, "input_moments", rounded_otherwise)
    assert identity_of(monkeypatch, **changes) == expected


def test_a_file_is_gone_on_from_where_computed_results_differ(tmp_path, monkeypatch):
    estimator = classifier(evolution="guided", checkpoint=tmp_path / "state", max_iter=4)
    expected = classifier(evolution="guided", max_iter=4).fit(X, y)
    n_epochs = iter([None, None, sys.exit])
    with monkeypatch.context() as patches:
        patches.setattr(Trainer, "_print_epoch", lambda self: (next(n_epochs) or len)(()))
        with pytest.raises(SystemExit):
            estimator.fit(X, y)
    # Another kind of processor sums in another order.
    preferences = plan.growth_preferences
    monkeypatch.setattr(plan, "growth_preferences", lambda *args: preferences(*args)[::-1].copy())
    assert same_bits(estimator.fit(X, y), expected)


def test_states_that_read_alike_have_different_digests():
    arrays = [np.zeros(4, np.float32), np.zeros(4, np.int32), np.zeros((2, 2), np.float32)]
    others = [{"a/b": 1}, {"a": {"b": 1}}, {}, [], None, "", "None", 0, 0.0, False, *arrays]
    assert len({digest(state) for state in others}) == len(others)


# ---------------------------------------------------------------- parameters as text


@pytest.mark.parametrize(
    "values",
    [
        [(20, 10), [20, 10], np.array([20, 10]), pd.Series([20, 10]), np.array([20, 10], np.int8)],
        [range(3, 5), (np.int64(3), np.uint8(4)), np.array([3.0, 4.0])],
        [5, 5.0, np.float32(5), np.int64(5), np.array(5)],
        [0.1, np.float64(0.1), np.longdouble(0.1)],
        [True, np.True_],
        ["adam", np.str_("adam")],
        [{"a": 1, "b": 2.0}, {"b": 2, np.str_("a"): np.int64(1)}],
        [{0: 1.5, 1: 1}, {np.int64(1): 1.0, np.int64(0): 1.5}],
    ],
)
def test_equal_values_are_alike_whatever_holds_them(values):
    assert len({described(value) for value in values}) == 1


def test_different_values_are_never_alike():
    values = [
        None, "None", True, 1, "1", [1], [[1]], [], "", {}, {1: 1}, {"1": 1}, {1: "1"}, ["1"],
        [1, "a"], ["1", "a"], 0.1, np.float32(0.1), 2**63, 2**63 + 1, b"1", float("nan"), 1j,
        np.zeros(2000), np.zeros(2001), np.ones(2000), np.zeros(2000, np.float32),
    ]  # fmt: skip
    assert len({described(value) for value in values}) == len(values)


BETA = 2.0


def helper(a, b):
    return a - b


def with_global(estimator, X, y):
    return BETA


def with_helper(estimator, X, y):
    return sum(helper(a, 1) for a in X)


def scorer_with(number):
    return lambda estimator, X, y: number


class Scorer:
    """A callable object with something to it."""

    def __init__(self, number=1.0):
        self.number = number

    def __call__(self, estimator, X, y):
        return self.score(y)

    def score(self, y):
        return self.number * len(y)


def of_source(text):
    """A function of this name, whatever it does."""
    names = {"__name__": __name__}
    exec(text, names)
    return names["score"]


DIFFERENT = {
    "code": [of_source(f"def score(e, X, y): return {value}") for value in ("1", "2", "len(y)")],
    "the order of what is computed": [
        of_source("def score(e, X, y): return len(X) - len(y)"),
        of_source("def score(e, X, y): return len(y) - len(X)"),
    ],
    "names": [
        of_source("def score(e, X, y): return e.loss_"),
        of_source("def score(e, X, y): return e.best_loss_"),
    ],
    "inner functions": [
        of_source(f"def score(e, X, y): return max(y, key=lambda v: v {sign} 1)") for sign in "+-"
    ],
    "constant sets": [
        of_source(f'def score(e, X, y): return y[0] in {{"a", "b", "{last}"}}') for last in "cd"
    ],
    "what they close over": [scorer_with(1.0), scorer_with(2.0), scorer_with("2")],
    "defaults": [of_source(f"def score(e, X, y, n={n}): return n") for n in (1, 2)],
    "keywords": [of_source(f"def score(e, X, y, *, n={n}): return n") for n in (1, 2)],
    "parts": [functools.partial(fbeta_score, beta=beta) for beta in (1, 2)],
    "parts of parts": [functools.partial(scorer_with(n), 1) for n in (1, 2)],
    "scorers": [make_scorer(fbeta_score, beta=beta) for beta in (1, 2)],
    "functions of scorers": [make_scorer(of_source(f"def score(y, p): return {n}")) for n in "12"],
    "signs": [make_scorer(fbeta_score, greater_is_better=good, beta=1) for good in (True, False)],
    "attributes": [Scorer(1.0), Scorer(2.0), Scorer(np.ones(5000)), Scorer(np.zeros(5000))],
    "methods": [Scorer(1.0).score, Scorer(2.0).score, Scorer(1.0).__call__],
    "wrapped": [functools.lru_cache(scorer_with(n)) for n in (1, 2)],
    "built in": [len, max, np.add, np.multiply],
}


@pytest.mark.parametrize("functions", DIFFERENT.values(), ids=DIFFERENT)
def test_functions_that_differ_are_never_alike(functions):
    assert len({described(function) for function in functions}) == len(functions)


def test_equal_functions_are_alike():
    for one, other in (
        (scorer_with(1.0), scorer_with(1.0)),
        (Scorer(3), Scorer(3.0)),
        (make_scorer(fbeta_score, beta=2), make_scorer(fbeta_score, beta=2)),
        (of_source("def score(e, X, y): return 1"), of_source("def score(e, X, y): return 1")),
    ):
        assert one is not other
        assert described(one) == described(other)


@pytest.mark.parametrize("function", [with_global, with_helper, Scorer(2.0), scorer_with(1.0)])
def test_a_function_that_was_sent_to_another_process_is_the_same(function, monkeypatch):
    cloudpickle = pytest.importorskip("cloudpickle")
    before = described(function)
    # What cannot be imported there is sent as code, with the globals that it reads and no others.
    monkeypatch.delitem(sys.modules, __name__)
    names = (Scorer, "__module__") if isinstance(function, Scorer) else (function, "__module__")
    monkeypatch.setattr(*names, "__main__")
    expected, sent = described(function), cloudpickle.loads(cloudpickle.dumps(function))
    assert sent is not function
    assert described(sent) == expected != before


def test_an_attribute_with_the_name_of_a_global_is_none(monkeypatch):
    score = of_source("def score(e, X, y): return e.BETA")
    before = described(score)
    score.__globals__["BETA"] = 3.0
    assert described(score) == before


def test_a_class_is_the_same_after_it_was_looked_at():
    class Fresh(Scorer):
        pass

    before = described(Fresh)
    described(Fresh())
    assert described(Fresh) == before


def test_what_a_function_names_counts(monkeypatch):
    before = described(with_global)
    monkeypatch.setattr(sys.modules[__name__], "BETA", 3.0)
    assert described(with_global) != before


def test_a_function_that_is_called_by_an_inner_one_counts(monkeypatch):
    before = described(with_helper)
    monkeypatch.setattr(sys.modules[__name__], "helper", lambda a, b: b - a)
    assert described(with_helper) != before


def test_a_method_that_a_scorer_calls_counts(monkeypatch):
    before = described(Scorer())
    monkeypatch.setattr(Scorer, "score", lambda self, y: -self.number)
    assert described(Scorer()) != before


def test_a_function_of_a_users_module_counts(monkeypatch):
    module_of_user = type(sys)("metrics_of_a_user")
    exec("def f(y): return 1", vars(module_of_user))
    monkeypatch.setitem(sys.modules, "metrics_of_a_user", module_of_user)
    module_of_user.__file__ = "/somewhere/metrics_of_a_user.py"
    score = of_source("import metrics_of_a_user\ndef score(e, X, y): return metrics_of_a_user.f(y)")
    before = described(score)
    exec("def f(y): return 2", vars(module_of_user))
    assert described(score) != before


def test_what_a_function_merely_uses_counts_by_its_class():
    presses = [iter([1, 2, 3]), iter([4])]
    first, second = (scorer_with(part) for part in presses)
    assert described(first) == described(second)
    assert described(scorer_with(np.random.default_rng(0))) != described(first)


def test_functions_that_call_one_another_and_things_that_hold_themselves_have_an_end():
    names = {"__name__": __name__}
    exec("def even(n): return odd(n - 1)\ndef odd(n): return even(n - 1)", names)
    assert described(names["even"]) != described(names["odd"])
    endless = []
    endless.append(endless)
    described(endless)


def test_what_nothing_tells_apart_is_refused(tmp_path):
    class Opaque(Scorer):
        def __reduce_ex__(self, protocol):
            raise TypeError("it cannot be copied")

    estimator = classifier(checkpoint=tmp_path, scoring=Opaque(), early_stopping=True)
    with pytest.raises(ValueError, match=r"scoring=.* cannot go with a checkpoint"):
        estimator.fit(X, y)


# ---------------------------------------------------------------- callbacks


def test_a_fit_that_a_callback_ended_goes_on_where_there_is_none(tmp_path):
    pytest.importorskip("sklearn.callback")

    class StopAtOnce:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **told):
            pass

        def on_fit_task_end(self, estimator, context, **told):
            return True

    path = tmp_path / "state"
    stopped = classifier(checkpoint=path, max_iter=4).set_callbacks(StopAtOnce()).fit(X, y)
    assert stopped.n_iter_ == 1
    assert same_bits(
        classifier(checkpoint=path, max_iter=4).fit(X, y), classifier(max_iter=4).fit(X, y)
    )
