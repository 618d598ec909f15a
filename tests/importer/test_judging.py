"""Field by field: ours, theirs, conflict. No database, no Odoo."""

from __future__ import annotations

from typing import Any

import pytest

from publishers.importer.facts import Facts
from publishers.importer.holdings import Holding, Holdings
from publishers.importer.judging import WHOLE, Judge, KnownRecord, Proposal
from publishers.importer.kinds import ACCOUNT_LINK, KINDS, LINE, ORDER, PRODUCT
from publishers.importer.records import Record

ALL_FIELDS = {
    kind.model: {spec.name for spec in kind.fields} | set(kind.constants) for kind in KINDS
} | {"sale.order.line": {spec.name.removeprefix(LINE) for spec in ORDER.fields if spec.is_of_line}}
FACTS = Facts(currency="CAD", fields=ALL_FIELDS)
OURS: dict[str, str | None] = {
    "name": "VPS", "default_code": "vps", "list_price": "10", "active": "1",
}  # fmt: skip


def _judge(
    wanted: dict[str, str | None],
    theirs: dict[str, str | None] | None,
    known: KnownRecord | None = None,
    **changes: Any,
) -> Proposal:
    record = Record("product:nexacloud:vps", PRODUCT, "vps", wanted, **changes)
    holdings = Holdings()
    if theirs is not None:
        holdings.found[record.import_key] = Holding(7, theirs, is_ours=True)
    ledger = {record.import_key: known} if known else {}
    return Judge(FACTS, holdings, ledger).judge(record)


def _written(**changes: str | None) -> KnownRecord:
    return KnownRecord(7, "created", "done", OURS | changes)


def test_what_is_not_there_is_created() -> None:
    assert _judge(OURS, None).action == "create"


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "action"),
    [
        ("10", "10", "10", "unchanged"),
        ("12", "10", "10", "update"),
        ("10", "10", "11", "unchanged"),
        ("12", "10", "11", "conflict"),
        ("12", "10", "12", "unchanged"),
    ],
)
def test_three_sides_of_a_field(ours: str, base: str, theirs: str, action: str) -> None:
    proposal = _judge(
        OURS | {"list_price": ours}, OURS | {"list_price": theirs}, _written(list_price=base)
    )
    assert proposal.action == action
    if action == "update":
        assert proposal.changes == {"list_price": {"old": "10", "new": "12"}}
    if theirs not in (base, ours):
        assert proposal.kept == {"list_price": {"ours": ours, "theirs": theirs}}


def test_prices_of_one_amount_are_equal_however_they_are_written() -> None:
    assert _judge(OURS | {"list_price": "10.00"}, OURS, _written()).action == "unchanged"


def test_a_record_of_somebody_else_keeps_what_it_says() -> None:
    proposal = _judge(OURS, OURS | {"name": "Server", "list_price": "9"})
    assert proposal.action == "unchanged"
    assert set(proposal.kept) == {"name", "list_price"}


def test_a_record_of_somebody_else_that_is_archived_is_a_conflict() -> None:
    assert _judge(OURS, OURS | {"active": "0"}).action == "conflict"


def test_what_we_archived_ourselves_comes_back_when_it_is_wanted() -> None:
    proposal = _judge(OURS, OURS | {"active": "0"}, _written(active="0"))
    assert proposal.changes == {"active": {"old": "0", "new": "1"}}


def test_what_a_person_archived_stays_archived() -> None:
    proposal = _judge(OURS, OURS | {"active": "0"}, _written())
    assert proposal.action == "unchanged"
    assert proposal.kept["active"] == {"ours": "1", "theirs": "0"}


def test_a_deleted_record_is_a_conflict_until_a_person_decides() -> None:
    assert _judge(OURS, None, _written()).action == "conflict"
    decided = KnownRecord(7, "created", "done", OURS, declined={WHOLE: None})
    assert _judge(OURS, None, decided).action == "skip"


def test_a_value_that_a_person_declined_is_proposed_no_more_but_the_next_one_is() -> None:
    declined = KnownRecord(
        7, "created", "done", OURS | {"name": "Server"}, declined={"name": "VPS"}
    )
    theirs = OURS | {"name": "Server"}
    assert _judge(OURS, theirs, declined).action == "unchanged"
    assert _judge(OURS | {"name": "VPS 2"}, theirs, declined).action == "update"


def test_a_price_in_another_currency_is_for_a_person() -> None:
    proposal = _judge(OURS, None, currency="USD")
    assert proposal.action == "conflict"
    assert "USD" in str(proposal.reason)


def test_a_price_that_changed_its_currency_is_no_update() -> None:
    ours = OURS | {"list_price": "12"}
    assert _judge(ours, OURS, _written(), currency="CAD").action == "update"
    proposal = _judge(ours, OURS, _written(), currency="usd")
    assert proposal.action == "conflict"
    assert "in USD, and Odoo would read it as CAD" in str(proposal.reason)


def test_what_was_seen_at_the_last_load_and_is_hidden_now_is_not_made_again() -> None:
    assert _judge(OURS, None, known_odoo_id=12).action == "conflict"


def test_what_is_out_of_scope_is_skipped_unless_all_is_asked_for() -> None:
    record = Record("product:nexacloud:vps", PRODUCT, "vps", OURS, skip_reason="nobody holds it")
    assert Judge(FACTS, Holdings(), {}).judge(record).action == "skip"
    assert Judge(FACTS, Holdings(), {}, everything=True).judge(record).action == "create"


def test_what_refers_to_a_conflict_waits() -> None:
    holdings = Holdings(doubts={"product:nexacloud:vps": "several"})
    judge = Judge(FACTS, holdings, {})
    judge.judge(Record("product:nexacloud:vps", PRODUCT, "vps", OURS))
    wanted = dict.fromkeys((spec.name for spec in ORDER.fields), None)
    wanted[f"{LINE}product_id"] = "product:nexacloud:vps"
    waiting = judge.judge(Record("order:nexacloud:s", ORDER, "s", wanted))
    assert waiting.action == "skip"
    assert "waits for product:nexacloud:vps" in str(waiting.reason)


def test_a_moved_link_is_a_conflict_although_ours_did_not_change() -> None:
    wanted: dict[str, str | None] = {
        "service_id": None,
        "external_account_id": "a",
        "partner_id": "p",
    }
    record = Record("account_link:nexacloud:a", ACCOUNT_LINK, "a", wanted)
    holdings = Holdings(
        found={
            "p": Holding(14, {}),
            record.import_key: Holding(3, {**wanted, "partner_id": "15"}),
        }
    )
    known = KnownRecord(3, "created", "done", {**wanted, "partner_id": "14"})
    proposal = Judge(FACTS, holdings, {record.import_key: known}).judge(record)
    assert proposal.action == "conflict"
    assert proposal.disputed == ("partner_id",)


def test_an_external_id_is_one_word_and_never_two_records() -> None:
    keys = ("product:nexacloud:a b", "product:nexacloud:a/b", "product:nexacloud:a-b")
    keys += ("product:nexacloud:a:b", "product:nexacloud-a:b", "product:nexacloud:a_b")
    names = {Record(key, PRODUCT, "", {}).external_id for key in keys}
    assert len(names) == len(keys)
    assert all(" " not in name and "/" not in name for name in names)
