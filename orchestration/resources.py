"""The systems that a run talks to, as Dagster's resources: what a deployment or a test may swap.

Flows in: fields that somebody set; what is empty comes from the environment (connections.settings),
so that no password stands in a run's configuration. Flows out: the Settings of one run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from connections.settings import Settings, load_settings
from orchestration.instance import alive


class _System(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A part of the settings; its fields bear their names."""

    def overrides(self) -> dict[str, Any]:
        """The fields that somebody set."""
        named = type(self).model_fields.keys() & Settings.model_fields.keys()
        given = {name: getattr(self, name) for name in named}
        return {name: value for name, value in given.items() if value}


class Warehouse(_System):
    """The PostgreSQL that everything is built in; `settings` is of it and the others."""

    warehouse_dsn: str = ""
    billing_schema_prefix: str = ""
    billing_home: str = ""
    billing_as_of: str = ""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Every run has a warehouse: while it has, it holds the lock that says that it lives."""
        if context.run is None:  # a sensor's look
            yield self
            return
        with alive(self.settings().billing_home, context.run.run_id):
            yield self

    def settings(self, *others: _System) -> Settings:
        """Settings by these systems; the environment says what they leave open."""
        given: dict[str, Any] = {}
        for system in (self, *others):
            given |= system.overrides()
        return load_settings(**given)


class NexaCloud(_System):
    """The app's database: read only, a replica where there is one."""

    nexacloud_dsn: str = ""
    nexacloud_schema: str = ""


class Odoo(_System):
    """Odoo, where partners and products are read and drafts are written."""

    odoo_url: str = ""
    odoo_db: str = ""
    odoo_user: str = ""
    odoo_password: str = ""
    odoo_api: str = ""
    odoo_api_key: str = ""
