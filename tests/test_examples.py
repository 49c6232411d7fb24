"""Every script of the gallery runs, in its fast mode, and ends in a picture."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "examples").glob("plot_*.py"))


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
