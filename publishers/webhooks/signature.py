"""Signs a webhook so that the receiver can tell who sent exactly which bytes, and when.

In: the bytes that go on the wire, a Unix time, the service's active secrets.
Out: one header value, `t=1764000000,v1=<hex>[,v1=<hex>]`: HMAC-SHA256 over "<t>.<bytes>".

There is one `v1` for each active secret, so a secret is rotated without a gap: add the new one,
change the receiver, remove the old one. The time is inside the signature, so an old request
cannot be replayed with a new time. The same is said in the form of the Standard Webhooks
specification, for which receivers find verifiers in their language. docs/webhooks.md has both.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Sequence

from publishers.webhooks.errors import WebhookConfigError

SIGNATURE_HEADER = "Fusion-Signature"
SIGNATURE_VERSION = "v1"
STANDARD_PREFIX = "whsec_"
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


def standard_headers(
    event_id: str, body: bytes, *, timestamp: int, secrets: Sequence[str]
) -> dict[str, str]:
    """The headers of https://www.standardwebhooks.com: HMAC-SHA256 over "<id>.<t>.<bytes>"."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    digests = [hmac.new(standard_key(secret), signed, hashlib.sha256) for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(digest.digest()).decode()}" for digest in digests
        ),
    }


def standard_key(secret: str) -> bytes:
    """A secret as that specification takes it: whsec_ and base64, or the characters themselves."""
    if secret.startswith(STANDARD_PREFIX):
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)
    return secret.encode()


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
