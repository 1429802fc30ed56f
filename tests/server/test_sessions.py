"""Browsers that are signed in: with a key or at a provider, what their cookie is worth, and against which pages."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from linkage.access.keys import KeyRing
from linkage.access.roles import Role
from linkage.audit.log import AuditLog
from linkage.audit.reading import records
from linkage.errors import BadSettings
from linkage.graph.connection import Graph
from linkage.server.app import create_app
from linkage.server.entrance import cookie_of
from linkage.settings import Settings, project_secret
from tests.fake_provider import CLIENT, EC, ED, RSA, FakeProvider, provider

ORIGIN = "https://linkage.example"
PING = {"query": "{ __typename }"}
SOCKET = "wss://linkage.example/graphql"
PROTOCOLS = ["graphql-transport-ws"]
OWN = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
FOREIGN = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://a.linkage.example", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://linkage.example"},
    {"Origin": "https://linkage.example:444"},
    {"Origin": "https://linkage.example.evil.example"},
    {"Origin": "null"},
    {"Origin": "https://["},
]


@pytest.fixture(scope="module")
def listening() -> Iterator[FakeProvider]:
    with provider() as fake:
        yield fake


@pytest.fixture
def fake(listening: FakeProvider) -> FakeProvider:
    listening.publish(RSA, EC, ED)
    listening.instead.clear()
    listening.person = {"sub": "p-17", "preferred_username": "ann", "roles": ["analyst"]}
    return listening


@pytest.fixture(scope="module")
def public(settings: Settings, listening: FakeProvider) -> Settings:
    """The service as browsers reach it, behind a proxy that ends TLS."""
    return Settings.model_validate(
        {
            **settings.model_dump(),
            "host": "0.0.0.0",  # noqa: S104 - nothing listens
            "public_url": ORIGIN,
            "oidc_issuer": listening.issuer,
            "oidc_audience": "linkage",
            "oidc_client_id": CLIENT,
            "oidc_client_secret": "a secret",
        }
    )


@pytest.fixture(scope="module")
def site(small: Graph, public: Settings) -> Iterator[TestClient]:
    app = create_app(public)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False, follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def browser(site: TestClient) -> Iterator[TestClient]:
    """A browser without cookies."""
    site.cookies.clear()
    yield site
    site.cookies.clear()


@pytest.fixture
def ring(settings: Settings) -> KeyRing:
    return KeyRing(settings.data, project_secret(settings.data))


def signed_in(browser: TestClient, ring: KeyRing, role: Role = Role.ANALYST) -> tuple[str, str]:
    """Sign in with a new key; its id, and the session's token."""
    key, text = ring.create("ann", role)
    response = browser.post("/session", json={"key": text}, headers=OWN)
    assert response.status_code == 200
    return key.id, response.json()["token"]


def told(settings: Settings, kind: str) -> list[tuple[str, list[str]]]:
    log = AuditLog(settings.data, project_secret(settings.data))
    return [(one["name"], one["asked"]) for _, one in records(log) if one["kind"] == kind]


def test_a_browser_signs_in_asks_and_signs_out(browser: TestClient, ring: KeyRing, settings: Settings) -> None:
    before = len(told(settings, "session"))
    assert browser.get("/session").json() == {"caller": None, "token": None, "provider": True}
    _, token = signed_in(browser, ring)
    assert browser.get("/session", headers={"Sec-Fetch-Site": "same-origin"}).json() == {
        "caller": {"name": "ann", "role": "analyst"},
        "token": token,
        "provider": True,
    }
    headers = {**OWN, "X-Linkage-Session": token}
    assert browser.post("/graphql", json=PING, headers=headers).status_code == 200
    assert browser.get("/metrics", headers=headers).status_code == 200
    left = browser.delete("/session", headers=OWN)
    assert left.json()["caller"] is None
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert browser.post("/graphql", json=PING, headers=headers).status_code == 401
    assert told(settings, "session")[before:] == [("ann", ["POST /session"]), ("ann", ["DELETE /session"])]


