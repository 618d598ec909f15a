"""Where Odoo books what is sent: credits with the right customer, lines without a product."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from publishing_world import World, ontario

REAL = pytest.param("real", marks=pytest.mark.odoo_real)
EACH_BUILD = pytest.mark.parametrize("shared_odoo", ["standin", "later", REAL], indirect=True)


@EACH_BUILD
def test_a_credit_note_never_names_another_customer_s_invoice(
    world: World, customers: SimpleNamespace
) -> None:
    """A later build of Odoo would settle it: the one customer's debt with the other's credit."""
    own = ontario(customers)
    world.propose([world.line(1, amount="200.00", **own)])
    world.approve()
    original = world.publish().documents[0].odoo_id
    world.port("admin").execute("account.move", "action_post", [original])
    moved = own | {"partner_id": customers.partners[1]["id"]}
    less = world.line(
        2, subscription="sub-1", kind="adjustment", amount="-50.00", adjustment_number=1,
        corrects_period_start=world.line(1)["service_period_start"],
        assumed_billed_amount=Decimal("200.00"), **moved,
    )  # fmt: skip
    world.propose([less])
    world.approve()
    assert world.publish().created == 1
    [note] = world.port().search_read(
        "account.move",
        [("move_type", "=", "out_refund"), ("partner_id", "=", moved["partner_id"])],
        ["reversed_entry_id", "amount_untaxed"],
        order="id desc",
        limit=1,
    )
    assert (note["reversed_entry_id"], note["amount_untaxed"]) == (False, 50)
    world.port("admin").execute("account.move", "action_post", [note["id"]])
    [invoice] = world.port().read("account.move", [original], ["payment_state", "amount_residual"])
    assert (invoice["payment_state"], invoice["amount_residual"]) == ("not_paid", 226)


def test_a_run_says_where_lines_without_a_product_are_booked(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose([world.line(1, **ontario(customers)), world.line(2, **ontario(customers))])
    world.approve()
    [note] = world.publish(go=False).notes
    assert note.startswith("2 of 2 lines have no product: Odoo books them on ")
    report = world.publish()
    assert (report.notes, report.created) == ([note], 1)
    [account] = {
        row["account_id"][1]
        for row in world.port().search_read(
            "account.move.line",
            [("move_id", "=", report.documents[0].odoo_id), ("display_type", "=", "product")],
            ["account_id"],
        )
    }
    assert note.endswith(account)
    assert world.publish(go=False).notes == []
