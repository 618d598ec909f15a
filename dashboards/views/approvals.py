"""Lines that wait for a person, by customer and document, each with its draft before its eyes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st

from connections.postgres import finance
from dashboards import data, decisions, filters, links, previews
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.decisions import Shown
from dashboards.identity import Viewer
from dashboards.layout import Column, Kpi
from dashboards.previews import TaxFacts
from dashboards.queries import approvals as queries
from dashboards.queries import common
from publishers import approvals
from publishers.lines import Filters

# How many documents stand on a page, and so how many one bulk decision is about.
PAGE_SIZES = ("10", "25", "50")
SINGLE_SIZE = 20
CHANGES = (
    Column("customer_name", "Customer", link=links.customer),
    Column("description", "Line", "wide", link=links.line),
    Column("approved_by", "Approved by"),
    Column("what", "What changed"),
    Column("before", "Approved value"),
    Column("now", "Value now"),
)
# Views in which a decision can still be taken.
DECIDABLE = ("Waiting for approval", "Approved, not published", "Changed since approval")
Group = tuple[str, int, Any, str]


def show() -> None:
    """The page."""
    ui.heading("Approvals", "What would be billed. An approval holds for the content shown here.")
    decisions.flash()
    viewer = decisions.viewer()
    if not viewer.may_decide:
        st.info(
            f"{f.literal(viewer.why)} Approving and rejecting are switched off.",
            icon=":material/lock:",
        )
    view, parameters, size = _choices()
    found = filters.asked_page(queries.documents(view), size, "approvals", **parameters)
    _figures(found)
    _changes()
    if not found:
        ui.empty("No line here", "Nothing waits in this selection.")
        return
    filters.page_of(found[0]["total_rows"], size, "approvals", "documents")
    ui.downloads(f"Lines {view}", lambda: data.all_rows(queries.lines(view), **parameters))
    _documents(view, found, viewer)


def _choices() -> tuple[str, dict[str, Any], int]:
    first, second, third, fourth = st.columns([3, 3, 3, 2])
    with first:
        view = filters.choice("Show", list(queries.VIEWS), "show")
    with second:
        service = filters.any_service()
    with third:
        search = st.text_input("Search", key="approvals-search", placeholder="Customer, line")
    with fourth:
        size = filters.choice("Documents a page", PAGE_SIZES, "size")
    like = filters.like(search)
    return view, {"service": service, "search": like}, int(size)


def _figures(documents: Sequence[Row]) -> None:
    whole = documents[0] if documents else {"total_lines": 0, "total_rows": 0, "total_amounts": {}}
    sums = {code: Decimal(amount) for code, amount in whole["total_amounts"].items()}
    money = " + ".join(f.money(amount, currency) for currency, amount in sorted(sums.items()))
    policies = [row for row in data.rows(queries.FOUR_EYES) if row["four_eyes_amount"] is not None]
    eyes = "; ".join(
        f"{row['service'] or 'every service'} from"
        f" {f.money(row['four_eyes_amount'], row['currency'])}"
        for row in policies
    )
    ui.kpis(
        [
            Kpi("Lines", f.quantity(whole["total_lines"])),
            Kpi("Documents", f.quantity(whole["total_rows"])),
            Kpi("Net amount", money or f.NOTHING),
            Kpi("Four eyes", "on" if policies else "off", eyes or "one approval is enough"),
        ]
    )


def _changes() -> None:
    keys = tuple(row["line_key"] for row in data.rows(queries.CHANGED))
    if not keys:
        return
    marts = data.settings().schema("marts")
    with finance(data.settings(), "reader") as conn:
        changed = approvals.changes_since_approval(conn, Filters(line_keys=keys), marts)
        now = approvals.select_lines(conn, Filters(line_keys=keys), marts)
    contents = {line.line_key: line.content for line in now}
    rows = [
        {
            **contents.get(change.line_key, {}),
            "line_key": change.line_key,
            "approved_by": change.approved_by,
            "what": f.words(name),
            "before": f.plain(before),
            "now": f.plain(after),
        }
        for change in changed
        for name, (before, after) in change.values.items()
    ]
    many = f.counted(len(changed), "line")
    with st.expander(f"Changed since approval: {many}", expanded=True):
        ui.table(rows, CHANGES, title="Changed since approval")


def _documents(view: str, documents: Sequence[Row], viewer: Viewer) -> None:
    lines = _lines_of(view, documents)
    every = [line for group in lines.values() for line in group]
    keys, hashes = zip(*((line["line_key"], line["content_hash"]) for line in every), strict=True)
    standing = {
        row["line_key"]: row
        for row in data.all_rows(queries.STANDING, keys=list(keys), hashes=list(hashes))
    }
    facts = _tax_facts(every)
    may_decide = viewer.may_decide and view in DECIDABLE
    if may_decide and len(documents) > 1:
        _bulk(_shown(every, standing))
    for document in documents:
        _document(document, lines.get(_group(document), []), standing, facts, may_decide)


def _lines_of(view: str, documents: Sequence[Row]) -> dict[Group, list[Row]]:
    """Asked anew at every run: what a button will decide about is what is true now."""
    found = data.all_rows(
        queries.lines_of_documents(view),
        services=[row["service"] for row in documents],
        partners=[row["partner_id"] or 0 for row in documents],
        is_unknown=any(row["partner_id"] is None for row in documents),
        starts=[row["billing_period_start"] for row in documents],
        currencies=[row["currency"] for row in documents],
    )  # fmt: skip
    groups: dict[Group, list[Row]] = {}
    for line in found:
        groups.setdefault(_group(line), []).append(line)
    return groups


def _group(row: Row) -> Group:
    return (row["service"], row["partner_id"] or 0, row["billing_period_start"], row["currency"])


def _tax_facts(lines: Sequence[Row]) -> TaxFacts:
    tax_ids = sorted({tax_id for line in lines for tax_id in line["tax_ids"] or ()})
    company = data.row(common.ROUNDING, company_id=data.settings().odoo_company_id)
    return previews.tax_facts(data.rows(queries.TAXES, tax_ids=tax_ids), company)


def _shown(lines: Sequence[Row], standing: dict[str, Row]) -> Shown:
    """What is to be decided about, with the last decision that the viewer can know of."""
    latest = {key: row["latest_id"] for key, row in standing.items()}
    kept = [
        {k: v for k, v in line.items() if k not in _STATUS} for line in lines if line["is_in_view"]
    ]
    return Shown(tuple(approvals.proposed(line) for line in kept), latest)


# Columns that tell where a line stands; the rest is the line, and what is kept with a decision.
_STATUS = frozenset(
    {
        "approval_state", "approved_by", "is_approved", "is_published", "document_key",
        "is_approvable", "blocked_reason", "is_in_view",
    }
)  # fmt: skip


def _bulk(shown: Shown) -> None:
    lines = f.counted(len(shown.lines), "line")
    with st.popover(f"Decide about all {lines} on this page …", icon=":material/checklist:"):
        sums: dict[str, Decimal] = {}
        for line in shown.lines:
            sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
        st.write(", ".join(f.money(amount, currency) for currency, amount in sorted(sums.items())))
        _buttons(shown, "page", "all lines on this page")


def _buttons(shown: Shown, key: str, what: str) -> None:
    """A note and two buttons that leave together: writing alone changes nothing on the page."""
    note = f"note-{key}"
    with st.form(f"decide-{key}", border=False, enter_to_submit=False):
        st.text_input(
            "Note", key=note, max_chars=500, label_visibility="collapsed",
            placeholder="Note (a rejection wants one)",
        )  # fmt: skip
        decisions.missing(note)
        with st.container(horizontal=True):
            st.form_submit_button(
                f"Approve {what}", key=f"approve-{key}", type="primary", icon=":material/check:",
                on_click=decisions.approve, args=(shown, note),
            )  # fmt: skip
            st.form_submit_button(
                f"Reject {what}", key=f"reject-{key}", icon=":material/close:",
                on_click=decisions.reject, args=(shown, note),
            )  # fmt: skip


def _document(
    document: Row,
    lines: Sequence[Row],
    standing: dict[str, Row],
    facts: TaxFacts,
    may_decide: bool,
) -> None:
    if not lines:
        return
    key = lines[0]["line_key"][:12]
    with st.container(border=True, key=f"document-{key}"):
        st.html(previews.paper(document, lines, facts))
        st.html(_states(lines, standing))
        if not may_decide:
            return
        _buttons(_shown(lines, standing), key, "the document")
        asked = [line for line in lines if line["is_in_view"]]
        if len(asked) > 1 and st.toggle("Line by line", key=f"single-{key}"):
            _single(asked, standing, key)


def _single(asked: Sequence[Row], standing: dict[str, Row], key: str) -> None:
    """Each line with buttons of its own, drawn when somebody asks for them."""
    number = filters.page_of(len(asked), SINGLE_SIZE, f"single-{key}", "lines")
    for line in asked[number * SINGLE_SIZE :][:SINGLE_SIZE]:
        amount = f.money(line["amount"], line["currency"])
        st.html(f'<div class="fb"><b>{escape(line["description"])}</b> {escape(amount)}</div>')
        _buttons(_shown([line], standing), line["line_key"], "this line")


def _states(lines: Sequence[Row], standing: dict[str, Row]) -> str:
    """Where the lines stand; those that stand the same are said once."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for line in lines:
        groups.setdefault(_state(line, standing.get(line["line_key"])), []).append(line)
    return "".join(_state_html(state, group) for state, group in groups.items())


def _state_html(state: tuple[str, str, str], lines: Sequence[Row]) -> str:
    status, who, reason = state
    named = f.counted(len(lines), "line")
    if len(lines) == 1:
        named = f"{f.words(lines[0]['charge'])} {f.money(lines[0]['amount'], lines[0]['currency'])}"
    return (
        f'<div class="fb">{ui.pill(status)} {escape(named)}{escape(who)}'
        f' <span class="fb-caption">{escape(reason)}</span></div>'
    )


def _state(line: Row, said: Row | None) -> tuple[str, str, str]:
    """A line's state, who said what and how many are still needed, why it is not published."""
    state = "published" if line["is_published"] else line["approval_state"]
    who = f" by {said['approved_by']}" if said and said["approved_by"] else ""
    needed = (said or {}).get("required_approver_count") or 1
    if needed > 1:
        who += f" · {said['person_count'] if said else 0} of {needed} people"
    return ("waiting" if state == "open" else state), who, line["blocked_reason"] or ""
