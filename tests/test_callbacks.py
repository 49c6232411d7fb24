"""scikit-learn's callbacks (version 1.9 or later), and verbose."""

import warnings

import numpy as np
import pytest
from estimators import KINDS, numbers, points, small, times
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp import SparseMLPFeatureSelector, TrulySparseMLPEnsembleClassifier
from sksparse_mlp._training import pace
from sksparse_mlp.inspection import InputDegreeRecorder

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


TASKS = {"classifier": points, "regressor": numbers, "survival": times}
each_kind = pytest.mark.parametrize("kind", KINDS)


def said_by(model, X):
    """All that a fitted estimator says of samples, as an array."""
    curves = getattr(model, "predict_survival_function", None)
    if curves is not None:
        return np.column_stack((curves(X, return_array=True), model.predict(X)))
    return getattr(model, "predict_proba", model.predict)(X)


class Recorder:
    """Counts what it is told; asks to stop after some epochs."""

    def __init__(self, stop_after=None, predicts=True):
        self.stop_after, self.predicts = stop_after, predicts
        self.begun, self.ended, self.predictions = [], [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(context.task_name)
        if self.predicts:
            self.predictions.append(said_by(fitted_estimator, X))
        return self.stop_after == self.ended.count("epoch")


@each_kind
def test_each_epoch_and_the_fit_are_announced(kind):
    recorder = Recorder()
    KINDS[kind]().set_callbacks(recorder).fit(*TASKS[kind]())
    assert recorder.begun == ["fit"] + 5 * ["epoch"]
    assert recorder.ended == 5 * ["epoch"] + ["fit"]


def test_a_callback_may_stop_the_training(data):
    assert small().set_callbacks(Recorder(stop_after=2)).fit(*data).n_iter_ == 2


@each_kind
def test_a_callback_sees_the_network_of_its_epoch(kind):
    recorder, (X, y) = Recorder(), TASKS[kind]()
    model = KINDS[kind]().set_callbacks(recorder).fit(X, y)
    assert not np.array_equal(recorder.predictions[0], recorder.predictions[1])
    assert np.array_equal(recorder.predictions[-1], said_by(model, X))
    assert np.array_equal(recorder.predictions[-2], recorder.predictions[-1])  # epoch, and fit


def test_no_callback_sees_the_hazards_of_an_earlier_fit():
    X, y = times()
    model, fresh, again = KINDS["survival"](), Recorder(), Recorder()
    model.set_callbacks(fresh).fit(X, y)
    model.fit(X[:40], y[:40]).set_callbacks(again).fit(X, y)
    assert np.array_equal(again.predictions[0], fresh.predictions[0])


@each_kind
def test_callbacks_change_no_bit(kind):
    X, y = TASKS[kind]()
    watched, alone = KINDS[kind]().set_callbacks(Recorder()).fit(X, y), KINDS[kind]().fit(X, y)
    assert np.array_equal(said_by(watched, X), said_by(alone, X))


def test_a_network_that_a_callback_keeps_stays_that_of_its_epoch(data):
    kept = []

    class Keeper(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            kept.append((fitted_estimator, fitted_estimator.predict_proba(X)))

    small().set_callbacks(Keeper()).fit(*data)
    assert all(np.array_equal(model.predict_proba(data[0]), proba) for model, proba in kept)


@pytest.fixture
def long_epochs(monkeypatch):
    """Every epoch counts as one that lasts long, and every call of the kernel takes one step."""
    monkeypatch.setattr(pace, "LONG_EPOCH", 0.0)
    monkeypatch.setattr(pace, "SECONDS_PER_CALL", 0.0)


@pytest.mark.parametrize(("most", "n_parts"), [(100, 6), (4, 4)])
def test_a_long_epoch_is_announced_in_parts(data, long_epochs, monkeypatch, most, n_parts):
    monkeypatch.setattr(pace, "MOST_PARTS", most)
    recorder = Recorder(predicts=False)
    small(batch_size=10).set_callbacks(recorder).fit(*data)
    assert recorder.ended == 5 * (n_parts * ["part of an epoch"] + ["epoch"]) + ["fit"]


def test_there_is_no_network_to_see_in_the_middle_of_an_epoch(data, long_epochs):
    seen = []

    class Looker(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            seen.append((context.task_name, fitted_estimator is None))

    small(batch_size=10).set_callbacks(Looker()).fit(*data)
    assert set(seen) == {("part of an epoch", True), ("epoch", False), ("fit", False)}


def test_a_callback_that_asks_to_stop_in_an_epoch_stops_at_its_end(data, long_epochs):
    class Stopper(Recorder):
        def on_fit_task_end(self, estimator, context):
            return context.task_name == "part of an epoch"

    assert small(batch_size=10).set_callbacks(Stopper()).fit(*data).n_iter_ == 1


def test_the_progress_bar_moves_within_a_long_epoch(data, long_epochs, capsys):
    pytest.importorskip("rich")
    small(batch_size=10).set_callbacks(callback.ProgressBar()).fit(*data)
    assert "epoch #4" in capsys.readouterr().out


def test_the_recorder_has_the_connections_of_each_epoch(data):
    recorder = InputDegreeRecorder()
    model = small().set_callbacks(recorder).fit(*data)
    expected = []

    class Keeper(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            expected.append(np.diff(fitted_estimator.coefs_[0].indptr))

    model.set_callbacks(Keeper()).fit(*data)
    assert np.array_equal(recorder.degrees, expected[:5])
    assert np.ptp(recorder.degrees, axis=0).any()


def test_the_recorder_begins_anew_with_each_fit(data):
    recorder = InputDegreeRecorder()
    model = small().set_callbacks(recorder).fit(*data)
    model.fit(*data)
    assert len(recorder.degrees) == 5


def test_a_failing_fit_tears_callbacks_down(data):
    recorder = Recorder(predicts=False)
    model = small(learning_rate="constant", learning_rate_init=1e6)
    with pytest.raises(ValueError, match="diverged"):
        model.set_callbacks(recorder).fit(1e3 * data[0], data[1])
    assert recorder.torn_down


def search_over_pipelines():
    pipe = make_pipeline(StandardScaler(), small())
    return GridSearchCV(pipe, {"trulysparsemlpclassifier__zeta": [0.1, 0.3]}, cv=2)


def test_the_progress_bar_moves_through_a_search_over_pipelines(data, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    bar = callback.ProgressBar(max_propagation_depth=None)
    search_over_pipelines().set_callbacks(bar).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    networks = [line for line in lines if "TrulySparseMLPClassifier - fit" in line]
    assert len(networks) == 5  # two zetas, two folds, and the best one on all samples
    assert [line for line in networks if "100%" not in line] == []


def test_each_epoch_is_announced_in_a_search_over_pipelines(data):
    class Counter(Recorder):
        max_propagation_depth = None
        sizes = ()

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch":
                self.sizes += (context.parent.max_subtasks,)

        def on_fit_task_end(self, estimator, context):
            pass

    counter = Counter()
    search_over_pipelines().set_callbacks(counter).fit(*data)
    assert counter.sizes == 5 * 5 * (5,)


def test_the_scoring_monitor_scores_each_epoch(data):
    pytest.importorskip("pandas")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    small().set_callbacks(monitor).fit(*data)
    assert len([row for row in monitor.get_logs().data if row["accuracy"] is not None]) >= 5


def test_verbose_prints_a_line_an_epoch(data, capsys):
    small(verbose=True).fit(*data)
    assert len(capsys.readouterr().out.strip().splitlines()) == 5


# ---------------------------------------------------------------- a selector and its networks


def selector(**changes):
    return SparseMLPFeatureSelector(small(), n_networks=3, k=2, random_state=0, **changes)


class Listener(Recorder):
    """Also hears of what a selector's networks do; sees a selector after each network."""

    max_propagation_depth = None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.ended.append(context.task_name)


class Watcher(Recorder):
    """Looks at the selector that there is after each network."""

    def __init__(self, stop_after=None):
        super().__init__(stop_after)
        self.seen = []

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(context.task_name)
        self.seen.append((fitted_estimator.scores_, fitted_estimator.transform(X).shape))
        return self.stop_after == len(self.ended)


def test_each_network_of_a_selector_is_announced(data):
    watcher = Watcher()
    selector().set_callbacks(watcher).fit(*data)
    assert watcher.begun == ["fit"] + 3 * ["network"]
    assert watcher.ended == 3 * ["network"] + ["fit"]
    assert watcher.torn_down


def test_epochs_of_the_networks_of_a_selector_are_announced_to_who_asks(data):
    listener = Listener()
    selector().set_callbacks(listener).fit(*data)
    assert listener.ended == 3 * (5 * ["epoch"] + ["fit"]) + ["fit"]


def test_a_callback_sees_the_selector_of_the_networks_so_far(data):
    watcher = Watcher()
    fitted = selector().set_callbacks(watcher).fit(*data)
    one, two, three, end = (scores for scores, _ in watcher.seen)
    assert len({scores.tobytes() for scores in (one, two, three)}) == 3
    np.testing.assert_array_equal(three, fitted.scores_)
    np.testing.assert_array_equal(end, fitted.scores_)
    assert {shape for _, shape in watcher.seen} == {(60, 2)}


def test_a_callback_that_fails_at_the_end_leaves_the_selector_as_it_was(data):
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise MemoryError

    fitted = selector().fit(*data)
    before = fitted.scores_
    with pytest.raises(MemoryError):
        fitted.set_params(random_state=1).set_callbacks(Failing()).fit(*data)
    np.testing.assert_array_equal(fitted.scores_, before)


def test_no_callback_sees_an_old_selector_before_the_first_network(data):
    seen = []

    class Early(Recorder):
        def on_fit_task_begin(self, estimator, context, *, fitted_estimator):
            seen.append(fitted_estimator is None)

        def on_fit_task_end(self, estimator, context):
            pass

    selector().fit(*data).set_callbacks(Early()).fit(*data)
    assert seen == [True, True, False, False]


def test_a_callback_may_stop_a_selector_after_a_network(data):
    watcher = Watcher(stop_after=2)
    fitted = selector().set_callbacks(watcher).fit(*data)
    assert len(fitted.estimators_) == 2
    np.testing.assert_array_equal(fitted.scores_, watcher.seen[1][0])


@pytest.mark.parametrize(("stop_after", "n_halves"), [(1, 2), (4, 2), (7, 4)])
def test_a_selector_that_is_to_stop_completes_its_pair_of_halves(data, stop_after, n_halves):
    """Three networks a half; transform works all the while, though no feature may be selected."""
    watcher = Watcher(stop_after)
    controlled = selector(max_false_selections=2, n_pairs=5).set_params(k=None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No features were selected")
        fitted = controlled.set_callbacks(watcher).fit(*data)
    assert watcher.ended == 3 * n_halves * ["network"] + ["fit"]
    assert fitted.selection_frequencies_.sum() == fitted.n_chosen_


def test_callbacks_do_not_change_what_a_selector_finds(data):
    undisturbed = selector().fit(*data)
    watched = selector().set_callbacks(Watcher(), Listener()).fit(*data)
    np.testing.assert_array_equal(watched.scores_, undisturbed.scores_)


def test_no_callback_stays_in_the_networks_of_a_selector(data):
    fitted = selector().set_callbacks(Listener()).fit(*data)
    for network in fitted.estimators_:
        assert not [name for name in vars(network) if "callback" in name]


def test_a_network_of_a_selector_that_fails_tears_callbacks_down(data):
    watcher = Watcher()
    bad = selector().set_params(
        estimator__learning_rate="constant", estimator__learning_rate_init=1e6
    )
    with pytest.raises(ValueError, match="diverged"):
        bad.set_callbacks(watcher).fit(1e3 * data[0], data[1])
    assert watcher.torn_down


@pytest.fixture
def wide_console():
    """Lines that nothing is cut off from."""
    rich = pytest.importorskip("rich")
    rich.reconfigure(width=200)
    yield
    rich.reconfigure()


@pytest.mark.usefixtures("wide_console")
def test_the_progress_bar_moves_through_the_networks_of_a_selector(data, capsys):
    pipe = make_pipeline(StandardScaler(), selector(), small())
    pipe.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    networks = [line for line in lines if "SparseMLPFeatureSelector - network" in line]
    assert len(networks) == 3
    assert [line for line in networks if "100%" not in line] == []


def test_verbose_prints_a_line_a_network(data, capsys):
    selector(verbose=True).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"Network {i} of 3" for i in (1, 2, 3)]


# ---------------------------------------------------------------- an ensemble and its members


class Judge(Recorder):
    """Looks at the ensemble that there is after each member."""

    def __init__(self, stop_after=None):
        super().__init__(stop_after)
        self.sizes = []

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(context.task_name)
        self.sizes.append(len(fitted_estimator.estimators_))
        assert len(fitted_estimator.predict(X)) == len(X)
        return self.stop_after == len(self.ended)


@pytest.mark.parametrize("method", ["independent", "edst"])
def test_each_member_of_an_ensemble_is_announced_and_may_be_the_last(data, method):
    ensemble = TrulySparseMLPEnsembleClassifier(small(), method=method, random_state=0)
    judge = Judge(stop_after=2)
    ensemble.set_callbacks(judge).fit(*data)
    assert judge.ended == ["network", "network", "fit"]
    assert judge.sizes == [1, 2, 2] and len(ensemble.estimators_) == 2
