"""A request's credentials become a caller, or nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from linkage.access.admission import Admission, KeyAuthenticator, bearer_token
from linkage.access.caller import DEMO, Caller
from linkage.access.keys import KeyRing
from linkage.access.roles import Role


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("abc", None),
        ("", None),
        (None, None),
        (5, None),
        (["Bearer abc"], None),
        ("Bearer " + "x" * 9_000, None),
    ],
)
def test_a_token_is_what_bearer_says(header: object, token: str | None) -> None:
    assert bearer_token(header) == token


def test_a_key_makes_a_caller_and_its_use_is_noted(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, b"s" * 32)
    key, token = ring.create("ann", Role.ANALYST)
    caller = asyncio.run(Admission([KeyAuthenticator(ring)]).admit(f"Bearer {token}"))
    assert caller == Caller(f"key:{key.id}", "ann", Role.ANALYST)
    assert ring.keys()[key.id].last_used_at is not None


def test_only_a_demo_lets_in_who_shows_nothing_and_nobody_who_shows_nonsense(tmp_path: Path) -> None:
    keys = [KeyAuthenticator(KeyRing(tmp_path, b"s" * 32))]
    assert asyncio.run(Admission(keys).admit(None)) is None
    demo = Admission(keys, anonymous=DEMO)
    assert asyncio.run(demo.admit(None)) == DEMO
    assert asyncio.run(demo.admit("Bearer nonsense")) is None
    assert asyncio.run(demo.admit("")) is None


def test_another_way_to_prove_who_one_is_is_one_more_authenticator(tmp_path: Path) -> None:
    class Badges:
        async def caller(self, token: str) -> Caller | None:
            return Caller(f"badge:{token}", token, Role.VIEWER) if token.startswith("badge-") else None

    admission = Admission([KeyAuthenticator(KeyRing(tmp_path, b"s" * 32)), Badges()])
    assert asyncio.run(admission.admit("Bearer badge-7")) == Caller("badge:badge-7", "badge-7", Role.VIEWER)
    assert asyncio.run(admission.admit("Bearer other")) is None
