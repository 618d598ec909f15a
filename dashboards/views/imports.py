"""What the importer would write to Odoo, and why not: read-only, people decide in the shell."""

from __future__ import annotations

import streamlit as st

from dashboards import data, filters
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.layout import Column, Kpi
from dashboards.queries import imports as queries

PAGE_SIZE = 50
EVERY_KIND, EVERY_ACTION = "Every kind", "Every action"
COUNTS = (
    Column("kind", "Kind", "words"),
    Column("conflict_count", "Conflicts", "quantity"),
    Column("create_count", "Create", "quantity"),
    Column("update_count", "Update", "quantity"),
    Column("unchanged_count", "Unchanged", "quantity"),
    Column("skip_count", "Skip", "quantity"),
    Column("unseen_count", "Not looked at", "quantity"),
)
PROPOSALS = (
    Column("kind", "Kind", "words"),
    Column("title", "Record", "name"),
    Column("action", "Proposal", "status"),
    Column("odoo_id", "In Odoo", "quantity"),
    Column("changed", "Old and new", "wide"),
    Column("kept_as_it_is", "Odoo's, kept", "wide"),
    Column("reason", "Why", "wide"),
)
EVENTS = (
    Column("occurred_at", "When", "instant"),
    Column("done_by", "Who"),
    Column("event", "What", "status"),
    Column("kind", "Kind", "words"),
    Column("title", "Record", "name"),
    Column("reason", "Why", "wide"),
)


def show() -> None:
    """The page."""
    ui.heading(
        "Import",
        "What Odoo should hold of NexaCloud as a shadow, and what the importer found when it looked"
        " last. It bills nothing.",
    )
    counts = data.rows(queries.COUNTS)
    if not counts:
        ui.empty("Nothing is proposed", "`billing run` loads and builds the warehouse.")
        return
    looked = max((row["looked_at"] for row in counts if row["looked_at"]), default=None)
    if looked is None:
        ui.empty("Nobody has looked yet", "`billing import` compares the warehouse with Odoo.")
    _figures(counts)
    st.caption(f"Looked at {f.instant(looked)}, Toronto time" if looked else "")
    ui.table(counts, COUNTS, title="Import by kind", nothing="Nothing is proposed.")
    _proposals()
    st.header("What was done", anchor=False)
    events = filters.paged(queries.EVENTS, PAGE_SIZE, "import-events")
    ui.table(events, EVENTS, title="Import events", nothing="Nothing was imported from here yet.")


def _figures(counts: list[data.Row]) -> None:
    def total(name: str) -> str:
        return f.quantity(sum(row[f"{name}_count"] for row in counts))

    ui.kpis(
        [
            Kpi("Conflicts", total("conflict"), "for a person"),
            Kpi("To create", total("create")),
            Kpi("To update", total("update")),
            Kpi("Unchanged", total("unchanged")),
            Kpi("Out of scope", total("skip"), "each with its reason"),
        ]
    )


def _proposals() -> None:
    st.header("Proposals", anchor=False)
    first, second = st.columns(2)
    with first:
        kind = filters.choice("Kind", [EVERY_KIND, *queries.KINDS], "import-kind")
    with second:
        action = filters.choice("Proposal", [EVERY_ACTION, *queries.ACTIONS], "import-action")
    parameters = {
        "kind": None if kind == EVERY_KIND else kind,
        "action": None if action == EVERY_ACTION else action,
    }
    shown = filters.paged(queries.PROPOSALS, PAGE_SIZE, "proposals", **parameters)
    ui.downloads("Import proposals", lambda: data.all_rows(queries.PROPOSALS, **parameters))
    ui.table(shown, PROPOSALS, title="Proposals", nothing="No record is in this selection.")
