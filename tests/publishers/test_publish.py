"""Approved lines become drafts, once, with the totals that were approved; a dry run shows them."""

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from publishing_world import JUNE, MAY, World, ontario

from publishers.exports import export

REAL = pytest.param("real", marks=pytest.mark.odoo_real)
EACH_BUILD = pytest.mark.parametrize("shared_odoo", ["standin", "later", REAL], indirect=True)
USAGE = {"kind": "usage", "quantity": Decimal(2500), "unit_price": Decimal("0.0004")}


def test_a_dry_run_shows_the_documents_and_writes_nothing(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(world.lines(customers, 2, amount="9.17"))
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
    world.propose([*world.lines(customers, 3, amount="33.35"), world.line(9, **ontario(customers))])
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


@pytest.mark.both_apis
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


@pytest.mark.both_apis
def test_a_second_run_creates_and_changes_nothing(world: World, customers: SimpleNamespace) -> None:
    world.propose(world.lines(customers, 3))
    world.approve()
    world.publish()
    before = world.drafts()
    again = world.publish().as_json()
    assert (again["created"], again["unchanged"], again["documents"]) == (0, 3, [])
    assert world.drafts() == before


def test_every_step_is_on_record_with_who_and_which_run(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(world.lines(customers, 1))
    world.approve()
    world.publish(by="opal", run_id="run-7")
    events = world.query("select event, run_id, by from ops.publication_events order by event_id")
    assert events == [
        ("claimed", "run-7", "opal"),
        ("sending", "run-7", "opal"),
        ("confirmed", "run-7", "opal"),
    ]
    [(odoo_id, seconds)] = world.query(
        "select (detail ->> 'odoo_id')::bigint, (detail ->> 'seconds')::numeric"
        " from ops.publication_events where event = 'confirmed'"
    )
    assert odoo_id == world.drafts()[0]["id"]
    assert seconds > 0


def test_a_line_approved_later_goes_into_the_next_document(
    world: World, customers: SimpleNamespace
) -> None:
    own = ontario(customers)
    world.propose([world.line(1, **own), world.line(2, **own)])
    world.approve(external_subscription_id="sub-1")
    world.publish()
    world.approve()
    world.publish()
    refs = [move["ref"] for move in world.drafts()]
    assert [ref.rsplit("-", 1)[1] for ref in refs] == ["1", "2"]
    assert len({ref.rsplit("-", 1)[0] for ref in refs}) == 1


def test_limit_period_and_service_narrow_a_run(world: World, customers: SimpleNamespace) -> None:
    own = ontario(customers)
    world.propose(
        [
            *world.lines(customers, 3),
            world.line(7, **own, period=JUNE),
            world.line(8, **own, service=f"{world.service}desk"),
            # May and June on one plan, and on another since June: it is of May.
            world.line(9, **own, period=(MAY[0], JUNE[1]), segment_start=JUNE[0]),
        ]
    )
    world.approve()
    assert world.publish(limit=1, period="2026-05", service=world.service).created == 1
    assert world.publish(service=f"{world.service}desk").created == 1
    assert world.publish(period="2026-06").created == 1
    assert world.publish(period="2026-05").created == 3
    assert world.publish().created == 0


@EACH_BUILD
def test_the_rounding_method_of_the_company_decides_the_totals(
    world: World, customers: SimpleNamespace
) -> None:
    own = ontario(customers)
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
    rows = world.lines(customers, 1)
    world.propose([*rows, world.line(5, **{**ontario(customers), "partner_id": archived})])
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
    world.propose([world.line(5, **{**ontario(customers), "partner_id": nowhere})])
    world.approve()
    report = world.publish()
    assert (report.created, report.held) == (0, 1)
    assert "no province" in str(report.documents[0].reason)


@pytest.mark.parametrize("lock", ["fiscalyear_lock_date", "sale_lock_date", "tax_lock_date"])
def test_a_lock_date_holds_back_what_odoo_would_book_in_another_month(
    world: World, customers: SimpleNamespace, lock: str
) -> None:
    admin = world.port("admin")
    world.propose(world.lines(customers, 1))
    world.approve()
    admin.execute("res.company", "write", [admin.company_id], {lock: "2026-06-30"})
    try:
        report = world.publish()
    finally:
        admin.execute("res.company", "write", [admin.company_id], {lock: False})
    assert (report.created, report.held, report.is_ok) == (0, 1, False)
    assert "not after the lock date 2026-06-30" in str(report.documents[0].reason)
    assert world.publish().created == 1


def test_a_dry_run_is_exported_as_csv_xlsx_and_json(
    world: World, customers: SimpleNamespace, tmp_path: Any
) -> None:
    rows = world.lines(customers, 2, description='=HYPERLINK("x")')
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


@EACH_BUILD
def test_a_small_price_arrives_as_it_is_or_as_an_amount_but_never_as_nothing(
    world: World, customers: SimpleNamespace
) -> None:
    rows = [
        world.line(1, **{**USAGE, **ontario(customers)}, amount="1.00"),
        world.line(
            2, **{**USAGE, **ontario(customers), "quantity": Decimal("3.125")}, amount="0.01"
        ),
        world.line(3, **ontario(customers), amount="33.35"),
    ]
    world.propose(rows)
    world.approve()
    report = world.publish()
    assert (report.created, report.quarantined, report.failed) == (1, 0, 0)
    [draft] = world.drafts()
    totals = [str(draft[f"amount_{name}"]) for name in ("untaxed", "tax", "total")]
    assert totals == ["34.36", "4.47", "38.83"]
    [told] = world.port().fields_get("account.move.line", ["price_unit"], ["digits"]).values()
    as_sent = ("2500.0", "0.0004") if told["digits"] is False else ("1.0", "1.0")
    assert as_sent in _quantities_and_prices(world)


def _quantities_and_prices(world: World) -> list[tuple[str, str]]:
    ids = [row[0] for row in world.query("select odoo_line_id from ops.publication_lines")]
    read = world.port().read("account.move.line", ids, ["quantity", "price_unit"])
    return [(str(row["quantity"]), str(row["price_unit"])) for row in read]


@EACH_BUILD
def test_with_six_digits_quantities_and_prices_arrive_as_they_are(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose([world.line(2, **{**USAGE, **ontario(customers)}, amount="1.00")])
    world.approve()
    precision = world.port("admin").search_read("decimal.precision", [], ["name", "digits"])
    _set_digits(world, [{**row, "digits": 6} for row in precision])
    try:
        report = world.publish()
    finally:
        _set_digits(world, precision)
    assert report.created == 1
    assert _quantities_and_prices(world) == [("2500.0", "0.0004")]


def _set_digits(world: World, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        values = {"digits": row["digits"]}
        world.port("admin").execute("decimal.precision", "write", [row["id"]], values)


def test_a_negative_adjustment_becomes_a_credit_note_of_the_posted_original(
    world: World, customers: SimpleNamespace
) -> None:
    own = ontario(customers)
    world.propose([world.line(1, amount="200.00", **own)])
    world.approve()
    original = world.publish().documents[0].odoo_id
    less = world.line(
        2,
        subscription="sub-1",
        kind="adjustment",
        amount="-50.00",
        corrects_period_start=world.line(1)["service_period_start"],
        adjustment_number=1,
        assumed_billed_amount=Decimal("200.00"),
        **own,
    )
    world.propose([less])
    world.approve()
    waiting = world.publish()
    assert (waiting.created, waiting.held) == (0, 1)
    assert "post it" in str(waiting.documents[0].reason)
    world.port("admin").execute("account.move", "action_post", [original])
    assert world.publish().created == 1
    [note] = world.port().search_read(
        "account.move",
        [("reversed_entry_id", "=", original)],
        ["move_type", "amount_untaxed", "amount_total", "state"],
    )
    assert (note["move_type"], note["state"]) == ("out_refund", "draft")
    assert (str(note["amount_untaxed"]), str(note["amount_total"])) == ("50.0", "56.5")
