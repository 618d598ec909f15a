"""An example of the app's side: verify a webhook, take each event once, keep the order, answer.

In: the POST of docs/webhooks.md. Out: 2xx once the event is safely taken, 401 for a signature that
does not fit, 413 for a body that is too long. Copy it: it needs FastAPI and nothing of this project
but the name of the secret. `python -m sandbox.receiver` runs it beside the sandbox.
"""

import argparse
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request

PATH = "/api/v1/billing/webhooks/central"
SIGNATURE_HEADER = "Fusion-Signature"
# A request older than this was recorded by somebody and is being played back.
TOLERANCE_SECONDS = 300
LONGEST_BODY_BYTES = 64 * 1024

STATES = {
    "invoice.payment_failed": "suspended",
    "invoice.payment_reversed": "suspended",
    "invoice.payment_succeeded": "running",
    "subscription.terminated": "deprovisioned",
}


class BadSignature(ValueError):
    """The bytes do not come from who holds the secret, or not now."""


def verify(header: str, body: bytes, secrets: Sequence[str], now: float) -> None:
    """Check the signature over the bytes as they came, before reading anything in them.

    Raises BadSignature. Several secrets may be active, on either side, while one is rotated.
    """
    fields = [part.strip().partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in fields if name == "t"]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit()):
        raise BadSignature("the signature names no time")
    if abs(now - int(stamps[0])) > TOLERANCE_SECONDS:
        raise BadSignature("the signature is too old, or the clocks differ")
    signed = stamps[0].encode() + b"." + body
    expected = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets]
    given = [value for name, value in fields if name == "v1"]
    # No early end: how long it takes must not tell how much was right.
    matches = [
        hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given
    ]
    if not any(matches):
        raise BadSignature("no signature fits")


class Inbox:
    """Takes an event once, whoever sends it how often, and never steps back in time.

    In production: a table with the event id as its primary key, written in the same transaction as
    the effect, so that a crash loses both or neither.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._newest: dict[str, int] = {}
        self.effects: list[dict[str, Any]] = []
        self.deployments: dict[str, str] = {}

    def take(self, event: dict[str, Any]) -> str:
        """`applied`, `duplicate` (seen before), or `stale` (something newer was applied)."""
        with self._lock:
            if event["id"] in self._seen:
                return "duplicate"
            self._seen.add(event["id"])
            subscription = f"{event['service']}:{event['external_subscription_id']}"
            if event["sequence"] < self._newest.get(subscription, 0):
                return "stale"
            self._newest[subscription] = event["sequence"]
            self._apply(event)
            return "applied"

    def _apply(self, event: dict[str, Any]) -> None:
        """Types that we do not know are taken and change nothing: new ones may come."""
        self.effects.append(event)
        state = STATES.get(event["type"])
        if state is not None and event["deployment_id"] is not None:
            self.deployments[event["deployment_id"]] = state


def create_app(
    secrets: Sequence[str], inbox: Inbox, clock: Callable[[], float] = time.time
) -> FastAPI:
    """The receiver as an ASGI app."""
    app = FastAPI(title="Example receiver of lifecycle webhooks")

    @app.post(PATH)
    async def receive(request: Request) -> dict[str, str]:
        body = await _body(request)
        try:
            verify(request.headers.get(SIGNATURE_HEADER, ""), body, secrets, clock())
        except BadSignature as error:
            raise HTTPException(401, str(error)) from error
        return {"result": inbox.take(json.loads(body))}

    return app


async def _body(request: Request) -> bytes:
    """The exact bytes, and not more of them than an event can have."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY_BYTES:
            raise HTTPException(413, f"an event has at most {LONGEST_BODY_BYTES} bytes")
    return body


def main() -> None:
    """Run the receiver on loopback; the secrets come from the environment by name."""
    from connections.settings import load_settings

    parser = argparse.ArgumentParser(description="Example receiver of lifecycle webhooks")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--secret-name", default="NEXACLOUD_WEBHOOK_SECRET")
    options = parser.parse_args()
    text = load_settings().secret(options.secret_name).get_secret_value()
    app = create_app(text.replace(",", " ").split(), Inbox())
    uvicorn.run(app, host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
