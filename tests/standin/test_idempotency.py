"""load() is the one call that is safe to repeat: create-only, by external id, also in a race."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from odoo_lab import CREATE_ONLY, Lab, Target

UPDATE: dict[str, Any] = {"tracking_disable": True}
UPDATE_MODE: dict[str, Any] = {"mode": "update", "tracking_disable": True}
SERIALIZATION = "could not serialize access due to concurrent update"


def _count(lab: Lab, move_id: int) -> int:
    return len(lab.lines(move_id, kind="product"))


@pytest.mark.parametrize("change", ["nothing", "edited", "posted", "cancelled"])
def test_create_only_never_touches_what_exists(lab: Lab, change: str) -> None:
    row = lab.row()
    [move_id] = lab.load(row)["ids"]
    call = lab.target.call
    if change == "edited":
        call("account.move", "write", [move_id], {"ref": "by hand"})
    if change in ("posted", "cancelled"):
        call("account.move", "action_post", [move_id])
    if change == "cancelled":
        call("account.move", "button_cancel", [move_id])
    fields = ("ref", "state", "amount_total", "write_date", "name")
    before = lab.move(move_id, *fields)
    again = lab.load(row | {"ref": "other", "invoice_line_ids/price_unit": "1"})
    assert again == {"ids": [move_id], "messages": [], "nextrow": 0}
    assert lab.move(move_id, *fields) == before
    assert _count(lab, move_id) == 1


def test_the_default_mode_appends_lines_unless_they_have_a_name(lab: Lab) -> None:
    row = lab.row()
    [move_id] = lab.load(row, context=UPDATE)["ids"]
    lab.load(row, context=UPDATE)
    assert _count(lab, move_id) == 2
    named = lab.row(**{"invoice_line_ids/id": lab.xid("line")})
    [other_id] = lab.load(named, context=UPDATE)["ids"]
    lab.load(named | {"invoice_line_ids/price_unit": "7"}, context=UPDATE)
    assert _count(lab, other_id) == 1
    assert lab.move(other_id, "amount_untaxed")["amount_untaxed"] == 7


def test_one_bad_row_of_three_writes_nothing(lab: Lab) -> None:
    rows = [lab.row() for _ in range(3)]
    rows[1]["partner_id/.id"] = "99999999"
    answer = lab.load(*rows)
    assert answer["ids"] is False
    assert answer["messages"][0]["record"] == 1
    found = lab.target.call("account.move", "search", [["ref", "in", [r["ref"] for r in rows]]])
    assert found == []


def test_ids_follow_the_order_of_rows_and_a_repeated_name_counts_once(lab: Lab) -> None:
    rows = [lab.row() for _ in range(3)]
    twice = rows[0] | {"ref": "second data"}
    first, second, third, again = lab.load(*rows, twice)["ids"]
    assert again == first
    refs = [lab.move(move_id, "ref")["ref"] for move_id in (first, second, third)]
    assert refs == [row["ref"] for row in rows]


def test_the_default_mode_keeps_the_last_data_of_a_repeated_name(lab: Lab) -> None:
    xid = lab.xid("p")
    rows = [{"id": xid, "name": "first"}, {"id": xid, "name": "last"}]
    first, second = lab.load_on("res.partner", *rows, context=UPDATE)["ids"]
    assert first == second
    assert lab.target.call("res.partner", "read", [first], ["name"])[0]["name"] == "last"


def test_a_draft_that_a_person_deleted_is_created_anew(lab: Lab) -> None:
    row = lab.row()
    [move_id] = lab.load(row)["ids"]
    lab.target.call("account.move", "unlink", [move_id])
    assert lab.target.call("account.move", "get_external_id", [move_id]) == {str(move_id): ""}
    assert lab.load(row)["ids"] != [move_id]


# (how it was first loaded, how again, whether the second changes it)
MODES = [
    (UPDATE, UPDATE, True), (UPDATE, UPDATE_MODE, True), (UPDATE, CREATE_ONLY, True),
    (UPDATE_MODE, CREATE_ONLY, True),
    (CREATE_ONLY, UPDATE, True), (CREATE_ONLY, UPDATE_MODE, False),
    (CREATE_ONLY, CREATE_ONLY, False),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "changes"), MODES)
def test_what_protects_a_record_is_how_it_was_first_loaded(
    lab: Lab, first: dict[str, Any], second: dict[str, Any], changes: bool
) -> None:
    row = {"id": lab.xid("p"), "name": "first"}
    [partner] = lab.load_on("res.partner", row, context=first)["ids"]
    answer = lab.load_on("res.partner", row | {"name": "second"}, context=second)
    assert answer == {"ids": [partner], "messages": [], "nextrow": 0}
    [read] = lab.target.call("res.partner", "read", [partner], ["name"])
    assert read["name"] == ("second" if changes else "first")


@pytest.mark.parametrize("key", ["a:b/c#d", "dots.in.the.middle"])
def test_odd_characters_are_fine_in_a_name(lab: Lab, key: str) -> None:
    xid = lab.xid(key)
    [move_id] = lab.load(lab.row(id=xid))["ids"]
    assert lab.load(lab.row(id=xid))["ids"] == [move_id]
    told = lab.target.call("account.move", "get_external_id", [move_id])
    assert told == {str(move_id): xid}


def test_a_name_without_a_dot_belongs_to_the_import(lab: Lab) -> None:
    key = lab.key("bare")
    [partner] = lab.load_on("res.partner", {"id": key, "name": "x"})["ids"]
    told = lab.target.call("res.partner", "get_external_id", [partner])
    assert told == {str(partner): f"__import__.{key}"}


# ------------------------------------------------------------------------------------------- races


def _together(count: int, act: Any) -> list[Any]:
    """Run the same thing in several threads that start at one moment."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def _clients(target: Target, count: int) -> list[Any]:
    clients = [target.connect() for _ in range(count)]
    for client in clients:
        client.login(target.db, target.user, target.password)
    return clients


