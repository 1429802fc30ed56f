"""Whether the graph says what the ledger says.

Each part of the graph is read in pages and laid beside what SQL over the ledger expects. The two are compared by
their number of rows and an order-independent sum of row hashes; only where these differ are the rows themselves
looked for. What is expected is written down here in SQL, apart from the steps that project: the one checks the other.

Times are compared in microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from linkage.graph.connection import Graph
from linkage.model.progress import Progress, silent

PAGE = 5_000
#: Rows of a difference that are named.
EXAMPLES = 3

_ARROW: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows stand in the graph: pages over the nodes `n` of a label, and the list that a row is read as.

    `first`: what every key comes after.
    """

    label: str
    key: str
    match: str
    row: str
    first: str | int = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the graph: its columns (the first `keys` of them name a row), its sources, and what is expected."""

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: int
    sources: tuple[Source, ...]
    expected: str


def _micros(value: str) -> str:
    return f"{value}.epochSeconds * 1000000 + {value}.nanosecond / 1000"


def _text(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, "VARCHAR") for name in names)


def _whole(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, "BIGINT") for name in names)


def _real(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, "DOUBLE") for name in names)


_FINISHED = "publication_id IN (SELECT publication_id FROM publications)"


#: Decision × side × subject.
_DECIDED = """
    SELECT decision_id, side, split_part(member, ':', 1) AS subject_type,
           substr(member, strpos(member, ':') + 1) AS subject_id
    FROM (SELECT decision_id, 'left' AS side,
                 unnest(coalesce(from_json(left_members, '["VARCHAR"]'), ["left"])) AS member FROM decisions
          UNION ALL
          SELECT decision_id, 'right',
                 unnest(coalesce(from_json(right_members, '["VARCHAR"]'), ["right"])) FROM decisions)
"""


def _subjects(subject_type: str) -> str:
    return f"""
    SELECT subject_id FROM observations WHERE subject_type = '{subject_type}'
    UNION SELECT subject_id FROM memberships WHERE subject_type = '{subject_type}' AND {_FINISHED}
    UNION SELECT subject_id FROM ({_DECIDED}) WHERE subject_type = '{subject_type}'
    """


_TOTALS = """
    SELECT account_id, sum(coalesce(requests, 0))::BIGINT AS requests,
           sum(coalesce(input_tokens, 0))::BIGINT AS input_tokens,
           sum(coalesce(output_tokens, 0))::BIGINT AS output_tokens,
           min(window_start) AS first_used, max(window_start) AS last_used
    FROM usage GROUP BY account_id
"""
_TOTAL_COLUMNS = _whole("requests", "input_tokens", "output_tokens", "tokens", "first_used", "last_used")
_TOTAL_VALUES = """
    coalesce(t.requests, 0) AS requests, coalesce(t.input_tokens, 0) AS input_tokens,
    coalesce(t.output_tokens, 0) AS output_tokens,
    coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0) AS tokens,
    epoch_us(t.first_used) AS first_used, epoch_us(t.last_used) AS last_used
