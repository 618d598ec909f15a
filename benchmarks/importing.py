"""Importing against a bare load() of the very same rows, in one process, in turns.

In: an embedded world of its own. Out: a table of medians, and benchmarks/results/importing.md. The
importer also reads the proposals, looks at all that Odoo holds, judges, records and confirms.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import Json, execute_values

from benchmarks.publish import FRESH
from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from publishers import identities
from publishers.identities import Identity
from publishers.importer import run_import
from publishers.importer.guard import LOAD_CONTEXT
from publishers.migrate import upgrade
from sandbox.odoo_standin.seed import prepare
from sandbox.postgres import Cluster
from sandbox.standin import Standin, login_as, start_standin

RESULT = Path(__file__).parent / "results" / "importing.md"
CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "300"))
ORDERS_EACH, PLANS, ROUNDS = 3, 60, int(os.environ.get("BENCH_ROUNDS", "5"))
BY = "Bench"
Call = tuple[str, list[str], list[list[str]]]
PROPOSALS = """
create schema marts;
create schema serving;
create table serving.odoo_import_proposals (
    import_key text primary key, kind text, title text, wanted jsonb, known_odoo_id bigint,
    currency text, is_extra_deployment boolean default false, skip_reason text, problem text
);
"""


def proposals(s: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Import key, kind and values of a service's catalogue, customers and orders."""
    yield f"service:{s}", "service", {"code": s, "name": s}
    yield f"metric:{s}", "metric", {"code": s, "name": "CPU seconds", "aggregation": "sum"}
    for n in range(PLANS):
        code = f"{s}-p{n}"
        yield f"product:{code}", "product", {
            "name": code, "default_code": code, "list_price": str(n + 5), "active": True,
        }  # fmt: skip
        yield f"charge:{code}", "charge", {
            "service_id": f"service:{s}", "plan_code": code, "metric_id": f"metric:{s}",
            "included_quantity": "3600", "price_per_unit": "0.000123", "currency_id": "CAD",
            "active": True,
        }  # fmt: skip
    for n in range(CUSTOMERS):
        name = f"{s}-c{n}"
        yield f"partner:{name}", "partner", {
            "name": name, "is_company": True, "email": f"{name}@x.example", "ref": name,
            "country_id": "CA", "state_id": "ON", "active": True,
        }  # fmt: skip
        yield f"account_link:{name}", "account_link", {
            "service_id": f"service:{s}", "external_account_id": name,
            "partner_id": f"partner:{name}",
        }  # fmt: skip
        for m in range(ORDERS_EACH):
            yield f"order:{name}:{m}", "order", _order(s, name, n, m)


