"""demo --odoo: what the demo needs in a real, disposable Odoo.

Flows in: the Odoo that ODOO_* names, and a person's yes. Flows out: a home of its own for that
Odoo, the Canadian chart of accounts, and the sample's customers.
"""

from __future__ import annotations

import os
import re
from typing import Any

from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands import imports, world

CHART = "ca_2023"
WRITES = (
    "it creates seven customers and six draft invoices there, and where the company has no"
    " chart of accounts the Canadian one; it deletes nothing"
)
_NAMES = ("url", "db", "user", "password", "publish_user", "publish_password", "import_user",
          "import_password")  # fmt: skip


def at_home(settings: Settings, *, yes: bool) -> Settings:
    """The demo's settings for this Odoo; raises CommandError where a person did not mean it.

    A warehouse belongs to one Odoo, so each that is named gets a home of its own.
    """
    if not settings.odoo_url or settings.is_sandbox("odoo"):
        raise CommandError("--odoo wants an Odoo: set ODOO_URL, ODOO_DB, ODOO_USER, ODOO_PASSWORD")
    if settings.nexacloud_dsn and not settings.is_sandbox("nexacloud"):
        raise CommandError("NEXACLOUD_DSN is set: the demo bills its own sample, so unset it")
    if settings.warehouse_dsn and not settings.is_sandbox("warehouse"):
        raise CommandError("WAREHOUSE_DSN is set: the demo has a warehouse of its own, so unset it")
    where = f"database {settings.odoo_db} at {settings.odoo_url}"
    if not yes:
        raise CommandError(f"this writes to {where}: {WRITES}. If it is a test database, add --yes")
    render.stdout.print(f"[bold yellow]writes to {where}:[/] {WRITES}", highlight=False)
    name = re.sub(r"[^a-z0-9]+", "-", f"{settings.odoo_url}-{settings.odoo_db}".lower())
    home = settings.billing_home / f"demo-{name}"
    os.environ["BILLING_HOME"] = str(home)
    render.stdout.print(f"its home is [bold]BILLING_HOME={home}[/]", highlight=False)
    return load_settings()


def start_world(settings: Settings, *, fresh: bool) -> None:
    """NexaCloud and the warehouse, beside the Odoo that is there."""
    absent = {f"odoo_{name}": "" for name in _NAMES}
    world.start_world(load_settings(**absent, billing_home=settings.billing_home), fresh=fresh)


def prepare_company(settings: Settings) -> None:
    """Canadian dollars and the provinces' taxes; raises CommandError where there cannot be any."""
    port = OdooPort.connect(settings)
    names = ["name", "chart_template", "currency_id"]
    [company] = port.read("res.company", [port.company_id], names)
    if not company["chart_template"]:
        port.execute("account.chart.template", "try_loading", CHART, port.company_id)
        [company] = port.read("res.company", [port.company_id], names)
    provinces = [("auto_apply", "=", True), ("state_ids.code", "in", ["ON", "QC", "AB", "BC"])]
    positions = port.search("account.fiscal.position", provinces)
    currency = company["currency_id"][1]
    if currency != "CAD" or not positions:
        raise CommandError(
            f"company {company['name']} has chart {company['chart_template']!r} and currency"
            f" {currency}: the demo needs one in CAD with the taxes of Canada's provinces;"
            f" name it with ODOO_COMPANY_ID (chart {CHART}, module l10n_ca)"
        )


def import_customers(settings: Settings, by: str) -> dict[str, Any]:
    """The sample's customers, by the importer; whom Odoo knows already is not created again."""
    wanted = imports.dry_run(settings, False, [], None)["rows"]
    keys = [row["key"] for row in wanted if row["kind"] == "partner"]
    answer = imports.carry_out(settings, False, keys, None, by)
    imports.show(answer)
    if not answer["is_ok"]:
        raise CommandError("the customers are not in Odoo: see above")
    return answer
