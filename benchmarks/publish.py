"""Drafts per second of the publisher against a bare load() of the very same rows, in one run.

In: an embedded world of its own. Out: a table of medians, and benchmarks/results/publish.md. Both
sides write the same documents to the same Odoo stand-in, in batches of the same size, in turns; the
publisher also claims, records, reads back and confirms each of them.
"""

import hashlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from publishers import identities
from publishers.drafts import publish
from publishers.identities import Identity
from publishers.migrate import upgrade
from publishers.sending import BATCH_SIZE, WORKERS
from sandbox.postgres import Cluster
from sandbox.standin import Standin, start_standin

FRESH = """
insert into ops.load_runs (source, table_name, status, finished_at) values
    ('nexacloud', 'invoices', 'succeeded', now()), ('odoo', 'sale_order', 'succeeded', now());
insert into ops.builds (as_of, is_whole, status) values (now(), true, 'passed');
"""
RESULT = Path(__file__).parent / "results" / "publish.md"
DOCUMENTS, LINES, ROUNDS = 500, 3, 5
# A real Odoo 19 took 1.9 s for load() of 50 invoices with 3 lines, one client or two.
ODOO_SECONDS_PER_DOCUMENT = 1.9 / 50
PACED_DOCUMENTS, PACED_ROUNDS = 200, 3
TABLE = """
create schema marts;
create schema serving;
create table serving.invoice_lines_to_publish (
    line_key text primary key, content_hash text, service text, subscription_id text,
    external_subscription_id text, partner_id bigint, customer_name text, currency text, kind text,
    charge text, metric text, plan_code text, product_id bigint, description text,
    quantity numeric, unit_price numeric, amount numeric, tax_ids bigint[], tax_components jsonb,
    service_period_start timestamptz, service_period_end timestamptz,
    billing_period_start timestamptz, billing_period_end timestamptz, service_start_on date,
    segment_start timestamptz, corrects_period_start timestamptz, adjustment_number int
);
create view marts.fct_invoice_lines as select * from serving.invoice_lines_to_publish;
"""


@dataclass(frozen=True)
class Bench:
    """The world of one benchmark."""

    settings: Settings
    partners: Sequence[int]
    tax_id: int
    documents: int

    def propose(self, service: str) -> None:
        """Approved lines: so many documents with so many lines each, none seen before."""
        rows = [
            self._row(service, document, number)
            for document in range(self.documents)
            for number in range(LINES)
        ]
        conn = psycopg2.connect(self.settings.warehouse_dsn)
        with conn, conn.cursor() as cursor:
            cursor.execute("delete from serving.invoice_lines_to_publish")
            columns = ", ".join(rows[0])
            execute_values(
                cursor,
                f"insert into serving.invoice_lines_to_publish ({columns}) values %s",
                [tuple(row.values()) for row in rows],
            )
            execute_values(
                cursor,
                "insert into ops.line_approvals (line_key, content_hash, decision, decided_by)"
                " values %s",
                [(r["line_key"], "h", "approve", "bench") for r in rows],
            )
        conn.close()

    def _row(self, service: str, document: int, number: int) -> dict[str, Any]:
        key = hashlib.sha256(f"{service} {document} {number}".encode()).hexdigest()[:32]
        month = document // len(self.partners)
        start = f"{2000 + month // 12}-{month % 12 + 1:02d}-01T05:00:00+00:00"
        end = f"{2000 + (month + 1) // 12}-{(month + 1) % 12 + 1:02d}-01T05:00:00+00:00"
        return {
            "line_key": key,
            "content_hash": "h",
            "service": service,
            "subscription_id": f"{service}:{document}",
            "external_subscription_id": str(document),
            "partner_id": self.partners[document % len(self.partners)],
            "customer_name": "Bench",
            "currency": "CAD",
            "kind": "base",
            "charge": f"base {number}",
            "description": f"Hosting {document} {number}",
            "quantity": 1,
            "unit_price": "33.35",
            "amount": "33.35",
            "tax_ids": [self.tax_id],
            "service_period_start": start,
            "service_period_end": end,
            "billing_period_start": start,
            "billing_period_end": end,
            "service_start_on": start[:10],
            "segment_start": start,
        }

    def payloads(self, service: str) -> tuple[list[str], list[list[list[str]]]]:
        """What was sent for a service: the columns, and the rows of each document."""
        conn = psycopg2.connect(self.settings.warehouse_dsn)
        with conn, conn.cursor() as cursor:
            cursor.execute(
                "select payload from ops.publications where service = %s order by document_key",
                (service,),
            )
            found = [row[0] for row in cursor.fetchall()]
        conn.close()
        return found[0]["fields"], [payload["rows"] for payload in found]


def _renamed(rows: list[list[str]], mark: str) -> list[list[str]]:
    """The same document as another program's: what is ours in Odoo must be in our ledger."""
    head = [*rows[0]]
    _, name = head[0].split(".", 1)
    head[0], head[3] = f"bench_{mark}.{name}", f"{head[3]}-{mark}"
    return [head, *rows[1:]]


def _bare(bench: Bench, fields: list[str], documents: list[list[list[str]]], clients: int) -> float:
    """Seconds that load() alone takes, by so many clients."""
    context = {"mode": "update", "noupdate": True, "tracking_disable": True}
    chunks = [documents[n : n + BATCH_SIZE] for n in range(0, len(documents), BATCH_SIZE)]
    ports = [OdooPort.connect(bench.settings, publish=True) for _ in range(clients)]

    def work(number: int) -> None:
        for chunk in chunks[number::clients]:
            rows = [row for document in chunk for row in document]
            answer = ports[number].load("account.move", fields, rows, context)
            if not answer["ids"]:
                raise RuntimeError(f"load() refused: {answer['messages']}")

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    return time.monotonic() - started


