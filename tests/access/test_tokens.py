"""Tokens of an identity provider: which are good, and each way in which they are not."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import Key, OctKey, RSAKey

from linkage.access import provider as network
from linkage.access.caller import Caller
from linkage.access.identities import Identities
from linkage.access.provider import PAUSE, STALE, Provider, is_trusted
from linkage.access.roles import Role
from linkage.access.tokens import ALGORITHMS, LONGEST, TokenAuthenticator
from linkage.errors import IdentityProviderUnavailable
from tests.fake_provider import AUDIENCE, EC, ED, RSA, FakeProvider, provider

SECRET = b"s" * 32
NOW = int(time.time())
STRANGER = RSAKey.generate_key(2_048, {"kid": "rsa"})


@pytest.fixture(scope="module")
def listening() -> Iterator[FakeProvider]:
    with provider() as fake:
        yield fake


@pytest.fixture
def fake(listening: FakeProvider) -> FakeProvider:
    listening.publish(RSA, EC, ED)
    listening.asked.clear()
    listening.instead.clear()
    return listening


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def identities(fake: FakeProvider, **more: Any) -> Identities:
    told: dict[str, Any] = {
        "issuer": fake.issuer,
        "audience": AUDIENCE,
        "client_id": None,
        "client_secret": None,
        "role_claim": "roles",
        "name_claim": "preferred_username",
        "roles": {role.value: role for role in Role},
        "secret": SECRET,
    }
    return Identities(**{**told, **more})


def authenticator(fake: FakeProvider, clock: Clock | None = None, **more: Any) -> TokenAuthenticator:
    return TokenAuthenticator(identities(fake, **more), Provider(fake.issuer, clock or Clock()))


def let_in(known: TokenAuthenticator, token: str) -> Caller | None:
    return asyncio.run(known.caller(token))


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=lambda key: str(key.kid))
def test_a_good_token_makes_a_caller_with_the_role_of_its_claim(fake: FakeProvider, key: Key) -> None:
    caller = let_in(authenticator(fake), fake.token(key, preferred_username="ann"))
    assert caller is not None
    assert (caller.name, caller.role) == ("ann", Role.ANALYST)


def test_a_callers_id_is_of_issuer_and_subject_and_says_neither(fake: FakeProvider) -> None:
    known = authenticator(fake)
    ids = [let_in(known, fake.token(sub=sub)) for sub in ("ann@example.com", "ann@example.com", "bob@example.com")]
    found = [caller.id for caller in ids if caller is not None]
    assert found[0] == found[1] != found[2]
    assert all(one.startswith("oidc:") and "example" not in one for one in found)
    elsewhere = identities(fake, issuer="https://other.example").caller_of(
        {"sub": "ann@example.com", "roles": "viewer"}
    )
    assert elsewhere is not None
    assert elsewhere.id != found[0]


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"roles": ["viewer", "analyst", "unknown", 5]}, Role.ANALYST),
        ({"roles": "offline viewer"}, Role.VIEWER),
        ({"roles": "fraud leads"}, Role.ADMIN),
        ({"roles": []}, None),
        ({"roles": {"admin": True}}, None),
        ({"roles": None}, None),
        ({}, None),
    ],
)
def test_the_most_that_the_claim_gives_is_the_role(
    fake: FakeProvider, claims: dict[str, object], role: Role | None
) -> None:
    roles = {**{one.value: one for one in Role}, "fraud leads": Role.ADMIN}
    assert identities(fake, roles=roles).role_of(claims) is role


def test_a_claim_may_lie_deeper_or_have_dots_in_its_name(fake: FakeProvider) -> None:
    deep = identities(fake, role_claim="realm_access.roles")
    assert deep.role_of({"realm_access": {"roles": ["viewer"]}}) is Role.VIEWER
    assert deep.role_of({"realm_access": ["viewer"]}) is None
    named = identities(fake, role_claim="https://linkage.example/roles")
    assert named.role_of({"https://linkage.example/roles": ["viewer"]}) is Role.VIEWER


def test_who_has_no_role_here_and_who_has_no_good_name(fake: FakeProvider) -> None:
    known = authenticator(fake)
    assert let_in(known, fake.token(roles=["staff"])) is None
    caller = let_in(known, fake.token(preferred_username="a\nn\x1b" + "n" * 500))
    assert caller is not None
    assert caller.name == "a" + "n" * 99


BAD_CLAIMS: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "issuers": {"iss": ["x"]},
    "another audience": {"aud": "billing"},
    "no audience": {"aud": None},
    "an audience that is no text": {"aud": [5]},
    "expired": {"exp": NOW - 600},
    "never expires": {"exp": None},
    "expires in words": {"exp": "never"},
    "expires at infinity": {"exp": float("inf")},
    "expires at no number": {"exp": float("nan")},
    "not yet good": {"nbf": NOW + 600},
    "issued in the future": {"iat": NOW + 600},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 5},
}


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_token_with_bad_claims_lets_nobody_in(fake: FakeProvider, claims: dict[str, object]) -> None:
    assert let_in(authenticator(fake), fake.token(**claims)) is None


def test_the_operator_is_told_which_claim_does_not_fit_and_nothing_of_it(
    fake: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    known = authenticator(fake)
    for claims, told in (({"aud": "planted"}, "aud"), ({"roles": ["planted"]}, "no role")):
        caplog.clear()
        let_in(known, fake.token(**claims))
        assert told in caplog.text
        assert "planted" not in caplog.text


def test_what_strangers_send_fills_no_log(fake: FakeProvider, caplog: pytest.LogCaptureFixture) -> None:
    known = authenticator(fake)
    for attack in ATTACKS.values():
        let_in(known, attack(fake))
    assert caplog.records == []


def test_clocks_may_be_a_little_apart(fake: FakeProvider) -> None:
    assert let_in(authenticator(fake), fake.token(exp=int(time.time()) - 20, nbf=int(time.time()) + 20)) is not None


def test_one_of_several_audiences_may_be_us(fake: FakeProvider) -> None:
    assert let_in(authenticator(fake), fake.token(aud=["billing", AUDIENCE])) is not None


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def unsigned(fake: FakeProvider, algorithm: str) -> str:
    return f"{part({'alg': algorithm, 'kid': 'rsa'})}.{fake.token().split('.')[1]}."


def confused(fake: FakeProvider, algorithm: str = "HS256") -> str:
    """Signed with the public key as if it were a shared secret."""
    public = RSA.as_pem(private=False)
    payload = base64.urlsafe_b64decode(fake.token().split(".")[1] + "==")
    header = {"alg": algorithm, "kid": "rsa"}
    secret = OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    return jws.serialize_compact(header, payload, secret, algorithms=["HS256", "HS512"])


def swapped(fake: FakeProvider) -> str:
    """The signature of one token under the claims of another."""
    head, _, signature = fake.token().split(".")
    return f"{head}.{fake.token(roles=['admin']).split('.')[1]}.{signature}"


def demanding(fake: FakeProvider) -> str:
    head, claims, signature = fake.token().split(".")
    held = json.loads(base64.urlsafe_b64decode(head + "=="))
    return f"{part({**held, 'crit': ['exp'], 'exp': 1})}.{claims}.{signature}"


def signed(payload: bytes) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, payload, RSA)


ATTACKS: dict[str, Callable[[FakeProvider], str]] = {
    "alg none": lambda fake: unsigned(fake, "none"),
    "alg None": lambda fake: unsigned(fake, "None"),
    "no alg": lambda fake: f"{part({'kid': 'rsa'})}.{fake.token().split('.')[1]}.x",
    "key confusion": confused,
    "key confusion, longer": lambda fake: confused(fake, "HS512"),
    "another's key under our key's name": lambda fake: fake.token(STRANGER),
    "its own key in jwk": lambda fake: fake.token(STRANGER, {"jwk": STRANGER.as_dict(private=False)}),
    "its own keys at jku": lambda fake: fake.token(STRANGER, {"jku": f"{fake.issuer}/evil"}),
    "a good key and jku": lambda fake: fake.token(RSA, {"jku": f"{fake.issuer}/evil"}),
    "its own chain at x5u": lambda fake: fake.token(STRANGER, {"x5u": f"{fake.issuer}/evil"}),
    "demands what we do not know": demanding,
    "an unknown key": lambda fake: fake.token(RSA, {"kid": "../../etc/passwd"}),
    "no key where there are several": lambda fake: fake.token(RSA, {"kid": None}),
    "a kid that is no text": lambda fake: f"{part({'alg': 'RS256', 'kid': ['rsa']})}.e30.x",
    "another algorithm than the key's": lambda fake: f"{part({'alg': 'ES256', 'kid': 'rsa'})}.e30.AAAA",
    "claims swapped": swapped,
    "claims that are a list": lambda fake: signed(b"[]"),
    "claims that are no JSON": lambda fake: signed(b"\xff"),
    "a header that is a list": lambda fake: f"{part([])}.e30.x",
    "a header of great depth": lambda fake: base64.urlsafe_b64encode(b"[" * 5_000).decode() + ".e30.x",
    "encrypted": lambda fake: f"{part({'alg': 'RSA-OAEP', 'enc': 'A256GCM', 'kid': 'rsa'})}.a.b.c.d",
    "two parts": lambda fake: "a.b",
    "empty parts": lambda fake: "..",
    "no ASCII": lambda fake: "ü.ü.ü",
    "100 KB": lambda fake: fake.token(filler="x" * 100_000),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_lets_nobody_in_and_fetches_nothing_it_names(
    fake: FakeProvider, attack: Callable[[FakeProvider], str]
) -> None:
    assert let_in(authenticator(fake), attack(fake)) is None
    assert set(fake.asked) <= {"/.well-known/openid-configuration", "/jwks"}


def test_only_algorithms_of_public_keys_are_known() -> None:
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name == "none"]


def test_what_is_too_long_is_not_looked_at(fake: FakeProvider) -> None:
    let_in(authenticator(fake), fake.token(filler="x" * LONGEST))
    assert fake.asked == []


def test_without_an_audience_no_token_is_one(fake: FakeProvider) -> None:
    assert let_in(authenticator(fake, audience=None), fake.token()) is None


def test_keys_are_fetched_once_and_again_for_an_unknown_one_after_a_pause(fake: FakeProvider) -> None:
    clock = Clock()
    known = authenticator(fake, clock)
    assert let_in(known, fake.token()) is not None
    assert let_in(known, fake.token()) is not None
    assert fake.asked.count("/jwks") == 1
    for name in ("a", "b", "c"):
        assert let_in(known, fake.token(RSA, {"kid": name})) is None
    assert fake.asked.count("/jwks") == 1
    clock.now += PAUSE
    renewed = RSAKey.generate_key(2_048, {"kid": "renewed"})
    fake.publish(renewed)
    assert let_in(known, fake.token(renewed)) is not None
    assert let_in(known, fake.token()) is None
    assert fake.asked.count("/jwks") == 2


def test_keys_serve_on_for_a_day_while_the_provider_is_away(
    fake: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    known = authenticator(fake, clock)
    assert let_in(known, fake.token()) is not None
    fake.instead["/.well-known/openid-configuration"] = (500, b"")
    clock.now += STALE - 1
    with caplog.at_level(logging.WARNING):
        assert let_in(known, fake.token()) is not None
    assert "answered 500" in caplog.text
    clock.now += PAUSE
    with pytest.raises(IdentityProviderUnavailable):
        let_in(known, fake.token())


WRONG_ANSWERS: dict[str, tuple[str, int, bytes]] = {
    "an error": ("/.well-known/openid-configuration", 500, b""),
    "a redirect": ("/jwks", 302, b""),
    "no JSON": ("/.well-known/openid-configuration", 200, b"<html>"),
    "a list": ("/.well-known/openid-configuration", 200, b"[]"),
    "another issuer": ("/.well-known/openid-configuration", 200, b'{"issuer": "https://evil.example"}'),
    "no keys": ("/jwks", 200, b"{}"),
    "too much": ("/jwks", 200, b" " * (network.LARGEST + 1)),
    "great depth": ("/jwks", 200, b"[" * 100_000),
}


@pytest.mark.parametrize(("path", "status", "content"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_what_cannot_be_the_providers_is_not_taken(fake: FakeProvider, path: str, status: int, content: bytes) -> None:
    fake.instead[path] = (status, content)
    with pytest.raises(IdentityProviderUnavailable):
        let_in(authenticator(fake), fake.token())


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://evil.example/jwks", "ftp://x/y", 5, "https://a@b/"])
def test_keys_are_not_fetched_from_where_others_could_read_or_write(fake: FakeProvider, address: object) -> None:
    document = json.dumps({"issuer": fake.issuer, "jwks_uri": address}).encode()
    fake.instead["/.well-known/openid-configuration"] = (200, document)
    with pytest.raises(IdentityProviderUnavailable):
        let_in(authenticator(fake), fake.token())


def test_an_issuer_of_the_network_is_asked_by_https_only() -> None:
    assert is_trusted("https://id.example", "https://keys.example/jwks")
    assert not is_trusted("https://id.example", "http://id.example/jwks")


def test_keys_that_prove_nothing_are_left_out(fake: FakeProvider) -> None:
    weak = {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")}
    shared = {**OctKey.generate_key(256).as_dict(), "kid": "shared"}
    encrypting = {**RSA.as_dict(private=False), "kid": "encrypting", "use": "enc"}
    broken = {"kty": "RSA", "kid": "broken", "n": 5}
    fake.keys = [weak, shared, encrypting, broken, RSA.as_dict(private=False)]
    known = authenticator(fake)
    assert let_in(known, fake.token(RSA, {"kid": None})) is not None
    assert set(asyncio.run(known.provider._now(None)).keys) == {"rsa"}
