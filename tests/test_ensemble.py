"""Ensembles: where members come from, how they vote, and what samples out of bag say."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from estimators import (
    OTHER_VALUES,
    indicators,
    numbers,
    points,
    same_bits,
    small,
    small_regressor,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksparse_mlp import (
    TrulySparseMLPClassifier,
    TrulySparseMLPEnsembleClassifier,
    TrulySparseMLPEnsembleRegressor,
    TrulySparseMLPRegressor,
)
from sksparse_mlp._estimator import defaults
from sksparse_mlp.ensemble._members import branched_member
from sksparse_mlp.inspection import topology_distance

X, Y = points()
METHODS = pytest.mark.parametrize("method", ["independent", "disjoint", "edst", "trails"])


def votes(estimator=None, **changes):
    """An unfitted ensemble of three small classifiers."""
    estimator = small() if estimator is None else estimator
    return TrulySparseMLPEnsembleClassifier(estimator, **{"n_estimators": 3} | changes)


def means(estimator=None, **changes):
    """An unfitted ensemble of three small regressors."""
    estimator = small_regressor() if estimator is None else estimator
    return TrulySparseMLPEnsembleRegressor(estimator, **{"n_estimators": 3} | changes)


def same_members(ensemble, other):
    pairs = zip(ensemble.estimators_, other.estimators_, strict=True)
    return all(same_bits(*pair) for pair in pairs)


# ---------------------------------------------------------------- members


@METHODS
def test_the_first_member_is_what_the_estimator_would_be_with_its_seed(method):
    first = votes(method=method).fit(X, Y).estimators_[0]
    assert same_bits(first, clone(first).fit(X, Y))


@METHODS
def test_members_have_connections_at_other_places(method):
    members = votes(method=method).fit(X, Y).estimators_
    for pair in pairwise(members):
        assert topology_distance(*pair, per_layer=True)[1] > 0.1
        assert (topology_distance(*pair, per_layer=True)[0] > 0.1) == (method != "trails")


@METHODS
def test_members_have_as_many_connections_as_the_estimator_alone(method):
    members = votes(method=method).fit(X, Y).estimators_
    assert {member.n_connections_ for member in members} == {small().fit(X, Y).n_connections_}


def living(member):
    """The hidden neurons of each level that have connections."""
    pairs = pairwise(member.coefs_)
    return [set(into.indices) | set(np.flatnonzero(np.diff(out.indptr))) for into, out in pairs]


# What says how many connections and neurons there are, and where.
BUDGETS = [
    ("drop_scope", "network"),
    *(("redistribution", rule) for rule in ("momentum", "gradient", "survivors")),
    *(("density_schedule", rule) for rule in ("cubic", "bregman")),
    *(("neuron_pruning", rule) for rule in ("importance", "chase")),
    ("initial_topology", "small_world"),
    *(("evolution", rule) for rule in ("guided", "gradient", "cosine", "hebbian", None)),
    ("evolve_output_layer", False),
    ("layer_density", "uniform"),
]


@METHODS
@pytest.mark.parametrize(("name", "value"), BUDGETS)
def test_members_keep_to_the_budget_or_both_names_are_in_an_error(method, name, value):
    others = {"survivors": {"drop_scope": "network"}, "bregman": {"evolution": "gradient"}}
    others = others.get(value, {})
    template = small(**{name: value, "max_iter": 10, "skip_connections": "zero"} | others)
    try:
        members = votes(template, method=method).fit(X, Y).estimators_
    except ValueError as error:
        names = [f"method={method!r}", *(f"{n}={v!r}" for n, v in {name: value, **others}.items())]
        assert names[0] in str(error) and any(text in str(error) for text in names[1:])
        return
    for member in members:
        alike = members[0] if method in ("edst", "trails") else clone(member).fit(X, Y)
        assert sum(member.n_connections_) == sum(alike.n_connections_)
        for neurons, of_other in zip(living(member), living(alike), strict=True):
            assert name != "neuron_pruning" or neurons <= of_other


def test_heads_of_trails_begin_with_new_neurons():
    template = small(activation="srelu", max_iter=3, learning_rate_init=0.5)
    first = template.fit(X, Y)
    head = branched_member(first, seed=1)
    assert_array_equal(head.intercepts_[0], first.intercepts_[0])
    assert not head.intercepts_[1].any() and first.intercepts_[1].any()
    new, trained = (model._network.arrays.srelu.reshape(4, -1) for model in (head, first))
    assert_array_equal(new[:, :12], trained[:, :12])
    assert_array_equal(new[:, 12:], np.tile(np.float32([[1.0], [0.6], [0.0], [0.2]]), 8))


def test_heads_of_trails_are_drawn_as_the_initial_topology_says():
    ring = {"initial_topology": "small_world", "rewiring": 0.0, "evolution": None}
    first, *heads = votes(small(**ring), method="trails").fit(X, Y).estimators_
    for head in heads:
        assert_array_equal(head.coefs_[1].indices, first.coefs_[1].indices)
        assert not np.array_equal(head.coefs_[1].data, first.coefs_[1].data)


@METHODS
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", [name for name in OTHER_VALUES if name in small().get_params()])
def test_a_parameter_of_members_is_heeded_or_refused_with_the_method(method, name):
    value = "accuracy" if name == "scoring" else OTHER_VALUES[name]
    template = small(max_iter=2, epsilon=None).set_params(**{name: value})
    if name == "redistribution":
        template.set_params(drop_scope="network")
    ensemble = votes(template, method=method, n_estimators=2)
    try:
        ensemble.fit(X, Y)
    except ValueError as error:
        assert f"method={method!r}" in str(error)
        assert f"{name}={value!r}" in str(error) or "drop_scope='network'" in str(error)
        return
    if name != "random_state":  # each has its own
        assert [getattr(member, name) for member in ensemble.estimators_] == [value, value]
    copy = pickle.loads(pickle.dumps(ensemble))
    assert_array_equal(copy.predict_proba(X), ensemble.predict_proba(X))


@pytest.mark.parametrize("max_iter", [1, 10, 11, 19])
def test_a_phase_of_edst_takes_a_fifth_of_the_epochs_and_one_at_least(max_iter):
    members = votes(small(max_iter=max_iter), method="edst", n_estimators=5).fit(X, Y).estimators_
    phase = max(1, max_iter // 5)
    assert [member.n_iter_ for member in members] == [max_iter, *[phase] * 4]


def cells(member, layer):
    """Rows and columns of a layer's connections."""
    pattern = member.coefs_[layer].tocoo()
    return set(zip(pattern.row.tolist(), pattern.col.tolist(), strict=True))


