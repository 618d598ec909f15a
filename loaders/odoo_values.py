"""Odoo's JSON as COPY text. A record as the port gives it flows in; one line of COPY's text format
flows out.

`false` is Odoo's empty value and becomes NULL, except where the field is a boolean. A many2one is
its id. Numbers keep the digits that Odoo wrote: they are Decimals, and no float touches them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from loaders.contracts import Column

NULL = "\\N"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})

Convert = Callable[[Any], str]


class BrokenValue(ValueError):
    """A value that the contract does not allow; the text is the reason of the rejection."""


def line_maker(columns: Sequence[Column]) -> Callable[[Mapping[str, Any]], str]:
    """A function from record to line. Raises BrokenValue with the column and the reason."""
    plan = [
        (column.name, CONVERTERS[column.source_type], EMPTY.get(column.source_type, NULL))
        for column in columns
    ]

    def line(record: Mapping[str, Any]) -> str:
        try:
            cells = [
                empty if (value := record[name]) is False else convert(value)
                for name, convert, empty in plan
            ]
        except (ValueError, TypeError, KeyError):
            raise _first_broken(columns, record) from None
        return "\t".join(cells) + "\n"

    return line


def _first_broken(columns: Sequence[Column], record: Mapping[str, Any]) -> BrokenValue:
    """Which column it was: asked only once a record is known to be broken."""
    for column in columns:
        if column.name not in record:
            return BrokenValue(f"{column.name}: not in Odoo's answer")
        try:
            CONVERTERS[column.source_type](record[column.name])
        except (ValueError, TypeError) as error:
            return BrokenValue(f"{column.name}: {error}")
    raise AssertionError("a record that broke once does not break again")


def text(value: object) -> str:
    if isinstance(value, str):
        # Cheaper than a search: what COPY must have escaped is a backslash or does not print.
        if value.isprintable() and "\\" not in value:
            return value
        return value.translate(ESCAPES)
    if value is False or value is None:
        return NULL
    raise BrokenValue(f"a {type(value).__name__} is not a text")


def boolean(value: object) -> str:
    if not isinstance(value, bool):
        raise BrokenValue(f"{value!r} is not a boolean")
    return "t" if value else "f"


def integer(value: object) -> str:
    if value is False or value is None:
        return NULL
    if isinstance(value, bool) or not isinstance(value, int):
        raise BrokenValue(f"{value!r} is not an integer")
    return str(value)


def number(value: object) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)  # 1E-7 is a numeric to PostgreSQL, too
    if value is False or value is None:
        return NULL
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BrokenValue(f"{value} is not a number")


def many2one(value: object) -> str:
    """[id, label] -> id. The label is for people and changes with their language."""
    if isinstance(value, list) and value:
        value = value[0]
    return integer(value)


def x2many(value: object) -> str:
    if not isinstance(value, list):
        raise BrokenValue(f"{value!r} is not a list of ids")
    return "{" + ",".join(integer(item) for item in value) + "}"


def instant(value: object) -> str:
    """Odoo's 'YYYY-MM-DD HH:MM:SS' is UTC and does not say so."""
    if value is False or value is None:
        return NULL
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        raise BrokenValue(f"{value!r} is not a date and time")
    return value + "+00"


def day(value: object) -> str:
    if value is False or value is None:
        return NULL
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise BrokenValue(f"{value!r} is not a date")
    return value


def json_value(value: object) -> str:
    return NULL if value is False or value is None else text(exact_json(value))


def exact_json(value: object) -> str:
    """json.dumps, with Decimals as the digits that they are."""
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_quoted(str(k))}: {exact_json(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(exact_json, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        # JSON has no NaN: where a broken row is kept as evidence, the word has to do.
        return format(value, "f") if value.is_finite() else _quoted(str(value))
    raise BrokenValue(f"{value!r} is not JSON")


def _quoted(value: str) -> str:
    # jsonb has no way to hold U+0000.
    return encode_basestring(value.replace("\0", ""))


INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")

# What `false` is where it is not NULL.
EMPTY = {"boolean": "f", "many2many": "{}", "one2many": "{}"}

CONVERTERS: dict[str, Convert] = {
    "boolean": boolean,
    "char": text,
    "date": day,
    "datetime": instant,
    "float": number,
    "html": text,
    "integer": integer,
    "json": json_value,
    "many2many": x2many,
    "many2one": many2one,
    "monetary": number,
    "one2many": x2many,
    "selection": text,
    "text": text,
}
