"""What models and fields there are, read from `metadata/` (as measured by fields_get).

Flows in: one JSON file per model. Flows out: immutable Field and Model descriptions, from which
tables, checks and answers are derived. The Community edition simply knows fewer of them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.odoo_standin.builds import BUILDS, DEFAULT, Build
from sandbox.odoo_standin.computed import COMPUTED, DISPLAY_NAME
from sandbox.odoo_standin.errors import UserError

_METADATA = Path(__file__).with_name("metadata")

_COLUMN_TYPES = {
    "integer": "bigint",
    "char": "text",
    "text": "text",
    "html": "text",
    "selection": "text",
    "boolean": "boolean",
    "float": "numeric",
    "monetary": "numeric",
    "date": "date",
    "datetime": "timestamp",
    "many2one": "bigint",
    "many2many": "bigint[]",
    "json": "jsonb",
    "binary": "jsonb",
}


@dataclass(frozen=True)
class Field:
    """One field: what fields_get tells of it, and where its value comes from."""

    name: str
    type: str
    string: str
    required: bool = False
    readonly: bool = False
    store: bool = True
    company_dependent: bool = False
    relation: str | None = None
    inverse: str | None = None
    selection: tuple[tuple[str, str], ...] | None = None
    digits: tuple[int, int] | None = None
    precision: str | None = None
    is_kept_as_sent: bool = False
    groups: str | None = None
    physical: bool = False  # a column here although Odoo calls it computed
    sql: str | None = None

    @property
    def column_type(self) -> str | None:
        """The type of the table's column; None where the value is computed."""
        if self.type == "one2many" or self.sql is not None or self.name == "id":
            return None
        if not (self.store or self.physical):
            return None
        return _COLUMN_TYPES[self.type]

    @property
    def is_numeric(self) -> bool:
        return self.type in ("float", "monetary")

    @property
    def is_x2many(self) -> bool:
        return self.type in ("one2many", "many2many")


@dataclass(frozen=True)
class Model:
    """One model: its table, its fields and how its records are called and ordered."""

    name: str
    description: str
    order: str
    fields: Mapping[str, Field]
    display_name_sql: str

    @property
    def table(self) -> str:
        return self.name.replace(".", "_")

    def field(self, name: str) -> Field:
        """Return a field; raises ValueError worded as Odoo's for an unknown one."""
        if name not in self.fields:
            raise ValueError(f"Invalid field {name!r} on {self.name!r}")
        return self.fields[name]


@dataclass(frozen=True)
class Registry:
    """All models of one edition, as one build has them."""

    models: Mapping[str, Model]
    is_community: bool
    build: Build

    def model(self, name: str) -> Model:
        """Return a model; raises UserError as Odoo does for one that is not installed."""
        if name not in self.models:
            raise UserError(f"Object {name} doesn't exist")
        return self.models[name]


def _field(name: str, data: Mapping[str, Any], sql: str | None, build: Build) -> Field:
    data = {key: value for key, value in data.items() if key != "enterprise"}
    if name in build.unrounded_fields and "precision" in data:
        data |= {"precision": None, "is_kept_as_sent": True}
    if "selection" in data:
        data["selection"] = tuple((value, label) for value, label in data["selection"])
    if "digits" in data:
        data["digits"] = tuple(data["digits"])
    return Field(name=name, sql=sql, **data)


def _model(name: str, data: Mapping[str, Any], community: bool, build: Build) -> Model:
    rec_name = data.get("rec_name", "name")
    plain = f"t.{rec_name}" if rec_name in data["fields"] else f"'{name},' || t.id"
    display = DISPLAY_NAME.get(name, plain)
    computed = COMPUTED.get(name, {}) | {"display_name": display}
    fields = {
        key: _field(key, value, computed.get(key), build)
        for key, value in data["fields"].items()
        if not (community and value.get("enterprise"))
    }
    return Model(name, data["description"], data.get("order", "id"), fields, display)


@functools.cache
def load_registry(community: bool = False, build: str = DEFAULT) -> Registry:
    """Read the metadata of an edition; `community` leaves Enterprise and fusion.billing.* out."""
    models, played = {}, BUILDS[build]
    for path in sorted(_METADATA.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if not (community and data.get("enterprise")):
            models[path.stem] = _model(path.stem, data, community, played)
    return Registry(models, community, played)
