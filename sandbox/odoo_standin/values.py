"""Single values: from RPC into columns, from columns into RPC.

Flows in: JSON values as clients send them. Flows out: what PostgreSQL stores, rounded silently to
the field's digits as Odoo does, and back: `false` for what is empty, seconds for datetimes.
"""

from __future__ import annotations

import datetime
import json
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.odoo_standin.environment import Env
from sandbox.odoo_standin.registry import Field

_DATE_FORMAT = "%Y-%m-%d"
_DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_FLOAT_EPSILON = Decimal(2) ** -52
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.I | re.S)
_BARE_AMPERSAND = re.compile(r"&(?!\w+;|#\d+;)")


def parse_date(value: Any) -> datetime.date | None:
    """Parse as Odoo's Date.to_date does: the first ten characters count."""
    if not value:
        return None
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    return datetime.datetime.strptime(str(value)[:10], _DATE_FORMAT).date()  # noqa: DTZ007


def parse_datetime(value: Any) -> datetime.datetime:
    """Parse a UTC datetime (or a date, its midnight); fractions of a second are ignored."""
    if isinstance(value, datetime.datetime):
        return value.replace(microsecond=0, tzinfo=None)
    text = str(value)[:19].replace("T", " ")
    if len(text) == 10:
        text += " 00:00:00"
    return datetime.datetime.strptime(text, _DATETIME_FORMAT)  # noqa: DTZ007


def to_decimal(value: Any) -> Decimal:
    """Return the number as the client wrote it: 9.17 is 9.17, not its binary neighbour."""
    if value is None or value is False or value == "":
        return Decimal(0)
    if value is True:
        return Decimal(1)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"could not convert string to float: {value!r}") from error
    if not number.is_finite():
        raise ValueError("cannot convert float NaN to integer")
    return number


def round_to(value: Decimal, digits: int) -> Decimal:
    """Round half up (away from zero), forgiving binary noise just under the half as Odoo does."""
    step = Decimal(1).scaleb(-digits)
    tolerance = abs(value) * _FLOAT_EPSILON
    nudged = value + tolerance.copy_sign(value)
    return nudged.quantize(step, rounding=ROUND_HALF_UP)


def field_digits(env: Env, field: Field) -> int | None:
    """Return the decimals that a float field keeps; None where it keeps all."""
    if field.precision is not None:
        return env.digits(field.precision)
    return field.digits[1] if field.digits is not None else None


def _number(env: Env, field: Field, value: Any) -> Decimal:
    number = to_decimal(value)
    digits = 2 if field.type == "monetary" else field_digits(env, field)
    # A client's number is a binary float to Odoo: its exact value is what gets rounded.
    return number if digits is None else round_to(Decimal(float(number)), digits)


def _selection(model: str, field: Field, value: Any) -> str | None:
    if value in (None, False, ""):
        return None
    if field.selection is not None and value not in (item for item, _ in field.selection):
        raise ValueError(f"Wrong value for {model}.{field.name}: {value!r}")
    return str(value)


def to_column(env: Env, model: str, field: Field, value: Any) -> Any:
    """Convert one value for its column; raises ValueError worded as Odoo's for a bad one."""
    match field.type:
        case "boolean":
            return bool(value)
        case "integer":
            return int(value or 0)
        case "float" | "monetary":
            return _number(env, field, value)
        case "selection":
            return _selection(model, field, value)
        case "date":
            return parse_date(value)
        case "datetime":
            return parse_datetime(value) if value else None
        case "many2one":
            return int(value) if value else None
        case "json" | "binary":
            return json.dumps(value) if value else None
        case "html":
            return _sanitised(str(value)) if value else None
        case _:
            return None if value in (None, False, "") else str(value)


def _sanitised(text: str) -> str:
    """Drop scripts, escape bare ampersands, and make a paragraph of plain text."""
    safe = _BARE_AMPERSAND.sub("&amp;", _SCRIPT.sub("", text))
    return safe if "<" in safe else f"<p>{safe}</p>"


def select_expression(field: Field, source: str) -> str:
    """Return the SQL that already gives a field in RPC's clothes."""
    match field.type:
        case "float" | "monetary":
            return f"coalesce({source}, 0)::float8"
        case "integer" if field.name != "id":
            return f"coalesce({source}, 0)"
        case "boolean":
            return f"coalesce({source}, false)"
        case "date":
            return f"to_char({source}, 'YYYY-MM-DD')"
        case "datetime":
            return f"to_char({source}, 'YYYY-MM-DD HH24:MI:SS')"
        case _:
            return source


def to_rpc(value: Any) -> Any:
    """Empty is `false` over RPC; everything else passes."""
    return False if value is None or value == "" else value
