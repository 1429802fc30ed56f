"""Full-text search over names and values.

What a person types is words, never Lucene's query language. Lucene splits `acct-17` and `ann@example.com` into pieces;
so are the words here: every piece must be there, as the beginning of something, and whole words score higher.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from linkage.graph.reads.reader import Reader

INDEX = "search"
#: Lucene's own pieces: letters and digits, with dots and underscores inside (`203.0.113.7`, `card_fp_1`).
PIECES = re.compile(r"\w+(?:\.\w+)*", re.UNICODE)
#: More pieces than that are no search.
MOST_PIECES = 16
LONGEST_PIECE = 200

# An identifier's opaque id stands in the index too and would match by chance: its value must hold the pieces.
SEARCH = """
CALL db.index.fulltext.queryNodes($index, $query) YIELD node AS found, score
WHERE found:Account OR found:Organisation OR found:Cluster OR (found:Identifier AND
      (found.id = $text OR all(piece IN $pieces WHERE toLower(found.value) CONTAINS piece)))
WITH found, score SKIP $skip LIMIT $limit
RETURN CASE WHEN found:Account THEN 'Account' WHEN found:Organisation THEN 'Organisation'
  WHEN found:Cluster THEN 'Cluster' ELSE 'Identifier' END AS type, properties(found) AS node, score
"""


def pieces_of(text: str) -> list[str]:
    """The pieces of what a person typed, in lower case."""
    return [piece[:LONGEST_PIECE] for piece in PIECES.findall(text.lower())][:MOST_PIECES]


def query_of(pieces: list[str]) -> str:
    """The Lucene query: nothing but letters, digits, dots and underscores is left that could be read as syntax."""
    return " AND ".join(f'("{piece}"^4 OR {piece}*)' for piece in pieces)


async def search(reader: Reader, text: str, *, skip: int, limit: int) -> list[dict[str, Any]]:
    """The nodes that hold every piece of the text, best first."""
    pieces = pieces_of(text)
    if not pieces:
        return []
    return await reader.rows(
        SEARCH, index=INDEX, query=query_of(pieces), text=text.strip(), pieces=pieces, skip=skip, limit=limit
    )


# For those who may not see values: a part that is found would tell how the value goes on.
WHOLE = """
CALL () {
  MATCH (found:Identifier) WHERE found.key IN $keys OR found.id = $text RETURN found
  UNION MATCH (found:Account {id: $text}) RETURN found
  UNION MATCH (found:Organisation {id: $text}) RETURN found
  UNION MATCH (found:Cluster {id: $text}) RETURN found
}
WITH found ORDER BY found.id SKIP $skip LIMIT $limit
RETURN CASE WHEN found:Account THEN 'Account' WHEN found:Organisation THEN 'Organisation'
  WHEN found:Cluster THEN 'Cluster' ELSE 'Identifier' END AS type, properties(found) AS node, 1.0 AS score
"""


async def search_whole(
    reader: Reader, text: str, keys: Sequence[str], *, skip: int, limit: int
) -> list[dict[str, Any]]:
    """The nodes whose id is the text, and the identifiers of those keys."""
    return await reader.rows(WHOLE, text=text.strip(), keys=list(keys), skip=skip, limit=limit)
