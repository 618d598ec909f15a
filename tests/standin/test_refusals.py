"""Refusals travel as a real Odoo's do: the same class name, the same words, HTTP 200, code 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import odoorpc
import psycopg2
import pytest
from measured import Binding, measured
from odoo_lab import Lab, Refusal, Target

ADMIN_CASES: dict[str, Callable[[Lab], Refusal]] = {
    "bad selection": lambda lab: lab.target.refusal(
        "account.move", "create", [{"move_type": "bogus"}]
    ),
    "bad date": lambda lab: lab.target.refusal(
        "account.move", "create", [{"move_type": "out_invoice", "invoice_date": "2026-13-45"}]
    ),
    "bad tax id": lambda lab: lab.target.refusal(
        "account.move",
        "create",
        [{"move_type": "out_invoice", "partner_id": lab.partner(),
          "invoice_line_ids": [lab.line(taxes=[999999])]}],
    ),
    "unbalanced/invalid": lambda lab: lab.target.refusal(
        "account.move", "create", [{"move_type": "out_invoice", "partner_id": 99999999}]
    ),
    "post no lines": lambda lab: _post(lab, invoice_line_ids=[]),
    "post no partner": lambda lab: _post(lab, partner_id=False),
    "post negative": lambda lab: _post(lab, invoice_line_ids=[lab.line(-25, taxes=[])]),
    "draft user create state=posted": lambda lab: lab.target.refusal(
        "account.move", "create", [{"move_type": "out_invoice", "state": "posted"}]
    ),
}  # fmt: skip

USER_CASES: dict[str, tuple[str, Callable[[Lab, Target], Refusal]]] = {
    "acl read": (
        "internal",
        lambda _, user: user.refusal("account.move", "search_read", [], ["name"]),
    ),
    "ro create": (
        "readonly",
        lambda _, user: user.refusal("account.move", "create", [{"move_type": "out_invoice"}]),
    ),
    "draft user post": (
        "draft",
        lambda lab, user: user.refusal("account.move", "action_post", [lab.invoice()]),
    ),
    "draft user unlink": (
        "draft",
        lambda lab, user: user.refusal("account.move", "unlink", [lab.invoice()]),
    ),
    "draft user button_cancel": (
        "draft",
        lambda lab, user: user.refusal("account.move", "button_cancel", [lab.invoice()]),
    ),
    "draft user payment register": (
        "draft",
        lambda lab, user: user.refusal("account.payment.register", "create", [{}]),
    ),
}  # fmt: skip


def _post(lab: Lab, **vals: Any) -> Refusal:
    move_id = lab.invoice(**vals)
    return lab.target.refusal("account.move", "action_post", [move_id])


def _check(lab: Lab, name: str, refusal: Refusal) -> None:
    expected = measured("errors")[name]
    assert refusal.name == expected["name"]
    uid = lab.target.client.env.uid
    binding = Binding({})
    message = expected["message"].replace("User: 2)", f"User: {uid})")
    assert binding.differences(message, refusal.message) == []


@pytest.mark.parametrize("name", ADMIN_CASES)
def test_a_refusal_has_odoos_name_and_words(lab: Lab, name: str) -> None:
    _check(lab, name, ADMIN_CASES[name](lab))


@pytest.mark.parametrize("name", USER_CASES)
def test_a_user_without_rights_is_refused_in_odoos_words(standin_lab: Lab, name: str) -> None:
    login, act = USER_CASES[name]
    _check(standin_lab, name, act(standin_lab, standin_lab.target.as_user(login)))


LOCKS = {
    "reset locked fiscalyear_lock_date": "fiscalyear_lock_date",
    "reset locked sale_lock_date": "sale_lock_date",
    "reset locked tax_lock_date": "tax_lock_date",
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_locked_period_moves_a_posting_and_refuses_a_reset(lab: Lab, name: str) -> None:
    early = lab.posted(invoice_date="2026-09-15")
    late = lab.invoice(invoice_date="2026-09-15")
    company = [lab.company]
    lab.target.call("res.company", "write", company, {LOCKS[name]: "2026-09-30"})
    try:
        _check(lab, name, lab.target.refusal("account.move", "button_draft", [early]))
        lab.target.call("account.move", "action_post", [late])
    finally:
        lab.target.call("res.company", "write", company, {LOCKS[name]: False})
    dates = lab.move(late, "date", "invoice_date")
    # Today, or the end of the first open month or year where that comes first.
    assert dates["date"] > "2026-09-30"
    assert dates["invoice_date"] == "2026-09-15"


CALLS = {
    "read of an unknown field": (
        ("res.partner", "search_read", [], ["nofield"]),
        "Invalid field 'nofield' on 'res.partner'",
    ),
    "domain on an unknown field": (
        ("res.partner", "search", [["nofield", "=", 1]]),
        "Invalid field res.partner.nofield in condition ('nofield', '=', 1)",
    ),
    "order by an unknown field": (
        ("res.partner", "search", [], 0, 1, "nofield"),
        "Invalid field 'nofield' on model 'res.partner'",
    ),
    "create of an unknown field": (
        ("res.partner", "create", [{"name": "x", "nofield": 1}]),
        "Invalid field 'nofield' in 'res.partner'",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_unknown_field_is_a_value_error(target: Target, name: str) -> None:
    call, message = CALLS[name]
    assert target.refusal(*call) == Refusal("builtins.ValueError", message)


def test_writing_a_missing_record_is_an_error_and_reading_it_is_not(target: Target) -> None:
    assert target.call("res.partner", "read", [99999999], ["name"]) == []
    refusal = target.refusal("res.partner", "write", [99999999], {"name": "x"})
    assert refusal.name == "odoo.exceptions.MissingError"


def test_a_mandatory_field_is_asked_for_by_name(target: Target) -> None:
    refusal = target.refusal("sale.order", "create", [{"client_order_ref": "x"}])
    assert refusal.name == "odoo.exceptions.ValidationError"
    assert "Missing required value for the field 'Customer' (partner_id)." in refusal.message


def test_a_posted_invoice_is_neither_deleted_nor_moved(lab: Lab) -> None:
    posted = lab.posted()
    gone = lab.target.refusal("account.move", "unlink", [posted])
    assert gone.message.startswith("You can't delete a posted journal item.")
    moved = lab.target.refusal("account.move", "write", [posted], {"date": "2026-12-01"})
    assert moved.message == "You cannot modify the following readonly fields on a posted move: date"
    assert {gone.name, moved.name} == {"odoo.exceptions.UserError"}


def test_two_posted_invoices_never_share_a_name(lab: Lab) -> None:
    # In a journal of its own: a name given by hand sets how all later ones are numbered.
    code = f"X{lab.run[:4].upper()}"
    vals = {"name": lab.key("Names"), "code": code, "type": "sale"}
    [journal] = lab.target.call("account.journal", "create", [vals])
    name = f"{code}/2026/11/0001"
    first, second = (lab.invoice(journal_id=journal) for _ in range(2))
    for move_id in (first, second):
        lab.target.call("account.move", "write", [move_id], {"name": name})
    lab.target.call("account.move", "action_post", [first])
    refusal = lab.target.refusal("account.move", "action_post", [second])
    assert refusal.name == "odoo.exceptions.ValidationError"
    assert "Another entry with the same name already exists" in refusal.message


def test_a_wrong_password_is_refused_at_login_and_in_every_call(target: Target) -> None:
    client = target.connect()
    with pytest.raises(odoorpc.error.RPCError, match="Wrong login ID or password"):
        client.login(target.db, target.user, "wrong")
    with pytest.raises(odoorpc.error.InternalError, match="Login required"):
        client.execute("res.partner", "search", [])
    uid = target.client.env.uid
    args = [target.db, uid, "wrong", "res.partner", "search", [[]]]
    _, body = target.post("/jsonrpc", {"service": "object", "method": "execute_kw", "args": args})
    assert body["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"


def test_a_database_that_is_down_is_told_as_psycopg2s_error(cluster: Any) -> None:
    from sandbox.odoo_standin.server import running

    dsn = cluster.create_database("standin_dropped")
    with running(dsn, empty=True) as server:
        target = Target(server.url, "odoo", "admin", "admin")
        assert target.call("res.partner", "search_count", []) > 0
        cluster.drop_database("standin_dropped")
        refusal = target.refusal("res.partner", "search_count", [])
        assert refusal.name == measured("errors")["call w/ pg down"]["name"]
        assert 'database "standin_dropped" does not exist' in refusal.message
        # The database comes back: the next call finds it without a restart of the server.
        cluster.create_database("standin_dropped")
        assert target.refusal("res.partner", "search_count", []).name == (
            f"{psycopg2.errors.UndefinedTable.__module__}.UndefinedTable"
        )
    cluster.drop_database("standin_dropped")
