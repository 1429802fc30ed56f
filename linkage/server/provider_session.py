"""/session/provider: a browser signs in where the identity provider knows it: authorization code flow with PKCE.

What must be remembered until the browser comes back is a time and a random value in a cookie of its own; state, nonce
and verifier are made of it under our secret. So nothing is held here for whoever begins, and what comes back counts in
the browser that began it, for ten minutes. Written on `httpx2` and `joserfc`, which check bearer tokens already: a
library for the flow would bring keys, clients and sessions of its own beside ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from linkage.access.caller import Caller
from linkage.access.sessions import LONGEST
from linkage.access.tokens import TokenAuthenticator
from linkage.model.secret import derived_key
from linkage.server.entrance import Cookie, Entrance
from linkage.server.pages import PAGE_HEADERS
from linkage.server.session import account, told

#: How long signing in may take (seconds).
PATIENCE = 600
SCOPE = "openid profile email"
EXPLORER = "/graphql"
BACK = "GET /session/callback"
NO_STORE = {"Cache-Control": "no-store"}
REFUSED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>linkage</title>
<h1>Not signed in</h1><p>{reason}</p><p><a href="/graphql">Back to the explorer</a></p></html>"""
BEGAN_ELSEWHERE = "This sign-in was not begun in this browser, or longer than ten minutes ago. Begin anew."
NOT_GIVEN = "The identity provider did not sign you in."
NOT_GOOD = "What the identity provider said of you could not be verified. Tell the operator."
NO_ROLE = "The identity provider knows you, but gives you no role in this service. Ask whoever gives out roles there."


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """Signing in at the provider and coming back."""

    entrance: Entrance
    tokens: TokenAuthenticator
    client_id: str
    #: where the browser comes back to
    callback: str
    #: lax, not strict: it must come along when the provider sends the browser back
    cookie: Cookie
    clock: Callable[[], float] = time.time

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        began = f"{int(self.clock())}.{secrets.token_urlsafe(32)}"
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "scope": SCOPE,
            "state": self._made_of(began, "state"),
            "nonce": self._made_of(began, "nonce"),
            "code_challenge": _base64(hashlib.sha256(self._made_of(began, "verifier").encode()).digest()),
            "code_challenge_method": "S256",
        }
        endpoint = await told(self.tokens.provider.endpoint("authorization_endpoint"))
        response = RedirectResponse(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", 303, NO_STORE)
        self.cookie.give(response, began, PATIENCE)
        return response

    async def come_back(self, request: Request) -> Response:
        """Begin a session for whom the provider sends back, or say why not."""
        outcome = await self._outcome(request)
        if isinstance(outcome, str):
            response: Response = HTMLResponse(REFUSED.format(reason=escape(outcome)), 401, PAGE_HEADERS | NO_STORE)
        else:
            await account(request, outcome, BACK)
            identity, _ = self.entrance.begin(request, outcome)
            response = RedirectResponse(EXPLORER, 303, NO_STORE)
            self.entrance.cookie.give(response, identity, LONGEST)
        self.cookie.take(response)
        return response

    async def _outcome(self, request: Request) -> Caller | str:
        """Who came back, or why nobody did."""
        said, began = request.query_params, self.cookie.read(request)
        if began is None or not self._is_recent(began) or not self._is_state(began, said.get("state", "")):
            return BEGAN_ELSEWHERE
        code, issuer = said.get("code"), self.tokens.identities.issuer
        if not code or said.get("iss", issuer) != issuer:
            return NOT_GIVEN
        answered = await told(self._redeem(code, self._made_of(began, "verifier")))
        token = answered.get("id_token") if isinstance(answered, dict) else None
        claims = await told(self.tokens.claims(token, self.client_id)) if isinstance(token, str) else None
        if claims is None or not self._is_meant(claims, self._made_of(began, "nonce")):
            return NOT_GOOD
        return self.tokens.identities.caller_of(claims) or NO_ROLE

    async def _redeem(self, code: str, verifier: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        secret = self.tokens.identities.client_secret
        auth = (quote(self.client_id, safe=""), quote(secret, safe="")) if secret is not None else None
        return await self.tokens.provider.post("token_endpoint", form, auth)

    def _is_meant(self, claims: Mapping[str, Any], nonce: str) -> bool:
        """Whether the token is of this sign-in, and for us alone."""
        said = claims.get("nonce")
        ours = isinstance(said, str) and hmac.compare_digest(said.encode(), nonce.encode())
        return ours and claims.get("azp", self.client_id) == self.client_id

    def _is_recent(self, began: str) -> bool:
        found = re.fullmatch(r"(\d{1,12})\.[\w-]{43}", began, re.ASCII)
        return found is not None and 0 <= self.clock() - int(found[1]) <= PATIENCE

    def _is_state(self, began: str, said: str) -> bool:
        return hmac.compare_digest(said.encode(), self._made_of(began, "state").encode())

    def _made_of(self, began: str, purpose: str) -> str:
        key = derived_key(self.tokens.identities.secret, f"linkage sign-in, {purpose}")
        return _base64(hmac.digest(key, began.encode(), hashlib.sha256))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
