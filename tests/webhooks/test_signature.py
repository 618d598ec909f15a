"""The signature is over the time and the exact bytes, once for each active secret."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from publishers.webhooks.errors import WebhookConfigError
from publishers.webhooks.payload import wire_bytes
from publishers.webhooks.signature import sign, split_secrets, standard_headers
from sandbox.receiver import TOLERANCE_SECONDS, BadSignature, verify

OLD = "old-secret-0123456789abcdef0123456789"
NEW = "new-secret-0123456789abcdef0123456789"
NOW = 1_780_000_000
BODY = b'{"id":"e1"}'


def test_the_header_is_hmac_sha256_over_time_dot_bytes() -> None:
    expected = hmac.new(OLD.encode(), b"1780000000." + BODY, hashlib.sha256).hexdigest()
    assert sign(BODY, timestamp=NOW, secrets=[OLD]) == f"t=1780000000,v1={expected}"


def test_the_known_answer_never_changes() -> None:
    header = sign(b"{}", timestamp=1, secrets=["k" * 32])
    assert header == "t=1,v1=" + hmac.new(b"k" * 32, b"1.{}", "sha256").hexdigest()


@pytest.mark.parametrize(
    ("signing", "verifying"),
    [([OLD], [OLD]), ([OLD, NEW], [OLD]), ([OLD, NEW], [NEW]), ([NEW], [OLD, NEW])],
)
def test_a_rotation_has_no_gap_whichever_side_moves_first(
    signing: list[str], verifying: list[str]
) -> None:
    verify(sign(BODY, timestamp=NOW, secrets=signing), BODY, verifying, NOW)


def test_a_retired_secret_signs_nothing_any_more() -> None:
    with pytest.raises(BadSignature):
        verify(sign(BODY, timestamp=NOW, secrets=[OLD]), BODY, [NEW], NOW)


@given(st.binary(min_size=1, max_size=300), st.integers(0, 10_000))
def test_one_changed_byte_breaks_it(body: bytes, position: int) -> None:
    header = sign(body, timestamp=NOW, secrets=[OLD])
    verify(header, body, [OLD], NOW)
    at = position % len(body)
    changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    with pytest.raises(BadSignature):
        verify(header, changed, [OLD], NOW)


@pytest.mark.parametrize("late", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_a_recorded_request_cannot_be_played_back_later(late: int) -> None:
    header = sign(BODY, timestamp=NOW, secrets=[OLD])
    with pytest.raises(BadSignature):
        verify(header, BODY, [OLD], NOW + late)


def test_the_time_cannot_be_moved() -> None:
    header = sign(BODY, timestamp=NOW, secrets=[OLD]).replace(f"t={NOW}", f"t={NOW + 60}")
    with pytest.raises(BadSignature):
        verify(header, BODY, [OLD], NOW + 60)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1=00",
        "t=",
        "t=abc,v1=00",
        f"t={NOW}",
        f"t={NOW},v1=",
        f"t={NOW},t={NOW},v1=00",
        f"t={NOW},v0=00",
        f"t=-{NOW},v1=00",
        "t=１,v1=００",
        f"t={NOW},v1=é",
    ],
)
def test_a_broken_header_is_refused_and_breaks_nothing(header: str) -> None:
    with pytest.raises(BadSignature):
        verify(header, BODY, [OLD], NOW)


def test_nothing_is_signed_without_a_secret() -> None:
    with pytest.raises(WebhookConfigError, match="no secret"):
        sign(BODY, timestamp=NOW, secrets=[])


def test_secrets_are_split_by_commas_and_space_and_short_ones_refused_unshown() -> None:
    assert split_secrets(f"{NEW}, {OLD}\n", "HOOK") == (NEW, OLD)
    with pytest.raises(WebhookConfigError, match="HOOK is empty"):
        split_secrets(" , ", "HOOK")
    with pytest.raises(WebhookConfigError, match="HOOK holds") as caught:
        split_secrets(f"{NEW},hunter2", "HOOK")
    assert "hunter2" not in str(caught.value)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_the_same_payload_is_always_the_same_bytes(payload: dict[str, object]) -> None:
    turned = dict(reversed(payload.items()))
    assert wire_bytes(payload) == wire_bytes(turned)


KEYS = {
    OLD: "whsec_" + base64.b64encode(OLD.encode()).decode(),
    "whsec_" + base64.b64encode(b"k" * 32).decode(): "whsec_"
    + base64.b64encode(b"k" * 32).decode(),
    "whsec_this is no base64, and long enough": "whsec_"
    + base64.b64encode(b"whsec_this is no base64, and long enough").decode(),
}


@pytest.mark.parametrize(("secret", "key"), KEYS.items())
def test_a_receiver_may_verify_by_a_library_of_standard_webhooks(secret: str, key: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    headers = standard_headers("e1", BODY, timestamp=now, secrets=[NEW, secret])
    receiver = standardwebhooks.Webhook(key)
    assert receiver.verify(BODY, headers) == {"id": "e1"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(BODY + b" ", headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(BODY, headers | {"webhook-id": "e2"})
    late = standard_headers("e1", BODY, timestamp=now - 600, secrets=[secret])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(BODY, late)
