"""What an import did, or would do, for people and for machines.

In: proposals and outcomes. Out: an ImportReport, whose `as_json()` is the answer of `billing
import --json`, and whose counts add up: each record is counted once.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# In this order for people; a record that was to be created and failed counts as failed alone.
COUNTS = (
    "created", "updated", "archived", "restored", "unchanged", "skipped", "conflicts", "failed",
)  # fmt: skip
_COUNTED = {
    "create": "created", "update": "updated", "archive": "archived", "restore": "restored",
    "unchanged": "unchanged", "skip": "skipped", "conflict": "conflicts",
}  # fmt: skip
WRITING = ("create", "update", "archive", "restore")


@dataclass
class ImportReport:
    """Rows and counts of one run; `is_ok` is what the exit code says."""

    mode: str
    run_id: str
    dry_run: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    # Created or updated by another run at the same time: done, and not by this one.
    elsewhere: set[str] = field(default_factory=set)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stopped: str | None = None
    seconds: float = 0.0

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Kind -> what became of its records -> how many."""
        counted: dict[str, Counter[str]] = {}
        for row in self.rows:
            counted.setdefault(row["kind"], Counter())[self._outcome(row)] += 1
        return {kind: {name: n[name] for name in COUNTS} for kind, n in counted.items()}

    @property
    def totals(self) -> dict[str, int]:
        """The same over all kinds."""
        return {name: sum(each[name] for each in self.counts.values()) for name in COUNTS}

    @property
    def plan(self) -> str:
        """A hash over what is to be written: `--plan` carries out this and nothing else."""
        return plan_of(self.rows)

    @property
    def is_ok(self) -> bool:
        """False where a record failed, waits for a person, or the run is held."""
        return not (self.failed or self.stopped or self.totals["conflicts"])

    def _outcome(self, row: Mapping[str, Any]) -> str:
        if row["key"] in self.failed:
            return "failed"
        return "unchanged" if row["key"] in self.elsewhere else _COUNTED[row["action"]]

    def as_json(self) -> dict[str, Any]:
        """The machine-readable answer; its first keys are a contract."""
        return {
            "mode": self.mode,
            "dry_run": self.dry_run,
            **self.totals,
            "kinds": self.counts,
            "plan": self.plan,
            "left_out": dict(self.left_out),
            "notes": self.notes,
            "stopped": self.stopped,
            "is_ok": self.is_ok,
            "run_id": self.run_id,
            "seconds": round(self.seconds, 3),
            "rows": [
                row
                | {
                    "outcome": self._outcome(row),
                    "reason": self.failed.get(row["key"], row["reason"]),
                }
                for row in self.rows
            ],
        }


def plan_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Sixteen characters that change with anything that would be written."""
    writes = sorted(
        (row["key"], row["action"], json.dumps(row["changes"], sort_keys=True))
        for row in rows
        if row["action"] in WRITING
    )
    return hashlib.sha256(json.dumps(writes).encode()).hexdigest()[:16]
