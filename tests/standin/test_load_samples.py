"""Recorded load() calls, played again: answers, messages and what is read back afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from measured import Binding, measured
from odoo_lab import Lab

SAMPLES = {name: sample for name, sample in measured("load_samples").items() if "request" in sample}
# Which posted original a recorded credit note was linked to.
_ORIGINALS = {
    "b_samples_3: CN create-only linked to posted orig (full)": 6595,
    "b_samples_3: CN partial 30 linked by external id": 6597,
}
_NEEDS_FIRST = {
    "b_samples_3: same key other type",
    "c_samples_partner: partner update of ONE field (id,email)",
    "c_samples_partner: partner update one field, mode update no noupdate",
    "c_samples_partner: archive via load",
    "c_samples_product_so: update price only",
    "c_samples_product_so: so repeat default mode (appends lines?)",
}
# Where the measured company had bank accounts of its own, or a database its own numbers.
_OWN = ("partner_bank_id", "reversed_entry_id[1]", "product_id[1]", "partner_id[1]")


@pytest.fixture(scope="session")
def binding(lab: Lab) -> Binding:
    """The measured database's ids, found here by name."""
    call = lab.target.call
    sale = {5: "5% GST", 10: "9.975% QST", 11: "13% HST", 17: "14.975% GST+QST"}
    known = {number: lab.tax(name) for number, name in sale.items()}
    known |= {20029: lab.partner("ON"), 20031: lab.partner("QC"), 20021: lab.partner("AB")}
    known |= {2: lab.product(default_code="R2-DEF"), 3: lab.currency, 7: lab.journal}
    known |= {4: lab.find("account.payment.term", [["name", "=", "30 Days"]])}
    known |= {543: lab.state("QC"), 38: lab.country("CA"), 37: _foreign_tax(lab)}
    known |= {1: lab.find("uom.uom", [["name", "=", "Units"]])}
    assert call("res.company", "search_count", []) >= 1
    return Binding(known)


def _foreign_tax(lab: Lab) -> int:
    """A tax of another company, which an administrator of both may see."""
    [company] = lab.target.call("res.company", "create", [{"name": lab.key("Other company")}])
    return lab.new_tax(
        {"allowed_company_ids": [company, lab.company]}, name="15%", amount=15, company_id=company
    )


def _renamed(lab: Lab, value: Any) -> Any:
    """Give the recording's references and external ids the name of this run."""
    if isinstance(value, list):
        return [_renamed(lab, item) for item in value]
    if isinstance(value, str) and (value.startswith(("r2.", "R2-", "PC-"))):
        return f"{value}-{lab.run}"
    return value


def _play(lab: Lab, binding: Binding, request: dict[str, Any], name: str) -> Any:
    fields, rows = request["args"]
    chosen = {column: i for i, column in enumerate(fields)}
    data = [
        [_cell(lab, binding, f, cell) for f, cell in zip(fields, row, strict=True)] for row in rows
    ]
    if name in _ORIGINALS:
        column = next(c for c in chosen if c.startswith("reversed_entry_id"))
        data[0][chosen[column]] = _original(lab, binding, column, _ORIGINALS[name])
    return lab.target.call(
        request["model"], "load", fields, _renamed(lab, data), context=request["context"]
    )


def _cell(lab: Lab, binding: Binding, column: str, cell: Any) -> Any:
    """Only references hold ids of the measured database; quantities are just numbers."""
    if column == "categ_id/.id" and cell:
        return str(lab.find("product.category", []))  # any will do, and its number is a product's
    return binding.translate(cell) if column.endswith(".id") and column != ".id" else cell


def _original(lab: Lab, binding: Binding, column: str, measured_id: int) -> str:
    key = lab.key("o")
    row = lab.row(id=f"contract.{key}")
    [move_id] = lab.load(row)["ids"]
    lab.target.call("account.move", "action_post", [move_id])
    binding.known[measured_id] = move_id
    return f"contract.{key}" if column.endswith("/id") else str(move_id)


def _read_back(lab: Lab, move_id: int, sample: dict[str, Any]) -> dict[str, Any]:
    [expected] = sample["readback"]
    fields = [name for name in expected if name not in ("lines", "id")]
    row = lab.move(move_id, *fields)
    names = [name for name in expected["lines"][0] if name != "id"]
    row["lines"] = lab.lines(move_id, *names)
    return row


