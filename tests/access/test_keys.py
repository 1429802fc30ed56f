"""API keys: made, checked, revoked, rotated, by several processes."""

from __future__ import annotations

import hmac
import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from linkage.access.keys import COARSE, FORM, KeyRing, Standing
from linkage.access.roles import Role
from linkage.errors import BadInput, Conflict, KeysUnreadable, NotFound

SECRET = b"s" * 32


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path, SECRET)


def test_a_key_has_256_random_bits_and_is_told_once(ring: KeyRing, tmp_path: Path) -> None:
    key, token = ring.create("ann", Role.ANALYST)
    assert FORM.fullmatch(token)
    assert len(token.partition(".")[2]) * 6 >= 256
    kept = (tmp_path / "keys.json").read_text()
    assert token.partition(".")[2] not in kept
    assert json.loads(kept)[0]["digest"] == key.digest
    assert ring.check(token) == key


def test_only_their_owner_reads_the_keys(ring: KeyRing, tmp_path: Path) -> None:
    ring.create("ann", Role.ADMIN)
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.draft"))


def test_another_project_s_secret_makes_the_digests_worthless(ring: KeyRing, tmp_path: Path) -> None:
    _, token = ring.create("ann", Role.ADMIN)
    assert KeyRing(tmp_path, b"t" * 32).check(token) is None


def test_what_is_nearly_the_key_is_not_the_key(ring: KeyRing) -> None:
    key, token = ring.create("ann", Role.ADMIN)
    _, other = ring.create("ben", Role.ADMIN)
    head, _, secret = token.partition(".")
    flipped = secret[:-2] + ("AA" if secret[-2:] != "AA" else "BB")
    wrong = [
        f"{head}.{flipped}",
        f"{head}.{other.partition('.')[2]}",
        f"lk_{'x' * 10}.{secret}",
        token.upper(),
        f" {token}",
        f"{token}\n",
        token[:-1],
        key.id,
        key.digest,
        f"lk_{key.id}.",
        "",
        "x" * 100_000,
    ]
    assert [text for text in wrong if ring.check(text) is not None] == []


def test_digests_are_compared_in_constant_time_also_of_keys_that_do_not_exist(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = ring.create("ann", Role.ADMIN)
    compared: list[tuple[str, str]] = []
    true = hmac.compare_digest

    def noted(left: str, right: str) -> bool:
        compared.append((left, right))
        return true(left, right)

    monkeypatch.setattr("linkage.access.keys.hmac.compare_digest", noted)
    assert ring.check(token) is not None
    assert ring.check(f"lk_{'x' * 10}.{token.partition('.')[2]}") is None
    assert len(compared) == 2
    assert {len(text) for pair in compared for text in pair} == {64}


def test_a_key_ends_when_it_was_said_to(ring: KeyRing) -> None:
    now = datetime.now(UTC)
    key, token = ring.create("ann", Role.VIEWER, expires_at=now + timedelta(hours=1))
    assert ring.check(token, now + timedelta(minutes=59)) == key
    assert ring.check(token, now + timedelta(minutes=61)) is None
    assert key.standing(now + timedelta(hours=2)) is Standing.EXPIRED


def test_a_key_that_would_have_ended_already_is_not_made(ring: KeyRing) -> None:
    with pytest.raises(BadInput, match="expired"):
        ring.create("ann", Role.VIEWER, expires_at=datetime.now(UTC))


@pytest.mark.parametrize("label", ["", "  ", "x" * 101, "a\nb", "a\x1b[31mb"])
def test_a_label_is_a_line_that_a_terminal_can_show(ring: KeyRing, label: str) -> None:
    with pytest.raises(BadInput, match="label"):
        ring.create(label, Role.VIEWER)


def test_a_revocation_by_another_process_takes_effect_at_once(ring: KeyRing, tmp_path: Path) -> None:
    key, token = ring.create("ann", Role.ADMIN)
    assert ring.check(token) is not None
    revoked = KeyRing(tmp_path, SECRET).revoke(f"lk_{key.id}")
    assert ring.check(token) is None
    assert ring.revoke(key.id).revoked_at == revoked.revoked_at


def test_a_key_that_takes_another_s_place_has_its_role_and_label(ring: KeyRing) -> None:
    old, token = ring.create("sign-up", Role.SERVICE, expires_at=datetime.now(UTC) + timedelta(days=1))
    new, successor = ring.rotate(old.id)
    assert (new.label, new.role, new.expires_at, new.replaces) == (old.label, old.role, old.expires_at, old.id)
    assert ring.check(token) is None
    assert ring.check(successor) == new
    with pytest.raises(Conflict, match="revoked"):
        ring.rotate(old.id)


def test_the_old_key_may_go_on_for_a_while(ring: KeyRing) -> None:
    old, token = ring.create("sign-up", Role.SERVICE)
    ring.rotate(old.id, overlap=timedelta(hours=1))
    now = datetime.now(UTC)
    assert ring.check(token) is not None
    assert ring.check(token, now + timedelta(minutes=61)) is None
    ring.revoke(old.id)
    assert ring.check(token) is None


def test_a_key_that_is_not_there_is_told(ring: KeyRing) -> None:
    with pytest.raises(NotFound, match="nobody"):
        ring.revoke("nobody")


def test_the_first_key_is_made_once_whoever_starts_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: KeyRing(tmp_path, SECRET).create_first(), range(8)))
    tokens = [token for token in made if token is not None]
    assert len(tokens) == 1
    key = KeyRing(tmp_path, SECRET).check(tokens[0])
    assert key is not None
    assert key.role is Role.ADMIN


def test_changes_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda at: KeyRing(tmp_path, SECRET).create(f"key {at}", Role.VIEWER), range(24)))
    assert len(KeyRing(tmp_path, SECRET).keys()) == 24


def test_the_last_use_is_known_coarsely(ring: KeyRing) -> None:
    key, _ = ring.create("ann", Role.VIEWER)
    assert ring.is_due(key)
    ring.touch(key.id)
    used = ring.keys()[key.id]
    assert used.last_used_at is not None
    assert not ring.is_due(used)
    assert ring.is_due(used, used.last_used_at + COARSE)
    ring.touch("nobody")


@pytest.mark.parametrize("content", ["", "nonsense", "{}", '[{"id": "x"}]', '[{"id": 1, "role": "god"}]'])
def test_a_file_that_we_did_not_write_lets_nobody_in(ring: KeyRing, tmp_path: Path, content: str) -> None:
    _, token = ring.create("ann", Role.ADMIN)
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(KeysUnreadable) as told:
        ring.check(token)
    assert re.search("Restore it", str(told.value))
