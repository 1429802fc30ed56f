"""A graph that differs from the ledger is told what differs."""

from __future__ import annotations

from linkage.graph.checksums import SECTIONS, compare
from linkage.graph.connection import Graph
from linkage.graph.projection import Projector
from tests.graph.ledger_rows import APART, GROUPED, small_story

#: What somebody did to the graph → what the comparison says of it.
DAMAGES = {
    "MATCH (a:Account {id: 'a2'}) SET a.country = 'XX'": "accounts: 1 different (a2)",
    "CREATE (:Account {id: 'a9'})": "accounts: 1 not in the ledger (a9)",
    "MATCH (o:Organisation {id: 'o1'}) SET o.name = null": "organisations: 1 different (o1)",
    "MATCH (:Account {id: 'a1'})-[m:MEMBER_OF]->() DELETE m": "members of organisations: 1 missing (a1 o2)",
    "MATCH (i:Identifier {kind: 'payment_method'}) SET i.holders = 7": (
        "identifiers: 1 different (payment_method fp_1)"
    ),
    "MATCH (:Account {id: 'a1'})-[u:USED]->() SET u.last_seen = u.last_seen + duration('PT0.001S')": (
        "uses of identifiers: 1 different (account a1 payment_method fp_1)"
    ),
    "MATCH (:Account {id: 'a2'})-[u:USED]->() DELETE u": (
        "uses of identifiers: 1 missing (account a2 payment_method fp_1)"
    ),
    "MATCH (s:Organisation {id: 'o1'})-[u:USED]->(i) CREATE (s)-[v:USED]->(i) SET v = properties(u)": (
        "uses of identifiers: 1 doubled (organisation o1 payment_method fp_1)"
    ),
    f"MATCH (d:Decision {{id: '{GROUPED.id}'}}) SET d.retracted_by = 'eve'": f"decisions: 1 different ({GROUPED.id})",
    f"MATCH (:Decision {{id: '{APART.id}'}})-[a:ABOUT]->(:Account {{id: 'a3'}}) DELETE a": (
        f"subjects of decisions: 1 missing (account a3 {APART.id} right)"
    ),
    "MATCH (c:Cluster {id: 'c2'}) SET c.tokens = 1": "clusters: 1 different (c2)",
    "CREATE (:Cluster {id: 'c0', size: 0})": "retired clusters: 1 not in the ledger (c0)",
    "MATCH (:Organisation)-[m:IN]->() DELETE m": "members of clusters: 1 missing (organisation o1)",
    "MATCH ()-[e:EVIDENCED_BY]->() SET e.bits = 1.0": "evidence: 1 different (c2 payment_method fp_1)",
    "MATCH ()-[s:SUCCEEDED_BY]->() SET s.how = 'split'": "lineage: 1 different (c1 c2 r2)",
    "MATCH (c:Change {event: 'born'}) DELETE c": "changes: 1 missing (born c1 None r1)",
    "MATCH (r:Resolution {id: 'r1'}) DELETE r": "resolutions: 1 missing (r1)",
}


def test_every_kind_of_damage_is_named_and_nothing_else(graph: Graph) -> None:
    story = small_story()
    story.project(Projector(graph, b"s" * 32))
    for damage in DAMAGES:
        graph.write(damage)
    connection, now = story.views()
    with connection:
        assert sorted(compare(graph, connection, now)) == sorted(DAMAGES.values())


def test_every_section_is_tried() -> None:
    tried = {said.partition(":")[0] for said in DAMAGES.values()}
    assert {section.name for section in SECTIONS} == tried
