"""Feature selectors: their scores against slow ones, what they find, and scikit-learn's rules."""

import pickle
import tracemalloc
from functools import partial

import numpy as np
import pandas
import pytest
from builders import make_data, make_network, make_options, shaken, with_numbers
from estimators import small
from numpy.testing import assert_allclose, assert_array_equal
from reference import Twin, log_softmax
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksparse_mlp import (
    SparseAutoencoderSelector,
    SparseMLPFeatureSelector,
    TrulySparseMLPClassifier,
)
from sksparse_mlp._estimator.plan import judge_inputs
from sksparse_mlp._kernels.records import ATTRIBUTION, OF_LOGIT, OF_LOSS
from sksparse_mlp._network.team import Stopped, Team
from sksparse_mlp._training import importance as _scores
from sksparse_mlp._training.importance import (
    FEWEST_SAMPLES,
    MEMORY,
    ImportanceRecorder,
    importances,
    sensitivity,
    strength,
)
from sksparse_mlp._training.moments import input_moments
from sksparse_mlp._training.trainer import Trainer
from sksparse_mlp.datasets import make_microarray
from sksparse_mlp.inspection import importance_table
from sksparse_mlp.selection._scaling import standardised

WIDTHS = (6, 8, 7, 3)
N_INFORMATIVE = 5

classifier = partial(small, hidden_layer_sizes=(20,), epsilon=5, batch_size="auto", max_iter=10)


def supervised(**changes):
    parameters = {"estimator": classifier(), "n_networks": 2, "random_state": 0} | changes
    return SparseMLPFeatureSelector(**parameters)


def unsupervised(**changes):
    parameters = {"hidden_layer_sizes": 20, "epsilon": 5, "max_iter": 5, "random_state": 0}
    return SparseAutoencoderSelector(**parameters | changes)


SELECTORS = pytest.mark.parametrize(
    "make", [supervised, unsupervised], ids=["supervised", "unsupervised"]
)
METHODS = pytest.mark.parametrize("method", MEMORY)


@pytest.fixture(scope="module")
def classes():
    """Three classes that differ in the first features; all others are noise."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 40)
    X = rng.normal(size=(y.size, 150)).astype(np.float32)
    X[:, :N_INFORMATIVE] += 1.5 * rng.permuted(np.tile([-1, 0, 1], (N_INFORMATIVE, 1)), axis=1).T[y]
    return X, y


@pytest.fixture(scope="module")
def modules():
    """Features that rise and fall together, then noise, which nothing else tells about."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 60))
    X[:, :20] = rng.normal(size=(200, 1)) + 0.3 * X[:, :20]
    return StandardScaler().fit_transform(X).astype(np.float32)


@pytest.fixture(scope="module")
def counts():
    """Counts, most of which are zero, and two classes."""
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 35)
    rates = np.full(30, 0.2)
    return rng.poisson(rates + np.outer(y, np.arange(30) < 4)), y


# ---------------------------------------------------------------- scores of a network


def slow_sensitivity(network, data, kind, h=1e-6):
    """The same from differences of a dense twin's outputs, one feature at a time."""
    twin, samples = Twin(network, make_options()), np.arange(data.targets.size)

    def outputs(shift):
        z = twin.forward(data.X, twin.calm._replace(input_term=shift))[0][-1]
        centred = z - z.mean(axis=1, keepdims=True)
        return (-log_softmax(z) if kind == OF_LOSS else centred)[samples, data.targets]

    steps = h * np.eye(data.X.shape[1])
    slopes = np.stack([(outputs(e) - outputs(-e)) / (2 * h) for e in steps], axis=1)
    moved = abs(slopes * data.X) if kind == ATTRIBUTION else abs(slopes)
    return np.average(moved, axis=0, weights=data.sample_weight)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_samples", [3, 70])
