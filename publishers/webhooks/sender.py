"""Sends one event to one receiver over the guarded transport.

In: an endpoint and a payload. Out: what came of it, whatever happens on the network: status, error,
duration, the first bytes of the body. Nothing here decides what the answer means.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from publishers.webhooks.endpoints import OpenEndpoint
from publishers.webhooks.errors import WebhookRefused
from publishers.webhooks.guard import GuardPolicy, Resolver, system_resolver
from publishers.webhooks.payload import wire_bytes
from publishers.webhooks.retry import ReceiverAnswer
from publishers.webhooks.signature import SIGNATURE_HEADER, sign, standard_headers
from publishers.webhooks.transport import GuardedTransport, deadline

BODY_BYTES_KEPT = 2048
ERROR_CHARACTERS_KEPT = 500
USER_AGENT = "FusionBilling-Webhooks/1"


@dataclass(frozen=True)
class Timeouts:
    """Seconds to connect, between two bytes, and for the whole request."""

    connect: float = 5.0
    read: float = 10.0
    whole: float = 20.0


class Sender:
    """One HTTP client for a run; safe to use from several threads."""

    def __init__(
        self,
        policy: GuardPolicy,
        clock: Callable[[], datetime],
        *,
        timeouts: Timeouts,
        connections: int,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._clock = clock
        self._timeouts = timeouts
        # trust_env on the certificates alone (SSL_CERT_FILE): a proxy would connect in our place,
        # and nobody would have checked where to.
        context = httpx.create_ssl_context()
        self._client = httpx.Client(
            transport=GuardedTransport(policy, resolver, context, connections),
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def post(self, endpoint: OpenEndpoint, payload: dict[str, Any]) -> ReceiverAnswer:
        """Send the payload once; never raises for what a network or a receiver can do."""
        started = time.monotonic()
        try:
            with deadline(self._timeouts.whole):
                status, retry_after, body = self._exchange(endpoint, payload)
        except WebhookRefused as error:
            return _failure(str(error), started, unreachable=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return _failure(f"cannot connect: {_said(error)}", started, unreachable=True)
        except httpx.TimeoutException as error:
            return _failure(f"no answer in time: {_said(error)}", started, unreachable=True)
        except httpx.HTTPError as error:
            return _failure(f"the connection broke: {_said(error)}", started)
        return ReceiverAnswer(status, None, body, _milliseconds(started), retry_after)

    def _exchange(
        self, endpoint: OpenEndpoint, payload: dict[str, Any]
    ) -> tuple[int, str | None, str]:
        body = wire_bytes(payload)
        headers = self._headers(endpoint, payload, body)
        url = endpoint.target.url
        with self._client.stream("POST", url, content=body, headers=headers) as response:
            kept = _first_bytes(response)
            return response.status_code, response.headers.get("retry-after"), kept

    def _headers(
        self, endpoint: OpenEndpoint, payload: dict[str, Any], body: bytes
    ) -> dict[str, str]:
        timestamp, secrets = int(self._clock().timestamp()), endpoint.secrets
        return {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
            "Fusion-Event-Id": str(payload["id"]),
            "Fusion-Event-Type": str(payload["type"]),
            SIGNATURE_HEADER: sign(body, timestamp=timestamp, secrets=secrets),
            **standard_headers(str(payload["id"]), body, timestamp=timestamp, secrets=secrets),
        }


def _first_bytes(response: httpx.Response) -> str:
    """The beginning of the body, as it came: a packed body is not unpacked, a long one is cut.

    The status has arrived and it decides; a body that breaks off or drips changes nothing.
    """
    kept = b""
    with contextlib.suppress(httpx.HTTPError):
        for part in response.iter_raw():
            kept += part
            if len(kept) > BODY_BYTES_KEPT:
                break
    # PostgreSQL's text cannot hold a zero byte.
    return kept[:BODY_BYTES_KEPT].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _failure(error: str, started: float, *, unreachable: bool = False) -> ReceiverAnswer:
    text = error[:ERROR_CHARACTERS_KEPT].replace("\x00", "�")
    return ReceiverAnswer(None, text, "", _milliseconds(started), is_unreachable=unreachable)


def _said(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
