"""Where each service's events go, and with which secrets.

In: marts.dim_services (names of settings, never values) and the settings themselves.
Out: an endpoint that may be sent to, or an error that says what to fix.
"""

from dataclasses import dataclass, field

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection

from connections.settings import Settings
from publishers.webhooks.errors import WebhookConfigError
from publishers.webhooks.guard import GuardPolicy, Target, check_url
from publishers.webhooks.signature import split_secrets

ENDPOINTS = sql.SQL(
    "select service, is_webhook_enabled, webhook_url_name, webhook_secret_name"
    " from {}.dim_services order by service"
)


@dataclass(frozen=True)
class Endpoint:
    """A service's settings as the seed has them: names of environment variables."""

    service: str
    is_enabled: bool
    url_name: str | None
    secret_name: str | None


@dataclass(frozen=True)
class OpenEndpoint:
    """A URL that the guard has read, and the active secrets. Never shown: `target.shown` is."""

    service: str
    target: Target
    secrets: tuple[str, ...] = field(repr=False)


def read_endpoints(conn: connection, settings: Settings) -> dict[str, Endpoint]:
    """All services by code. Raises WebhookConfigError where the marts are not built."""
    with conn.cursor() as cursor:
        try:
            cursor.execute(ENDPOINTS.format(sql.Identifier(settings.schema("marts"))))
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName) as error:
            marts = settings.schema("marts")
            raise WebhookConfigError(
                f"{marts}.dim_services is not there: `billing run` makes it"
            ) from error
        return {row[0]: Endpoint(*row) for row in cursor.fetchall()}


def open_endpoint(settings: Settings, endpoint: Endpoint) -> OpenEndpoint:
    """Look the names up and judge the URL's text. Raises WebhookConfigError or WebhookRefused."""
    if not endpoint.url_name or not endpoint.secret_name:
        raise WebhookConfigError(
            f"service {endpoint.service} has webhooks enabled, but services.csv names no "
            "webhook_url_name or webhook_secret_name"
        )
    url = settings.secret(endpoint.url_name).get_secret_value().strip()
    secrets = settings.secret(endpoint.secret_name).get_secret_value()
    target = check_url(url, guard_policy(settings))
    return OpenEndpoint(endpoint.service, target, split_secrets(secrets, endpoint.secret_name))


def guard_policy(settings: Settings) -> GuardPolicy:
    """The guard's lists from WEBHOOK_PRIVATE_HOSTS, WEBHOOK_HTTP_HOSTS and WEBHOOK_PORTS."""
    return GuardPolicy(
        private_hosts=frozenset(_words(settings.webhook_private_hosts)),
        http_hosts=frozenset(_words(settings.webhook_http_hosts)),
        ports=frozenset(int(word) for word in _words(settings.webhook_ports)),
    )


def _words(text: str) -> list[str]:
    return text.lower().replace(",", " ").split()
