"""Odoo's JSON as COPY text. A record as the port gives it flows in; one line of COPY's text format
flows out.

`false` is Odoo's empty value and becomes NULL, except where the field is a boolean. A many2one is
its id. Numbers keep the digits that Odoo wrote: they are Decimals, and no float touches them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from loaders.contracts import Column

NULL = "\\N"
INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})

Convert = Callable[[Any], str]
ConvertColumn = Callable[[list[Any]], list[str]]


class BrokenValue(ValueError):
    """A value that the contract does not allow; the text is the reason of the rejection."""


def lines(
    columns: Sequence[Column], page: Sequence[Mapping[str, Any]], end: str = "\n"
) -> list[str]:
    """One line a record, made column by column: a call for each column, not for each cell. `end`
    stands at the end of each.

    Raises BrokenValue or KeyError where any record is broken; `line` tells which.
    """
    cells = [
        COLUMN_CONVERTERS[column.source_type]([record[column.name] for record in page])
        for column in columns
    ]
    return ["\t".join(row) + end for row in zip(*cells, strict=True)]


def line(columns: Sequence[Column], record: Mapping[str, Any], end: str = "\n") -> str:
    """One record's line. Raises BrokenValue with the column and the reason."""
    cells = []
    for column in columns:
        if column.name not in record:
            raise BrokenValue(f"{column.name}: not in Odoo's answer")
        try:
            cells.append(CONVERTERS[column.source_type](record[column.name]))
        except BrokenValue as error:
            raise BrokenValue(f"{column.name}: {error}") from None
    return "\t".join(cells) + end


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
    if isinstance(value, str):
        return _instant_text(value)
    if value is False or value is None:
        return NULL
    raise BrokenValue(f"{value!r} is not a date and time")


def day(value: object) -> str:
    if isinstance(value, str):
        return _day_text(value)
    if value is False or value is None:
        return NULL
    raise BrokenValue(f"{value!r} is not a date")


# Neighbours share their instants and days: most are looked up and not matched.
@lru_cache(4096)
def _instant_text(value: str) -> str:
    if not INSTANT.fullmatch(value):
        raise BrokenValue(f"{value!r} is not a date and time")
    return value + "+00"


@lru_cache(4096)
def _day_text(value: str) -> str:
    if not DAY.fullmatch(value):
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


# A column at a time: the usual value is converted in place, everything else by the function above.


def _texts(values: list[Any]) -> list[str]:
    return [
        value if type(value) is str and value.isprintable() and "\\" not in value else text(value)
        for value in values
    ]


def _booleans(values: list[Any]) -> list[str]:
    return ["t" if value is True else boolean(value) for value in values]


def _numbers(values: list[Any]) -> list[str]:
    return [
        str(value) if type(value) is Decimal and value.is_finite() else number(value)
        for value in values
    ]


def _integers(values: list[Any]) -> list[str]:
    return [str(value) if type(value) is int else integer(value) for value in values]


def _many2ones(values: list[Any]) -> list[str]:
    return [
        NULL
        if value is False
        else str(value[0])
        if type(value) is list and value and type(value[0]) is int
        else many2one(value)
        for value in values
    ]


def _x2manys(values: list[Any]) -> list[str]:
    return ["{}" if value == [] else x2many(value) for value in values]


def _one_by_one(convert: Convert) -> ConvertColumn:
    return lambda values: list(map(convert, values))


COLUMN_CONVERTERS: dict[str, ConvertColumn] = {
    "boolean": _booleans,
    "char": _texts,
    "date": _one_by_one(day),
    "datetime": _one_by_one(instant),
    "float": _numbers,
    "html": _texts,
    "integer": _integers,
    "json": _one_by_one(json_value),
    "many2many": _x2manys,
    "many2one": _many2ones,
    "monetary": _numbers,
    "one2many": _x2manys,
    "selection": _texts,
    "text": _texts,
}