@pytest.mark.parametrize("kind", [OF_LOSS, OF_LOGIT, ATTRIBUTION])
@pytest.mark.parametrize("activation", ["relu", "all_relu", "srelu", "tanh", "logistic"])
def test_sensitivity_is_that_of_finite_differences(activation, kind, n_samples, n_threads):
    network = shaken(make_network(WIDTHS, activation=activation))
    data = make_data(n_samples, WIDTHS[0], WIDTHS[-1], weighted=True)
    with Team(n_threads) as team:
        found = sensitivity(network, data, data.samples, team, kind)
    assert_allclose(found, slow_sensitivity(network, data, kind), rtol=1e-4)


def test_sensitivity_of_more_samples_than_are_taken_at_once():
    network, data = make_network(WIDTHS), make_data(700, WIDTHS[0], WIDTHS[-1])
    with Team(2) as team:
        found = sensitivity(network, data, data.samples, team, OF_LOSS)
    assert_allclose(found, slow_sensitivity(network, data, OF_LOSS), rtol=1e-3)


def few_at_once(monkeypatch):
    monkeypatch.setattr(_scores, "samples_per_call", lambda *_, n_passes: 32)


def test_sensitivity_is_the_same_however_few_samples_a_call_of_the_kernel_takes(monkeypatch):
    network, data = make_network(WIDTHS), make_data(700, WIDTHS[0], WIDTHS[-1])
    with Team(1) as team:
        at_once = sensitivity(network, data, data.samples, team, OF_LOSS)
        few_at_once(monkeypatch)
        assert_array_equal(sensitivity(network, data, data.samples, team, OF_LOSS), at_once)


def test_a_team_that_was_told_to_stop_looks_at_no_more_samples(monkeypatch):
    few_at_once(monkeypatch)
    network, data = make_network(WIDTHS), make_data(700, WIDTHS[0], WIDTHS[-1])
    with Team(1) as team:
        team.stop()
        with pytest.raises(Stopped):
            sensitivity(network, data, data.samples, team, OF_LOSS, stoppable=True)


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("method", sorted(MEMORY))
def test_ctrl_c_at_the_end_of_an_epoch_leaves_its_figure_whole(method, numbers, monkeypatch):
    few_at_once(monkeypatch)
    network, data = make_network((6, 8, 7, 1)), make_data(700, 6, 1)
    options = make_options()
    if numbers:
        data, options = with_numbers(data, 1), make_options(loss="squared_error")
    recorders = [ImportanceRecorder(method) for _ in range(2)]
    with Team(1) as team:
        trainer = Trainer(network, data, options, team)
        recorders[0].observe(trainer)
        team.stop()
        recorders[1].observe(trainer)
    assert_array_equal(*[recorder.scores for recorder in recorders])


@pytest.mark.parametrize("pressed", ["before", "meanwhile"])
def test_after_ctrl_c_the_importances_of_a_fit_are_those_of_few_samples(pressed, monkeypatch):
    few_at_once(monkeypatch)
    network, data = make_network(WIDTHS), make_data(700, WIDTHS[0], WIDTHS[-1])
    moments = input_moments(data)
    with Team(1) as team:
        few = importances(network, data, np.sqrt(moments.variance), team, FEWEST_SAMPLES)
        forward = team.map

        def stopping(function):
            forward(function)
            team.stop()

        if pressed == "before":
            team.stop()
        monkeypatch.setattr(team, "map", stopping)
        assert_array_equal(judge_inputs(data, moments, False, network, team), few)


def test_strength_is_the_sum_of_magnitudes():
    network = make_network(WIDTHS)
    dense = network.weights_of(0).toarray().astype(np.float64)
    assert_allclose(strength(network), abs(dense).sum(axis=1), rtol=1e-6)


# ---------------------------------------------------------------- scores of a training


def figures_of(method, data, n_epochs=3):
    """The scores that an importance recorder ends up with, and the figures of each epoch."""
    recorder, figures = ImportanceRecorder(method), []

    def observe(trainer):
        recorder.observe(trainer)
        figures.append(_scores._of_an_epoch(method, trainer))

    options = make_options(evolution="set", batch_size=16)
    with Team(1) as team:
        network = make_network(WIDTHS)
        Trainer(network, data, options, team, observe=observe, n_epochs=n_epochs).run(n_epochs)
    return recorder.scores, figures