@settings(max_examples=20)
@given(
    st.sampled_from(["set", "guided", "gradient", "cosine", "hebbian", None]),
    st.lists(st.floats(0.02, 0.6), min_size=3, max_size=3),
    st.integers(2, 5),
    st.integers(0, 99),
)
def test_disjoint_members_share_no_connection_where_there_is_room(evolution, density, n, seed):
    estimator = small(
        epsilon=None, layer_density=density, evolution=evolution, max_iter=2, zeta=0.5
    )
    ensemble = votes(estimator, method="disjoint", n_estimators=n, random_state=seed).fit(X, Y)
    members = ensemble.estimators_
    sizes = members[0].n_connections_
    assert all(member.n_connections_ == sizes for member in members)
    for layer, pattern in enumerate(members[0].coefs_):
        taken = [cells(member, layer) for member in members]
        assert {len(part) for part in taken} == {sizes[layer]}
        if n * sizes[layer] <= np.prod(pattern.shape):
            assert len(set.union(*taken)) == n * sizes[layer]


def test_disjoint_members_may_take_all_cells_of_a_layer_together():
    estimator = small(epsilon=None, layer_density=[0.25, 0.125, 0.25], hidden_layer_sizes=(8, 8))
    members = votes(estimator, method="disjoint", n_estimators=4).fit(X, Y).estimators_
    assert len(set.union(*(cells(member, 0) for member in members))) == 10 * 8


def test_disjoint_members_are_independent_ones_where_there_is_no_room():
    dense = {"epsilon": None, "density": 0.9}
    ensembles = [votes(small(**dense), method=m).fit(X, Y) for m in ("disjoint", "independent")]
    assert same_members(*ensembles)


