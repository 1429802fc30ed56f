"""Settings: one object, read at the doors (cli, server) and passed down.

Each setting comes from the environment (`LINKAGE_` and its name in capitals) or from a TOML file
(`linkage.toml` in the working directory, or the file named by `LINKAGE_CONFIG`); the environment wins.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from linkage.errors import BadSettings

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


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
    log_format: Literal["text", "json"] = "text"

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
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            raise BadSettings(
                "the settings hold values that make no sense",
                details=faults,
                next_step=f"Mend the LINKAGE_… variables or {path}.",
            ) from error


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
