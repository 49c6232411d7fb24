"""Pictures of fitted networks: what they show, not how they look."""

import doctest
import sys

import matplotlib

matplotlib.use("Agg")

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from fitted import drawn, drawn_at_random, trained
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp.plotting import (
    FeatureImportanceDisplay,
    TopologyDisplay,
    TrainingHistoryDisplay,
    _history,
    _importance,
    _topology,
    _topology_pictures,
)

HISTORY = {
    "loss": [1.5, 0.5, 0.2],
    "learning_rate": [0.1, 0.1, 0.05],
    "seconds": [0.1, 0.1, 0.1],
    "connections_rewired": [0, 9, 9],
}
# The last layer is full: it has nothing to explore.
LAYERED = HISTORY | {
    "connections_rewired": [0, 7, 7],
    "rewired_by_layer": [[0, 0, 0], [4, 3, 0], [4, 3, 0]],
    "explored_by_layer": [[0.1, 0.2, 1.0], [0.2, 0.3, 1.0], [0.3, 0.4, 1.0]],
}
VALIDATED = LAYERED | {"validation_loss": [1.6, 0.7, 0.9], "validation_score": [0.5, 0.8, 0.7]}


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---------------------------------------------------------------- all displays

DISPLAYS = [TrainingHistoryDisplay, TopologyDisplay, FeatureImportanceDisplay]


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_can_be_saved(display, tmp_path):
    network = drawn_at_random((20, 15, 3), 0.3, history=HISTORY)
    display.from_estimator(network).figure_.savefig(tmp_path / "picture.png")


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_draws_where_it_is_told(display):
    _, ax = plt.subplots()
    network = drawn_at_random((20, 15, 3), 0.3, history=HISTORY)
    assert display.from_estimator(network, ax=ax).ax_ is ax


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_knows_its_figure(display):
    network = drawn_at_random((20, 15, 3), 0.3, history=HISTORY)
    shown = display.from_estimator(network)
    assert shown.figure_ is shown.ax_.figure


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_without_matplotlib_says_what_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    network = drawn_at_random((20, 15, 3), 0.3, history=HISTORY)
    expected = rf"{display.__name__} needs matplotlib: pip install 'sksparse-mlp\[plot\]'"
    with pytest.raises(ImportError, match=expected):
        display.from_estimator(network)


NETWORKS = {
    "no hidden layers": {"hidden_layer_sizes": ()},
    "single neurons": {"hidden_layer_sizes": (1, 1)},
    "full": {"epsilon": None, "density": 1.0},
    "a connection a layer": {"epsilon": 0.001},
    "one epoch": {"max_iter": 1},
    "early stopping": {"early_stopping": True},
}


