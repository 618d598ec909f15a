"""Reading: fields_get, search, read, search_read, name_search.

Flows in: domains, field names, paging. Flows out: records in RPC's clothes: many2one as
[id, display_name], `false` for what is empty, ids for x2many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sandbox.odoo_standin import access
from sandbox.odoo_standin.computed import ONE2MANY_CONDITION, READS_MODEL
from sandbox.odoo_standin.domain import column, where
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.registry import Field, Model
from sandbox.odoo_standin.values import field_digits, select_expression, to_rpc

_ORDER_PART = re.compile(r"^\s*([a-z_][\w.]*)\s*(asc|desc)?(?:\s+nulls\s+(first|last))?\s*$", re.I)
INSTALLED_LANGUAGES = ("en_US",)


def fields_get(
    env: Env,
    model: Model,
    allfields: Sequence[str] | None = None,
    attributes: Sequence[str] | None = None,
) -> dict[str, Values]:
    """Describe fields; unknown and hidden names are dropped in silence, as Odoo does."""
    result = {}
    for field in model.fields.values():
        if (allfields and field.name not in allfields) or not access.field_is_visible(env, field):
            continue
        described = _describe(env, field)
        result[field.name] = {
            key: value for key, value in described.items() if not attributes or key in attributes
        }
    return result


def _describe(env: Env, field: Field) -> Values:
    described: Values = {
        "type": field.type,
        "string": field.string,
        "name": field.name,
        "required": field.required,
        "readonly": field.readonly,
        "store": field.store,
        "company_dependent": field.company_dependent,
        "searchable": True,
        "sortable": field.store and not field.is_x2many,
    }
    if field.relation is not None:
        described |= {"relation": field.relation}
    if field.inverse is not None:
        described |= {"relation_field": field.inverse}
    if field.selection is not None:
        described |= {"selection": [list(item) for item in field.selection]}
    if field.groups is not None:
        described |= {"groups": field.groups}
    digits = field_digits(env, field)
    if digits is not None:
        width = field.digits[0] if field.digits else 16
        described |= {"digits": [width, digits]}
    if field.is_kept_as_sent:
        described |= {"digits": False, "min_display_digits": 2}
    return described


def search(
    env: Env,
    model: Model,
    domain: Sequence[Any],
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
) -> list[int]:
    """Return the ids that match, of those that the record rules show."""
    access.check_right(env, model.name, "read")
    condition, rule = where(env, model, domain), access.rule(env, model, "read")
    query = f"select t.id from {model.table} t where ({condition.sql}) and ({rule.sql})"
    query += f" order by {order_by(model, order)}"
    if limit:
        query += f" limit {int(limit)}"
    if offset:
        query += f" offset {int(offset)}"
    return [row[0] for row in env.tuples(query, (*condition.parameters, *rule.parameters))]


def search_count(env: Env, model: Model, domain: Sequence[Any], limit: int | None = None) -> int:
    """Count what `search` would return."""
    access.check_right(env, model.name, "read")
    condition, rule = where(env, model, domain), access.rule(env, model, "read")
    query = f"select count(*) from {model.table} t where ({condition.sql}) and ({rule.sql})"
    count = int(env.scalar(query, (*condition.parameters, *rule.parameters)))
    return min(count, limit) if limit else count


def order_by(model: Model, order: str | None) -> str:
    """Translate an order; raises ValueError for an unknown field, UserError for nonsense."""
    parts = []
    for piece in (order or model.order).split(","):
        match = _ORDER_PART.match(piece)
        if match is None:
            raise UserError(
                f'Invalid "order" specified ({order!r}): a comma-separated list of fields'
            )
        name, direction, nulls = match.groups()
        if name not in model.fields:
            raise ValueError(f"Invalid field {name!r} on model {model.name!r}")
        source = column(model, model.fields[name])
        parts.append(f"{source} {direction or 'asc'}" + (f" nulls {nulls}" if nulls else ""))
    return ", ".join(parts)


def read(env: Env, model: Model, ids: Sequence[int], names: Sequence[str] | None) -> list[Row]:
    """Read records in the order of ids; missing ones are left out, without an error."""
    access.check_right(env, model.name, "read")
    access.check_records(env, model, ids, "read")
    return _fetch(env, model, ids, _fields_to_read(env, model, names))


def search_read(
    env: Env,
    model: Model,
    domain: Sequence[Any],
    names: Sequence[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
) -> list[Row]:
    """Search, then read what was found, in the order found."""
    fields = _fields_to_read(env, model, names)
    return _fetch(env, model, search(env, model, domain, offset, limit, order), fields)


def _fields_to_read(env: Env, model: Model, names: Sequence[str] | None) -> list[Field]:
    if not names:
        return [
            field for field in model.fields.values()
            if access.field_is_visible(env, field) and _may_read_through(env, model, field)
        ]  # fmt: skip
    fields = [model.field(name) for name in dict.fromkeys(["id", *names])]
    for field in fields:
        access.check_field(env, model, field)
        _check_read_through(env, model, field)
    return fields


def _source_model(model: Model, field: Field) -> str | None:
    """The other model that a field's value comes from, whose rights count too."""
    if field.is_x2many:
        return field.relation
    return READS_MODEL.get((model.name, field.name))


