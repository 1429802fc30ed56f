"""`linkage erase` and `linkage ledger retain`, over a ring that was resolved; and the same through GraphQL."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from linkage.audit.log import AuditLog
from linkage.audit.reading import is_of, newest_first
from linkage.cli import erase, ledger
from linkage.errors import NotFound
from linkage.graph.connection import Connection, Graph
from linkage.service import Service
from linkage.settings import Settings, project_secret
from tests.projected_ledger import served
from tests.small_service import name_project
from tests.small_world import clusters, linked_project

WHY = "request 17 of account:c"


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return linked_project(tmp_path_factory.mktemp("project"), neo4j, "abc", "de")


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    name_project(settings, monkeypatch)
    made = typer.Typer()
    erase.register(made)
    ledger.register(made)
    return made


def about(settings: Settings, name: str) -> list[dict[str, object]]:
    """The audit's records about somebody, newest first."""
    log = AuditLog(settings.data, project_secret(settings.data))
    return [record for record in newest_first(log) if is_of(record, caller=None, about=log.name_of(name))]


def test_a_subject_is_shown_asked_for_erased_and_accounted(app: typer.Typer, settings: Settings) -> None:
    run = CliRunner().invoke
    assert run(app, ["erase", "account:c"]).exit_code == 2
    assert run(app, ["erase", "identifier", "email", "--reason", WHY]).exit_code == 2
    foreseen = json.loads(run(app, ["erase", "account:c", "--dry-run", "--json"]).stdout)
    assert {"table": "observations", "removed": 2, "changed": 0} in foreseen["tables"]
    assert foreseen["erasure"] is None
    refused = run(app, ["erase", "account:c", "--reason", WHY], input="n\n")
    assert refused.exit_code == 1
    assert about(settings, "account:c") == []
    done = run(app, ["erase", "account:c", "--reason", WHY, "--yes"])
    assert done.exit_code == 0, done.output
    assert "observations" in done.stdout
    assert "linkage resolve --out" in " ".join(done.stderr.split())
    (record,) = about(settings, "account:c")
    assert (record["asked"], record["purpose"]) == (["erase"], ["request 17 of [erased]"])
    with Service.open(settings) as service:
        assert clusters(service) == {"ab", "de"}
    assert isinstance(run(app, ["erase", "account:c", "--reason", WHY, "--yes"]).exception, NotFound)
    assert "Nothing is older" in run(app, ["ledger", "retain", "--dry-run"]).stdout


def test_an_admin_erases_through_graphql(settings: Settings) -> None:
    effect = "{ erasureId tables { table removed changed } left outside }"
    with served(settings) as api:
        asked = f'{{ previewErasure(of: {{subject: "account:c"}}) {effect} }}'
        foreseen = api.data(asked)["previewErasure"]
        assert foreseen["erasureId"] is None
        mutation = f'mutation {{ requestErasure(of: {{subject: "c"}}, reason: "{WHY}") {effect} }}'
        done = api.data(mutation)["requestErasure"]
        assert {row["table"] for row in done["tables"]} >= {row["table"] for row in foreseen["tables"]}
        assert "Neo4j's own files" in done["left"][0]
        assert api.error(mutation)[0] == "NOT_FOUND"
        assert api.error(mutation.replace('subject: "c"', 'kind: "ip"'))[0] == "BAD_USER_INPUT"
        assert api.data('{ account(accountId: "c") { id } }') == {"account": None}
    assert about(settings, "account:c")[0]["purpose"] == ["request 17 of [erased]"]
    with Service.open(settings) as service:
        assert clusters(service) == {"ab", "de"}