def test_signing_out_ends_the_session_and_not_the_cookie_alone(browser: TestClient, ring: KeyRing) -> None:
    _, token = signed_in(browser, ring)
    stolen = browser.cookies["__Host-linkage-session"]
    browser.delete("/session", headers=OWN)
    headers = {**OWN, "X-Linkage-Session": token, "Cookie": f"__Host-linkage-session={stolen}"}
    assert browser.post("/graphql", json=PING, headers=headers).status_code == 401


def test_the_cookie_is_kept_from_scripts_other_hosts_and_other_sites(browser: TestClient, ring: KeyRing) -> None:
    _, text = ring.create("ann", Role.VIEWER)
    given = browser.post("/session", json={"key": text}, headers=OWN).headers["set-cookie"]
    name, *flags = given.split("; ")
    assert name.startswith("__Host-linkage-session=")
    assert set(flags) == {"Path=/", "Max-Age=28800", "HttpOnly", "SameSite=strict", "Secure"}


def test_on_this_machine_a_cookie_needs_no_tls_and_is_of_one_port(client: TestClient, ring: KeyRing) -> None:
    _, text = ring.create("ann", Role.VIEWER)
    here = {"Origin": "http://127.0.0.1"}
    given = client.post("/session", json={"key": text}, headers=here).headers["set-cookie"]
    assert given.startswith("linkage-session-8410=")
    assert "Secure" not in given
    token = client.get("/session").json()["token"]
    whom = client.get("/session", headers={"Origin": "http://127.0.0.1"}).json()["caller"]
    assert whom == {"name": "ann", "role": "viewer"}
    headers = {**here, "X-Linkage-Session": token}
    forbidden = client.post("/graphql", json={"query": "{ apiKeys { keyId } }"}, headers=headers)
    assert forbidden.status_code == 403
    client.delete("/session", headers=here)
    assert client.get("/session").json()["caller"] == {"name": "demo", "role": "admin"}
    client.cookies.clear()


def test_where_browsers_reach_us_says_whether_a_cookie_needs_tls(settings: Settings) -> None:
    wide = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104 - nothing listens
    in_a_container = wide.model_copy(update={"public_url": "http://127.0.0.1:8410"})
    behind_a_proxy = settings.model_copy(update={"public_url": ORIGIN})
    assert [cookie_of(one, "session").secure for one in (settings, in_a_container)] == [False, False]
    assert [cookie_of(one, "session").secure for one in (wide, behind_a_proxy)] == [True, True]


@pytest.mark.parametrize("revealing", ["{ __typename }", "mutation { revokeApiKey(id: 1) { keyId } }"])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_foreign_page_does_nothing_with_the_cookie_even_if_it_knew_the_token(
    browser: TestClient, ring: KeyRing, foreign: dict[str, str], revealing: str
) -> None:
    _, token = signed_in(browser, ring, Role.ADMIN)
    for headers in (foreign, {**foreign, "X-Linkage-Session": token}):
        assert browser.post("/graphql", json={"query": revealing}, headers=headers).status_code == 401
        assert browser.post("/v1/accounts", content=b"{}", headers=headers).status_code == 401
        assert browser.get("/graphql?query={__typename}", headers=headers).status_code == 401
        assert browser.get("/session", headers=headers).status_code == 403
        assert browser.delete("/session", headers=headers).status_code == 403
    assert browser.get("/session").json()["token"] == token


@pytest.mark.parametrize("token", [None, "", "x", "ü", "{other}"])
def test_the_cookie_alone_or_with_a_wrong_token_is_nobody(
    browser: TestClient, ring: KeyRing, token: str | None
) -> None:
    _, other = signed_in(browser, ring)
    browser.cookies.clear()
    signed_in(browser, ring)
    said = {} if token is None else {"X-Linkage-Session": token.replace("{other}", other).encode()}
    assert browser.post("/graphql", json=PING, headers={**OWN, **said}).status_code == 401
    assert browser.get("/graphql?query={__typename}", headers={**OWN, **said}).status_code == 401
    assert browser.get("/metrics", headers=said).status_code == 401


