"""Tables and the waterfall that stand at an asset."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from decimal import Decimal

from orchestration.pictures import MOST_ROWS, table, waterfall, waterfall_svg

STEPS = [("proration", Decimal("-4.00")), ("<late> usage", Decimal("10.50"))]


def test_a_table_survives_bars_and_line_breaks() -> None:
    text = table([{"a": "x|y", "b": "1\n2"}, {"a": None, "b": Decimal("3.10")}]).value
    assert text.splitlines()[2:] == ["| x\\|y | 1 2 |", "|  | 3.10 |"]


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    text = table([{"a": n} for n in range(MOST_ROWS + 7)]).value
    assert text.endswith("\n7 more")


def _bars(svg: str) -> list[tuple[str, float, float]]:
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    rects = root.findall(f"{space}rect")[1:]
    names = root.findall(f"{space}text")[1::2]
    return [
        (str(name.text), float(rect.attrib["x"]), float(rect.attrib["width"]))
        for name, rect in zip(names, rects, strict=True)
    ]


def test_a_waterfall_begins_as_invoiced_and_ends_as_expected() -> None:
    bars = _bars(waterfall_svg("April", Decimal("100"), STEPS, Decimal("106.50"), "CAD"))
    assert [name for name, _, _ in bars] == ["as invoiced", "proration", "<late> usage", "expected"]
    (_, _, first), (_, x, less), (_, y, more), (_, _, last) = bars
    assert first < last
    assert x == y  # a loss ends where the gain after it begins
    assert round(more / less, 1) == 2.6


def test_what_no_step_explains_is_a_bar_of_its_own() -> None:
    bars = _bars(waterfall_svg("April", Decimal("100"), STEPS, Decimal("110"), "CAD"))
    assert bars[-2][0] == "unexplained"


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    text = waterfall("April", Decimal(1), [], Decimal(1), "CAD").value
    found = re.fullmatch(r"!\[April\]\(data:image/svg\+xml;base64,(.+)\)", text)
    assert found
    assert base64.b64decode(found[1]).startswith(b"<svg")


def test_a_waterfall_writes_amounts_with_the_decimals_of_their_currency() -> None:
    for currency, written in (("CAD", "1,234.50"), ("JPY", "1,235"), ("KWD", "1,234.500")):
        svg = waterfall_svg("April", Decimal("1234.5"), [], Decimal("1234.5"), currency)
        assert f">{written}<" in svg
