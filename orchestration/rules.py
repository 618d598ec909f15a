"""Whether what is kept from night to night was made by today's rules.

An incremental model keeps rows that an earlier build made. When its SQL changes, or that of
anything it reads, those rows follow the old rule until something else touches them. So a build
notes the rules' fingerprint beside the tables that they made, as the comment of their schema, and
a build by other rules rebuilds them. Policies by which usage was taken into the ledger are rules
too; prices are data, and the models notice those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Set
from typing import Any

from psycopg2 import sql

from connections.postgres import warehouse
from connections.settings import Settings

Manifest = Mapping[str, Any]
PACKAGE = "fusion_billing"
POLICIES = ("seed.fusion_billing.services", "seed.fusion_billing.metrics")
MARK = "made by the rules "


def kept_models(manifest: Manifest) -> set[str]:
    """The unique ids of the incremental models."""
    return {
        name
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["config"]["materialized"] == "incremental"
    }


def fingerprint(manifest: Manifest) -> str:
    """A hash over the SQL of the incremental models and all that they read, and the policies."""
    models, macros = _lineage(manifest, kept_models(manifest))
    code = {name: manifest["nodes"][name]["raw_code"] for name in models}
    code |= {name: manifest["macros"][name]["macro_sql"] for name in macros}
    code |= {name: manifest["nodes"][name]["checksum"]["checksum"] for name in POLICIES}
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()


def remembered(settings: Settings) -> str | None:
    """The fingerprint of the rules that made the kept rows; None where nothing is known."""
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select obj_description(to_regnamespace(%s)::oid, 'pg_namespace')",
            (settings.schema("intermediate"),),
        )
        found = cursor.fetchone()
    comment: str | None = found[0] if found else None
    return comment.removeprefix(MARK) if comment and comment.startswith(MARK) else None


def made_all(manifest: Manifest, run_results: Mapping[str, Any]) -> bool:
    """Whether a build made every incremental model, whatever tests said of others."""
    results = run_results["results"]
    made = {result["unique_id"] for result in results if result["status"] == "success"}
    return kept_models(manifest) <= made


def remember(settings: Settings, rules: str) -> None:
    """Note that all kept rows were made by these rules."""
    schema = sql.Identifier(settings.schema("intermediate"))
    statement = sql.SQL("comment on schema {} is {}").format(schema, sql.Literal(MARK + rules))
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(statement)


def _lineage(manifest: Manifest, wanted: Set[str]) -> tuple[set[str], set[str]]:
    """The models that the wanted ones rest on, themselves among them, and their macros."""
    nodes, macros = manifest["nodes"], manifest["macros"]
    models = {name for name in _upstream(nodes, wanted, "nodes") if name.startswith("model.")}
    called = {macro for name in models for macro in nodes[name]["depends_on"]["macros"]}
    return models, set(_upstream(macros, called, "macros"))


def _upstream(known: Mapping[str, Any], wanted: Set[str], kind: str) -> Iterator[str]:
    """What is reached; sources, and macros of dbt's own packages, are not followed."""
    waiting, seen = list(wanted), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in known or known[name]["package_name"] != PACKAGE:
            continue
        seen.add(name)
        yield name
        waiting += known[name]["depends_on"].get(kind, [])
