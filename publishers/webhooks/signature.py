"""Signs a webhook so that the receiver can tell who sent exactly which bytes, and when.

In: the bytes that go on the wire, a Unix time, the service's active secrets.
Out: one header value, `t=1764000000,v1=<hex>[,v1=<hex>]`: HMAC-SHA256 over "<t>.<bytes>".

There is one `v1` for each active secret, so a secret is rotated without a gap: add the new one,
change the receiver, remove the old one. The time is inside the signature, so an old request
cannot be replayed with a new time. docs/webhooks.md describes how to verify.
"""

import hashlib
import hmac
from collections.abc import Sequence

from publishers.webhooks.errors import WebhookConfigError

SIGNATURE_HEADER = "Fusion-Signature"
SIGNATURE_VERSION = "v1"
# 128 bits written in hex are 32 characters: anything shorter can be guessed or was typed by hand.
MINIMUM_SECRET_CHARACTERS = 32


def sign(body: bytes, *, timestamp: int, secrets: Sequence[str]) -> str:
    """The header value for these exact bytes.

    Raises WebhookConfigError where there is no secret: nothing leaves unsigned.
    """
    if not secrets:
        raise WebhookConfigError("no secret to sign with: nothing is sent unsigned")
    signed = f"{timestamp}.".encode() + body
    digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"{SIGNATURE_VERSION}={digest}" for digest in digests)])


def split_secrets(text: str, name: str) -> tuple[str, ...]:
    """The active secrets of an environment variable, separated by commas or white space.

    Raises WebhookConfigError, naming the variable and never its value.
    """
    secrets = tuple(text.replace(",", " ").split())
    if not secrets:
        raise WebhookConfigError(f"{name} is empty: set one signing secret, or several by commas")
    if min(len(secret) for secret in secrets) < MINIMUM_SECRET_CHARACTERS:
        raise WebhookConfigError(
            f"{name} holds a secret of fewer than {MINIMUM_SECRET_CHARACTERS} characters: "
            "make one with `openssl rand -hex 32`"
        )
    return secrets
