"""Figures for whoever scrapes: OpenMetrics text.

Flows in: how the deployment stands. Flows out: one text, with a name, a help and a unit a figure;
it ends with `# EOF`, so that a cut one is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration.queries import Row
from orchestration.standing import standing

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class Gauge:
    """A figure: which rows of `standing` say it, in which column, told apart by which."""

    name: str
    help: str
    rows: str
    value: str
    labels: Sequence[str] = ()


GAUGES = (
    Gauge(
        "billing_load_age_seconds", "Seconds since the last successful load of a table.",
        "loads", "age_seconds", ("source", "table_name"),
    ),
    Gauge(
        "billing_load_read_rows", "Rows that the last load of a table read.",
        "loads", "read_count", ("source", "table_name"),
    ),
    Gauge(
        "billing_load_rejected_rows", "Rows that the last load of a table rejected.",
        "loads", "rejected_count", ("source", "table_name"),
    ),
    Gauge("billing_build_age_seconds", "Seconds since the build in use.", "builds", "age_seconds"),
    Gauge(
        "billing_build_passed", "1 where the last whole build passed, 0 where it failed.",
        "builds", "is_last_passed",
    ),
    Gauge(
        "billing_unexplained_amount", "Differences without a cause, absolute, net of tax.",
        "unexplained", "amount", ("service", "currency"),
    ),
    Gauge(
        "billing_open_exceptions", "Open exceptions by kind.", "exceptions", "number", ("kind",)
    ),
    Gauge(
        "billing_unpublished_approved_amount", "Approved lines that are not in Odoo, net of tax.",
        "unpublished", "amount", ("service", "currency"),
    ),
    Gauge(
        "billing_dead_letters", "Webhook events that were given up.",
        "dead_letters", "number", ("service",),
    ),
)  # fmt: skip


def open_metrics(settings: Settings) -> str:
    """All figures as they stand now. Raises where the warehouse cannot be reached."""
    with warehouse(settings) as conn:
        found = standing(conn, settings, *dict.fromkeys(gauge.rows for gauge in GAUGES))
    return exposition(found)


def exposition(found: Mapping[str, Sequence[Row]]) -> str:
    """Rows as OpenMetrics text."""
    lines = [line for gauge in GAUGES for line in _lines(gauge, found[gauge.rows])]
    return "\n".join([*lines, "# EOF", ""])


def _lines(gauge: Gauge, rows: Sequence[Row]) -> Iterator[str]:
    yield f"# TYPE {gauge.name} gauge"
    if unit := next((unit for unit in ("seconds",) if gauge.name.endswith(unit)), None):
        yield f"# UNIT {gauge.name} {unit}"
    yield f"# HELP {gauge.name} {gauge.help}"
    for row in rows:
        if row[gauge.value] is not None:
            yield f"{gauge.name}{_labels(gauge, row)} {_number(row[gauge.value])}"


def _labels(gauge: Gauge, row: Row) -> str:
    said = ",".join(f'{name}="{_escaped(row[name])}"' for name in gauge.labels)
    return f"{{{said}}}" if said else ""


def _escaped(value: object) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool | int) else format(value, "f")
