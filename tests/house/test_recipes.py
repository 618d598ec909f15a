"""Each recipe of docs/recipes fits the project as it is, works on a real database, and reverts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rating" / "support"))
import dbt_runs
from dbt_runs import AS_OF, Dbt, DbtFailed
from rating_world import World, fresh_world, kept_world, template_of
from recipes import FOLDER, MOST_FILES, Recipe, Tree, recipes

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

VARIABLES = {"as_of": AS_OF.isoformat()}
# What the models that recipes touch read, and what reads them.
READ = ("int_hypothesis_ratings", "invoice_lines_to_publish")
MAKE_RAW_TABLES = """
import sys, psycopg2
from loaders.schema import ensure_raw_tables
with psycopg2.connect(sys.argv[1]) as connection:
    ensure_raw_tables(connection)
"""
# Left out while no setting names it and it never was loaded; missed once it was.
LOAD_NEXADESK = """
import os, sys
from connections.settings import load_settings
from loaders import load
from loaders.sessions import AbsentSession
assert AbsentSession.fits("nexadesk", load_settings())
os.environ["NEXADESK_DSN"] = sys.argv[1]
load(load_settings(), only="nexadesk")
del os.environ["NEXADESK_DSN"]
assert not AbsentSession.fits("nexadesk", load_settings())
"""
USAGE_OF_NEXADESK = """
create table usage_records (
    id bigint primary key, subscription text, metric text, quantity numeric(20,6),
    window_start timestamptz, window_end timestamptz, idempotency_key text, created_at timestamptz
);
insert into usage_records values
    (1, 'S00042', 'chats', 3, '2026-05-03 12:00Z', '2026-05-03 13:00Z', 'a', '2026-05-03 13:01Z'),
    (2, 'S00042', 'chats', -1, '2026-05-03 13:00Z', '2026-05-03 14:00Z', 'b', '2026-05-03 14:01Z');
