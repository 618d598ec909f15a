"""Who calls Odoo: one user reads, another may publish, each with a password or an API key of its
own. Settings flow in; names and credentials flow out.
"""

from __future__ import annotations

from connections.errors import SettingsError
from connections.settings import Settings


def credentials(settings: Settings, *, publish: bool = False) -> tuple[str, str]:
    """User and password of who reads, or of who publishes."""
    if publish and settings.odoo_publish_user:
        return settings.odoo_publish_user, settings.odoo_publish_password.get_secret_value()
    return settings.odoo_user, settings.odoo_password.get_secret_value()


def api_key(settings: Settings, *, publish: bool = False) -> str:
    """The API key of who reads, or of who publishes. Raises SettingsError where there is none."""
    own = settings.odoo_publish_api_key if publish else None
    is_other = settings.odoo_publish_user not in ("", settings.odoo_user)
    if publish and is_other and not own:
        # The reader's key would write under another name than the one that was set.
        raise SettingsError(
            f"ODOO_API=json2 needs a key of {settings.odoo_publish_user}:"
            " set ODOO_PUBLISH_API_KEY (of the importer: ODOO_IMPORT_API_KEY)"
        )
    key = (own or settings.odoo_api_key).get_secret_value().strip()
    if key:
        return key
    raise SettingsError("ODOO_API=json2 needs ODOO_API_KEY: a key of the Odoo user, of scope rpc")


def has_own_publisher(settings: Settings) -> bool:
    """Whether another Odoo user writes than the one that reads."""
    if settings.odoo_api == "json2":
        return api_key(settings, publish=True) != api_key(settings)
    return settings.odoo_publish_user not in ("", settings.odoo_user)


def name(settings: Settings, *, publish: bool = False) -> str:
    """What to call the user. An API key tells nobody's name, unless the settings do."""
    user = (publish and settings.odoo_publish_user) or settings.odoo_user
    return user or "the user of the API key"