def test_the_token_without_the_cookie_is_nobody(browser: TestClient, ring: KeyRing) -> None:
    _, token = signed_in(browser, ring)
    browser.cookies.clear()
    for headers in ({"X-Linkage-Session": token}, {"Authorization": f"Bearer {token}"}):
        assert browser.post("/graphql", json=PING, headers={**OWN, **headers}).status_code == 401


def test_a_session_is_no_bearer_token(browser: TestClient, ring: KeyRing) -> None:
    signed_in(browser, ring)
    identity = browser.cookies["__Host-linkage-session"]
    browser.cookies.clear()
    assert browser.post("/graphql", json=PING, headers={"Authorization": f"Bearer {identity}"}).status_code == 401


@pytest.mark.parametrize("foreign", [*FOREIGN, {}])
def test_only_our_own_page_signs_somebody_in(browser: TestClient, ring: KeyRing, foreign: dict[str, str]) -> None:
    _, text = ring.create("mallory", Role.VIEWER)
    response = browser.post("/session", json={"key": text}, headers=foreign)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


def test_a_form_cannot_sign_in(browser: TestClient, ring: KeyRing) -> None:
    _, text = ring.create("ann", Role.VIEWER)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {**OWN, "Content-Type": content_type}
        assert browser.post("/session", content=f'{{"key": "{text}"}}', headers=headers).status_code == 415


@pytest.mark.parametrize("body", [b"null", b"5", b"[]", b'{"key": 5}', b'{"key": ""}', b"\xff", b"[" * 100_000])
def test_what_is_no_key_is_told(browser: TestClient, body: bytes) -> None:
    response = browser.post("/session", content=body, headers={**OWN, "Content-Type": "application/json"})
    assert response.status_code == 400


def test_a_key_that_is_wrong_unknown_expired_or_revoked_is_refused_in_the_same_words(
    browser: TestClient, ring: KeyRing, fake: FakeProvider
) -> None:
    key, text = ring.create("ann", Role.VIEWER)
    revoked, revoked_text = ring.create("bob", Role.VIEWER)
    ring.revoke(revoked.id)
    tried = ["nonsense", f"lk_{'a' * 10}.{'x' * 43}", f"lk_{key.id}.{'x' * 43}", revoked_text, text + "x", fake.token()]
    answers = [browser.post("/session", json={"key": one}, headers=OWN) for one in tried]
    assert {one.status_code for one in answers} == {401}
    assert len({one.text for one in answers}) == 1
    assert not any("set-cookie" in one.headers for one in answers)


def test_a_revoked_key_ends_its_sessions_at_once(browser: TestClient, ring: KeyRing) -> None:
    identity, token = signed_in(browser, ring)
    headers = {**OWN, "X-Linkage-Session": token}
    with browser.websocket_connect(SOCKET, subprotocols=PROTOCOLS, headers=OWN) as socket:
        socket.send_json({"type": "connection_init", "payload": {"session": token}})
        assert socket.receive_json()["type"] == "connection_ack"
        ring.revoke(identity)
        socket.send_json({"type": "subscribe", "id": "1", "payload": PING})
        assert socket.receive_json()["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert browser.post("/graphql", json=PING, headers=headers).status_code == 401
    assert browser.get("/session").json()["caller"] is None


@pytest.mark.parametrize("payload", [{}, {"session": "x"}, {"session": 5}, {"session": None}])
def test_a_socket_needs_the_token_beside_the_cookie(
    browser: TestClient, ring: KeyRing, payload: dict[str, object]
) -> None:
    signed_in(browser, ring)
    with browser.websocket_connect(SOCKET, subprotocols=PROTOCOLS, headers=OWN) as socket:
        socket.send_json({"type": "connection_init", "payload": payload})
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4403


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_foreign_page_opens_no_socket(browser: TestClient, foreign: dict[str, str]) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        browser.websocket_connect(SOCKET, subprotocols=PROTOCOLS, headers=foreign),
    ):
        pass


