"""The one rule of the package: estimator -> training -> network -> kernels, never upward."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sksparse_mlp"
# From the top to the bottom: a folder imports from itself and from folders behind it.
ROOMS = ("_estimator", "_training", "_network", "_kernels")


def imported_by(file):
    """What a file imports of this package, from the top: ``["_kernels", "records", "Worker"]``."""
    folder = file.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level:
                module = [*folder[: len(folder) + 1 - node.level], *module]
            elif module[0] == PACKAGE.name:
                module = module[1:]
            else:
                continue
            yield from ([*module, alias.name] for alias in node.names)
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from (name[1:] for name in names if name[0] == PACKAGE.name)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_from_estimator_to_kernels_never_upward(room):
    allowed = ROOMS[ROOMS.index(room) :]
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert files
    for file in files:
        for found in imported_by(file):
            assert found[0] in allowed, f"{file.relative_to(PACKAGE)} imports {'.'.join(found)}"
