"""How one load is to be done. Arguments flow in; one frozen object that every step carries flows
out.
"""

from __future__ import annotations

from dataclasses import dataclass

from connections.settings import Settings
from loaders.merge import ShrinkGuard
from loaders.report import ProgressCallback


@dataclass(frozen=True)
class LoadOptions:
    """`full`: read everything, compare, repair. `dry_run`: count what would happen, no more."""

    settings: Settings
    run_id: str
    full: bool = False
    dry_run: bool = False
    allow_shrink: bool = False
    progress: ProgressCallback | None = None

    @property
    def guard(self) -> ShrinkGuard:
        return ShrinkGuard(self.settings.load_max_shrink_percent, is_off=self.allow_shrink)
