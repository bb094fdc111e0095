"""Passwords as PostgreSQL keeps them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import stringprep
import unicodedata
from typing import Any, Optional

from minion.errors import SaltInvocationError

DEFAULT = "md5"
METHODS = ("md5", "scram-sha-256", True, False)
_PROHIBITED = (
    *(stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4),
    *(stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8),
    stringprep.in_table_c9,
)


def verifier(role: str, password: Any, method: Any) -> str:
    """What the server keeps of a password; the password itself for the method False.

    Args:
        role: whose it is.
        password: in clear, or what the server keeps.
        method: md5 (or True), scram-sha-256, or False.
    """
    text = str(password)
    if method == "scram-sha-256":
        return text if text.startswith("SCRAM-SHA-256") else scram(text, os.urandom(16))
    if method in ("md5", True):
        return text if text.startswith("md5") else _md5(role, text)
    if method is False:
        return text
    raise SaltInvocationError(f"Unknown password algorithm: {method}")


def matches(role: str, password: Any, kept: Optional[str], method: Any) -> bool:
    """Is a password the one that the server keeps, and kept by this method?"""
    text = str(password)
    if method == "scram-sha-256" and not text.startswith("SCRAM-SHA-256"):
        found = re.match(r"SCRAM-SHA-256\$(\d+):([^$]+)\$", kept or "")
        return bool(found) and kept == scram(text, base64.b64decode(found.group(2)), int(found.group(1)))  # type: ignore[union-attr]
    return kept == verifier(role, text, method)


def _md5(role: str, password: str) -> str:
    return "md5" + hashlib.md5(f"{password}{role}".encode()).hexdigest()


def scram(password: str, salt: bytes, iterations: int = 4096) -> str:
    """A SCRAM-SHA-256 verifier (RFC 5803)."""
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password).encode(), salt, iterations)
    stored = hashlib.sha256(hmac.new(salted, b"Client Key", "sha256").digest()).digest()
    server = hmac.new(salted, b"Server Key", "sha256").digest()
    keys = ":".join(base64.b64encode(key).decode() for key in (stored, server))
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${keys}"


def _prepared(password: str) -> str:
    """A password in the form in which it is compared (RFC 4013); as it is, where that has none."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    text = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(table(char) for char in text for table in _PROHIBITED):
        return password
    right_to_left = [stringprep.in_table_d1(char) for char in text]
    mixed = any(stringprep.in_table_d2(char) for char in text)
    if any(right_to_left) and (mixed or not (right_to_left[0] and right_to_left[-1])):
        return password
    return text