def _publisher(bench: Bench, service: str) -> float:
    """Seconds of a whole run, from selection to confirmation."""
    bench.propose(service)
    started = time.monotonic()
    report = publish(bench.settings, go=True, service=service)
    seconds = time.monotonic() - started
    if report.created != bench.documents:
        raise RuntimeError(f"only {report.created} documents: {report.stopped or 'see the log'}")
    return seconds


@contextmanager
def paced(seconds_per_document: float) -> Iterator[None]:
    """Let every load() take at least so long, one at a time, as a real Odoo's does."""
    load, turn = OdooPort.load, Lock()

    def slow(self: OdooPort, model: str, fields: Any, rows: Any, context: Any = None) -> Any:
        with turn:
            started = time.monotonic()
            answer = load(self, model, fields, rows, context)
            documents = sum(1 for row in rows if row[0])
            passed = time.monotonic() - started
            time.sleep(max(0.0, documents * seconds_per_document - passed))
            return answer

    OdooPort.load = slow  # type: ignore[method-assign]
    yield
    OdooPort.load = load  # type: ignore[method-assign]


Round = tuple[float, float, float]


def measure(cluster: Cluster, rounds: int, documents: int) -> list[Round]:
    """Per round: seconds of the publisher, of load() by one client, of load() by two.

    Each round has a warehouse and an Odoo of its own, where a batch was published before.
    """
    results = []
    for number in range(rounds):
        with _world(cluster, f"{documents}_{number}", documents) as bench:
            _publisher(replace(bench, documents=BATCH_SIZE), "before")
            ours = _publisher(bench, "measured")
            fields, sent = bench.payloads("measured")
            one = _bare(bench, fields, [_renamed(rows, "a") for rows in sent], 1)
            two = _bare(bench, fields, [_renamed(rows, "b") for rows in sent], WORKERS)
        results.append((ours, one, two))
    return results


def table(results: Sequence[Round], documents: int) -> str:
    """Medians of one measurement."""
    ours, one, two = (statistics.median(column) for column in zip(*results, strict=True))
    to_one = statistics.median(row[1] / row[0] for row in results)
    to_two = statistics.median(row[2] / row[0] for row in results)
    return f"""| {documents} documents | median seconds | drafts/s | publisher is |
|---|---|---|---|
| `publish --go` | {ours:.2f} | {documents / ours:.0f} | |
| bare `load()`, one client | {one:.2f} | {documents / one:.0f} | {to_one:.2f}x |
| bare `load()`, {WORKERS} clients | {two:.2f} | {documents / two:.0f} | {to_two:.2f}x |
"""


def page(fast: Sequence[Round], real: Sequence[Round]) -> str:
    """The result as a page."""
    return f"""# Publishing: drafts per second

Documents of {LINES} lines in batches of {BATCH_SIZE}. The publisher's time is the whole run:
connect, select, preflight, claim, send by {WORKERS} workers, read back, confirm. The bare side
sends the very same rows under other external ids. The sides take turns, each round in a world
of its own; ratios are medians of the rounds' own ratios.

At the speed of a real Odoo 19 (measured: {1 / ODOO_SECONDS_PER_DOCUMENT:.0f} drafts a second, with
two clients no more than with one; here the stand-in is held to that):

{table(real, PACED_DOCUMENTS)}
Against the bare stand-in, which is many times faster than Odoo, so that our own work shows:

{table(fast, DOCUMENTS)}"""


def main() -> None:
    """Make a world, measure, write the page, and take the world away."""
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)
    cluster = Cluster(home).start()
    try:
        for role in ("fusion_billing", "odoo"):
            cluster.ensure_role(role)
        fast = measure(cluster, ROUNDS, DOCUMENTS)
        with paced(ODOO_SECONDS_PER_DOCUMENT):
            real = measure(cluster, PACED_ROUNDS, PACED_DOCUMENTS)
    finally:
        cluster.stop(immediate=True)
        shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    result = page(fast, real)
    RESULT.write_text(result)
    print(result)


@contextmanager
def _world(cluster: Cluster, name: str, documents: int) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)
    cluster.create_database(f"odoo_{name}", owner="odoo")
    standin = start_standin(home, cluster.dsn(f"odoo_{name}", user="odoo"))
    try:
        yield _prepared(cluster, f"warehouse_{name}", standin, documents)
    finally:
        standin.stop()
        shutil.rmtree(home, ignore_errors=True)


def _prepared(cluster: Cluster, database: str, standin: Standin, documents: int) -> Bench:
    cluster.create_database(database, owner="fusion_billing")
    dsn = cluster.dsn(database, user="fusion_billing")
    upgrade(dsn)
    conn = psycopg2.connect(dsn)
    with conn, conn.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute(FRESH)
    bench = Identity("bench", "bench@example.com", database_users=("fusion_billing",))
    identities.add(conn, bench)
    conn.close()
    settings = load_settings(
        billing_home=standin.folder,
        warehouse_dsn=dsn,
        odoo_url=standin.url,
        odoo_db=standin.db,
        odoo_user=standin.user,
        odoo_password=standin.password,
        billing_as_of="2026-06-03T12:00:00+00:00",
    )
    port = OdooPort.connect(settings)
    sale_taxes = [("name", "=", "13% HST"), ("type_tax_use", "=", "sale"), ("company_id", "=", 1)]
    partners = [("customer_rank", ">", 0), ("state_id", "!=", False)]
    return Bench(
        settings=settings,
        partners=port.search("res.partner", partners, order="id"),
        tax_id=port.search("account.tax", sale_taxes)[0],
        documents=documents,
    )


if __name__ == "__main__":
    main()
