"""Publishing: approved lines become draft invoices in Odoo, each exactly once.

In: settings, and which lines are meant. Out: a PublishReport; with `go`, drafts in Odoo and their
rows in the ledger. The order is the safety: is the ledger as new as Odoo, finish what a dead run
left, look at what was published, then claim, send the frozen payload, read back, confirm.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4
from zoneinfo import ZoneInfo

from psycopg2.extensions import connection as Connection

from connections import odoo_users
from connections.builds import pinned
from connections.postgres import warehouse
from connections.settings import Settings
from publishers import (
    claims,
    control,
    credits,
    documents,
    evidence,
    ledger,
    report,
    restore,
    sending,
)
from publishers.documents import Held, Terms
from publishers.facts import OdooFacts
from publishers.freshness import stale_reason
from publishers.ledger import Publication, Run
from publishers.lines import Filters, Line, select
from publishers.ports import Ports
from publishers.preflight import read_facts
from publishers.report import PublishReport
from publishers.sending import BATCH_SIZE, WORKERS, Outcomes

# Invoices are dated by the company's day, not by UTC's.
INVOICE_TIME_ZONE = ZoneInfo("America/Toronto")
PAYMENT_DAYS = 30
# A batch for each worker, claimed while Odoo works on the last ones.
CLAIM_SIZE = WORKERS * BATCH_SIZE

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What one run works with."""

    settings: Settings
    filters: Filters
    limit: int | None
    payment_days: int
    run: Run
    progress: Progress
    ports: Ports

    @property
    def schema(self) -> str:
        """Where the marts are."""
        return self.settings.schema("marts")

    def terms(self, conn: Connection) -> Terms:
        """The dates of this run's documents."""
        today = self.settings.as_of.astimezone(INVOICE_TIME_ZONE).date()
        return Terms(today, self.payment_days, partial(claims.find_original, conn))


def publish(
    settings: Settings,
    *,
    go: bool = False,
    limit: int | None = None,
    period: str | None = None,
    service: str | None = None,
    line_keys: Sequence[str] = (),
    run_id: str | None = None,
    by: str | None = None,
    progress: Progress | None = None,
    payment_days: int = PAYMENT_DAYS,
    at: Callable[[str], None] | None = None,
) -> PublishReport:
    """Show what would be published, or with `go` publish it.

    `limit` is a number of documents, `period` the month in which the service period begins, as
    2026-05 (see connections.months); `progress` is called with a sentence, `at` with the name of a
    point of the work: tests break things there.
    Raises the errors of connections.errors where Odoo or the warehouse do not answer at all.
    """
    author = by or odoo_users.name(settings, publish=True)
    plan = Plan(
        settings=settings,
        filters=Filters(period=period, service=service, line_keys=tuple(line_keys)),
        limit=limit,
        payment_days=payment_days,
        run=Run(by=author, run_id=run_id or uuid4().hex, at=at or (lambda _point: None)),
        progress=progress or (lambda _sentence: None),
        ports=Ports(settings),
    )
    started = time.monotonic()
    with warehouse(settings) as conn:
        result = _publish(conn, plan) if go else _preview(conn, plan)
        if go and settings.billing_heads:
            evidence.keep_heads(conn, settings.billing_heads)
    result.seconds = time.monotonic() - started
    return result


def _preview(conn: Connection, plan: Plan) -> PublishReport:
    """The very documents of a run, and what it would find; nothing is written anywhere."""
    result = PublishReport(dry_run=True, run_id=plan.run.run_id)
    plan = _named(plan)
    result.stopped = _ledger_is_older(conn, plan)
    _look_back(conn, plan, result, Outcomes())
    lines, facts = _selected(conn, plan)
    result.notes = facts.notes(lines)
    result.stopped = result.stopped or _stopped(conn, plan, lines, facts)
    if result.stopped:
        return _summed_up(conn, result, Outcomes(), _all_held(lines, result.stopped))
    with conn, conn.cursor() as cursor:
        built, held = claims.judge(cursor, lines, facts, plan.terms(conn))
        built = built[: plan.limit]
        keys = claims.next_keys(cursor, built)
    result.documents = [report.planned(d, key) for d, key in zip(built, keys, strict=True)]
    result.documents += [report.held(waiting) for waiting in held]
    result.held = len(held)
    return result


