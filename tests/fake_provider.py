"""An identity provider on this machine: discovery, keys, authorization code flow; it says what a test has it say."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from linkage.access.tokens import Pinned

AUDIENCE = "linkage"
CLIENT = "linkage-explorer"
#: Made once: keys of 2,048 bits take a while.
RSA = RSAKey.generate_key(2_048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}


@dataclass(slots=True)
class FakeProvider:
    """What it holds, and what it was asked."""

    issuer: str
    keys: list[dict[str, Any]] = field(default_factory=list)
    #: path → status and content, said instead of what is true
    instead: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    #: who signs in next
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "p-17", "preferred_username": "ann"})
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def publish(self, *keys: Key) -> None:
        """Sign with these from now on."""
        self.keys = [key.as_dict(private=False) for key in keys]

    def token(self, key: Key = RSA, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token for us, good for five minutes, with these claims in the place of its own; None: without."""
        now = int(time.time())
        held = {"iss": self.issuer, "aud": AUDIENCE, "sub": "p-17", "iat": now, "exp": now + 300, "roles": ["analyst"]}
        held = {name: value for name, value in {**held, **claims}.items() if value is not None}
        whole = {"alg": ALGORITHMS.get(str(key.kid), "RS256"), "kid": key.kid, **(header or {})}
        named = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(named, held, key, registry=Pinned())

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        if path in self.instead:
            status, content = self.instead[path]
            return status, content, {"Location": f"{self.issuer}/jwks"}
        if path == "/authorize":
            code = secrets.token_urlsafe(8)
            self.codes[code] = query
            back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
            return 302, b"", {"Location": f"{query['redirect_uri']}?{back}"}
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        contents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                **{name: f"{self.issuer}/{end}" for name, end in names.items()},
            },
            "/jwks": {"keys": self.keys},
        }
        return (200, json.dumps(contents[path]).encode(), {}) if path in contents else (404, b"", {})

    def redeem(self, form: dict[str, str]) -> tuple[int, bytes]:
        """The id token for a code, to whoever knows the verifier."""
        self.forms.append(form)
        if "/token" in self.instead:
            return self.instead["/token"]
        begun = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if begun is None or challenge != begun["code_challenge"] or form["redirect_uri"] != begun["redirect_uri"]:
            return 400, b'{"error": "invalid_grant"}'
        claims = {"aud": begun["client_id"], "nonce": begun["nonce"], **self.person}
        return 200, json.dumps({"id_token": self.token(**claims)}).encode()


def _handler(provider: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            self._say(*provider.answer(parts.path, _flat(parts.query)))

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            form = _flat(self.rfile.read(int(self.headers["content-length"])).decode())
            self._say(*provider.redeem({**form, "authorization": self.headers.get("authorization", "")}), {})

        def _say(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *parts: object) -> None:
            pass

    return Handler


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def provider() -> Iterator[FakeProvider]:
    """The provider, listening on the loopback."""
    fake = FakeProvider("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    fake.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    fake.publish(RSA, EC, ED)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
