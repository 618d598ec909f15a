"""External ids (ir.model.data): looked up, written and told, all in the caller's transaction.

Flows in: names such as `dwh_pub.key`, records. Flows out: rows in ir_model_data, unique by module
and name: under REPEATABLE READ the loser of a race for one name gets PostgreSQL's serialization
error, which is what makes `load()` safe to repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg2.extras import execute_values

from sandbox.odoo_standin import access
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.registry import Model


def lookup(env: Env, names: Iterable[str]) -> dict[str, Row]:
    """Return the rows of existing external ids by full name."""
    pairs = [tuple(name.split(".", 1)) for name in names]
    if not pairs:
        return {}
    rows = execute_values(
        env.cursor,
        """select d.id, d.module, d.name, d.model, d.res_id, d.noupdate
           from ir_model_data d join (values %s) as wanted (module, name) using (module, name)""",
        pairs,
        fetch=True,
        page_size=len(pairs),
    )
    keys = ("id", "module", "name", "model", "res_id", "noupdate")
    return {f"{row[1]}.{row[2]}": dict(zip(keys, row, strict=True)) for row in rows}


def resolve(env: Env, name: str, model: Model) -> int | None:
    """Return the id behind an external id; ValueError when it names another model's record."""
    row = lookup(env, [name]).get(name)
    if row is None:
        return None
    if row["model"] != model.name:
        raise ValueError(
            f"Invalid external ID {name}: expected model {model.name!r}, found {row['model']!r}"
        )
    exists = env.scalar(f"select 1 from {model.table} where id = %s", (row["res_id"],))
    return int(row["res_id"]) if exists else None


def assign(env: Env, model: str, named: Sequence[tuple[str, int, bool]]) -> None:
    """Write (name, record id, noupdate); the first noupdate stays, whatever later loads say."""
    rows = [
        (*name.split(".", 1), model, record_id, noupdate, env.uid, env.uid, env.now, env.now)
        for name, record_id, noupdate in dict.fromkeys(named)
    ]
    if rows:
        execute_values(
            env.cursor,
            """insert into ir_model_data (module, name, model, res_id, noupdate,
                   create_uid, write_uid, create_date, write_date) values %s
               on conflict (module, name) do update set model = excluded.model,
                   res_id = excluded.res_id, write_date = excluded.write_date""",
            rows,
            page_size=len(rows),
        )


def name_imported_lines(env: Env, model: str, ids: Sequence[int], vals: Sequence[Values]) -> None:
    """Name the lines that an import gave an external id of their own (a string `id`)."""
    module = env.context.get("_import_current_module")
    if not module:
        return
    noupdate = bool(env.context.get("noupdate", False))
    named = [
        (qualified(str(values["id"]), module), record_id, noupdate)
        for record_id, values in zip(ids, vals, strict=True)
        if isinstance(values.get("id"), str) and values["id"]
    ]
    assign(env, model, named)


def qualified(name: str, module: str) -> str:
    """Return the full name: without a dot it belongs to the importing module."""
    return name if "." in name else f"{module}.{name}"


def get_external_id(env: Env, model: Model, ids: Sequence[int]) -> dict[str, str]:
    """Return {"<id>": "module.name"}, '' where there is none; needs no right, as in Odoo."""
    rows = env.tuples(
        """select distinct on (res_id) res_id, module || '.' || name from ir_model_data
           where model = %s and res_id = any(%s) order by res_id, id""",
        (model.name, list(ids)),
    )
    names = dict(rows)
    return {str(record_id): names.get(record_id, "") for record_id in ids}


def get_metadata(env: Env, model: Model, ids: Sequence[int]) -> list[Row]:
    """Return who made and changed records, and their external ids."""
    access.check_right(env, model.name, "read")
    access.check_records(env, model, ids, "read")
    rows = env.rows(
        f"""select t.id, t.create_uid, t.write_uid,
                to_char(t.create_date, 'YYYY-MM-DD HH24:MI:SS') as create_date,
                to_char(t.write_date, 'YYYY-MM-DD HH24:MI:SS') as write_date
            from {model.table} t where t.id = any(%s) order by t.id""",
        (list(ids),),
    )
    names: dict[int, list[Row]] = {}
    for entry in env.rows(
        """select res_id, module || '.' || name as xmlid, noupdate from ir_model_data
           where model = %s and res_id = any(%s) order by id""",
        (model.name, list(ids)),
    ):
        names.setdefault(entry.pop("res_id"), []).append(entry)
    for row in rows:
        own = names.get(row["id"], [])
        row["xmlids"] = own
        row["xmlid"] = own[0]["xmlid"] if own else False
        row["noupdate"] = own[0]["noupdate"] if own else False
        for key in ("create_uid", "write_uid"):
            row[key] = _user_pair(env, row[key])
    return rows


def _user_pair(env: Env, user_id: int | None) -> Any:
    if not user_id:
        return False
    name = env.scalar(
        "select p.name from res_users u join res_partner p on p.id = u.partner_id where u.id = %s",
        (user_id,),
    )
    return [user_id, name or ""]


def check_object_reference(env: Env, module: str, name: str, *_: Any) -> list[Any]:
    """Return [model, id] of an external id; ValueError when there is none."""
    row = lookup(env, [f"{module}.{name}"]).get(f"{module}.{name}")
    if row is None:
        raise ValueError(f"External ID not found in the system: {module}.{name}")
    right = access.may(env, row["model"], "read")
    return [row["model"], row["res_id"] if right else False]
