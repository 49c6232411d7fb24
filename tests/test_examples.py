"""Every script of the gallery runs, in its fast mode, and ends in a picture."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
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
