"""What a copied table is. Nothing flows in; `Table` and the two ways to write one down flow out.

Raw tables have the source's columns under the same names plus `_run_id`, `_loaded_at` and
`_deleted_at`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

# Odoo, or the service whose own database it is.
SourceName = str

# What a raw column is, by what the source calls its type. A service's uuid keys become text, so
# that keys of all services and the distribution key have one type; other types are the source's
# own, so that COPY BINARY fits.
SERVICE_RAW_TYPES = {"uuid": "text"}
ODOO_RAW_TYPES = {
    "boolean": "boolean",
    "char": "text",
    "date": "date",
    "datetime": "timestamptz",
    "float": "numeric",
    "html": "text",
    "integer": "bigint",
    "json": "jsonb",
    "many2many": "bigint[]",
    "many2one": "bigint",
    "monetary": "numeric",
    "one2many": "bigint[]",
    "selection": "text",
    "text": "text",
}

EVERY_LOAD = timedelta(0)
DAILY = timedelta(hours=20)
WEEKLY = timedelta(days=6, hours=20)


@dataclass(frozen=True)
class Column:
    """`source_type` is what the source must call it; `raw_type` is its type in the warehouse."""

    name: str
    source_type: str
    raw_type: str


@dataclass(frozen=True)
class Rule:
    """A contract on a row: where `broken` (SQL over the source row) is true, the row is rejected
    with `reason`.
    """

    reason: str
    broken: str


@dataclass(frozen=True)
class Index:
    """An index of a raw table: what builds and loads look rows up by. `name` is its own within the
    table; `expressions` are SQL over the raw columns.
    """

    name: str
    expressions: tuple[str, ...]


# What a build asks a large table for: what came since the last one.
LOADED_AT = Index("_loaded_at", ("_loaded_at",))


@dataclass(frozen=True)
class Table:
    """One table or model. `watermark` is the column that moves when a row is written; None: read
    whole each time.

    `sweep_every` is how often the keys of the whole source are compared with raw, which finds
    deletions and rows that came in under the watermark. `is_versioned`: every version of a row is
    kept in schema `snapshots`. `logged_columns`: where a row of an append-only table is edited or
    withdrawn after all, the former values of these columns are logged there (loaders/history.py).
    """

    source: SourceName
    source_name: str
    columns: tuple[Column, ...]
    watermark: str | None
    sweep_every: timedelta = EVERY_LOAD
    rules: tuple[Rule, ...] = ()
    indexes: tuple[Index, ...] = ()
    description: str = ""
    is_versioned: bool = False
    logged_columns: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        return f"raw_{self.source}"

    @property
    def name(self) -> str:
        """The name in the warehouse: an Odoo model with its dots as underscores."""
        return self.source_name.replace(".", "_")

    @property
    def is_append_only(self) -> bool:
        """What changes in it is the exception: it is logged, and looked for by sums alone."""
        return bool(self.logged_columns)

    @property
    def has_history(self) -> bool:
        return self.is_versioned or self.is_append_only

    @property
    def history_name(self) -> str:
        """The name of its versions, or of its log of changes, in schema `snapshots`."""
        if self.logged_columns:
            return f"{self.source}_{self.name.removesuffix('s')}_changes"
        return f"{self.source}_{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def key(self) -> Column:
        return self.columns[0]


def _columns(text: str, raw_types: dict[str, str]) -> tuple[Column, ...]:
    """`name type, name type` -> columns. A comma inside numeric(12,2) has no space behind it."""
    pairs = [entry.split() for entry in text.split(", ")]
    return tuple(Column(name, kind, raw_types.get(kind, kind)) for name, kind in pairs)


def service_table(
    service: str,
    name: str,
    text: str,
    watermark: str,
    description: str,
    rules: tuple[Rule, ...] = (),
    sweep_every: timedelta = EVERY_LOAD,
    indexes: tuple[Index, ...] = (),
    is_versioned: bool = False,
    logged_columns: tuple[str, ...] = (),
) -> Table:
    """A table of a service's own PostgreSQL database."""
    columns = _columns(text, SERVICE_RAW_TYPES)
    return Table(
        service,
        name,
        columns,
        watermark,
        sweep_every,
        (*_rules_of_types(columns), *rules),
        indexes,
        description,
        is_versioned,
        logged_columns,
    )


nexacloud_table = partial(service_table, "nexacloud")


def _rules_of_types(columns: tuple[Column, ...]) -> tuple[Rule, ...]:
    """What no row of any table may hold: no key, NaN for a number, infinity for an instant."""
    rules = [Rule(f"{columns[0].name} is null", f"{columns[0].name} is null")]
    for column in columns:
        if column.source_type.startswith("numeric"):
            rules.append(Rule(f"{column.name} is NaN", f"{column.name} = 'NaN'"))
        if column.source_type == "timestamptz":
            rules.append(Rule(f"{column.name} is infinite", f"not isfinite({column.name})"))
    return tuple(rules)


def odoo_table(
    model: str,
    text: str,
    description: str,
    watermark: str | None = "write_date",
    sweep_every: timedelta = EVERY_LOAD,
    indexes: tuple[Index, ...] = (),
    is_versioned: bool = False,
) -> Table:
    """`write_date` is refreshed by window; None for the small models that change without a
    write_date.
    """
    columns = _columns(f"id integer, {text}", ODOO_RAW_TYPES)
    return Table(
        "odoo", model, columns, watermark, sweep_every, (), indexes, description, is_versioned
    )