def test_a_disjoint_member_is_free_afterwards():
    member = votes(method="disjoint").fit(X, Y).estimators_[1]
    assert member._forbidden is None and member._network.forbidden is None
    copy = pickle.loads(pickle.dumps(member))
    for model in (member, copy):
        model.set_params(warm_start=True).fit(X, Y)
    assert same_bits(member, copy)


def test_checkpoints_of_disjoint_members_are_their_own(tmp_path):
    votes(small(checkpoint=tmp_path), method="independent").fit(X, Y)
    ensemble = votes(small(checkpoint=tmp_path), method="disjoint").fit(X, Y)
    assert same_members(ensemble, votes(method="disjoint").fit(X, Y))
    assert len(list(tmp_path.iterdir())) == 3 + 2  # the first member is the same


def test_trails_share_the_first_layer_and_nothing_else():
    first, *others = votes(method="trails").fit(X, Y).estimators_
    for member in others:
        assert_array_equal(member.coefs_[0].toarray(), first.coefs_[0].toarray())
        assert_array_equal(member.intercepts_[0], first.intercepts_[0])
        for layer in (1, 2):
            assert not np.array_equal(member.coefs_[layer].data, first.coefs_[layer].data)
        assert member.n_iter_ == first.n_iter_


def test_the_layer_that_trails_share_is_in_a_file_once():
    wide = {"hidden_layer_sizes": (500, 20), "epsilon": None, "max_iter": 1}
    wide |= {"layer_density": [0.9, 0.1, 0.5], "evolution": "set"}
    sizes = {
        method: len(pickle.dumps(votes(small(**wide), method=method, n_estimators=5).fit(X, Y)))
        for method in ("independent", "trails")
    }
    assert sizes["trails"] < 0.6 * sizes["independent"]


@METHODS
def test_a_file_takes_eight_bytes_a_connection(method):
    wide = small(hidden_layer_sizes=2000, epsilon=25, max_iter=2, solver="adam")
    ensemble = votes(wide, method=method).fit(X, Y)
    proba = ensemble.predict_proba(X)
    assert ensemble.drop_training_state() is ensemble
    assert_array_equal(ensemble.predict_proba(X), proba)
    first, *others = ensemble.estimators_
    n_connections = sum(first.n_connections_) * 3
    if method == "trails":
        n_connections -= 2 * first.n_connections_[0]
    beside = 3 * (4 * 2000 + 8 * 2000 + 8 * 20 + 30_000)  # intercepts, row pointers, parameters
    assert 0 < len(pickle.dumps(ensemble)) - 8 * n_connections < beside
    assert others[-1].partial_fit(X, Y).t_ > first.t_ / 2  # with a solver that starts anew


def moved(escape_zeta):
    """How many connections of the first layer the second member has elsewhere."""
    estimator = small(learning_rate_init=1e-9, zeta=0.0)
    ensemble = votes(estimator, method="edst", escape_zeta=escape_zeta, n_estimators=2)
    patterns = []
    for member in ensemble.fit(X, Y).estimators_:
        layer = member.coefs_[0].tocoo()
        patterns.append(set(zip(layer.row.tolist(), layer.col.tolist(), strict=True)))
    return len(patterns[0] - patterns[1])


def test_an_escape_moves_more_connections_with_a_greater_escape_zeta():
    assert 0 < moved(0.2) < moved(0.8)


def test_an_escape_leaves_the_output_layer_where_it_is_if_the_estimator_does():
    estimator = small(evolve_output_layer=False, hidden_layer_sizes=40, epsilon=1)
    members = votes(estimator, method="edst", n_estimators=2).fit(X, Y).estimators_
    assert_array_equal(members[0].coefs_[1].indices, members[1].coefs_[1].indices)
    assert not np.array_equal(members[0].coefs_[0].indices, members[1].coefs_[0].indices)


@METHODS
def test_members_have_the_parameters_of_the_estimator(method):
    ensemble = votes(method=method, n_jobs=2).fit(X, Y)
    usual = small().get_params() | {"n_jobs": 2}
    for member in ensemble.estimators_:
        assert member.get_params() | {"random_state": 0} == usual


