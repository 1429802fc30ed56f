"""What others do: the recipes this engine is measured against, on the same normalised facts.

components      accounts that share a value with at most so many holders are one cluster (most published recipes)
graph database  the fraud demonstration of a graph database: values on at most ten accounts; two accounts with more
                than two of them in common are linked; components of that
one pass        this engine's own formulas, once: every pair past the threshold, components of that. What the
                collective rounds add is the difference
Splink          probabilistic record linkage, in `splink_peer`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.datasets import Dataset
from linkage.engine import Facts, Model, resolve
from linkage.engine.resolve import bind, gather, prepare, weigh
from linkage.engine.rounds import Rounds
from linkage.engine.runner import Runner

Whole = npt.NDArray[np.int64]
#: Clusters (account_id, cluster_id, and a confidence if there is one) by what tells one answer from another of the
#: same run, such as a threshold; empty for the only one.
Answers = Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Peer:
    """A way from facts to clusters; `needs` names the package it cannot run without."""

    name: str
    run: Callable[[Dataset], Answers]
    needs: str = ""

    @property
    def left_out(self) -> str:
        """Why it cannot run here; empty where it can."""
        return missing(self.needs) if self.needs else ""


def missing(package: str) -> str:
    """Why what needs this package is left out; empty where the package is installed."""
    return "" if find_spec(package) else f"the package {package} is not installed; make bench installs it"


def engine(dataset: Dataset) -> Answers:
    """This engine with its default model."""
    members = resolve(dataset.facts, Model.load()).memberships
    with duckdb.connect() as connection:
        connection.register("members", members)
        found: pa.Table = connection.sql(
            "select subject_id as account_id, label as cluster_id, confidence from members "
            "where subject_type = 'account'"
        ).to_arrow_table()
    return {"": found}


def one_pass(dataset: Dataset) -> Answers:
    """Every pair of subjects past the engine's threshold, weighed once; declared members are one from the start.

    This is not the engine with one round: a round joins each cluster with its best partner only.
    """
    model = Model.load()
    runner = Runner("4GB", threads=2)
    try:
        dataset.facts.register(runner.connection)
        prepare(runner, model)
        gathered = gather(runner, model)
        weights, _, holdings = weigh(gathered, model)
        forest, _ = bind(runner, holdings.subjects)
        rounds = Rounds(holdings, weights, forest, gathered.activity, threads=2)
        label, clusters = rounds.labels()
        table = rounds.tabulate(label, rounds.first_rows(), label, clusters)
        found = rounds.score(rounds.look(table, label), np.ones(clusters, dtype=np.bool_))
        runner.give(
            "labels",
            subject=np.arange(holdings.subjects),
            cluster_id=connected(clusters, found.left, found.right)[label],
        )
        named = runner.arrow(
            "select subject_id as account_id, cluster_id from subjects join labels using (subject) "
            "where subject_type = 'account'"
        )
    finally:
        runner.close()
    return {"": named}


def components(dataset: Dataset, *, cap: int) -> Answers:
    """Accounts that share a value with at most `cap` holders, directly or through others."""
    return _clusters(dataset.facts, _STARS, cap)


def graph_database(dataset: Dataset, *, cap: int = 10) -> Answers:
    """Accounts with more than two values in common, of values with at most `cap` holders."""
    return _clusters(dataset.facts, _PAIRS, cap)


def splink(dataset: Dataset) -> Answers:
    """Probabilistic record linkage at two thresholds."""
    from benchmarks import splink_peer  # noqa: PLC0415  the package is installed with the group bench only

    return splink_peer.run(dataset)


#: One edge a holder: a value's holders hang on the first of them.
_STARS = """
    select min(account) over (partition by kind, value) as left_account, account as right_account
    from held join shared using (kind, value)"""
_PAIRS = """
    select one.account as left_account, other.account as right_account
    from (from held join shared using (kind, value)) as one join held as other using (kind, value)
    where one.account < other.account group by all having count(*) > 2"""


def _clusters(facts: Facts, edges: str, cap: int) -> Answers:
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
    return {"": accounts.append_column("cluster_id", pa.array(labels))}


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
#: Every peer by the word that chooses it.
METHODS: Mapping[str, Sequence[Peer]] = {
    "linkage": (ENGINE,),
    "one-pass": (Peer("linkage, one pass", one_pass),),
    "components": tuple(Peer(f"components, ≤ {cap}", partial(components, cap=cap)) for cap in (2, 5, 20)),
    "graph-database": (Peer("graph database", graph_database),),
    "splink": (Peer("Splink", splink, needs="splink"),),
}
PEERS: Sequence[Peer] = tuple(chain.from_iterable(METHODS.values()))
#: Seconds each; what the speed benchmark runs.
QUICK: Sequence[Peer] = tuple(peer for peer in PEERS if not peer.needs)
