"""Events per second to a local receiver, against a bare HTTP client that sends the same bytes.

In: an embedded world of its own and the example receiver as a process. Out: a table of medians, and
benchmarks/results/webhooks.md. Both sides send the same signed events to the same receiver, in
turns; `deliver` also claims each one, keeps the order of its subscription, checks the address and
commits the record of the attempt.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg2

from connections.settings import Settings, load_settings
from publishers.migrate import upgrade
from publishers.webhooks import Options, deliver, emit
from publishers.webhooks.payload import wire_bytes
from publishers.webhooks.signature import SIGNATURE_HEADER, sign
from sandbox.postgres import Cluster
from sandbox.receiver import PATH

RESULT = Path(__file__).parent / "results" / "webhooks.md"
EVENTS, SUBSCRIPTIONS, ROUNDS, THREADS = 1000, 200, 5, 8
SECRET = "benchmark-0123456789abcdef0123456789"
URL_NAME, SECRET_NAME = "NEXACLOUD_WEBHOOK_URL", "NEXACLOUD_WEBHOOK_SECRET"
MARTS = """
create schema marts;
create schema serving;
create table marts.dim_services as
    select 'nexacloud' as service, true as is_webhook_enabled, %s as webhook_url_name,
        %s as webhook_secret_name;
create table serving.fct_lifecycle_events as
select
    md5(round || '/' || number) as event_id, round,
    case when number %% 2 = 0 then 'invoice.payment_failed' else 'invoice.payment_succeeded' end
        as event_type,
    'nexacloud' as service, 'sub-' || number %% %s as external_subscription_id,
    'dep-' || number %% %s as deployment_id, 'user-1' as external_customer_id,
    round || '/' || number as subject, 'account.move,' || number as cause,
    timestamptz '2026-06-03 12:00+00' + number * interval '1 second' as occurred_at,
    'Invoice INV/' || number || ' over 226.00 CAD was due on 2026-05-25; 226.00 CAD is unpaid.'
        as reason,
    'doc-' || number as document_key, number::bigint as odoo_move_id,
    'INV/' || number as invoice_reference, date '2026-05-25' as due_on, 'CAD' as currency,
    226.00 as total_amount, 226.00 as residual_amount, null::text as settled_by,
    null::timestamptz as ended_at, null::text as previous_event_id,
    case when round > 0 then 'a later round' end as held_reason, null::timestamptz as emitted_at
