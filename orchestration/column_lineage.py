"""From which columns a column is made, read from the SQL that dbt ran.

Flows in: compiled SQL as models are made, in their order, and the warehouse's columns. Flows out:
column lineage for Dagster. dagster-dbt would ask the warehouse for relations after the build: by
then the swap has moved them. A statement that the parser cannot read has none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration.domains import key_of

logging.getLogger("sqlglot").setLevel(logging.ERROR)
Column = tuple[str, str, str]  # schema, table, column
Columns = dict[str, set[Column]]


class ColumnLineage:
    """What is known of a build so far: which columns each relation has, and whose asset it is."""

    def __init__(self, settings: Settings, parsed: Mapping[str, Any], compiled: Path) -> None:
        nodes = parsed["nodes"] | parsed["sources"]
        self._keys = {
            (node["schema"], node.get("alias") or node["name"]): dg.AssetKey(key_of(node))
            for node in nodes.values()
            if node["resource_type"] in ("model", "seed", "source")
        }
        self._nodes, self._compiled = nodes, compiled
        self._known: dict[str, dict[str, dict[str, str]]] = _columns(settings)

    def of(self, unique_id: str) -> dict[str, Any]:
        """Metadata for the materialization of a node; empty where nothing can be said."""
        node = self._nodes[unique_id]
        file = self._compiled / node["package_name"] / node["original_file_path"]
        if node["resource_type"] != "model" or not file.exists():
            return {}
        try:
            found = columns_of(file.read_text(), self._known)
        except SqlglotError:
            return {}
        self._known.setdefault(node["schema"], {})[node["alias"]] = dict.fromkeys(found, "text")
        deps = {name: self._deps(sources) for name, sources in found.items()}
        lineage = dg.TableColumnLineage({name: each for name, each in deps.items() if each})
        return {"dagster/column_lineage": dg.MetadataValue.column_lineage(lineage)}

    def _deps(self, sources: set[Column]) -> list[dg.TableColumnDep]:
        return [
            dg.TableColumnDep(asset_key=self._keys[schema, table], column_name=column)
            for schema, table, column in sorted(sources)
            if (schema, table) in self._keys
        ]


def columns_of(query: str, known: Mapping[str, Any]) -> Columns:
    """Each column of a query, and the columns of tables that it is made of."""
    qualified = qualify(
        sqlglot.parse_one(query, dialect="postgres"),
        schema=dict(known), dialect="postgres", validate_qualify_columns=False, identify=False,
    )  # fmt: skip
    scope = build_scope(qualified)
    return _of_scope(scope, {}) if scope else {}


def _of_scope(scope: Scope, seen: dict[int, Columns]) -> Columns:
    if id(scope) not in seen:
        seen[id(scope)] = {}  # a recursive query meets itself
        parts = scope.set_operation_scopes
        seen[id(scope)] = _united(scope, seen) if parts else _selected(scope, seen)
    return seen[id(scope)]


def _united(scope: Scope, seen: dict[int, Columns]) -> Columns:
    """By place; the names are those of the first part."""
    parts = [_of_scope(part, seen) for part in scope.set_operation_scopes]
    places = zip(*(part.values() for part in parts), strict=False)
    return {name: set().union(*place) for name, place in zip(parts[0], places, strict=False)}


def _selected(scope: Scope, seen: dict[int, Columns]) -> Columns:
    return {
        each.alias_or_name: set().union(
            *(_sources(scope, column, seen) for column in each.find_all(exp.Column))
        )
        for each in scope.expression.selects  # type: ignore[attr-defined]
    }


def _sources(scope: Scope, column: exp.Column, seen: dict[int, Columns]) -> set[Column]:
    source = scope.sources.get(column.table)
    if isinstance(source, exp.Table):
        return {(source.db, source.name, column.name)}
    return _of_scope(source, seen).get(column.name, set()) if isinstance(source, Scope) else set()


def _columns(settings: Settings) -> dict[str, dict[str, dict[str, str]]]:
    """Of what a build reads but does not make."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name, column_name from information_schema.columns"
            " where table_schema not in ('pg_catalog', 'information_schema')"
        )
        for schema, table, column in cursor:
            found.setdefault(schema, {}).setdefault(table, {})[column] = "text"
    return found
