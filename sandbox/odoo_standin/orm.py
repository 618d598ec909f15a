"""Create, write and unlink for every model, with x2many commands.

Flows in: values as clients send them. Flows out: rows, stamped with user and transaction time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg2.extras import execute_values

from sandbox.odoo_standin import access, external_ids
from sandbox.odoo_standin.behaviour import behaviour_of
from sandbox.odoo_standin.environment import Env, Values
from sandbox.odoo_standin.errors import RequiredFieldError, missing
from sandbox.odoo_standin.registry import Field, Model
from sandbox.odoo_standin.values import to_column

_MAGIC = ("id", "create_uid", "create_date", "write_uid", "write_date", "display_name")


def create(env: Env, model: Model, vals_list: Sequence[Values]) -> list[int]:
    """Create records; return their ids in order. Raises the errors that Odoo raises."""
    access.check_right(env, model.name, "create")
    behaviour = behaviour_of(model.name)
    defaults = _defaults(model)
    completed = [{**defaults, **behaviour.defaults, **_known(model, vals)} for vals in vals_list]
    completed = behaviour.complete(env, completed)
    rows = [_row(env, model, vals) for vals in completed]
    for row in rows:
        _check_required(model, row)
    _check_references(env, model, rows)
    ids = _insert(env, model, rows)
    _create_lines(env, model, ids, completed)
    access.check_records(env, model, ids, "create") if not env.is_sudo else None
    external_ids.name_imported_lines(env, model.name, ids, vals_list)
    behaviour.created(env, ids, completed)
    return ids


def write(env: Env, model: Model, ids: Sequence[int], vals: Values) -> bool:
    """Write the same values to all records; raises MissingError for one that is gone."""
    access.check_right(env, model.name, "write")
    access.check_records(env, model, ids, "write")
    behaviour = behaviour_of(model.name)
    vals = behaviour.writing(env, list(ids), _known(model, vals))
    row = _row(env, model, vals, ids)
    _check_references(env, model, [row])
    update(env, model.name, ids, row)
    for name, value in vals.items():
        field = model.fields[name]
        if field.type == "one2many":
            for record_id in ids:
                _apply_lines(env, field, record_id, value)
    behaviour.written(env, list(ids), vals)
    return True


def update(env: Env, model: str, ids: Iterable[int], columns: Values) -> None:
    """Store column values as they are and stamp the rows: no checks, no hooks."""
    stamped = columns | {"write_uid": env.uid, "write_date": env.now}
    assignments = ", ".join(f"{name} = %s" for name in stamped)
    env.execute(
        f"update {env.model(model).table} set {assignments} where id = any(%s)",
        (*stamped.values(), list(ids)),
    )


def touch(env: Env, model: str, ids: Iterable[int]) -> None:
    """Bump write_date, as Odoo does when a stored computed field is recomputed."""
    update(env, model, ids, {})


def unlink(env: Env, model: Model, ids: Sequence[int]) -> bool:
    """Delete records and their external ids; nothing remains that tells of them."""
    behaviour_of(model.name).may_unlink(env)
    access.check_right(env, model.name, "unlink")
    access.check_records(env, model, ids, "unlink")
    behaviour_of(model.name).unlinking(env, list(ids))
    delete(env, model.name, ids)
    return True


def delete(env: Env, model: str, ids: Iterable[int]) -> None:
    """Delete rows and their external ids without asking."""
    gone = list(ids)
    env.execute(f"delete from {env.model(model).table} where id = any(%s)", (gone,))
    env.execute("delete from ir_model_data where model = %s and res_id = any(%s)", (model, gone))


# --------------------------------------------------------------------------- rows


def _defaults(model: Model) -> Values:
    return {"active": True} if "active" in model.fields else {}


def _known(model: Model, vals: Values) -> Values:
    for name in vals:
        if name not in model.fields:
            raise ValueError(f"Invalid field {name!r} in {model.name!r}")
    return {name: value for name, value in vals.items() if name not in _MAGIC}


def _row(env: Env, model: Model, vals: Values, ids: Sequence[int] = ()) -> Values:
    row: Values = {}
    for name, value in vals.items():
        field = model.fields[name]
        if field.column_type is None:
            continue
        if field.type == "many2many":
            row[name] = _links(env, model, field, value, ids)
        else:
            row[name] = to_column(env, model.name, field, value)
    return row


def _check_required(model: Model, row: Values) -> None:
    for field in model.fields.values():
        is_plain = field.column_type is not None and field.type not in ("boolean", "many2many")
        if field.required and is_plain and row.get(field.name) is None:
            raise RequiredFieldError(model.name, model.description, field.name, field.string)


def _check_references(env: Env, model: Model, rows: Sequence[Values]) -> None:
    """Raise MissingError for an id that does not exist, as Odoo does on account.move."""
    for field in model.fields.values():
        if field.relation is None or field.column_type is None:
            continue
        used: set[int] = set()
        for row in rows:
            value = row.get(field.name)
            used.update(value if isinstance(value, list) else [value] if value else [])
        _check_exist(env, field.relation, used)


def _check_exist(env: Env, model: str, ids: set[int]) -> None:
    known: set[int] = env.cached(("exists", model), set)
    if model not in env.registry.models or ids <= known:
        return
    query = f"select id from {env.model(model).table} where id = any(%s)"
    known.update(row[0] for row in env.tuples(query, (list(ids),)))
    for record_id in sorted(ids - known):
        raise missing(model, record_id, env.uid)


def _insert(env: Env, model: Model, rows: Sequence[Values]) -> list[int]:
    if not rows:
        return []
    stamp = {
        "create_uid": env.uid, "write_uid": env.uid,
        "create_date": env.now, "write_date": env.now,
    }  # fmt: skip
    names = sorted({name for row in rows for name in row} | stamp.keys())
    empty: Values = {
        name: [] for name in names if (model.fields[name].column_type or "").endswith("[]")
    }
    filled = [empty | row | stamp for row in rows]
    statement = f"insert into {model.table} ({', '.join(names)}) values %s returning id"
    values = [[row.get(name) for name in names] for row in filled]
    casts = [f"%s::{model.fields[name].column_type}" for name in names]
    found = execute_values(
        env.cursor, statement, values, f"({', '.join(casts)})", page_size=1000, fetch=True
    )
    return [row[0] for row in found]


# --------------------------------------------------------------------------- x2many commands


def _links(env: Env, model: Model, field: Field, value: Any, ids: Sequence[int]) -> list[int]:
    """Apply many2many commands to what is stored (nothing, for a new record)."""
    linked: list[int] = []
    if len(ids) > 0:
        linked = list(env.record(model.name, ids[0])[field.name])
    for command in value or []:
        code, target, rest = _command(command)
        match code:
            case 6:
                linked = [int(item) for item in rest or []]
            case 5:
                linked = []
            case 4:
                linked.append(target)
            case 3 | 2:
                linked = [item for item in linked if item != target]
            case 0 if field.relation is not None:
                linked += create(env, env.model(field.relation), [rest])
    if not value:
        linked = []
    return _sorted_links(env, field, list(dict.fromkeys(linked)))


def _sorted_links(env: Env, field: Field, ids: list[int]) -> list[int]:
    if field.relation != "account.tax" or len(ids) < 2:
        return ids
    query = "select id from account_tax where id = any(%s) order by sequence, id"
    found = [row[0] for row in env.tuples(query, (ids,))]
    return found + [record_id for record_id in ids if record_id not in found]


def _command(command: Any) -> tuple[int, int, Any]:
    if isinstance(command, int):  # a bare id means a link
        return 4, command, None
    code, *rest = command
    target = rest[0] if rest and isinstance(rest[0], int) else 0
    return code, target, rest[1] if len(rest) > 1 else None


def _create_lines(env: Env, model: Model, ids: Sequence[int], vals_list: Sequence[Values]) -> None:
    """Create the lines of all new records, one insert per one2many field."""
    for field in model.fields.values():
        if field.type != "one2many" or field.relation is None or field.inverse is None:
            continue
        lines: list[Values] = []
        for record_id, vals in zip(ids, vals_list, strict=True):
            for command in vals.get(field.name) or []:
                code, target, rest = _command(command)
                if code == 0:
                    lines.append({**rest, field.inverse: record_id})
                elif code in (4, 6):
                    linked = [target] if code == 4 else rest
                    write(env, env.model(field.relation), linked, {field.inverse: record_id})
        if lines:
            create(env.with_context(parent_creates=True), env.model(field.relation), lines)


def _apply_lines(env: Env, field: Field, record_id: int, value: Any) -> None:
    if field.relation is None or field.inverse is None:
        raise ValueError(f"Cannot write {field.name}: it has no inverse")
    comodel = env.model(field.relation)
    inner = env.with_context(parent_creates=True)
    for command in value or []:
        code, target, rest = _command(command)
        match code:
            case 0:
                create(inner, comodel, [{**rest, field.inverse: record_id}])
            case 1:
                write(inner, comodel, [target], rest)
            case 2 | 3:
                unlink(inner, comodel, [target])
            case 4:
                write(inner, comodel, [target], {field.inverse: record_id})
            case 5:
                _remove_others(inner, field, comodel, record_id, [])
            case 6:
                _remove_others(inner, field, comodel, record_id, rest)


def _remove_others(
    env: Env, field: Field, comodel: Model, record_id: int, kept: Sequence[int]
) -> None:
    query = f"select id from {comodel.table} where {field.inverse} = %s and id <> all(%s)"
    gone = [row[0] for row in env.tuples(query, (record_id, list(kept)))]
    if gone:
        unlink(env, comodel, gone)
