"""Names that the definitions and the command line both need, free of Dagster's slow imports."""

DEFINITIONS = "orchestration.definitions"
PUBLISH_OP = "publish_drafts"
DRAFTS_KEY = ("odoo", "draft_invoices")
