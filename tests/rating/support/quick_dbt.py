"""dbt without the work whose result no test looks at: a build in process costs half as much.

In: nothing. Out: a context in which dbt selects, renders and runs the very same SQL. What is left
out: its events, a summary of its graph, the search for garbage. What is kept instead of made again:
the code of a template, an empty result, the order in which macros are looked up.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pkgutil import resolve_name
from typing import Any

import pytest


@contextmanager
def quick_dbt(*, is_heard: bool = False) -> Iterator[None]:
    """Undone at the end. `is_heard`: somebody reads what dbt says, so its events stay."""
    from dbt.context.macros import MacroNamespace

    agate_helper = resolve_name("dbt_common.clients.agate_helper")
    environment = resolve_name("jinja2:Environment")
    with pytest.MonkeyPatch.context() as patch:
        if not is_heard:  # neither told, nor put into their wire format
            patch.setattr("dbt_common.events.event_manager.EventManager.fire_event", _nothing)
            patch.setattr("dbt_common.events.base_types.ParseDict", _as_it_is)
        # An event names who defined a flag, which is looked up in the whole stack, pytest's too.
        flag = "dbt_common.behavior_flags.BehaviorFlagRendered"
        patch.setattr(f"{flag}._default_source", staticmethod(_somebody))
        patch.setattr("dbt.compilation.Linker.get_graph_summary", _nothing)
        patch.setattr(agate_helper, "empty_table", _kept_empty_table(agate_helper.empty_table))
        patch.setattr(environment, "compile", _kept_code(environment.compile))
        patch.setattr(MacroNamespace, "keys", _names)
        patch.setattr(MacroNamespace, "__getitem__", _named)
        with _uncollected():
            yield


def _nothing(*_arguments: object, **_options: object) -> None:
    pass


def _as_it_is(_values: object, message: object) -> object:
    return message


def _somebody() -> str:
    return "dbt"


@cache
def _kept_empty_table(make: Callable[[], Any]) -> Callable[[], Any]:
    return cache(make)  # agate's tables never change


_codes: dict[tuple[type, str], Any] = {}


@cache
def _kept_code(compile_template: Callable[..., Any]) -> Callable[..., Any]:
    """What a template compiles to depends on its text and the kind of its environment."""

    def compiled(self: Any, source: Any, *names: Any, **options: Any) -> Any:
        if not isinstance(source, str) or any(names) or options:
            return compile_template(self, source, *names, **options)
        key = (type(self), source)
        if key not in _codes:
            _codes[key] = compile_template(self, source)
        return _codes[key]

    return compiled


def _flat(namespace: Any) -> dict[str, Any]:
    """Every macro by its name; who is found first wins. It never changes once it is made."""
    found: dict[str, Any] | None = vars(namespace).get("_flat")
    if found is None:
        found = {}
        for macros in reversed(list(namespace._search_order())):
            found.update(macros)
        namespace._flat = found
    return found


def _names(namespace: Any) -> Any:
    return _flat(namespace).keys()


def _named(namespace: Any, name: str) -> Any:
    return _flat(namespace)[name]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Walking a manifest again and again in search of garbage is a fifth of what a build costs."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
