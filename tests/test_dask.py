"""The classifier on a Dask cluster: the same bits on any workers, also where some are killed."""

import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from estimators import RECIPE, points, same_bits, small
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV

from sksparse_mlp import TrulySparseMLPClassifier
from sksparse_mlp.dask import DaskTrulySparseMLPClassifier
from sksparse_mlp.dask._blocks import merged, moments_of, summarised
from sksparse_mlp.dask._cluster import Cluster
from sksparse_mlp.dask._planning import batch_of_block, schedule_of

distributed = pytest.importorskip("distributed", reason="distributed is not installed")
da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")
delayed = dask.delayed

X, Y = points(n_samples=90)
SETTINGS = {"threads_per_worker": 1, "dashboard_address": ":0"}


def on_cluster(**changes):
    """A classifier that trains in few rounds: one for each pass over the data."""
    own = {"evolution": "set", "batch_size": 8, "local_steps": 4}
    return DaskTrulySparseMLPClassifier(**RECIPE | own | changes)


def blocks(X=X, y=Y, size=30):
    return da.from_array(X, chunks=(size, -1)), da.from_array(y, chunks=size)


# Before there is any client.
def test_without_a_cluster_the_error_says_what_to_do():
    with pytest.raises(ValueError, match="client=None takes the current Dask client"):
        on_cluster().fit(*blocks())


@pytest.fixture(scope="module")
def client():
    """A worker with two threads in this process."""
    settings = SETTINGS | {"threads_per_worker": 2}
    with distributed.Client(processes=False, n_workers=1, **settings) as client:
        yield client


@pytest.fixture(scope="module")
def processes():
    """Two workers, each a process."""
    with distributed.LocalCluster(n_workers=2, processes=True, **SETTINGS) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            yield client


@pytest.fixture(scope="module")
def expected(client):
    return on_cluster().fit(*blocks())


# ---------------------------------------------------------------- the same bits


def test_one_block_trains_as_in_one_process(client):
    parameters = {"activation": "srelu", "solver": "adam", "evolution": "set", "batch_size": 16}
    model = DaskTrulySparseMLPClassifier(**RECIPE | parameters, local_steps=6)
    alone = small(**parameters).fit(X, Y)
    found = model.fit(*blocks(size=90))
    assert same_bits(found, alone)
    assert found.history_["loss"] == pytest.approx(alone.history_["loss"])


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_the_number_of_workers_changes_nothing(n_workers, expected):
    settings = {"processes": False, "n_workers": n_workers, "set_as_default": False}
    with distributed.Client(**settings, **SETTINGS) as client:
        assert same_bits(on_cluster(client=client).fit(*blocks()), expected)


def test_processes_change_nothing(processes, expected):
    assert same_bits(on_cluster(client=processes).fit(*blocks()), expected)


def test_other_blocks_or_another_seed_give_another_network(client, expected):
    assert not same_bits(on_cluster().fit(*blocks(size=45)), expected)
    assert not same_bits(on_cluster(random_state=1).fit(*blocks()), expected)


def frame():
    return pd.DataFrame(X, columns=[f"gene {i}" for i in range(10)])


def as_frames():
    dd = pytest.importorskip("dask.dataframe")
    return dd.from_pandas(frame(), npartitions=3), dd.from_pandas(pd.Series(Y), npartitions=3)


