"""demo: the whole job on the embedded world, for real; then again, to show that nothing repeats.

Every number that it shows is checked against what must be true of the sample; it ends with exit
code 1 when one is off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

import typer
from psycopg2.extensions import connection

from connections.odoo import OdooPort
from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands import (
    demo_odoo,
    lines,
    publish,
    readiness,
    reconcile,
    review,
    run,
    world,
)
from orchestration.decisions import Decision, accept_causes, open_gates, subscriptions
from orchestration.queries import Filters, Row, select
from publishers import approvals

PROVEN, BILLED = "2026-04", "2026-05"
DECISION = Decision("Demo Operator", "April agrees, or differs only by the app's own proration")
# The first real dual run, told again by the sample.
EXPECTED_STATUSES = {"explained": 4, "match": 2}
EXPECTED_ONE_OFFS = ["32.20", "872.66", "877.99"]


@dataclass
class Checks:
    """What must be true, and what was not."""

    failed: list[str] = field(default_factory=list)
    passed: int = 0

    def expect(self, law: str, found: object, expected: object) -> None:
        """Note a law that is broken, with both values."""
        if found == expected:
            self.passed += 1
        else:
            self.failed.append(f"{law}: found {found}, expected {expected}")
            render.stdout.print(f"[bold red]off[/] {self.failed[-1]}", highlight=False)


Fresh = Annotated[bool, typer.Option("--fresh", help="Begin with a new world.")]
AtOdoo = Annotated[
    bool, typer.Option("--odoo", help="At the Odoo that ODOO_* names: a test database.")
]
Yes = Annotated[bool, typer.Option("--yes", help="With --odoo: yes, write to that database.")]


def demo(fresh: Fresh = False, odoo: AtOdoo = False, yes: Yes = False) -> None:
    """Reconcile April, open the gates, bill May, all of it on the sandbox; then once more.

    Example: [bold]billing demo[/], [bold]billing demo --odoo --yes[/]
    """
    began = time.monotonic()
    checks = Checks()
    settings = _at_odoo(fresh, yes) if odoo else _in_sandbox(fresh)
    first = _pass(settings, checks)
    render.stdout.rule("[bold]All of it once more: nothing may happen twice")
    second = _pass(settings, checks, again=True)
    _nothing_twice(checks, first, second)
    took = time.monotonic() - began
    if checks.failed:
        raise CommandError(
            f"{len(checks.failed)} of the demo's checks are off:\n  - "
            + "\n  - ".join(checks.failed)
        )
    render.stdout.print(
        f"\n[bold green]All is well:[/] {checks.passed} checks in {took:.0f} s."
        " See the runs with [bold]billing ui[/].",
        highlight=False,
    )


def _in_sandbox(fresh: bool) -> Settings:
    with _step("The embedded world: PostgreSQL, a sample NexaCloud, an Odoo 19 stand-in"):
        world.start_world(load_settings(), fresh=fresh)
    return load_settings()


def _at_odoo(fresh: bool, yes: bool) -> Settings:
    """The sample beside a real Odoo, with the sample's customers in it."""
    settings = demo_odoo.at_home(load_settings(), yes=yes)
    with _step("PostgreSQL and a sample NexaCloud"):
        demo_odoo.start_world(settings, fresh=fresh)
    settings = load_settings()
    with _step("The company's taxes in Odoo"):
        demo_odoo.prepare_company(settings)
    with _step("Load NexaCloud and Odoo, build and test the warehouse"):
        run.show(run.refresh(settings).raise_if_failed())
    with _step("Create the sample's customers in Odoo"):
        demo_odoo.import_customers(settings, DECISION.by)
    return settings


@dataclass(frozen=True)
class Pass:
    """What one pass did, and what stood at its end."""

    accepted: int
    opened: int
    approved: int
    published: dict[str, Any]
    drafts: list[Row]
    contents: dict[str, str]


def _pass(settings: Settings, checks: Checks, *, again: bool = False) -> Pass:
    with _step("Load NexaCloud and Odoo, build and test the warehouse"):
        outcome = run.refresh(settings).raise_if_failed()
    run.show(outcome)
    with warehouse(settings) as conn:
        if not again:
            _prove(conn, settings, checks)
        accepted, opened = _decide(conn, settings, quiet=again)
        approved = _approve(conn, settings, checks, quiet=again)
    with _step("Publish drafts to Odoo"):
        published = publish.publish_for_real(settings, by=DECISION.by)
    publish.show(published)
    with warehouse(settings) as conn:
        drafts = _compare(conn, settings, checks)
        contents = {row["line_key"]: row["content_hash"] for row in _may(conn, settings)}
    return Pass(accepted, opened, approved, published, drafts, contents)


def _prove(conn: connection, settings: Settings, checks: Checks) -> None:
    """April: six subscriptions and three one-offs, every difference explained to the cent."""
    answer = reconcile.reconciliation(conn, settings, Filters(period=PROVEN))
    reconcile.show(answer, PROVEN)
    rows = answer["rows"]
    checks.expect("April's statuses", answer["summary"]["by_status"], EXPECTED_STATUSES)
    unexplained = [row for row in rows if Decimal(row["unexplained_amount"])]
    checks.expect("unexplained rows of April", len(unexplained), 0)
    for row in rows:
        causes = sum((Decimal(cause["amount"]) for cause in row["causes"]), Decimal(0))
        checks.expect(
            f"causes of {row['external_subscription_id']} add up to its delta",
            causes,
            Decimal(row["delta_amount"]),
        )
    amounts = sorted(one_off["amount"] for one_off in answer["one_offs"])
    checks.expect("one-off invoices", amounts, EXPECTED_ONE_OFFS)