@METHODS
def test_scores_add_up_over_the_epochs(method):
    scores, (first, second, third) = figures_of(method, make_data(40, WIDTHS[0], WIDTHS[-1]))
    m = {"strength": 1, "gradient": 0.9, "attribution": 1}[method]
    assert_allclose(scores, m**2 * first + m * second + third, rtol=1e-12)


def test_an_epoch_looks_at_a_bounded_number_of_samples(monkeypatch):
    monkeypatch.setattr(_scores, "SAMPLES_PER_EPOCH", 8)
    looked_at = []

    def watch(network, data, chosen, team, kind):
        looked_at.append(chosen)
        return np.zeros(network.widths[0])

    monkeypatch.setattr(_scores, "sensitivity", watch)
    for _ in range(2):
        figures_of("gradient", make_data(40, WIDTHS[0], WIDTHS[-1]), n_epochs=2)
    once, again = looked_at[: len(looked_at) // 2], looked_at[len(looked_at) // 2 :]
    assert all(len(set(chosen)) == 8 for chosen in once)
    assert set(once[0]) != set(once[-1])
    assert_array_equal(once, again)


@METHODS
def test_selection_uses_the_average_of_several_networks(classes, method):
    selector = supervised(method=method, n_networks=3).fit(*classes)
    seeds = [network.random_state for network in selector.estimators_]
    assert len(set(seeds)) == 3
    assert selector.estimator_ is selector.estimators_[0]
    alone = [
        supervised(method=method, n_networks=1, random_state=FixedSeed(seed)).fit(*classes).scores_
        for seed in seeds
    ]
    assert_allclose(selector.scores_, np.mean(alone, axis=0), rtol=1e-12)
    assert_allclose(selector.scores_.sum(), 1)


class FixedSeed(np.random.RandomState):
    """Draws always the same seed."""

    def __init__(self, seed):
        super().__init__()
        self.seed_drawn = seed

    def randint(self, *args, **kwargs):
        return np.array([self.seed_drawn])


def test_autoencoder_scores_add_up_over_the_epochs(modules):
    selector, strengths = unsupervised(max_iter=3), []
    keep, strength_of = _scores.ImportanceRecorder.observe, _scores.strength

    def watch(recorder, trainer):
        strengths.append(strength_of(trainer.network))
        keep(recorder, trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_scores.ImportanceRecorder, "observe", watch)
        selector.fit(modules)
    assert_allclose(selector.scores_, np.sum(strengths, axis=0) / np.sum(strengths), rtol=1e-12)


def test_autoencoder_scores_are_strengths(modules):
    selector = unsupervised(max_iter=1).fit(modules)
    strengths = abs(selector.coefs_[0].toarray().astype(np.float64)).sum(axis=1)
    assert_allclose(selector.scores_, strengths / strengths.sum(), rtol=1e-5)
    assert_array_equal(selector.scores_, selector.feature_importances_)


# ---------------------------------------------------------------- what is found


@METHODS
def test_informative_features_are_found(classes, method):
    selector = SparseMLPFeatureSelector(k=N_INFORMATIVE, method=method, random_state=0)
    assert selector.fit(*classes).get_support(indices=True).tolist() == [*range(N_INFORMATIVE)]


def test_features_that_tell_about_others_are_found_without_classes(modules):
    selector = SparseAutoencoderSelector(k=20, random_state=0).fit(modules)
    assert np.mean(selector.get_support(indices=True) < 20) > 0.8


def test_the_classifier_works_inside_select_from_model(classes):
    network = TrulySparseMLPClassifier(max_iter=100, random_state=0)
    selector = SelectFromModel(network, max_features=20, threshold=-np.inf).fit(*classes)
    assert selector.transform(classes[0]).shape == (120, 20)
    assert selector.get_support()[:N_INFORMATIVE].sum() >= 3


def test_reconstruction_gets_better(modules):
    """With all defaults, SET included; predicting nothing at all has a loss of one."""
    curve = SparseAutoencoderSelector(random_state=0).fit(modules).loss_curve_
    assert curve[-1] < 0.3 * curve[0]
    assert max(curve) == curve[0]


# ---------------------------------------------------------------- the same result


@METHODS
def test_sparse_equals_dense_with_classes(counts, method):
    X, y = counts
    dense = supervised(method=method).fit(X, y)
    as_csr = supervised(method=method).fit(sparse.csr_array(X), y)
    assert_array_equal(dense.scores_, as_csr.scores_)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_sparse_equals_dense_without_classes(counts, dtype):
    X = counts[0].astype(dtype)
    dense = unsupervised(batch_size=16).fit(X)
    for as_csr in (sparse.csr_array(X), sparse.csr_matrix(X)):
        assert_array_equal(dense.scores_, unsupervised(batch_size=16).fit(as_csr).scores_)


@METHODS
def test_threads_change_nothing_with_classes(classes, method):
    wide = classifier(hidden_layer_sizes=(300,), max_iter=3)
    scores = [
        supervised(estimator=wide, method=method, n_networks=1, n_jobs=n_jobs).fit(*classes).scores_
        for n_jobs in (1, 2, 3)
    ]
    assert_array_equal(scores[1], scores[0])
    assert_array_equal(scores[2], scores[0])


def test_threads_change_nothing_without_classes(modules):
    scores = [
        unsupervised(hidden_layer_sizes=300, epsilon=20, n_jobs=n_jobs).fit(modules).scores_
        for n_jobs in (1, 2, 3)
    ]
    assert_array_equal(scores[1], scores[0])
    assert_array_equal(scores[2], scores[0])


def test_classes_do_not_matter_to_an_autoencoder(modules):
    y = np.arange(len(modules)) % 2
    assert_array_equal(unsupervised().fit(modules, y).scores_, unsupervised().fit(modules).scores_)


@SELECTORS
def test_a_pickle_selects_the_same(classes, make):
    selector = make(k=7).fit(*classes)
    copy = pickle.loads(pickle.dumps(selector))
    assert_array_equal(copy.transform(classes[0]), selector.transform(classes[0]))


def test_the_given_estimator_is_left_alone(classes):
    estimator = classifier(random_state=3)
    before = estimator.get_params()
    selector = supervised(estimator=estimator, random_state=None, n_jobs=2).fit(*classes)
    assert estimator.get_params() == before
    assert not hasattr(estimator, "coefs_")
    assert [network.n_jobs for network in selector.estimators_] == [2, 2]
    again = supervised(estimator=estimator, random_state=None).fit(*classes)
    assert_array_equal(selector.scores_, again.scores_)


@pytest.mark.parametrize(("given", "kept"), [("auto", None), ("zero", "zero")])
def test_a_skip_layer_is_only_trained_where_it_is_asked_for(classes, given, kept):
    """Its weights have no part in the scores."""
    networks = supervised(estimator=classifier(skip_connections=given)).fit(*classes).estimators_
    assert {network.skip_connections for network in networks} == {kept}
    assert (networks[0].skip_coef_ is None) == (kept is None)


@SELECTORS
def test_a_fit_that_fails_leaves_the_selector_as_it_was(classes, make):
    X, y = classes
    selector = make(k=70).fit(X, y)
    before = selector.transform(X)
    with pytest.raises(ValueError, match="k=70"):
        selector.fit(X[:, :50], y)
    assert_array_equal(selector.transform(X), before)


def test_the_networks_know_the_names_of_the_features(classes):
    X = pandas.DataFrame(classes[0], columns=[f"gene {j}" for j in range(150)])
    selector = supervised().fit(X, classes[1])
    for est in (selector, selector.estimators_):
        assert set(importance_table(est)["feature"]) == set(X.columns)


def test_sample_weights_reach_the_networks(classes):
    X, y = classes
    weight = np.where(y == 2, 0.0, 1.0)
    weighted = supervised(method="gradient").fit(X, y, sample_weight=weight)
    assert not np.allclose(weighted.scores_, supervised(method="gradient").fit(X, y).scores_)


# ---------------------------------------------------------------- k and threshold


@SELECTORS
def test_the_best_k_are_selected_in_their_order_in_X(classes, make):
    selector = make(k=9).fit(*classes)
    chosen = selector.get_support(indices=True)
    assert_array_equal(chosen, np.sort(np.argsort(-selector.scores_)[:9]))
    assert_array_equal(selector.transform(classes[0]), classes[0][:, chosen])


@SELECTORS
def test_k_may_change_after_fit(classes, make):
    selector = make(k=3).fit(*classes)
    assert selector.set_params(k=8).transform(classes[0]).shape[1] == 8


def test_ties_go_to_the_first_feature(classes):
    selector = supervised(k=2).fit(*classes)
    selector.scores_ = np.array([1.0, 2.0, 1.0, *np.zeros(147)])
    assert selector.get_support(indices=True).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("threshold", "lowest"),
    [
        (None, lambda scores: scores.mean()),
        ("mean", lambda scores: scores.mean()),
        ("median", lambda scores: np.median(scores)),
        ("1.25*mean", lambda scores: 1.25 * scores.mean()),
        ("0.5 * median", lambda scores: 0.5 * np.median(scores)),
        (0.007, lambda scores: 0.007),
    ],
)
def test_thresholds(classes, threshold, lowest):
    selector = supervised(threshold=threshold).fit(*classes)
    assert_array_equal(selector.get_support(), selector.scores_ >= lowest(selector.scores_))


