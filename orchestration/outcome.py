"""What a run did, free of Dagster's slow imports.

Flows in: counts and sentences. Flows out: an Outcome that the command line shows, or raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connections.settings import Settings
from orchestration.command_error import CommandError


@dataclass
class Outcome:
    """What a run did. `failures` are sentences; a check that only warns is in `warnings`."""

    job: str
    run_id: str
    succeeded: bool
    materialized: int = 0
    checks_passed: int = 0
    seconds: float = 0.0
    log: Path = Path()
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)

    def raise_if_failed(self) -> Outcome:
        """Raise CommandError with every failure's sentence and the way to the whole story."""
        if self.succeeded and not self.failures:
            return self
        said = "\n".join(f"  - {failure}" for failure in self.failures) or "  - no step ran"
        raise CommandError(
            f"run {self.job} failed:\n{said}\n  log: {self.log}; in `billing ui`: run {self.run_id}"
        )


def execute(settings: Settings, job: str, config: Mapping[str, Any] | None = None) -> Outcome:
    """Run a Dagster job in this process; Dagster is imported only now."""
    from orchestration.runs import execute as execute_in_dagster

    return execute_in_dagster(settings, job, config)