def _decide(conn: connection, settings: Settings, *, quiet: bool) -> tuple[int, int]:
    """Accept what is explained, open the gates of who is ready, by name, from May on."""
    accepted = accept_causes(conn, settings, Filters(period=PROVEN), DECISION)
    ready = [row for row in subscriptions(conn, settings) if row["is_ready"]]
    opened = open_gates(conn, settings, ready, BILLED, DECISION)
    if not quiet:
        _show_gates(conn, settings, len(opened))
    return len(accepted), len(opened)


def _show_gates(conn: connection, settings: Settings, opened: int) -> None:
    """The gates of those who have something to bill; the free ones are many and alike."""
    billed = {row["external_subscription_id"] for row in _may(conn, settings)}
    rows = [
        row
        for row in subscriptions(conn, settings)
        if row["external_subscription_id"] in billed and row["is_gate_open"]
    ]
    readiness.show(rows, f"Gates open from {BILLED} on, by {DECISION.by}")
    others = opened - len(rows)
    render.stdout.print(f"{others} more are ready and open that have nothing to bill", style="dim")


def _approve(conn: connection, settings: Settings, checks: Checks, *, quiet: bool) -> int:
    waiting = review.approvable(conn, settings, Filters(period=BILLED))
    decided = approvals.approve(
        conn,
        waiting,
        by=DECISION.by,
        note="May was looked through",
        schema=settings.schema("marts"),
    )
    checks.expect("refused approvals", decided.refused, {})
    approved = [row for row in _may(conn, settings) if row["approved"]]
    if not quiet:
        lines.show([lines.as_json(row) for row in approved], BILLED, "Approved lines of")
    return len(decided.written)


def _may(conn: connection, settings: Settings) -> list[Row]:
    return lines.proposed_lines(conn, settings, Filters(period=BILLED))


_WAREHOUSE_DOCUMENTS = """
    select
        p.document_key, p.odoo_id, p.currency, p.state,
        p.expected_untaxed_amount as untaxed, p.expected_tax_amount as tax,
        p.expected_total_amount as total,
        (
            select sum(l.amount) from {serving}.fct_invoice_line_status as l
            where l.document_key = p.document_key
        ) as lines_amount
    from ops.publications as p
    where p.state <> 'released'
    order by p.document_key
"""


def _compare(conn: connection, settings: Settings, checks: Checks) -> list[Row]:
    """Hold every document of the ledger against Odoo itself and against the marts' lines."""
    documents = select(conn, settings, _WAREHOUSE_DOCUMENTS)
    port = OdooPort.connect(settings)
    fields = ["name", "state", "amount_untaxed", "amount_tax", "amount_total", "ref"]
    held = {
        move["id"]: move
        for move in port.read("account.move", [row["odoo_id"] for row in documents], fields)
    }
    compared = [_side_by_side(row, held[row["odoo_id"]]) for row in documents]
    for row in compared:
        key = row["document"]
        checks.expect(f"state of {key}", (row["ledger"], row["odoo_state"]), ("confirmed", "draft"))
        ours = [row["untaxed"], row["tax"], row["total"]]
        theirs = [row["odoo_untaxed"], row["odoo_tax"], row["odoo_total"]]
        checks.expect(f"totals of {key} in Odoo", theirs, ours)
        checks.expect(f"lines of {key} in the warehouse", row["lines"], row["untaxed"])
    columns = ["odoo_id", "document", "untaxed", "tax", "total", "in_odoo", "odoo_state"]
    title = "The warehouse's totals beside Odoo's"
    render.stdout.print(render.table(title, compared, columns))
    return compared


def _side_by_side(row: Row, move: Row) -> Row:
    def shown(amount: object) -> str | None:
        return render.money(Decimal(str(amount)), row["currency"])

    names = ("untaxed", "tax", "total")
    ours = {name: shown(row[name]) for name in names}
    theirs = {f"odoo_{name}": shown(move[f"amount_{name}"]) for name in names}
    return {
        "document": row["document_key"],
        "odoo_id": row["odoo_id"],
        "ledger": row["state"],
        "odoo_state": move["state"],
        "lines": shown(row["lines_amount"]),
        **ours,
        **theirs,
        "in_odoo": "equal"
        if [*ours.values()] == [*theirs.values()]
        else "/".join(str(amount) for amount in theirs.values()),
    }


def _nothing_twice(checks: Checks, first: Pass, second: Pass) -> None:
    """The second pass decided, approved, created and changed nothing."""
    checks.expect("causes accepted again", second.accepted, 0)
    checks.expect("gates opened again", second.opened, 0)
    checks.expect("lines approved again", second.approved, 0)
    checks.expect("drafts created again", second.published["created"], 0)
    checks.expect("documents as they were", second.published["unchanged"], len(first.drafts))
    checks.expect("drafts in Odoo", second.drafts, first.drafts)
    checks.expect("lines of May", second.contents, first.contents)
    trouble = {name: second.published[name] for name in ("failed", "quarantined")}
    checks.expect("trouble", trouble, {"failed": 0, "quarantined": 0})
    checks.expect("something was billed", len(first.drafts) > 0, True)
    created, unchanged = second.published["created"], second.published["unchanged"]
    render.stdout.print(
        f"[bold]second pass: {created} created, 0 changed, {unchanged} as they were[/]",
        highlight=False,
    )


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Name a step, and say how long it took."""
    began = time.monotonic()
    render.stdout.print(f"\n[bold blue]>[/] [bold]{what}[/]")
    yield
    render.stdout.print(f"  [dim]{time.monotonic() - began:.1f} s[/]", highlight=False)
