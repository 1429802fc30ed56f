"""Sessions of browsers: how long they last, and how many there are."""

from __future__ import annotations

import asyncio
from pathlib import Path

from linkage.access.admission import Admission, KeyAuthenticator
from linkage.access.caller import DEMO, Caller
from linkage.access.keys import KeyRing
from linkage.access.roles import Role
from linkage.access.sessions import EACH, IDLE, LONGEST, MOST, Sessions

ANN = Caller("key:ann", "ann", Role.ANALYST)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_found_by_its_id_until_it_is_closed() -> None:
    sessions = Sessions()
    identity, session = sessions.open(ANN)
    assert sessions.find(identity) is session
    assert sessions.find(session.token) is None
    sessions.close(identity)
    sessions.close(identity)
    assert sessions.find(identity) is None


def test_no_two_sessions_have_anything_in_common() -> None:
    sessions = Sessions()
    first, second = sessions.open(ANN), sessions.open(ANN)
    assert len({first[0], second[0], first[1].token, second[1].token}) == 4


def test_one_that_nobody_uses_ends_and_one_in_use_does_not() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    used, idle = sessions.open(ANN)[0], sessions.open(ANN)[0]
    for _ in range(3):
        clock.now += IDLE / 2
        assert sessions.find(used) is not None
    assert sessions.find(idle) is None


def test_none_lasts_longer_than_a_working_day() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    identity, _ = sessions.open(ANN)
    while clock.now < LONGEST - IDLE:
        clock.now += IDLE / 2
        assert sessions.find(identity) is not None
    clock.now = LONGEST
    assert sessions.find(identity) is None


def test_whoever_signs_in_again_and_again_ends_their_own_sessions() -> None:
    sessions = Sessions()
    other, _ = sessions.open(DEMO)
    own = [sessions.open(ANN)[0] for _ in range(EACH + 3)]
    assert [sessions.find(identity) is not None for identity in own] == [False] * 3 + [True] * EACH
    assert sessions.find(other) is not None


def test_there_are_never_more_than_so_many() -> None:
    sessions = Sessions()
    ids = [sessions.open(Caller(f"key:{number}", "x", Role.VIEWER))[0] for number in range(MOST)]
    sessions.open(ANN)
    assert sessions.find(ids[0]) is None
    assert sessions.find(ids[1]) is not None


def test_a_caller_is_known_again_as_their_key_stands_now(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, b"s" * 32)
    key, _ = ring.create("ann", Role.ANALYST)
    admission = Admission([KeyAuthenticator(ring)])
    caller = Caller(f"key:{key.id}", "ann", Role.ANALYST)
    assert asyncio.run(admission.still(caller)) == caller
    ring.revoke(key.id)
    assert asyncio.run(admission.still(caller)) is None
    for stranger in (DEMO, Caller("key:nobody", "x", Role.ADMIN), Caller("oidc:x", "x", Role.ADMIN)):
        assert asyncio.run(admission.still(stranger)) is None
