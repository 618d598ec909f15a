"""The measured data, as read from files, and the comparison of an answer with a measured one.

Flows in: names of files in `data/`. Flows out: parsed content; differences as text.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "data"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_LAB_GROUP = re.compile(r"\t- (Lab|Draft) [^\n]*\n")


@cache
def measured(name: str) -> Any:
    """The content of a data file."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


class Binding:
    """Which id here stands for which id of the measured database; learnt while comparing."""

    def __init__(self, known: dict[int, int], *, is_exact: bool = False) -> None:
        self.known = dict(known)
        self._is_exact = is_exact  # then numbers are counts, never ids

    def translate(self, value: Any) -> Any:
        """Replace measured ids in a request, also where they travel as strings."""
        if isinstance(value, dict):
            return {key: self.translate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item) for item in value]
        if isinstance(value, bool) or not isinstance(value, int | str):
            return value
        if isinstance(value, int):
            return self.known.get(value, value)
        parts = value.split(",")
        if value and all(part.strip().isdigit() for part in parts):
            return ",".join(str(self.known.get(int(part), int(part))) for part in parts)
        return value

    def differences(self, expected: Any, actual: Any, path: str = "") -> list[str]:
        """Say where an answer differs from the measured one; ids and times may."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._of_dicts(expected, actual, path)
        if isinstance(expected, list) and isinstance(actual, list):
            if len(expected) != len(actual):
                return [f"{path}: {len(actual)} items instead of {len(expected)}"]
            pairs = enumerate(zip(expected, actual, strict=True))
            return [d for i, (e, a) in pairs for d in self.differences(e, a, f"{path}[{i}]")]
        if self._is_same(expected, actual):
            return []
        return [f"{path}: {actual!r} instead of {expected!r}"]

    def _of_dicts(self, expected: dict[str, Any], actual: dict[str, Any], path: str) -> list[str]:
        expected = {self.translate(key): value for key, value in expected.items()}
        found = [f"{path}.{key}: missing" for key in expected.keys() - actual.keys()]
        for key in expected.keys() & actual.keys():
            found += self.differences(expected[key], actual[key], f"{path}.{key}")
        return found

    def _is_same(self, expected: Any, actual: Any) -> bool:
        if type(expected) is not type(actual):
            return False
        if isinstance(expected, int) and not isinstance(expected, bool):
            return self._bind(expected, actual)
        if isinstance(expected, str):
            return self._text(expected) == self._text(actual)
        return bool(expected == actual)

    def _bind(self, expected: int, actual: int) -> bool:
        if self._is_exact or expected < 2:  # 0 and 1 are counts and flags, never somebody's id here
            return expected == actual
        return self.known.setdefault(expected, actual) == actual

    @staticmethod
    def _text(value: str) -> str:
        """Times differ, and so do the groups and names that a database adds of its own."""
        return _LAB_GROUP.sub("", _MOMENT.sub("<time>", value))
