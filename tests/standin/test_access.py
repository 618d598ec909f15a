"""Who may do what: the stand-in's users against the rights that were measured."""

from __future__ import annotations

from typing import Any

import pytest
from measured import measured
from odoo_lab import CREATE_ONLY, Lab

DENIED = "odoo.exceptions.AccessError"
_PRIVATE = {"ir.model.data", "payment.transaction"}
# Fields of the measured extraction that no part of this project asks for.
NOT_IMITATED = {
    "res.partner": {"debit"},
    "product.product": {"price_extra"},
    "account.tax": {"invoice_repartition_line_ids"},
    "account.move": {"tax_totals"},
    "account.move.line": {"tax_repartition_line_id", "deductible_amount"},
    "sale.order": {"commitment_date", "team_id", "signed_on", "require_payment"},
    "sale.order.line": {"untaxed_amount_invoiced", "untaxed_amount_to_invoice"},
    "account.payment": {
        "amount_company_currency_signed", "payment_method_id", "reconciled_invoices_count",
        "source_payment_id",
    },
    "account.partial.reconcile": {"exchange_move_id", "draft_caba_move_vals"},
    "res.currency.rate": {"company_rate", "inverse_company_rate"},
    "account.journal": {"sequence_override_regex"},
}  # fmt: skip
# Fields that the recording user could not see either.
HIDDEN = {"sale.order": {"transaction_ids"}}


def _d1_models() -> list[str]:
    from sandbox.odoo_standin.registry import load_registry

    known = load_registry(community=True).models
    return [model for model in measured("extraction_fields") if model in known]


@pytest.mark.parametrize("model", _d1_models())
def test_the_readonly_user_reads_what_extraction_needs(standin_lab: Lab, model: str) -> None:
    user = standin_lab.target.as_user("readonly")
    if model in _PRIVATE:
        assert user.refusal(model, "search_read", [], ["id"]).name == DENIED
        return
    facts = measured("extraction_fields")[model]["fields"]
    told = user.call(model, "fields_get", [], ["type", "store", "relation"])
    shared = sorted(facts.keys() & told.keys())
    absent = facts.keys() - told.keys()
    assert absent == NOT_IMITATED.get(model, set()) | HIDDEN.get(model, set())
    for name in shared:
        kind, is_stored, relation = facts[name]
        assert told[name]["type"] == kind, name
        assert told[name].get("relation") == relation, name
        assert told[name]["store"] == is_stored, name
    hidden = {"transaction_ids", "transaction_count", "amount_paid", "rtc_session_ids"}
    rows = user.call(model, "search_read", [], [n for n in shared if n not in hidden], limit=3)
    assert all(row.keys() >= {"id"} for row in rows)


@pytest.mark.parametrize(("model", "field"), [
    ("res.partner", "rtc_session_ids"), ("account.move", "transaction_ids"),
])  # fmt: skip
def test_one_forbidden_field_fails_the_whole_read(standin_lab: Lab, model: str, field: str) -> None:
    user = standin_lab.target.as_user("readonly")
    refusal = user.refusal(model, "search_read", [], ["id", field])
    assert refusal.name == DENIED
    assert refusal.message.startswith(f"Failed to read field {model}.{field}\n")


RIGHTS: dict[str, dict[str, str]] = {
    # model: {user: rights}
    "account.move": {"admin": "rwcu", "billing": "rwcu", "draft": "rwc", "readonly": "r",
                     "internal": "", "sales": "r"},
    "account.payment": {"billing": "rwcu", "readonly": "r", "internal": "", "draft": ""},
    "account.partial.reconcile": {"billing": "rwcu", "readonly": "r", "internal": ""},
    "sale.order": {"billing": "rw", "readonly": "r", "sales": "rwcu", "internal": ""},
    "res.partner": {"admin": "rwcu", "billing": "r", "readonly": "r", "internal": "r"},
    "product.template": {"admin": "rwcu", "billing": "r", "readonly": "r"},
    "account.tax": {"billing": "r", "readonly": "r", "internal": "r"},
    "account.journal": {"billing": "r", "draft": "r", "readonly": "r", "internal": ""},
    "payment.transaction": {"billing": "rwc", "readonly": "", "internal": "", "draft": ""},
    "ir.model.data": {"admin": "rwcu", "billing": "", "readonly": "", "draft": ""},
    "decimal.precision": {"admin": "rwcu", "readonly": "", "draft": ""},
}  # fmt: skip
CASES = [(model, user) for model, users in RIGHTS.items() for user in users]


