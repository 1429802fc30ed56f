"""What is erased, taken out of the graph while it serves: nodes, and words in what is said of others.

The database's own files are another matter: a node that is deleted is still in its store and its transaction log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import neo4j
import pyarrow as pa

from linkage.graph.connection import Graph
from linkage.graph.schema import apply_schema, drop_search
from linkage.graph.steps import (
    FACT_STEPS,
    SUM_CLUSTERS_OF_ACCOUNTS,
    WITHDRAWAL_STEPS,
    Step,
    Tables,
    graph_key,
)
from linkage.model.identifier import AND, SIMILAR


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What the graph is to hold no more. `decisions`: rows of those that are named in it, as they are now; those that
    are gone are named in `lost`. `texts`, in lower case: what sentences may hold; `sentence`: what becomes of one."""

    subjects: Sequence[tuple[str, str]]
    identifiers: Sequence[tuple[str, str]]
    lost: Sequence[str]
    decisions: pa.Table
    retractions: pa.Table
    texts: Sequence[str]
    sentence: Callable[[str], str | None]


#: Node × property that holds sentences or documents.
_SAID = (
    ("Cluster", "id", "weakest"),
    ("Change", "number", "evidence"),
    ("Decision", "id", "reason"),
    ("Decision", "id", "retraction"),
    ("Resolution", "id", "reviewed_for"),
    ("Account", "id", "attributes"),
    ("Organisation", "id", "attributes"),
    ("Identifier", "key", "class_reason"),
)
_DELETE = "MATCH (n:{label}) WHERE n.{key} IN $keys DETACH DELETE n"
_SIMILAR = f"""
MATCH (n:Identifier) WHERE n.kind STARTS WITH '{SIMILAR}'
  AND any(part IN split(n.value, '{AND}') WHERE substring(n.kind, {len(SIMILAR)}) + ':' + part IN $keys)
DETACH DELETE n
"""
_SAYING = """
MATCH (n:{label}) WHERE any(text IN $texts WHERE toLower(n.{name}) CONTAINS text)
RETURN n.{key} AS key, n.{name} AS said
"""
_NO_USAGE = """
UNWIND $rows AS r MATCH (a:Account {id: r[0]})
SET a.requests = 0, a.input_tokens = 0, a.output_tokens = 0, a.tokens = 0, a.first_used = null, a.last_used = null
"""
_SAY = "UNWIND $rows AS r MATCH (n:{label} {{{key}: r[0]}}) SET n.{name} = r[1]"


@dataclass(frozen=True, slots=True)
class Stale:
    """Uses that are told anew: rows that go (in the columns of withdrawals), what is left of the same uses; accounts
    whose usage is summed anew, and the hours that are left of it."""

    gone: pa.Table
    left: pa.Table
    users: pa.Table
    usage: pa.Table

    def subjects(self) -> list[tuple[str, str]]:
        """Those it is of, by type and id."""
        columns = (self.gone[name].to_pylist() for name in ("subject_type", "subject_id"))
        observed = [(str(type_), str(identity)) for type_, identity in zip(*columns, strict=True)]
        return [*observed, *(("account", str(identity)) for identity in self.users["account_id"].to_pylist())]


def tell_again(graph: Graph, stale: Stale, secret: bytes) -> None:
    """Tell uses and totals anew of what is left; done twice it comes out the same."""

    def told(tx: neo4j.ManagedTransaction) -> None:
        tables = {"withdrawals": stale.gone, "observations": stale.left, "usage": stale.usage}
        for step in WITHDRAWAL_STEPS:
            tx.run(step.cypher, rows=rows_of(step, tables, secret)).consume()
        users = [[identity] for identity in stale.users["account_id"].to_pylist()]
        tx.run(_NO_USAGE, rows=users).consume()
        for step in FACT_STEPS["usage"]:
            tx.run(step.cypher, rows=rows_of(step, tables, secret)).consume()
        tx.run(SUM_CLUSTERS_OF_ACCOUNTS, rows=users).consume()

    graph.transaction(told)


def rows_of(step: Step, tables: Tables, secret: bytes) -> list[list[Any]]:
    """The rows of a step as Cypher takes them."""
    rows = step.rows(tables, secret)
    return [list(row) for row in zip(*(column.to_pylist() for column in rows.columns), strict=True)]


def forget(graph: Graph, what: Forgotten, secret: bytes) -> None:
    """Take it out of the graph, which has all that the ledger has; done twice it does nothing more."""
    drop_subjects(graph, what.subjects)
    graph.write(
        "UNWIND $ids AS id MATCH (a:Account {organisation_id: id}) SET a.organisation_id = null",
        ids=[identity for found, identity in what.subjects if found == "organisation"],
    )
    keys = [graph_key(kind, value) for kind, value in what.identifiers]
    graph.write(_DELETE.format(label="Identifier", key="key"), keys=keys)
    graph.write(_SIMILAR, keys=[f"{kind}:{value}" for kind, value in what.identifiers])
    _tell_decisions(graph, what, secret)
    for label, key, name in _SAID:
        rows = graph.read(_SAYING.format(label=label, key=key, name=name), texts=list(what.texts))
        said = [[row["key"], what.sentence(row["said"])] for row in rows]
        graph.write(_SAY.format(label=label, key=key, name=name), rows=said)
    # The full-text index keeps what was deleted until it tidies itself: it is laid anew.
    drop_search(graph)
    apply_schema(graph)


def drop_subjects(graph: Graph, subjects: Sequence[tuple[str, str]]) -> None:
    """Take subjects, by type and id, out of the graph."""
    for label, type_ in (("Account", "account"), ("Organisation", "organisation")):
        ids = [identity for found, identity in subjects if found == type_]
        graph.write(_DELETE.format(label=label, key="id"), keys=ids)


def _tell_decisions(graph: Graph, what: Forgotten, secret: bytes) -> None:
    named = [*what.lost, *what.decisions["decision_id"].to_pylist()]
    graph.write(_DELETE.format(label="Decision", key="id"), keys=named)
    tables = {"decisions": what.decisions, "retractions": what.retractions}
    for table, rows in tables.items():
        for step in FACT_STEPS[table] if rows.num_rows else ():
            graph.write(step.cypher, rows=rows_of(step, tables, secret))
