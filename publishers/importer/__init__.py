"""The importer: NexaCloud's customers, catalogue and subscriptions in Odoo, as a shadow.

In: `serving.odoo_import_proposals`, what Odoo holds, and what we wrote there. Out: a report, and
with `go` partners, account links, products, charges and draft orders. It bills nothing: orders stay
drafts, plan_id stays empty, no payment token is touched (guard.py allows nothing else).
"""

from publishers.importer.ledger import ImportRefused
from publishers.importer.report import ImportReport
from publishers.importer.reversal import prune, undo
from publishers.importer.running import run_import
from publishers.importer.taking import take
from publishers.importer.trial import Trial, try_connection

__all__ = [
    "ImportRefused",
    "ImportReport",
    "Trial",
    "prune",
    "run_import",
    "take",
    "try_connection",
    "undo",
]
