"""What holds for every source file: its dependencies, its length, where private names come from."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sksparse_mlp"
FILES = sorted(PACKAGE.rglob("*.py"))
DEPENDENCIES = {"sklearn", "numpy", "scipy", "numba", "joblib"}
# What LLVM instructions are built with; Numba brings it along.
BROUGHT_ALONG = {"_kernels/simd": {"llvmlite"}}
# Optional packages, imported by the function that needs them.
OPTIONAL = {
    "dask": {"dask", "distributed"},
    "datasets": {"pandas", "pooch"},
    "export.py": {"skl2onnx"},
    "inspection": {"pandas"},
    "plotting": {"matplotlib"},
}
# They see a fitted estimator from outside, as its users do.
OUTSIDE = ("inspection", "plotting", "export.py")
WITHOUT_SKLEARN = ("_training", "_network", "_kernels")
LONGEST = 400
# More than half of each documents the parameters.
LONGER = {
    "classifier.py": 735,
    "regressor.py": 470,
    "survival.py": 485,
}

# From the floor up: each imports what is below it, and nothing above.
FLOORS = ("_kernels", "_network", "_training", "_estimator")
LONGEST_FUNCTION = 50


def place_of(file):
    return file.relative_to(PACKAGE).as_posix()


def files_of(*places):
    return [file for file in FILES if place_of(file).startswith(places)]


def named(files):
    return pytest.mark.parametrize("file", files, ids=[place_of(file) for file in files])


def foreign_imports_of(file):
    """Names of all that is imported from elsewhere, in full, and whether a function does it."""
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lazy = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] not in sys.stdlib_module_names:
                yield name, id(node) in lazy


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def for_place(table, file):
    """What a table of places says of a file."""
    return set().union(*(v for place, v in table.items() if place_of(file).startswith(place)))


@named(FILES)
def test_only_the_declared_dependencies_are_imported(file):
    for name, inside_function in foreign_imports_of(file):
        allowed = DEPENDENCIES | for_place(BROUGHT_ALONG, file)
        if inside_function:
            allowed |= for_place(OPTIONAL, file)
        assert name.split(".")[0] in allowed, name


@named(files_of(*WITHOUT_SKLEARN))
def test_the_network_and_its_training_know_no_sklearn(file):
    assert "sklearn" not in {name.split(".")[0] for name, _ in foreign_imports_of(file)}


def own_imports_of(file):
    """Places in the package that a file imports from."""
    folder = file.parent.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = folder[: len(folder) - (node.level - 1)]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ("/".join((*place, *name.split("."))) for name in names)


@named(files_of(*FLOORS))
def test_imports_run_one_way(file):
    floor = place_of(file).split("/")[0]
    allowed = FLOORS[: 1 + FLOORS.index(floor)]
    for place in own_imports_of(file):
        assert place.split("/")[0] in allowed, place


def length_of(function):
    """Lines of a function, without its docstring and its signature."""
    first = function.body[1] if ast.get_docstring(function) and function.body[1:] else None
    start = (first or function.body[0]).lineno
    return function.end_lineno - start + 1


@named(FILES)
def test_no_function_is_long(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            assert length_of(node) <= LONGEST_FUNCTION, node.name


@named([file for file in FILES if place_of(file) != "_estimator/compat.py"])
def test_private_names_of_sklearn_are_imported_in_one_place(file):
    for name, _ in foreign_imports_of(file):
        path = name.split(".")
        if path[0] == "sklearn":
            assert not any(map(is_private, path)), name
            assert "callback" not in path, name


@named(files_of(*OUTSIDE))
def test_what_looks_at_estimators_uses_public_attributes_only(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = node.value.id if isinstance(node.value, ast.Name) else "another object"
            assert owner in ("self", "cls"), f"{node.attr} of {owner} in line {node.lineno}"


@named(files_of(*OUTSIDE, "datasets"))
def test_what_stands_beside_the_rooms_imports_nothing_of_their_insides(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > 1:
            beside = (node.module or "").split(".")[0]
            assert node.level == 2 and beside in ("inspection", "plotting"), ast.unparse(node)


@named(files_of("_kernels"))
def test_no_kernel_uses_the_threads_of_numba(file):
    for node in ast.walk(ast.parse(file.read_text())):
        assert not (isinstance(node, ast.keyword) and node.arg == "parallel")
        assert not (isinstance(node, ast.Attribute) and node.attr == "prange")


@named([file for file in FILES if not place_of(file).startswith("_kernels")])
def test_kernels_are_compiled_in_one_room(file):
    imported = {name.split(".")[0] for name, _ in foreign_imports_of(file)}
    assert "numba" not in imported


@named(FILES)
def test_no_file_is_long(file):
    assert len(file.read_text().splitlines()) <= LONGER.get(place_of(file), LONGEST)
