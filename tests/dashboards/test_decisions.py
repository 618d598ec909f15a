"""Deciding in a browser: a row in ops, a draft in Odoo; two at once; and those who may not."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pages_world import APPROVERS, World

from dashboards import formats as f

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
DANA, ALEX = "dana.roy@example.com", "alex.kim@example.com"
# The sign-in gives an address; what is kept is the name on the list of people.
DANA_ROY, ALEX_KIM = "Dana Roy", "Alex Kim"
SAID = """
    select decision, decided_by, note, amount, content_hash, line_key
    from ops.line_approvals
    where content ->> 'customer_name' = %s
    order by approval_id
"""


def _document(page: Page, customer: str) -> Locator:
    """The bordered box that holds a customer's draft and its buttons."""
    boxes = page.locator("[class*=st-key-document-]")
    return boxes.filter(has=page.locator(".fb-paper header b", has_text=customer)).first


def _said(page: Page) -> str:
    alerts = page.locator("[data-testid=stAlert]")
    alerts.first.wait_for(timeout=20_000)
    return " ".join(alerts.all_inner_texts())


def _press(page: Page, customer: str, button: str) -> str:
    _document(page, customer).get_by_role("button", name=button, exact=False).first.click()
    return _said(page)


def _note(page: Page, customer: str, text: str) -> None:
    field = _document(page, customer).get_by_label("Note").first
    field.fill(text)


def test_what_is_approved_in_the_page_becomes_a_draft_in_odoo(world: World, open_page: Any) -> None:
    from connections.odoo import OdooPort
    from publishers.drafts import publish

    page = open_page("approvals", user=DANA, groups=APPROVERS)
    total = _document(page, "Maple Dental Group").locator("[data-total]").inner_text()
    _note(page, "Maple Dental Group", "May is right")
    assert "1 line approved ($120.00 CAD)" in _press(
        page, "Maple Dental Group", "Approve the document"
    )
    (row,) = world.query(SAID, "Maple Dental Group")
    assert (row["decision"], row["decided_by"], row["note"]) == (
        "approve",
        DANA_ROY,
        "May is right",
    )
    report = publish(world.settings, go=True, line_keys=[row["line_key"]])
    assert (report.created, report.quarantined) == (1, 0)
    (move,) = OdooPort.connect(world.settings).search_read(
        "account.move",
        [("move_type", "=", "out_invoice"), ("state", "=", "draft")],
        ["amount_total"],
    )
    assert f.money(move["amount_total"], "CAD") == total


def test_of_two_at_the_same_line_the_second_is_told(world: World, open_page: Any) -> None:
    customer = "Northern Freight"
    first = open_page("approvals", user=DANA, groups=APPROVERS)
    second = open_page("approvals", user=ALEX, groups=APPROVERS)
    assert "1 line approved" in _press(first, customer, "Approve the document")
    _note(second, customer, "the price is wrong")
    said = _press(second, customer, "Reject the document")
    assert f"{DANA_ROY} said approve in the meantime" in said
    assert [(row["decision"], row["decided_by"]) for row in world.query(SAID, customer)] == [
        ("approve", DANA_ROY)
    ]


def test_a_line_that_changed_under_the_page_is_not_approved(world: World, open_page: Any) -> None:
    customer = "Prairie Grain Co-op"
    page = open_page("approvals", user=DANA, groups=APPROVERS)
    _document(page, customer).wait_for(state="visible")
    before = world.query(
        "select line_key, content_hash from marts.fct_invoice_lines where customer_name = %s",
        customer,
    )
    change = "update marts.fct_invoice_lines set content_hash = %s where line_key = %s"
    for line in before:
        world.execute(change, f"changed-{line['content_hash']}", line["line_key"])
    assert "has changed since it was shown" in _press(page, customer, "Approve the document")
    for line in before:
        world.execute(change, line["content_hash"], line["line_key"])
    assert world.query(SAID, customer) == []


def test_a_rejection_wants_a_reason_and_is_written_line_by_line(
    world: World, open_page: Any, wait_until_settled: Any
) -> None:
    customer = "Atelier Boréal"
    page = open_page("approvals", user=ALEX, groups=APPROVERS)
    assert "wants a reason" in _press(page, customer, "Reject the document")
    beside = _document(page, customer).locator("[data-testid=stAlert]")
    assert "wants a reason" in beside.inner_text()
    assert world.query(SAID, customer) == []
    wait_until_settled(page)
    _document(page, customer).get_by_text("Line by line").click()
    wait_until_settled(page)
    one = _document(page, customer).get_by_role("button", name="Approve this line").first
    one.focus()
    page.keyboard.press("Enter")
    page.get_by_text("1 line approved").wait_for(timeout=20_000)
    assert len(world.query(SAID, customer)) == 1


