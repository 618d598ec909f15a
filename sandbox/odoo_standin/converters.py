"""What `load()` makes of a cell: numbers, dates, booleans, labels and three kinds of references.

Flows in: strings of an import. Flows out: values for create and write, or a row error worded as
Odoo words it. A warning (two records of one name) still gives a value: the first one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.odoo_standin import access, external_ids, reading
from sandbox.odoo_standin.environment import Env, Values
from sandbox.odoo_standin.registry import Field, Model
from sandbox.odoo_standin.values import parse_date, parse_datetime

Record = dict[str | None, Any]
Log = Callable[[str, "RowError"], None]
_REFERENCES = (None, "id", ".id")
_TRUE = ("1", "true", "yes")
_FALSE = ("", "0", "false", "no")


class RowError(ValueError):
    """One cell is wrong (or doubtful); `{field}` stands for the field's label."""

    def __init__(
        self, template: str, more: Mapping[str, Any] | None = None, kind: str = "error"
    ) -> None:
        super().__init__(template)
        self.template = template
        self.more = dict(more or {})
        self.kind = kind

    def text(self, label: str) -> str:
        return self.template.replace("{field}", label)

    def inside(self, label: str) -> RowError:
        """Return the same error seen from the parent: the label becomes a path."""
        return RowError(self.template.replace("{field}", "{field}/" + label), kind=self.kind)


@dataclass
class Converter:
    """Converts the records of one import."""

    env: Env
    module: str
    before_lookup: Callable[[], None]
    _seen: dict[Any, Any] = field(default_factory=dict)

    def values(self, model: Model, record: Record, log: Log) -> Values:
        """Convert a record's cells; errors go to `log` and leave the field out."""
        converted: Values = {}
        for name, cell in record.items():
            if name in _REFERENCES:
                continue
            described = model.fields[str(name)]
            if not cell:
                converted[str(name)] = False
                continue
            try:
                converted[str(name)] = self._convert(described, cell, log)
            except RowError as error:
                log(str(name), error)
        return converted

    def _convert(self, described: Field, cell: Any, log: Log) -> Any:
        match described.type:
            case "boolean":
                return _boolean(cell)
            case "integer":
                return _integer(cell)
            case "float" | "monetary":
                return _number(cell)
            case "date" | "datetime":
                return _moment(described.type, cell)
            case "selection":
                return _selection(described, cell)
            case "json":
                return _json(cell)
            case "many2one":
                return self._reference(described, cell[0], log)
            case "many2many":
                return [(6, 0, self._references(described, cell[0], log))]
            case "one2many":
                return self._lines(described, cell, log)
            case _:
                return cell

    # ------------------------------------------------------------------ references

    def _reference(self, described: Field, record: Record, log: Log) -> int | bool:
        kind = _referencing_part(record)
        return self._database_id(described, kind, record[kind], log)

    def _references(self, described: Field, record: Record, log: Log) -> list[int]:
        kind = _referencing_part(record)
        parts = record[kind].split(",")  # an int or a list has no split: Odoo raises, so do we
        ids = [self._database_id(described, kind, part, log) for part in parts]
        return [int(record_id) for record_id in ids if record_id]

    def _database_id(self, described: Field, kind: str | None, value: Any, log: Log) -> int | bool:
        model = self.env.model(str(described.relation))
        if kind is None:
            return self._by_name(described, model, str(value), log)
        if isinstance(value, str) and value.strip().lower() in _FALSE:
            return False
        is_number = kind == ".id"
        found = self._by_id(model, value) if is_number else self._by_xmlid(model, str(value))
        if found is None:
            raise _no_match("database id" if is_number else "external id", value, model.name)
        return found

    def _by_id(self, model: Model, value: Any) -> int | None:
        try:
            wanted = int(value)
        except ValueError:
            return None
        key = (model.name, wanted)
        if key not in self._seen:
            condition = access.rule(self.env, model, "read")
            access.check_right(self.env, model.name, "read") if not self._open(model) else None
            self._seen[key] = self.env.scalar(
                f"select t.id from {model.table} t where t.id = %s and "
                f"({'true' if self._open(model) else condition.sql})",
                (wanted, *(() if self._open(model) else condition.parameters)),
            )
        found: int | None = self._seen[key]
        return found

    @staticmethod
    def _open(model: Model) -> bool:
        # A tax of another company is found here; the company check refuses it afterwards.
        return model.name in ("account.tax", "account.account")

    def _by_xmlid(self, model: Model, value: str) -> int | None:
        name = external_ids.qualified(value.strip(), self.module)
        found = external_ids.resolve(self.env, name, model)
        if found is None:
            self.before_lookup()  # it may name a record of this very import
            found = external_ids.resolve(self.env, name, model)
        return found

    def _by_name(self, described: Field, model: Model, value: str, log: Log) -> int:
        matches = reading.name_search(self.env, model, value, operator="=")
        if not matches:
            raise _no_match("name", value, model.name)
        if len(matches) > 1:
            found = self.env.registry.build.many_matches.replace("{value}", value)
            text = f"{found} ({len(matches)} matches)"
            log(described.name, RowError(text, kind="warning"))
        return int(matches[0][0])

    # ------------------------------------------------------------------ lines

    def _lines(self, described: Field, records: Sequence[Record], log: Log) -> list[Any]:
        model = self.env.model(str(described.relation))

        def log_inside(name: str, error: RowError) -> None:
            inner = error.inside(model.fields[name].string)
            if error.kind == "error":
                raise inner
            log(described.name, inner)

        commands: list[Any] = []
        for record in records:
            values = self.values(model, record, log_inside)
            commands += self._line(described, record, values, log)
        return commands

    def _line(self, described: Field, record: Record, values: Values, log: Log) -> list[Any]:
        references = {
            name: value for name, value in record.items() if name in _REFERENCES and value
        }
        if not references:
            return [(0, 0, values)]
        kind = _referencing_part(references)
        try:
            record_id = self._database_id(described, kind, references[kind], log)
        except RowError:
            if kind != "id":
                raise
            return [(0, 0, values | {"id": str(references["id"])})]
        return [(4, record_id), (1, record_id, values)] if record_id else [(0, 0, values)]


