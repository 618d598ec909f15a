"""Search domains in Polish notation -> SQL, with Odoo 19's semantics.

Flows in: a domain as it came over RPC. Flows out: a condition over the row `t` and its parameters.
Datetimes are compared by whole seconds, however exact the value; empty text equals false.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.odoo_standin.environment import Env
from sandbox.odoo_standin.registry import Field, Model
from sandbox.odoo_standin.values import parse_date, parse_datetime

_COMPARISONS = ("<", "<=", ">", ">=")
_LIKES = {
    "like": ("like", True), "ilike": ("ilike", True),
    "not like": ("not like", True), "not ilike": ("not ilike", True),
    "=like": ("like", False), "=ilike": ("ilike", False),
    "not =like": ("not like", False), "not =ilike": ("not ilike", False),
}  # fmt: skip
_OPERATORS = {"=", "!=", "<>", "==", "in", "not in", "any", "not any", *_COMPARISONS, *_LIKES}
_SECOND = datetime.timedelta(seconds=1)


@dataclass(frozen=True)
class Condition:
    """A boolean SQL expression and its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def negated(self) -> Condition:
        return Condition(f"(not coalesce(({self.sql}), false))", self.parameters)


TRUE = Condition("true")
FALSE = Condition("false")


def joined(conditions: Sequence[Condition], operator: str) -> Condition:
    """Combine conditions by `and` / `or`."""
    if len(conditions) == 1:
        return conditions[0]
    sql = f" {operator} ".join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(p for condition in conditions for p in condition.parameters))


def where(env: Env, model: Model, domain: Sequence[Any]) -> Condition:
    """Translate a domain, with the implicit active filter; raises ValueError for a bad leaf."""
    leaves = list(domain)
    mentions_active = any(not isinstance(leaf, str) and leaf[0] == "active" for leaf in leaves)
    if "active" in model.fields and env.context.get("active_test", True) and not mentions_active:
        leaves.append(["active", "=", True])
    return translate(env, model, leaves)


def translate(env: Env, model: Model, domain: Sequence[Any]) -> Condition:
    """Translate exactly what is given, nothing implied but the `and` between the parts."""
    stack: list[Condition] = []
    for token in reversed(list(domain)):
        if token == "!":
            stack.append(stack.pop().negated())
        elif token in ("&", "|"):
            if len(stack) < 2:
                raise ValueError(f"Domain {list(domain)!r} is malformed")
            left, right = stack.pop(), stack.pop()
            stack.append(joined([left, right], "and" if token == "&" else "or"))
        else:
            stack.append(_leaf(env, model, token))
    return joined(list(reversed(stack)), "and") if stack else TRUE


def _leaf(env: Env, model: Model, token: Any) -> Condition:
    if not isinstance(token, list | tuple) or len(token) != 3:
        raise ValueError(f"Invalid leaf {token!r} in a domain")
    path, operator, value = token
    if path in (0, 1) and operator == "=":  # (0, '=', 1) and (1, '=', 1): never, always
        return TRUE if path == value else FALSE
    if operator not in _OPERATORS:
        raise ValueError(f"Invalid operator {operator!r} in condition {tuple(token)!r}")
    name, _, rest = str(path).partition(".")
    operator = str(operator)
    if name not in model.fields:
        raise ValueError(f"Invalid field {model.name}.{name} in condition {tuple(token)!r}")
    field = model.fields[name]
    if rest:
        return _related(env, field, [[rest, operator, value]])
    if operator in ("any", "not any"):
        inner = _related(env, field, value)
        return inner if operator == "any" else inner.negated()
    operator = {"<>": "!=", "==": "="}.get(operator, operator)
    return _compare(env, model, field, operator, value)


def column(model: Model, field: Field) -> str:
    """Return the SQL of a field's value in row `t`; raises ValueError where there is none."""
    if field.sql is not None:
        return f"({field.sql})"
    if field.name == "id" or field.column_type is not None:
        return f"t.{field.name}"
    if field.type == "one2many":
        return f"t.{field.name}"
    raise ValueError(f"Cannot convert {model.name}.{field.name} to SQL because it is not stored")


def _related(env: Env, field: Field, domain: Sequence[Any]) -> Condition:
    """Condition on the records that a relational field points to."""
    if field.relation is None:
        raise ValueError(f"Invalid field path through {field.name!r}: it is not relational")
    comodel = env.model(field.relation)
    inner = translate(env, comodel, domain)
    select = f"select t.id from {comodel.table} t where {inner.sql}"
    return _points_to(env, field, select, inner.parameters)


