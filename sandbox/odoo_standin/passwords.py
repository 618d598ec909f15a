"""Passwords of the stand-in's users: a toy's hash for a toy's secrets.

Flows in: login and password. Flows out: what res_users keeps, and whether they fit. An API key is
the login behind a prefix: it calls JSON-2, and stands for the password in JSON-RPC.
"""

from __future__ import annotations

import hashlib
import hmac

_KEY = "key-of-"


def api_key(login: str) -> str:
    """Return a user's key."""
    return _KEY + login


def login_of_key(key: str) -> str | None:
    """Return whose key it is, if it is one."""
    return key.removeprefix(_KEY) if key.startswith(_KEY) else None


def password_hash(login: str, password: str) -> str:
    """Return what is stored for a password."""
    return hashlib.sha256(f"{login}\0{password}".encode()).hexdigest()


def is_password(stored: str | None, login: str, password: str) -> bool:
    """Compare in constant time; a user without a password cannot log in."""
    if stored is None:
        return False
    is_key = hmac.compare_digest(password.encode(), api_key(login).encode())
    return is_key or hmac.compare_digest(stored, password_hash(login, password))
