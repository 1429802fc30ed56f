"""The graph says what the ledger says, whatever is done twice, cut off or done at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from linkage.errors import Conflict
from linkage.graph import projection
from linkage.graph.checksums import SECTIONS, compare, rows_of
from linkage.graph.connection import Graph
from linkage.graph.projection import Projector
from tests.graph.ledger_rows import Story, at, small_story

SECRET = b"s" * 32


def differences(graph: Graph, story: Story) -> list[str]:
    connection, now = story.views()
    with connection:
        return compare(graph, connection, now)


def content(graph: Graph) -> dict[str, list[object]]:
    """Everything that is compared, in an order of its own."""
    return {
        section.name: sorted((row for page in rows_of(graph, section) for row in page.to_pylist()), key=repr)
        for section in SECTIONS
    }


@pytest.fixture
def in_small_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows are a large version already."""
    monkeypatch.setattr(projection, "BATCH", 1)
    monkeypatch.setattr(projection, "WINDOW", 3)


def test_the_graph_says_what_the_ledger_says(graph: Graph) -> None:
    story = small_story()
    story.project(Projector(graph, SECRET))
    assert differences(graph, story) == []


def test_large_versions_make_the_same_graph_as_small_ones(graph: Graph, in_small_cuts: None) -> None:
    story = small_story()
    story.project(Projector(graph, SECRET))
    assert differences(graph, story) == []


def test_projecting_again_changes_nothing(graph: Graph) -> None:
    story = small_story()
    projector = Projector(graph, SECRET)
    story.project(projector)
    before = content(graph)
    for version in story.versions:
        if version.table in ("accounts", "observations", "usage"):
            projector.apply(version)
    assert content(graph) == before
    assert projector.reached() == {
        "organisations": 0, "accounts": 1, "observations": 1, "usage": 1, "decisions": 1, "retractions": 0,
        "publications": 1,
    }  # fmt: skip


@pytest.mark.parametrize("fatal", range(1, 40, 8))
def test_a_projection_that_broke_off_is_finished_by_the_next(
    graph: Graph, in_small_cuts: None, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    story = small_story()
    count = 0
    real = Graph.transaction

    def failing(self: Graph, *arguments: object, **named: object) -> object:
        nonlocal count
        count += 1
        if count > 12 + fatal:
            raise KeyboardInterrupt
        return real(self, *arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Graph, "transaction", failing)
        with pytest.raises(KeyboardInterrupt):
            story.project(Projector(graph, SECRET))
    story.project(Projector(graph, SECRET))
    assert differences(graph, story) == []


def test_two_projectors_at_once_do_the_work_once(graph: Graph, in_small_cuts: None) -> None:
    story = small_story()
    Projector(graph, SECRET).reached()
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(story.project, Projector(graph, SECRET)) for _ in range(2)]
        for run in runs:
            run.result()
    assert differences(graph, story) == []


def test_a_rebuild_makes_the_same_graph(graph: Graph) -> None:
    story = small_story()
    projector = Projector(graph, SECRET)
    story.project(projector)
    before = content(graph)
    projector.wipe()
    assert graph.read("MATCH (n) WHERE NOT n:Watermark RETURN count(n) AS n") == [{"n": 0}]
    story.project(projector)
    assert content(graph) == before


def test_what_is_not_ours_survives_a_wipe(graph: Graph) -> None:
    graph.write("CREATE (:Foreign)-[:KNOWS]->(:Foreign)")
    Projector(graph, SECRET).wipe()
    assert graph.read("MATCH (n:Foreign) RETURN count(n) AS n") == [{"n": 2}]


def test_a_wipe_that_broke_off_is_finished_before_anything_is_projected(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = small_story()
    story.project(Projector(graph, SECRET))
    with monkeypatch.context() as patch:
        patch.setattr(Projector, "_finish_wipe", lambda *_: None)
        Projector(graph, SECRET).wipe()
    story.project(Projector(graph, SECRET))
    assert differences(graph, story) == []


def test_a_projector_of_the_time_before_a_wipe_is_refused(graph: Graph) -> None:
    story = small_story()
    late = Projector(graph, SECRET)
    late.reached()
    Projector(graph, SECRET).wipe()
    with pytest.raises(Conflict, match="emptied"):
        late.apply(story.versions[0])


def test_the_identifier_carries_its_kind_as_a_label_and_an_opaque_id(graph: Graph) -> None:
    small_story().project(Projector(graph, SECRET))
    rows = graph.read("MATCH (i:Identifier) RETURN labels(i) AS labels, i.kind AS kind, i.id AS id ORDER BY kind")
    assert [(row["kind"], sorted(row["labels"])) for row in rows] == [
        ("odd_thing", ["Identifier", "Other"]),
        ("payment_method", ["Identifier", "PaymentMethod"]),
    ]
    assert all(len(row["id"]) == 32 for row in rows)


def test_a_retired_cluster_leads_to_its_successor(graph: Graph) -> None:
    small_story().project(Projector(graph, SECRET))
    text = """
    MATCH (old:Cluster {id: 'c1'})-[s:SUCCEEDED_BY]->(new:Cluster)
    RETURN old.size AS size, old.retired_at IS NOT NULL AS retired, s.how AS how, new.id AS id
    """
    assert graph.read(text) == [{"size": 0, "retired": True, "how": "merged", "id": "c2"}]


def test_usage_that_comes_later_reaches_the_cluster(graph: Graph) -> None:
    story = small_story()
    projector = Projector(graph, SECRET)
    story.project(projector)
    story.add("usage", [{"account_id": "a1", "window_start": at(20), "requests": 1, "input_tokens": 100}])
    story.project(projector)
    assert graph.read("MATCH (c:Cluster {id: 'c2'}) RETURN c.tokens AS tokens") == [{"tokens": 130}]
    assert differences(graph, story) == []


def test_a_membership_keeps_its_beginning_while_it_lasts(graph: Graph) -> None:
    story = small_story()
    projector = Projector(graph, SECRET)
    story.project(projector)
    text = "MATCH (:Account {id: 'a1'})-[i:IN]->() RETURN i.since AS since, i.confidence AS confidence"
    (before,) = graph.read(text)
    cluster = {"cluster_id": "c2", "size": 2, "accounts": 1, "organisations": 1, "created_at": at(8)}
    moved = {"subject_type": "account", "subject_id": "a1", "cluster_id": "c2", "confidence": 0.95}
    story.publish("r3", 30, clusters=[cluster], memberships=[moved])
    story.project(projector)
    (after,) = graph.read(text)
    assert (after["since"], after["confidence"]) == (before["since"], 0.95)