def test_above_the_four_eyes_amount_two_people_are_needed(world: World, open_page: Any) -> None:
    from decimal import Decimal

    from connections.postgres import warehouse
    from publishers.policies import Policy, set_policy

    customer = "Lakeshore Realty"
    with warehouse(world.settings) as conn:
        policy = Policy("two-people", "CAD", four_eyes_amount=Decimal(200))
        set_policy(conn, policy, by="Dana Roy")
    first = open_page("approvals", user=DANA, groups=APPROVERS)
    _press(first, customer, "Approve the document")
    second = open_page("approvals", user=ALEX, groups=APPROVERS)
    assert "1 of 2 people" in _document(second, customer).inner_text()
    _press(second, customer, "Approve the document")
    states = world.query(
        "select is_approved, approved_by from serving.fct_invoice_line_status"
        " where customer_name = %s and is_approvable and amount = 200",
        customer,
    )
    assert states == [{"is_approved": True, "approved_by": f"{ALEX_KIM}, {DANA_ROY}"}]


def test_a_gate_is_closed_and_opened_with_a_reason(
    world: World, open_page: Any, wait_until_settled: Any
) -> None:
    (one,) = world.query(
        "select subscription_id, service, external_subscription_id from serving.cutover_readiness"
        " where customer_name = 'Pacific Kayak Tours' and agreeing_period_count = 1"
    )
    page = open_page(f"cutover?of={one['subscription_id']}", user=DANA, groups=APPROVERS)
    for button, why in (("Close the gate", "a complaint"), ("Open the gate from", "settled")):
        page.get_by_label("Why").fill(why)
        page.get_by_role("button", name=button).click()
        page.get_by_text("The gate of").wait_for(timeout=20_000)
        wait_until_settled(page)
    decided = world.query(
        "select decision, decided_by, note, from_period_start from ops.cutover_gates"
        " where external_subscription_id = %s order by gate_id",
        one["external_subscription_id"],
    )
    assert [(row["decision"], row["decided_by"], row["note"]) for row in decided[1:]] == [
        ("close", DANA_ROY, "a complaint"),
        ("open", DANA_ROY, "settled"),
    ]
    assert decided[2]["from_period_start"] == decided[0]["from_period_start"]


def test_an_exception_is_acknowledged_with_a_reason(world: World, open_page: Any) -> None:
    page = open_page("exceptions?kind=one_off_unmatched", user=DANA, groups=APPROVERS)
    page.get_by_role("button", name="Acknowledge").first.click()
    popover = page.locator("[data-testid=stPopoverBody]")
    popover.get_by_label("Why it may wait").fill("entered in Odoo in June")
    popover.get_by_role("button", name="Acknowledge").click()
    assert "Noted:" in _said(page)
    (row,) = world.query("select acknowledged_by, note from ops.exception_acknowledgements")
    assert (row["acknowledged_by"], row["note"]) == (DANA_ROY, "entered in Odoo in June")


def test_a_reader_sees_no_way_to_decide(open_page: Any) -> None:
    page = open_page("approvals", user="sam@example.com", groups="interns")
    assert "switched off" in _said(page)
    assert page.get_by_role("button", name="Approve").count() == 0


def test_a_name_that_nobody_vouches_for_sees_nothing(open_page: Any) -> None:
    page = open_page("approvals", user="")
    assert "names no user" in _said(page)
    assert page.locator(".fb-paper").count() == 0


REFUSED = {
    "finance_reader": (
        "insert into ops.line_approvals (line_key, content_hash, decision, decided_by)"
        " values ('a', 'b', 'approve', 'me')",
        "delete from marts.fct_invoice_lines",
        "select * from raw_nexacloud.users",
        "create table marts.mine (id int)",
    ),
    "finance_approver": (
        "update ops.line_approvals set decided_by = 'somebody else'",
        "delete from ops.line_approvals",
        "update marts.fct_invoice_lines set amount = 0",
        "insert into ops.publications (document_key) values ('mine')",
        "insert into ops.approval_policies (policy_version, currency, decided_by)"
        " values ('mine', 'CAD', 'me')",
        "insert into ops.credit_requests (line_key, amount, currency, requested_by)"
        " values ('a', 1, 'CAD', 'me')",
        "select * from raw_odoo.res_partner",
    ),
}


@pytest.mark.parametrize(
    ("role", "statement"), [(role, each) for role, many in REFUSED.items() for each in many]
)
def test_the_database_refuses_what_a_role_may_not(world: World, role: str, statement: str) -> None:
    with closing(psycopg2.connect(world.as_role(role))) as connection:
        with connection.cursor() as cursor:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_grants_outlive_a_rebuild(world: World) -> None:
    """dbt makes a new table and renames it: the reader must see the new one as well."""
    world.execute("create table marts.rebuilt as select 1 as figure")
    with closing(psycopg2.connect(world.as_role("finance_reader"))) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select figure from marts.rebuilt")
            assert cursor.fetchall() == [(1,)]
    world.execute("drop table marts.rebuilt")
