"""The one place that reads the environment. Environment, .env and <home>/sandbox.json flow in;
`Settings` flows out.

Field names are the names of the environment variables in lower case. What is not set is filled, a
whole source at a time, from the sandbox that `billing up` wrote down; a half-configured real source
is never completed with the sandbox's password.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn
from pydantic import Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from connections.errors import SettingsError
from connections.places import FOLDER
from connections.sandbox_state import sandbox_state

Source = Literal["warehouse", "nexacloud", "odoo"]
# Who looks at the finance pages: two database roles, finance_reader and finance_approver.
PageRole = Literal["reader", "approver"]

# Which fields belong to a source; the first one decides whether the source is configured.
SOURCE_FIELDS: dict[Source, tuple[str, ...]] = {
    "warehouse": ("warehouse_dsn", "warehouse_migrate_dsn"),
    "nexacloud": ("nexacloud_dsn",),
    "odoo": (
        *("odoo_url", "odoo_db", "odoo_user", "odoo_password", "odoo_api_key"),
        *("odoo_import_user", "odoo_import_password", "odoo_import_api_key"),
    ),
}


class Settings(BaseSettings):
    """What differs between deployments. Frozen: `load_settings(...)` makes another."""

    model_config = SettingsConfigDict(
        env_file=FOLDER / ".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    billing_home: Path = FOLDER / ".local"
    billing_pg_bin: Path | None = None
    billing_as_of: datetime | None = None
    billing_schema_prefix: str = Field(default="", pattern=r"^[a-z0-9_]*$")
    billing_automation: str = ""
    billing_heads: Path | None = None  # a file, out of reach of the warehouse's owner
    billing_look_seconds: int = Field(default=300, gt=0)
    billing_log_format: Literal["text", "json"] = "text"
    # A shadow order in Odoo per subscription, or one more per further deployment of it.
    billing_import_orders_per: Literal["subscription", "deployment"] = "subscription"

    warehouse_dsn: str = Field(default="", repr=False)
    # A login that may act for the owner of schema ops; without one the warehouse's own is it.
    warehouse_migrate_dsn: str = Field(default="", repr=False)
    warehouse_statement_timeout_seconds: int = Field(default=0, ge=0)

    nexacloud_dsn: str = Field(default="", repr=False)
    nexacloud_schema: str = "public"
    nexacloud_statement_timeout_seconds: int = Field(default=3600, ge=0)

    odoo_url: str = ""
    odoo_db: str = ""
    odoo_user: str = ""
    odoo_password: SecretStr = SecretStr("")
    # Which protocol: JSON-RPC with user and password, or JSON-2 with keys (the key says who calls).
    odoo_api: Literal["jsonrpc", "json2"] = "jsonrpc"
    odoo_api_key: SecretStr = SecretStr("")
    odoo_publish_user: str = ""
    odoo_publish_password: SecretStr = SecretStr("")
    odoo_publish_api_key: SecretStr = SecretStr("")
    # Who creates partners, products and draft orders; without one it is who publishes.
    odoo_import_user: str = ""
    odoo_import_password: SecretStr = SecretStr("")
    odoo_import_api_key: SecretStr = SecretStr("")
    odoo_company_id: int = Field(default=1, gt=0)
    odoo_timeout_seconds: float = Field(default=120, gt=0)
    odoo_page_size: int = Field(default=2000, gt=0)
    odoo_attempts: int = Field(default=5, gt=0)

    load_overlap_minutes: int = Field(default=60, ge=0)
    load_odoo_overlap_minutes: int = Field(default=10, ge=3)
    load_max_shrink_percent: int = Field(default=20, ge=0, le=100)

    # Lists by commas. Hosts as `host` or `host:port`: receivers on private networks, receivers
    # without TLS.
    webhook_private_hosts: str = ""
    webhook_http_hosts: str = ""
    webhook_ports: str = Field(default="443", pattern=r"^[0-9, ]*$")

    # The finance pages: a database user a role. A trusted header is off until named; lists: commas.
    dashboard_reader_dsn: str = Field(default="", repr=False)
    dashboard_approver_dsn: str = Field(default="", repr=False)
    dashboard_trusted_user_header: str = ""
    dashboard_trusted_groups_header: str = ""
    dashboard_oidc_groups_claim: str = "groups"
    dashboard_reader_groups: str = ""
    dashboard_approver_groups: str = ""
    dashboard_dagster_url: str = "http://127.0.0.1:3000"
    dashboard_url: str = "http://127.0.0.1:8501"
    alert_webhook_url: SecretStr = SecretStr("")
    alert_smtp_host: str = ""  # or host:port
    alert_smtp_user: str = ""
    alert_smtp_password: SecretStr = SecretStr("")
    alert_from: str = "billing@localhost"
    alert_to: str = ""
    report_folder: Path | None = None  # where month-end sheets go by themselves
    report_to: str = ""  # mail addresses, by commas; through ALERT_SMTP_HOST

    sandbox_scale: int = Field(default=0, ge=0)
    sandbox_postgres_port: int = 54329
    sandbox_odoo_port: int = 18069
    # Which of the two builds of 19.0 that were seen the stand-in plays.
    sandbox_odoo_build: Literal["first", "later"] = "first"

    _from_sandbox: frozenset[str] = PrivateAttr(default=frozenset())

    def is_sandbox(self, source: str) -> bool:
        """True where this source was filled from the embedded world, not configured by a person."""
        return source in self._from_sandbox

    def dsn(self, source: str) -> str:
        """The connection string of the warehouse or of a service's database, URI or key=value;
        raises SettingsError when unset.
        """
        dsn = self._of(source, "dsn")
        if not dsn:
            up = "run `billing up` or " if source in SOURCE_FIELDS else ""
            raise SettingsError(f"nothing configured for {source}: {up}set {source.upper()}_DSN")
        return dsn

    def is_configured(self, source: str) -> bool:
        """Whether `dsn` finds something."""
        return bool(self._of(source, "dsn"))

    def source_schema(self, service: str) -> str:
        """The schema of a service's own database in which its tables are."""
        return self._of(service, "schema") or "public"

    def _of(self, source: str, what: str) -> str:
        """<SOURCE>_DSN or <SOURCE>_SCHEMA. A service whose database was added later has no field
        here: the environment or .env says it.
        """
        name = f"{source}_{what}"
        field: str | None = getattr(self, name, None)
        return _named(name.upper()) if field is None else field

    def dsn_parts(self, source: str) -> dict[str, str]:
        """The connection string, parsed."""
        return _parsed(f"{source.upper()}_DSN", self.dsn(source))

    @property
    def migrate_dsn(self) -> str:
        """Whoever may migrate schema `ops` and say who decides."""
        if not self.warehouse_migrate_dsn:
            return self.dsn("warehouse")
        return make_dsn(**_parsed("WAREHOUSE_MIGRATE_DSN", self.warehouse_migrate_dsn))

    def page_dsn(self, role: PageRole) -> str:
        """Where the finance pages read or decide. In the sandbox the same warehouse as the role
        itself; elsewhere a user of its own, never the warehouse's owner.
        """
        variable = f"DASHBOARD_{role.upper()}_DSN"
        configured: str = getattr(self, variable.lower())
        if configured:
            return make_dsn(**_parsed(variable, configured))
        if not self.is_sandbox("warehouse"):
            raise SettingsError(
                f"the finance pages need a database user of their own: set {variable}"
                f" (a member of finance_{role}, see `billing roles`)"
            )
        parts = {k: v for k, v in self.dsn_parts("warehouse").items() if k != "password"}
        return make_dsn(**{**parts, "user": f"finance_{role}"})

    @property
    def as_of(self) -> datetime:
        """The instant that a run looks from: BILLING_AS_OF, else the sandbox's, else now, once per
        process.
        """
        return self.billing_as_of or _process_started_at()

    @property
    def automations(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.billing_automation.split(",") if name.strip())

    def as_importer(self) -> Settings:
        """The same, where the Odoo user that writes is the importer's."""
        importer = {
            f"odoo_publish_{part}": getattr(self, f"odoo_import_{part}")
            for part in ("user", "password", "api_key")
        }
        by_key = self.odoo_api == "json2" and self.odoo_import_api_key
        is_named = self.odoo_import_user or by_key
        return self.model_copy(update=importer) if is_named else self

    def schema(self, layer: str) -> str:  # type: ignore[override]
        """`marts` -> the schema it is built in. Sources (raw_*, ops) are never prefixed."""
        return f"{self.billing_schema_prefix}{layer}"

    def dbt_environment(self) -> dict[str, str]:
        """The variables that dbt_project/profiles.yml reads."""
        parts = self.dsn_parts("warehouse")
        environment = {
            "WAREHOUSE_HOST": parts.get("host", "127.0.0.1"),
            "WAREHOUSE_PORT": parts.get("port", "5432"),
            "WAREHOUSE_USER": parts.get("user", "postgres"),
            "WAREHOUSE_PASSWORD": parts.get("password", ""),
            "WAREHOUSE_DBNAME": parts.get("dbname", parts.get("user", "postgres")),
            "DO_NOT_TRACK": "1",
            # Keys of exceptions hold instants as text: they must not hang on the server's zone.
            "PGTZ": "UTC",
        }
        if "sslmode" in parts:
            environment["WAREHOUSE_SSLMODE"] = parts["sslmode"]
        return environment

    def secret(self, name: str) -> SecretStr:
        """A secret that configuration names (a webhook's signing key), from the environment or
        .env.
        """
        value = _named(name)
        if not value:
            raise SettingsError(f"the secret {name} is not set: put it in the environment or .env")
        return SecretStr(value)


