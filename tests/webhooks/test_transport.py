"""A webhook reaches the address that was checked, under the right name, and never hangs."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpcore
import pytest
from faulty_receiver import Act, Receiver
from webhook_world import SECRET, START

from publishers.webhooks.endpoints import OpenEndpoint
from publishers.webhooks.guard import GuardPolicy, check_url
from publishers.webhooks.retry import ReceiverAnswer
from publishers.webhooks.sender import BODY_BYTES_KEPT, Sender, Timeouts

EVENT = {"id": "e1", "type": "t", "service": "s", "external_subscription_id": "x", "sequence": 1}
EVENT |= {"deployment_id": None}
CERTIFICATE = Path(__file__).parent / "support" / "receiver_lan.pem"
PUBLIC = "93.184.215.14"


def post(
    url: str, policy: GuardPolicy, resolver: Callable[[str, int], Sequence[str]], **timeouts: float
) -> ReceiverAnswer:
    endpoint = OpenEndpoint("nexacloud", check_url(url, policy), (SECRET,))
    limits = Timeouts(**{"connect": 2, "read": 2, "whole": 4, **timeouts})
    with Sender(policy, lambda: START, timeouts=limits, connections=2, resolver=resolver) as sender:
        return sender.post(endpoint, EVENT)


def listed(receiver: Receiver, name: str) -> GuardPolicy:
    names = frozenset({f"{name}:{receiver.port}"})
    return GuardPolicy(private_hosts=names, http_hosts=names)


def loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a socket would be opened to; nothing is."""
    tried: list[str] = []

    def refuse(_self: object, host: str, port: int, *_rest: Any) -> httpcore.NetworkStream:
        tried.append(host)
        raise httpcore.ConnectError("nobody there")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", refuse)
    return tried


def test_the_receiver_sees_its_own_name_and_the_exact_bytes(receiver: Receiver) -> None:
    url = f"http://receiver.lan:{receiver.port}/hook"
    answer = post(url, listed(receiver, "receiver.lan"), loopback)
    assert (answer.status, answer.error) == (200, None)
    headers, body = receiver.raw[0]
    assert headers["Host"] == f"receiver.lan:{receiver.port}"
    assert headers["Content-Type"] == "application/json"
    assert headers["Fusion-Event-Id"] == "e1"
    assert int(headers["Content-Length"]) == len(body)
    assert receiver.refused == 0


def test_a_name_is_looked_up_once_and_its_answer_is_where_we_connect(
    connections: list[str],
) -> None:
    """Rebinding: public when it is checked, ours when it is used. There is no second time."""
    answers = iter([[PUBLIC], ["127.0.0.1"], ["169.254.169.254"]])
    answer = post("https://rebind.invalid/", GuardPolicy(), lambda _h, _p: next(answers))
    assert connections == [PUBLIC]
    assert answer.is_unreachable
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize("answers", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:10.0.0.1"]])
def test_no_socket_is_opened_to_a_name_with_a_refused_address(
    answers: list[str], connections: list[str]
) -> None:
    answer = post("https://rebind.invalid/", GuardPolicy(), lambda _h, _p: answers)
    assert connections == []
    assert answer.status is None
    assert "webhooks do not go there" in str(answer.error)


def test_the_next_checked_address_is_tried_when_the_first_does_not_answer(
    receiver: Receiver,
) -> None:
    policy = listed(receiver, "receiver.lan")
    two = lambda _host, _port: ["127.0.0.2", "127.0.0.1"]  # noqa: E731
    assert post(f"http://receiver.lan:{receiver.port}/", policy, two).status == 200


def test_a_name_that_does_not_resolve_is_an_answer_and_not_a_crash() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    answer = post("https://gone.invalid/", GuardPolicy(), unknown)
    assert (answer.status, answer.is_unreachable) == (None, True)
    assert "does not resolve" in str(answer.error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver([SECRET], START.timestamp) as inside:
        receiver.plan = lambda _event: Act(status=status, headers=(("Location", inside.url),))
        answer = post(
            f"http://receiver.lan:{receiver.port}/", listed(receiver, "receiver.lan"), loopback
        )
    assert answer.status == status
    assert inside.raw == []


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver([SECRET], START.timestamp) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        answer = post(
            f"http://receiver.lan:{receiver.port}/", listed(receiver, "receiver.lan"), loopback
        )
    assert answer.status == 200
    assert proxy.raw == []


def test_a_receiver_that_drips_is_cut_off_at_the_deadline_and_its_status_counts(
    receiver: Receiver,
) -> None:
    receiver.plan = lambda _event: Act(drip=True, body=b"x" * 400)
    started = time.monotonic()
    answer = post(
        f"http://receiver.lan:{receiver.port}/",
        listed(receiver, "receiver.lan"),
        loopback,
        whole=0.4,
    )
    assert 0.3 < time.monotonic() - started < 2
    assert answer.status == 200
    assert answer.body.startswith("x")


def test_a_silent_receiver_is_left_after_the_read_timeout(receiver: Receiver) -> None:
    receiver.plan = lambda _event: Act(silence=2)
    answer = post(
        f"http://receiver.lan:{receiver.port}/",
        listed(receiver, "receiver.lan"),
        loopback,
        read=0.2,
    )
    assert answer.status is None
    assert answer.duration_ms < 1500


def test_the_deadline_cuts_a_single_wait_short(receiver: Receiver) -> None:
    receiver.plan = lambda _event: Act(silence=2)
    answer = post(
        f"http://receiver.lan:{receiver.port}/",
        listed(receiver, "receiver.lan"),
        loopback,
        read=60,
        whole=0.3,
    )
    assert answer.status is None
    assert answer.duration_ms < 1500


def test_of_a_long_answer_the_beginning_is_kept_in_a_form_that_postgresql_takes(
    receiver: Receiver,
) -> None:
    receiver.plan = lambda _event: Act(status=500, body=b"\x00\xff" + b"x" * 1_000_000)
    answer = post(
        f"http://receiver.lan:{receiver.port}/", listed(receiver, "receiver.lan"), loopback
    )
    assert answer.status == 500
    assert len(answer.body) == BODY_BYTES_KEPT
    assert "\x00" not in answer.body


# ------------------------------------------------------------------------------------------- TLS


@pytest.fixture
def names() -> list[str | None]:
    """The server names that clients asked for in TLS."""
    return []


@pytest.fixture
def tls_receiver(names: list[str | None]) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with Receiver([SECRET], START.timestamp, tls=context) as running:
        yield running


def tls_policy(receiver: Receiver) -> GuardPolicy:
    return GuardPolicy(
        private_hosts=frozenset({f"{n}:{receiver.port}" for n in ("receiver.lan", "other.lan")})
    )


def test_tls_names_and_proves_the_host_of_the_url(
    tls_receiver: Receiver, names: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    url = f"https://receiver.lan:{tls_receiver.port}/"
    assert post(url, tls_policy(tls_receiver), loopback).status == 200
    assert names == ["receiver.lan"]


@pytest.mark.parametrize(("host", "trusted"), [("other.lan", True), ("receiver.lan", False)])
def test_a_certificate_of_another_name_or_of_nobody_is_refused(
    tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    answer = post(f"https://{host}:{tls_receiver.port}/", tls_policy(tls_receiver), loopback)
    assert answer.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in str(answer.error)
    assert tls_receiver.raw == []
