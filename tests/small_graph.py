"""A small graph by hand, in the shape that the projector makes: two clusters, one that ended, a lone account, a hub.

c1 = a1, a2, a3, o1   a1 and a2 share a device and a card, a2 and a3 share a phone: a1 and a3 share the NAT only
c2 = a4, a5           share an e-mail address
c0                    ended: merged into c1
a6                    stands alone, behind the carrier's NAT with everybody
"""

# ruff: noqa: E501 - operations and queries stay on the line they read best on
from __future__ import annotations

from typing import Any

from linkage.graph.connection import Graph
from linkage.model.identifier import opaque_id

SECRET = b"0" * 32

IDENTIFIERS = {
    "device:d-1": ("Device", ["a1", "a2"], "private"),
    "payment_method:pm_card1": ("PaymentMethod", ["a1", "a2"], "private"),
    "phone:+447700900123": ("Phone", ["a2", "a3"], "private"),
    "email:ann@example.com": ("Email", ["a4", "a5"], "private"),
    "ip:203.0.113.7": ("IP", ["a1", "a2", "a3", "a4", "a5", "a6"], "mobile"),
    "device:d-6": ("Device", ["a6"], None),
}
CLUSTERS = {"c1": ["a1", "a2", "a3"], "c2": ["a4", "a5"]}
EVIDENCE = {
    "c1": {"device:d-1": 12.0, "payment_method:pm_card1": 9.5, "phone:+447700900123": 11.0, "ip:203.0.113.7": 0.0},
    "c2": {"email:ann@example.com": 20.0, "ip:203.0.113.7": 0.0},
}

_ACCOUNTS = """
UNWIND range(1, 6) AS n
CREATE (:Account {id: 'a' + n, status: CASE n WHEN 6 THEN 'suspended' ELSE 'active' END, country: 'GB', plan: 'free',
  created_at: datetime('2026-05-0' + n + 'T00:00:00Z'), display_name: 'Person ' + n, attributes: '{"n": ' + n + '}',
  organisation_id: CASE WHEN n IN [1, 2] THEN 'o1' END,
  requests: n, input_tokens: n * 3000000000, output_tokens: n, tokens: n * 3000000000 + n,
  first_used: datetime('2026-06-01T00:00:00Z'), last_used: datetime('2026-06-02T00:00:00Z')})
"""
_ORGANISATION = """
CREATE (o:Organisation {id: 'o1', name: 'Acme Ltd', domain: 'acme.example', country: 'GB', registration_number: '1'})
WITH o MATCH (a:Account) WHERE a.id IN ['a1', 'a2'] CREATE (a)-[:MEMBER_OF]->(o)
"""
_IDENTIFIER = """
CREATE (i:Identifier {key: $key, id: $id, kind: $kind, value: $value, holders: $holders,
                      holder_clusters: $holders, sharing_class: $sharing_class})
SET i:$($label)
WITH i MATCH (a:Account) WHERE a.id IN $accounts
CREATE (a)-[:USED {first_seen: datetime('2026-05-10T00:00:00Z'), last_seen: datetime('2026-05-20T00:00:00Z'), count: 3}]->(i)
"""
_CLUSTER = """
CREATE (c:Cluster {id: $id, size: $size, accounts: $accounts, organisations: $organisations, confidence: $confidence,
  created_at: datetime('2026-06-01T00:00:00Z'), updated_at: datetime('2026-06-0' + $size + 'T00:00:00Z'),
  requests: 5, input_tokens: 5000000000, output_tokens: 5, tokens: 5000000005,
  weakest: '{"bits": 9.5, "parts": [1, 2], "identifiers": [{"kind": "payment_method", "value": "pm_card1"}]}'})
WITH c MATCH (s) WHERE (s:Account AND s.id IN $members) OR (s:Organisation AND s.id = 'o1' AND $organisations = 1)
CREATE (s)-[:IN {confidence: 0.9 + size(s.id) / 100.0 + CASE s.id WHEN 'a1' THEN 0.01 ELSE 0.0 END,
                 since: datetime('2026-06-01T00:00:00Z'), provisional: false}]->(c)
"""
_EVIDENCE = """
MATCH (c:Cluster {id: $cluster}), (i:Identifier {key: $key})
CREATE (c)-[:EVIDENCED_BY {bits: $bits, full_bits: $bits + 1, members: 2, holders: i.holders,
                           holder_clusters: i.holders, reason: $reason}]->(i)
"""
_HISTORY = """
MATCH (c1:Cluster {id: 'c1'})
CREATE (:Cluster {id: 'c0', size: 0, accounts: 0, organisations: 0, retired_at: datetime('2026-06-03T00:00:00Z'),
                  created_at: datetime('2026-05-01T00:00:00Z'), updated_at: datetime('2026-06-03T00:00:00Z')})
  -[:SUCCEEDED_BY {how: 'merged', at: datetime('2026-06-03T00:00:00Z'), publication: 'rs_1', members: 2}]->(c1)
CREATE (:Resolution {id: 'rs_1', started_at: datetime('2026-06-03T00:00:00Z'),
                     finished_at: datetime('2026-06-03T00:01:00Z'), model_version: '1', summary: '{"clusters": 2}'})
WITH 1 AS one MATCH (a6:Account {id: 'a6'}), (a1:Account {id: 'a1'})
CREATE (d:Decision {id: 'd1', left: 'account:a6', right: 'account:a1', judgement: 'different', author: 'ann',
                    left_size: 1, right_size: 1, reason: 'known to us', decided_at: datetime('2026-06-04T00:00:00Z')}),
       (d)-[:ABOUT {side: 'left'}]->(a6), (d)-[:ABOUT {side: 'right'}]->(a1)
"""


def opaque(key: str, secret: bytes = SECRET) -> str:
    """The id of an identifier of this graph."""
    return opaque_id(key, secret)


def create(graph: Graph, secret: bytes = SECRET) -> None:
    """Empty the graph and make the small one."""
    graph.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS")
    graph.write(_ACCOUNTS)
    graph.write(_ORGANISATION)
    for key, (label, accounts, sharing_class) in IDENTIFIERS.items():
        kind, _, value = key.partition(":")
        shared: dict[str, Any] = {"holders": len(accounts) if len(accounts) > 1 else None}
        graph.write(
            _IDENTIFIER,
            key=key,
            id=opaque(key, secret),
            kind=kind,
            value=value,
            label=label,
            accounts=accounts,
            sharing_class=sharing_class,
            **shared,
        )
    for cluster, members in CLUSTERS.items():
        organisations = 1 if cluster == "c1" else 0
        graph.write(
            _CLUSTER,
            id=cluster,
            size=len(members) + organisations,
            accounts=len(members),
            organisations=organisations,
            confidence=0.8 if cluster == "c1" else 0.9,
            members=members,
        )
        for key, bits in EVIDENCE[cluster].items():
            reason = "counted in full" if bits else "0 bits: held by 50 clusters"
            graph.write(_EVIDENCE, cluster=cluster, key=key, bits=bits, reason=reason)
    graph.write(_HISTORY)
    graph.run("CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()")