@SELECTORS
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": 151}, "k=151.*150 features.*from 1 to 150"),
        ({"k": 5, "threshold": 0.1}, "k=5.*threshold=0.1.*give one"),
        ({"threshold": "best"}, "threshold='best'.*'mean', 'median'"),
        ({"threshold": "x*mean"}, r"threshold='x\*mean'.*'mean', 'median'"),
        ({"threshold": "nan*mean"}, r"threshold='nan\*mean'.*'mean', 'median'"),
        ({"k": 0}, "'k' parameter.*Got 0"),
        ({"k": -3}, "'k' parameter.*Got -3"),
        ({"k": 2.5}, "'k' parameter.*Got 2.5"),
        ({"threshold": np.nan}, "'threshold' parameter.*Got nan"),
        ({"threshold": [1]}, r"'threshold' parameter.*Got \[1\]"),
    ],
)
def test_wrong_choices_are_refused_by_name_before_and_after_a_fit(classes, make, changes, words):
    with pytest.raises(ValueError, match=words):
        make(**changes).fit(*classes)
    fitted = make(k=5).fit(*classes)
    with pytest.raises(ValueError, match=words):
        fitted.set_params(**{"k": None, **changes}).transform(classes[0])


@pytest.mark.parametrize("min_frequency", [0.3, 0.5, 1.5])
def test_a_frequency_that_bounds_nothing_is_refused_after_a_fit(classes, min_frequency):
    selector = supervised(max_false_selections=1, n_pairs=1, n_networks=1).fit(*classes)
    selector.set_params(min_frequency=min_frequency)
    for use in (selector.get_support, lambda: selector.false_selections_bound_):
        with pytest.raises(ValueError, match=f"'min_frequency' parameter.*Got {min_frequency}"):
            use()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "best"}, "'method' parameter.*Got 'best'"),
        ({"estimator": LinearSVC()}, "'estimator' parameter.*TrulySparseMLPClassifier"),
        ({"n_networks": 0}, "'n_networks' parameter.*Got 0"),
        ({"n_networks": "many"}, "'n_networks' parameter.*Got 'many'"),
        ({"estimator": classifier(zeta=2.0)}, "'zeta' parameter.*Got 2.0"),
    ],
)
def test_wrong_parameters_are_refused_by_name(classes, changes, words):
    with pytest.raises(ValueError, match=words):
        supervised(**changes).fit(*classes)


