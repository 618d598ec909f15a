"""The command line's manners: help with examples, exit codes, pure JSON, errors in one sentence."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.boundary import verb_name
from orchestration.cli import VERBS, app

verbs = [verb_name(target) for panel in VERBS.values() for target in panel]
Billing = Callable[..., Any]


@pytest.mark.parametrize("verb", verbs)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    answer = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    assert f"billing {verb}" in answer.output.split("Example", 1)[1]


def test_the_design_s_verbs_are_all_there() -> None:
    promised = [
        "up",
        "down",
        "status",
        "check",
        "load",
        "run",
        "reconcile",
        "lines",
        "approve",
        "reject",
        "publish",
        "readiness",
        "explain",
        "events",
        "demo",
        "ui",
    ]
    assert set(promised) <= set(verbs)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("load", "--only", "stripe"),
        ("reconcile", "--period", "May"),
        ("reconcile", "--period", "2026-13"),
        ("approve", "--all"),
        ("approve", "--by", "Dana Roy"),
        ("approve", "abc", "--all", "--by", "Dana Roy"),
        ("publish", "--limit", "0"),
        ("close-month", "May"),
        ("close-month", "2026-05", "--go"),
    ],
)
def test_a_command_written_wrong_ends_with_2(arguments: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == 2, answer.output


@pytest.mark.parametrize("verb", ["check", "load", "run", "reconcile", "lines", "publish"])
def test_with_nothing_configured_every_verb_says_what_to_do(billing: Billing, verb: str) -> None:
    answer = billing(verb)
    assert answer.code == 1
    assert "billing up" in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr + answer.stdout


def test_the_demo_never_runs_beside_a_real_source(billing: Billing) -> None:
    dsn = "postgresql://reader:secret@127.0.0.1:1/nexacloud"
    answer = billing("demo", NEXACLOUD_DSN=dsn)
    assert answer.code == 1
    assert "nexacloud is configured" in answer.stderr
    assert "secret" not in answer.stderr


def test_up_starts_what_is_not_configured_and_check_says_what_to_do(billing: Billing) -> None:
    """A real Odoo and nothing else: the two verbs must not send each other back."""
    odoo = {"ODOO_URL": "http://127.0.0.1:9", "ODOO_DB": "x", "ODOO_USER": "x"}
    before = billing("check", **odoo)
    assert before.code == 1
    assert "nothing configured for warehouse: run `billing up`" in before.stdout
    try:
        answer = billing("up", "--json", **odoo)
        assert answer.code == 0, answer.stderr
        runs = {part["part"]: part["runs"] for part in answer.json["parts"]}
        assert runs == {"postgres": True, "nexacloud": True, "odoo": False}
        assert billing("status", **odoo).code == 0
        found = billing("check", "--json", **odoo).json["findings"]
        broken = {each["source"] for each in found if each["status"] == "problem"}
        assert broken == {"odoo"}
    finally:
        billing("down", **odoo)


def test_up_has_nothing_to_start_where_all_is_configured(billing: Billing) -> None:
    dsn = "postgresql://reader:secret@127.0.0.1:1/x"
    odoo = {"ODOO_URL": "http://127.0.0.1:9", "ODOO_DB": "x", "ODOO_USER": "x"}
    answer = billing("up", WAREHOUSE_DSN=dsn, NEXACLOUD_DSN=dsn, **odoo)
    assert answer.code == 1
    assert "nothing to start" in answer.stderr
    assert "secret" not in answer.stderr


def test_a_dsn_s_password_is_in_no_error(billing: Billing) -> None:
    answer = billing("lines", WAREHOUSE_DSN="postgresql://owner:s3cr3t@127.0.0.1:1/warehouse")
    assert answer.code == 1
    assert "127.0.0.1:1/warehouse" in answer.stderr
    assert "s3cr3t" not in answer.stderr + answer.stdout


def test_dbt_by_hand_is_told_the_time_and_the_schemas(billing: Billing) -> None:
    """Without them dbt would build the sample's day, or in production beside a trial."""
    real = {"WAREHOUSE_DSN": "postgresql://owner@127.0.0.1:1/warehouse"}
    before = datetime.now(UTC)
    answer = billing("env", **real, BILLING_SCHEMA_PREFIX="try_")
    given = dict(shlex.split(line)[1].split("=", 1) for line in answer.stdout.splitlines())
    assert before < datetime.fromisoformat(given["BILLING_AS_OF"]) < datetime.now(UTC)
    assert given["BILLING_SCHEMA_PREFIX"] == "try_"
    dated = billing("env", **real, BILLING_AS_OF="2026-07-01T00:00:00+00:00").stdout
    assert "export BILLING_AS_OF=2026-07-01T00:00:00+00:00" in dated


def test_status_of_no_world_is_not_well(billing: Billing) -> None:
    answer = billing("status", "--json")
    assert answer.code == 1
    assert answer.json["is_up"] is False


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a process has loaded after a verb, beyond what Python starts with."""
    program = (
        "import sys; before = set(sys.modules); from typer.testing import CliRunner;"
        f"from orchestration.cli import app; answer = CliRunner().invoke(app, {arguments!r});"
        "assert answer.exit_code == 0, answer.output; print(*set(sys.modules) - before)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


def test_the_list_of_verbs_imports_no_verb() -> None:
    """A terminal waits for `--help`: psycopg2, Dagster and the publishers must not be loaded."""
    loaded = loaded_by("--help")
    assert loaded.isdisjoint({"psycopg2", "dagster", "dbt", "httpx", "pydantic"})
    assert [name for name in loaded if name.startswith("orchestration.commands.")] == []


def test_a_verb_loads_no_room_only_to_name_its_errors() -> None:
    """Loaders and webhooks cost `billing lines` a second before it asks anything."""
    assert loaded_by("lines", "--help").isdisjoint({"loaders", "httpx", "dagster", "dbt"})


def test_the_version_is_the_package_s() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert answer.output.strip() == f"billing {version('fusion-billing')}"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("billing", "re"), {"reconcile", "readiness", "reject", "revoke", "release"}),
        (("billing", "run", "--"), {"--period", "--publish", "--log-format", "--json"}),
    ],
)
def test_a_shell_completes_verbs_and_options(
    billing: Billing, typed: tuple[str, ...], offered: set[str]
) -> None:
    answer = billing(
        _BILLING_COMPLETE="complete_bash",
        COMP_WORDS=" ".join(typed),
        COMP_CWORD=str(len(typed) - 1),
    )
    assert offered <= set(answer.stdout.split())