def _load_with(client: Any, rows: list[dict[str, Any]]) -> Any:
    fields = list(rows[0])
    data = [[row[name] for name in fields] for row in rows]
    args = [fields, data]
    return client.execute_kw("account.move", "load", args, {"context": CREATE_ONLY})


def test_a_race_for_one_name_makes_exactly_one_invoice(lab: Lab) -> None:
    clients = _clients(lab.target, 4)
    losers = 0
    for _ in range(10):
        row = lab.row()
        answers = _together(4, lambda n, row=row: _load_with(clients[n], [row]))
        won = {answer["ids"][0] for answer in answers if answer["ids"]}
        lost = [answer for answer in answers if not answer["ids"]]
        assert len(won) == 1
        assert all(SERIALIZATION in a["messages"][0]["message"] for a in lost)
        losers += len(lost)
        found = lab.target.call("account.move", "search", [["ref", "=", row["ref"]]])
        assert found == list(won)
        assert _count(lab, found[0]) == 1
        assert _load_with(clients[0], [row])["ids"] == found  # the loser's retry
    if lab.target.is_standin:
        assert losers > 0, "no two clients met: this race proves nothing"


def test_overlapping_batches_in_opposite_order_make_each_invoice_once(lab: Lab) -> None:
    clients = _clients(lab.target, 2)
    rows = [lab.row() for _ in range(10)]

    def act(number: int) -> Any:
        mine = rows if number == 0 else rows[::-1]
        while not (answer := _load_with(clients[number], mine))["ids"]:
            assert SERIALIZATION in answer["messages"][0]["message"] or "deadlock" in str(answer)
        return answer["ids"]

    one, other = _together(2, act)
    assert one == other[::-1]
    refs = [row["ref"] for row in rows]
    assert lab.target.call("account.move", "search_count", [["ref", "in", refs]]) == 10


def test_posting_at_once_gives_every_invoice_its_own_number(lab: Lab) -> None:
    clients = _clients(lab.target, 4)
    moves = [lab.invoice() for _ in range(12)]

    def act(number: int) -> None:
        for move_id in moves[number::4]:
            clients[number].execute_kw("account.move", "action_post", [[move_id]], {})

    _together(4, act)
    rows = lab.target.call("account.move", "read", moves, ["name", "state"])
    assert {row["state"] for row in rows} == {"posted"}
    assert len({row["name"] for row in rows}) == 12


def test_a_client_that_goes_away_does_not_stop_its_call(lab: Lab) -> None:
    rows = [lab.row() for _ in range(40)]
    client = lab.target.connect()
    client.login(lab.target.db, lab.target.user, lab.target.password)
    client.config["timeout"] = 0.001
    client._connector._proxy_json._timeout = 0.001
    with pytest.raises(OSError, match="timed out"):
        _load_with(client, rows)
    client.config["timeout"] = 120
    client._connector._proxy_json._timeout = 120
    while not (answer := _load_with(client, rows))["ids"]:
        assert SERIALIZATION in answer["messages"][0]["message"]
    refs = [row["ref"] for row in rows]
    assert lab.target.call("account.move", "search_count", [["ref", "in", refs]]) == 40
