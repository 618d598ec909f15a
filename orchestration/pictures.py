"""Tables and pictures that an operator sees at an asset: Markdown and a drawing.

Flows in: rows. Flows out: a Markdown table, and a waterfall of a delta by its causes as an SVG
inside of the Markdown, so that nothing has to be installed or reached to see it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

import dagster as dg

from connections.currencies import rounded

MOST_ROWS = 200
_WIDTH, _ROW, _LABEL, _AMOUNT = 440, 26, 130, 80  # what the UI shows without scrolling
_MORE, _LESS, _SUM = "#2f8f5b", "#c2493d", "#46586b"


def table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()
) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table; a long one ends with how many are left out."""
    if not rows:
        return dg.MetadataValue.md("nothing")
    names = list(columns or rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    lines += [f"| {' | '.join(_cell(row, name) for name in names)} |" for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        lines.append(f"\n{len(rows) - MOST_ROWS} more")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(row: Mapping[str, Any], name: str) -> str:
    value, currency = row.get(name), row.get("currency")
    if isinstance(value, Decimal) and currency:
        value = rounded(value, currency)
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def waterfall(
    title: str, start: Decimal, steps: Sequence[tuple[str, Decimal]], end: Decimal, currency: str
) -> dg.MarkdownMetadataValue:
    """From one amount to another by named steps; what the steps leave open is drawn as a step."""
    drawing = base64.b64encode(waterfall_svg(title, start, steps, end, currency).encode()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{drawing})")


def waterfall_svg(
    title: str, start: Decimal, steps: Sequence[tuple[str, Decimal]], end: Decimal, currency: str
) -> str:
    """The drawing: a bar a step, each where the one before it ended."""
    open_ = end - start - sum((amount for _, amount in steps), Decimal(0))
    moves = [*steps, *([("unexplained", open_)] if open_ else [])]
    levels = [start]
    for _, amount in moves:
        levels.append(levels[-1] + amount)
    low, high = min(Decimal(0), *levels), max(Decimal(0), *levels)
    scale = Decimal(_WIDTH - _LABEL - _AMOUNT) / ((high - low) or Decimal(1))

    def x(value: Decimal) -> Decimal:
        return _LABEL + (value - low) * scale

    def said(amount: Decimal) -> str:
        return f"{rounded(amount, currency):,f}"

    bars = [_bar(0, "as invoiced", said(start), x(Decimal(0)), x(start), _SUM)]
    for number, ((name, amount), before) in enumerate(zip(moves, levels, strict=False), start=1):
        colour = _MORE if amount >= 0 else _LESS
        bars.append(_bar(number, name, said(amount), x(before), x(before + amount), colour))
    bars.append(_bar(len(moves) + 1, "expected", said(end), x(Decimal(0)), x(end), _SUM))
    height = _ROW * (len(bars) + 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
        f' font-family="sans-serif" font-size="12" fill="#46586b">'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>{"".join(bars)}</svg>'
    )


def _bar(row: int, name: str, amount: str, left: Decimal, right: Decimal, colour: str) -> str:
    top = _ROW * (row + 1) + 6
    at, width = min(left, right), max(abs(right - left), Decimal(1))
    return (
        f'<text x="8" y="{top + 13}">{escape(name)}</text>'
        f'<rect x="{at:.1f}" y="{top}" width="{width:.1f}" height="18" fill="{colour}"/>'
        f'<text x="{max(left, right) + 6:.1f}" y="{top + 13}">{amount}</text>'
    )