@METHODS
def test_members_go_on_learning_as_any_estimator(method):
    member = votes(method=method).fit(X, Y).estimators_[-1]
    before = member.t_
    assert member.partial_fit(X, Y).t_ == before + len(X)


def test_the_estimator_itself_is_not_fitted():
    estimator = small()
    votes(estimator).fit(X, Y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_a_single_member_is_enough():
    ensemble = votes(n_estimators=1).fit(X, Y)
    assert_allclose(ensemble.predict_proba(X), ensemble.estimators_[0].predict_proba(X))


# ---------------------------------------------------------------- the same bits


@METHODS
def test_members_do_not_depend_on_the_number_of_threads(method):
    estimator = small(hidden_layer_sizes=2000, epsilon=20, max_iter=2)  # enough work for two
    one, two = (votes(estimator, method=method, n_jobs=n).fit(X, Y) for n in (1, 2))
    assert same_members(one, two)
    assert_array_equal(one.predict_proba(X), two.predict_proba(X))


@METHODS
def test_members_do_not_depend_on_the_storage_of_X(method):
    dense, csr = (votes(method=method).fit(data, Y) for data in (X, sparse.csr_array(X)))
    assert same_members(dense, csr)


def test_random_state_decides_on_all_members():
    first, again, other = (votes(random_state=seed).fit(X, Y) for seed in (1, 1, 2))
    assert same_members(first, again)
    assert not same_members(first, other)


def test_without_a_random_state_that_of_the_estimator_counts():
    estimator = small(random_state=3)
    assert same_members(votes(estimator).fit(X, Y), votes(random_state=3).fit(X, Y))


@METHODS
def test_a_checkpoint_directory_keeps_each_fit(method, tmp_path):
    ensemble = votes(small(checkpoint=tmp_path), method=method)
    assert same_members(ensemble.fit(X, Y), votes(method=method).fit(X, Y))
    assert len(list(tmp_path.iterdir())) == 3
    assert same_members(clone(ensemble).fit(X, Y), ensemble)


# ---------------------------------------------------------------- votes


@METHODS
def test_probabilities_are_means(method):
    ensemble = votes(method=method).fit(X, Y)
    expected = np.mean([member.predict_proba(X) for member in ensemble.estimators_], axis=0)
    assert_allclose(ensemble.predict_proba(X), expected, rtol=1e-12)
    assert_allclose(ensemble.predict_log_proba(X), np.log(expected), rtol=1e-9)
    assert_array_equal(ensemble.predict(X), ensemble.classes_[expected.argmax(axis=1)])


def test_logarithms_of_tiny_probabilities_are_finite():
    ensemble = votes(small(temperature=1e-6)).fit(X, Y)
    assert ensemble.predict_proba(X).min() == 0
    assert np.isfinite(ensemble.predict_log_proba(X)).all()


def test_importances_are_means():
    ensemble = votes().fit(X, Y)
    expected = np.mean([member.feature_importances_ for member in ensemble.estimators_], axis=0)
    assert_allclose(ensemble.feature_importances_, expected)


def test_disagreement_is_the_mutual_information_of_class_and_member():
    ensemble = votes().fit(X, Y)
    proba = np.array([member.predict_proba(X) for member in ensemble.estimators_])
    expected = entropy(proba.mean(axis=0), axis=1) - entropy(proba, axis=2).mean(axis=0)
    assert_allclose(ensemble.disagreement(X), expected, atol=1e-12)


def test_members_disagree_more_on_what_they_have_not_seen():
    ensemble = votes().fit(X, Y)
    assert ensemble.disagreement(10 * X).mean() > 2 * ensemble.disagreement(X).mean()


def test_several_labels_are_voted_on_one_by_one():
    X, Y = indicators()
    ensemble = votes().fit(X, Y)
    expected = np.mean([member.predict_proba(X) for member in ensemble.estimators_], axis=0)
    assert_allclose(ensemble.predict_proba(X), expected)
    assert_array_equal(ensemble.predict(X), expected > 0.5)
    assert ensemble.disagreement(X).shape == Y.shape


@pytest.mark.parametrize("n_targets", [1, 2])
def test_predictions_of_numbers_are_means_with_their_spread(n_targets):
    X, y = numbers()
    y = y if n_targets == 1 else np.column_stack([y, -2 * y])
    ensemble = means().fit(X, y)
    each = [member.predict(X) for member in ensemble.estimators_]
    mean, std = ensemble.predict(X, return_std=True)
    assert_allclose(mean, np.mean(each, axis=0))
    assert_allclose(std, np.std(each, axis=0))
    assert_array_equal(ensemble.predict(X), mean)


# ---------------------------------------------------------------- out of bag


def test_bootstrap_trains_each_member_on_samples_of_its_own():
    ensemble = votes(small(evolution=None, max_iter=1), bootstrap=True).fit(X, Y)
    member = ensemble.estimators_[0]
    assert not same_bits(member, clone(member).fit(X, Y))
    assert member.t_ < len(X)  # samples drawn several times are weighted, not repeated


def test_samples_without_weight_are_never_drawn():
    weight = np.r_[np.ones(60), np.zeros(36)]
    spoiled = np.where(weight[:, None] > 0, X, 1e6)
    changes = {"bootstrap": True, "n_estimators": 20, "oob_score": True}
    one, other = (votes(**changes).fit(data, Y, weight) for data in (X, spoiled))
    assert same_members(one, other)
    assert one.oob_score_ == other.oob_score_


def test_the_score_out_of_bag_is_that_of_its_probabilities():
    ensemble = votes(n_estimators=12, bootstrap=True, oob_score=True).fit(X, Y)
    decided = ensemble.classes_[ensemble.oob_decision_function_.argmax(axis=1)]
    assert ensemble.oob_score_ == np.mean(decided == Y)
    assert_allclose(ensemble.oob_decision_function_.sum(axis=1), 1)


def test_probabilities_out_of_bag_are_means_of_members_that_did_not_see_the_sample():
    ensemble = votes(n_estimators=12, bootstrap=True, oob_score=True).fit(X, Y)
    each = np.array([member.predict_proba(X) for member in ensemble.estimators_])
    found = ensemble.oob_decision_function_
    assert (found >= each.min(axis=0) - 1e-12).all() and (found <= each.max(axis=0) + 1e-12).all()
    assert ensemble.oob_score_ < ensemble.score(X, Y)


@pytest.mark.parametrize("method", ["independent", "disjoint"])
def test_members_have_the_layers_that_all_samples_give(method, monkeypatch):
    # About as many different ones as a bootstrap draws of 96.
    monkeypatch.setattr(defaults, "SECOND_LAYER_FROM", 61)
    monkeypatch.setattr(defaults, "HIDDEN_NEURONS", 20)
    member = small(hidden_layer_sizes="auto", epsilon=1, max_iter=1)
    ensemble = votes(member, n_estimators=9, method=method, bootstrap=True).fit(X, Y)
    assert {one.hidden_layer_sizes for one in ensemble.estimators_} == {"auto"}
    assert {one.n_layers_ for one in ensemble.estimators_} == {4}


def test_samples_in_every_bootstrap_are_unknown_and_warned_of():
    ensemble = votes(n_estimators=2, bootstrap=True, oob_score=True)
    with pytest.warns(UserWarning, match="n_estimators=2"):
        ensemble.fit(X, Y)
    unknown = np.isnan(ensemble.oob_decision_function_).any(axis=1)
    assert 0.2 < unknown.mean() < 0.6
    assert 0 < ensemble.oob_score_ < 1


def test_numbers_have_predictions_out_of_bag():
    X, y = numbers()
    estimator = small_regressor(max_iter=40)
    ensemble = means(estimator, n_estimators=12, bootstrap=True, oob_score=True).fit(X, y)
    assert ensemble.oob_prediction_.shape == y.shape
    assert 0.3 < ensemble.oob_score_ < ensemble.score(X, y)


def test_without_oob_score_there_is_none():
    ensemble = votes(bootstrap=True).fit(X, Y)
    assert ensemble.oob_score_ is None and ensemble.oob_decision_function_ is None


# ---------------------------------------------------------------- as others do


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"method": "edst", "bootstrap": True}, ("method='edst'", "bootstrap=True")),
        ({"method": "trails", "bootstrap": True}, ("method='trails'", "bootstrap=True")),
        (
            {"method": "trails", "estimator": small(hidden_layer_sizes=())},
            ("method='trails'", "hidden_layer_sizes=()"),
        ),
        ({"oob_score": True}, ("oob_score=True", "bootstrap=False")),
        (
            {"method": "edst", "estimator": small(evolution=None)},
            ("method='edst'", "evolution=None"),
        ),
        ({"estimator": small(checkpoint="one.ckpt")}, ("one.ckpt", "n_estimators=3")),
        ({"escape_zeta": 1.0}, ("escape_zeta", "1.0")),
        ({"n_estimators": 0}, ("n_estimators", "0")),
        ({"estimator": small_regressor()}, ("estimator", "TrulySparseMLPRegressor")),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(changes, named):
    with pytest.raises(ValueError) as error:
        votes(**changes).fit(X, Y)
    assert all(name in str(error.value) for name in named)


