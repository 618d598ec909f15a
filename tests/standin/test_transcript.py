"""A recorded session of odoorpc with a real Odoo 19, played again: same questions, same answers."""

from __future__ import annotations

from typing import Any

import pytest
from measured import Binding, measured
from odoo_lab import Lab, Target

# What a database holds, and which numbers it has reached, is its own affair.
_OWN_DATA = {
    "search_count", "search_read page 1", "search_read page 2", "search_read empty",
    "search_read write_date window",
}  # fmt: skip
_OWN_NUMBERS = {
    "version", "read posted", "read paid", "login u_internal", "login u_draft",
    "action_create_payments",
}  # fmt: skip
# What Community refuses, and Enterprise answers.
_ONLY_COMMUNITY = {
    "fields_get missing model", "err: invalid field", "err: invalid domain field",
    "err: missing model",
}  # fmt: skip
_OTHER_USERS = {"u_internal": "internal", "u_draft": "draft"}


def _binding(lab: Lab) -> Binding:
    target = lab.target
    known = {14: lab.partner("ON"), 11: lab.tax("13% HST"), 12: lab.bank, 3: lab.currency}
    return Binding(known | {2: target.client.env.uid})


def _params(exchange: dict[str, Any], binding: Binding, target: Target, fresh: str) -> Any:
    """Fill in what was masked or belongs to the measured database."""
    params = exchange["params"]
    if "args" not in params:
        return params
    database, who, _, *rest = params["args"]
    login = _login_of(exchange["label"])
    user = target.as_user(login) if login else target
    password = "wrong" if exchange["label"] == "login bad password" else user.password
    who = user.client.env.uid if params["service"] == "object" else user.user
    if database == "odoo19":
        database = target.db
    rest = binding.translate(rest)
    return params | {"args": [database, who, password, *_renamed(rest, fresh)]}


def _login_of(label: str) -> str | None:
    if label == "err: access denied read":
        return "internal"
    return next((login for name, login in _OTHER_USERS.items() if name in label), None)


def _renamed(value: Any, fresh: str) -> Any:
    """References and external ids of the recording get a run of their own."""
    if isinstance(value, list):
        return [_renamed(item, fresh) for item in value]
    if isinstance(value, dict):
        return {key: _renamed(item, fresh) for key, item in value.items()}
    return value.replace("c65f07", fresh) if isinstance(value, str) else value


def _shape(value: Any) -> Any:
    """What kind of answer it is, whatever it holds."""
    if isinstance(value, list):
        return ["rows", sorted(value[0])] if value and isinstance(value[0], dict) else ["list"]
    return type(value).__name__


def _differences(exchange: dict[str, Any], body: dict[str, Any], binding: Binding) -> list[str]:
    label = exchange["label"]
    if "error" in exchange:
        # Where in its own source a server was when it refused is nobody's contract.
        expected, actual = _without_traceback(exchange["error"]), body.get("error")
        if label == "login bad db":
            return (
                []
                if 'database "nodb" does not exist' in body["error"]["data"]["message"]
                else ["?"]
            )
        return binding.differences(expected, _without_traceback(actual or {}))
    expected, actual = exchange["result"], body.get("result", body)
    if label in _OWN_DATA:
        same = _shape(expected) == _shape(actual) or expected == []
        return [] if same else [f"{_shape(actual)} instead of {_shape(expected)}"]
    return [d for d in binding.differences(expected, actual) if not _is_own_number(label, d)]


def _without_traceback(error: dict[str, Any]) -> dict[str, Any]:
    data = error.get("data", {})
    return error | {"data": {name: data[name] for name in data if name != "debug"}}


def _is_own_number(label: str, difference: str) -> bool:
    own = (".name:", ".server_version", ".uid", ".res_id:", ":")
    return label in _OWN_NUMBERS and difference.removeprefix("[0]").startswith(own)


def test_a_recorded_session_gets_the_recorded_answers(lab: Lab) -> None:
    target, binding = lab.target, _binding(lab)
    is_enterprise = bool(target.call("sale.order", "fields_get", ["is_subscription"]))
    # One recorded invoice must exist before the first page of lines is asked for.
    lab.posted(lab.line(10.5, 2, []), lab.line(100, 1, [lab.tax("13% HST")]))
    problems = []
    for exchange in measured("transcript"):
        if not target.is_standin and _login_of(exchange["label"]):
            continue  # those users exist in the stand-in only
        if is_enterprise and exchange["label"] in _ONLY_COMMUNITY:
            continue
        params = _params(exchange, binding, target, lab.run)
        status, body = target.post(exchange["path"], params)
        expected = _renamed(exchange, lab.run)
        assert status == exchange["status"] == 200
        assert body["jsonrpc"] == "2.0"
        assert body["id"] == 7
        found = _differences(expected, body, binding)
        problems += [f"{exchange['label']}: {difference}" for difference in found]
    assert not problems, "\n".join(problems)


def test_an_unpatched_odoorpc_finds_the_version_and_logs_in(target: Target) -> None:
    client = target.connect()
    assert client.version.startswith("19.0")
    assert target.db in client.db.list() or not target.is_standin
    client.login(target.db, target.user, target.password)
    assert client.env.context["uid"] == client.env.uid
    partner = client.env["res.partner"]
    assert partner.search([("id", "=", client.env.user.partner_id.id)])
    assert partner.browse(client.env.user.partner_id.id).name == client.env.user.name


@pytest.mark.parametrize("path", ["/nowhere", "/json/2"])
def test_what_is_not_imitated_is_not_found(standin: Target, path: str) -> None:
    with pytest.raises(OSError, match="404"):
        standin.post(path, {})