@pytest.mark.parametrize("changes", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("mapped", [False, True], ids=["in memory", "mapped"])
def test_every_network_can_be_drawn(changes, mapped, tmp_path):
    model, X, y = trained(**{"max_iter": 2} | changes)
    model.fit(X, np.where(y == 1, "rare", "other") if mapped else y)
    if mapped:
        joblib.dump(model, tmp_path / "model.joblib")
        model = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    degrees = 2 * [np.diff(model.coefs_[0].indptr)]
    for display in DISPLAYS:
        display.from_estimator(model).figure_.savefig(tmp_path / "picture.png")
    for kind in _topology.KINDS:
        shown = TopologyDisplay.from_estimator(model, kind=kind, degree_history=degrees)
        shown.figure_.savefig(tmp_path / "picture.png")


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_finds_the_network_of_a_pipeline(display):
    model, X, y = trained(max_iter=2)
    assert display.from_estimator(make_pipeline(StandardScaler(), model).fit(X, y)).ax_.has_data()


# ---------------------------------------------------------------- training history


def test_all_of_the_history_is_shown():
    shown = TrainingHistoryDisplay(VALIDATED).plot()
    assert list(shown.axes_) == list(_history.PANELS)


def test_what_the_history_lacks_is_not_shown():
    assert "validation_score" not in TrainingHistoryDisplay(HISTORY).plot().axes_


@pytest.mark.parametrize("name", ["loss", "validation_loss", "validation_score", "learning_rate"])
def test_a_curve_has_the_values_of_the_history(name):
    assert (
        list(TrainingHistoryDisplay(VALIDATED).plot().lines_[name].get_ydata()) == VALIDATED[name]
    )


def test_rewired_connections_add_up():
    shown = TrainingHistoryDisplay(HISTORY).plot()
    assert list(shown.lines_["connections_rewired"].get_ydata()) == [0, 9, 18]


def test_the_layers_that_rewire_have_a_curve_each():
    shown = TrainingHistoryDisplay(LAYERED).plot()
    drawn_values = [list(line.get_ydata()) for line in shown.lines_["rewired_by_layer"]]
    assert drawn_values == [[0, 4, 8], [0, 3, 6]]


def test_a_single_layer_that_rewires_is_all_there_is():
    history = LAYERED | {"rewired_by_layer": [[0, 0, 0], [9, 0, 0], [9, 0, 0]]}
    assert TrainingHistoryDisplay(history).plot().lines_["rewired_by_layer"] == []


def test_layers_that_are_not_full_show_what_they_explored():
    (first, second) = TrainingHistoryDisplay(LAYERED).plot().lines_["explored_by_layer"]
    assert list(first.get_ydata()) == [0.1, 0.2, 0.3]
    assert list(second.get_ydata()) == [0.2, 0.3, 0.4]


def test_layers_of_a_history_that_began_without_them_begin_later():
    history = LAYERED | {"explored_by_layer": [None, [0.2, 0.3, 1.0], [0.3, 0.4, 1.0]]}
    first, _ = TrainingHistoryDisplay(history).plot().lines_["explored_by_layer"]
    assert list(first.get_xdata()) == [2, 3]


@pytest.mark.parametrize(
    ("loss", "scale"), [([1.0, 0.02], "linear"), ([1.0, 0.005], "log"), ([1.0, 0.0], "linear")]
)
def test_a_loss_that_falls_far_has_a_logarithmic_scale(loss, scale):
    history = {"loss": loss, "learning_rate": [1.0, 1e-6]}
    shown = TrainingHistoryDisplay(history).plot(panels=["learning_rate", "loss"])
    assert shown.axes_["loss"].get_yscale() == scale


def test_a_history_that_went_on_without_validation_has_a_gap():
    history = HISTORY | {"validation_loss": [1.6, None, None]}
    shown = TrainingHistoryDisplay(history).plot()
    np.testing.assert_array_equal(
        shown.lines_["validation_loss"].get_ydata(), [1.6, np.nan, np.nan]
    )


def test_a_single_epoch_is_a_point_that_can_be_seen():
    history = {name: values[:1] for name, values in VALIDATED.items()}
    shown = TrainingHistoryDisplay(history).plot()
    assert {line.get_marker() for ax in shown.axes_.values() for line in ax.lines} == {"o"}


def test_epochs_count_from_one():
    shown = TrainingHistoryDisplay(HISTORY).plot()
    assert list(shown.lines_["loss"].get_xdata()) == [1, 2, 3]


def test_chosen_panels_are_shown_in_their_order():
    shown = TrainingHistoryDisplay(HISTORY).plot(panels=["learning_rate", "loss"])
    assert list(shown.axes_) == ["learning_rate", "loss"]


def test_one_axes_shows_the_loss():
    _, ax = plt.subplots()
    assert list(TrainingHistoryDisplay(VALIDATED).plot(ax=ax).axes_) == ["loss"]


def test_several_axes_show_a_panel_each():
    _, axes = plt.subplots(3)
    assert list(TrainingHistoryDisplay(HISTORY).plot(ax=axes).axes_.values()) == list(axes)


def test_training_and_validation_are_told_apart():
    shown = TrainingHistoryDisplay(VALIDATED).plot()
    assert texts(shown.ax_) == ["training", "validation"]


def test_a_single_curve_needs_no_legend():
    assert TrainingHistoryDisplay(HISTORY).plot().ax_.get_legend() is None


def test_the_epoch_that_early_stopping_went_back_to_is_marked():
    model, *_ = trained(max_iter=2, early_stopping=True, n_iter_no_change=5)
    assert TrainingHistoryDisplay.from_estimator(model).best_epoch == model.best_epoch_


def test_the_best_epoch_is_in_the_legend():
    shown = TrainingHistoryDisplay(VALIDATED, best_epoch=2).plot()
    assert texts(shown.ax_)[-1] == "best epoch"


def test_no_epoch_is_marked_without_early_stopping():
    model, *_ = trained(max_iter=2)
    assert TrainingHistoryDisplay.from_estimator(model).best_epoch is None


@pytest.mark.parametrize("panels", [["accuracy"], ["validation_score"], []])
def test_panels_that_the_history_lacks_are_refused(panels):
    with pytest.raises(ValueError, match=r"panels=.* must be some of \['loss', 'learning_rate'"):
        TrainingHistoryDisplay(HISTORY).plot(panels=panels)


def test_a_panel_without_axes_is_refused():
    _, axes = plt.subplots(2)
    with pytest.raises(ValueError, match=r"ax must be one Axes for each of \['loss', .*; got 2"):
        TrainingHistoryDisplay(HISTORY).plot(ax=axes)


# ---------------------------------------------------------------- importances


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_the_most_important_features_are_shown():
    network = drawn([[1], [3], [2]], names=["TP53", "MYC", "KRAS"])
    assert labels(FeatureImportanceDisplay.from_estimator(network, n_features=2)) == ["MYC", "KRAS"]


def test_a_bar_is_as_long_as_the_importance():
    shown = FeatureImportanceDisplay.from_estimator(drawn([[1], [3]]))
    assert [bar.get_width() for bar in shown.bars_] == [0.75, 0.25]


def test_the_most_important_feature_is_on_top():
    bottom, top = FeatureImportanceDisplay.from_estimator(drawn([[1], [3]])).ax_.get_ylim()
    assert top < 0 < 1 < bottom


def test_a_bar_is_as_long_as_the_mean_importance_of_several_networks():
    shown = FeatureImportanceDisplay.from_estimator([drawn([[1], [3]]), drawn([[2], [2]])])
    assert [bar.get_width() for bar in shown.bars_] == [5 / 8, 3 / 8]


def test_a_dot_for_each_of_several_networks():
    shown = FeatureImportanceDisplay.from_estimator([drawn([[1], [3]]), drawn([[2], [2]])])
    assert shown.dots_.get_offsets().tolist() == [[0.75, 0], [0.25, 1], [0.5, 0], [0.5, 1]]


def test_no_dots_for_a_single_network():
    assert FeatureImportanceDisplay.from_estimator(drawn([[1], [3]])).dots_ is None


def test_features_get_the_names_that_are_given():
    shown = FeatureImportanceDisplay.from_estimator(drawn([[1], [3]]), feature_names=["a", "b"])
    assert labels(shown) == ["b", "a"]


def test_importances_from_elsewhere():
    assert labels(FeatureImportanceDisplay.from_importances([0.1, 0.2, 0.7])) == ["x2", "x1", "x0"]


def test_importances_from_elsewhere_have_the_names_that_are_given():
    shown = FeatureImportanceDisplay.from_importances([[0.1, 0.2]], feature_names=["a", "b"])
    assert labels(shown) == ["b", "a"]


def test_features_may_be_called_anything(tmp_path):
    shown = FeatureImportanceDisplay.from_importances([2, 1], feature_names=["a$^$", "_b"])
    assert labels(shown) == ["a$^$", "_b"]
    shown.figure_.savefig(tmp_path / "picture.png")


def test_names_of_another_number_are_refused():
    with pytest.raises(ValueError, match=r"feature_names must hold .* 2 features; .* \(3,\)"):
        FeatureImportanceDisplay.from_importances([0.1, 0.2], feature_names=["a", "b", "c"])


@pytest.mark.parametrize("n_features", [0, 1.5])
def test_wrong_numbers_of_features_are_refused(n_features):
    with pytest.raises(ValueError, match=rf"n_features={n_features} must be an int of at least 1"):
        FeatureImportanceDisplay.from_importances([0.1, 0.2], n_features=n_features)


# ---------------------------------------------------------------- topology


@pytest.mark.parametrize("kind", ["input_degree", "layers", "degree_distribution", "dead_neurons"])
@pytest.mark.parametrize("density", [0.01, 0.2, 1.0])
def test_every_density_can_be_drawn(kind, density):
    network = drawn_at_random((200, 60, 3), density)
    TopologyDisplay.from_estimator(network, kind=kind).figure_.canvas.draw()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind='pie' must be one of \('input_degree', "):
        TopologyDisplay.from_estimator(drawn([[1]]), kind="pie")


def test_input_degrees_are_sorted():
    network = drawn([[1, 0], [1, 1], [0, 0]])
    _, own = TopologyDisplay.from_estimator(network).ax_.lines
    assert list(own.get_ydata()) == [2, 1, 0]


def test_expected_input_degrees_are_those_of_random_networks():
    """The mean of 20 random networks is within one connection, beyond the extremes."""
    rng = np.random.default_rng(0)
    degrees = [-np.sort(-rng.multinomial(300, np.full(100, 0.01))) for _ in range(20)]
    expected = _topology_pictures.expected_profile(100, 300, 40)
    np.testing.assert_allclose(expected[5:-5], np.mean(degrees, axis=0)[5:-5], atol=1.0)


def test_expected_input_degrees_of_a_full_layer():
    assert list(_topology_pictures.expected_profile(4, 12, 3)) == [3, 3, 3, 3]


def test_an_image_shows_the_degree_of_each_pixel():
    network = drawn([[1, 0], [1, 1], [0, 0], [1, 1], [0, 0], [0, 1]])
    image = TopologyDisplay.from_estimator(network, image_shape=(2, 3)).ax_.images[0]
    assert image.get_array().tolist() == [[1, 2, 0], [2, 0, 1]]


@pytest.mark.parametrize("shape", [(2, 2), (6,), (1, 2, 3), (-2, -3), 6, (2.0, 3.0)])
def test_an_image_of_another_size_is_refused(shape):
    with pytest.raises(ValueError, match=r"image_shape=.* must be two positive ints of .* 6"):
        TopologyDisplay.from_estimator(drawn(np.ones((6, 1))), image_shape=shape)


def evolution(**options):
    network = drawn([[1], [1], [1]])
    options = {"degree_history": [[1, 1, 1], [0, 1, 2], [0, 0, 3]]} | options
    return TopologyDisplay.from_estimator(network, kind="evolution", **options)


def test_an_evolution_shows_the_most_connected_inputs_first():
    mesh = evolution().ax_.collections[0]
    assert mesh.get_array().tolist() == [[1, 2, 3], [1, 0, 0], [1, 1, 0]]


def test_an_evolution_shows_means_of_many_inputs(monkeypatch):
    monkeypatch.setattr(_topology_pictures, "MAX_ROWS", 2)
    assert evolution().ax_.collections[0].get_array().tolist() == [[1, 1, 1.5], [1, 1, 0]]


def test_an_evolution_begins_at_epoch_zero():
    assert evolution().ax_.get_xlim() == (0, 2)


def test_an_evolution_has_the_epochs_that_are_given():
    assert evolution(epochs=[1, 5, 20]).ax_.get_xlim() == (1, 20)


def test_groups_of_inputs_have_lines_of_their_means():
    lines = evolution(groups=["gene", "noise", "gene"]).ax_.lines
    assert [list(line.get_ydata()) for line in lines] == [[1, 1, 1.5], [1, 1, 0]]


def test_groups_of_inputs_are_in_the_legend_with_their_sizes():
    assert texts(evolution(groups=["gene", "noise", "gene"]).ax_) == ["gene (2)", "noise (1)"]


def test_groups_may_be_called_anything(tmp_path):
    shown = evolution(groups=["_a$^$", "_a$^$", "b"])
    assert texts(shown.ax_) == ["_a$^$ (2)", "b (1)"]
    shown.figure_.savefig(tmp_path / "picture.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree_history": None}, 'kind="evolution" needs degree_history'),
        ({"degree_history": np.ones((4, 2))}, r"degree_history .* \(n_snapshots, 3\).*\(4, 2\)"),
        ({"degree_history": [[1, 0, 2]]}, r"degree_history .* two or more snapshots.*\(1, 3\)"),
        ({"epochs": [1, 2]}, r"epochs must hold one number for each of the 3 rows .* \(2,\)"),
        ({"epochs": [1, 3, 2]}, r"epochs must increase; got \[1, 3, 2\]"),
        ({"groups": ["a"]}, r"groups must hold one label for each of the 3 inputs; .* \(1,\)"),
    ],
)
def test_an_evolution_that_does_not_fit_together_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        evolution(**options)


