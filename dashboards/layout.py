"""What every page is made of: heading, figures, tables with exports, empty and error states.

In: rows of the warehouse. Out: HTML that is real text (it can be read aloud, selected, printed),
escaped here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from dashboards import exports
from dashboards import formats as f
from dashboards.data import Row

Kind = Literal[
    "text", "name", "wide", "key", "money", "price", "quantity", "percent", "day", "month",
    "instant", "status", "words", "tight",
]  # fmt: skip
Link = Callable[[Row], str | None]
NUMERIC = frozenset({"money", "price", "quantity", "percent"})
TONES: Mapping[str, str] = {
    **dict.fromkeys(
        ("match", "ready", "approved", "published", "matched", "yes", "gate_open"), "good"
    ),
    **dict.fromkeys(("explained", "partly_approved", "low", "draft"), "info"),
    **dict.fromkeys(("missing_actual", "missing_expected", "not_comparable", "changed"), "warn"),
    **dict.fromkeys(("create", "update", "created", "updated"), "info"),
    **dict.fromkeys(("conflict", "failed"), "bad"),
    **dict.fromkeys(("medium", "waiting", "open", "ambiguous", "partly approved"), "warn"),
    **dict.fromkeys(
        ("unexplained", "double_issuer", "critical", "high", "rejected", "revoked", "no"), "bad"
    ),
}
# So much of a key tells it apart on a page; exports have the whole.
KEY_LETTERS = 8
# A command of ours inside a sentence.
COMMAND = re.compile(r"`([^`]+)`")
STYLE = Path(__file__).with_name("style.css")


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in the rows, its heading, how its values are written."""

    name: str
    label: str
    kind: Kind = "text"
    link: Link | None = None
    currency: str = "currency"


@dataclass(frozen=True)
class Kpi:
    """A figure with its name, a sentence below it, and the page that has its rows."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    link: str = ""


def style() -> None:
    """Put the style sheet on the page; it is read from disk once a run and loads nothing."""
    st.html(f"<style>{STYLE.read_text()}</style>")


def heading(title: str, what: str) -> None:
    """A page's title and, in a sentence, what it is good for."""
    st.title(title, anchor=False)
    st.caption(what)


def kpis(figures: Sequence[Kpi]) -> None:
    """Figures side by side."""
    cells = "".join(
        f'<div class="fb-kpi" data-kpi="{escape(k.label)}">'
        f'<div class="label">{escape(k.label)}</div>'
        f'<div class="value {k.tone}">{linked(escape(k.value), k.link)}</div>'
        + (f'<div class="note">{escape(k.note)}</div>' if k.note else "")
        + "</div>"
        for k in figures
    )
    st.html(f'<div class="fb fb-kpis">{cells}</div>')


def tabs(parts: Mapping[str, Callable[[], None]]) -> None:
    """Parts of a page by their names, one drawn at a time; which one stands in the address."""
    shown = st.tabs(list(parts), key="tab", bind="query-params")
    for tab, draw in zip(shown, parts.values(), strict=True):
        with tab:
            if tab.open:
                draw()


def empty(title: str, what: str) -> None:
    """Nothing here, why that is, and what to do."""
    said = COMMAND.sub(r"<code>\1</code>", escape(what))
    st.html(f'<div class="fb-empty"><b>{escape(title)}</b>{said}</div>')


def pill(status: str) -> str:
    """A status as a small label; its tone never stands alone, the word is there."""
    tone = TONES.get(status, "")
    return f'<span class="fb-pill {tone}">{escape(f.words(status))}</span>'


def table(
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    title: str,
    nothing: str = "Nothing to show for this selection.",
    whole: Callable[[], Sequence[Row]] | None = None,
    export: bool = True,
) -> None:
    """A table with its exports; `whole` gives all rows where only a part is shown."""
    if not rows:
        empty("Nothing here", nothing)
        return
    st.html(table_html(rows, columns, title))
    if export:
        downloads(title, whole or (lambda: rows))