def _may_read_through(env: Env, model: Model, field: Field) -> bool:
    source = _source_model(model, field)
    return source is None or access.may(env, source, "read")


def _check_read_through(env: Env, model: Model, field: Field) -> None:
    source = _source_model(model, field)
    # Authorised transactions alone are read with elevated rights in Odoo: an empty list for all.
    if source is None or field.name == "authorized_transaction_ids":
        return
    access.check_read_through(env, source, model.name, field.name)


def _fetch(env: Env, model: Model, ids: Sequence[int], fields: Sequence[Field]) -> list[Row]:
    if not ids:
        return []
    selected = ", ".join(f"{_expression(env, model, field)} as {field.name}" for field in fields)
    query = f"select {selected} from {model.table} t where t.id = any(%s)"
    names = [field.name for field in fields]
    by_id: dict[int, Row] = {}
    for values in env.tuples(query, (list(ids),)):
        row = dict(zip(names, values, strict=True))
        by_id[row["id"]] = row
    rows = [by_id[record_id] for record_id in dict.fromkeys(ids) if record_id in by_id]
    for field in fields:
        _dress(env, field, rows)
    return rows


def _expression(env: Env, model: Model, field: Field) -> str:
    if field.type == "one2many" and field.sql is None:
        return _one2many(env, model, field)
    return select_expression(field, column(model, field))


def _one2many(env: Env, model: Model, field: Field) -> str:
    if field.relation is None or field.inverse is None:
        raise ValueError(f"{model.name}.{field.name} has no inverse in the metadata")
    comodel = env.model(field.relation)
    conditions = [f"x.{field.inverse} = t.id"]
    if "active" in comodel.fields and env.context.get("active_test", True):
        conditions.append("x.active")
    extra = ONE2MANY_CONDITION.get((model.name, field.name))
    if extra is not None:
        conditions.append(extra)
    first = "x.sequence, x.id" if "sequence" in comodel.fields else "x.id"
    wanted = " and ".join(conditions)
    return f"array(select x.id from {comodel.table} x where {wanted} order by {first})"


def _dress(env: Env, field: Field, rows: list[Row]) -> None:
    name = field.name
    if field.type == "many2one" and field.relation is not None:
        ids = {row[name] for row in rows if row[name]}
        names = display_names(env, env.model(field.relation), ids) if ids else {}
        for row in rows:
            row[name] = [row[name], names.get(row[name], "")] if row[name] else False
    elif field.type not in ("float", "monetary", "integer", "boolean") and not field.is_x2many:
        for row in rows:
            row[name] = to_rpc(row[name])


def display_names(env: Env, model: Model, ids: Iterable[int]) -> dict[int, str]:
    """Return how records are called; read rights on them are not needed for that."""
    query = f"select t.id, {model.display_name_sql} from {model.table} t where t.id = any(%s)"
    return {record_id: name or "" for record_id, name in env.tuples(query, (list(ids),))}


def name_search(
    env: Env,
    model: Model,
    name: str = "",
    domain: Sequence[Any] | None = None,
    operator: str = "ilike",
    limit: int = 100,
) -> list[list[Any]]:
    """Find records by name; codes count as names where Odoo lets them."""
    leaves: list[Any] = list(domain or [])
    if name:
        keys = [key for key in ("display_name", "name", *_CODE_FIELDS.get(model.name, ()))
                if key in model.fields]  # fmt: skip
        leaves += ["|"] * (len(keys) - 1) + [[key, operator, name] for key in keys]
    ids = search(env, model, leaves, limit=limit)
    names = display_names(env, model, ids)
    return [[record_id, names[record_id]] for record_id in ids]


_CODE_FIELDS = {
    "res.country": ("code",),
    "res.country.state": ("code",),
    "res.partner": ("ref", "email"),
    "product.product": ("default_code",),
    "product.template": ("default_code",),
    "account.journal": ("code",),
    "account.account": ("code",),
}


def check_language(env: Env) -> None:
    """Raise UserError for a language that is not installed, as translated reads do."""
    language = env.context.get("lang")
    if language and language not in INSTALLED_LANGUAGES:
        raise UserError(f"Invalid language code: {language}")
