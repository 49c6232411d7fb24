"""The layers of the package, read from the imports in its source."""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "sksparse_mlp"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom to the top: a module imports from lower lines only.
LAYERS = (
    ("_cache",),
    (
        "_jit",
        "_simd",
        "_records",
        "_interrupt",
        "_defaults",
        "_compat",
        "_checks",
        "_checkpoint",
        "_explored",
        "_progress",
        "_sealing",
        "_sizes",
    ),
    ("_threads", "_random", "_inputs"),
    ("_activations", "_optimizers", "_loading", "_relevance"),
    ("_loss",),
    ("_forward",),
    ("_backward",),
    ("_kernels", "_topology"),
    ("_network",),
    ("_training",),
    ("_base", "_scores", "_direct", "_labels", "_validation"),
    ("classifier",),
    ("selection",),
    ("__init__",),
)
LEVEL = {module: level for level, layer in enumerate(LAYERS) for module in layer}
# They see a fitted estimator from outside, as its users do.
OUTSIDE = {"inspection", "plotting", "export"}
KNOWS_SKLEARN = {
    "_compat",
    "_base",
    "_direct",
    "_labels",
    "_validation",
    "classifier",
    "selection",
    "inspection",
    "plotting",
    "export",
    "datasets",
}

DEPENDENCIES = {"sklearn", "numpy", "scipy", "numba", "joblib"}
# What LLVM instructions are built with; Numba brings it along.
LLVM = {"_simd": {"llvmlite"}}
# What scikit-learn itself depends on to limit the threads of linear algebra.
THREADS = {"_direct": {"threadpoolctl"}}
# Optional packages, imported by the function that needs them.
OPTIONAL = {
    "datasets": {"pandas", "pooch", "requests", "urllib3"},
    "inspection": {"pandas"},
    "plotting": {"matplotlib"},
}

LONGEST = 500
LONGER = {
    "_simd.py": 600,  # one vector operation behind the other, with no order among them
    "classifier.py": 730,  # more than a third of it documents the parameters
}


class Import(NamedTuple):
    """``from module import name``, with the module written in full."""

    module: str
    name: str
    inside_function: bool

    @property
    def package(self):
        return self.module.partition(".")[0]

    @property
    def own_part(self):
        """Which part of this package is imported: ``sksparse_mlp.PART...``."""
        path = f"{self.module}.{self.name}".split(".")
        return path[1] if len(path) > 2 or self.name in LEVEL else "__init__"


def part_of(file):
    """A module's place in the package: its name, or that of its subpackage."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(file):
    folder = ["sksparse_mlp", *file.relative_to(PACKAGE).parts[:-1]]
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lazy = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", id(node) in lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) + 1 - node.level] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            yield from (Import(module, alias.name, id(node) in lazy) for alias in node.names)


def own_imports_of(file):
    return [found for found in imports_of(file) if found.package == "sksparse_mlp"]


def foreign_imports_of(file):
    ours = sys.stdlib_module_names | {"sksparse_mlp"}
    return [found for found in imports_of(file) if found.package not in ours]


def files_of(*parts):
    return [file for file in FILES if part_of(file) in parts]


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def named(files):
    return pytest.mark.parametrize(
        "file", files, ids=[file.relative_to(PACKAGE).as_posix() for file in files]
    )


def test_every_module_has_a_place():
    parts = {part_of(file) for file in FILES}
    assert parts <= LEVEL.keys() | OUTSIDE | {"datasets"}


@named(files_of(*LEVEL))
def test_imports_go_down_only(file):
    part = part_of(file)
    for found in own_imports_of(file):
        assert found.own_part == part or LEVEL[found.own_part] < LEVEL[part], found


@named(files_of(*OUTSIDE))
def test_what_looks_at_estimators_imports_nothing_of_their_insides(file):
    assert {found.own_part for found in own_imports_of(file)} <= OUTSIDE


@named(files_of(*OUTSIDE))
def test_what_looks_at_estimators_uses_public_attributes_only(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = node.value.id if isinstance(node.value, ast.Name) else "another object"
            assert owner in ("self", "cls"), f"{node.attr} of {owner} in line {node.lineno}"


@named(files_of("datasets"))
def test_data_sets_are_independent_of_the_rest(file):
    assert {found.own_part for found in own_imports_of(file)} <= {"datasets"}


@named(FILES)
def test_only_the_declared_dependencies_are_imported(file):
    part = part_of(file)
    for found in foreign_imports_of(file):
        allowed = DEPENDENCIES | LLVM.get(part, set()) | THREADS.get(part, set())
        if found.inside_function:
            allowed = allowed | OPTIONAL.get(part, set())
        assert found.package in allowed, found


@named([file for file in FILES if part_of(file) not in KNOWS_SKLEARN])
def test_the_network_and_its_training_know_no_sklearn(file):
    assert "sklearn" not in {found.package for found in foreign_imports_of(file)}


@named([file for file in FILES if part_of(file) != "_compat"])
def test_private_names_of_sklearn_are_imported_in_one_place(file):
    for found in foreign_imports_of(file):
        if found.package == "sklearn":
            path = [*found.module.split("."), found.name]
            assert not any(map(is_private, path)), found
            assert "callback" not in path, found


@named(FILES)
def test_no_kernel_uses_the_threads_of_numba(file):
    for node in ast.walk(ast.parse(file.read_text())):
        assert not (isinstance(node, ast.keyword) and node.arg == "parallel")
        assert not (isinstance(node, ast.Attribute) and node.attr == "prange")


@named(FILES)
def test_no_file_is_long(file):
    assert len(file.read_text().splitlines()) <= LONGER.get(file.name, LONGEST)
