"""What the operator says of an identity provider, and what becomes of its claims: a caller with one of our roles."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from linkage.access.caller import Caller
from linkage.access.roles import Role
from linkage.model.secret import derived_key

#: From the least to the most: who has several is let in with the last.
ORDER = tuple(Role)
LONGEST_NAME = 100
#: How the id of a caller whom a provider knows begins.
PREFIX = "oidc:"


@dataclass(frozen=True, slots=True)
class Identities:
    """One provider, and how its people become ours."""

    issuer: str
    #: whom a bearer token must be for; None: bearer tokens are not taken
    audience: str | None
    #: as whom we are known there when people sign in with their browser; None: they do not
    client_id: str | None
    client_secret: str | None
    role_claim: str
    name_claim: str
    #: a value of the role claim → the role it means here
    roles: Mapping[str, Role]
    #: keys the ids of callers, so that the audit tells nobody's address who has it as a subject
    secret: bytes

    def caller_of(self, claims: Mapping[str, object]) -> Caller | None:
        """The caller of whom these claims are; None where they give no role here."""
        role = self.role_of(claims)
        subject = claims.get("sub")
        if role is None or not isinstance(subject, str) or not subject:
            return None
        key = derived_key(self.secret, "linkage callers of identity providers")
        identity = hmac.digest(key, f"{self.issuer}\n{subject}".encode(), hashlib.sha256).hex()[:20]
        return Caller(f"{PREFIX}{identity}", _name(claim_of(claims, self.name_claim)) or identity, role)

    def role_of(self, claims: Mapping[str, object]) -> Role | None:
        """The most that the role claim's values mean here: a list, or a text of one or several words."""
        held = claim_of(claims, self.role_claim)
        values = [held, *held.split()] if isinstance(held, str) else held if isinstance(held, list) else []
        roles = {self.roles[value] for value in values if isinstance(value, str) and value in self.roles}
        return max(roles, key=ORDER.index, default=None)


def claim_of(claims: Mapping[str, object], name: str) -> object:
    """The claim of that name, or what lies on that way: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _name(claim: object) -> str:
    """The claim as people read it in the audit: printable, of one line, not long."""
    text = claim if isinstance(claim, str) else ""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:LONGEST_NAME]
