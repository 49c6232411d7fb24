"""The estimators on a Dask cluster: the same bits as in one process, on any workers."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
from builders import trainings_left_by
from dask_blocks import OWN, SETTINGS, da, distributed, in_blocks, on_cluster, regressor_on_cluster
from estimators import indicators, numbers, points, same_bits, small, small_regressor
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer

from sksparse_mlp import TrulySparseMLPClassifier, TrulySparseMLPRegressor
from sksparse_mlp._estimator import defaults
from sksparse_mlp._network.plasticity import frozen_connections
from sksparse_mlp._training.data import TrainingData
from sksparse_mlp._training.moments import input_moments
from sksparse_mlp.dask import DaskTrulySparseMLPClassifier, DaskTrulySparseMLPRegressor
from sksparse_mlp.dask._blocks import Block
from sksparse_mlp.dask._cluster import Cluster
from sksparse_mlp.dask._coordinator import Coordinator
from sksparse_mlp.dask._messages import in_four_bytes, in_two_bytes
from sksparse_mlp.dask._planning import batch_of_block, rate_factor, schedule_of
from sksparse_mlp.dask._replica import Replica
from sksparse_mlp.dask._summaries import merged, moments_of, summarised

delayed = pytest.importorskip("dask").delayed

X, Y = points(n_samples=90)
YS = (Y, Y[:0], Y)
ONE_ROUND = {"max_iter": 1}
OF_ORDINARY = {name: value for name, value in OWN.items() if name != "local_steps"}


def blocks(X=X, y=Y, size=30):
    return in_blocks(X, y, size)


def two_columns(n_samples):
    X, y = numbers(n_samples)
    return X, np.column_stack([y, X[:, 0] - 2 * X[:, 1]])


# What is learned: the estimator on a cluster, the ordinary one, and data.
TASKS = {
    "classes": (on_cluster, small, points(n_samples=90)),
    "labels": (on_cluster, small, indicators(n_samples=90)),
    "numbers": (regressor_on_cluster, small_regressor, numbers(90)),
    "columns": (regressor_on_cluster, small_regressor, two_columns(90)),
}
each_task = pytest.mark.parametrize("task", TASKS)


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
def expected(client):
    return on_cluster().fit(*blocks())


@pytest.fixture(scope="module")
def after_one_round(client):
    return on_cluster(**ONE_ROUND).fit(*blocks())


@pytest.fixture(scope="module")
def of_task(client):
    """A fitted model of each task, after one round."""
    return {
        name: make(**ONE_ROUND).fit(*in_blocks(*data)) for name, (make, _, data) in TASKS.items()
    }


def test_no_training_outlives_its_fit_in_a_cycle(client):
    assert not trainings_left_by(lambda: on_cluster(**ONE_ROUND).fit(*blocks()))


def test_the_samples_of_all_blocks_decide_how_many_layers_there_are(client, monkeypatch):
    monkeypatch.setattr(defaults, "SECOND_LAYER_FROM", 90)
    monkeypatch.setattr(defaults, "HIDDEN_NEURONS", 8)
    model = on_cluster(hidden_layer_sizes="auto", epsilon=1, **ONE_ROUND)
    assert model.fit(*blocks()).to_local().n_layers_ == 4
    assert model.fit(*blocks(X[1:], Y[1:])).to_local().n_layers_ == 3


# ---------------------------------------------------------------- the same bits


@each_task
def test_one_block_trains_as_in_one_process(task, client):
    on_workers, alone, data = TASKS[task]
    parameters = {"activation": "srelu", "evolution": "set", "batch_size": 16}
    found = on_workers(**parameters, local_steps=6).fit(*in_blocks(*data, size=90))
    local = alone(**parameters, max_iter=4).fit(*data)
    assert same_bits(found, local)
    assert found.history_["loss"] == pytest.approx(local.history_["loss"])


def test_one_block_trains_with_adam_as_in_one_process_but_for_the_digits_that_do_not_travel(client):
    parameters = {"solver": "adam", "evolution": None, "batch_size": 16, "max_iter": 4}
    found = on_cluster(**parameters, local_steps=6).fit(*blocks(size=90))
    local = small(**parameters).fit(X, Y)
    assert found.history_["loss"] == pytest.approx(local.history_["loss"], rel=1e-3)
    for ours, theirs in zip(found.coefs_, local.coefs_, strict=True):
        np.testing.assert_allclose(ours.data, theirs.data, atol=0.02)


@each_task
def test_a_warm_start_goes_on_as_in_one_process(task, client):
    on_workers, alone, data = TASKS[task]
    parameters = {"warm_start": True, "evolution": "set", "batch_size": 16, "max_iter": 2}
    found = on_workers(**parameters, local_steps=6, zeta_schedule="cosine")
    local = alone(**parameters, zeta_schedule="cosine")
    for _ in range(2):
        found.fit(*in_blocks(*data, size=90))
        local.fit(*data)
    assert same_bits(found, local)
    assert (found.n_iter_, found.t_) == (2, 4 * 6 * 16)


def test_a_warm_start_refuses_other_data(client, of_task):
    def go_on(task, X, y):
        clone_of_it = pickle.loads(pickle.dumps(of_task[task])).set_params(warm_start=True)
        clone_of_it.fit(*in_blocks(X, y))

    with pytest.raises(ValueError, match="same features: X has 3, and that of the last fit had 10"):
        go_on("classes", X[:, :3], Y)
    with pytest.raises(ValueError, match="same classes"):
        go_on("classes", X, np.where(Y == "ALL", "AML", Y))
    with pytest.raises(ValueError, match="same classes"):
        go_on("labels", X, TASKS["labels"][2][1][:, :2])
    with pytest.raises(ValueError, match="same targets"):
        go_on("columns", X, X[:, 0])


@pytest.mark.filterwarnings("default")
def test_a_warm_start_warns_of_targets_far_away(client):
    X, y = numbers(90)
    model = regressor_on_cluster(warm_start=True, **ONE_ROUND).fit(*in_blocks(X, y))
    with pytest.warns(UserWarning, match="lie more than 10 times target_scale_ away"):
        model.fit(*in_blocks(X, y + 1e6))


@pytest.mark.filterwarnings("default")
def test_inputs_far_from_zero_are_told_to_the_caller(client):
    with pytest.warns(UserWarning, match="far from zero") as caught:
        on_cluster(**ONE_ROUND).fit(*blocks(X + 1e4))
    assert {warning.filename for warning in caught if "zero" in str(warning.message)} == {__file__}


@pytest.mark.parametrize("n_workers", [2, 3])
def test_the_number_of_workers_changes_nothing(n_workers, expected):
    settings = {"processes": False, "n_workers": n_workers, "set_as_default": False}
    with distributed.Client(**settings, **SETTINGS) as client:
        assert same_bits(on_cluster(client=client).fit(*blocks()), expected)


def test_a_late_worker_and_a_slow_one_change_nothing(expected, monkeypatch):
    """The second worker joins in the second round, and then takes much longer than the first."""
    took_part, train, run_steps = set(), Cluster.train, Replica.run_steps

    def train_and_grow(cluster, *arguments):
        if cluster.n_rounds == 1:
            cluster.client.cluster.scale(2)
            cluster.client.wait_for_workers(2)
        return train(cluster, *arguments)

    def run_slowly(replica, n_steps):
        name = distributed.get_worker().name
        took_part.add(name)
        time.sleep(0.05 * (name != 0))
        return run_steps(replica, n_steps)

    monkeypatch.setattr(Cluster, "train", train_and_grow)
    monkeypatch.setattr(Replica, "run_steps", run_slowly)
    settings = {"processes": False, "n_workers": 1, "set_as_default": False}
    with distributed.Client(**settings, **SETTINGS) as client:
        found = on_cluster(client=client).fit(*blocks())
    assert same_bits(found, expected)
    assert took_part == {0, 1}


def test_other_blocks_or_another_seed_give_another_network(client, after_one_round):
    assert not same_bits(on_cluster(**ONE_ROUND).fit(*blocks(size=45)), after_one_round)
    assert not same_bits(on_cluster(**ONE_ROUND, random_state=1).fit(*blocks()), after_one_round)


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
def test_blocks_of_all_forms_give_the_same_network(form, after_one_round):
    assert same_bits(on_cluster(**ONE_ROUND).fit(*FORMS[form]()), after_one_round)


def test_names_of_columns_are_kept(client):
    X_frame, y = as_frames()
    model = on_cluster(**ONE_ROUND).fit(X_frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, frame().columns)
    np.testing.assert_array_equal(model.predict(X_frame), model.predict(frame()))
    names = [f"protein {i}" for i in range(10)]
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="the names in X are not those of the last fit"):
        model.fit(X_frame.rename(columns=dict(zip(frame().columns, names, strict=True))), y)


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
    return Block(X, y, np.asarray(y).dtype.kind == "U", weight, None)


@pytest.mark.parametrize("scale", [1.0, 1e200])
def test_moments_of_blocks_with_numbers_are_those_of_all_rows(scale):
    """Means and deviations of the targets as of one process, and what these explain of X."""
    X, y = two_columns(90)
    y, weight = np.column_stack([y, np.full(90, 0.1)]) * scale, np.linspace(0, 2, 90)
    parts = [
        summarised(block_of(X[part] + 7, y[part], weight[part]))
        for part in (slice(0, 20), slice(20, 25), slice(25, 90))
    ]
    summary, alone = merged(parts, np.zeros(1, int)), small_regressor()
    alone._standardise_like(y, weight)
    size, mean, variance, _ = summary.numbers
    np.testing.assert_allclose(mean * size, alone.target_center_, rtol=1e-12)
    deviation = np.sqrt(variance) * size / scale
    np.testing.assert_allclose(deviation[:2], alone.target_scale_[:2] / scale, rtol=1e-12)
    assert deviation[2] < 1e-12
    targets = ((y - alone.target_center_) / alone.target_scale_).astype(np.float32)
    data = TrainingData(X + 7, np.arange(90), targets, weight.astype(np.float32))
    for found, expected in zip(moments_of(summary, np.ones(1)), input_moments(data), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


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


@each_task
def test_a_block_without_weight_counts_as_if_it_were_not_there(task, client):
    make, _, (X, y) = TASKS[task]
    weight = da.from_array(np.where(np.arange(90) < 60, 1.0, 0.0), chunks=30)
    masked = make(**ONE_ROUND).fit(*blocks(X, y), sample_weight=weight)
    assert same_bits(masked, make(**ONE_ROUND).fit(*blocks(X[:60], y[:60])))


def test_a_class_without_weight_is_a_class_as_in_one_process(client):
    weight = np.where(Y == "ALL", 0.0, 1.0)
    parameters = {"evolution": "set", "batch_size": 16}
    found = on_cluster(**parameters, local_steps=4).fit(*blocks(size=90), weight)
    local = small(**parameters, max_iter=4).fit(X, Y, weight)
    assert list(found.classes_) == list(local.classes_)
    assert same_bits(found, local)


def test_what_earlier_tasks_froze_stays_to_the_last_bit(client):
    model = on_cluster(warm_start=True).fit(*blocks())
    model._network = model.to_local().new_task(X, Y)._network
    before = frozen_values(model._network)
    model.fit(*blocks())
    assert frozen_values(model._network) == before


def frozen_values(network):
    """Weights that lead to frozen neurons, by layer, and intercepts of these."""
    weights = [
        network.weights_of(layer).data[frozen].tobytes()
        for layer, frozen in enumerate(frozen_connections(network))
    ]
    assert any(weights)
    return weights, network.arrays.intercepts[network.stable].tobytes()


def test_connections_move_and_keep_their_number(expected):
    moved = expected.history_["connections_rewired"]
    assert moved[0] == 0 < sum(moved)
    assert tuple(matrix.nnz for matrix in expected.coefs_) == expected.n_connections_


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_messages_take_8_bytes_a_connection_and_4_more_where_it_may_have_moved(
    client, solver, monkeypatch
):
    sizes_back, take_over = [], Coordinator._take_over

    def measure_and_take_over(coordinator, learned):
        sizes_back.append(len(pickle.dumps(learned, protocol=5)))
        take_over(coordinator, learned)

    monkeypatch.setattr(Coordinator, "_take_over", measure_and_take_over)
    model = on_cluster(hidden_layer_sizes=(500,), evolution_end=0.5, solver=solver)
    model.fit(*blocks())
    n, n_neurons = sum(model.n_connections_), 503
    moved = np.array(model.history_["connections_rewired"]) > 0
    moved[0] = True  # the first message
    n_bytes = np.array(model.history_["bytes_sent"])
    assert moved[1] and not moved[-1]
    assert (n_bytes[~moved] < 8 * (n + n_neurons) + 2000).all()
    assert (n_bytes[moved] > 8 * (n + n_neurons) + 4 * n).all()
    assert max(sizes_back) < 8 * (n + n_neurons) + 2000


def test_two_bytes_hold_the_nearest_number_with_eight_digits():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32) ** 9
    values = np.append(values, np.float32([0, -0.0, 1, 2**-130, np.inf, -np.inf, np.nan]))
    back = in_four_bytes(in_two_bytes(values))
    np.testing.assert_allclose(back[:-4], values[:-4], rtol=2**-8)
    np.testing.assert_array_equal(back[-6:], values[-6:])
    np.testing.assert_array_equal(in_four_bytes(in_two_bytes(back)), back)


def test_defaults_learn(client):
    model = DaskTrulySparseMLPClassifier(50, rounds=10, random_state=0).fit(*blocks())
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
    schedule = schedule_of(rounds, local_steps, 20, 60_000, 2, 128)
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


@pytest.mark.parametrize(
    ("solver", "n_blocks", "batch", "expected"),
    [("adam", 1, 128, 1), ("adam", 2, 64, 2**0.5), ("adam", 2, 128, 2), ("adam", 8, 32, 4),
     ("adam", 99, 32, 4), ("sgd", 8, 32, 1)],
)  # fmt: skip
def test_steps_of_adam_are_longer_where_replicas_are_averaged(solver, n_blocks, batch, expected):
    assert rate_factor(solver, n_blocks, batch, 128) == pytest.approx(expected)


def test_eight_blocks_learn_as_much_as_one_process_in_as_many_passes(client):
    X, y = numbers(1600)
    how = {"max_iter": 10, "skip_connections": None, "random_state": 0}
    found = DaskTrulySparseMLPRegressor(30, rounds=8, **how).fit(*in_blocks(X, y, size=200))
    alone = TrulySparseMLPRegressor(30, **how).fit(X, y)
    error, of_one = (1 - model.score(X, y) for model in (found, alone))
    assert error < 1.5 * of_one  # 3.7 times, were it not for longer steps


# ---------------------------------------------------------------- predictions

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


@each_task
@pytest.mark.parametrize("form", ["dense", "CSR", "lists"])
def test_predictions_are_lazy_and_those_of_the_local_model(task, form, of_task):
    model, X = of_task[task], TASKS[task][2][0]
    in_form = in_blocks(X, X[:, 0])[0]
    if form == "CSR":
        in_form = in_form.map_blocks(sparse.csr_matrix)
    elif form == "lists":
        in_form = list(map(delayed, np.split(X, 3)))
    for method in METHODS:
        if hasattr(model, method):
            found = getattr(model, method)(in_form)
            assert isinstance(found, da.Array)
            of_all = getattr(model.to_local(), method)(X)
            assert found.ndim == of_all.ndim and found.dtype == of_all.dtype
            np.testing.assert_array_equal(found.compute(), of_all)


@each_task
def test_scores_are_lazy_and_heed_weights(task, of_task):
    model, (X, y) = of_task[task], TASKS[task][2]
    weight = np.arange(90.0)
    weight[60:] = 0
    found = model.score(*in_blocks(X, y), weight)
    assert isinstance(found, da.Array)
    assert float(found) == pytest.approx(model.to_local().score(X, y, weight))
    assert model.score(X, y) == pytest.approx(float(model.score(*in_blocks(X, y))))


@pytest.mark.parametrize("make", [on_cluster, regressor_on_cluster])
def test_what_is_not_fitted_says_so(make):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        make().predict(in_blocks(X, Y)[0])


def test_the_local_model_is_the_ordinary_one(expected):
    local = expected.to_local()
    assert type(local) is TrulySparseMLPClassifier
    assert same_bits(local, expected)
    assert clone(local).get_params() == small(**OF_ORDINARY).get_params()


# ---------------------------------------------------------------- as an estimator


def test_a_copy_keeps_the_client_and_a_file_does_not(client):
    model = on_cluster(client=client, rounds=3)
    assert clone(model).client is client
    assert clone(model).rounds == 3
    assert pickle.loads(pickle.dumps(model)).client is None


@each_task
def test_a_file_of_a_fitted_model_predicts_the_same(task, of_task):
    model, X = of_task[task], TASKS[task][2][0]
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("parameters", "data", "message"),
    [
        (
            {"class_weight": "balanced"},
            lambda: in_blocks(*indicators(n_samples=90)),
            "class_weight='balanced' has no meaning for several labels",
        ),
        (
            {},
            lambda: ([delayed(X)] * 2, [delayed(Y), delayed(indicators(n_samples=90)[1])]),
            r"shape \(\) in the first, and \(4,\) in number 1",
        ),
        ({"averaging": "ema"}, blocks, "averaging='ema' has no meaning on a cluster"),
        ({"early_stopping": True}, blocks, "early_stopping=True needs X_val"),
        ({"rounds": 2, "local_steps": 3}, blocks, "rounds=2, local_steps=3 and max_iter=4"),
        ({"rounds": 0}, blocks, "'rounds' parameter"),
        ({}, lambda: (X, Y), "X must be a dask array"),
        ({}, lambda: (blocks()[0], Y[:50]), "y has 50 entries"),
        ({}, lambda: ([delayed(X)], Y), "y must be divided as X is"),
        ({}, lambda: ([delayed(X)], [delayed(Y)] * 2), "y has 2 blocks"),
        ({}, lambda: ([delayed(X), delayed(X[:, :3])], [delayed(Y)] * 2), "number 1 has 3"),
        (
            {},
            lambda: ([delayed(X), delayed(X[:0]), delayed(X[:, :3])], [delayed(y) for y in YS]),
            "number 2 has 3",
        ),
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
    assert not hasattr(regressor_on_cluster(), "partial_fit")


def test_guidance_and_the_fitted_start_work_with_numbers(client):
    X, y = two_columns(90)
    model = regressor_on_cluster(evolution="guided", skip_connections="fitted", **ONE_ROUND)
    assert model.fit(*in_blocks(X, y)).score(X, y) > 0.8


def test_divergence_is_told_as_in_one_process(client):
    with pytest.raises(ValueError, match="diverged"):
        on_cluster(learning_rate_init=1e20).fit(*blocks())


def test_a_validation_set_ends_the_training(client):
    model = on_cluster(early_stopping=True, n_iter_no_change=1, tol=10.0, local_steps=2)
    model.fit(*blocks(), X_val=X, y_val=Y)
    assert model.n_iter_ == 2
    assert model.best_epoch_ in (1, 2)
    assert len(model.validation_scores_) == 2


# ---------------------------------------------------------------- checkpoints and progress


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


def test_other_validation_data_do_not_go_on_from_a_checkpoint(client, tmp_path):
    model = on_cluster(checkpoint=tmp_path / "run.ckpt", max_iter=1)
    model.fit(*blocks(), X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="differs in validation data"):
        model.fit(*blocks(), X_val=X + 1, y_val=Y)


def test_rounds_are_printed_and_are_groups_of_tasks_in_the_dashboard(client, capsys, monkeypatch):
    wait, groups = Cluster._wait, set()

    def look_around(*args):
        wait(*args)  # afterwards the scheduler forgets the groups
        groups.update(client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.task_groups]))

    monkeypatch.setattr(Cluster, "_wait", look_around)
    on_cluster(verbose=True, rounds=2, max_iter="auto", local_steps=1).fit(*blocks())
    assert "Round 2 of 2, loss = " in capsys.readouterr().out
    assert any(name.startswith("train_replica-2-") for name in groups)


def test_what_was_read_is_let_go_before_the_training(client, monkeypatch):
    """Else workers would hold each block twice by their count, and spill early."""
    held, train, marked = [], Cluster.train, X.copy()
    marked[::30, 0] = mark = 4.75

    def kinds(dask_worker):
        holders = (v for v in dask_worker.data.values() if isinstance(v, (Block, TrainingData)))
        return [type(value) for value in holders if value.X[0, 0] == mark]

    def look_and_train(cluster, *arguments):
        held.extend(*cluster.client.run(kinds).values())
        return train(cluster, *arguments)

    monkeypatch.setattr(Cluster, "train", look_and_train)
    on_cluster(**ONE_ROUND).fit(*blocks(marked))
    assert held == [TrainingData] * 3


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