def load_settings(**overrides: Any) -> Settings:
    """Settings from keyword overrides, the environment, .env and the sandbox, in this order of
    precedence.
    """
    try:
        given = Settings(**overrides)
        filled, sources = _sandbox_values(given)
        settings = Settings(**{**filled, **overrides}) if filled else given
    except ValidationError as error:
        raise SettingsError(_without_values(error)) from None
    if settings.billing_as_of is not None and settings.billing_as_of.tzinfo is None:
        raise SettingsError("BILLING_AS_OF needs a time zone, as in 2026-06-03T12:00:00+00:00")
    object.__setattr__(settings, "_from_sandbox", sources)
    return settings


def _sandbox_values(given: Settings) -> tuple[dict[str, Any], frozenset[str]]:
    """What sandbox.json says of the sources that nobody configured, and which these are."""
    state = sandbox_state(given.billing_home)
    values: dict[str, Any] = {}
    sources: set[str] = set()
    for source, fields in SOURCE_FIELDS.items():
        if getattr(given, fields[0]) or not state.get(fields[0]):
            continue
        if alone := [field.upper() for field in fields[1:] if getattr(given, field)]:
            raise SettingsError(
                f"{', '.join(alone)} set, {fields[0].upper()} not: whose are they? Set"
                f" {fields[0].upper()}, or unset them to use the sandbox's {source}"
            )
        sources.add(source)
        values |= {field: state[field] for field in fields if state.get(field)}
    # The sandbox's clock belongs to the sandbox's data: a real NexaCloud is looked at from now.
    if "nexacloud" in sources and given.billing_as_of is None and state.get("as_of"):
        values["billing_as_of"] = state["as_of"]
    return values, frozenset(sources)


def _without_values(error: ValidationError) -> str:
    """Which settings are wrong and why, without the values: one of them may be a password."""
    problems = (f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
    return "settings are wrong: " + "; ".join(problems)


def _parsed(variable: str, dsn: str) -> dict[str, str]:
    """A connection string's parts. A broken one is not repeated: it may hold a password."""
    try:
        return dict(parse_dsn(dsn))
    except psycopg2.ProgrammingError:
        raise SettingsError(
            f"{variable} does not parse: write postgresql://user:password@host:port/database"
            " or host=... dbname=... user=..."
        ) from None


def _named(variable: str) -> str:
    """A variable that no field stands for, from the environment or .env."""
    return os.environ.get(variable) or _dotenv().get(variable) or ""


def _dotenv() -> dict[str, str | None]:
    from dotenv import dotenv_values

    return dotenv_values(FOLDER / ".env")


@functools.cache
def _process_started_at() -> datetime:
    return datetime.now(UTC)
