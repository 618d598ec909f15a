"""Searching as Odoo 19 does: domains, order, paging, whole seconds, archived, other companies."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest
from odoo_lab import Lab

ALL = {"active_test": False}


@pytest.fixture(scope="module")
def family(lab: Lab) -> dict[str, int]:
    """Five contacts: a company with a contact, one without address, one archived, one abroad."""
    create = lab.target.call
    base = f"fam{lab.run}"
    rows = [
        {"name": f"{base} Alpha", "is_company": True, "ref": f"{base}-1", "email": "a@x.test"}
        | lab.address("ON"),
        {"name": f"{base} Beta", "ref": f"{base}-2"} | lab.address("QC"),
        {"name": f"{base} Gamma", "ref": f"{base}-3"},
        {"name": f"{base} Delta", "ref": f"{base}-4", "active": False},
        {"name": f"{base} Epsilon", "ref": f"{base}-5"} | lab.address("US-NY"),
    ]  # fmt: skip
    ids = create("res.partner", "create", rows)
    names = ["alpha", "beta", "gamma", "delta", "epsilon"]
    [child] = create("res.partner", "create", [{"name": f"{base} Child", "parent_id": ids[0]}])
    return dict(zip(names, ids, strict=True)) | {"child": child}


DOMAINS: dict[str, tuple[list[Any], str]] = {
    "equal": ([["ref", "=", "{base}-1"]], "alpha"),
    "not equal keeps the empty": ([["ref", "!=", "{base}-1"]], "beta gamma epsilon child"),
    "in": ([["ref", "in", ["{base}-1", "{base}-3"]]], "alpha gamma"),
    "not in": ([["ref", "not in", ["{base}-1", "{base}-3"]]], "beta epsilon child"),
    "in with false": ([["ref", "in", ["{base}-1", False]]], "alpha child"),
    "is empty": ([["country_id", "=", False]], "gamma child"),
    "is set": ([["country_id", "!=", False]], "alpha beta epsilon"),
    "ilike": ([["name", "ilike", "ALPHA"]], "alpha"),
    "like is exact in case": ([["name", "like", "ALPHA"]], ""),
    "not ilike": ([["name", "not ilike", "ALPH"]], "beta gamma epsilon child"),
    "=like": ([["name", "=like", "{base} _eta"]], "beta"),
    "=ilike": ([["name", "=ilike", "{base} g%"]], "gamma"),
    "or": (["|", ["ref", "=", "{base}-1"], ["ref", "=", "{base}-2"]], "alpha beta"),
    "not": (["!", ["ref", "=", "{base}-1"]], "beta gamma epsilon child"),
    "and or": (
        ["&", ["is_company", "=", False], "|", ["ref", "=", "{base}-2"], ["ref", "=", "{base}-3"]],
        "beta gamma",
    ),
    "path": ([["country_id.code", "=", "US"]], "epsilon"),
    "longer path": ([["state_id.country_id.code", "=", "CA"]], "alpha beta"),
    "many2one by name": ([["country_id", "ilike", "united states"]], "epsilon"),
    "many2one in": ([["parent_id", "in", ["alpha"]]], "child"),
    "lines": ([["child_ids", "!=", False]], "alpha"),
    "lines by path": ([["child_ids.name", "ilike", "chil"]], "alpha"),
    "boolean false": ([["is_company", "=", False]], "beta gamma epsilon child"),
    "boolean true": ([["is_company", "!=", False]], "alpha"),
    "archived asked for": ([["active", "=", False]], "delta"),
    "both": ([["active", "in", [True, False]]], "alpha beta gamma delta epsilon child"),
    "always and never": (["|", [0, "=", 1], ["ref", "=", "{base}-1"]], "alpha"),
    "any": ([["child_ids", "any", [["name", "ilike", "chil"]]]], "alpha"),
    "greater": ([["id", ">", "beta"]], "gamma epsilon child"),
}
BY_ADDRESS = ("is empty", "is set", "longer path")


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_finds_what_it_says(lab: Lab, family: dict[str, int], name: str) -> None:
    domain, expected = DOMAINS[name]
    base = f"fam{lab.run}"

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, str):
            return family.get(value, value.replace("{base}", base))
        return value

    chosen = [["id", "in", list(family.values())], *fill(domain)]
    found = lab.target.call("res.partner", "search", chosen, order="id")
    keys = set(expected.split())
    if name in BY_ADDRESS and lab.is_later_build:
        keys ^= {"child"}  # its address is its company's
    assert found == sorted(family[key] for key in keys)


def test_order_limit_and_offset_page_through(lab: Lab, family: dict[str, int]) -> None:
    domain = [["id", "in", list(family.values())]]
    call = lab.target.call
    by_name = call("res.partner", "search_read", domain, ["name"], order="name desc")
    names = [row["name"] for row in by_name]
    assert names == sorted(names, reverse=True)
    pages = [
        call("res.partner", "search", domain, offset=offset, limit=2, order="name desc, id")
        for offset in (0, 2, 4, 6)
    ]
    assert [page_id for page in pages for page_id in page] == [row["id"] for row in by_name]
    assert call("res.partner", "search_count", domain) == 5
    assert call("res.partner", "search_count", domain, context=ALL) == 6


def test_empty_values_and_links_have_rpcs_shape(lab: Lab, family: dict[str, int]) -> None:
    fields = ["email", "parent_id", "child_ids", "country_id", "customer_rank", "credit_limit"]
    alpha, gamma = lab.target.call(
        "res.partner", "read", [family["alpha"], family["gamma"]], fields
    )
    assert alpha["country_id"] == [lab.country("CA"), "Canada"]
    assert alpha["child_ids"] == [family["child"]]
    assert gamma == {
        "id": family["gamma"], "email": False, "parent_id": False, "child_ids": [],
        "country_id": False, "customer_rank": 0, "credit_limit": 0.0,
    }  # fmt: skip


def test_a_contact_is_called_by_its_company(lab: Lab, family: dict[str, int]) -> None:
    [child] = lab.target.call("res.partner", "read", [family["child"]], ["display_name",
                              "commercial_partner_id"])  # fmt: skip
    base = f"fam{lab.run}"
    assert child["display_name"] == f"{base} Alpha, {base} Child"
    assert child["commercial_partner_id"][0] == family["alpha"]


# ------------------------------------------------------------------------------------- write_date


def test_write_date_is_compared_by_whole_seconds(standin_lab: Lab) -> None:
    call = standin_lab.target.call
    ids = call("res.partner", "create", [{"name": standin_lab.key("T")} for _ in range(3)])
    moments = ("2026-05-01 10:00:00.000001", "2026-05-01 10:00:00.999999", "2026-05-01 10:00:01")
    with closing(psycopg2.connect(standin_lab.target.dsn)) as connection:
        with connection, connection.cursor() as cursor:
            for partner_id, moment in zip(ids, moments, strict=True):
                cursor.execute(
                    "update res_partner set write_date = %s where id = %s", (moment, partner_id)
                )

    def found(operator: str, value: str) -> int:
        domain = [["id", "in", ids], ["write_date", operator, value]]
        return int(call("res.partner", "search_count", domain))

    [first, second, _] = call("res.partner", "read", ids, ["write_date"])
    assert first["write_date"] == second["write_date"] == "2026-05-01 10:00:00"
    assert found("=", "2026-05-01 10:00:00") == 2
    assert found("=", "2026-05-01 10:00:00.999999") == 2
    assert found(">", "2026-05-01 10:00:00") == 1
    assert found(">=", "2026-05-01 10:00:00.5") == 3
    assert found("<=", "2026-05-01 10:00:00") == 2
    assert found("<", "2026-05-01 10:00:01") == 2
    assert found("!=", "2026-05-01 10:00:00") == 1
    assert found("in", ["2026-05-01 10:00:00", "2026-05-01 10:00:01"]) == 3


def test_write_date_keeps_microseconds_below_and_is_the_transactions_start(
    standin_lab: Lab,
) -> None:
    """A call that waits for a lock is dated before one that committed meanwhile."""
    call = standin_lab.target.call
    slow, quick = call("res.partner", "create", [{"name": standin_lab.key("W")} for _ in range(2)])
    with closing(psycopg2.connect(standin_lab.target.dsn)) as holder:
        with holder.cursor() as cursor:
            cursor.execute("select 1 from res_partner where id = %s for share", (slow,))
        other = standin_lab.target.as_user("admin")
        other.client  # noqa: B018  (logged in before the clock matters)
        waiting = threading.Thread(
            target=other.call, args=("res.partner", "write", [slow], {"ref": "s"})
        )
        waiting.start()
        time.sleep(0.3)
        call("res.partner", "write", [quick], {"ref": "q"})
        holder.rollback()
        waiting.join()
        with holder.cursor() as cursor:
            cursor.execute(
                "select write_date from res_partner where id = any(%s) order by ref",
                ([slow, quick],),
            )
            dates: list[datetime] = [row[0] for row in cursor.fetchall()]
    quick_date, slow_date = dates
    assert timedelta(0) < quick_date - slow_date
    assert any(date.microsecond for date in dates)


# -------------------------------------------------------------------------------------- companies


def test_companies_restrict_searching_in_silence_and_reading_aloud(standin_lab: Lab) -> None:
    call = standin_lab.target.call
    [company] = call("res.company", "create", [{"name": standin_lab.key("Foreign")}])
    context = {"allowed_company_ids": [company]}
    vals = {"name": standin_lab.key("tax"), "amount": 3, "company_id": company}
    [tax] = call("account.tax", "create", [vals], context=context)
    assert call("account.tax", "search", [["id", "=", tax]]) == [tax]
    own = {"allowed_company_ids": [1]}
    assert call("account.tax", "search", [["id", "=", tax]], context=own) == []
    refusal = standin_lab.target.refusal("account.tax", "read", [tax], ["name"], context=own)
    assert refusal.name == "odoo.exceptions.AccessError"
    stranger = standin_lab.target.as_user("billing")
    refusal = stranger.refusal("account.tax", "search", [], context=context)
    assert refusal == (
        "odoo.exceptions.AccessError", "Access to unauthorized or invalid companies.",
    )  # fmt: skip
    assert stranger.call("account.tax", "search", [["id", "=", tax]]) == []


def test_an_uninstalled_language_is_refused(lab: Lab) -> None:
    refusal = lab.target.refusal(
        "product.template", "search_read", [], ["name"], context={"lang": "fr_CA"}
    )
    assert refusal == ("odoo.exceptions.UserError", "Invalid language code: fr_CA")
