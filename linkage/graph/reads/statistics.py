"""How much there is."""

from __future__ import annotations

from typing import Any

from linkage.graph.reads.reader import Reader

STATISTICS = """
RETURN COUNT { (:Account) } AS accounts, COUNT { (:Organisation) } AS organisations,
       COUNT { (:Identifier) } AS identifiers, COUNT { ()-[:USED]->() } AS observations,
       COUNT { ()-[:IN]->() } AS clustered_subjects,
       COLLECT { MATCH (c:Cluster) WHERE c.size > 0
                 RETURN {clusters: count(c), largest: max(c.size), accounts: sum(c.accounts)} }[0] AS clusters
"""

KINDS = """
MATCH (i:Identifier)
RETURN i.kind AS kind, count(*) AS identifiers,
       count(CASE WHEN i.holders >= 2 THEN 1 END) AS shared, max(i.holders) AS most_holders
ORDER BY identifiers DESC, kind
"""


async def statistics(reader: Reader) -> dict[str, Any]:
    """Counts over the whole graph, from the database's own count store where it has one."""
    row = await reader.row(STATISTICS)
    return row or {}


async def kinds(reader: Reader) -> list[dict[str, Any]]:
    """For each kind of identifier: how many values, how many of them shared, the most holders of one."""
    return await reader.rows(KINDS)
