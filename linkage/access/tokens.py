"""Bearer tokens of an identity provider: JWTs that it signed for us.

Which key checks a signature is said by the provider alone, never by the token: a token that brings a key along, or an
address of one, is refused, and so is one that demands what we do not know (`crit`). Algorithms are a list here, all of
public keys: there is no `none` in it, and nothing that would take a public key for a shared secret.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidClaimError, JoseError, MissingClaimError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from linkage.access.caller import Caller
from linkage.access.identities import PREFIX, Identities
from linkage.access.provider import Provider

logger = logging.getLogger("linkage.access")

#: Nothing longer is looked at (bytes).
LONGEST = 8_192
#: How far clocks may be apart (seconds).
LEEWAY = 60
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
#: Headers with which a token would choose its own key, or change what its signature means.
REFUSED = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64"})


class Pinned(JWSRegistry):
    """Our algorithms and no others; headers that mean nothing to us are passed over, as RFC 7515 has it."""

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """The algorithm of that name. joserfc's own would warn of EdDSA's name, which providers go on to use."""
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError("the algorithm is not one of ours")
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class TokenAuthenticator:
    """Knows tokens of one provider."""

    identities: Identities
    provider: Provider
    clock: Callable[[], float] = time.time

    async def caller(self, token: str) -> Caller | None:
        """Whose token it is. Raises `IdentityProviderUnavailable` where its keys cannot be had."""
        if self.identities.audience is None:
            return None
        claims = await self.claims(token, self.identities.audience)
        if claims is None:
            return None
        caller = self.identities.caller_of(claims)
        if caller is None:
            _tell("it gives no role here")
        return caller

    async def still(self, caller: Caller) -> Caller | None:
        """The same: what a provider said at sign-in holds as long as the session."""
        return caller if caller.id.startswith(PREFIX) else None

    async def claims(self, token: str, audience: str) -> Mapping[str, Any] | None:
        """What the provider says in a token for that audience; None: it is no token of its, or counts no more."""
        header = header_of(token)
        if header is None:
            return None
        key = await self.provider.key(header.get("kid"))
        if key is None:
            return None
        expected = JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self.identities.issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, key, registry=Pinned()).claims
            expected.validate(claims)
        except (InvalidClaimError, MissingClaimError) as error:
            _tell(f"its {error.claim} is not as expected")
            return None
        except (JoseError, ValueError, TypeError, RecursionError):
            return None
        return claims


def _tell(why: str) -> None:
    """Tell the operator, whose settings may not fit, of what the provider did sign; never what its claims hold."""
    logger.warning("a token that the identity provider signed was refused: %s", why)


def header_of(token: str) -> Mapping[str, Any] | None:
    """The header of a token that is worth a closer look; None: it is no signed token, or asks for what we refuse."""
    if len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
        return None
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or header.keys() & REFUSED or header.get("alg") not in ALGORITHMS:
        return None
    return header if isinstance(header.get("kid"), str | None) else None
