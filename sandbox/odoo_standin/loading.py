"""`load()`: the bulk import that Odoo offers over RPC, and the one call that is safe to repeat.

Flows in: column paths, rows of strings, a context whose `mode` and `noupdate` decide whether an
existing external id is updated or left alone. Flows out: {'ids', 'messages', 'nextrow'}: row
errors are told, not raised, and one error means that nothing at all was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from sandbox.odoo_standin import external_ids, orm
from sandbox.odoo_standin.converters import Converter, Record, RowError
from sandbox.odoo_standin.environment import Env, Values
from sandbox.odoo_standin.errors import OdooError, RequiredFieldError, ValidationError
from sandbox.odoo_standin.extraction import Message, Path, check_columns, extract, path_of
from sandbox.odoo_standin.registry import Model

_MAX_ERRORS = 10
_SAVEPOINT = "model_load"
_INHERITS = {"product.product": ("product.template", "product_tmpl_id")}


def load(env: Env, model: Model, fields: Sequence[str], data: Sequence[Sequence[Any]]) -> Values:
    """Import rows; raises only for unknown columns and for values of an impossible type."""
    return _Import(env, model).run([path_of(name) for name in fields], data)


@dataclass
class _Item:
    """One record on its way in: external id, values, and where in the data it stands."""

    xmlid: str | None
    values: Values
    info: Message


@dataclass
class _Import:
    env: Env
    model: Model
    ids: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    batch: list[_Item] = field(default_factory=list)

    def run(self, paths: Sequence[Path], data: Sequence[Sequence[Any]]) -> Values:
        self.module = str(self.env.context.get("module", "__import__"))
        self.noupdate = bool(self.env.context.get("noupdate", False))
        self.is_update = self.env.context.get("mode", "init") == "update"
        self.env = self.env.with_context(_import_current_module=self.module)
        self.env.execute(f"savepoint {_SAVEPOINT}")
        check_columns(self.env, self.model, paths)
        converter = Converter(self.env, self.module, before_lookup=self.flush)
        for number, (record, info) in enumerate(extract(self.env, self.model, paths, data)):
            self._take(converter, number, record, info)
        self.flush()
        failed = any(message["type"] == "error" for message in self.messages)
        if failed:
            self.env.execute(f"rollback to savepoint {_SAVEPOINT}")
            self.env.cache.clear()
        return {"ids": False if failed else self.ids, "messages": self.messages, "nextrow": 0}

    # ------------------------------------------------------------------ one record

    def _take(self, converter: Converter, number: int, record: Record, info: Message) -> None:
        xmlid = record.get("id") or None
        record_id = self._database_id(record, number, info)
        values = converter.values(self.model, record, lambda f, e: self._log(number, info, f, e))
        info = info | {"record": number}
        if xmlid:
            xmlid = external_ids.qualified(str(xmlid), self.module)
            if any(item.xmlid == xmlid for item in self.batch):
                self.flush()  # the second row of a name must find the first one's record
        elif record_id:
            values["id"] = record_id
        self.batch.append(_Item(xmlid, values, info))

    def _database_id(self, record: Record, number: int, info: Message) -> int | None:
        value = record.get(".id")
        if not value:
            return None
        record_id = int(value) if str(value).isdigit() else None
        query = f"select 1 from {self.model.table} where id = %s"
        if record_id is not None and self.env.scalar(query, (record_id,)):
            return record_id
        message = f"Unknown database identifier '{value}'"
        self.messages.append(
            info | {"type": "error", "record": number, "field": ".id", "message": message}
        )
        return None

    def _log(self, number: int, info: Message, name: str, error: RowError) -> None:
        label = self.model.fields[name].string
        self.messages.append(
            info
            | {"type": error.kind, "record": number, "field": name, "message": error.text(label)}
            | error.more
            | {"field_name": label}
        )

    # ------------------------------------------------------------------ writing

    def flush(self) -> None:
        """Write the batch at once; if that fails, record by record to know which one is bad."""
        batch, self.batch = self.batch, []
        if not batch:
            return
        together: Message | None = None
        try:
            with _Savepoint(self.env):
                self.ids += self._load_records(batch)
            return
        except RequiredFieldError:
            pass  # PostgreSQL's refusal in Odoo: told below, by its record alone
        except OdooError as error:
            together = batch[0].info | {"type": "error", "message": str(error)}
        except (psycopg2.Error, ValueError, KeyError, ArithmeticError, TypeError):
            pass  # told below, by the record that causes it
        failures = self._one_by_one(batch)
        if failures and together is not None and together not in self.messages:
            self.messages.insert(0, together)

    def _one_by_one(self, batch: list[_Item]) -> int:
        failures = 0
        for number, item in enumerate(batch, start=1):
            try:
                with _Savepoint(self.env):
                    self.ids += self._load_records([item])
                continue
            except RequiredFieldError as error:
                told: Message = {"message": error.detail, "field": error.field}
            except psycopg2.Error as error:
                told = {"message": _database_message(error)}
            except OdooError as error:
                told = {"message": str(error)}
            except Exception as error:  # noqa: BLE001  (Odoo tells any error of a row)
                told = {"message": f"Unknown error during import: {type(error)}: {error}"}
            self.messages.append(item.info | {"type": "error"} | told)
            failures += 1
            if failures >= _MAX_ERRORS and failures >= number / 10:
                self.messages.append({"type": "warning", "message": _TOO_MANY})
                break
        return failures

    def _load_records(self, items: Sequence[_Item]) -> list[int]:
        """Create or update, by external id; return a record id per item, in order."""
        existing = external_ids.lookup(self.env, [item.xmlid for item in items if item.xmlid])
        found: dict[int, int] = {}
        to_create: list[int] = []
        for position, item in enumerate(items):
            record_id = self._existing(item, existing)
            if record_id is not None:
                found[position] = record_id
            elif item.xmlid or not self.is_update:
                to_create.append(position)
        created = self._create([items[position] for position in to_create])
        found |= dict(zip(to_create, created, strict=True))
        return [found[position] for position in range(len(items))]

    def _existing(self, item: _Item, existing: dict[str, Any]) -> int | None:
        """Return the id of a record that is there already, updated where the mode says so."""
        if not item.xmlid:
            record_id = item.values.get("id")
            if record_id is not None:
                orm.write(self.env, self.model, [record_id], item.values)
            return record_id
        row = existing.get(item.xmlid)
        if row is None:
            return None
        if row["model"] != self.model.name:
            raise ValidationError(
                f"For external id {item.xmlid} when trying to create/update a record of model "
                f"{self.model.name} found record of different model {row['model']} ({row['id']})"
            )
        query = f"select 1 from {self.model.table} where id = %s"
        if not self.env.scalar(query, (row["res_id"],)):
            self.env.execute("delete from ir_model_data where id = %s", (row["id"],))
            return None
        if not (self.is_update and row["noupdate"]):
            orm.write(self.env, self.model, [row["res_id"]], item.values)
        return int(row["res_id"])

    def _create(self, items: Sequence[_Item]) -> list[int]:
        if not items:
            return []
        ids = orm.create(self.env, self.model, [item.values for item in items])
        named = [
            (item.xmlid, record_id, self.noupdate)
            for item, record_id in zip(items, ids, strict=True)
            if item.xmlid
        ]
        external_ids.assign(self.env, self.model.name, named)
        if self.model.name in _INHERITS:
            self._name_parents(named)
        return ids

    def _name_parents(self, named: Sequence[tuple[str, int, bool]]) -> None:
        parent, link = _INHERITS[self.model.name]
        suffix = parent.replace(".", "_")
        parents = {
            row["id"]: row[link]
            for row in self.env.records(self.model.name, [record_id for _, record_id, _ in named])
        }
        external_ids.assign(
            self.env,
            parent,
            [(f"{name}_{suffix}", parents[record_id], flag) for name, record_id, flag in named],
        )


_TOO_MANY = (
    "Found more than 10 errors and more than one error per 10 records, "
    "interrupted to avoid showing too many errors."
)


class _Savepoint:
    """A nested transaction: an error undoes what happened inside, and goes on."""

    def __init__(self, env: Env) -> None:
        self._env = env

    def __enter__(self) -> None:
        self._env.execute("savepoint batch")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._env.execute("rollback to savepoint batch")
            self._env.cache.clear()
        self._env.execute("release savepoint batch")


def _database_message(error: psycopg2.Error) -> str:
    return str(error.diag.message_primary or error).strip()
