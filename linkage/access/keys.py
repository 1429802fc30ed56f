"""API keys: `lk_ID.SECRET`, the secret 256 random bits.

Kept in `DATA/keys.json` (mode 0600), beside the ledger and never in the graph, as HMACs under a pepper that is derived
from the project's secret: neither file alone lets anybody try keys out. The file is replaced whole, under a lock, so
several processes may change it; whoever checks a key looks first whether the file is another one by now, so that a
revocation by any process takes effect at once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from linkage.access.roles import Role
from linkage.errors import BadInput, Conflict, KeysUnreadable, NotFound
from linkage.graph.locks import exclusive
from linkage.model.secret import derived_key

#: How a key is written.
FORM = re.compile(r"lk_([a-z0-9]{10})\.([A-Za-z0-9_-]{43})")
ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LONGEST_LABEL = 100
#: The last use of a key is known to this much only: a write for each request would be too many.
COARSE = timedelta(minutes=10)
#: What an unknown id is compared with, so that it takes as long as a known one.
NOBODY = "0" * 64


class Standing(StrEnum):
    """How a key stands."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Key(BaseModel):
    """What is kept of a key: everything but its secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str
    role: Role
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    #: the key that this one was made to replace
    replaces: str | None = None

    def standing(self, now: datetime) -> Standing:
        """How it stands at that moment."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return Standing.REVOKED
        return Standing.EXPIRED if self.expires_at is not None and self.expires_at <= now else Standing.GOOD


_STORED = TypeAdapter(list[Key])


class KeyRing:
    """The keys of one project."""

    def __init__(self, data: Path, secret: bytes) -> None:
        self._path = data / "keys.json"
        self._lock = data / "keys.lock"
        self._pepper = derived_key(secret, "linkage api keys")
        self._read: Mapping[str, Key] = {}
        self._read_of: object = None

    def keys(self) -> Mapping[str, Key]:
        """Every key that was ever made, by id, as the file has them now. Raises `KeysUnreadable`."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unreadable() from error
        version = (found.st_ino, found.st_mtime_ns, found.st_size)
        if version != self._read_of:
            try:
                stored = _STORED.validate_json(self._path.read_bytes())
            except (OSError, ValidationError) as error:
                raise self._unreadable() from error
            self._read, self._read_of = {key.id: key for key in stored}, version
        return self._read

    def check(self, token: str, now: datetime | None = None) -> Key | None:
        """The key that the text is; None where it is none, or one that is wrong, expired or revoked."""
        shape = FORM.fullmatch(token)
        if shape is None:
            return None
        key = self.keys().get(shape[1])
        right = hmac.compare_digest(self._digest(token), key.digest if key is not None else NOBODY)
        if key is None or not right or key.standing(now or _now()) is not Standing.GOOD:
            return None
        return key

    def create(
        self, label: str, role: Role, *, expires_at: datetime | None = None, replaces: str | None = None
    ) -> tuple[Key, str]:
        """Make a key; its text is told here and never again."""
        with self._change() as keys:
            return self._add(keys, label, role, expires_at, replaces)

    def create_first(self) -> str | None:
        """Make a key with the role `admin` where there is none at all; its text, or None: there are keys."""
        with self._change() as keys:
            return None if keys else self._add(keys, "first start", Role.ADMIN, None, None)[1]

    def revoke(self, identity: str) -> Key:
        """Let a key count no more, from now on. Raises `NotFound`; a key that is revoked stays as it is."""
        with self._change() as keys:
            key = _known(keys, identity)
            if key.standing(_now()) is not Standing.REVOKED:
                keys[key.id] = key = key.model_copy(update={"revoked_at": _now()})
            return key

    def rotate(self, identity: str, *, overlap: timedelta = timedelta(0)) -> tuple[Key, str]:
        """Make a key with the label, role and expiry of another, which counts until `overlap` is over.

        Raises `NotFound`, and `Conflict` for a key that counts no more.
        """
        with self._change() as keys:
            old, now = _known(keys, identity), _now()
            standing = old.standing(now)
            if standing is not Standing.GOOD:
                raise Conflict(f"the key {old.id} is {standing}", next_step="Make a new one: linkage keys create.")
            end = now + overlap
            keys[old.id] = old.model_copy(update={"revoked_at": min(end, old.revoked_at or end)})
            return self._add(keys, old.label, old.role, old.expires_at, old.id)

    def is_due(self, key: Key, now: datetime | None = None) -> bool:
        """Whether the last use that is written down is long ago."""
        return key.last_used_at is None or (now or _now()) - key.last_used_at >= COARSE

    def touch(self, identity: str) -> None:
        """Write down that a key is used; a folder that cannot be written keeps nobody out."""
        with suppress(OSError), self._change() as keys:
            key = keys.get(identity)
            if key is not None and self.is_due(key):
                keys[identity] = key.model_copy(update={"last_used_at": _now()})

    def _add(
        self, keys: dict[str, Key], label: str, role: Role, expires_at: datetime | None, replaces: str | None
    ) -> tuple[Key, str]:
        if not 1 <= len(label.strip()) <= LONGEST_LABEL or not label.isprintable():
            raise BadInput(f"a label has 1 to {LONGEST_LABEL} printable characters")
        if expires_at is not None and expires_at <= _now():
            raise BadInput("the key would have expired already")
        identity = "".join(secrets.choice(ID_LETTERS) for _ in range(10))
        token = f"lk_{identity}.{secrets.token_urlsafe(32)}"
        key = Key(
            id=identity,
            label=label.strip(),
            role=role,
            digest=self._digest(token),
            created_at=_now(),
            expires_at=expires_at,
            replaces=replaces,
        )
        keys[identity] = key
        return key, token

    def _digest(self, token: str) -> str:
        return hmac.digest(self._pepper, token.encode(), hashlib.sha256).hex()

    @contextmanager
    def _change(self) -> Iterator[dict[str, Key]]:
        """The keys to change; what they are at the end is on disk when this is left."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self._lock):
            keys = dict(self.keys())
            before = dict(keys)
            yield keys
            if keys != before:
                _replace(self._path, _STORED.dump_json(list(keys.values()), indent=1))

    def _unreadable(self) -> KeysUnreadable:
        return KeysUnreadable(
            f"{self._path} cannot be read, or is not what linkage wrote",
            next_step="Restore it from a backup, or remove it: all keys are void then, and the next start makes one.",
        )


def _known(keys: Mapping[str, Key], identity: str) -> Key:
    key = keys.get(identity.removeprefix("lk_"))
    if key is None:
        raise NotFound(f"there is no key {identity}", next_step="linkage keys list names those there are.")
    return key


def _now() -> datetime:
    return datetime.now(UTC)


def _replace(path: Path, content: bytes) -> None:
    """Put the content in the place of the file, whole or not at all, readable by its owner only."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a revocation that a power cut undid would let its key in again
    finally:
        os.close(folder)
