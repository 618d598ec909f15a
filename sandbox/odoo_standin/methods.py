"""The methods that every model has over RPC, with the argument names that Odoo gives them.

Flows in: (env, model, arguments). Flows out: JSON-ready answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.odoo_standin import access, external_ids, orm, reading
from sandbox.odoo_standin.behaviour import ids_of
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.loading import load
from sandbox.odoo_standin.registry import Model

Ids = int | Sequence[int]


def _search(
    env: Env,
    model: Model,
    domain: Sequence[Any] = (),
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    count: bool = False,
) -> Any:
    if count:
        return reading.search_count(env, model, domain, limit)
    return reading.search(env, model, domain, offset, limit, order)


def _search_read(
    env: Env,
    model: Model,
    domain: Sequence[Any] | None = None,
    fields: Sequence[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    load: str | None = "_classic_read",
) -> list[Row]:
    reading.check_language(env)
    rows = reading.search_read(env, model, domain or [], fields, offset, limit, order)
    return rows if load == "_classic_read" else _plain_links(rows, model)


def _read(
    env: Env,
    model: Model,
    ids: Ids,
    fields: Sequence[str] | None = None,
    load: str | None = "_classic_read",
) -> list[Row]:
    reading.check_language(env)
    rows = reading.read(env, model, ids_of(ids), fields)
    return rows if load == "_classic_read" else _plain_links(rows, model)


def _plain_links(rows: list[Row], model: Model) -> list[Row]:
    """Without load='_classic_read' a many2one is a bare id."""
    for row in rows:
        for name, value in row.items():
            if model.fields[name].type == "many2one" and value:
                row[name] = value[0]
    return rows


def _create(env: Env, model: Model, vals_list: Values | Sequence[Values]) -> Any:
    if isinstance(vals_list, Mapping):
        return orm.create(env, model, [dict(vals_list)])[0]
    return orm.create(env, model, [dict(vals) for vals in vals_list])


def _write(env: Env, model: Model, ids: Ids, vals: Values) -> bool:
    return orm.write(env, model, ids_of(ids), vals)


def _unlink(env: Env, model: Model, ids: Ids) -> bool:
    return orm.unlink(env, model, ids_of(ids))


def _name_search(
    env: Env,
    model: Model,
    name: str = "",
    domain: Sequence[Any] | None = None,
    operator: str = "ilike",
    limit: int = 100,
) -> list[list[Any]]:
    return reading.name_search(env, model, name, domain, operator, limit)


def _get_external_id(env: Env, model: Model, ids: Ids) -> dict[str, str]:
    return external_ids.get_external_id(env, model, ids_of(ids))


def _get_metadata(env: Env, model: Model, ids: Ids) -> list[Row]:
    return external_ids.get_metadata(env, model, ids_of(ids))


def _check_access_rights(
    env: Env, model: Model, operation: str, raise_exception: bool = True
) -> bool:
    if raise_exception:
        access.check_right(env, model.name, operation)
    return access.may(env, model.name, operation)


def _has_access(env: Env, model: Model, ids: Ids, operation: str) -> bool:
    if not access.may(env, model.name, operation):
        return False
    condition = access.rule(env, model, operation)
    query = f"select count(*) from {model.table} t where t.id = any(%s) and not ({condition.sql})"
    return not env.scalar(query, (ids_of(ids), *condition.parameters))


def _exists(env: Env, model: Model, ids: Ids) -> list[int]:
    query = f"select id from {model.table} where id = any(%s)"
    found = {row[0] for row in env.tuples(query, (ids_of(ids),))}
    return [record_id for record_id in ids_of(ids) if record_id in found]


def _export_data(*_: Any) -> None:
    raise UserError("You don't have the rights to export data. Please contact an Administrator.")


def _archive(is_active: bool) -> Callable[[Env, Model, Ids], bool]:
    def act(env: Env, model: Model, ids: Ids) -> bool:
        return orm.write(env, model, ids_of(ids), {"active": is_active})

    return act


GENERIC: Mapping[str, Callable[..., Any]] = {
    "fields_get": reading.fields_get,
    "search": _search,
    "search_count": reading.search_count,
    "search_read": _search_read,
    "read": _read,
    "create": _create,
    "write": _write,
    "unlink": _unlink,
    "load": load,
    "name_search": _name_search,
    "get_external_id": _get_external_id,
    "get_metadata": _get_metadata,
    "check_access_rights": _check_access_rights,
    "has_access": _has_access,
    "exists": _exists,
    "export_data": _export_data,
    "action_archive": _archive(False),
    "action_unarchive": _archive(True),
}
