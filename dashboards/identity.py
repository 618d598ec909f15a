"""Who looks at the pages, and what they may do.

In: an OIDC sign-in (`st.user`), or headers that a trusted proxy sets, off until they are named.
Out: a Viewer. Without either the pages are read-only, and served on loopback only. A name is never
taken from the environment and never typed by the viewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from connections.settings import Settings

Role = Literal["approver", "reader", "nobody"]
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Viewer:
    """Somebody at the pages. `why` tells in a sentence why they may do what they may."""

    name: str
    role: Role
    why: str

    @property
    def may_decide(self) -> bool:
        """Whether decisions of theirs are written."""
        return self.role == "approver" and bool(self.name)


def current(settings: Settings) -> Viewer:
    """The viewer of this session, asked anew at every run of a page."""
    if settings.dashboard_trusted_user_header:
        return from_headers(settings, st.context.headers)
    if has_oidc():
        return from_claims(settings, st.user.to_dict())
    return anonymous(is_loopback=st.get_option("server.address") in LOOPBACK)


def has_oidc() -> bool:
    """Whether .streamlit/secrets.toml names an identity provider."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def from_headers(settings: Settings, headers: Mapping[str, str]) -> Viewer:
    """The name and groups that the proxy in front vouches for."""
    name = (headers.get(settings.dashboard_trusted_user_header) or "").strip()
    groups_header = settings.dashboard_trusted_groups_header
    groups = _listed(headers.get(groups_header) or "") if groups_header else ()
    return _judged(settings, name, groups, "the sign-in proxy")


def from_claims(settings: Settings, claims: Mapping[str, Any]) -> Viewer:
    """The name and groups of an OIDC token; an address that nobody verified is no name."""
    if not claims.get("is_logged_in"):
        return Viewer("", "nobody", "Sign in to see the pages.")
    email = claims.get("email") if claims.get("email_verified", True) else None
    name = str(email or claims.get("sub") or "")
    groups = claims.get(settings.dashboard_oidc_groups_claim) or ()
    return _judged(settings, name, _listed(groups), "the identity provider")


def anonymous(*, is_loopback: bool) -> Viewer:
    """Nobody knows who looks: reading is for this machine, deciding for nobody."""
    if is_loopback:
        return Viewer("", "reader", "Read-only: nobody is signed in on this machine.")
    return Viewer("", "nobody", "These pages want a sign-in: configure OIDC or a trusted header.")


def _judged(settings: Settings, name: str, groups: Iterable[str], source: str) -> Viewer:
    if not name:
        return Viewer("", "nobody", f"{source.capitalize()} names no user.")
    held = set(groups)
    if held & set(_listed(settings.dashboard_approver_groups)):
        return Viewer(name, "approver", "You may decide.")
    readers = set(_listed(settings.dashboard_reader_groups))
    if readers and not held & readers:
        return Viewer(name, "nobody", f"{name} is in no group that may read these pages.")
    return Viewer(name, "reader", "You may read; deciding wants a group of approvers.")


def _listed(groups: str | Iterable[Any]) -> tuple[str, ...]:
    parts = groups.split(",") if isinstance(groups, str) else map(str, groups)
    return tuple(part.strip() for part in parts if part.strip())
