"""One name, one thing: a class that a newcomer greps for is found once."""

from __future__ import annotations

import ast
from collections import defaultdict

from figures import ROOMS, ROOT

# The stand-in is a program of its own, with the words of Odoo.
APART = ROOT / "sandbox" / "odoo_standin"
# What still has a namesake. Only to be made shorter.
REMAINING = {"Column", "Filters", "Released"}


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if APART not in path.parents:
                for node in ast.parse(path.read_text()).body:
                    if isinstance(node, ast.ClassDef):
                        places[node.name].append(str(path.relative_to(ROOT)))
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert set(shared) - REMAINING == set(), shared
