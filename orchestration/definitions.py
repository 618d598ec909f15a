"""The table of contents of what Dagster runs. Nothing but Dagster and the tests loads this module.

raw_nexacloud/*, raw_odoo/*   copies of the sources            assets/copies.py
ops/*                         decisions and the ledger         assets/ledger.py
staging ... serving/*         what dbt decides, with tests     assets/models.py
months/*                      a month: rated, reconciled       assets/months.py
months/sheet                  its month-end sheet as files     assets/reports.py
odoo/draft_invoices           what goes out                    assets/drafts.py
odoo/shadow_import            what Odoo holds of the app       assets/imports.py
nexacloud/lifecycle_webhooks  what the apps are told           assets/webhooks.py
pages/*                       the finance pages                domains.py
jobs, schedules, sensors                                       automation.py
"""

import dagster as dg

from orchestration.assets.copies import copies
from orchestration.assets.drafts import draft_invoices
from orchestration.assets.imports import shadow_import
from orchestration.assets.ledger import ledger
from orchestration.assets.models import MANIFEST, dbt_resource, models
from orchestration.assets.months import month, publish_month
from orchestration.assets.reports import month_end_sheet
from orchestration.assets.webhooks import lifecycle_webhooks
from orchestration.automation import AUTOMATIONS, JOBS
from orchestration.checks import CHECKS
from orchestration.domains import page_assets
from orchestration.resources import NexaCloud, Odoo, Warehouse

defs = dg.Definitions(
    assets=[
        copies,
        *ledger(),
        models,
        month,
        draft_invoices,
        publish_month,
        month_end_sheet,
        lifecycle_webhooks,
        shadow_import,
        *page_assets(MANIFEST),
    ],
    asset_checks=CHECKS,
    jobs=JOBS,
    schedules=[each for each in AUTOMATIONS if isinstance(each, dg.ScheduleDefinition)],
    sensors=[each for each in AUTOMATIONS if isinstance(each, dg.SensorDefinition)],
    resources={
        "billing_warehouse": Warehouse(),
        "nexacloud": NexaCloud(),
        "odoo": Odoo(),
        "dbt_cli": dbt_resource(),
    },
    # A run has four long steps: a process each would cost more than it brings. Celery or Kubernetes
    # executors can replace this one line.
    executor=dg.in_process_executor,
)
