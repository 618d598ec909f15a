"""Which exceptions are ours: expected at a border, with a message that names the thing and how to
fix it.

Flows in: the exception classes of the rooms. Flows out: one tuple to catch at the outermost
boundary, and the answer to "may a second try help?".
"""

from __future__ import annotations

import psycopg2

from connections.errors import DatabaseUnreachable, OdooError, SettingsError
from loaders.errors import LoadError, LoadInProgress
from orchestration.command_error import CommandError
from orchestration.dbt import DbtError
from publishers.approvals import ApprovalError
from publishers.closings import ClosingError
from publishers.credits import CreditError
from publishers.gates import GateError
from publishers.identities import IdentityError
from publishers.importer.ledger import ImportRefused
from publishers.importer.records import NothingProposed
from publishers.ledger import AlreadyPublishing
from publishers.policies import PolicyError
from publishers.release import ReleaseError
from publishers.roles import MigrationError, RoleError
from publishers.webhooks.errors import WebhookError
from sandbox.processes import SandboxError

OURS: tuple[type[Exception], ...] = (
    SettingsError,
    DatabaseUnreachable,
    OdooError,
    LoadError,
    AlreadyPublishing,
    ApprovalError,
    ClosingError,
    CreditError,
    GateError,
    IdentityError,
    ImportRefused,
    MigrationError,
    NothingProposed,
    PolicyError,
    ReleaseError,
    RoleError,
    WebhookError,
    SandboxError,
    DbtError,
    CommandError,
    psycopg2.Error,
)


def is_transient(error: Exception) -> bool:
    """True where the same call may succeed later with nothing changed."""
    if isinstance(error, OdooError):
        return error.is_retryable
    return isinstance(error, DatabaseUnreachable | LoadInProgress | psycopg2.OperationalError)


def sentence(error: Exception) -> str:
    """The error as one paragraph for a terminal."""
    return str(error).strip() or type(error).__name__
