"""Whatever is typed after a verb is answered: a result, or one sentence; never a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestration.cli import app

# What a verb takes, with X for what is typed. Nothing has such a key or name.
WHO = ("--by", "fay", "--why", "seen")
QUESTIONS = (
    ("explain", "X"),
    ("explain", "X", "--json"),
    ("lines", "--period", "X"),
    ("lines", "--service", "X"),
    ("lines", "--subscription", "X", "--json"),
    ("reconcile", "--period", "X", "--service", "X"),
    ("exceptions", "--acknowledge", "X", *WHO),
    ("exceptions", "--service", "X", "--json"),
    ("readiness", "--accept", "X", *WHO),
    ("readiness", "--open", "X", "--from", "X", *WHO),
    ("approve", "X", *WHO),
    ("approve", "x", "--by", "X"),
    ("credit", "X", "--amount", "1", *WHO),
    ("credit", "x", "--amount", "X", *WHO),
    ("events", "--replay", "X"),
    ("publish", "--period", "X", "--limit", "X"),
)
NASTY = st.sampled_from(
    [
        "", "%", "_", "%s", "%(month)s", "{}", "[bold]", "[/]", "'", '"', "\\", ";--", "0000-01",
        "9999-12", "٢٠٢٦-٠٥", "2026-05", "1e30", "NaN", "-1", "999999999999999999999999",
        "\udcff", "\u202e", "a\x00b", "x" * 20_000, "\n", "\t", "--help", "-", "=1+1",
    ]
)  # fmt: skip
TYPED = NASTY | st.text(max_size=20)


@pytest.fixture
def environment(
    built_sample: Any, database: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A copy of the built sample; nothing else is configured."""
    from recon_world import OWNER, TEMPLATE

    assert built_sample
    return {
        "WAREHOUSE_DSN": database(TEMPLATE, OWNER),
        "BILLING_HOME": str(tmp_path_factory.mktemp("home")),
        "BILLING_AS_OF": "2026-06-03T12:00:00+00:00",
        "COLUMNS": "80",
    }


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(question=st.sampled_from(QUESTIONS), typed=TYPED)
@example(question=("explain", "X"), typed="\udcff")
@example(question=("approve", "X", *WHO), typed="")
@example(question=("explain", "X", "--json"), typed="--help")
@example(question=("explain", "X"), typed="a\x00b")
@example(question=("lines", "--period", "X"), typed="٢٠٢٦-٠٥")
@example(question=("credit", "x", "--amount", "X", *WHO), typed="NaN")
def test_any_argument_is_answered(
    environment: dict[str, str], question: tuple[str, ...], typed: str
) -> None:
    arguments = [typed if part == "X" else part for part in question]
    answer = CliRunner().invoke(app, arguments, env=environment)
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    assert answer.exit_code in (0, 1, 2)
    if not typed:
        assert answer.exit_code == 2
    if answer.exit_code == 0 and "--json" in arguments and "--help" not in arguments:
        json.loads(answer.stdout)
