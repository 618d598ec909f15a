"""Settings from the environment, and sessions to NexaCloud, Odoo and the warehouse. The only room
that reads env.
"""

from connections.errors import (
    DatabaseUnreachable,
    OdooAccessError,
    OdooError,
    OdooLoginError,
    OdooModelMissing,
    OdooPermanentError,
    OdooUnknownOutcome,
    OdooUnreachable,
    OdooVersionError,
    SettingsError,
)
from connections.settings import Settings, load_settings

__all__ = [
    "DatabaseUnreachable",
    "OdooAccessError",
    "OdooError",
    "OdooLoginError",
    "OdooModelMissing",
    "OdooPermanentError",
    "OdooUnknownOutcome",
    "OdooUnreachable",
    "OdooVersionError",
    "Settings",
    "SettingsError",
    "load_settings",
]
