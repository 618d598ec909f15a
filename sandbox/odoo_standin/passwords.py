"""Passwords of the stand-in's users: a toy's hash for a toy's secrets.

Flows in: login and password. Flows out: what res_users keeps, and whether they fit.
"""

from __future__ import annotations

import hashlib
import hmac


def password_hash(login: str, password: str) -> str:
    """Return what is stored for a password."""
    return hashlib.sha256(f"{login}\0{password}".encode()).hexdigest()


def is_password(stored: str | None, login: str, password: str) -> bool:
    """Compare in constant time; a user without a password cannot log in."""
    return stored is not None and hmac.compare_digest(stored, password_hash(login, password))
