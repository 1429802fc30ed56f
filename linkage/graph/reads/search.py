"""Full-text search over names and values.

What a person types is words, never Lucene's query language: every word is escaped, matched as it is or as a
beginning, and all of them must be there.
"""

from __future__ import annotations

import re
from typing import Any

from linkage.graph.reads.reader import Reader

INDEX = "search"
WORDS = re.compile(r"[^\W_]+", re.UNICODE)
#: More words than that are no search.
MOST_WORDS = 12
LONGEST_WORD = 200

SEARCH = """
CALL db.index.fulltext.queryNodes($index, $query, {skip: $skip, limit: $limit}) YIELD node, score
RETURN CASE WHEN node:Account THEN 'Account' WHEN node:Organisation THEN 'Organisation'
  WHEN node:Cluster THEN 'Cluster' ELSE 'Identifier' END AS type, properties(node) AS node, score
ORDER BY score DESC, elementId(node)
"""


def query_of(text: str) -> str | None:
    """The Lucene query for what a person typed; None where there is no word in it."""
    words = [word[:LONGEST_WORD].lower() for word in WORDS.findall(text)][:MOST_WORDS]
    if not words:
        return None
    # Only letters and digits are left of the words, so nothing of them can be read as Lucene's syntax.
    return " AND ".join(f"({word}^4 OR {word}*)" for word in words)


async def search(reader: Reader, text: str, *, skip: int, limit: int) -> list[dict[str, Any]]:
    """The nodes that hold every word of the text, best first."""
    query = query_of(text)
    if query is None:
        return []
    return await reader.rows(SEARCH, index=INDEX, query=query, skip=skip, limit=limit)