@METHODS
def test_a_failed_fit_changes_nothing(method, monkeypatch):
    ensemble = votes(method=method).fit(X, Y)
    before, n_fits, fit = vars(ensemble).copy(), [], TrulySparseMLPClassifier.fit

    def fit_twice(self, *data):
        n_fits.append(1)
        if len(n_fits) == 3:
            raise KeyboardInterrupt
        return fit(self, *data)

    monkeypatch.setattr(TrulySparseMLPClassifier, "fit", fit_twice)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(-X, Y)
    assert len(n_fits) == 3
    assert vars(ensemble) == before


@METHODS
def test_an_ensemble_goes_through_a_file(method):
    ensemble = votes(method=method).fit(X, Y)
    copy = pickle.loads(pickle.dumps(ensemble))
    assert_array_equal(copy.predict_proba(X), ensemble.predict_proba(X))


def test_names_of_features_reach_the_members():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"gene {i}" for i in range(X.shape[1])])
    ensemble = votes(method="trails").fit(frame, Y)
    for model in (ensemble, *ensemble.estimators_):
        assert_array_equal(model.feature_names_in_, frame.columns)
        assert len(model.predict(frame)) == len(X)


def test_verbose_prints_a_line_for_each_member(capsys):
    votes(verbose=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:14] for line in lines] == [f"Network {n} of 3" for n in (1, 2, 3)]


