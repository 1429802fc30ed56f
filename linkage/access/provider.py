"""An identity provider as it is on the network: where its endpoints are, and which keys it signs with.

Both are fetched when they are first needed and kept for an hour. A token that names a key we do not know makes us look
again, at most every half minute: a provider may change its keys at any time, and anybody may send names of keys. While
the provider is away, its keys count on for a day.

Nothing of it is taken on trust of the network: only `https` (or `http` where the issuer itself is on this machine), no
redirect, no more than a set size in a set time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from linkage.errors import IdentityProviderUnavailable

logger = logging.getLogger("linkage.access")

#: How long what was fetched is fresh, and how long it may serve while the provider is away (seconds).
FRESH = 3_600.0
STALE = 86_400.0
#: Between two attempts to fetch lies at least this much (seconds).
PAUSE = 30.0
#: How long an answer may take (seconds), and how large it may be (bytes).
PATIENCE = 5.0
LARGEST = 2**18
MOST_KEYS = 100
#: So many people who come back from it are asked about at once: anybody may send codes.
AT_ONCE = 8
#: Kinds of keys that sign for the public; a shared secret is none.
KINDS = frozenset({"RSA", "EC", "OKP"})
#: 2,048 bits, as a key has them written.
SHORTEST_MODULUS = 342
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Known:
    """What a provider said of itself, and when."""

    document: Mapping[str, Any]
    keys: Mapping[str | None, Key]
    at: float


class Provider:
    """One identity provider."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._clock = clock
        self._known: Known | None = None
        self._tried_at = -PAUSE
        self._fetching = asyncio.Lock()
        self._posting = asyncio.Semaphore(AT_ONCE)

    async def key(self, name: str | None) -> Key | None:
        """The key of that name, or the only one where none is named. Raises `IdentityProviderUnavailable`."""
        known = await self._now(name)
        if name is None:
            return next(iter(known.keys.values())) if len(known.keys) == 1 else None
        return known.keys.get(name)

    async def endpoint(self, name: str) -> str:
        """An address that the provider names. Raises `IdentityProviderUnavailable`."""
        return _address(self.issuer, (await self._now(None)).document, name)

    async def post(self, endpoint: str, form: Mapping[str, str], auth: tuple[str, str] | None) -> Any:
        """What the provider answers to a form: JSON. Raises `IdentityProviderUnavailable`."""
        async with self._posting:
            return await _ask(await self.endpoint(endpoint), form=form, auth=auth)

    async def _now(self, name: str | None) -> Known:
        if not self._suffices(name) and self._may_try():
            async with self._fetching:
                # Whoever waited here finds what the one before has fetched.
                if not self._suffices(name) and self._may_try():
                    await self._fetch()
        if self._known is None or self._clock() - self._known.at > STALE:
            raise IdentityProviderUnavailable(
                f"the identity provider {self.issuer} could not be asked for its keys",
                next_step="See the log for what it answered; keys of linkage's own go on to work.",
            )
        return self._known

    def _suffices(self, name: str | None) -> bool:
        known = self._known
        return known is not None and self._clock() - known.at < FRESH and (name is None or name in known.keys)

    def _may_try(self) -> bool:
        return self._clock() - self._tried_at >= PAUSE

    async def _fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            document = _own(self.issuer, await _ask(self.issuer.rstrip("/") + DISCOVERY))
            keys = _keys(await _ask(_address(self.issuer, document, "jwks_uri")))
        except IdentityProviderUnavailable as error:
            logger.warning("the identity provider %s: %s", self.issuer, error.message)
        else:
            self._known = Known(document, keys, self._clock())


def is_trusted(issuer: str, address: str) -> bool:
    """Whether an address is as safe to ask as the issuer: `https`, or on this machine as the issuer is."""
    try:
        found, own = urlsplit(address), urlsplit(issuer)
        return (
            bool(found.hostname)
            and found.username is None
            and (found.scheme == "https" or (found.scheme == own.scheme and found.hostname == own.hostname))
        )
    except ValueError:
        return False


def _own(issuer: str, document: Any) -> Mapping[str, Any]:
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise IdentityProviderUnavailable("it says that it is another issuer")
    return document


def _address(issuer: str, document: Mapping[str, Any], name: str) -> str:
    address = document.get(name)
    if not isinstance(address, str) or not is_trusted(issuer, address):
        raise IdentityProviderUnavailable(f"it names no safe address as its {name}")
    return address


async def _ask(address: str, *, form: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None) -> Any:
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx2.AsyncClient(follow_redirects=False) as client,
            client.stream(
                "GET" if form is None else "POST",
                address,
                data=form,
                auth=auth,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            ) as response,
        ):
            if response.status_code != 200:
                raise IdentityProviderUnavailable(f"{address} answered {response.status_code}")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > LARGEST:
                    raise IdentityProviderUnavailable(f"{address} answered more than {LARGEST:,} bytes")
            return json.loads(body)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        raise IdentityProviderUnavailable(f"{address} does not answer: {type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise IdentityProviderUnavailable(f"{address} answered no JSON") from error


def _keys(answer: Any) -> dict[str | None, Key]:
    """Keys for checking signatures by name; those of other kinds, or too weak, are left out."""
    held = answer.get("keys") if isinstance(answer, dict) else None
    if not isinstance(held, list):
        raise IdentityProviderUnavailable("its keys are no set of keys")
    keys: dict[str | None, Key] = {}
    for one in held[:MOST_KEYS]:
        if not isinstance(one, dict) or one.get("kty") not in KINDS or one.get("use", "sig") != "sig":
            continue
        name = one.get("kid")
        if not isinstance(name, str | None) or (one["kty"] == "RSA" and len(str(one.get("n"))) < SHORTEST_MODULUS):
            continue
        with suppress(JoseError, ValueError, TypeError):
            keys[name] = import_key(one)
    return keys
