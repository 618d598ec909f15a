"""Rows of an import -> records: column paths, and the rows that continue the one above.

Flows in: paths such as `invoice_line_ids/tax_ids/.id`, rows of cells. Flows out: nested records
with the range of rows that each came from.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.odoo_standin.converters import Record
from sandbox.odoo_standin.environment import Env
from sandbox.odoo_standin.registry import Model

Path = tuple[str | None, ...]
Message = dict[str, Any]


def path_of(name: str) -> Path:
    """Split a column's name; `partner_id.id` is an old way to write `partner_id/.id`."""
    parts = name.replace(".id", "/.id").replace(":id", "/id").split("/")
    return tuple(part for part in parts if part)


def check_columns(env: Env, model: Model, paths: Sequence[Path]) -> None:
    for path in paths:
        _check_path(env, model, path)


def _check_path(env: Env, model: Model, path: Path) -> None:
    name = path[0] if path else None
    if name in (None, "id", ".id"):
        return
    if name not in model.fields:
        raise ValueError(f"Invalid field name {name!r}")
    relation = model.fields[str(name)].relation
    if len(path) > 1 and relation is not None:
        _check_path(env, env.model(relation), path[1:])


def extract(
    env: Env, model: Model, paths: Sequence[Path], data: Sequence[Sequence[Any]]
) -> Iterator[tuple[Record, Message]]:
    """Group rows into records: a row with nothing but one2many cells belongs to the one above."""

    def kind(path: Path) -> str:
        name = path[0] if path else None
        return model.fields[name].type if name is not None and name in model.fields else "char"

    relational = [kind(path) in ("many2one", "many2many", "one2many") for path in paths]
    lines = [kind(path) == "one2many" for path in paths]

    def continues(row: Sequence[Any]) -> bool:
        cells = list(zip(lines, row, strict=True))
        return any(cell for is_line, cell in cells if is_line) and not any(
            cell for is_line, cell in cells if not is_line
        )

    index = 0
    while index < len(data):
        row = data[index]
        span = [row, *itertools.takewhile(continues, itertools.islice(data, index + 1, None))]
        record: Record = {
            path[0] if path else None: cell
            for path, cell, is_relational in zip(paths, row, relational, strict=True)
            if not is_relational
        }
        for name in dict.fromkeys(
            p[0] for p, is_rel in zip(paths, relational, strict=True) if is_rel
        ):
            record[name] = _subrecords(env, model, str(name), paths, span)
        yield record, {"rows": {"from": index, "to": index + len(span) - 1}}
        index += len(span)


def _subrecords(
    env: Env, model: Model, name: str, paths: Sequence[Path], span: Sequence[Sequence[Any]]
) -> list[Record]:
    relation = model.fields[name].relation
    if relation is None:
        raise ValueError(f"Invalid field name {name!r}")
    positions = [index for index, path in enumerate(paths) if path and path[0] == name]
    subpaths: list[Path] = [paths[index][1:] or (None,) for index in positions]
    rows = [[row[index] for index in positions] for row in span]
    filled = [row for row in rows if any(row)]
    return [record for record, _ in extract(env, env.model(relation), subpaths, filled)]