FORMS = {
    "CSR": lambda: (blocks(X)[0].map_blocks(sparse.csr_matrix), blocks()[1]),
    "columns divided": lambda: (da.from_array(X, chunks=(30, 4)), blocks()[1]),
    "lists": lambda: [list(map(delayed, np.split(part, 3))) for part in (X, Y)],
    "labels in memory": lambda: (blocks()[0], Y),
    "labels divided otherwise": lambda: (blocks()[0], da.from_array(Y, chunks=41)),
    "a block without rows": lambda: [
        list(map(delayed, np.split(part, [30, 60, 90]))) for part in (X, Y)
    ],
    "frames": as_frames,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_blocks_of_all_forms_give_the_same_network(form, expected):
    assert same_bits(on_cluster().fit(*FORMS[form]()), expected)


def test_names_of_columns_are_kept(client):
    X_frame, y = as_frames()
    model = on_cluster(max_iter=1).fit(X_frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, frame().columns)
    np.testing.assert_array_equal(model.predict(X_frame), model.predict(frame()))


# ---------------------------------------------------------------- averages and statistics


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_blocks_are_those_of_all_rows(weighted):
    weight = np.linspace(0, 2, 90) if weighted else np.ones(90)
    parts = [
        summarised(block_of(X[part] + 7, Y[part], weight[part]))
        for part in (slice(0, 20), slice(20, 25), slice(25, 90))
    ]
    classes = np.unique(Y)
    factors = np.array([1.0, 2.0, 0.5])
    found = moments_of(merged(parts, classes), factors)
    weight = weight * factors[np.searchsorted(classes, Y)]
    mean = np.average(X + 7, axis=0, weights=weight)
    members = [np.flatnonzero(np.equal(Y, label)) for label in classes]
    of_classes = [np.average(X[rows] + 7, axis=0, weights=weight[rows]) for rows in members]
    shares = [weight[rows].sum() / weight.sum() for rows in members]
    between = np.average((of_classes - mean) ** 2, axis=0, weights=shares)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6)
    variance = np.average((X + 7 - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-5)
    np.testing.assert_allclose(found.between, between, rtol=1e-4, atol=1e-7)


def block_of(X, y, weight):
    from sksparse_mlp.dask._blocks import Block

    return Block(X, y, weight, None)


def test_constant_features_have_no_variance():
    X = np.column_stack([np.full(9, 0.1), np.arange(9)])
    parts = [summarised(block_of(X[p], Y[p], np.full(len(X[p]), 0.3))) for p in
             (slice(0, 4), slice(4, 9))]  # fmt: skip
    classes = np.unique(Y[:9])
    moments = moments_of(merged(parts, classes), np.ones(classes.size))
    assert moments.variance[0] == moments.between[0] == 0 < moments.variance[1]


def test_a_round_of_one_step_of_sgd_is_the_step_of_the_weighted_mean_gradient(client):
    """Averages of one plain step from the same weights are one step along the mean gradient."""
    parameters = {"max_iter": 1, "batch_size": 90, "momentum": 0.0, "evolution": None}
    weight = np.linspace(0.5, 2, 90)
    model = on_cluster(**parameters, local_steps=1)
    found = model.fit(*blocks(), sample_weight=da.from_array(weight, chunks=30))
    alone = small(**parameters).fit(X, Y, weight)
    for ours, theirs in zip(found.coefs_ + found.intercepts_, alone.coefs_ + alone.intercepts_,
                            strict=True):  # fmt: skip
        if sparse.issparse(ours):
            ours, theirs = ours.toarray(), theirs.toarray()
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_balanced_classes_weigh_the_same(client):
    rare = np.flatnonzero((np.arange(90) % 3 == 0) | (Y != "ALL"))
    model = on_cluster(class_weight="balanced", max_iter=2, local_steps=-(-rare.size // 8))
    found = model.fit(*blocks(X[rare], Y[rare], size=rare.size))
    alone = small(class_weight="balanced", max_iter=2, batch_size=8, evolution="set")
    alone.fit(X[rare], Y[rare])
    for ours, theirs in zip(found.coefs_, alone.coefs_, strict=True):
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-3, atol=1e-5)


def test_connections_move_and_keep_their_number(expected):
    moved = expected.history_["connections_rewired"]
    assert moved[0] == 0 < sum(moved)
    assert tuple(matrix.nnz for matrix in expected.coefs_) == expected.n_connections_


def test_messages_hold_the_pattern_only_where_it_has_changed(client):
    """SGD sends 8 bytes a connection and neuron, and 4 more a connection that may have moved."""
    model = on_cluster(hidden_layer_sizes=(500,), evolution_end=0.5).fit(*blocks())
    n, n_neurons = sum(model.n_connections_), 503
    moved = np.array(model.history_["connections_rewired"]) > 0
    moved[0] = True  # the first message
    n_bytes = np.array(model.history_["bytes_sent"])
    assert moved[1] and not moved[-1]
    assert (n_bytes[~moved] < 8 * (n + n_neurons) + 2000).all()
    assert (n_bytes[moved] > 8 * (n + n_neurons) + 4 * n).all()


def test_defaults_learn(client):
    model = DaskTrulySparseMLPClassifier(rounds=20, random_state=0).fit(*blocks())
    assert model.score(X, Y) > 0.9
    assert model.skip_coef_.nnz > 0


# ---------------------------------------------------------------- rounds


@pytest.mark.parametrize(
    ("rounds", "local_steps", "expected"),
    [
        ("auto", "auto", (50, 94)),
        ("auto", 235, (20, 235)),
        (10, "auto", (10, 470)),
        (7, 3, (7, 3)),
    ],
)
def test_rounds_make_up_the_passes_over_the_data(rounds, local_steps, expected):
    schedule = schedule_of(rounds, local_steps, 20, 20, 60_000, 2, 128)
    assert schedule[:2] == expected


def test_passes_over_the_data_are_those_asked_for(client):
    model = on_cluster(max_iter=6, local_steps=2).fit(*blocks(X[:48], Y[:48], size=16))
    assert model.t_ == 6 * 48
    assert model.n_iter_ == 6


@pytest.mark.parametrize(
    ("given", "n_blocks", "expected"),
    [("auto", 1, 128), ("auto", 2, 64), ("auto", 99, 32), (100, 2, 100)],
)
def test_blocks_share_the_mini_batch_unless_its_size_is_given(given, n_blocks, expected):
    assert batch_of_block(given, 128 if given == "auto" else given, n_blocks) == expected


# ---------------------------------------------------------------- predictions


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
@pytest.mark.parametrize("form", ["CSR", "lists", "columns divided"])
def test_predictions_are_lazy_and_those_of_the_local_model(method, form, expected):
    found = getattr(expected, method)(FORMS[form]()[0])
    assert isinstance(found, da.Array)
    np.testing.assert_array_equal(found.compute(), getattr(expected.to_local(), method)(X))


def test_scores_are_lazy_and_heed_weights(expected):
    weight = np.arange(90.0)
    found = expected.score(*blocks(), weight)
    assert isinstance(found, da.Array)
    assert float(found) == pytest.approx(expected.to_local().score(X, Y, weight))
    assert expected.score(X, Y) == float(expected.score(*blocks()))


def test_the_local_model_is_the_ordinary_one(expected):
    local = expected.to_local()
    assert type(local) is TrulySparseMLPClassifier
    assert same_bits(local, expected)
    assert clone(local).get_params() == small(evolution="set", batch_size=8).get_params()


# ---------------------------------------------------------------- as an estimator


def test_a_copy_keeps_the_client_and_a_file_does_not(client):
    import pickle

    model = on_cluster(client=client, rounds=3)
    assert clone(model).client is client
    assert clone(model).rounds == 3
    assert pickle.loads(pickle.dumps(model)).client is None


def test_a_file_of_a_fitted_model_predicts_the_same(expected):
    import pickle

    back = pickle.loads(pickle.dumps(expected))
    np.testing.assert_array_equal(back.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize(
    ("parameters", "data", "message"),
    [
        ({"warm_start": True}, blocks, "warm_start=True"),
        ({"averaging": "ema"}, blocks, "averaging='ema' has no meaning on a cluster"),
        ({"early_stopping": True}, blocks, "early_stopping=True needs X_val"),
        ({"rounds": 2, "local_steps": 3}, blocks, "rounds=2, local_steps=3 and max_iter=5"),
        ({"rounds": 0}, blocks, "'rounds' parameter"),
        ({}, lambda: (X, Y), "X must be a dask array"),
        ({}, lambda: (blocks()[0], Y[:50]), "y has 50 entries"),
        ({}, lambda: ([delayed(X)], Y), "y must be divided as X is"),
        ({}, lambda: ([delayed(X)], [delayed(Y)] * 2), "y has 2 blocks"),
        ({}, lambda: ([delayed(X), delayed(X[:, :3])], [delayed(Y)] * 2), "number 1 has 3"),
        ({}, lambda: ([delayed(X), delayed(X / 0)], [delayed(Y)] * 2), "Block 1 of X"),
        ({}, lambda: ([delayed(X[:0])], [delayed(Y[:0])]), "0 samples"),
        ({}, lambda: blocks(X, np.full(90, "ALL")), "contains 1 class"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_cannot_be_is_an_error_that_says_so(client, parameters, data, message):
    with pytest.raises(ValueError, match=message):
        on_cluster(**parameters).fit(*data())


def test_partial_fit_does_not_exist():
    assert not hasattr(on_cluster(), "partial_fit")


def test_divergence_is_told_as_in_one_process(client):
    with pytest.raises(ValueError, match="diverged"):
        on_cluster(learning_rate_init=1e20).fit(*blocks())


def test_a_validation_set_ends_the_training(client):
    model = on_cluster(early_stopping=True, n_iter_no_change=1, tol=10.0, local_steps=2)
    model.fit(*blocks(), X_val=X, y_val=Y)
    assert model.n_iter_ == 2
    assert model.best_epoch_ in (1, 2)
    assert len(model.validation_scores_) == 2


# ---------------------------------------------------------------- faults


def kill_a_worker(client, number=0):
    """``kill -9`` one of the processes."""
    os.kill(list(client.cluster.workers.values())[number].pid, signal.SIGKILL)


def test_a_worker_killed_in_the_middle_of_a_round_changes_nothing(processes, expected, monkeypatch):
    waits, wait = [], Cluster._wait

    def wait_and_kill(cluster, *arguments):
        waits.append(1)
        if len(waits) == 3:
            kill_a_worker(processes)
        wait(cluster, *arguments)

    monkeypatch.setattr(Cluster, "_wait", wait_and_kill)
    assert same_bits(on_cluster(client=processes).fit(*blocks()), expected)


@pytest.fixture
def mortal():
    """A client of a scheduler, and its two workers: processes that nobody else restarts."""
    patient = dask.config.set({"distributed.scheduler.allowed-failures": 1000})
    with patient, distributed.LocalCluster(n_workers=0, processes=True, **SETTINGS) as cluster:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        command += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]

        def start():
            return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

        workers = [start(), start()]
        with distributed.Client(cluster, set_as_default=False) as client:
            yield client, workers, start
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_workers_killed_at_random_moments_change_nothing(mortal):
    """Each kill waits until two workers live again."""
    client, workers, start = mortal
    model, random = on_cluster(max_iter=50), np.random.default_rng(0)
    expected = clone(model).set_params(client=client).fit(*blocks())
    killed, fits, stop = [], [], threading.Event()

    def kill():
        while not stop.is_set():
            if len(client.scheduler_info(n_workers=-1)["workers"]) < 2:
                time.sleep(0.1)
                continue
            time.sleep(random.uniform(0, 2))
            victim = workers.pop(random.integers(2))
            victim.kill()
            victim.wait()
            killed.append(len(fits))
            workers.append(start())
            time.sleep(1)

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        while len(killed) < 20:
            fits.append(clone(model).set_params(client=client).fit(*blocks()))
    finally:
        stop.set()
        killing.join()
    assert all(same_bits(found, expected) for found in fits)
    print(f"{len(killed)} workers killed in {len(fits)} fits of 50 rounds")


def test_a_fit_goes_on_where_its_checkpoint_was(client, expected, tmp_path, monkeypatch):
    train, rounds = Cluster.train, []

    def train_until_the_client_dies(*arguments):
        rounds.append(1)
        if len(rounds) == 3:
            raise MemoryError
        return train(*arguments)

    model = on_cluster(checkpoint=tmp_path)
    with monkeypatch.context() as context:
        context.setattr(Cluster, "train", train_until_the_client_dies)
        with pytest.raises(MemoryError):
            model.fit(*blocks())
    assert not hasattr(model, "coefs_")
    seen = []
    monkeypatch.setattr(Cluster, "train", lambda *args: seen.append(1) or train(*args))
    assert same_bits(model.fit(*blocks()), expected)
    assert len(seen) == expected.n_iter_ - 2


def test_other_data_do_not_go_on_from_a_checkpoint(client, tmp_path):
    model = on_cluster(checkpoint=tmp_path / "run.ckpt", max_iter=1).fit(*blocks())
    with pytest.raises(ValueError, match="differs in training data"):
        model.fit(*blocks(X + 1))


def test_rounds_are_printed(client, capsys):
    on_cluster(verbose=True, rounds=2, max_iter="auto", local_steps=1).fit(*blocks())
    assert "Round 2 of 2, loss = " in capsys.readouterr().out


# ---------------------------------------------------------------- searches


def test_a_search_on_a_cluster_finds_what_a_serial_one_finds(processes):
    search = GridSearchCV(small(max_iter=2), {"zeta": [0.1, 0.5]}, cv=2, n_jobs=2)
    alone = clone(search).set_params(n_jobs=None).fit(X, Y)
    with processes.as_current(), joblib.parallel_config("dask"):
        search.fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert same_bits(search.best_estimator_, alone.best_estimator_)


def test_a_gap_is_an_error_that_names_the_imputer_and_a_way_that_works(client):
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    data, y = blocks(gaps)
    way = r"X.map_blocks\(imputer.transform, dtype=float\)"
    with pytest.raises(ValueError, match=rf"Block \d of X(.|\n)*contains NaN(.|\n)*{way}"):
        on_cluster().fit(data, y)
    imputer = SimpleImputer().fit(gaps[:40])
    filled = data.map_blocks(imputer.transform, dtype=float)
    model, local = on_cluster().fit(filled, y), on_cluster().fit(*blocks(imputer.transform(gaps)))
    assert same_bits(model, local)
