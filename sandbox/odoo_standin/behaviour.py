"""What a model does beyond storing rows: defaults, computed values, rules, public methods.

Flows in: values on their way into a table. Flows out: completed values, follow-up writes, errors.
Model files register one Behaviour each; models without one just store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from sandbox.odoo_standin.environment import Env, Values

Method = Callable[..., Any]


class Behaviour:
    """The hooks around create, write and unlink; each does nothing unless overridden."""

    #: Values of fields that a create leaves out.
    defaults: ClassVar[Mapping[str, Any]] = {}
    #: Public methods callable over RPC, as (env, *args, **kwargs).
    methods: ClassVar[Mapping[str, Method]] = {}

    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:  # noqa: ARG002
        """Fill what a create leaves out; runs before the rows are inserted."""
        return vals_list

    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        """Follow up on new rows (their lines exist already)."""

    def writing(self, env: Env, ids: list[int], vals: Values) -> Values:  # noqa: ARG002
        """Check and change the values of a write before they are stored."""
        return vals

    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        """Follow up on a write."""

    def may_unlink(self, env: Env) -> None:
        """Refuse before rights on the model itself are looked at."""

    def unlinking(self, env: Env, ids: list[int]) -> None:
        """Refuse or prepare a deletion."""


_BEHAVIOURS: dict[str, Behaviour] = {}
_PLAIN = Behaviour()


def register(model: str, behaviour: Behaviour) -> None:
    """Give a model its behaviour."""
    _BEHAVIOURS[model] = behaviour


def behaviour_of(model: str) -> Behaviour:
    return _BEHAVIOURS.get(model, _PLAIN)


def ids_of(value: int | Sequence[int]) -> list[int]:
    """Return the ids of a record method's first argument, which may be one id or several."""
    return [value] if isinstance(value, int) else [int(item) for item in value]
