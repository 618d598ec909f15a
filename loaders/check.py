"""`billing check`: would a load go well? Settings flow in; findings flow out. It imports nothing and changes nothing."""

from __future__ import annotations

from connections.settings import Settings
from loaders.report import CheckReport


def check(settings: Settings) -> CheckReport:
    return CheckReport()