def _first(name: str) -> list[str]:
    """The samples that must have been played before this one."""
    if name == "b_samples_3: same key other type":
        return []
    prefix = name.split(":")[0]
    before = {"c_samples_partner": "partner create-only"}
    if prefix in before:
        return [f"{prefix}: {before[prefix]}"]
    return [f"{prefix}: template create-only", f"{prefix}: so create-only"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_load_gets_the_recorded_answer(lab: Lab, binding: Binding, name: str) -> None:
    sample = SAMPLES[name]
    here = Binding(binding.known)
    if name in _NEEDS_FIRST:
        for earlier in _first(name):
            _play(lab, here, SAMPLES[earlier]["request"], earlier)
    if name == "b_samples_3: same key other type":
        first = lab.row(id=_renamed(lab, "r2.87f5ea-o9"), ref=_renamed(lab, "R2-87f5ea-o9"))
        lab.load(first)
    response = sample["response"]
    if "EXC" in response:
        fields, rows = sample["request"]["args"]
        refusal = lab.target.refusal("account.move", "load", fields, rows)
        assert [refusal.name, refusal.message] == [
            response["EXC"]["info"]["data.name"],
            response["EXC"]["str"],
        ]
        return
    answer = _play(lab, here, sample["request"], name)
    expected = _renamed_messages(lab, response)
    assert bool(answer["ids"]) == bool(expected["ids"]), answer["messages"]
    exact = Binding({}, is_exact=True)
    # A tax of a company without a country says its own.
    told = [m | {"message": m["message"].replace("15% (CA)", "15%")} for m in answer["messages"]]
    assert exact.differences(expected["messages"], told) == []
    assert answer["nextrow"] == expected["nextrow"]
    assert len(answer["ids"] or []) == len(expected["ids"] or [])
    if "readback" in sample:
        got = _read_back(lab, answer["ids"][0], sample)
        wanted = _renamed(lab, _without_ids(sample["readback"][0]))
        wanted |= {"ref": _renamed(lab, wanted["ref"])}
        found = here.differences(wanted, got)
        assert [d for d in found if not any(own in d for own in _OWN)] == []


def _without_ids(row: dict[str, Any]) -> dict[str, Any]:
    lines = [{k: v for k, v in line.items() if k != "id"} for line in row["lines"]]
    return {k: v for k, v in row.items() if k != "id"} | {"lines": lines}


def _renamed_messages(lab: Lab, response: dict[str, Any]) -> dict[str, Any]:
    """The company and references in a message are this database's."""
    [company] = lab.target.call("res.company", "search_read", [["id", "=", 1]], ["name"])
    messages = [
        message
        | {
            "message": message["message"]
            .replace("Test Company", company["name"])
            .replace("R2-5bd0d1-i2", f"R2-5bd0d1-i2-{lab.run}")
            .replace("(23811)", f"({_xid_number(lab)})")
        }
        for message in response["messages"]
    ]
    return response | {"messages": messages}


def _xid_number(lab: Lab) -> int:
    return lab.find(
        "ir.model.data", [["module", "=", "account"], ["name", "=", "1_hst_sale_tax_13"]]
    )


def test_a_loaded_order_reads_as_recorded(lab: Lab, binding: Binding) -> None:
    here = Binding(binding.known)
    name = "c_samples_product_so: so create-only"
    fresh = Lab(lab.target, _known=lab._known)  # the same records, another run's names
    [order_id] = _play(fresh, here, SAMPLES[name]["request"], name)["ids"]
    expected = measured("load_samples")["c_samples_product_so: so readback"]
    fields = [f for f in expected if f not in ("lines", "id", "name")]
    [got] = lab.target.call("sale.order", "read", [order_id], fields)
    names = [n for n in expected["lines"][0] if n != "id"]
    got["lines"] = lab.target.call(
        "sale.order.line", "search_read", [["order_id", "=", order_id]], names, order="id"
    )
    wanted = {k: v for k, v in _without_ids(expected).items() if k != "name"}
    wanted["client_order_ref"] = "PO-so1"
    for line in [*wanted["lines"], *got["lines"]]:
        line["price_tax"] = round(line["price_tax"], 2)  # binary noise of a difference
    own = (*_OWN, "pricelist_id", "user_id", "product_uom_id", "invoice_id[1]", "shipping_id[1]")
    found = here.differences(wanted, got)
    assert [d for d in found if not any(name in d for name in own)] == []