def test_blocks_of_a_random_layer_have_its_density():
    layer = drawn_at_random((400, 300), 0.1).coefs_[0]
    assert np.mean(_topology_pictures.relative_densities(layer)) == pytest.approx(1.0, abs=0.01)


def test_blocks_of_a_full_layer_have_its_density():
    blocks = _topology_pictures.relative_densities(drawn(np.ones((100, 50))).coefs_[0])
    assert np.ptp(blocks) == 0


def test_the_first_block_is_that_of_the_most_connected_neurons():
    hub = np.zeros((64, 64))
    hub[40:, 40:] = 1
    blocks = _topology_pictures.relative_densities(drawn(hub).coefs_[0])
    assert (blocks[0, 0], blocks[-1, -1]) == (4.0, 0.25)


def test_each_layer_is_named_with_its_shape_and_density():
    network = drawn(np.eye(4), np.ones((4, 2)))
    ticks = TopologyDisplay.from_estimator(network, kind="layers").ax_.get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["layer 0\n4 x 4, 25 %", "layer 1\n4 x 2, 100 %"]


def test_a_distribution_gives_the_share_of_the_neurons_with_at_least_so_many_connections():
    network = drawn([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    line = TopologyDisplay.from_estimator(network, kind="degree_distribution").ax_.lines[0]
    assert line.get_xydata()[:3].tolist() == [[1, 0.75], [2, 0.5], [3, 0.25]]


def test_a_distribution_shows_both_ends_of_each_layer():
    shown = TopologyDisplay.from_estimator(
        drawn_at_random((9, 8, 7), 0.5), kind="degree_distribution"
    )
    assert len(texts(shown.ax_)) == 4


def test_dead_neurons_are_counted_by_hidden_layer():
    first = [[1, 0, 1, 0], [1, 0, 1, 0]]  # two neurons get nothing, and one leads nowhere
    second = [[1, 0], [1, 1], [0, 0], [1, 1]]  # the second neuron is fed by dead ones only
    network = drawn(first, second, [[1], [1]])
    ax = TopologyDisplay.from_estimator(network, kind="dead_neurons").ax_
    assert [bar.get_height() for bar in ax.patches] == [0.75, 0.5]
    assert [text.get_text() for text in ax.texts] == ["3 of 4", "1 of 2"]


@pytest.mark.parametrize("module", [_history, _importance, _topology], ids=lambda m: m.__name__)
def test_examples_in_the_documentation(module):
    assert doctest.testmod(module).failed == 0
