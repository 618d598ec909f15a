"""Copy in, change nothing. NexaCloud and Odoo flow in; raw_nexacloud and raw_odoo flow out."""

from loaders.checking import check
from loaders.errors import LoadError, PreflightError
from loaders.loading import load
from loaders.report import CheckReport, LoadReport, Progress, TableReport

__all__ = [
    "CheckReport",
    "LoadError",
    "LoadReport",
    "PreflightError",
    "Progress",
    "TableReport",
    "check",
    "load",
]
