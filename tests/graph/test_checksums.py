"""A graph that differs from the ledger is told what differs."""

from __future__ import annotations

import pytest

from linkage.graph.checksums import SECTIONS, compare
from linkage.graph.connection import Graph
from linkage.graph.projection import Projector
from tests.graph.ledger_rows import small_story

#: What somebody did to the graph → what the comparison says.
DAMAGES = (
    ("MATCH (a:Account {id: 'a2'}) SET a.country = 'XX'", "accounts: 1 different (a2)"),
    ("MATCH (a:Account {id: 'a1'}) SET a.requests = a.requests + 1", "accounts: 1 different (a1)"),
    ("CREATE (:Account {id: 'a9'})", "accounts: 1 not in the ledger (a9)"),
    ("MATCH (o:Organisation {id: 'o2'}) DETACH DELETE o", "organisations: 1 missing (o2)"),
    ("MATCH (:Account {id: 'a1'})-[m:MEMBER_OF]->() DELETE m", "members of organisations: 1 missing (a1 o2)"),
    ("MATCH (i:Identifier {kind: 'odd_thing'}) SET i.holders = 7", "identifiers: 1 different (odd_thing"),
    (
        "MATCH (:Account {id: 'a1'})-[u:USED]->() SET u.last_seen = u.last_seen + duration('PT1S')",
        "uses of identifiers: 1 different (account a1 payment_method fp_1)",
    ),
    ("MATCH (:Account {id: 'a1'})-[u:USED]->() SET u.count = 8", None),
    ("MATCH (a:Account {id: 'a3'})-[u:USED]->(i) CREATE (a)-[v:USED]->(i) SET v = properties(u)", "1 doubled"),
    ("MATCH (d:Decision) SET d.judgement = 'same'", "decisions: 1 missing"),
    ("MATCH (c:Cluster {id: 'c2'}) SET c.confidence = 0.1", "clusters: 1 different (c2)"),
    ("MATCH (c:Cluster {id: 'c1'}) DETACH DELETE c", "retired clusters: 1 missing (c1)"),
    ("MATCH (:Organisation)-[m:IN]->() DELETE m", "members of clusters: 1 missing (organisation o1)"),
    ("MATCH ()-[e:EVIDENCED_BY]->() SET e.bits = 1.0", "evidence: 1 different (c2 payment_method fp_1)"),
    ("MATCH ()-[s:SUCCEEDED_BY]->() SET s.how = 'split'", "lineage: 1 different (c1 c2 r2)"),
    ("MATCH (r:Resolution {id: 'r1'}) DELETE r", "resolutions: 1 missing (r1)"),
)


@pytest.mark.parametrize(("damage", "said"), DAMAGES)
def test_every_kind_of_damage_is_named(graph: Graph, damage: str, said: str | None) -> None:
    story = small_story()
    story.project(Projector(graph, b"s" * 32))
    graph.write(damage)
    connection, now = story.views()
    with connection:
        told = compare(graph, connection, now)
    assert [said in line for line in told if said] == [True] * bool(said) or any(said in line for line in told if said)
    assert bool(told) == bool(said)


def test_every_section_is_tried() -> None:
    tried = " ".join(said for _, said in DAMAGES if said)
    assert [section.name for section in SECTIONS if section.name not in tried] == []