def table_html(rows: Sequence[Row], columns: Sequence[Column], title: str) -> str:
    """The table alone; it can be scrolled by keyboard where it is too wide."""
    currency = _only_currency(rows, columns)
    head = "".join(f'<th scope="col" class="{_class(c)}">{escape(c.label)}</th>' for c in columns)
    body = "".join(
        "<tr>" + "".join(_cell_html(c, cell(c, row, currency)) for c in columns) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="fb fb-wrap" tabindex="0" role="region" aria-label="{escape(title)}">'
        f'<table class="fb-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        + (f'<p class="fb fb-caption">Amounts in {escape(currency)}.</p>' if currency else "")
    )


def _cell_html(column: Column, text: str) -> str:
    """A cell; a phone leaves out the empty ones."""
    names = f"{_class(column)} nothing" if text == f.NOTHING else _class(column)
    return f'<td class="{names}" data-label="{escape(column.label)}">{text}</td>'


def _only_currency(rows: Sequence[Row], columns: Sequence[Column]) -> str | None:
    """The currency of all amounts of a table, said once below it; None where they have several."""
    names = {column.currency for column in columns if column.kind == "money"}
    found = {row.get(name) for row in rows for name in names}
    return found.pop() if len(found) == 1 else None


def cell(column: Column, row: Row, only_currency: str | None = None) -> str:
    """One value as HTML, with its link where it has one."""
    value = row.get(column.name)
    target = column.link(row) if column.link else None
    if column.kind == "status":
        return linked(pill(f.plain(value)), target) if value not in (None, "") else f.NOTHING
    if column.kind == "money" and only_currency:
        text = escape(f.bare_money(value, only_currency))
    else:
        text = escape(_text(column, value, row))
    return linked(text, target)


def linked(text: str, target: str | None = None) -> str:
    """HTML that leads somewhere, where there is somewhere to go."""
    return f'<a href="{escape(target)}">{text}</a>' if target else text


def _text(column: Column, value: Any, row: Row) -> str:
    match column.kind:
        case "money":
            return f.money(value, row.get(column.currency))
        case "quantity":
            return f.quantity(value)
        case "price":
            return f.price(value)
        case "key":
            return str(value or f.NOTHING)[:KEY_LETTERS]
        case "percent":
            return f.percent(value)
        case "day":
            return f.day(value)
        case "month":
            return f.month(value)
        case "instant":
            return f.instant(value)
        case "words":
            many = value if isinstance(value, list) else [value]
            return ", ".join(f.words(each) for each in many if each) or f.NOTHING
        case _:
            return ", ".join(map(str, value)) if isinstance(value, list) else f.plain(value)


def _class(column: Column) -> str:
    if column.kind in NUMERIC:
        return "num"
    if column.kind in ("name", "wide"):
        return column.kind
    return "" if column.kind in ("text", "words") else "tight"


def downloads(title: str, whole: Callable[[], Sequence[Row]]) -> None:
    """CSV and XLSX of a table; the file is made when somebody asks for it."""
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower()).strip("-")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", lambda: _file(whole(), title, "csv"), f"{name}.csv", exports.CSV,
            key=f"csv-{name}", icon=":material/download:", on_click="ignore", type="tertiary",
            help=f"Download “{title}” as CSV",
        )  # fmt: skip
        st.download_button(
            "XLSX", lambda: _file(whole(), title, "xlsx"), f"{name}.xlsx", exports.XLSX,
            key=f"xlsx-{name}", icon=":material/download:", on_click="ignore", type="tertiary",
            help=f"Download “{title}” as XLSX",
        )  # fmt: skip


def _file(rows: Sequence[Row], title: str, kind: str) -> bytes:
    columns = list(rows[0]) if rows else []
    if kind == "csv":
        return exports.as_csv(rows, columns)
    return exports.as_xlsx(rows, columns, title)


def facts(pairs: Sequence[tuple[str, str] | tuple[str, str, str | None]]) -> str:
    """Names and values below each other, some with a page to go to; empty ones are left out."""
    shown = "".join(
        f"<dt>{escape(name)}</dt><dd>{linked(escape(value), *target)}</dd>"
        for name, value, *target in pairs
        if value
    )
    return f'<dl class="fb fb-facts">{shown}</dl>'


def tone_of(amount: Decimal | None) -> str:
    """Good where a difference is none."""
    return "good" if not amount else "warn"
