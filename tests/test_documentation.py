"""Docstrings are complete and true, and all code that is shown runs."""

import doctest
import importlib
import inspect
import pkgutil
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from estimators import points
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import sksparse_mlp
from sksparse_mlp import TrulySparseMLPClassifier

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CHECKS = set(PYPROJECT["tool"]["numpydoc_validation"]["checks"]) - {"all"}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(sksparse_mlp.__path__, "sksparse_mlp.")
    if not any(part.startswith("_") for part in module.name.split("."))
]
ESTIMATORS = [name for name in sksparse_mlp.__all__ if inspect.isclass(getattr(sksparse_mlp, name))]


def public_objects():
    """Names, in full, of the classes and functions that users meet, and of the classes' methods."""
    for module in [sksparse_mlp, *map(importlib.import_module, MODULES)]:
        for name in getattr(module, "__all__", ()):
            member = getattr(module, name)
            if inspect.isfunction(member):
                yield f"{module.__name__}.{name}"
            elif inspect.isclass(member):
                yield f"{module.__name__}.{name}"
                yield from (f"{module.__name__}.{name}.{method}" for method in methods_of(member))


def methods_of(cls):
    """Public methods that this package defines, those of private base classes included."""
    for name, member in inspect.getmembers(cls):
        function = inspect.unwrap(member) if callable(member) else None
        ours = inspect.isfunction(function) and function.__module__.startswith("sksparse_mlp")
        if ours and not name.startswith("_"):
            yield name


def is_record(name):
    member = pkgutil.resolve_name(name)
    return inspect.isclass(member) and issubclass(member, tuple)


@pytest.mark.parametrize("name", sorted(set(public_objects())))
def test_docstrings_follow_numpydoc(name):
    # A record is made by this package, not by users: its fields are its attributes.
    ignored = CHECKS | {"PR01"} if is_record(name) else CHECKS
    errors = {code: text for code, text in validate(name)["errors"] if code not in ignored}
    assert errors == {}


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


# ---------------------------------------------------------------- estimators


def documented(estimator, section):
    return {item.name: item.type for item in ClassDoc(estimator)[section]}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_defaults_are_documented_as_they_are(name):
    estimator = getattr(sksparse_mlp, name)
    for parameter in inspect.signature(estimator).parameters.values():
        text = documented(estimator, "Parameters")[parameter.name]
        if parameter.default is not inspect.Parameter.empty:
            default = repr(parameter.default).replace("'", '"')
            assert text.endswith(f"default={default}"), f"{parameter.name} : {text}"


def test_choices_are_documented_as_they_are():
    documentation = documented(TrulySparseMLPClassifier, "Parameters")
    for name, constraints in TrulySparseMLPClassifier._parameter_constraints.items():
        for constraint in constraints:
            for option in getattr(constraint, "options", ()) if name != "scoring" else ():
                assert f'"{option}"' in documentation[name]


def test_fitted_attributes_are_documented_and_there():
    X, y = points()
    model = TrulySparseMLPClassifier(9, random_state=0).fit(X, y)
    attributes = {name for name in dir(model) if re.fullmatch(r"[a-z]\w*(?<!_)_", name)}
    attributes.add("feature_names_in_")  # there if X has names
    assert set(documented(TrulySparseMLPClassifier, "Attributes")) == attributes


# ---------------------------------------------------------------- README


def code_of(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_code_of_the_README_runs(capsys):
    code = code_of((ROOT / "README.md").read_text(), "python")
    exec(compile("\n".join(code), "README.md", "exec"), {})
    assert float(capsys.readouterr().out.split()[0]) > 0.5
    assert np.size(code) > 0


def test_links_of_the_README_lead_somewhere():
    text = (ROOT / "README.md").read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif "://" not in target:
            assert (ROOT / target).exists(), target


def test_the_commands_of_the_README_name_files_that_exist():
    commands = " ".join(code_of((ROOT / "README.md").read_text(), "bash"))
    assert all((ROOT / path).exists() for path in re.findall(r"\S+\.py\b", commands))
