"""What a load did, for people and machines. Counts flow in; `LoadReport` and its JSON flow out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Progress:
    """A sign of life from a long copy. `total` and `eta_seconds` are None where the source gives no
    estimate; `doing` says what else than copying goes on.
    """

    table: str
    rows: int
    total: int | None
    rows_per_second: float
    eta_seconds: float | None
    is_done: bool = False
    doing: str = ""


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True)
class TableTotals:
    """Count and sums of the numeric columns over one set of rows, to hold two copies of it side by
    side.
    """

    rows: int
    sums: dict[str, Decimal] = field(default_factory=dict)


@dataclass
class TableReport:
    """One table of one load. `read` = created + updated + unchanged + rejected.

    `compared` says over which rows source and warehouse were counted and summed: 'table', 'window',
    or '' where the source has no snapshot to compare with (Odoo).
    """

    source: str
    table: str
    mode: str
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    seconds: float = 0.0
    bytes: int = 0
    watermark_from: datetime | None = None
    watermark: datetime | None = None
    compared: str = ""
    source_totals: TableTotals | None = None
    raw_totals: TableTotals | None = None
    plan: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"raw_{self.source}.{self.table}"

    def as_json(self) -> dict[str, Any]:
        keys = ("table", "read", "created", "updated", "unchanged", "rejected", "deleted")
        return {
            "source": self.source,
            **{key: getattr(self, key) for key in keys},
            "seconds": round(self.seconds, 3),
            "bytes": self.bytes,
            "mode": self.mode,
            "watermark": self.watermark.isoformat() if self.watermark else None,
            "notes": self.notes,
        }


def why_whole(columns: Iterable[str]) -> str:
    return f"read for the first time: {', '.join(sorted(columns))}; so the table was read whole"


@dataclass
class LoadReport:
    """All tables of one load. `notes` are what a person should know and nothing stopped for."""

    run_id: str
    is_dry_run: bool
    tables: list[TableReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        return sum(table.rejected for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "dry_run": self.is_dry_run,
            "tables": [table.as_json() for table in self.tables],
            "notes": self.notes,
        }


@dataclass(frozen=True)
class CheckFinding:
    """One line of `billing check`. `status`: ok, note (works, worth knowing), problem (a load would
    stop).
    """

    source: str
    subject: str
    status: str
    detail: str


@dataclass
class CheckReport:
    """What `billing check` found. It imports nothing."""

    findings: list[CheckFinding] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        return all(finding.status != "problem" for finding in self.findings)

    def add(self, source: str, subject: str, status: str, detail: str) -> None:
        self.findings.append(CheckFinding(source, subject, status, detail))

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.is_ok, "findings": [asdict(finding) for finding in self.findings]}
