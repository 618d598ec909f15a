"""dbt in this process. The project is parsed once for all processes, databases and sessions.

In: the project's files as they are. Out: builds of parts of it in one database. What a parse made
is kept in target/tests under a hash of those files, so that only a change of theirs costs a parse.
"""

from __future__ import annotations

import copy
import fcntl
import hashlib
import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn
from quick_dbt import quick_dbt

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "target" / "tests"
AS_OF = datetime(2026, 6, 3, 12, tzinfo=UTC)
STAGING = "path:dbt_project/models/staging"
# The database that the kept parse names; each user's own replaces it.
PARSED_DATABASE = "parsed_for_tests"
# No log and few threads: two processes share two cores, and who fails says why by itself.
QUIET = ("--quiet", "--no-write-json", "--log-level", "none", "--log-level-file", "none")
QUIET += ("--threads", "2")


class DbtFailed(AssertionError):
    """A dbt invocation that did not succeed, with what it said."""


class Dbt:
    """dbt in this process over one database: every run reuses what was parsed."""

    def __init__(self, dsn: str, target: Path) -> None:
        self.dsn = dsn
        self.target = target
        self._manifest: Any = None

    def parse(self) -> None:
        """Take the project's parse, for this database. A schema prefix needs one of its own."""
        self._manifest = parsed()
        _move(self._manifest, parse_dsn(self.dsn)["dbname"])

    @property
    def manifest(self) -> Any:
        """What `parse` took; dbt's own class."""
        return self._manifest

    def build(
        self,
        select: Sequence[str],
        variables: Mapping[str, Any],
        types: Sequence[str] = ("model",),
        *,
        full_refresh: bool = False,
    ) -> Any:
        """Build what `select` names. Raises DbtFailed with the messages of what failed."""
        arguments = ["build", "--select", *select, "--vars", json.dumps(dict(variables))]
        if types == ("model",) and "schema_prefix" not in variables:
            arguments += ["--exclude", STAGING]  # views: in the template
        for kind in types:
            arguments += ["--resource-type", kind]
        return self._invoke(
            [*arguments, *(["--full-refresh"] if full_refresh else [])],
            self._manifest and _without_unasked_tests(self._manifest, select, types),
        )

    def unit_test(self, models: Sequence[str], variables: Mapping[str, Any]) -> Any:
        """Run the unit tests of models, whose parents must be there; raises as `build` does."""
        select = [f"{name},test_type:unit" for name in models]
        given = ["--vars", json.dumps(dict(variables))]
        return self._invoke(["test", "--select", *select, *given], self._manifest)

    def _invoke(self, arguments: list[str], manifest: Any = None) -> Any:
        from dbt.cli.main import dbtRunner

        flags = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT / "dbt_project")]
        flags += ["--target-path", str(self.target), "--log-path", str(self.target), *QUIET]
        with self._environment(), quick_dbt():
            outcome = dbtRunner(manifest=manifest).invoke([*arguments, *flags])
        if not outcome.success:
            raise DbtFailed(_failures(outcome))
        return outcome.result

    @contextmanager
    def _environment(self) -> Iterator[None]:
        parts = parse_dsn(self.dsn)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**parts, "password": parts.get("password", "")}.items():
                patch.setenv(f"WAREHOUSE_{name.upper()}", str(value))
            patch.setenv("DO_NOT_TRACK", "1")
            patch.setenv("BILLING_SCHEMA_SUFFIX", "")  # in place: nobody reads a world meanwhile
            patch.setenv("BILLING_AS_OF", AS_OF.isoformat())  # where a test hands no var over
            yield


def _failures(outcome: Any) -> str:
    results = getattr(outcome.result, "results", None) or []
    said = [
        f"{result.node.name}: {result.status}: {result.message}"
        for result in results
        if result.status not in ("success", "pass", "skipped")
    ]
    return "\n".join(said) or str(outcome.exception)


# ------------------------------------------------------------------------------------- the parse


def digest() -> str:
    """What the project's files say, and by which dbt they are read."""
    from dbt.version import __version__

    files = sorted(path for path in (ROOT / "dbt_project").rglob("*") if path.is_file())
    hashed = hashlib.sha256(__version__.encode())
    for path in (ROOT / "dbt_project.yml", *files):
        hashed.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return hashed.hexdigest()[:16]


@contextmanager
def kept(name: str) -> Iterator[Path]:
    """A place in target/tests for what is made once of the project as it is; others wait."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        place = KEPT / f"{name}-{digest()}"
        yield place
        for other in KEPT.glob(f"{name}-*"):
            if other != place:
                other.unlink()


def parsed() -> Any:
    """The manifest of the project as it is: the one that was kept, else a parse of what changed."""
    with kept("manifest") as place:
        if not place.exists():
            address = f"postgresql://nobody@127.0.0.1:1/{PARSED_DATABASE}"  # a parse asks nobody
            draft = place.with_suffix(".new")
            draft.write_bytes(pickle.dumps(Dbt(address, KEPT / "parse")._invoke(["parse"])))
            draft.rename(place)
        manifest = pickle.loads(place.read_bytes())
        _forget_lookups(manifest)
        return manifest


def _forget_lookups(manifest: Any) -> None:
    """dbt's own copy and pickle of a manifest mix up its lookups, which it makes when it needs."""
    for name in vars(manifest):
        if name.endswith("_lookup"):
            setattr(manifest, name, None)


def _move(manifest: Any, database: str) -> None:
    """Name another database, in which dbt makes and finds every relation."""
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        if node.relation_name is not None:
            node.relation_name = node.relation_name.replace(node.database, database, 1)
        node.database = database


def _without_unasked_tests(manifest: Any, select: Sequence[str], types: Sequence[str]) -> Any:
    """The manifest without the tests that no name asks for: dbt orders them, then leaves them out.

    That costs more than half of what dbt itself costs a build. A selector that is not a test's
    name keeps them all.
    """
    tests = {node.name for node in manifest.nodes.values() if node.resource_type == "test"}
    if not tests.issuperset(select) and {"test", "unit_test"} & set(types):
        return manifest
    asked = copy.copy(manifest)
    asked.fixtures = manifest.fixtures
    _forget_lookups(asked)
    asked.nodes = {
        key: node
        for key, node in manifest.nodes.items()
        if node.resource_type != "test" or node.name in select
    }
    asked.unit_tests, asked.exposures = {}, {}
    return asked