def test_it_works_at_the_end_of_a_pipeline_with_the_defaults():
    model = make_pipeline(StandardScaler(), TrulySparseMLPEnsembleClassifier(n_estimators=2))
    assert model.fit(X, Y).score(X, Y) > 0.8


TINY = {"hidden_layer_sizes": 8, "max_iter": 30, "learning_rate_init": 0.5}


@parametrize_with_checks(
    [
        TrulySparseMLPEnsembleClassifier(TrulySparseMLPClassifier(**TINY), n_estimators=2),
        TrulySparseMLPEnsembleClassifier(
            TrulySparseMLPClassifier(**TINY), n_estimators=2, method="trails"
        ),
        TrulySparseMLPEnsembleRegressor(
            TrulySparseMLPRegressor(**TINY), n_estimators=2, method="edst"
        ),
        TrulySparseMLPEnsembleRegressor(
            TrulySparseMLPRegressor(**TINY), n_estimators=2, method="disjoint"
        ),
    ]
)
def test_checks_of_sklearn(estimator, check):
    check(estimator)


def test_numbers_for_layers_that_nobody_knows_are_refused_as_by_one_network():
    template = small(hidden_layer_sizes="auto", epsilon=[3, 3])
    for model in (template, votes(template)):
        with pytest.raises(ValueError, match="has a number for each layer"):
            model.fit(X, Y)


def test_the_warning_of_few_samples_out_of_bag_names_the_caller():
    model = votes(small(max_iter=1), n_estimators=1, bootstrap=True, oob_score=True)
    with pytest.warns(UserWarning, match="in the bootstrap of each") as caught:
        model.fit(X, Y)
    assert {each.filename for each in caught} == {__file__}
