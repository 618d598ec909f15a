"""Names that the definitions and the command line both need, free of Dagster's slow imports."""

DEFINITIONS = "orchestration.definitions"

LOAD_OP = "load_sources"
BUILD_OP = "dbt_build"
PUBLISH_OP = "publish_drafts"
WEBHOOKS_OP = "send_webhooks"
IMPORT_OP = "import_into_odoo"

DRAFTS_KEY = ("odoo", "draft_invoices")
WEBHOOKS_KEY = ("nexacloud", "lifecycle_webhooks")
IMPORT_KEY = ("odoo", "shadow_import")
