"""Pages are asked for ahead, and none is lost, doubled or taken for another."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from faulty_proxy import FaultyProxy

import loaders
from connections import OdooUnknownOutcome, Settings
from connections.odoo import OdooPort, Record
from loaders.odoo_pages import Pages, last_id

CHARGES = "fusion.billing.charge"
FIELDS = ("id", "plan_code", "price_per_unit")
PATIENCE_SECONDS = 20


def through(settings: Settings, proxy: FaultyProxy) -> Settings:
    return settings.model_copy(update={"odoo_url": proxy.url})


def pages_of(settings: Settings, domain: list[Any] | None = None) -> Pages:
    return Pages(OdooPort.connect(settings), settings, CHARGES, FIELDS, domain or [])


def reads(proxy: FaultyProxy) -> int:
    return sum(method == "search_read" for _, method, _ in proxy.calls)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def everything(settings: Settings) -> list[Record]:
    return OdooPort.connect(settings).search_read(
        CHARGES, [], FIELDS, order="id", context={"active_test": False}
    )


def test_the_next_pages_are_asked_for_while_this_one_is_in_hand_and_two_at_most(
    erp: Settings, proxy: FaultyProxy
) -> None:
    pages = iter(pages_of(through(erp, proxy)))
    next(pages)
    wait_until(lambda: reads(proxy) == 3)
    time.sleep(0.3)
    assert reads(proxy) == 3
    assert 50 + sum(map(len, pages)) == 232
    assert reads(proxy) == 5


def test_who_stops_reading_stops_the_asking(erp: Settings, proxy: FaultyProxy) -> None:
    pages = iter(pages_of(through(erp.model_copy(update={"odoo_page_size": 10}), proxy)))
    next(pages)
    pages.close()
    time.sleep(0.5)
    assert reads(proxy) <= 4, "24 pages are there"


@pytest.mark.parametrize("guess", [None, 0, -1, 10**12], ids=str)
def test_a_wrong_guess_of_the_last_id_loses_nothing_and_doubles_nothing(
    erp: Settings, monkeypatch: pytest.MonkeyPatch, guess: int | None
) -> None:
    monkeypatch.setattr("loaders.odoo_pages.last_id", lambda body, size: guess)
    read = [record for page in pages_of(erp) for record in page]
    assert read == everything(erp)


def test_an_empty_model_and_a_full_last_page_end(erp: Settings) -> None:
    assert list(pages_of(erp, [("plan_code", "=", "no such plan")])) == []
    exact = erp.model_copy(update={"odoo_page_size": 116})
    assert [len(page) for page in pages_of(exact)] == [116, 116]


@pytest.mark.parametrize(
    ("body", "size", "expected"),
    [
        (b'{"jsonrpc": "2.0", "id": 9, "result": [{"id": 4, "a": 1}, {"id": 7, "a": 2}]}', 2, 7),
        (b'{"jsonrpc": "2.0", "id": 9, "result": [{"id": 4}, {"id": 7}]}', 2, 7),
        (b'{"result": [{"id": 4, "a": {"id": 99, "b": 1}}, {"id": 7, "a": 1}]}', 2, None),
        (b'{"result": [{"id": 4, "a": "{\\"id\\": 99}"}, {"id": 7, "a": 1}]}', 2, 7),
        (b'{"result": [{"id": 4, "a": 1}]}', 2, None),
        (b'{"error": {"code": 0}}', 2, None),
        (b'{"result": [{"id": "x"}, {"id": "y"}]}', 2, None),
        (b"<html>", 2, None),
    ],
)
def test_the_last_id_is_read_off_a_full_page_only(
    body: bytes, size: int, expected: int | None
) -> None:
    assert last_id(body, size) == expected


def test_an_answer_that_is_no_json_is_asked_for_again_by_itself(
    erp: Settings, proxy: FaultyProxy
) -> None:
    faults = iter([None, 200, None])
    proxy.fault = lambda params: (
        next(faults, None) if "search_read" in params.get("args", ()) else None
    )
    read = [record for page in pages_of(through(erp, proxy)) for record in page]
    assert read == everything(erp)
    # Five pages, the second of them twice.
    assert reads(proxy) == 6


def test_a_login_that_fails_is_tried_again_and_that_is_said(
    erp: Settings, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    faults = iter([503, None, 0])
    proxy.fault = lambda _: next(faults, None)
    once = through(erp, proxy).model_copy(update={"odoo_attempts": 1})
    with pytest.raises(OdooUnknownOutcome):
        loaders.load(once, tables=[CHARGES])
    assert loaders.load(through(erp, proxy), tables=[CHARGES]).tables[0].created == 232
    (said,) = caplog.messages
    asked = r"(Odoo at .*|res.users.context_get): no usable answer"
    assert re.fullmatch(asked + r" \(.*\): asking again in \S+ s \(.* 2 of 5\)", said)
