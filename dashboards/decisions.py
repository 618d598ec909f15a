"""What a signed-in person decides on a page, carried out by the functions of publishers.

In: what was on the page when the button was made (lines with their hashes, an exception with its
facts), and the viewer. Out: append-only rows of `ops`, and a sentence for the next run.
Everything is a callback: it gets what was shown, not what is true by now; the functions compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

import psycopg2
import streamlit as st
from psycopg2.extensions import connection as Connection

from connections.errors import DatabaseUnreachable, SettingsError
from dashboards import data, identity
from dashboards import formats as f
from dashboards.data import Row
from dashboards.identity import Viewer
from publishers import approvals, gates
from publishers.approvals import ApprovalError, Decisions, ProposedLine, Seen
from publishers.gates import GateError
from publishers.identities import IdentityError

FLASH = "flash"
Tone = Literal["success", "warning", "error"]


@dataclass(frozen=True)
class Shown:
    """Lines as they stood on the page, and the last decision about each."""

    lines: tuple[ProposedLine, ...]
    latest: Mapping[str, int]


def viewer() -> Viewer:
    """Who decides, asked of the proxy or the identity provider again."""
    return identity.current(data.settings())


def approve(shown: Shown, note_key: str) -> None:
    """Approve lines at the hashes that were on the page."""
    _about_lines(shown, "approve", _note(note_key))


def reject(shown: Shown, note_key: str) -> None:
    """Refuse lines; it wants a reason."""
    note = _reason(note_key, "A rejection wants a reason: write it here, then reject again.")
    if note is None:
        return
    _about_lines(shown, "reject", note)


def acknowledge(exception: Row, note_key: str, until_key: str) -> None:
    """Note that somebody has seen an exception with these very facts."""
    note = _reason(note_key, "An acknowledgement wants a reason: write why it may wait.")
    until = st.session_state.get(until_key)
    if note is None:
        return

    def write(conn: Connection, by: str) -> str:
        gates.acknowledge_exception(
            conn, exception_key=exception["exception_key"], facts_hash=exception["facts_hash"],
            by=by, until=_end_of(until), note=note, marts=data.settings().schema("marts"),
        )  # fmt: skip
        return f"Noted: {exception['description']}"

    _carry_out(write)


def open_gate(row: Row, start: datetime, note_key: str) -> None:
    """Odoo issues for a subscription from `start` on."""
    note = _reason(note_key, "A gate wants a reason: write why it may be opened.")
    if note is None:
        return

    def write(conn: Connection, by: str) -> str:
        gates.open_gate(
            conn, service=row["service"], by=by, note=note, from_period_start=start,
            external_subscription_id=row["external_subscription_id"],
        )  # fmt: skip
        return f"The gate of {row['subscription_id']} is open from {f.day(start)} on."

    _carry_out(write)


def close_gate(row: Row, note_key: str) -> None:
    """Odoo issues nothing new for a subscription."""
    note = _reason(note_key, "Closing a gate wants a reason.")
    if note is None:
        return

    def write(conn: Connection, by: str) -> str:
        gates.close_gate(
            conn, service=row["service"], by=by, note=note,
            external_subscription_id=row["external_subscription_id"],
        )  # fmt: skip
        return f"The gate of {row['subscription_id']} is closed."

    _carry_out(write)


def accept_causes(causes: Sequence[Row], note_key: str) -> None:
    """Accept that these causes explain these amounts."""
    note = _reason(note_key, "Accepting a cause wants a reason.")
    if note is None:
        return

    def write(conn: Connection, by: str) -> str:
        for cause in causes:
            gates.accept_cause(
                conn, service=cause["service"], period_start=cause["period_start"],
                external_subscription_id=cause["external_subscription_id"], cause=cause["cause"],
                amount=cause["amount"], currency=cause["currency"], by=by, note=note,
                marts=data.settings().schema("marts"),
            )  # fmt: skip
        return f"{len(causes)} accepted."

    _carry_out(write)


def flash() -> None:
    """Say once what the last decision came to."""
    for tone, text in st.session_state.pop(FLASH, []):
        {"success": st.success, "warning": st.warning, "error": st.error}[tone](f.literal(text))


def missing(note_key: str) -> None:
    """Beside a field: what it lacked when its button was pressed; said once."""
    said = st.session_state.pop(f"missing-{note_key}", None)
    if said:
        st.warning(f.literal(said))


def _about_lines(shown: Shown, verb: Literal["approve", "reject"], note: str | None) -> None:
    decide = approvals.approve if verb == "approve" else approvals.reject

    def write(conn: Connection, by: str) -> str:
        seen = Seen(shown.latest, data.settings().schema("marts"))
        decided = decide(conn, shown.lines, by=by, note=note, seen=seen)
        _say_refused(decided, {line.line_key: line for line in shown.lines})
        return _summary(decided, verb, shown)

    _carry_out(write)


def _summary(decided: Decisions, verb: str, shown: Shown) -> str:
    done = {"approve": "approved", "reject": "rejected"}[verb]
    again = f", {len(decided.unchanged)} had your word already" if decided.unchanged else ""
    by_currency: dict[str, list[ProposedLine]] = {}
    for line in shown.lines:
        if line.line_key in decided.written:
            by_currency.setdefault(line.currency, []).append(line)
    sums = ", ".join(
        f.money(sum((line.amount for line in lines), start=lines[0].amount * 0), currency)
        for currency, lines in sorted(by_currency.items())
    )
    lines = f.counted(len(decided.written), "line")
    return f"{lines} {done}{f' ({sums})' if sums else ''}{again}."


def _say_refused(decided: Decisions, lines: Mapping[str, ProposedLine]) -> None:
    for key, reason in decided.refused.items():
        _say("warning", f"Not decided: {lines[key].content.get('description')}: {reason}")


def _carry_out(write: Callable[[Connection, str], str]) -> None:
    who = viewer()
    if not who.may_decide:
        _say("error", f"Nothing was written. {who.why}")
        return
    try:
        with data.deciding() as conn:
            said = write(conn, who.name)
    except (ApprovalError, GateError, IdentityError, SettingsError, DatabaseUnreachable) as error:
        _say("error", f"Nothing was written: {error}")
        return
    except psycopg2.errors.InsufficientPrivilege as error:
        _say("error", f"The database refused: {str(error).splitlines()[0]}. Run `billing roles`.")
        return
    except psycopg2.errors.CheckViolation as error:
        _say("error", f"Nothing was written: {str(error).splitlines()[0]}.")
        return
    data.forget()
    _say("success" if not said.startswith("0 ") else "warning", said)


def _note(key: str) -> str | None:
    return (st.session_state.get(key) or "").strip() or None


def _reason(key: str, wanted: str) -> str | None:
    """A note that must be there; where it is not, its field says so."""
    note = _note(key)
    if note is None:
        st.session_state[f"missing-{key}"] = wanted
    return note


def _end_of(until: date | None) -> datetime | None:
    """The end of a day on the company's clock."""
    return datetime.combine(until, time.max, f.PAGE_ZONE) if until else None


def _say(tone: Tone, text: str) -> None:
    st.session_state.setdefault(FLASH, []).append((tone, text))