def test_a_key_in_the_header_goes_before_the_session(browser: TestClient, ring: KeyRing) -> None:
    _, token = signed_in(browser, ring, Role.ADMIN)
    _, viewer = ring.create("bob", Role.VIEWER)
    headers = {**OWN, "X-Linkage-Session": token, "Authorization": f"Bearer {viewer}"}
    assert browser.post("/graphql", json={"query": "{ apiKeys { keyId } }"}, headers=headers).status_code == 403
    headers["Authorization"] = "Bearer wrong"
    assert browser.post("/graphql", json=PING, headers=headers).status_code == 401


def test_a_token_of_the_provider_lets_in_by_its_role(browser: TestClient, fake: FakeProvider) -> None:
    for roles, status in (["admin"], 200), (["viewer"], 403), (["nobody"], 401):
        headers = {"Authorization": f"Bearer {fake.token(roles=roles)}"}
        query = {"query": "{ apiKeys { keyId } }"}
        assert browser.post("/graphql", json=query, headers=headers).status_code == status
    large = {"Authorization": f"Bearer {fake.token(filler='x' * 100_000)}"}
    assert browser.post("/graphql", json=PING, headers=large).status_code == 401


def test_tokens_cannot_be_checked_while_a_provider_was_never_there_and_keys_can(
    small: Graph, public: Settings, ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    away = public.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    _, text = ring.create("ann", Role.VIEWER)
    with FakeAway(away) as opened, caplog.at_level(logging.WARNING):
        refused = opened.post("/graphql", json=PING, headers={"Authorization": f"Bearer {fake_token()}"})
        good = opened.post("/graphql", json=PING, headers={"Authorization": f"Bearer {text}"})
    assert (refused.status_code, good.status_code) == (503, 200)
    assert refused.json()["errors"][0]["extensions"]["code"] == "IDENTITY_PROVIDER_UNAVAILABLE"
    assert "127.0.0.1" not in refused.text


def fake_token() -> str:
    return FakeProvider("http://127.0.0.1:9").token()


class FakeAway(TestClient):
    """The service of a provider that is not there."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(create_app(settings), base_url=ORIGIN, raise_server_exceptions=False)


# ---- signing in at the provider


def begin(browser: TestClient) -> str:
    """Where the browser is sent to, to sign in."""
    response = browser.get("/session/provider")
    assert response.status_code == 303
    return response.headers["location"]


def sent_back(browser: TestClient, fake: FakeProvider) -> dict[str, str]:
    """What the provider sends the browser back with."""
    where = begin(browser)
    _, _, headers = fake.answer("/authorize", {name: one[0] for name, one in parse_qs(urlsplit(where).query).items()})
    return {name: one[0] for name, one in parse_qs(urlsplit(headers["Location"]).query).items()}


def test_somebody_signs_in_at_the_provider(browser: TestClient, fake: FakeProvider, settings: Settings) -> None:
    before = len(told(settings, "session"))
    asked = parse_qs(urlsplit(begin(browser)).query)
    assert asked["redirect_uri"] == [f"{ORIGIN}/session/callback"]
    assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
    response = browser.get("/session/callback", params=sent_back(browser, fake))
    assert (response.status_code, response.headers["location"]) == (303, "/graphql")
    cookies = [one for name, one in response.headers.multi_items() if name == "set-cookie"]
    assert ["SameSite=strict" in one for one in cookies] == [True, False]
    assert "Max-Age=0" in cookies[1]
    form = fake.forms[-1]
    assert form["authorization"] == "Basic " + base64.b64encode(f"{CLIENT}:a%20secret".encode()).decode()
    found = browser.get("/session").json()
    assert found["caller"] == {"name": "ann", "role": "analyst"}
    headers = {**OWN, "X-Linkage-Session": found["token"]}
    assert browser.post("/graphql", json=PING, headers=headers).status_code == 200
    assert told(settings, "session")[before:] == [("ann", ["GET /session/callback"])]


def refused(browser: TestClient, params: dict[str, str], reason: str) -> None:
    response = browser.get("/session/callback", params=params)
    assert response.status_code == 401
    assert reason in response.text
    assert "form-action 'none'" in response.headers["content-security-policy"]
    assert browser.get("/session").json()["caller"] is None


def test_what_another_browser_began_signs_nobody_in(browser: TestClient, fake: FakeProvider) -> None:
    params = sent_back(browser, fake)
    browser.cookies.clear()
    refused(browser, params, "not begun in this browser")
    begin(browser)
    refused(browser, params, "not begun in this browser")


@pytest.mark.parametrize("cookie", ["", "x", "1.x", f"9999999999.{'x' * 43}", f"1.{'x' * 43}", "٣." + "x" * 43])
def test_a_cookie_that_we_did_not_give_signs_nobody_in(browser: TestClient, fake: FakeProvider, cookie: str) -> None:
    params = sent_back(browser, fake)
    browser.cookies.clear()
    response = browser.get(
        "/session/callback", params=params, headers={"Cookie": f"__Host-linkage-sign-in={cookie}".encode()}
    )
    assert response.status_code == 401


def test_a_code_works_once(browser: TestClient, fake: FakeProvider) -> None:
    params = sent_back(browser, fake)
    cookie = browser.cookies["__Host-linkage-sign-in"]
    assert browser.get("/session/callback", params=params).status_code == 303
    browser.cookies.clear()
    headers = {"Cookie": f"__Host-linkage-sign-in={cookie}"}
    assert browser.get("/session/callback", params=params, headers=headers).status_code == 503


def test_what_the_provider_refuses_is_not_echoed(browser: TestClient, fake: FakeProvider) -> None:
    state = sent_back(browser, fake)["state"]
    refused(browser, {"state": state, "error": "<script>"}, "did not sign you in")
    state = sent_back(browser, fake)["state"]
    refused(browser, {"state": state, "code": "x", "iss": "https://evil.example"}, "did not sign you in")


BAD_PERSONS: dict[str, tuple[dict[str, object], str]] = {
    "another's nonce": ({"nonce": "x"}, "could not be verified"),
    "no nonce": ({"nonce": None}, "could not be verified"),
    "for another": ({"aud": "billing"}, "could not be verified"),
    "for our programs": ({"aud": "linkage"}, "could not be verified"),
    "given to another": ({"aud": [CLIENT, "billing"], "azp": "billing"}, "could not be verified"),
    "expired": ({"exp": 1}, "could not be verified"),
    "without a role": ({"roles": ["staff"]}, "no role in this service"),
}


@pytest.mark.parametrize(("person", "reason"), BAD_PERSONS.values(), ids=BAD_PERSONS)
def test_a_token_that_is_not_of_this_sign_in_signs_nobody_in(
    browser: TestClient, fake: FakeProvider, person: dict[str, object], reason: str
) -> None:
    fake.person = {**fake.person, **person}
    refused(browser, sent_back(browser, fake), reason)


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"id_token": 5}', b'{"id_token": "a.b.c"}'])
def test_a_provider_that_answers_without_a_token_signs_nobody_in(
    browser: TestClient, fake: FakeProvider, content: bytes
) -> None:
    params = sent_back(browser, fake)
    fake.instead["/token"] = (200, content)
    refused(browser, params, "could not be verified")


def test_a_service_that_no_browser_reaches_by_name_does_not_start(public: Settings) -> None:
    with pytest.raises(BadSettings, match="could not come back"):
        create_app(public.model_copy(update={"public_url": None}))


def test_without_a_provider_there_is_no_way_to_one(guarded: TestClient) -> None:
    assert guarded.get("/session").json()["provider"] is False
    assert guarded.get("/session/provider").status_code == 404