"""
NAMES = {
    *("source-column", "line-column", "metric-and-price", "charge-model", "cause"),
    *("own-database", "page", "alert"),
}

each_recipe = pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("recipes") / "project")


@pytest.fixture(scope="module")
def built(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    """A warehouse with all that the models of a recipe read; each call gives it anew."""
    dbt = template_of(cluster, tmp_path_factory.mktemp("target"))
    world = fresh_world(cluster, dbt)
    world.dbt.build(_missing(world), VARIABLES)
    return kept_world(cluster, world, "recipes_template")


def _missing(world: World) -> list[str]:
    """The models behind READ that the template does not have."""
    there = {row["relname"] for row in world.query("select relname from pg_class")}
    nodes, found = world.dbt.manifest.nodes, set[str]()
    left = {key for key, node in nodes.items() if node.name in READ}
    while left:
        node = nodes.get(left.pop())
        if node is not None and node.resource_type == "model" and node.name not in found:
            found.add(node.name)
            left |= set(node.depends_on.nodes)
    return sorted(found - there)


@pytest.fixture
def in_tree(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """dbt_runs reads the copy, and begins with the parse of the project that it is a copy of."""
    kept = tree.root / "target" / "tests"
    shutil.copytree(dbt_runs.KEPT / "parse", kept / "parse", dirs_exist_ok=True)
    monkeypatch.setattr(dbt_runs, "ROOT", tree.root)
    monkeypatch.setattr(dbt_runs, "KEPT", kept)
    return tree


def test_each_recipe_has_a_page() -> None:
    assert {recipe.name for recipe in recipes()} == NAMES
    assert {page.stem for page in FOLDER.glob("*.md")} - {"README"} == NAMES


@each_recipe
def test_a_recipe_touches_few_files_and_names_them(recipe: Recipe) -> None:
    """Its own tests are among them; the page tells each by its path."""
    assert 0 < len(recipe.files) <= MOST_FILES
    page = recipe.patch.with_suffix(".md").read_text()
    assert [file for file in recipe.files if file not in page] == []
    assert recipe.test_files or recipe.python_tests, "it brings a test"


@each_recipe
def test_a_recipe_works_and_reverts(
    recipe: Recipe, in_tree: Tree, built: Callable[[], World]
) -> None:
    """What it changes is built, and its tests pass."""
    before = in_tree.contents()
    world = built()
    dbt = Dbt(world.dsn, in_tree.root / "target" / "run")
    in_tree.apply(recipe)
    _python(in_tree, MAKE_RAW_TABLES, world.dsn)
    dbt.parse()
    changed = _changed(world.dbt.manifest, dbt.manifest)
    dbt.build(changed, VARIABLES, types=("seed", "model"))
    assert recipe.unit_tests <= _run_unit_tests(dbt, recipe.unit_tests)
    assert _pytest(in_tree, recipe) == pytest.ExitCode.OK
    in_tree.revert(recipe)
    assert in_tree.contents() == before


def test_a_recipe_without_its_change_fails(in_tree: Tree, built: Callable[[], World]) -> None:
    """The unit tests alone, all at once: each of them asks for what its recipe brings."""
    brought = set[str]().union(*(recipe.unit_tests for recipe in recipes()))
    with_unit_tests = [recipe for recipe in recipes() if recipe.unit_tests]
    for recipe in with_unit_tests:
        in_tree.apply(recipe, *(f"--include={file}" for file in recipe.test_files))
    dbt = Dbt(built().dsn, in_tree.root / "target" / "run")
    dbt.parse()
    with pytest.raises(DbtFailed) as failed:
        _run_unit_tests(dbt, brought)
    assert {name for name in brought if f"{name}: " not in str(failed.value)} == set()
    for recipe in with_unit_tests:
        in_tree.revert(recipe, *(f"--include={file}" for file in recipe.test_files))


@pytest.mark.parametrize(
    "recipe", [each for each in recipes() if each.python_tests], ids=lambda recipe: recipe.name
)
def test_a_test_without_what_its_recipe_brings_fails(recipe: Recipe, in_tree: Tree) -> None:
    only = [f"--include={file}" for file in recipe.python_tests]
    in_tree.apply(recipe, *only)
    assert _pytest(in_tree, recipe) == pytest.ExitCode.TESTS_FAILED
    in_tree.revert(recipe, *only)


def test_a_service_with_a_database_of_its_own_is_loaded(
    tree: Tree, built: Callable[[], World], cluster: Cluster, tmp_path: Path
) -> None:
    """By the loaders as the recipe leaves them, from a real database."""
    source, world = cluster.create_database("nexadesk"), built()
    with closing(psycopg2.connect(source)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(USAGE_OF_NEXADESK)
    recipe = next(recipe for recipe in recipes() if recipe.name == "own-database")
    tree.apply(recipe)
    home = str(tmp_path)
    _python(tree, LOAD_NEXADESK, source, WAREHOUSE_DSN=world.dsn, BILLING_HOME=home)
    tree.revert(recipe)
    loaded = world.query("select id, subscription, quantity from raw_nexadesk.usage_records")
    assert loaded == [{"id": 1, "subscription": "S00042", "quantity": 3}]
    rejected = world.query("select source, reason from ops.rejected_rows")
    assert rejected == [{"source": "nexadesk", "reason": "quantity is negative"}]


def _run_unit_tests(dbt: Dbt, names: set[str]) -> set[str]:
    """Run the unit tests of the models that these are of; return those that passed."""
    if not names:
        return set()
    dbt.parse()
    every = dbt.manifest.unit_tests.values()
    models = sorted({test.model for test in every if test.name in names})
    ran = dbt.unit_test(models, VARIABLES)
    return {result.node.name for result in ran.results if result.status == "pass"}


def _pytest(tree: Tree, recipe: Recipe) -> int:
    """Run the tests that it brings, in a process of its own, which imports the copy's packages."""
    if not recipe.python_tests:
        return pytest.ExitCode.OK
    options = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, *recipe.python_tests]
    return subprocess.run(command, cwd=tree.root, check=False).returncode


def _changed(plain: Any, patched: Any) -> list[str]:
    """Models and seeds that read otherwise, or promise other columns, than they did."""

    def says(node: Any) -> tuple[Any, ...]:
        columns = [(name, str(column.data_type)) for name, column in node.columns.items()]
        return node.checksum.checksum, columns

    return [
        node.name
        for key, node in patched.nodes.items()
        if node.resource_type in ("model", "seed")
        and (key not in plain.nodes or says(node) != says(plain.nodes[key]))
    ]


def _python(tree: Tree, code: str, *arguments: str, **variables: str) -> None:
    """Run code in a process of its own, which imports the copy's packages."""
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, cwd=tree.root, env={**os.environ, **variables}, check=True)
