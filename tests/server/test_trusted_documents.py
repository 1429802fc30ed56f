"""Programs send what is listed and nothing else; people ask what they like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from linkage.access.roles import Role
from linkage.api.documents import document_id
from linkage.cli import build
from linkage.errors import BadSettings
from linkage.graph.connection import Graph
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.transports import TRANSPORTS, Operation, code_of

LISTED = "query Accounts { statistics { accounts } }\n"
LOOK_UP = "query LookUp($id: String!) { account(accountId: $id) { accountId } }"
OTHER = "{ statistics { accounts } }"
INVESTIGATIONS = Path(__file__).parents[2] / "web" / "investigations"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "accounts.graphql").write_text(LISTED)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "look-up.graphql").write_text(LOOK_UP)
    return folder


@pytest.fixture(scope="module")
def trusting(small: Graph, settings: Settings, listed: Path) -> Iterator[TestClient]:
    """The application with a list of trusted documents."""
    wide = settings.model_copy(update={"host": "0.0.0.0", "trusted_documents": listed})  # noqa: S104 - nothing listens
    with TestClient(create_app(wide), base_url="http://linkage.example", raise_server_exceptions=False) as opened:
        yield opened


def by_apollo(text: str) -> Operation:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document_id(text)}}}


def by_id(text: str) -> Operation:
    return {"documentId": document_id(text)}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("role", [Role.SERVICE, Role.VIEWER])
def test_a_listed_document_is_sent_by_its_id_or_as_its_text(
    trusting: TestClient, keys: dict[Role, str], transport: str, role: Role
) -> None:
    ask = TRANSPORTS[transport]
    for operation in (
        {"query": LISTED},
        by_id(LISTED),
        by_apollo(LISTED),
        {"documentId": f"sha256:{document_id(LISTED)}"},
    ):
        answer = ask(trusting, keys[role], operation)
        assert code_of(answer) is None
        assert answer["data"] == {"statistics": {"accounts": 6}}
    looked_up = ask(trusting, keys[role], by_id(LOOK_UP) | {"variables": {"id": "a1"}, "operationName": "LookUp"})
    assert looked_up["data"] == {"account": {"accountId": "a1"}}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_text_that_is_not_listed_is_refused_for_programs_alone(
    trusting: TestClient, keys: dict[Role, str], transport: str
) -> None:
    ask = TRANSPORTS[transport]
    for text in (OTHER, LISTED + " ", "{ nothing }", "{ __schema { types { name } } }"):
        refused = ask(trusting, keys[Role.SERVICE], {"query": text})
        assert code_of(refused) == "FORBIDDEN"
        assert refused.get("data") is None
        assert "nothing" not in str(refused)
    assert code_of(ask(trusting, keys[Role.VIEWER], {"query": OTHER})) is None


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("role", [Role.SERVICE, Role.VIEWER])
def test_an_id_that_is_not_listed_is_told_as_such(
    trusting: TestClient, keys: dict[Role, str], transport: str, role: Role
) -> None:
    for operation in (by_id(OTHER), by_apollo(OTHER), {"documentId": "x"}):
        answer = TRANSPORTS[transport](trusting, keys[role], operation)
        assert code_of(answer) == "PERSISTED_QUERY_NOT_FOUND"
        assert answer.get("data") is None


def test_a_text_that_comes_with_another_id_counts_as_text(trusting: TestClient, keys: dict[Role, str]) -> None:
    body = {"query": OTHER, **by_id(LISTED)}
    assert trusting.post("/graphql", json=body, headers={"Authorization": keys[Role.SERVICE]}).status_code == 403


def test_a_listed_document_may_be_asked_by_get(trusting: TestClient, keys: dict[Role, str]) -> None:
    headers = {"Authorization": keys[Role.SERVICE]}
    for parameters in (by_id(LISTED), {"extensions": json.dumps(by_apollo(LISTED)["extensions"])}):
        answer = trusting.get("/graphql", params=parameters, headers=headers).json()
        assert answer["data"] == {"statistics": {"accounts": 6}}


def test_without_a_list_an_id_names_nothing_and_nobody_is_bound(guarded: TestClient, keys: dict[Role, str]) -> None:
    ask = TRANSPORTS["HTTP"]
    assert code_of(ask(guarded, keys[Role.SERVICE], by_id(LISTED))) == "PERSISTED_QUERY_NOT_FOUND"
    assert code_of(ask(guarded, keys[Role.SERVICE], {"query": OTHER})) is None


def test_programs_do_not_ask_for_the_schema(guarded: TestClient, keys: dict[Role, str]) -> None:
    for text in ("{ __schema { types { name } } }", '{ __type(name: "Account") { name } }'):
        assert code_of(TRANSPORTS["HTTP"](guarded, keys[Role.SERVICE], {"query": text})) == "FORBIDDEN"
        assert code_of(TRANSPORTS["HTTP"](guarded, keys[Role.VIEWER], {"query": text})) is None


def test_the_command_writes_a_list_that_serves_as_the_folder_does(tmp_path: Path, settings: Settings) -> None:
    out = tmp_path / "trusted.json"
    told = CliRunner().invoke(build(), ["documents", str(INVESTIGATIONS), "--out", str(out)])
    assert told.exit_code == 0, told.output
    texts = {document_id(path.read_text()): path.read_text() for path in INVESTIGATIONS.glob("*.graphql")}
    assert json.loads(out.read_text()) == texts
    assert {line.split()[0] for line in told.stdout.splitlines()} == set(texts)
    bounds = create_app(settings.model_copy(update={"trusted_documents": out})).state.bounds
    assert bounds.documents.texts == texts


def test_everything_that_is_wrong_with_a_list_is_told_at_once(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.graphql").write_text("{ nothing }")
    (folder / "b.graphql").write_text("{")
    (folder / "c.graphql").write_text("fragment F on Query { __typename }")
    (folder / "d.graphql").write_text("{ clusters(first: 900) { nodes { id } } }")
    (folder / "e.graphql").write_text(LISTED)
    with pytest.raises(BadSettings) as refused:
        create_app(settings.model_copy(update={"trusted_documents": folder}))
    assert [line.partition(":")[0] for line in refused.value.details] == [f"{name}.graphql" for name in "abcd"]


@pytest.mark.parametrize("content", [None, "nonsense", "[]", '{"a": 5}', '{"a": "{ statistics { accounts } }"}'])
def test_what_is_no_list_is_told(tmp_path: Path, settings: Settings, content: str | None) -> None:
    path = tmp_path / "trusted.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadSettings, match=r"trusted\.json"):
        create_app(settings.model_copy(update={"trusted_documents": path}))
