"""Ten thousand random operations, by every role, through the whole application over a real Neo4j.

Whatever is asked, the answer is one of GraphQL, an error has a code that is not ours, and nothing shows a value to who
did not have it revealed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from linkage.access.roles import REVEALERS, Role
from linkage.api.schema import build_schema
from linkage.api.types.change import change_cursor
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.planted_world import SAID, Secrets, resolved, secrets, settings, shown
from tests.random_operations import HOSTILE, Maker, Operation

__all__ = ["resolved", "secrets", "settings", "shown"]

pytestmark = pytest.mark.timeout(900)

SCHEMA = build_schema()._schema
SEED = 20_260_301
OPERATIONS = 10_000
AT_ONCE = 8
#: Root fields that are asked more seldom than others, since they write, weigh or resolve.
SELDOM = {"Mutation.startResolution": 0.02, "Mutation.decideMany": 0.5}
SELDOM |= dict.fromkeys(("Query.previewDecision", "Query.previewUndo", "Query.previewWithdrawal"), 5)
MUTATION, QUERY = 3, 40
#: Codes of errors that callers can mend.
CALLERS = {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "FORBIDDEN", "NOT_FOUND", "CONFLICT"}

SAMPLES = """{ clusters(first: 5) { edges { cursor node { id clusterId
      members(first: 3) { nodes { id subjectId } } identifiers(first: 2) { nodes { id kind
      value(reveal: true, purpose: "a sample") } } } } }
    accounts(first: 1) { edges { cursor } } decisions(first: 1) { nodes { id } } resolutions(first: 1) { nodes { id } }
  }"""


def rows(root: str) -> list[str]:
    return [f"{root}.{name}" for name in SCHEMA.type_map[root].fields]  # type: ignore[attr-defined]


def samples(data: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """What leads to something, by the name of an argument or by its type; no value that is looked for."""
    clusters = [edge["node"] for edge in data["clusters"]["edges"]]
    members = [member for one in clusters for member in one["members"]["nodes"]]
    identifiers = [identifier for one in clusters for identifier in one["identifiers"]["nodes"]]
    accounts = [member["subjectId"] for member in members]
    cursors = [edge["cursor"] for edge in (*data["clusters"]["edges"], *data["accounts"]["edges"])]
    decisions, resolutions = ([one["id"] for one in data[name]["nodes"]] for name in ("decisions", "resolutions"))
    clues = [one["id"] for one in (*clusters, *members, *identifiers)] + decisions + resolutions
    return {
        "accountId": accounts,
        "organisationId": ["o-planted"],
        "kind": sorted({one["kind"] for one in identifiers}),
        "after": [*cursors, change_cursor(0)],
        "before": cursors,
        "value": [one["value"] for one in identifiers],
        "cluster": [clusters[0]["id"], clusters[0]["clusterId"]],
        "left": [one["subjectId"] for one in clusters[0]["members"]["nodes"]],
        "right": [one["subjectId"] for one in clusters[0]["members"]["nodes"]],
        "text": [*accounts, "o-planted", "example", "a b"],
        "purpose": ["case 17"],
        "ID": [*clues, *accounts, *(f"account:{one}" for one in accounts)],
        "String": ["x", "ann", "2026", "10.0.0.1", "a@b.example"],
    }


def faults(operation: Operation, role: Role, response: httpx2.Response, secrets: Secrets) -> list[str]:
    """What is wrong with an answer."""
    if response.status_code >= 500:
        return [f"{response.status_code}: {response.text[:300]}"]
    answer = response.json()
    found = [] if "data" in answer or "errors" in answer else ["neither data nor errors"]
    codes = {str((error.get("extensions") or {}).get("code")) for error in answer.get("errors", ())}
    found += [f"code {code}: {response.text[:300]}" for code in codes - CALLERS]
    if not (operation.reveals and role in REVEALERS):
        spoken = {SAID, "quastenflosser@example.com"} if role in REVEALERS else set()
        found += [f"shows {leak!r}" for leak in secrets.leaks(response.text) if leak not in spoken]
    return found


async def asked(
    app: Starlette, operations: Sequence[tuple[Role, Operation]], shown: dict[Role, str], secrets: Secrets
) -> tuple[list[tuple[Role, Operation, list[str]]], Counter[str]]:
    """The operations whose answers have faults, and how often each root field was answered with data."""
    wrong: list[tuple[Role, Operation, list[str]]] = []
    answered: Counter[str] = Counter()
    late: list[tuple[Role, Operation]] = []
    waiting = iter(operations)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://linkage.example", timeout=60) as client:

        async def ask(role: Role, operation: Operation) -> httpx2.Response:
            body = {"query": operation.query, "variables": operation.variables}
            return await client.post("/graphql", json=body, headers={"Authorization": shown[role]})

        def judge(role: Role, operation: Operation, response: httpx2.Response) -> None:
            found = faults(operation, role, response, secrets)
            if found:
                wrong.append((role, operation, found))
            elif any((response.json().get("data") or {}).values()):
                answered[operation.row] += 1

        async def some() -> None:
            for role, operation in waiting:
                response = await ask(role, operation)
                if "DATABASE_UNAVAILABLE" in response.text:
                    late.append((role, operation))
                else:
                    judge(role, operation, response)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        # What a busy machine kept past Neo4j's deadline is asked again, alone.
        for role, operation in late:
            judge(role, operation, await ask(role, operation))
    return wrong, answered


def test_no_random_operation_meets_an_error_of_ours_or_a_value_that_is_hidden(
    settings: Settings, shown: dict[Role, str], secrets: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="linkage")
    chance = random.Random(SEED)  # noqa: S311 - the same operations every time
    wide = settings.model_copy(update={"host": "0.0.0.0", "rate": 1000.0})  # noqa: S104 - nothing listens
    with TestClient(create_app(wide), base_url="http://linkage.example") as client:
        headers = {"Authorization": shown[Role.ADMIN]}
        clues = client.post("/graphql", json={"query": SAMPLES}, headers=headers).json()["data"]
        given = samples(clues)
        hidden = Secrets(set(secrets.values) - set(given["value"]))
        maker = Maker(SCHEMA, chance, given)
        asking = rows("Query") + rows("Mutation")
        shares = [SELDOM.get(row, QUERY if row.startswith("Query") else MUTATION) for row in asking]
        # Each root field for each role at least once, then by their shares.
        plan = [(role, row) for row in asking for role in Role]
        plan += [(chance.choice(list(Role)), row) for row in chance.choices(asking, shares, k=OPERATIONS - len(plan))]
        operations = [(role, maker.operation(row)) for role, row in plan]
        assert client.portal is not None
        wrong, answered = client.portal.call(asked, client.app, operations, shown, hidden)
        metrics = client.get("/metrics", headers=headers).text
    assert len(operations) == OPERATIONS
    assert [(role, one.query, one.variables, found) for role, one, found in wrong[:5]] == []
    # What others decided meanwhile may leave nothing to take back or to undo.
    unanswered = {row for row in rows("Query") if not answered[row]}
    assert unanswered <= {"Query.previewRetraction", "Query.previewUndo"}
    assert hidden.leaks(caplog.text) == []
    assert hidden.leaks(metrics) == []
    assert [text for text in HOSTILE if len(text) > 5 and text in caplog.text] == []
