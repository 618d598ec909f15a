"""The judge of the publishing machine: is anything billed twice, or lost, without anybody told?

In: what is right, what Odoo holds, what the ledger says, what stands proposed, and the alarms. Out:
every stretch of service time that breaks a law. Stretches that overlap are judged together, since a
boundary that moved makes one stretch of two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from batch_sources import AppInvoice
from batch_world import BatchWorld
from billed_company import Right, Subscription, rights
from odoo_holdings import Holdings, Stretch

# Alarms about what is gone from Odoo, or as it was not sent: no excuse for too much of the rest.
OF_WHAT_IS_GONE = frozenset({None, "deleted", "cancelled", "posted_by_bot", "edited"})
GONE = frozenset({"deleted", "cancelled"})
TWICE, LOST, UNPUBLISHED = "held twice", "lost", "never published"


class Problem(NamedTuple):
    """A broken law: whose time, and what exactly."""

    law: str
    subscription: str
    says: str


class Cluster(NamedTuple):
    """Overlapping time of one charge of one subscription, and all that is said of it."""

    subscription: str
    charge: str
    start: datetime
    right: list[Right]
    odoo: list[Stretch]
    ledger: list[Stretch]
    proposed: list[Stretch]

    @property
    def end(self) -> datetime:
        rows = (*self.right, *self.odoo, *self.ledger, *self.proposed)
        return max(row.end for row in rows)


class Named(NamedTuple):
    """An open exception that blocks: its kind, and the period that it is about, if any."""

    kind: str
    period_start: datetime | None


@dataclass
class Alarms:
    """Whom and what the product names as wrong: only what blocks, and what ends a run in error."""

    named: dict[str, list[Named]] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def excuse(self, cluster: Cluster, customer: str, is_app: bool) -> str | None:
        """Which alarm names this stretch: not one that says only that something is gone."""
        for each in (*self.named.get(cluster.subscription, ()), *self.named.get(customer, ())):
            if each.kind == "double_issuer" and not is_app:
                continue
            if each.period_start is None or cluster.start <= each.period_start < cluster.end:
                return each.kind
        for row in (*cluster.odoo, *cluster.ledger):
            finding = self.documents.get(row.where)
            if finding not in OF_WHAT_IS_GONE:
                return finding
        return None


def read_alarms(world: BatchWorld) -> Alarms:
    """Open blocking exceptions, and the findings of the last look at Odoo."""
    exceptions = world.query(
        "select kind, external_subscription_id, external_customer_id, subject, period_start"
        " from (select *, substr(subscription_id, length('nexacloud:') + 1)"
        "   as external_subscription_id from serving.fct_billing_exceptions) as exceptions"
        " where is_open and is_blocking and service = 'nexacloud'"
    )
    findings = world.query(
        "select document_key, finding from ops.publication_findings where is_alarm"
    )
    alarms = Alarms(documents={row["document_key"]: row["finding"] for row in findings})
    for row in exceptions:
        name = row["external_subscription_id"] or row["external_customer_id"]
        if name:
            found = Named(row["kind"], row["period_start"])
            alarms.named.setdefault(name, []).append(found)
        else:
            alarms.documents.setdefault(row["subject"], row["kind"])
    return alarms


def total(rows: Iterable[Any]) -> Decimal:
    return sum((row.amount for row in rows), Decimal(0))


def clusters(
    right: Sequence[Right],
    odoo: Sequence[Stretch],
    ledger: Sequence[Stretch],
    proposed: Sequence[Stretch],
) -> Iterator[Cluster]:
    """Join what overlaps; each list is kept apart within its cluster."""
    listed = [
        (row.subscription, row.charge, row.start, row.end, which, row)
        for which, rows in enumerate((right, odoo, ledger, proposed))
        for row in rows
    ]
    current: Cluster | None = None
    until = datetime.min.replace(tzinfo=UTC)
    for subscription, charge, start, end, which, row in sorted(listed, key=lambda one: one[:5]):
        is_same = current is not None and current[:2] == (subscription, charge) and start < until
        if not is_same:
            if current:
                yield current
            current, until = Cluster(subscription, charge, start, [], [], [], []), end
        assert current
        until = max(until, end)
        current[3 + which].append(row)  # type: ignore[call-overload]
    if current:
        yield current


PROPOSED = """
select external_subscription_id, charge, service_period_start, service_period_end, amount, line_key
from serving.fct_invoice_line_status
where service = 'nexacloud' and is_billable and not is_published
"""


def proposed(world: BatchWorld, subscriptions: set[str]) -> list[Stretch]:
    """Lines that stand proposed and are in no document, whatever keeps them."""
    rows = [tuple(row.values()) for row in world.query(PROPOSED)]
    return [Stretch(*row[:2], row[2], row[3], *row[4:]) for row in rows if row[0] in subscriptions]


@dataclass
class Judge:
    """Compares everything with everything, once a night.

    `is_last`: nothing may stand open. `known`: facts stand still since these lines were proposed,
    so no other proposal is an excuse.
    """

    world: BatchWorld
    holdings: Holdings
    customers: dict[str, str]
    excused: Counter[str] = field(default_factory=Counter)
    judged: int = 0

    def judge(
        self,
        subscriptions: Iterable[Subscription],
        invoices: Sequence[AppInvoice],
        *,
        is_last: bool = False,
        known: Collection[str] | None = None,
    ) -> list[Problem]:
        """Broken laws after a build, or after a run that followed it."""
        alarms = read_alarms(self.world)
        problems = []
        for cluster in self._clusters(subscriptions, alarms, self.holdings.in_ledger()):
            self.judged += 1
            app = _invoiced(cluster, invoices)
            problem = _problem(cluster, app, is_last, known)
            # Whatever holds a subscription explains that it waits, and not that it has too much.
            is_about = bool(app) or (problem is not None and problem.law == UNPUBLISHED)
            if problem and not self._is_named(cluster, alarms, is_about, is_last):
                problems.append(problem)
        return problems

    def judge_run(
        self,
        subscriptions: Iterable[Subscription],
        invoices: Sequence[AppInvoice],
        before: Sequence[Stretch],
    ) -> list[Problem]:
        """What a run made too much of; `before` is what Odoo held when it began."""
        alarms = read_alarms(self.world)
        problems = []
        for cluster in self._clusters(subscriptions, alarms, before):
            app = _invoiced(cluster, invoices)
            problem = _problem(cluster, app, is_last=False, known=None, is_run=True)
            if problem and not self._is_named(cluster, alarms, bool(app), False):
                problems.append(problem)
        return problems

    def held(self) -> list[Stretch]:
        """What Odoo holds now, as `_in_odoo` counts it."""
        return self._in_odoo(read_alarms(self.world))

    def _in_odoo(self, alarms: Alarms) -> list[Stretch]:
        """What people edited counts as it was sent, and so does a credit note that they cancelled
        or deleted: an alarm of its own names each.
        """
        found = alarms.documents.items()
        edited = [key for key, finding in found if finding == "edited"]
        gone = {key for key, finding in found if finding in GONE}
        credits = (r for r in self.holdings.in_ledger() if r.amount < 0 and r.where in gone)
        return [*self.holdings.in_odoo(edited), *credits]

    def _clusters(
        self, subscriptions: Iterable[Subscription], alarms: Alarms, other: Sequence[Stretch]
    ) -> Iterator[Cluster]:
        as_of = self.world.rating.as_of
        right = [row for held in subscriptions for row in rights(held, as_of)]
        odoo = self._in_odoo(alarms)
        return clusters(right, odoo, other, proposed(self.world, set(self.customers)))

    def _is_named(self, cluster: Cluster, alarms: Alarms, is_app: bool, is_last: bool) -> bool:
        kind = alarms.excuse(cluster, self.customers[cluster.subscription], is_app)
        if kind is not None:
            self.excused[f"{kind} at the end" if is_last else kind] += 1
        return kind is not None


def _invoiced(cluster: Cluster, invoices: Sequence[AppInvoice]) -> list[AppInvoice]:
    return [
        invoice
        for invoice in invoices
        if not invoice.is_void
        and invoice.subscription == cluster.subscription
        and any(_overlap(invoice, row) for row in _rows(cluster))
    ]


def _problem(
    cluster: Cluster,
    app: Sequence[AppInvoice],
    is_last: bool,
    known: Collection[str] | None,
    is_run: bool = False,
) -> Problem | None:
    right = total(row for row in cluster.right if not any(_overlap(i, row) for i in app))
    odoo, standing = total(cluster.odoo), total(cluster.proposed)
    taken_back = total(
        row for row in cluster.proposed if row.amount < 0 and (known is None or row.where in known)
    )
    broken = None
    if odoo + taken_back > right and (not is_run or odoo > total(cluster.ledger)):
        broken = TWICE
    elif not (app or known is not None or is_run) and all(row.is_billable for row in cluster.right):
        known = total(cluster.ledger) + standing
        if known != right:
            broken = LOST if known < right else TWICE
        elif is_last and (standing or odoo != right):
            broken = UNPUBLISHED
    return _broken(broken, cluster, right, app) if broken else None


def _rows(cluster: Cluster) -> list[Any]:
    return [*cluster.right, *cluster.odoo, *cluster.ledger, *cluster.proposed]


def _overlap(one: Any, other: Any) -> bool:
    return bool(one.start < other.end and one.end > other.start)


def _broken(law: str, cluster: Cluster, right: Decimal, app: Sequence[AppInvoice]) -> Problem:
    def listed(rows: Sequence[Any], name: str) -> str:
        said = ", ".join(
            f"{row.start:%m-%d}..{row.end:%m-%d} {row.amount} {getattr(row, name)}" for row in rows
        )
        return f"{total(rows)} ({said})"

    says = (
        f"{cluster.charge} from {cluster.start:%Y-%m-%d}: right {right}"
        f"{', invoiced by the app' if app else ''} of {listed(cluster.right, 'is_billable')};"
        f" Odoo {listed(cluster.odoo, 'where')}; ledger {listed(cluster.ledger, 'where')};"
        f" proposed {listed(cluster.proposed, 'where')}"
    )
    return Problem(law, cluster.subscription, says)
