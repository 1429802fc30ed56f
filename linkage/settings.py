"""Settings: one object, read at the doors (cli, server) and passed down.

Each setting comes from the environment (`LINKAGE_` and its name in capitals) or from a TOML file
(`linkage.toml` in the working directory, or the file named by `LINKAGE_CONFIG`); the environment wins.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from linkage.errors import BadSettings
from linkage.model.loopback import is_loopback
from linkage.normalise import canonical_name
from linkage.normalise.hashing import NOTHING_HASHED, SHORTEST_KEY, Hashing

_DAYS = re.compile("[1-9][0-9]{0,4}d")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
#: As `linkage.access.roles` has them, which stands above the settings.
RoleName = Literal["viewer", "service", "investigator", "analyst", "admin"]


class Settings(BaseModel):
    """Where things are and how to reach them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(Path("linkage-data"), description="folder of the ledger, the managed Neo4j and the keys")
    cache: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "linkage",
        description="folder of downloaded jars, shared by projects",
    )
    ledger_url: str | None = Field(None, description="object-store URL of the ledger; unset: DATA/ledger")
    neo4j_uri: str | None = Field(None, description="an existing Neo4j; unset: a managed local one")
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    neo4j_database: str = "neo4j"
    host: str = "127.0.0.1"
    port: int = Field(8410, ge=1, le=65535)
    model: Path | None = Field(None, description="model table (TOML); unset: the one shipped")
    reference: Path | None = Field(None, description="folder of reference files: networks, mail domains, single values")
    phone_region: str | None = Field(None, pattern="^[A-Z]{2}$", description="region of phone numbers without +")
    memory_limit: str = Field("4GB", description="what the engine may hold in memory, as DuckDB writes it")
    resolve_every: str | None = Field(
        None, pattern=r"^[1-9][0-9]{0,5}[smhd]$", description="how often the service resolves by itself (15m, 24h)"
    )
    gate: float = Field(0.1, ge=0, le=1, description="share of memberships that may change without a person's word")
    rate: float = Field(
        1.0, gt=0, le=1_000, description="what callers may spend in a minute, as a multiple of the table"
    )
    trusted_documents: Path | None = Field(
        None, description="folder or list of the only operations that keys with the role service may send"
    )
    public_url: str | None = Field(
        None, description="where browsers reach the service, behind a proxy: https://linkage.example"
    )
    oidc_issuer: str | None = Field(None, description="identity provider, as its tokens name it")
    oidc_audience: str | None = Field(None, min_length=1, description="whom bearer tokens must be for")
    oidc_client_id: str | None = Field(None, min_length=1, description="who we are there, for sign-in by browser")
    oidc_client_secret: SecretStr | None = None
    oidc_role_claim: str = Field("roles", min_length=1, description="claim that says what its people are here")
    oidc_roles: dict[str, RoleName] = Field(
        default_factory=dict, description="values of that claim → roles; empty: the roles' own names"
    )
    oidc_name_claim: str = Field("preferred_username", min_length=1, description="claim by which people are named")
    hashed_kinds: tuple[str, ...] = Field((), description="kinds of identifiers that are kept as keyed hashes only")
    hash_key_file: Path | None = Field(None, description="file with the key of these hashes, outside the data folder")
    retention: dict[str, str] = Field(
        {}, description="how long observations of a kind, or `usage`, are kept after they were last seen (ip=90d)"
    )
    log_format: Literal["text", "json"] = "text"

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, address: str | None) -> str | None:
        if address is not None and not _is_safe(address, bare=False):
            raise ValueError("an issuer is https://…, or http:// on this machine, without ? and #")
        return address

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, address: str | None) -> str | None:
        if address is not None and not _is_safe(address, bare=True):
            raise ValueError("write scheme and host alone: https://linkage.example (http:// on this machine only)")
        return address and address.rstrip("/").lower()

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _read_roles(cls, roles: object) -> object:
        """`fraud-leads=admin,fraud=analyst`, or a table of the file."""
        if not isinstance(roles, str):
            return roles
        pairs = [pair.partition("=") for pair in roles.split(",") if pair.strip()]
        return {value.strip(): role.strip() for value, _, role in pairs}

    @field_validator("hashed_kinds", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given

    @field_validator("hashed_kinds")
    @classmethod
    def _kinds(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        names = [(name, canonical_name(name)) for name in given]
        wrong = [name for name, canonical in names if canonical is None]
        if wrong:
            raise ValueError(f"no names of kinds: {', '.join(wrong)}")
        return tuple(sorted({canonical for _, canonical in names if canonical is not None}))

    @field_validator("retention", mode="before")
    @classmethod
    def _by_kind(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = (part.partition("=") for part in given.split(",") if part.strip())
        return {kind.strip(): kept.strip() for kind, _, kept in pairs}

    @field_validator("retention")
    @classmethod
    def _days(cls, given: dict[str, str]) -> dict[str, str]:
        wrong = [
            f"{kind}={kept}" for kind, kept in given.items() if not _DAYS.fullmatch(kept) or not canonical_name(kind)
        ]
        if wrong:
            raise ValueError(f"no kinds with days, such as ip=90d: {', '.join(wrong)}")
        return {canonical_name(kind) or kind: kept for kind, kept in given.items()}

    @property
    def kept_for(self) -> dict[str, timedelta]:
        """How long observations of a kind, or `usage`, are kept."""
        return {kind: timedelta(days=int(kept[:-1])) for kind, kept in self.retention.items()}

    @model_validator(mode="after")
    def _key_is_elsewhere(self) -> Settings:
        if self.hashed_kinds and self.hash_key_file is None:
            raise ValueError("hashed_kinds need hash_key_file: a file of 32 random bytes outside the data folder")
        if self.hash_key_file is not None and self.hash_key_file.resolve().is_relative_to(self.data.resolve()):
            raise ValueError(f"hash_key_file lies in the data folder {self.data}: whoever copies it would have both")
        return self

    @property
    def hashing(self) -> Hashing:
        """Which kinds are kept as hashes, and the key; raises `BadSettings` where that cannot be read."""
        if not self.hashed_kinds or self.hash_key_file is None:
            return NOTHING_HASHED
        return Hashing(frozenset(self.hashed_kinds), _hash_key(self.hash_key_file))

    @property
    def ledger(self) -> str:
        """Path or URL of the ledger."""
        return self.ledger_url or str(self.data / "ledger")

    @property
    def resolve_seconds(self) -> int | None:
        """How often the service resolves by itself, in seconds; None: never."""
        return None if self.resolve_every is None else int(self.resolve_every[:-1]) * _SECONDS[self.resolve_every[-1]]

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; raise `BadSettings` with every fault at once."""
        path = Path(environ.get("LINKAGE_CONFIG", "linkage.toml"))
        values: dict[str, object] = {}
        if path.exists():
            try:
                values.update(tomllib.loads(path.read_text()))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                raise BadSettings(f"{path} is no readable TOML: {error}") from error
        elif "LINKAGE_CONFIG" in environ:
            raise BadSettings(f"LINKAGE_CONFIG names {path}, which does not exist")
        prefix = "LINKAGE_"
        known = set(cls.model_fields)
        values.update(
            {
                name[len(prefix) :].lower(): value
                for name, value in environ.items()
                if name.startswith(prefix) and name[len(prefix) :].lower() in known and value
            }
        )
        faults = _unfitting(values)
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            faults[:0] = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        if faults:
            raise BadSettings(
                "the settings hold values that make no sense",
                details=faults,
                next_step=f"Mend the LINKAGE_… variables or {path}.",
            )
        return settings


def _is_safe(address: str, *, bare: bool) -> bool:
    """Whether it is an address of the web that nobody on the way can read; `bare`: of scheme and host alone."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    whole = not (parts.query or parts.fragment or parts.username) and address.isprintable() and " " not in address
    return (
        bool(parts.hostname) and (parts.scheme == "https" or local) and whole and not (bare and parts.path.strip("/"))
    )


#: Settings that mean something only beside another.
_NEEDS = {
    "oidc_audience": "oidc_issuer",
    "oidc_client_id": "oidc_issuer",
    "oidc_client_secret": "oidc_client_id",
    "oidc_role_claim": "oidc_issuer",
    "oidc_roles": "oidc_issuer",
    "oidc_name_claim": "oidc_issuer",
}


def _unfitting(values: Mapping[str, object]) -> list[str]:
    """What is missing beside what is set."""
    faults = [f"{name}: needs {other}" for name, other in _NEEDS.items() if values.get(name) and not values.get(other)]
    if values.get("oidc_issuer") and not (values.get("oidc_audience") or values.get("oidc_client_id")):
        faults.append("oidc_issuer: needs oidc_audience (for bearer tokens), oidc_client_id (for browsers), or both")
    return faults


def _hash_key(path: Path) -> bytes:
    make = f"Make one: head -c {SHORTEST_KEY} /dev/urandom > {path}; chmod 600 {path}. Without it, or with another, "
    try:
        key, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise BadSettings(
            f"the key of hashed kinds in {path} cannot be read: {error.strerror}",
            next_step=make + "values are not found again.",
        ) from error
    if len(key) < SHORTEST_KEY:
        raise BadSettings(
            f"{path} holds fewer than {SHORTEST_KEY} bytes", next_step=make + "values are not found again."
        )
    if mode & 0o077:
        raise BadSettings(f"others than its owner may use {path}", next_step=f"chmod 600 {path}")
    return key


def project_secret(data: Path) -> bytes:
    """Return the project's own 32 random bytes, made on first use and kept with mode 0600.

    They key the opaque ids of identifiers, so that an id or a cursor never gives an e-mail address or an IP away.
    """
    path = data / "secret.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: two first starts at once agree on one secret.
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()