"""


def _totals_of(node: str) -> str:
    plain = ", ".join(f"{node}.{name}" for name in ("requests", "input_tokens", "output_tokens", "tokens"))
    return f"{plain}, {_micros(f'{node}.first_used')}, {_micros(f'{node}.last_used')}"


_USED_ROW = (
    f"s.id, i.kind, i.value, {_micros('u.first_seen')}, {_micros('u.last_seen')}, u.count"  # the subject's type leads
)


def _of_subjects(match: str, row: str) -> tuple[Source, ...]:
    """The same rows of accounts and of organisations, led by the type of the subject `s`."""
    return tuple(
        Source(label, "id", match.replace("(s)", "(n)"), f"['{label.lower()}', {row.replace('s.id', 'n.id')}]")
        for label in ("Account", "Organisation")
    )


SECTIONS = (
    Section(
        "accounts",
        (
            *_text("id", "status", "organisation_id", "country", "plan", "display_name", "attributes"),
            *_whole("created_at"),
            *_TOTAL_COLUMNS,
        ),
        1,
        (
            Source(
                "Account",
                "id",
                "",
                "[n.id, n.status, n.organisation_id, n.country, n.plan, n.display_name, n.attributes, "
                f"{_micros('n.created_at')}, {_totals_of('n')}]",
            ),
        ),
        f"""
        SELECT s.id, a.status, a.organisation_id, a.country, a.plan, a.display_name, a.attributes,
               epoch_us(a.created_at) AS created_at, {_TOTAL_VALUES}
        FROM (SELECT account_id AS id FROM accounts UNION SELECT account_id FROM usage
              UNION {_subjects("account")}) AS s
        LEFT JOIN ({{accounts}}) AS a ON a.account_id = s.id
        LEFT JOIN ({_TOTALS}) AS t ON t.account_id = s.id
        """,
    ),
    Section(
        "organisations",
        _text("id", "name", "domain", "country", "registration_number", "attributes"),
        1,
        (Source("Organisation", "id", "", "[n.id, n.name, n.domain, n.country, n.registration_number, n.attributes]"),),
        f"""
        SELECT s.id, o.name, o.domain, o.country, o.registration_number, o.attributes
        FROM (SELECT organisation_id AS id FROM organisations
              UNION SELECT organisation_id FROM accounts WHERE organisation_id IS NOT NULL
              UNION {_subjects("organisation")}) AS s
        LEFT JOIN ({{organisations}}) AS o ON o.organisation_id = s.id
        """,
    ),
    Section(
        "members of organisations",
        _text("account_id", "organisation_id"),
        2,
        (Source("Account", "id", "MATCH (n)-[:MEMBER_OF]->(o:Organisation)", "[n.id, o.id]"),),
        "SELECT account_id, organisation_id FROM ({accounts}) WHERE organisation_id IS NOT NULL",
    ),
    Section(
        "identifiers",
        (*_text("kind", "value"), *_whole("holders", "holder_clusters"), *_text("sharing_class")),
        2,
        (Source("Identifier", "key", "", "[n.kind, n.value, n.holders, n.holder_clusters, n.sharing_class]"),),
        f"""
        SELECT v.kind, v.value, i.holders, i.holder_clusters, i.sharing_class
        FROM (SELECT kind, value FROM observations
              UNION SELECT kind, value FROM identifiers WHERE {_FINISHED}
              UNION SELECT kind, value FROM evidence WHERE {_FINISHED}) AS v
        LEFT JOIN ({{identifiers}}) AS i ON i.kind = v.kind AND i.value = v.value
        """,
    ),
    Section(
        "uses of identifiers",
        (*_text("subject_type", "subject_id", "kind", "value"), *_whole("first_seen", "last_seen", "count")),
        4,
        _of_subjects("MATCH (s)-[u:USED]->(i:Identifier)", _USED_ROW),
        """
        SELECT subject_type, subject_id, kind, value,
               epoch_us(min(coalesce(first_seen, last_seen))) AS first_seen,
               epoch_us(max(coalesce(last_seen, first_seen))) AS last_seen, sum(coalesce(count, 1))::BIGINT AS count
        FROM ({observations}) GROUP BY subject_type, subject_id, kind, value
        """,
    ),
    Section(
        "decisions",
        (
            *_text("id", "left", "right", "judgement", "author", "reason"),
            *_whole("decided_at", "left_size", "right_size", "retracted_at"),
            *_text("retracted_by", "retraction"),
        ),
        1,
        (
            Source(
                "Decision",
                "id",
                "",
                f"[n.id, n.left, n.right, n.judgement, n.author, n.reason, {_micros('n.decided_at')}, n.left_size, "
                f"n.right_size, {_micros('n.retracted_at')}, n.retracted_by, n.retraction]",
            ),
        ),
        f"""
        WITH sizes AS (
            SELECT decision_id, count(*) FILTER (side = 'left') AS left_size,
                   count(*) FILTER (side = 'right') AS right_size
            FROM ({_DECIDED}) GROUP BY decision_id)
        SELECT decision_id AS id, d."left", d."right", d.judgement, d.author, d.reason,
               epoch_us(d.decided_at) AS decided_at, s.left_size, s.right_size,
               epoch_us(r.retracted_at) AS retracted_at, r.author AS retracted_by, r.reason AS retraction
        FROM decisions AS d JOIN sizes AS s USING (decision_id) FULL JOIN ({{retractions}}) AS r USING (decision_id)
        """,
    ),
    Section(
        "subjects of decisions",
        _text("subject_type", "subject_id", "decision_id", "side"),
        4,
        _of_subjects("MATCH (s)<-[a:ABOUT]-(d:Decision)", "s.id, d.id, a.side"),
        f"SELECT subject_type, subject_id, decision_id, side FROM ({_DECIDED})",
    ),
    Section(
        "clusters",
        (
            *_text("id"),
            *_whole("size", "accounts", "organisations"),
            *_real("confidence"),
            *_whole("created_at"),
            *_TOTAL_COLUMNS,
        ),
        1,
        (
            Source(
                "Cluster",
                "id",
                "WITH n WHERE n.size > 0",
                f"[n.id, n.size, n.accounts, n.organisations, n.confidence, {_micros('n.created_at')}, "
                f"{_totals_of('n')}]",
            ),
        ),
        f"""
        SELECT c.cluster_id AS id, c.size, c.accounts, c.organisations, c.confidence,
               epoch_us(c.created_at) AS created_at, {_TOTAL_VALUES}
        FROM ({{clusters}}) AS c
        LEFT JOIN (SELECT m.cluster_id, sum(u.requests)::BIGINT AS requests,
                          sum(u.input_tokens)::BIGINT AS input_tokens, sum(u.output_tokens)::BIGINT AS output_tokens,
                          min(u.first_used) AS first_used, max(u.last_used) AS last_used
                   FROM ({{memberships}}) AS m
                   JOIN ({_TOTALS}) AS u ON m.subject_type = 'account' AND u.account_id = m.subject_id
                   GROUP BY m.cluster_id) AS t ON t.cluster_id = c.cluster_id
        """,
    ),
    Section(
        "retired clusters",
        _text("id"),
        1,
        (Source("Cluster", "id", "WITH n WHERE coalesce(n.size, 0) = 0", "[n.id]"),),
        f"""
        SELECT cluster_id AS id FROM clusters WHERE {_FINISHED}
        EXCEPT SELECT cluster_id FROM ({{clusters}})
        """,
    ),
    Section(
        "members of clusters",
        (*_text("subject_type", "subject_id", "cluster_id"), *_real("confidence"), ("provisional", "BOOLEAN")),
        2,
        _of_subjects("MATCH (s)-[m:IN]->(c:Cluster)", "s.id, c.id, m.confidence, m.provisional"),
        "SELECT subject_type, subject_id, cluster_id, confidence, coalesce(provisional, false) AS provisional "
        "FROM ({memberships})",
    ),
    Section(
        "evidence",
        (
            *_text("cluster_id", "kind", "value"),
            *_real("bits", "full_bits"),
            *_whole("members", "holders", "holder_clusters"),
            *_text("reason"),
        ),
        3,
        (
            Source(
                "Cluster",
                "id",
                "MATCH (n)-[e:EVIDENCED_BY]->(i:Identifier)",
                "[n.id, i.kind, i.value, e.bits, e.full_bits, e.members, e.holders, e.holder_clusters, e.reason]",
            ),
        ),
        """
        SELECT cluster_id, kind, value, bits, full_bits, members, holders, holder_clusters, reason FROM ({evidence})
        """,
    ),
    Section(
        "lineage",
        (*_text("cluster_id", "successor_id", "publication_id", "event"), *_whole("at", "members")),
        3,
        (
            Source(
                "Cluster",
                "id",
                "MATCH (n)-[s:SUCCEEDED_BY]->(c:Cluster)",
                f"[n.id, c.id, s.publication, s.how, {_micros('s.at')}, s.members]",
            ),
        ),
        f"""
        SELECT cluster_id, successor_id, publication_id, event, epoch_us("at") AS "at", members
        FROM lineage WHERE successor_id IS NOT NULL AND successor_id <> cluster_id AND {_FINISHED}
        """,
    ),
    Section(
        "changes",
        (
            *_text("event", "cluster_id", "successor_id", "publication_id", "kind"),
            *_whole("members", "at"),
        ),
        4,
        (
            Source(
                "Change",
                "number",
                "",
                f"[n.event, n.cluster_id, n.successor_id, n.publication, n.kind, n.members, {_micros('n.at')}]",
                first=-1,
            ),
        ),
        """
        SELECT l.event, l.cluster_id, l.successor_id, l.publication_id, p.kind, l.members, epoch_us(p."at") AS "at"
        FROM lineage AS l JOIN publications AS p USING (publication_id)
        """,
    ),
    Section(
        "resolutions",
        _text("id", "model_version", "state"),
        1,
        (Source("Resolution", "id", "", "[n.id, n.model_version, n.state]"),),
        """
        SELECT resolution_id AS id, model_version,
               CASE WHEN p.publication_id IS NOT NULL THEN 'published' ELSE w.state END AS state
        FROM resolutions LEFT JOIN publications AS p ON p.publication_id = resolution_id
        LEFT JOIN ({reviews}) AS w USING (resolution_id)
        WHERE p.publication_id IS NOT NULL OR w.state IS NOT NULL
        """,
    ),
)

#: What holds now, by the names that the sections' SQL uses; the caller brings the SQL of each.
NOW = (
    "observations",
    "accounts",
    "organisations",
    "retractions",
    "memberships",
    "clusters",
    "identifiers",
    "evidence",
    "reviews",
)


def page_text(source: Source) -> str:
    """A page of rows, collected into one list: rows one by one take five times as long on the way."""
    return f"""
