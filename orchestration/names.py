"""Names that the definitions and the command line both need, free of Dagster's slow imports."""

DEFINITIONS = "orchestration.definitions"

LOAD_OP = "load_sources"
BUILD_OP = "dbt_build"
PUBLISH_OP = "publish_drafts"
WEBHOOKS_OP = "send_webhooks"
IMPORT_OP = "import_into_odoo"
MONTH_OP = "look_at_a_month"
PUBLISH_MONTH_OP = "publish_a_month"
SHEET_OP = "send_month_end_sheet"

# Of each pool one step runs at a time, in all runs of this Dagster.
WAREHOUSE_POOL, ODOO_POOL, WEBHOOKS_POOL = "warehouse", "odoo", "webhooks"

DRAFTS_KEY = ("odoo", "draft_invoices")
WEBHOOKS_KEY = ("nexacloud", "lifecycle_webhooks")
IMPORT_KEY = ("odoo", "shadow_import")