def _publish(conn: Connection, plan: Plan) -> PublishReport:
    result = PublishReport(dry_run=False, run_id=plan.run.run_id)
    outcomes, held = Outcomes(), list[Held]()
    ledger.hold_run(conn, plan.run)
    plan = _named(plan)
    result.stopped = _ledger_is_older(conn, plan)
    if not result.stopped:
        # What a killed run left: the stored payload is sent again, and the answer judged.
        _send(conn, plan, iter([ledger.take_over(conn, plan.run)]), outcomes)
    _look_back(conn, plan, result, outcomes)
    lines, facts = _selected(conn, plan)
    result.notes = facts.notes(lines)
    result.stopped = result.stopped or _stopped(conn, plan, lines, facts)
    if result.stopped:
        held += _all_held(lines, result.stopped)
    else:
        _send(conn, plan, _claimed(conn, plan, lines, facts, held), outcomes)
    return _summed_up(conn, result, outcomes, held)


def _named(plan: Plan) -> Plan:
    """The plan with the Odoo user that will send."""
    with plan.ports.one() as port:
        return replace(plan, run=replace(plan.run, uid=port.uid))


def _ledger_is_older(conn: Connection, plan: Plan) -> str | None:
    with plan.ports.reader() as reader:
        return restore.reason(restore.unknown(conn, reader))


def _stopped(conn: Connection, plan: Plan, lines: Sequence[Line], facts: OdooFacts) -> str | None:
    """Why all of what is selected is held; where nothing is selected, nothing is held."""
    return facts.run_problem(plan.terms(conn).invoice_date) if lines else None


def _all_held(lines: Sequence[Line], reason: str) -> list[Held]:
    return [Held(group, tuple(members), reason) for group, members in documents.group_lines(lines)]


def _claimed(
    conn: Connection, plan: Plan, lines: Sequence[Line], facts: OdooFacts, held: list[Held]
) -> Iterator[list[Publication]]:
    """Claim what is selected, so many documents at a time, when the sender asks for more."""
    groups, left = documents.group_lines(lines), plan.limit
    while groups and left != 0:
        taken = CLAIM_SIZE if left is None else min(CLAIM_SIZE, left)
        chunk, groups = groups[:taken], groups[taken:]
        members = [line for _, group in chunk for line in group]
        plan.run.at("before_claim")
        keys, late = claims.claim(conn, plan.schema, members, facts, plan.terms(conn), plan.run)
        plan.run.at("after_claim")
        held += late
        left = None if left is None else left - len(keys)
        yield ledger.read(conn, "document_key = any(%s)", (keys,))


def _look_back(conn: Connection, plan: Plan, result: PublishReport, outcomes: Outcomes) -> None:
    """Before anything new: is what was published still what it was? A dry run only looks."""
    with plan.ports.reader() as reader:
        seen = control.control(
            conn, reader, plan.run, settled=outcomes.confirmed, is_dry=result.dry_run
        )
    result.unchanged = seen.unchanged
    result.alarms = seen.alarms


def _send(
    conn: Connection, plan: Plan, feed: Iterator[Sequence[Publication]], outcomes: Outcomes
) -> None:
    def progress() -> None:
        plan.progress(f"{outcomes.count} documents are settled")

    sending.send(conn, plan.ports, feed, plan.run, outcomes, progress)


def _selected(conn: Connection, plan: Plan) -> tuple[list[Line], OdooFacts]:
    with pinned(conn, plan.schema):
        lines = [*select(conn, plan.schema, plan.filters), *credits.publishable(conn, plan.filters)]
        stale = stale_reason(conn, plan.schema)
    with plan.ports.one() as port:
        return lines, replace(read_facts(port, lines), stale=stale)


def _summed_up(
    conn: Connection,
    result: PublishReport,
    outcomes: Outcomes,
    held: Sequence[Held],
) -> PublishReport:
    reasons = {**outcomes.quarantined, **outcomes.failed}
    found = ledger.read(conn, "document_key = any(%s)", (list(reasons),)) if reasons else []
    found += outcomes.confirmed.values()
    found.sort(key=lambda document: (document.row["claimed_at"], document.document_key))
    result.documents = report.from_ledger(found, reasons)
    result.documents += [report.held(waiting) for waiting in held]
    result.created = len(outcomes.confirmed)
    result.quarantined = len(outcomes.quarantined)
    result.failed = len(outcomes.failed)
    result.held = len(held)
    return result
