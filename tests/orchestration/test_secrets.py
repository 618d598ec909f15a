"""No secret is in what verbs print or leave: not in logs, events, artifacts or tables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg2
import pytest

if TYPE_CHECKING:
    from sandbox.postgres import Cluster
    from sandbox.standin import Standin

MARK = "s3cr3t-never-shown"
NOBODY_LISTENS = "127.0.0.1:9"
# Whatever is configured that nobody may read; the first three are needed for the night itself.
SECRETS = {
    "ODOO_PASSWORD": f"{MARK}-odoo",
    "ODOO_PUBLISH_PASSWORD": f"{MARK}-publish",
    "ALERT_SMTP_PASSWORD": f"{MARK}-mail",
    "ALERT_WEBHOOK_URL": f"http://{NOBODY_LISTENS}/{MARK}-alert",
    "NEXACLOUD_WEBHOOK_SECRET": f"{MARK}-signing",
    "NEXACLOUD_WEBHOOK_URL": f"http://{NOBODY_LISTENS}/{MARK}-hook",
    "DASHBOARD_READER_DSN": f"postgresql://finance_reader:{MARK}-reader@{NOBODY_LISTENS}/warehouse",
}
# Each answers, or says in a sentence why not: both must keep it.
VERBS = (
    ("check",),
    ("run", "--log-format", "json"),
    ("lines", "--json"),
    ("publish", "--json"),
    ("publish", "--go"),
    ("events",),
    ("events", "--go"),
    ("metrics",),
    ("audit",),
    ("import", "--test"),
    ("roles",),
)
WRONG = (
    {"ODOO_URL": f"http://admin:{MARK}-address@{NOBODY_LISTENS}"},
    {"ODOO_PASSWORD": f"{MARK}-wrong"},
    {"NEXACLOUD_DSN": f"postgresql://u:{MARK}-nexacloud@{NOBODY_LISTENS}/nexacloud"},
    {"NEXACLOUD_DSN": f"postgresql://u:{MARK}-nexacloud@{NOBODY_LISTENS}/nexacloud?nonsense=1"},
    {"WAREHOUSE_DSN": f"postgresql://u:{MARK}-warehouse@{NOBODY_LISTENS}/warehouse"},
    {"WAREHOUSE_DSN": f"{MARK}-no-dsn"},
)


def _with_password(dsn: str, password: str) -> str:
    at = urlsplit(dsn)
    return f"postgresql://{at.username}:{password}@{at.hostname}:{at.port}{at.path}"


@pytest.fixture
def environment(settings: Any, odoo: Standin) -> dict[str, str]:
    """Everything configured, each with its secret; the stand-in's user has the marked password."""
    from sandbox.odoo_standin.passwords import password_hash

    with closing(psycopg2.connect(odoo.dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute(
            "update res_users set password_hash = %s where login = %s",
            (password_hash(odoo.user, SECRETS["ODOO_PASSWORD"]), odoo.user),
        )
        assert cursor.rowcount == 1
    return SECRETS | {
        "NEXACLOUD_DSN": _with_password(settings.nexacloud_dsn, f"{MARK}-nexacloud"),
        "WAREHOUSE_DSN": _with_password(settings.warehouse_dsn, f"{MARK}-warehouse"),
        "ODOO_URL": odoo.url,
        "ODOO_DB": odoo.db,
        "ODOO_USER": odoo.user,
        "BILLING_AS_OF": settings.as_of.isoformat(),
    }


def _holding(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and MARK.encode() in path.read_bytes()
    ]


def _rows_holding(dsn: str) -> list[str]:
    """Columns of the warehouse in which it stands, whatever schema."""
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname !~ '^(pg_|information_schema)'"
        )
        names = [name for (name,) in cursor.fetchall()]
        found = []
        for name in names:
            says = f"select exists (select from {name} as kept where kept::text like %s)"
            cursor.execute(says, (f"%{MARK}%",))
            found += [name] if cursor.fetchone() == (True,) else []
        return found


def test_no_secret_is_in_what_a_night_prints_or_leaves(
    environment: dict[str, str],
    tmp_path: Path,
    billing_at: Callable[..., Any],
    cluster: Cluster,
) -> None:
    home = tmp_path / "night"
    said = {}
    for verb in VERBS:
        answer = billing_at(home, *verb, **environment)
        assert "Traceback" not in answer.stderr, answer.stderr
        said[" ".join(verb)] = answer
    assert said["run --log-format json"].code == 0, said["run --log-format json"].stderr
    for number, wrong in enumerate(WRONG):
        answer = billing_at(home, "check", **{**environment, **wrong})
        assert answer.code == 1, answer.stdout
        said[f"check with {number}"] = answer
    assert [name for name, a in said.items() if MARK in a.stdout + a.stderr] == []
    assert _holding(home) == []
    assert _rows_holding(environment["WAREHOUSE_DSN"]) == []
    assert MARK not in cluster.log.read_text(errors="replace")
