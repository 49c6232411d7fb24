"""How connections are spread: degrees, dead neurons, expansion."""

import numpy as np
import pytest
from fitted import drawn, drawn_at_random, trained
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksparse_mlp.inspection import _topology, summary, topology_report

FIRST = [[0.5, 0, -1, 0], [1, 0, 0, 2], [0, 0, 0, 0]]
SECOND = [[1, -1], [3, 0], [0, 0], [0, 2]]


def test_degrees_are_those_of_each_neuron():
    report = topology_report(drawn(FIRST, SECOND))
    assert [degrees.tolist() for degrees in report["in_degrees"]] == [[2, 0, 1, 1], [2, 2]]
    assert [degrees.tolist() for degrees in report["out_degrees"]] == [[2, 2, 0], [2, 1, 0, 1]]


def test_dead_neurons_are_those_of_the_summary():
    report, layers = (f(drawn(FIRST, SECOND)) for f in (topology_report, summary))
    assert report["dead_inputs"] == [layer.dead_inputs for layer in layers.layers]
    assert report["dead_outputs"] == [layer.dead_outputs for layer in layers.layers]


@pytest.mark.parametrize("shape", [(30, 7), (7, 30), (40, 40), (5, 1)])
@pytest.mark.parametrize("narrow", [1, 256])
def test_singular_values_are_those_of_the_pattern(shape, narrow, monkeypatch):
    monkeypatch.setattr(_topology, "NARROW", narrow)
    network = drawn_at_random(shape, 0.3)
    report = topology_report(network)
    values = np.append(np.linalg.svd(network.coefs_[0].toarray() != 0, compute_uv=False), 0)
    assert report["first_singular_value"] == pytest.approx(values[:1], rel=1e-5)
    assert report["second_singular_value"] == pytest.approx(values[1:2], rel=1e-5)
    assert report["spectral_gap"] == pytest.approx(values[:1] - values[1:2], rel=1e-5)


@pytest.mark.parametrize("narrow", [1, 256])
def test_a_full_layer_has_one_singular_value(narrow, monkeypatch):
    monkeypatch.setattr(_topology, "NARROW", narrow)
    report = topology_report(drawn(np.ones((20, 8))))
    assert report["second_singular_value"] == pytest.approx([0.0], abs=1e-6)
    assert report["spectral_gap"] == pytest.approx([np.sqrt(160)])


def test_the_bound_is_that_of_the_mean_degrees():
    layer = np.zeros((4, 6))
    layer[:3, :] = [[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0], [1, 1, 0, 1, 1, 0]]  # degree 2 by 10/3
    report = topology_report(drawn(layer))
    assert report["ramanujan_bound"] == pytest.approx([np.sqrt(2 - 1) + np.sqrt(10 / 3 - 1)])


def test_a_layer_in_two_parts_is_no_ramanujan_graph():
    parts = np.kron(np.eye(2), np.ones((5, 5)))
    report = topology_report(drawn(parts))
    assert report["spectral_gap"] == pytest.approx([0.0], abs=1e-6)
    assert report["is_ramanujan"] == [False]


def test_random_connections_make_a_ramanujan_graph():
    assert topology_report(drawn_at_random((60, 50), 0.3))["is_ramanujan"] == [True]


def test_a_report_is_the_same_each_time():
    network = drawn_at_random((300, 300), 0.02)
    reports = [topology_report(network)["second_singular_value"] for _ in range(2)]
    assert reports[0] == reports[1]


def test_a_skip_layer_is_the_last_entry():
    model, _, _ = trained(max_iter=1, skip_connections="zero")
    report = topology_report(model)
    assert [degrees.sum() for degrees in report["in_degrees"]] == list(model.n_connections_)


def test_the_network_of_a_pipeline_is_its_last_step():
    _, X, y = trained(max_iter=1)
    model = make_pipeline(StandardScaler(), trained(max_iter=1)[0]).fit(X, y)
    assert topology_report(model)["explored"] == topology_report(model[-1])["explored"]
