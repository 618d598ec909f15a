"""JSON-2 as it was recorded: paths, statuses, and bodies that name the exception."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from measured import measured
from odoo_lab import Target

from sandbox.odoo_standin.passwords import api_key

SAMPLES: list[dict[str, Any]] = measured("json2_samples")
# By what the sample is refused for, where the key is not an administrator's.
KEYS = {"Invalid apikey": "admin", "You are not allowed": api_key("internal")}
# A list of one record of each database says nothing; a refusal and a number of them do.
PREFIX = 60


def ask(
    target: Target, path: str, body: bytes, key: str = "", database: str = "", verb: str = "POST"
) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"bearer {key}"} if key else {}
    headers |= {"X-Odoo-Database": database} if database else {}
    request = urllib.request.Request(target.url + path, body or None, headers, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        text = refused.read().decode()
        return refused.code, json.loads(text) if text.startswith("{") else text


def _key_of(answer: Any) -> str:
    said = answer["message"] if isinstance(answer, dict) and "message" in answer else ""
    return next((key for text, key in KEYS.items() if said.startswith(text)), api_key("admin"))


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_a_recorded_request_gets_the_recorded_answer(standin: Target, number: int) -> None:
    sample = SAMPLES[number]
    # The one that could not be parsed was recorded without what was sent.
    body = b"{oops" if sample["status"] == 400 else json.dumps(sample["body"]).encode()
    status, answer = ask(standin, sample["path"], body, _key_of(sample["answer"]))
    expected = sample["answer"]
    assert status == sample["status"]
    assert type(answer) is type(expected)
    if status != 200:
        assert answer.keys() == expected.keys()
        assert answer["arguments"][0] == answer["message"]
        assert answer["arguments"][1:] == expected["arguments"][1:]
        # Which class of PostgreSQL's, and its words, hang on the statement that was run.
        if expected["name"].startswith("psycopg2."):
            assert answer["name"].startswith("psycopg2.")
            return
        assert answer["name"] == expected["name"]
        assert answer["message"][:PREFIX] == expected["message"][:PREFIX]
    elif isinstance(answer, list) and answer and expected and isinstance(answer[0], dict):
        assert answer[0].keys() == expected[0].keys()


@pytest.mark.parametrize("scheme", ["bearer admin", "Basic YWRtaW46YWRtaW4=", ""])
def test_only_a_key_opens(standin: Target, scheme: str) -> None:
    headers = {"Authorization": scheme} if scheme else {}
    request = urllib.request.Request(f"{standin.url}/json/2/res.partner/read", b"{}", headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 401


def test_the_database_is_named_by_a_header(standin: Target) -> None:
    body, key = b'{"domain": []}', api_key("admin")
    path = "/json/2/res.partner/search_count"
    assert ask(standin, path, body, key, database=standin.db)[0] == 200
    assert ask(standin, path, body, key, database="another")[0] == 404


def test_a_business_rule_and_missing_arguments_are_422(standin: Target) -> None:
    key = api_key("admin")
    unnamed = json.dumps({"vals_list": [{"type": "contact"}]}).encode()
    status, answer = ask(standin, "/json/2/res.partner/create", unnamed, key)
    assert (status, answer["name"]) == (422, "odoo.exceptions.ValidationError")
    for body in (b"{}", b'{"fields": [], "data": [], "rows": []}', b'{"ids": [1]}'):
        status, answer = ask(standin, "/json/2/res.partner/load", body, key)
        assert (status, answer["name"]) == (422, "werkzeug.exceptions.UnprocessableEntity")


def test_a_get_is_not_found(standin: Target) -> None:
    assert ask(standin, "/json/2/res.partner/read", b"", api_key("admin"), verb="GET")[0] == 404


def test_a_key_stands_for_the_password_in_the_older_protocol(standin: Target) -> None:
    client = standin.connect()
    client.login(standin.db, "readonly", api_key("readonly"))
    assert client.env.uid