# ---------------------------------------------------------------- in scikit-learn


@SELECTORS
def test_names_of_a_frame_are_kept(classes, make):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(classes[0], columns=[f"gene{i}" for i in range(150)])
    selector = make(k=4).set_output(transform="pandas").fit(X, classes[1])
    chosen = selector.transform(X)
    assert chosen.columns.tolist() == selector.get_feature_names_out().tolist()
    assert chosen.columns.tolist() == X.columns[selector.get_support()].tolist()


@SELECTORS
def test_in_a_grid_search_over_a_pipeline(classes, make):
    model = make_pipeline(StandardScaler(), make(k=3), LinearSVC())
    grid = {f"{model.steps[1][0]}__k": [5, 20]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(*classes)
    assert search.best_estimator_[1].get_support().sum() in (5, 20)
    assert clone(search.best_estimator_[1]).get_params()["k"] == search.best_estimator_[1].k


@parametrize_with_checks(
    [
        supervised(estimator=classifier(max_iter=3), n_networks=1, method="attribution"),
        SparseMLPFeatureSelector(n_networks=1),
        unsupervised(),
    ]
)
def test_checks_of_sklearn(estimator, check):
    check(estimator)


# ---------------------------------------------------------------- memory


def test_nothing_of_inputs_times_neurons_is_allocated():
    n_features = n_hidden = 20_000
    X = sparse.random_array((64, n_features), density=0.01, format="csr", rng=0, dtype=np.float32)
    selector = unsupervised(hidden_layer_sizes=n_hidden, k=10, max_iter=2, batch_size=32)
    tracemalloc.start()
    try:
        selector.fit(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.1 * 4 * n_features * n_hidden


@pytest.mark.parametrize("kind", ["classes", "nothing"])
def test_no_unit_and_no_offset_changes_what_is_selected(kind):
    X, y = make_microarray(
        n_samples=60, n_features=200, n_informative=10, random_state=0, return_X_y=True
    )
    rng = np.random.default_rng(0)
    units, offsets = 10.0 ** rng.uniform(-4, 4, 200), rng.normal(size=200)
    selector = (
        SparseMLPFeatureSelector(k=10, n_networks=5, random_state=0)
        if kind == "classes"
        else SparseAutoencoderSelector(50, k=10, max_iter=10, random_state=0)
    )
    plain = selector.fit(X, y).get_support()
    other = selector.fit((X + 10 * offsets) * units, y).get_support()
    assert (plain & other).sum() >= 9


def test_the_markers_of_the_README_are_found_without_a_scaler():
    data = make_microarray(n_samples=100, n_features=5000, random_state=0, return_X_y=False)
    selector = SparseMLPFeatureSelector(k=50, n_networks=5, random_state=0)
    support = selector.fit(data.data, data.target).get_support(indices=True)
    assert np.isin(support, data.informative).sum() > 30


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_copy_is_standardised_in_the_same_bits_for_any_form(share):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((40, 9)) < share, rng.normal(3, 2, (40, 9)), 0)
    X[:, 4] = 0
    dense, from_csr = standardised(X), standardised(sparse.csr_array(X))
    assert sparse.issparse(from_csr) == (share < 0.5)
    from_csr = from_csr.toarray() if sparse.issparse(from_csr) else from_csr
    assert np.array_equal(dense, from_csr)
    varies = np.arange(9) != 4
    np.testing.assert_allclose(dense[:, varies].std(axis=0), 1, rtol=1e-6)
    assert not dense[:, 4].any()
    if share > 0.5:
        np.testing.assert_allclose(dense.mean(axis=0), 0, atol=1e-6)
