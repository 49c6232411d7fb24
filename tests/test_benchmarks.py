"""The benchmarks and the example of a million neurons run; what they measure is not tested."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sksparse_mlp

EXAMPLES = Path(__file__).parents[1] / "examples"
MLP = "trulysparsemlpclassifier"


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    """The scripts can be imported here, and this package in the processes that they start."""
    monkeypatch.syspath_prepend(EXAMPLES)
    package = str(Path(sksparse_mlp.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def run(capsys):
    """Call the main function of a script; returns what it prints."""

    def run_script(name, *arguments):
        importlib.import_module(name).main(list(map(str, arguments)))
        return capsys.readouterr().out

    return run_script


def test_speed(tmp_path):
    figure = tmp_path / "speed.png"
    command = "--shapes tiny --batches 8 --repeat 1 --samples 20 --seconds 0.1"
    models = ["--models", "sksparse_mlp", "SciPy SET", "--figure", figure]
    table = subprocess.run(
        [sys.executable, EXAMPLES / "benchmark_speed.py", *command.split(), *models],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert table.count(b"| 20-30-30-3 | 420 | 8 |") == 2
    assert figure.stat().st_size > 1000


def test_speed_of_steps_and_of_models_of_a_file(run, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("from benchmark_peers import ScipySET\nMODELS = {'own': ScipySET}\n")
    command = "--steps --shapes tiny --batches 8 --repeat 1 --samples 20 --seconds 0.1 --models own"
    table = run("benchmark_speed", *command.split(), "--more-models", own)
    assert "| network | connections | batch | own |" in table
    assert table.count(" ms |") == 1


def test_checkouts(run, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "noise.npz", X=rng.standard_normal((20, 30)), y=np.arange(20) % 2)
    here = Path(sksparse_mlp.__file__).parents[1]
    command = ["--data", tmp_path, "--repeat", 1, "--max-iter", 2]
    table = run("benchmark_checkouts", here, *command).splitlines()
    assert len(table) == 3 and table[-1].startswith("| noise | ")


def test_overheads(run):
    assert run("benchmark_overheads", "--only", "imports", "tiny", "--repeat", 1).count("|") > 20


def test_regression(run):
    table = run("benchmark_regression", "--quick")
    assert table.count("| sparse MLP |") == 2
    assert "| quantile 0.1 |" in table


def test_survival_is_compared(run):
    assert run("benchmark_survival", "--quick").count("| linear |") == 3


def test_feature_selection_goes_on_where_it_was(run, tmp_path):
    results = tmp_path / "results.jsonl"
    command = ["benchmark_feature_selection", "--results", results, "--k", 10, "--selectors"]
    run(*command, "ANOVA F")
    before = results.read_text()
    table = run(*command, "ANOVA F", "at random")
    assert results.read_text().startswith(before)
    assert len(results.read_text().splitlines()) == 2 * 3 * 5  # selectors, sets and folds
    assert table.count("| ANOVA F | ") == table.count("| at random | ") == 1


@pytest.mark.parametrize("n_train", [300, 3000])
def test_a_dense_network_has_about_the_parameters_of_the_sparse_one(n_train):
    microarray = importlib.import_module("benchmark_microarray")
    case = microarray.Case(0, n_train, 40, 3)
    X, y = np.random.default_rng(0).normal(size=(n_train, 40)), np.arange(n_train) % 3
    dense, sparse = (
        model(case).set_params(**{f"{MLP}__max_iter": 1}).fit(X, y)[-1]
        for model in (microarray.network_dense, microarray.sparse_mlp)
    )
    layers = slice(None, dense.n_layers_ - 1)  # the skip layer is left out
    assert dense.n_layers_ == sparse.n_layers_
    assert sum(dense.n_connections_) == pytest.approx(sum(sparse.n_connections_[layers]), rel=0.2)


def test_noise_goes_on_where_it_was(run, tmp_path):
    results, figure = tmp_path / "results.jsonl", tmp_path / "noise.png"
    command = ["benchmark_noise", "--quick", "--sets", "digits"]
    command += ["--results", results, "--figure", figure, "--models"]
    run(*command, "logistic regression")
    before = results.read_text()
    table = run(*command, "logistic regression", "sparse network")
    assert results.read_text().startswith(before)
    assert len(results.read_text().splitlines()) == 2 * 2  # models and shares of noise
    assert table.count("| digits | ") == 2
    assert figure.stat().st_size > 1000


def test_noise_columns_say_nothing_and_lie_anywhere():
    benchmark = importlib.import_module("benchmark_noise")
    X = np.arange(20, dtype=np.float32).reshape(10, 2)
    for kind in ("normal", "permuted"):
        noisy = benchmark.with_noise(X, 0.9, kind, seed=0)
        assert noisy.shape == (10, 20)
        kept = [np.flatnonzero((noisy == column[:, None]).all(axis=0)) for column in X.T]
        assert [places.size for places in kept] == [1, 1]
    assert np.isin(noisy, X).all()


def test_a_network_too_small_to_boast_of(run):
    lines = run("million_neurons", "--neurons", 40, "--samples", 20, "--epochs", 1)
    assert "neurons                     54,733" in lines


def test_rules_of_topology(run, tmp_path):
    figure, results = tmp_path / "topology.png", tmp_path / "results.jsonl"
    command = ["benchmark_topology", "--quick", "--figure", figure, "--results", results]
    assert run(*command).count("| gradient, drop set | ") == 1
    assert run(*command, "--cost").count("| set, drop set; cubic | ") == 1
    assert len(results.read_text().splitlines()) == 6 * 2  # rules and seeds
    assert figure.stat().st_size > 1000


def test_ensembles_go_on_where_they_were(run, tmp_path, monkeypatch):
    benchmark = importlib.import_module("benchmark_ensembles")
    X, y = np.random.default_rng(0).normal(size=(60, 30)), np.arange(60) % 2
    X[:, 0] += 3 * y
    monkeypatch.setattr(benchmark, "load_bundled", lambda: {"digits_300": (X, y)})
    command = ["benchmark_ensembles", "--cache", tmp_path, "--models", "one"]
    run(*command)
    files = sorted(tmp_path.rglob("*.npz"))
    times = [file.stat().st_mtime_ns for file in files]
    table = run(*command, "edst")
    assert len(files) == 5 and [file.stat().st_mtime_ns for file in files] == times
    assert table.count("| edst | ") == 1
    assert "| digits_300 | " in run(*command, "edst", "--cached-only")
    assert "merged, 2 rounds" in run(*command, "--centres", "--seeds", 2)


def test_ensembles_read_the_bundled_sets(run, tmp_path):
    command = ["benchmark_ensembles", "--cache", tmp_path, "--models", "one", "--sets", "wine"]
    assert "| wine | " in run(*command)


def test_a_cluster_is_compared_with_one_process(run):
    pytest.importorskip("distributed", reason="distributed is not installed")
    tables = run("benchmark_distributed", "--quick")
    assert tables.count("| 1 worker, 2 blocks | ") == 1
    assert tables.count("\n| 1,000 | ") == 1


def test_depth(run):
    assert run("benchmark_depth", "--quick", "--seeds", 1).count("| mean |") == 2
