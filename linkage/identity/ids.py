"""Ids of clusters: random, so that they say nothing about members, age or number, and can never be issued twice."""

from __future__ import annotations

import base64
import secrets


def random_id() -> str:
    """Return `cl_` and 128 random bits as 26 lower-case base32 characters."""
    return "cl_" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
