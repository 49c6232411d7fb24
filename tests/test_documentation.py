"""Docstrings are complete and true, and all code that is shown runs."""

import doctest
import importlib
import inspect
import pkgutil
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import sklearn
from estimators import points
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate
from sklearn.utils.fixes import parse_version

try:
    from sklearn.utils._repr_html.common import generate_link_to_param_doc
except ImportError:  # before scikit-learn 1.8
    generate_link_to_param_doc = None

import sksparse_mlp
from sksparse_mlp import (
    TrulySparseMLPClassifier,
    TrulySparseMLPRegressor,
    TrulySparseMLPSurvival,
)

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


def is_method(name):
    return inspect.isclass(pkgutil.resolve_name(name.rpartition(".")[0]))


@pytest.mark.parametrize("name", sorted(set(public_objects())))
def test_docstrings_follow_numpydoc(name):
    # A record is made by this package, not by users: its fields are its attributes.
    ignored = CHECKS | {"PR01"} if is_record(name) else CHECKS
    errors = {code: text for code, text in validate(name)["errors"] if code not in ignored}
    assert errors == {}


def examples():
    """The doctests of all public objects, wherever they are defined."""
    finder = doctest.DocTestFinder(recurse=False)
    for name in sorted(set(public_objects())):
        yield from (test for test in finder.find(pkgutil.resolve_name(name), name) if test.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_examples_in_docstrings_run(example):
    assert doctest.DocTestRunner().run(example).failed == 0


def test_every_public_name_has_an_example():
    without = {name for name in public_objects() if not is_method(name) and not is_record(name)}
    without -= {example.name for example in examples()}
    assert without == {"sksparse_mlp.inspection.NetworkSummary"}  # summary's example makes one


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


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    """Each estimator, with few neurons and epochs, fitted."""
    small = TrulySparseMLPClassifier(9, max_iter=2, random_state=0)
    estimator = {
        "TrulySparseMLPClassifier": small,
        "TrulySparseMLPRegressor": TrulySparseMLPRegressor(9, max_iter=2, random_state=0),
        "TrulySparseMLPSurvival": TrulySparseMLPSurvival(9, max_iter=2, random_state=0),
        "SparseMLPFeatureSelector": sksparse_mlp.SparseMLPFeatureSelector(small, n_networks=2),
        "TrulySparseMLPEnsembleClassifier": sksparse_mlp.TrulySparseMLPEnsembleClassifier(
            small, n_estimators=2
        ),
        "TrulySparseMLPEnsembleRegressor": sksparse_mlp.TrulySparseMLPEnsembleRegressor(
            TrulySparseMLPRegressor(9, max_iter=2, random_state=0), n_estimators=2
        ),
        "SparseAutoencoderSelector": sksparse_mlp.SparseAutoencoderSelector(9, max_iter=2),
    }[request.param]
    X, y = points()
    y = np.unique(y, return_inverse=True)[1]
    if isinstance(estimator, TrulySparseMLPSurvival):
        y = np.array([(True, time) for time in y], [("event", bool), ("time", float)])
    return estimator.fit(X, y)


def test_fitted_attributes_are_documented_and_there(fitted):
    attributes = {name for name in dir(fitted) if re.fullmatch(r"[a-z]\w*(?<!_)_", name)}
    attributes.add("feature_names_in_")  # there if X has names
    assert set(documented(type(fitted), "Attributes")) == attributes


# ---------------------------------------------------------------- notebooks


needs_fitted_attributes = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="scikit-learn shows parameters with links and fitted attributes from 1.9 on",
)


@needs_fitted_attributes
@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_a_notebook_shows_and_explains_what_is_documented(fitted, section):
    html = fitted._repr_html_()
    shown = set(re.findall(r'class="param-doc-description"[^>]*>\s*(\w+):', html))
    assert set(documented(type(fitted), section)) - {"feature_names_in_"} <= shown


@needs_fitted_attributes
def test_the_links_of_parameters_find_their_text_in_the_README(fitted):
    """A link's fragment is a name and the type behind it: the first two cells of a table's row."""
    readme, estimator = (ROOT / "README.md").read_text().replace("`", ""), type(fitted)
    for name in fitted.get_params(deep=False):
        link = generate_link_to_param_doc(estimator, name, fitted._get_doc_link())
        start, _, text = link.partition("#:~:text=")
        name, text = unquote(text).split(",-", 1)
        assert start == "https://pypi.org/project/sksparse-mlp/"
        assert f"| {name} | {text} |" in readme


# ---------------------------------------------------------------- README


def row_of(parameter):
    """A parameter's line in a table: its name, its type, and the first sentence about it."""
    text = re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", " ".join(parameter.desc))
    text = re.sub(r" \[\d\]_", "", text).replace("``", "`")
    return f"| `{parameter.name}` | {parameter.type} | {re.match(r'.*?[.](?= |$)', text)[0]} |"


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_README_lists_the_parameters_as_their_docstring_does(name):
    rows = [row_of(parameter) for parameter in ClassDoc(getattr(sksparse_mlp, name))["Parameters"]]
    if name in (
        "TrulySparseMLPRegressor",
        "TrulySparseMLPSurvival",
    ):  # their other parameters are the classifier's
        others = ClassDoc(TrulySparseMLPClassifier)["Parameters"]
        rows = [row for row in rows if row not in map(row_of, others)]
    section = (ROOT / "README.md").read_text().split(f"### {name}\n")[1].split("\n#")[0]
    assert section.strip().splitlines()[2:] == rows


# ---------------------------------------------------------------- README and results


DOCUMENTS = pytest.mark.parametrize("document", ["README.md", "examples/RESULTS.md"])


def code_of(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def anchors_of(text):
    """What a link's fragment may be: headings, as a repository's page names them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_code_of_the_README_runs(capsys):
    code = code_of((ROOT / "README.md").read_text(), "python")
    exec(compile("\n".join(code), "README.md", "exec"), {})
    assert float(capsys.readouterr().out.split()[0]) > 0.5
    assert np.size(code) > 0


@DOCUMENTS
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)]+)\)", (ROOT / document).read_text()):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if "://" not in link:
            assert target.exists(), link
            assert not anchor or anchor in anchors_of(target.read_text()), link


@DOCUMENTS
def test_commands_name_files_and_options_that_exist(document):
    blocks = "".join(code_of((ROOT / document).read_text(), "bash")).replace("\\\n", " ")
    commands = re.findall(r"(\S+\.py)\b(.*)", blocks)
    assert commands
    for path, arguments in commands:
        script = (ROOT / path).read_text()
        assert all(f'"{option}"' in script for option in re.findall(r"--[\w-]+", arguments)), path


def test_each_table_of_the_results_says_how_it_was_made():
    sections = (ROOT / "examples/RESULTS.md").read_text().split("\n## ")
    with_table = [section for section in sections if "\n|---" in section]
    assert with_table
    for section in with_table:
        assert all(text in section for text in ("\n```bash\n", "\n- Machine: ", "\n- Measured: "))
