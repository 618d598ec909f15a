"""A generated NexaCloud whose invoices are wrong in known ways, and the truth about each of them.

Flows in: a seed, a number of subscriptions and of months. Flows out: the rows of a NexaCloud
database and a list that says, for each subscription and month, what was to be invoiced, what was,
and for which causes the two differ, to the cent. All of it is computed with Decimal in Python,
apart from the models that are to find it.

    python -m sandbox.faults --dsn DSN --seed 1 --subscriptions 2000 --months 6 --phase before
    (load: the loader keeps what it saw)
    python -m sandbox.faults --dsn DSN --seed 1 --subscriptions 2000 --months 6 --truth truth.json
    (load, build, compare marts.fct_reconciliation_causes with truth.json)

Two phases, because a source overwrites: `before` is the world before any plan was repriced or
swapped, and the default phase `after` is the world at as_of. The history between them is what the
loader keeps; a row that changed carries the instant of its change as `updated_at`, later than
every `updated_at` of `before`, so that incremental loads see it. Truth rows whose answer needs that
history say `needs_history`.

The months are those before as_of, in America/Toronto, calendar; policy `day`, first of repeated
idempotency keys wins, event time is window_start. Only `cpu_seconds` is metered. Nothing of the
catalogue is in Odoo (Sample.has_odoo_catalogue is False): every price comes from the app's plan.
Odoo needs the partners and links of the users alone; its seed takes `world.after`.

How the app writes an invoice, faults apart: one a subscription and month, in arrears, issued six
hours after the month's end; status open, paid or uncollectible. For each plan held one item `base`
(`proration` where less than the month was held) whose description begins with the plan's code and a
colon, with quantity = fraction (6 decimals) and unit_price = the plan's price; and one item `usage`
where there is overage, with quantity = billable units and unit_price = the overage price. Every
item carries the period that it charges: the invoice's, or its plan's part of it. Items `tax` add
up to invoices.tax, all others to invoices.subtotal.

Which stored fact proves which cause; `amount` is the cause's part of delta = expected - actual:

void_or_credit     (a) the period's only invoice is void: amount = +its subtotal. A void invoice
                   beside a counted one of the same period was replaced, and explains nothing.
                   (b) an item `credit` with a negative amount: amount = minus that.
duplicate_invoice  a second counted invoice of the same subscription with equal periods, equal
                   items and another number: amount = -the later one's subtotal.
one_off            an item `one_off` in a subscription's invoice: amount = -that.
tax_included       invoices.tax = 0 and no item `tax`, though the customer's province taxes, and
                   each item's amount is round(net x (1 + sum of rates)); so net is
                   round(amount / (1 + sum of rates)). amount = -(sum of amounts - sum of nets).
plan_mismatch      the base item names (code before the colon, unit_price) a plan that the
                   subscription did not hold, or only one of the two that it held in the month:
                   re-rate all the held time of the period with the plan that is named.
price_version      the plan was repriced (price, included quantity and overage price together, at a
                   month's first instant), and the items carry the other version's prices: re-rate
                   with the other stored version of the same plan (older, or newer too early).
boundary           the items' period is not ours: the month in UTC (zone), or the month from the
                   day on which the subscription began (anchor): re-rate with the usage whose
                   window_start is in the item's period. Only where the whole month was held, so
                   base fee and included quantity stay whole.
proration          less than the month was held, and the app prorated base fee and included quantity
                   by `second`, or not at all (`none`): re-rate with the other policy.
quota              the app gave no included quantity at all (`zero`), or the whole of it for a part
                   of the month (`unprorated`): re-rate with that.
missing_usage      (a) the invoice has no item `usage` though overage is due: re-rate with none;
                   (b) usage of the period was written (created_at) after the invoice was issued
                   (issued_at): re-rate without what came late.
quantity           the item `usage` has another quantity than ours and nothing above tells why:
                   re-rate with the item's quantity as billable units. So missing_usage goes before
                   quantity where both reach.
rounding           the app cut its amounts off instead of rounding them: up to one cent a line (an
                   item base, proration or usage) remains after everything else.

Facts are peeled first, in the order above, down to tax_included; then hypotheses are tried on the
invoice without what was peeled (for a void one: on what it said). A pair's amounts are a bridge in
that order: expected - rated(first), rated(first) - rated(first and second). A hypothesis that the
order prefers and that would reach as well was excluded when the fault was injected, so each truth
is the only smallest set. `unexplained` keys are the control: an item's amount is simply wrong,
while its quantity and unit price are right; no cause may be claimed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import psycopg2

from sandbox import nexacloud
from sandbox.fault_world.build import World, build_world

__all__ = ["World", "build_world", "truth_json"]


def truth_json(world: World, seed: int) -> str:
    """Write the truth as JSON: amounts are strings, times ISO 8601 in UTC."""
    kinds = Counter(row["kind"] for row in world.truth)
    content = {
        "seed": seed,
        "as_of": world.after.as_of,
        "counts": dict(sorted(kinds.items())),
        "keys": world.truth,
        "one_offs": world.one_offs,
    }
    return json.dumps(content, indent=1, default=_plain) + "\n"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def main(arguments: list[str] | None = None) -> None:
    """Fill a NexaCloud database with one phase of a world, and write the truth beside it."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.faults", description=main.__doc__)
    parser.add_argument("--dsn", required=True, help="the NexaCloud database, as its owner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subscriptions", type=int, default=2000)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--phase", choices=("before", "after"), default="after")
    parser.add_argument("--truth", type=Path, help="the file to write the truth to")
    options = parser.parse_args(arguments)
    world = build_world(options.seed, options.subscriptions, options.months)
    sample = world.before if options.phase == "before" else world.after
    with closing(psycopg2.connect(options.dsn)) as connection, connection:
        nexacloud.ensure_tables(connection)
        counts = nexacloud.merge(connection, sample)
    if options.truth:
        options.truth.write_text(truth_json(world, options.seed))
    said = ", ".join(f"{count} {table}" for table, count in counts.items())
    print(f"{options.phase}: {said}")  # noqa: T201


if __name__ == "__main__":
    main()
