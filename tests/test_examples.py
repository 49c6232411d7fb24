"""Every script of the gallery runs, in its fast mode, and ends in a picture."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))
WITH_OPTIONS = [path for path in EXAMPLES.glob("*.py") if "argparse" in path.read_text()]


@pytest.fixture
def picture(monkeypatch):
    """The numbers of the figures that ``plt.show`` would show."""
    shown = []
    monkeypatch.setenv("SKSPARSE_MLP_FAST", "1")
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    yield shown
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example(script, picture):
    try:
        runpy.run_path(str(script))
    except SystemExit:
        pytest.skip(f"{script.name} needs a package that is not installed")
    assert picture


def test_there_are_examples():
    assert SCRIPTS


@pytest.mark.parametrize("script", WITH_OPTIONS, ids=lambda path: path.stem)
def test_help(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script.name, "--help"])
    monkeypatch.syspath_prepend(str(EXAMPLES))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    assert script.name in capsys.readouterr().out


# ---------------------------------------------------------------- files for the quickstart

TABLE = "sample,HLA-A,TP53.1,cancer type\nS0,1.5,2,type #1\nS1,0.1,1e3,type #2\n"


@pytest.fixture
def load(tmp_path):
    """Read a file of a name and a text, or of arrays, as the quickstart does."""
    load_file = runpy.run_path(str(EXAMPLES / "quickstart.py"))["load_file"]

    def load_written(name, content, label="cancer type", dropped=("sample",)):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        else:
            np.savez(path, **content)
        return load_file(path, label, list(dropped))

    return load_written


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
def test_the_quickstart_reads_tables(name, separator, load):
    X, y = load(name, TABLE.replace(",", separator))
    np.testing.assert_array_equal(X, [[1.5, 2], [0.1, 1000]])
    assert y.tolist() == ["type #1", "type #2"]


def test_the_quickstart_leaves_out_row_names(load):
    X, _ = load("a.csv", TABLE.replace("sample", ""), dropped=())
    assert X.shape == (2, 2)


@pytest.mark.parametrize(
    ("name", "content", "changes", "said"),
    [
        ("a.csv", TABLE, {"label": "cancer_type"}, r"no column 'cancer_type'; .*'cancer type'"),
        ("a.csv", TABLE, {"dropped": ["samples"]}, r"no column 'samples'; .*'sample'"),
        ("a.csv", TABLE, {"dropped": []}, r"no numbers: \['sample'\]"),
        ("a.csv", TABLE.replace("1.5", "NA"), {}, r"Cells of \['HLA-A'\] are empty"),
        ("a.txt", TABLE, {}, r"\.npz file or one of"),
        ("a.npz", {"data": np.ones(2)}, {}, r"must hold arrays X and y; it holds \['data'\]"),
        ("a.npz", {"X": np.ones(2), "y": np.array(["a", None])}, {}, r"y\.astype\(str\)"),
    ],
)
def test_the_quickstart_says_what_a_file_lacks(name, content, changes, said, load):
    with pytest.raises(SystemExit, match=said):
        load(name, content, **changes)
