"""Approved lines become drafts, once, with the totals that were approved; a dry run shows them."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from fault_proxy import FaultProxy
from publishing_world import JUNE, World

from connections.settings import load_settings
from publishers import approvals, drafts, policies, sending
from publishers.exports import export
from publishers.lines import Filters
from publishers.policies import Policy


class Interrupted(Exception):
    """Stands for the end of a process at a point."""


def _interrupt_at(point: str) -> Any:
    def at(name: str) -> None:
        if name == point:
            raise Interrupted

    return at


def _lines(
    world: World, customers: SimpleNamespace, count: int, **changes: Any
) -> list[dict[str, Any]]:
    """One approved-to-be line for each of so many partners, Ontario's tax."""
    tax = customers.taxes["13% HST"]
    return [
        world.line(n, partner_id=customers.partners[n]["id"], tax_ids=[tax], **changes)
        for n in range(count)
    ]


def test_a_dry_run_shows_the_documents_and_writes_nothing(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(_lines(world, customers, 2, amount="9.17"))
    world.approve()
    report = world.publish(go=False)
    answer = report.as_json()
    assert (answer["dry_run"], answer["created"]) == (True, 0)
    assert [document["total_amount"] for document in answer["documents"]] == ["10.36", "10.36"]
    assert {document["state"] for document in answer["documents"]} == {"planned"}
    assert answer["documents"][0]["lines"][0]["line_key"] in {
        world.line(0)["line_key"],
        world.line(1)["line_key"],
    }
    assert world.drafts() == []
    assert world.query("select count(*) from ops.publications") == [(0,)]
    assert world.query("select count(*) from ops.publication_events") == [(0,)]


def test_what_a_dry_run_shows_is_what_a_run_does(world: World, customers: SimpleNamespace) -> None:
    world.propose(
        [*_lines(world, customers, 3, amount="33.35"), world.line(9, **_ontario(customers))]
    )
    world.approve()
    shown, done = world.publish(go=False).as_json(), world.publish().as_json()
    assert (done["created"], done["failed"], done["quarantined"]) == (3, 0, 0)
    same = (
        "key",
        "partner",
        "period_start",
        "untaxed_amount",
        "tax_amount",
        "total_amount",
        "lines",
    )
    assert [[d[name] for name in same] for d in shown["documents"]] == [
        [d[name] for name in same] for d in done["documents"]
    ]
    assert all(isinstance(document["odoo_id"], int) for document in done["documents"])


def _ontario(customers: SimpleNamespace, partner: int = 0) -> dict[str, Any]:
    return {
        "partner_id": customers.partners[partner]["id"],
        "tax_ids": [customers.taxes["13% HST"]],
    }


def test_drafts_hold_what_was_approved_and_the_ledger_knows_their_lines(
    world: World, customers: SimpleNamespace
) -> None:
    quebec = customers.taxes["14.975% GST+QST"]
    own = {"partner_id": customers.partners[0]["id"], "tax_ids": [quebec]}
    world.propose([world.line(1, amount="877.99", **own), world.line(2, amount="9.17", **own)])
    world.approve()
    world.publish()
    [move] = world.drafts()
    assert (move["state"], move["move_type"]) == ("draft", "out_invoice")
    assert (str(move["amount_untaxed"]), str(move["amount_total"])) == ("887.16", "1020.01")
    frozen = world.query(
        "select line_number, odoo_line_id, description from ops.publication_lines order by 1"
    )
    read = world.port().read("account.move.line", [row[1] for row in frozen], ["name", "move_id"])
    assert [row["name"] for row in read] == [row[2] for row in frozen]
    assert {row["move_id"][0] for row in read} == {move["id"]}


def test_a_second_run_creates_and_changes_nothing(world: World, customers: SimpleNamespace) -> None:
    world.propose(_lines(world, customers, 3))
    world.approve()
    world.publish()
    before = world.drafts()
    again = world.publish().as_json()
    assert (again["created"], again["unchanged"], again["documents"]) == (0, 3, [])
    assert world.drafts() == before


def test_every_step_is_on_record_with_who_and_which_run(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(_lines(world, customers, 1))
    world.approve()
    world.publish(by="opal", run_id="run-7")
    events = world.query("select event, run_id, by from ops.publication_events order by event_id")
    assert events == [
        ("claimed", "run-7", "opal"),
        ("sending", "run-7", "opal"),
        ("confirmed", "run-7", "opal"),
    ]


def test_a_line_approved_later_goes_into_the_next_document(
    world: World, customers: SimpleNamespace
) -> None:
    own = _ontario(customers)
    world.propose([world.line(1, **own), world.line(2, **own)])
    world.approve(external_subscription_id="sub-1")
    world.publish()
    world.approve()
    world.publish()
    refs = [move["ref"] for move in world.drafts()]
    assert [ref.rsplit("-", 1)[1] for ref in refs] == ["1", "2"]
    assert len({ref.rsplit("-", 1)[0] for ref in refs}) == 1


def test_limit_period_and_service_narrow_a_run(world: World, customers: SimpleNamespace) -> None:
    own = _ontario(customers)
    world.propose(
        [
            *_lines(world, customers, 3),
            world.line(7, **own, period=JUNE),
            world.line(8, **own, service=f"{world.service}desk"),
        ]
    )
    world.approve()
    assert world.publish(limit=1, period="2026-05", service=world.service).created == 1
    assert world.publish(service=f"{world.service}desk").created == 1
    assert world.publish(period="2026-06").created == 1
    assert world.publish().created == 2


def test_a_line_that_changed_or_was_revoked_since_it_was_selected_is_not_claimed(
    world: World, customers: SimpleNamespace
) -> None:
    rows = _lines(world, customers, 3)
    world.propose(rows)
    world.approve()

    def at(point: str) -> None:
        if point == "before_claim":
            world.propose([{**rows[0], "amount": Decimal("1.00"), "content_hash": "another"}])
            with world.warehouse() as conn:
                key = Filters(line_keys=(rows[1]["line_key"],))
                approvals.revoke(conn, approvals.select_lines(conn, key), by="rex")

    report = world.publish(at=at)
    assert report.created == 1
    assert world.query("select line_key from ops.publication_lines") == [(rows[2]["line_key"],)]


def test_four_eyes_are_asked_for_again_at_claim(world: World, customers: SimpleNamespace) -> None:
    world.propose(_lines(world, customers, 1, amount="5000.00"))
    world.approve()

    def at(point: str) -> None:
        if point == "before_claim":
            with world.warehouse() as conn:
                policies.set_policy(
                    conn, Policy("v1", "CAD", four_eyes_amount=Decimal(1000)), by="cfo"
                )

    assert world.publish(at=at).created == 0
    world.approve(by="rex")
    assert world.publish().created == 1


def test_two_publishers_at_once_make_each_document_once(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(_lines(world, customers, 6))
    world.approve()
    with ThreadPoolExecutor(2) as pool:
        reports = [future.result() for future in [pool.submit(world.publish) for _ in range(2)]]
    assert sum(report.created for report in reports) == 6
    assert len(world.drafts()) == 6


@pytest.mark.parametrize("point", ["after_claim", "before_request", "after_load", "before_confirm"])
def test_what_a_dead_run_left_is_finished_with_the_frozen_payload(
    world: World, customers: SimpleNamespace, point: str
) -> None:
    rows = _lines(world, customers, 2)
    world.propose(rows)
    world.approve()
    with pytest.raises(Interrupted):
        world.publish(at=_interrupt_at(point))
    frozen = world.query("select document_key, payload_hash from ops.publications order by 1")
    assert len(frozen) == 2
    world.propose([{**rows[0], "amount": Decimal("1.00"), "content_hash": "another"}])
    assert world.publish().created == 2
    assert [str(move["amount_total"]) for move in world.drafts()] == ["113.0", "113.0"]
    assert (
        world.query("select document_key, payload_hash from ops.publications order by 1") == frozen
    )


def test_the_documents_of_a_run_that_lives_are_left_to_it(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(_lines(world, customers, 1))
    world.approve()
    seen: list[Any] = []

    def at(point: str) -> None:
        if point == "after_claim":
            seen.append(world.publish().as_json())

    assert world.publish(at=at).created == 1
    assert [(report["created"], report["documents"]) for report in seen] == [(0, [])]


def test_a_batch_is_split_down_to_the_one_document_that_odoo_refuses(
    world: World, customers: SimpleNamespace
) -> None:
    admin = world.port("admin")
    [gone] = admin.execute("res.partner", "create", [{"name": "Soon gone"}])
    world.propose(
        [*_lines(world, customers, 4), world.line(9, **{**_ontario(customers), "partner_id": gone})]
    )
    world.approve()

    def at(point: str) -> None:
        if point == "after_claim":
            admin.execute("res.partner", "unlink", [gone])

    report = world.publish(at=at)
    assert (report.created, report.quarantined) == (4, 1)
    [bad] = [document for document in report.documents if document.state == "quarantined"]
    assert bad.partner_id == gone
    assert "No matching record found" in (bad.reason or "")


def test_a_draft_that_is_not_what_was_approved_is_quarantined_with_both_sides(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(_lines(world, customers, 1))
    world.approve()

    def at(point: str) -> None:
        if point == "after_load":
            world.edit_draft(99.99)

    report = world.publish(at=at)
    assert (report.created, report.quarantined, report.is_ok) == (0, 1, False)
    [(detail,)] = world.query(
        "select detail from ops.publication_events where event = 'quarantined'"
    )
    both = {row["field"]: (row["expected"], row["found"]) for row in detail["differences"]}
    assert both["amount_untaxed"] == ("100.00", "99.99")
    assert both["line 1 price"] == ("100.00", "99.99")
    assert world.publish().created == 0


def test_the_rounding_method_of_the_company_decides_the_totals(
    world: World, customers: SimpleNamespace
) -> None:
    own = _ontario(customers)
    world.propose([world.line(n, amount="0.04", **own) for n in range(10)])
    world.approve()
    globally = world.publish(go=False).documents[0].totals
    company = "tax_calculation_rounding_method"
    world.port("admin").execute("res.company", "write", [1], {company: "round_per_line"})
    try:
        report = world.publish()
    finally:
        world.port("admin").execute("res.company", "write", [1], {company: "round_globally"})
    assert report.created == 1
    assert globally
    assert (globally.tax, world.drafts()[0]["amount_tax"]) == (Decimal("0.05"), Decimal("0.1"))


def test_what_fails_preflight_blocks_its_own_document_by_name(
    world: World, customers: SimpleNamespace
) -> None:
    admin = world.port("admin")
    [archived] = admin.execute("res.partner", "create", [{"name": "Left Us", "active": False}])
    rows = _lines(world, customers, 1)
    world.propose([*rows, world.line(5, **{**_ontario(customers), "partner_id": archived})])
    world.approve()
    report = world.publish()
    assert (report.created, report.held) == (1, 1)
    assert "partner Left Us" in str(report.documents[-1].reason)
    assert "archived" in str(report.documents[-1].reason)


def test_a_canadian_without_a_province_is_no_document(
    world: World, customers: SimpleNamespace
) -> None:
    admin = world.port("admin")
    [canada] = admin.search("res.country", [("code", "=", "CA")])
    [nowhere] = admin.execute("res.partner", "create", [{"name": "Nowhere", "country_id": canada}])
    world.propose([world.line(5, **{**_ontario(customers), "partner_id": nowhere})])
    world.approve()
    report = world.publish()
    assert (report.created, report.held) == (0, 1)
    assert "no province" in str(report.documents[0].reason)


@pytest.mark.parametrize(
    "fault", ["reset_after", "502_after", "truncated_after", "html_after", "lost_race"]
)
def test_an_unknown_outcome_sends_the_same_again(
    world: World, customers: SimpleNamespace, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE_SECONDS", 0.01)
    world.propose(_lines(world, customers, 2))
    world.approve()
    host, port = world.settings.odoo_url.removeprefix("http://").split(":")
    proxy = FaultProxy((host, int(port)), plan={1: fault})
    report = drafts.publish(load_settings(**{**world.values, "odoo_url": proxy.url}), go=True)
    proxy.close()
    assert proxy.injected == {fault: 1}
    assert report.created == 2
    assert len(world.drafts()) == 2
    assert world.query("select distinct attempts from ops.publications") == [(2,)]
    assert world.query(
        "select count(*) from ops.publication_events where event = 'outcome_unknown'"
    ) == [(2,)]


def test_a_dry_run_is_exported_as_csv_xlsx_and_json(
    world: World, customers: SimpleNamespace, tmp_path: Any
) -> None:
    rows = _lines(world, customers, 2, description='=HYPERLINK("x")')
    world.propose(rows)
    world.approve()
    report = world.publish(go=False)
    text = export(report, tmp_path / "dry.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(text) == 3
    assert "'=HYPERLINK" in text[1]
    book = openpyxl.load_workbook(export(report, tmp_path / "dry.xlsx"))
    assert [sheet.max_row for sheet in book] == [3, 3]
    assert book["lines"]["C2"].data_type == "s"
    assert book["documents"]["L2"].value == 113
    answer = json.loads(export(report, tmp_path / "dry.json").read_text())
    assert answer == report.as_json()
    with pytest.raises(ValueError, match=r"end the name in .csv"):
        export(report, tmp_path / "dry.pdf")
