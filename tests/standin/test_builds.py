"""The two builds of 19.0 that were seen: each row of the stand-in's table, played on both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from odoo_lab import Lab, Refusal, Target

from sandbox.odoo_standin.builds import BUILDS

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

TAX = {"amount": 3, "type_tax_use": "sale"}
SAME_NAME = "Another entry with the same name already exists."


class Played(NamedTuple):
    """A stand-in of a build."""

    build: str
    lab: Lab

    def says(self, first: Any, later: Any) -> Any:
        """What this build is expected to say."""
        return {"first": first, "later": later}[self.build]


@pytest.fixture(scope="module", params=sorted(BUILDS))
def played(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Played]:
    from sandbox.odoo_standin.server import running

    dsn = cluster.create_database(f"standin_build_{request.param}")
    with running(dsn, community=True, build=request.param) as server:
        target = Target(server.url, "odoo", "admin", "admin", is_standin=True, dsn=dsn)
        yield Played(request.param, Lab(target))


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("account.move.line", "price_unit"),
        ("sale.order.line", "price_unit"),
        ("product.template", "list_price"),
    ],
)
def test_a_price_is_rounded_or_kept_as_sent(played: Played, model: str, field: str) -> None:
    told = played.lab.target.call(model, "fields_get", [field], ["digits", "min_display_digits"])
    assert told[field] == played.says(
        {"digits": [16, 2]}, {"digits": False, "min_display_digits": 2}
    )


def test_the_price_of_an_invoice_line_and_what_it_amounts_to(played: Played) -> None:
    lab = played.lab
    move = lab.invoice(lab.line(0.0004, 2500, []), lab.line(1, 0.128, []))
    first, second = lab.lines(move, "price_unit", "price_subtotal", "quantity", kind="product")
    assert (first["price_unit"], first["price_subtotal"]) == played.says((0.0, 0.0), (0.0004, 1.0))
    assert second["quantity"] == 0.13  # quantities are rounded by both


def test_a_list_price(played: Played) -> None:
    product = played.lab.product(list_price=12.3456)
    [read] = played.lab.target.call("product.product", "read", [product], ["list_price"])
    assert read["list_price"] == played.says(12.35, 12.3456)


def test_the_words_for_a_name_that_several_have(played: Played) -> None:
    row = {"id": played.lab.xid("p"), "name": "x", "country_id": "CA", "state_id": "AB"}
    [warning] = played.lab.load_on("res.partner", row)["messages"]
    quoted = played.says("value 'AB' in field 'State'", 'value "AB" in field "State"')
    assert warning["message"].startswith(f"Found multiple matches for {quoted} (")
    assert warning["message"].endswith("matches)")
    assert warning["type"] == "warning"


def test_the_words_for_a_number_that_another_document_has(played: Played) -> None:
    lab = played.lab
    first, second = (lab.invoice() for _ in range(2))
    for move_id in (first, second):
        lab.target.call("account.move", "write", [move_id], {"name": f"X/{lab.run}/1"})
    lab.target.call("account.move", "action_post", [first])
    refusal = lab.target.refusal("account.move", "action_post", [second])
    text = played.says(SAME_NAME, f"The operation cannot be completed: {SAME_NAME}")
    assert refusal == Refusal("odoo.exceptions.ValidationError", text)


def test_the_address_of_a_contact(played: Played) -> None:
    lab, call = played.lab, played.lab.target.call
    company = {"name": "Parent", "is_company": True, "city": "Toronto", **lab.address("ON")}
    [parent] = call("res.partner", "create", [company])
    children = [
        {"name": "Child", "parent_id": parent},
        {"name": "Elsewhere", "parent_id": parent, "city": "Ottawa"},
        {"name": "Depot", "parent_id": parent, "type": "delivery"},
    ]
    ids = call("res.partner", "create", children)
    cities = [row["city"] for row in call("res.partner", "read", ids, ["city"])]
    assert cities == played.says([False, "Ottawa", False], ["Toronto", "Ottawa", False])


def test_a_credit_note_that_is_linked_to_another_partners_invoice(played: Played) -> None:
    lab = played.lab
    original = lab.posted()
    [note] = lab.load(
        lab.row(
            **{
                "move_type": "out_refund",
                "reversed_entry_id/.id": str(original),
                "partner_id/.id": str(lab.partner("QC")),
            }
        )
    )["ids"]
    lab.target.call("account.move", "action_post", [note])
    states = [lab.move(move, "payment_state")["payment_state"] for move in (original, note)]
    assert states == played.says(["not_paid", "not_paid"], ["reversed", "paid"])


def test_a_payment_state_that_was_sent(played: Played) -> None:
    [move] = played.lab.load(played.lab.row(payment_state="paid"))["ids"]
    got = played.lab.move(move, "state", "payment_state", "amount_residual")
    assert got["state"] == "draft"
    assert got["payment_state"] == played.says("not_paid", "paid")


def test_what_a_new_tax_must_bring(played: Played) -> None:
    call, name = played.lab.target.call, f"Tax {played.lab.run}"
    if played.build == "first":
        assert call("account.tax", "create", [{"name": name, **TAX}])
        return
    refusal = played.lab.target.refusal("account.tax", "create", [{"name": name, **TAX}])
    assert "Missing required value for the field 'Country' (country_id)" in refusal.message
    canada, group = played.lab.country("CA"), played.lab.find("account.tax.group", [])
    refusal = played.lab.target.refusal(
        "account.tax", "create", [{"name": name, **TAX, "country_id": canada}]
    )
    assert "(tax_group_id)" in refusal.message
    whole = {"name": name, **TAX, "country_id": canada, "tax_group_id": group}
    assert call("account.tax", "create", [whole])