from generate_series(1, %s) as number, generate_series(0, %s) as round;
"""


@dataclass(frozen=True)
class Round:
    """Seconds of each side."""

    frozen: float
    delivered: float
    alone: float
    one: float
    many: float


def measure(settings: Settings, url: str) -> list[Round]:
    """So many rounds in turns, after one to warm up."""
    rounds = [_round(settings, url, number) for number in range(ROUNDS + 1)]
    return rounds[1:]


def _round(settings: Settings, url: str, number: int) -> Round:
    half = EVENTS // 2
    statement = "update serving.fct_lifecycle_events set held_reason = null where round = %s"
    _sql(settings, statement, number)
    frozen = _timed(lambda: emit(settings, go=True))
    alone = _timed(lambda: deliver(settings, go=True, limit=half, options=Options(concurrency=1)))
    delivered = _timed(lambda: deliver(settings, go=True, options=Options(concurrency=THREADS)))
    left = _sql(settings, "select from ops.webhook_deliveries where state <> 'delivered'")
    if left:
        raise RuntimeError(f"{len(left)} events were not delivered")
    bodies = _bodies(settings)
    one = _timed(lambda: _bare(url, bodies, 1))
    many = _timed(lambda: _bare(url, bodies, THREADS))
    return Round(frozen, delivered * EVENTS / half, alone * EVENTS / half, one, many)


def _bodies(settings: Settings) -> list[bytes]:
    """What was sent last."""
    newest = (
        "select payload from ops.lifecycle_events order by (payload ->> 'sequence')::bigint desc"
    )
    return [wire_bytes(row[0]) for row in _sql(settings, f"{newest} limit %s", EVENTS)]


def _bare(url: str, bodies: Sequence[bytes], threads: int) -> None:
    """Sign and POST, keep-alive, nothing else."""
    with httpx.Client(trust_env=False) as client, ThreadPoolExecutor(threads) as pool:

        def post(body: bytes) -> None:
            header = sign(body, timestamp=int(time.time()), secrets=[SECRET])
            client.post(url, content=body, headers={SIGNATURE_HEADER: header}).raise_for_status()

        list(pool.map(post, bodies))


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def summary(rounds: Sequence[Round]) -> str:
    """The result as a page."""

    def row(name: str, seconds: Sequence[float], bare: Sequence[float] | None) -> str:
        median = statistics.median(seconds)
        ratio = ""
        if bare is not None:
            ratio = f"{statistics.median(b / s for b, s in zip(bare, seconds, strict=True)):.2f}x"
        return f"| {name} | {median:.2f} | {EVENTS / median:.0f} | {ratio} |"

    one, many = [r.one for r in rounds], [r.many for r in rounds]
    lines = [
        row("`emit --go`: frozen and queued", [r.frozen for r in rounds], None),
        row("`deliver`, one at a time", [r.alone for r in rounds], one),
        row(f"`deliver`, {THREADS} at a time", [r.delivered for r in rounds], many),
        row("bare signed POST, one at a time", one, None),
        row(f"bare signed POST, {THREADS} at a time", many, None),
    ]
    return f"""# Webhooks: events per second

{EVENTS} events of {SUBSCRIPTIONS} subscriptions to the example receiver, a process on the same
machine, {ROUNDS} rounds in turns after one to warm up; PostgreSQL with fsync on. `deliver` claims
in order, checks the address, signs, sends, and commits the record of each attempt; the bare client
signs and sends.

| | median seconds | events/s | against bare |
|---|---|---|---|
{chr(10).join(lines)}

Ratios are medians of the rounds' own ratios.
"""


@contextmanager
def _receiver(home: Path) -> Iterator[str]:
    """The example receiver as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, SECRET_NAME: SECRET}
    command = [sys.executable, "-m", "sandbox.receiver", "--port", str(port)]
    with (home / "receiver.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _until_it_answers(port)
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(port: int) -> None:
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the receiver did not start: see receiver.log")


def _sql(settings: Settings, statement: str, *values: object) -> list[tuple[Any, ...]]:
    conn = psycopg2.connect(settings.warehouse_dsn)
    with conn, conn.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall() if cursor.description else []
    conn.close()
    return rows


def main() -> None:
    """Make a world, measure, write the page, and take the world away."""
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)
    cluster = Cluster(home).start()
    cluster.ensure_role("fusion_billing")
    cluster.create_database("warehouse", owner="fusion_billing")
    try:
        with _receiver(home) as url:
            page = summary(measure(_prepared(home, cluster, url), url))
    finally:
        cluster.stop(immediate=True)
        shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(page)
    print(page)


def _prepared(home: Path, cluster: Cluster, url: str) -> Settings:
    dsn = cluster.dsn("warehouse", user="fusion_billing")
    upgrade(dsn)
    os.environ[URL_NAME], os.environ[SECRET_NAME] = url, SECRET
    host = url.split("/")[2]
    settings = load_settings(
        billing_home=home,
        warehouse_dsn=dsn,
        webhook_private_hosts=host,
        webhook_http_hosts=host,
        billing_as_of=datetime(2026, 6, 3, 12, tzinfo=UTC),
    )
    counts = (SUBSCRIPTIONS, SUBSCRIPTIONS, EVENTS, ROUNDS)
    _sql(settings, MARTS, URL_NAME, SECRET_NAME, *counts)
    return settings


if __name__ == "__main__":
    main()