def _order(s: str, name: str, n: int, m: int) -> dict[str, Any]:
    plan = (n + m) % PLANS
    return {
        "partner_id": f"partner:{name}", "client_order_ref": f"{name}-{m}",
        "x_fc_nexacloud_subscription_id": f"{name}-{m}", "date_order": "2026-05-01 00:00:00",
        "order_line/product_id": f"product:{s}-p{plan}", "order_line/name": "VPS",
        "order_line/price_unit": str(plan + 5), "active": True,
    }  # fmt: skip


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Every load() that is sent meanwhile."""
    calls, load = list[Call](), OdooPort.load

    def kept(self: OdooPort, model: str, fields: Any, rows: Any, context: Any = None) -> Any:
        calls.append((model, list(fields), [list(row) for row in rows]))
        return load(self, model, fields, rows, context)

    OdooPort.load = kept  # type: ignore[method-assign]
    yield calls
    OdooPort.load = load  # type: ignore[method-assign]


def _prepared(cluster: Cluster, standin: Standin, number: int) -> Settings:
    """A warehouse of its own for a round, with proposals that Odoo has never seen."""
    name = f"warehouse{number}"
    cluster.create_database(name, owner="fusion_billing")
    dsn = cluster.dsn(name, user="fusion_billing")
    upgrade(dsn)
    with closing(psycopg2.connect(dsn)) as conn:
        with conn, conn.cursor() as cursor:
            cursor.execute(PROPOSALS)
            cursor.execute(FRESH)
            execute_values(
                cursor,
                "insert into serving.odoo_import_proposals (import_key, kind, title, wanted)"
                " values %s",
                [(key, kind, key, Json(wanted)) for key, kind, wanted in proposals(f"b{number}")],
            )
        identities.add(conn, Identity(BY, "bench@example.com", database_users=("fusion_billing",)))
    return load_settings(
        billing_home=standin.folder,
        warehouse_dsn=dsn,
        odoo_url=standin.url,
        odoo_db=standin.db,
        **standin.login,
        **login_as(standin.importer, "import"),
        billing_as_of="2026-06-03T12:00:00+00:00",
    )


def _bare(settings: Settings, calls: Sequence[Call], mark: str) -> float:
    """Seconds that load() alone takes for the same rows under other external ids."""
    port = OdooPort.connect(settings.as_importer(), publish=True)
    started = time.monotonic()
    for model, fields, rows in calls:
        answer = port.load(model, fields, [[row[0] + mark, *row[1:]] for row in rows], LOAD_CONTEXT)
        if not answer["ids"]:
            raise RuntimeError(f"load() refused: {answer['messages']}")
    return time.monotonic() - started


def _imported(settings: Settings) -> tuple[float, float, list[Call]]:
    """Seconds of the first import, and of the next one, which finds all unchanged."""
    with recorded() as calls:
        report = run_import(settings, go=True, by=BY)
    if not report.is_ok:
        raise RuntimeError(f"not imported: {report.as_json()}")
    return report.seconds, run_import(settings, go=True, by=BY).seconds, calls


Round = tuple[float, float, float]


def measure(cluster: Cluster, standin: Standin, rounds: range) -> list[Round]:
    """Per round: seconds of the import, of the bare load(), and of the import that follows."""
    results = []
    for number in rounds:
        settings = _prepared(cluster, standin, number)
        ours, again, calls = _imported(settings)
        results.append((ours, _bare(settings, calls, "-x"), again))
        # What the bare side left would be looked at by the next round.
        _tidy(standin)
    return results


def _tidy(standin: Standin) -> None:
    with closing(psycopg2.connect(standin.dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute("delete from sale_order_line; delete from sale_order")
        for table in ("account_link", "charge"):
            cursor.execute(f"delete from fusion_billing_{table}")


def page(results: Sequence[Round]) -> str:
    """The result as a page."""
    ours, bare, again = (statistics.median(column) for column in zip(*results, strict=True))
    ratio = statistics.median(row[1] / row[0] for row in results)
    records = 2 + 2 * PLANS + 2 * CUSTOMERS + ORDERS_EACH * CUSTOMERS
    return f"""# Importing

{records} records ({CUSTOMERS} customers with links, {PLANS} plans with products and charges,
{ORDERS_EACH * CUSTOMERS} draft orders) into the stand-in, {len(results)} rounds. The import's time
is the whole run: connect, read the proposals, look at Odoo, judge, write in batches, read back what
is referred to, confirm.
The bare side sends the very same rows in the same batches under other external ids.

| | median seconds | records/s |
|---|---|---|
| `billing import --go` | {ours:.2f} | {records / ours:.0f} |
| bare `load()` | {bare:.2f} | {records / bare:.0f} |
| `billing import --go` again | {again:.2f} | {records / again:.0f} |

The import is **{ratio:.2f}x** the bare load().
"""


def main() -> None:
    """Make a world, measure, write the page, and take the world away."""
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)
    cluster = Cluster(home).start()
    for role in ("fusion_billing", "odoo"):
        cluster.ensure_role(role)
    cluster.create_database("odoo", owner="odoo")
    prepare(cluster.dsn("odoo", user="odoo"), empty=True, community=False)
    standin = start_standin(home, cluster.dsn("odoo", user="odoo"))
    try:
        measure(cluster, standin, range(1))  # warms up the servers
        RESULT.write_text(page(measure(cluster, standin, range(1, ROUNDS + 1))))
        print(RESULT.read_text())
    finally:
        standin.stop()
        cluster.stop(immediate=True)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