MATCH (n:{source.label}) WHERE n.{source.key} > $after
WITH n ORDER BY n.{source.key} LIMIT $limit
WITH collect(n) AS nodes
RETURN nodes[-1].{source.key} AS last, COLLECT {{ UNWIND nodes AS n {source.match} RETURN {source.row} }} AS rows
"""


def rows_of(graph: Graph, section: Section) -> Iterator[pa.Table]:
    """The section's rows as they stand in the graph, in pages."""
    schema = pa.schema([(name, _ARROW[type_]) for name, type_ in section.columns])
    for source in section.sources:
        text, after = page_text(source), source.first
        while (page := graph.read(text, after=after, limit=PAGE)[0])["last"] is not None:
            after = page["last"]
            columns = list(zip(*page["rows"], strict=True)) or [()] * len(schema)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            yield pa.Table.from_arrays(arrays, schema=schema)


def compare(
    graph: Graph, connection: duckdb.DuckDBPyConnection, now: Mapping[str, str], progress: Progress = silent
) -> list[str]:
    """Compare every section; return a line for each difference.

    `connection` has a view of each ledger table by its name, as of the versions that the graph has reached; `now` has
    the SQL of what holds now, by the names in `NOW`.
    """
    differences = []
    for number, section in enumerate(SECTIONS):
        progress("compare graph and ledger", number, len(SECTIONS))
        differences += _compare(graph, connection, section, now)
    progress("compare graph and ledger", len(SECTIONS), len(SECTIONS))
    return differences


