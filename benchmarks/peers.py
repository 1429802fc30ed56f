"""What others do: the recipes this engine is measured against, on the same normalised facts.

components      accounts that share a value with at most so many holders are one cluster (most published recipes)
graph database  the fraud demonstration of a graph database: values on at most ten accounts; two accounts with more
                than two of them in common are linked; components of that
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkage.engine import Facts, Model, resolve

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Peer:
    """A way from facts to clusters (account_id, cluster_id, and a confidence if it has one)."""

    name: str
    run: Callable[[Facts], pa.Table]


def engine(facts: Facts) -> pa.Table:
    """This engine with its default model."""
    members = resolve(facts, Model.load()).memberships
    with duckdb.connect() as connection:
        connection.register("members", members)
        found: pa.Table = connection.sql(
            "select subject_id as account_id, label as cluster_id, confidence from members "
            "where subject_type = 'account'"
        ).to_arrow_table()
    return found


def components(facts: Facts, *, cap: int) -> pa.Table:
    """Accounts that share a value with at most `cap` holders, directly or through others."""
    return _clusters(facts, _STARS, cap)


def graph_database(facts: Facts, *, cap: int = 10) -> pa.Table:
    """Accounts with more than two values in common, of values with at most `cap` holders."""
    return _clusters(facts, _PAIRS, cap)


#: One edge a holder: a value's holders hang on the first of them.
_STARS = """
    select min(account) over (partition by kind, value) as left_account, account as right_account
    from held join shared using (kind, value)"""
_PAIRS = """
    select one.account as left_account, other.account as right_account
    from (from held join shared using (kind, value)) as one join held as other using (kind, value)
    where one.account < other.account group by all having count(*) > 2"""


def _clusters(facts: Facts, edges: str, cap: int) -> pa.Table:
    with duckdb.connect() as connection:
        facts.register(connection)
        connection.execute("""
            create temp table numbered as select account_id, row_number() over (order by account_id) - 1 as account
            from (select account_id from accounts
                  union select subject_id from observations where subject_type = 'account')""")
        connection.execute("""
            create temp table held as select distinct account, kind, value from observations
            join numbered on account_id = subject_id where subject_type = 'account'""")
        connection.execute(f"""
            create temp table shared as select kind, value from held group by all
            having count(*) between 2 and {cap}""")
        found = connection.sql(edges).fetchnumpy()
        accounts = connection.sql("select account_id from numbered order by account").to_arrow_table()
    labels = connected(len(accounts), found["left_account"], found["right_account"])
    clusters: pa.Table = accounts.append_column("cluster_id", pa.array(labels))
    return clusters


def connected(size: int, left: Any, right: Any) -> Whole:
    """The component of each of `size` nodes, by hooking and compressing."""
    label = np.arange(size)
    left, right = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    while len(left):
        low = np.minimum(label[left], label[right])
        np.minimum.at(label, label[left], low)
        np.minimum.at(label, label[right], low)
        while (label[label] != label).any():
            label = label[label]
        apart = label[left] != label[right]
        left, right = left[apart], right[apart]
    found: Whole = label
    return found


ENGINE = Peer("linkage", engine)
PEERS: Sequence[Peer] = (
    ENGINE,
    *(Peer(f"components, at most {cap}", partial(components, cap=cap)) for cap in (2, 5, 20)),
    Peer("graph database recipe", graph_database),
)