def _points_to(env: Env, field: Field, select: str, parameters: tuple[Any, ...]) -> Condition:
    if field.type == "one2many" and field.inverse and field.relation:
        table = env.model(field.relation).table
        return Condition(
            f"t.id in (select x.{field.inverse} from {table} x where x.id in ({select}))",
            parameters,
        )
    source = f"({field.sql})" if field.sql else f"t.{field.name}"
    if field.is_x2many:
        return Condition(f"{source} && array({select})", parameters)
    return Condition(f"{source} in ({select})", parameters)


def _compare(env: Env, model: Model, field: Field, operator: str, value: Any) -> Condition:
    if operator in _LIKES:
        return _like(env, model, field, operator, value)
    if field.is_x2many:
        return _compare_x2many(env, field, operator, value)
    source = column(model, field)
    if operator in _COMPARISONS:
        return _ordered(field, source, operator, value)
    values = list(value) if operator in ("in", "not in") and _is_many(value) else [value]
    if field.type == "many2one" and any(isinstance(item, str) for item in values):
        return _like(env, model, field, "=like" if operator in ("=", "in") else "not =like", value)
    condition = _one_of(field, source, values)
    return condition.negated() if operator in ("!=", "not in") else condition


def _is_many(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _one_of(field: Field, source: str, values: list[Any]) -> Condition:
    parts: list[Condition] = []
    empties = [v for v in values if v is None or v is False or (v == "" and field.type == "char")]
    if empties:
        parts.append(_is_empty(field, source))
    rest = [v for v in values if not any(v is e for e in empties)]
    if field.type == "datetime":
        for item in rest:
            start = parse_datetime(item)
            parts.append(Condition(f"({source} >= %s and {source} < %s)", (start, start + _SECOND)))
    elif field.type == "boolean":
        parts.extend(Condition(f"coalesce({source}, false)") for _ in rest[:1])
    elif rest:
        parts.append(Condition(f"{source} = any(%s)", ([_plain(field, v) for v in rest],)))
    return joined(parts, "or") if parts else FALSE


def _is_empty(field: Field, source: str) -> Condition:
    if field.type == "boolean":
        return Condition(f"not coalesce({source}, false)")
    if field.is_numeric or field.type == "integer":
        return Condition(f"coalesce({source}, 0) = 0")
    if field.type in ("char", "text", "html"):
        return Condition(f"coalesce({source}, '') = ''")
    return Condition(f"{source} is null")


def _plain(field: Field, value: Any) -> Any:
    if field.type == "date":
        return parse_date(value)
    if field.type in ("many2one", "integer"):
        return int(value)
    return value


def _ordered(field: Field, source: str, operator: str, value: Any) -> Condition:
    if field.type == "datetime":
        moment = parse_datetime(value)
        # `>` and `<=` mean the whole second: later ones, or up to its last microsecond.
        if operator == ">":
            return Condition(f"{source} >= %s", (moment + _SECOND,))
        if operator == "<=":
            return Condition(f"{source} < %s", (moment + _SECOND,))
        return Condition(f"{source} {operator} %s", (moment,))
    if field.is_numeric or field.type == "integer":
        return Condition(f"coalesce({source}, 0) {operator} %s", (value,))
    return Condition(f"{source} {operator} %s", (_plain(field, value),))


def _like(env: Env, model: Model, field: Field, operator: str, value: Any) -> Condition:
    keyword, wrapped = _LIKES[operator]
    values = value if _is_many(value) else [value]
    if field.type == "many2one" or field.is_x2many:
        positive = operator.removeprefix("not ")
        names = [["display_name", positive, item] for item in values]
        condition = _related(env, field, ["|"] * (len(names) - 1) + names)
        return condition if positive == operator else condition.negated()
    source = column(model, field)
    text = f"%{value}%" if wrapped else str(value)
    negative = keyword.startswith("not ")
    plain = Condition(f"{source}::text {keyword.removeprefix('not ')} %s", (text,))
    return plain.negated() if negative else plain


def _compare_x2many(env: Env, field: Field, operator: str, value: Any) -> Condition:
    is_negative = operator in ("!=", "not in")
    values = list(value) if _is_many(value) else [value]
    if any(isinstance(item, str) for item in values):
        names = [["display_name", "in", values]]
        condition = _related(env, field, names)
    elif values in ([False], [None]):
        domain: list[Any] = []
        condition = _related(env, field, domain).negated()
    else:
        condition = _related(env, field, [["id", "in", [v for v in values if v]]])
    return condition.negated() if is_negative else condition