def _referencing_part(record: Record) -> str | None:
    if any(name not in _REFERENCES for name in record):
        raise RowError("Can not create Many-To-One records indirectly, import the field separately")
    if len(record) > 1:
        raise RowError(
            "Ambiguous specification for field '{field}', "
            "only provide one of name, external id or database id"
        )
    return next(iter(record))


def _no_match(kind: str, value: Any, model: str) -> RowError:
    action: dict[str, Any] = {
        "name": "Possible Values",
        "type": "ir.actions.act_window",
        "target": "new",
        "view_mode": "list,form",
        "views": [[False, "list"], [False, "form"]],
        "context": {"create": False},
        "help": "See all possible values",
        "res_model": model if kind == "name" else "ir.model.data",
    }
    if kind != "name":
        action["domain"] = [["model", "=", model]]
    text = f"No matching record found for {kind} '{value}' in field '{{field}}'"
    return RowError(text, {"moreinfo": action})


# --------------------------------------------------------------------------- plain cells


def _boolean(cell: Any) -> bool:
    text = str(cell).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise RowError(
        f"Unknown value '{cell}' for boolean field '{{field}}'",
        {"moreinfo": "Use '1' for yes and '0' for no"},
    )


def _integer(cell: Any) -> int:
    try:
        return int(cell)
    except ValueError:
        raise RowError(f"'{cell}' does not seem to be an integer for field '{{field}}'") from None


def _number(cell: Any) -> Any:
    """Check that it is a number; the text goes on, so that no digit is lost on the way."""
    try:
        float(cell)
    except ValueError:
        raise RowError(f"'{cell}' does not seem to be a number for field '{{field}}'") from None
    return cell


def _moment(kind: str, cell: Any) -> str:
    try:
        if kind == "date":
            return str(parse_date(cell))
        return str(parse_datetime(cell))
    except ValueError:
        example = "2012-12-31" if kind == "date" else "2012-12-31 23:59:59"
        raise RowError(
            f"'{cell}' does not seem to be a valid {kind} for field '{{field}}'",
            {"moreinfo": f"Use the format '{example}'"},
        ) from None


def _selection(described: Field, cell: Any) -> str:
    for value, label in described.selection or ():
        if str(cell).lower() in (value.lower(), label.lower()):
            return value
    raise RowError(
        f"Value '{cell}' not found in selection field '{{field}}'",
        {"moreinfo": [label for _, label in described.selection or ()]},
    )


def _json(cell: Any) -> Any:
    if not isinstance(cell, str):
        raise TypeError(
            f"the JSON object must be str, bytes or bytearray, not {type(cell).__name__}"
        )
    try:
        return json.loads(cell)
    except ValueError:
        raise RowError(f"'{cell}' does not seem to be a valid JSON for field '{{field}}'") from None