@pytest.mark.parametrize(("model", "user"), CASES)
def test_rights_are_those_of_the_measured_groups(standin_lab: Lab, model: str, user: str) -> None:
    target = standin_lab.target.as_user(user)
    operations = {"r": "read", "w": "write", "c": "create", "u": "unlink"}
    granted = "".join(
        letter
        for letter, name in operations.items()
        if target.call(model, "check_access_rights", name, False)
    )
    assert granted == RIGHTS[model][user]


def test_the_draft_user_creates_loads_and_posts_by_writing_the_state(standin_lab: Lab) -> None:
    """Odoo's rights cannot enforce drafts: a rule is looked at before the write only."""
    draft = standin_lab.target.as_user("draft")
    row = standin_lab.row()
    answer = draft.call(
        "account.move", "load", list(row), [list(row.values())], context=CREATE_ONLY
    )
    [move_id] = answer["ids"]
    assert draft.refusal("account.move", "action_post", [move_id]).name == DENIED
    assert draft.call("account.move", "write", [move_id], {"state": "posted"}) is True
    assert draft.call("account.move", "read", [move_id], ["state"])[0]["state"] == "posted"
    late = draft.refusal("account.move", "write", [move_id], {"ref": "too late"})
    assert late.name == DENIED


def test_the_draft_user_makes_no_credit_notes(standin_lab: Lab) -> None:
    draft, billing = (standin_lab.target.as_user(name) for name in ("draft", "billing"))
    row = standin_lab.row(move_type="out_refund")
    data: tuple[Any, ...] = (list(row), [list(row.values())])
    answer = draft.call("account.move", "load", *data, context=CREATE_ONLY)
    assert answer["ids"] is False
    assert "top-secret records" in answer["messages"][0]["message"]
    assert billing.call("account.move", "load", *data, context=CREATE_ONLY)["ids"]


def test_billing_posts_and_registers_payments(standin_lab: Lab) -> None:
    billing = standin_lab.target.as_user("billing")
    row = standin_lab.row()
    [move_id] = billing.call(
        "account.move", "load", list(row), [list(row.values())], context=CREATE_ONLY
    )["ids"]
    billing.call("account.move", "action_post", [move_id])
    context = {"active_model": "account.move", "active_ids": [move_id]}
    wizard = billing.call("account.payment.register", "create", {}, context=context)
    billing.call("account.payment.register", "action_create_payments", [wizard])
    assert standin_lab.move(move_id, "payment_state")["payment_state"] == "paid"


def test_every_user_learns_external_ids_even_of_what_he_may_not_read(standin_lab: Lab) -> None:
    row = standin_lab.row()
    [move_id] = standin_lab.load(row)["ids"]
    internal = standin_lab.target.as_user("internal")
    told = internal.call("account.move", "get_external_id", [move_id, 99999999])
    assert told == {str(move_id): row["id"], "99999999": ""}
    assert internal.refusal("account.move", "get_metadata", [move_id]).name == DENIED


def test_fields_of_a_group_are_hidden_from_others(standin_lab: Lab) -> None:
    asked = ["credit_limit", "name"]
    admin = standin_lab.target.call("res.partner", "fields_get", asked)
    internal = standin_lab.target.as_user("internal").call("res.partner", "fields_get", asked)
    assert sorted(admin) == asked
    assert sorted(internal) == ["name"]


def test_digits_are_told_to_everybody(standin_lab: Lab) -> None:
    for user in ("billing", "readonly", "draft", "internal"):
        told = standin_lab.target.as_user(user).call(
            "account.move.line", "fields_get", ["price_unit", "nothing"], ["digits"]
        )
        assert told == {"price_unit": {"digits": [16, 2]}}


def test_nobody_exports_by_export_data(standin_lab: Lab) -> None:
    refusal = standin_lab.target.as_user("billing").refusal(
        "res.partner", "export_data", [1], ["name"]
    )
    assert refusal.message.startswith("You don't have the rights to export data.")