def _compare(
    graph: Graph, connection: duckdb.DuckDBPyConnection, section: Section, now: Mapping[str, str]
) -> list[str]:
    _lay(connection, "graph_rows", section)
    for page in rows_of(graph, section):
        connection.register("graph_page", page)
        connection.execute("INSERT INTO graph_rows SELECT * FROM graph_page")
        connection.unregister("graph_page")
    _lay(connection, "ledger_rows", section)
    expected = section.expected.format(**now)
    connection.execute(f"INSERT INTO ledger_rows SELECT {', '.join(_names(section))} FROM ({expected})")
    try:
        if checksum(connection, "graph_rows", section) == checksum(connection, "ledger_rows", section):
            return []
        return list(_differences(connection, section))
    finally:
        connection.execute("DROP TABLE graph_rows; DROP TABLE ledger_rows")


def _names(section: Section) -> list[str]:
    return [f'"{name}"' for name, _ in section.columns]


def _lay(connection: duckdb.DuckDBPyConnection, table: str, section: Section) -> None:
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in section.columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")


def checksum(connection: duckdb.DuckDBPyConnection, table: str, section: Section) -> tuple[Any, ...]:
    """Number of rows and the sum of their hashes: equal for equal rows in whatever order."""
    sql = f"SELECT count(*), coalesce(sum(hash({', '.join(_names(section))})::HUGEINT), 0) FROM {table}"
    rows = connection.execute(sql).fetchall()
    return tuple(rows[0])


def _differences(connection: duckdb.DuckDBPyConnection, section: Section) -> Iterator[str]:
    names = _names(section)
    key = names[: section.keys]
    for there, elsewhere, said in (("ledger", "graph", "missing"), ("graph", "ledger", "not in the ledger")):
        same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in key)
        sql = f"FROM {there}_rows AS a WHERE NOT EXISTS (FROM {elsewhere}_rows AS b WHERE {same})"
        yield from _told(connection, section, f"SELECT {', '.join(f'a.{name}' for name in key)} {sql}", said)
    rest = names[section.keys :]
    if rest:
        apart = " OR ".join(f"g.{name} IS DISTINCT FROM l.{name}" for name in rest)
        same = " AND ".join(f"g.{name} IS NOT DISTINCT FROM l.{name}" for name in key)
        sql = f"FROM graph_rows AS g JOIN ledger_rows AS l ON {same} WHERE {apart}"
        yield from _told(connection, section, f"SELECT {', '.join(f'g.{name}' for name in key)} {sql}", "different")
    twice = f"SELECT {', '.join(key)} FROM graph_rows GROUP BY ALL HAVING count(*) > 1"
    yield from _told(connection, section, twice, "doubled")


def _told(connection: duckdb.DuckDBPyConnection, section: Section, sql: str, said: str) -> Iterator[str]:
    count = connection.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0]
    if count:
        examples = connection.execute(f"FROM ({sql}) ORDER BY ALL LIMIT {EXAMPLES}").fetchall()
        named = ", ".join(" ".join(str(value) for value in row) for row in examples)
        more = ", …" if count > len(examples) else ""
        yield f"{section.name}: {count:,} {said} ({named}{more})"
