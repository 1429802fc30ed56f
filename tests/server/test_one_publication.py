"""While publications come in one after another, no answer mixes two of them."""

# ruff: noqa: F811 - fixtures are imported
from __future__ import annotations

import threading
from itertools import cycle

from linkage.model import PublicationKind
from linkage.service import Service
from linkage.service.resolving import settle
from tests.projected_ledger import LETTERS, api, service, settings  # noqa: F401 - fixtures
from tests.publications import desk_of, found, link, observe, parts_held
from tests.small_service import Api

#: What is published in turn.
STATES = (("abcd", "efgh"), ("ab", "cdefgh"), ("abcdefgh",), ("abc", "de", "fgh"))
QUESTION = """{ clusters(first: 10) { totalCount nodes {
  size members(first: 20) { edges { node { subjectId cluster { clusterId size } } } }
  how(first: 20) { nodes { left right } } } } }"""


def test_no_answer_mixes_two_publications(service: Service, api: Api) -> None:
    ledger = service.ledger
    observe(ledger, *LETTERS)
    settle(desk_of(ledger, service.settings.data), found(ledger, 1, *STATES[0]))
    service.catch_up()
    answers: list[dict] = []
    through = threading.Event()

    def ask() -> None:
        while not through.is_set() or len(answers) < 20:
            answer = api.post(QUESTION)
            if "errors" in answer:  # it was asked again so often, and each time was overtaken
                assert answer["errors"][0]["extensions"]["code"] == "CONFLICT"
            else:
                answers.append(answer["data"]["clusters"])

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number, parts in zip(range(30), cycle(STATES[1:] + STATES[:1]), strict=False):
        link(ledger, f"dc_{number}", *parts, kind=PublicationKind.DECISION)
        service.catch_up()
    through.set()
    for reader in readers:
        reader.join()

    known = {frozenset(state) for state in STATES}
    seen = set()
    for answer in answers:
        parts = []
        for cluster in answer["nodes"]:
            members = {
                edge["node"]["subjectId"]: edge["node"]["cluster"]["size"] for edge in cluster["members"]["edges"]
            }
            assert cluster["size"] == len(members)
            assert set(members.values()) == {len(members)}
            ends = {
                end.removeprefix("account:") for one in cluster["how"]["nodes"] for end in (one["left"], one["right"])
            }
            assert ends <= set(members)
            parts.append("".join(sorted(members)))
        assert answer["totalCount"] == len(parts)
        assert frozenset(parts) in known
        seen.add(frozenset(parts))
    assert len(seen) > 1
    assert set(parts_held(ledger).values()) in [set(state) for state in STATES]
