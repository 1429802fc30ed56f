"""The graph says what the ledger says, whatever is done twice, cut off or done at the same time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from linkage.errors import Conflict
from linkage.graph import projection
from linkage.graph.changes import SPAN, change_rows
from linkage.graph.checksums import SECTIONS, compare, rows_of
from linkage.graph.connection import Graph, open_graph
from linkage.graph.projection import Projector
from tests.graph.ledger_rows import Story, at, small_story, table

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


@pytest.mark.parametrize("fatal", range(1, 28, 6))
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


def test_readers_of_a_large_publication_see_all_of_it_or_nothing(graph: Graph, in_small_cuts: None) -> None:
    story = small_story()
    told = [version for version in story.versions if version.table == "publications"]
    first = Story([version for version in story.versions if version.version < 1 or version.table != "publications"])
    first.project(Projector(graph, SECRET))
    text = """
    MATCH (w:Watermark {key: 'publications'})
    RETURN w.version AS version, COLLECT { MATCH (s)-[:IN]->(c:Cluster) RETURN s.id + ' in ' + c.id } AS places,
           COLLECT { MATCH (c:Cluster)-[:EVIDENCED_BY]->() RETURN c.id } AS evidence,
           COLLECT { MATCH (c:Cluster)-[:SUCCEEDED_BY]->(n) RETURN c.id + ' to ' + n.id } AS lineage,
           COLLECT { MATCH (r:Resolution) WHERE r.state = 'published' RETURN r.id } AS resolutions
    """
    seen: list[dict[str, object]] = []
    with open_graph(graph.connection) as other:
        look = lambda *_: seen.extend(other.read(text))  # noqa: E731 - tells of progress between any two writes
        projector = Projector(graph, SECRET)
        projector.reached()
        projector.publish(story.publication(told[1]), look)
        look()
    states = {row["version"]: {key: sorted(value) for key, value in row.items() if key != "version"} for row in seen}
    assert len(seen) > 4
    assert states == {
        0: {"places": ["a1 in c1", "a2 in c1"], "evidence": ["c1"], "lineage": [], "resolutions": ["r1"]},
        1: {"places": ["a1 in c2", "a2 in c1", "o1 in c2"], "evidence": ["c2"], "lineage": ["c1 to c2"],
            "resolutions": ["r1", "r2"]},
    }  # fmt: skip
    assert all({key: sorted(value) for key, value in row.items() if key != "version"} == states[row["version"]]
               for row in seen)  # fmt: skip


def test_changes_are_numbered_by_publication_and_the_same_after_a_rebuild(graph: Graph) -> None:
    story = small_story()
    projector = Projector(graph, SECRET)
    story.project(projector)
    text = "MATCH (c:Change) RETURN c.number AS number, c.event AS event, c.evidence AS evidence ORDER BY c.number"
    before = graph.read(text)
    assert [(row["number"], row["event"]) for row in before] == [(1, "born"), (SPAN + 1, "merged")]
    assert [json.loads(row["evidence"]) for row in before] == [[{"kind": "payment_method", "value": "fp_1",
                                                                 "bits": 9.0}]] * 2  # fmt: skip
    projector.wipe()
    story.project(projector)
    assert graph.read(text) == before


def test_a_change_is_caused_by_what_brought_the_newcomers_not_by_all_that_ties_the_cluster() -> None:
    tables = small_story().publication(small_story().versions[-1]).tables()
    merge = {"cluster_id": "c2", "left": "account:a1", "right": "organisation:o1", "publication_id": "r2"}
    pieces = [{"kind": "email", "value": "ann", "bits": 12.0}, {"kind": "sign_up", "value": "", "bits": 3.0}]
    tables["merges"] = table("merges", [{**merge, "evidence": json.dumps(pieces)}])
    (row,) = change_rows(tables, 7).to_pylist()
    assert (row["number"], json.loads(row["evidence"])) == (7 * SPAN + 1, [pieces[0]])


def test_a_review_never_takes_back_that_a_resolution_was_published(graph: Graph) -> None:
    story = small_story()
    projector = Projector(graph, SECRET)
    story.project(projector)
    waits = {"resolution_id": "r3", "state": "waiting", "at": at(20)}
    story.add("resolutions", [{"resolution_id": "r3", "model_version": "2", "summary": "{}"}])
    story.add("reviews", [waits])
    story.project(projector)
    text = "MATCH (r:Resolution) RETURN r.id AS id, r.state AS state, r.reviewed_by AS by ORDER BY id"
    assert graph.read(text)[2] == {"id": "r3", "state": "waiting", "by": None}
    story.add("reviews", [{**waits, "state": "refused", "author": "ann"}])
    story.add("reviews", [{"resolution_id": "r2", "state": "approved", "author": "bob", "at": at(21)}])
    story.project(projector)
    assert graph.read(text)[1:] == [{"id": "r2", "state": "published", "by": "bob"},
                                    {"id": "r3", "state": "refused", "by": "ann"}]  # fmt: skip
    assert differences(graph, story) == []


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
