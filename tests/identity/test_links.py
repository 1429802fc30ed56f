"""Links are published as what changed: who is where now, which clusters grew or were born, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from linkage.identity.links import Cluster, Links
from linkage.ledger.tables import CLUSTERS, LINEAGE, MEMBERSHIPS

NOW = datetime(2026, 5, 1, tzinfo=UTC)
BEFORE = datetime(2026, 4, 1, tzinfo=UTC)


def links(*clusters: Cluster) -> Links:
    numbers = count(1)
    return Links("ln_1", NOW, {cluster.id: cluster for cluster in clusters}, lambda: f"cl_new{next(numbers)}")


def ring() -> Cluster:
    return Cluster("cl_ring", 3, 3, 0, 0.9, BEFORE, '{"bits": 3}', "rs_1")


def test_a_cluster_that_grows_keeps_its_id_age_and_telling() -> None:
    made = links(ring())
    assert made.join("account:a", "cl_ring", "account:r", 0.7, None) == "cl_ring"
    assert made.join("organisation:o", "cl_ring", "account:r", 0.9, None) == "cl_ring"
    (row,) = made.cluster_rows().to_pylist()
    assert (row["size"], row["accounts"], row["organisations"]) == (5, 4, 1)
    assert (row["created_at"], row["told_by"], row["weakest"]) == (BEFORE, "rs_1", '{"bits": 3}')
    assert abs(row["confidence"] - (3 * 0.9 + 0.7 + 0.9) / 5) < 1e-9
    assert [(row["event"], row["members"]) for row in made.lineage().to_pylist()] == [("grew", 5)]


def test_two_that_were_alone_found_a_cluster_and_whoever_follows_joins_it() -> None:
    made = links()
    born = made.join("account:a", None, "account:b", 0.8, 0.6)
    assert made.join("account:c", None, "account:a", 0.7, None) == born
    assert made.join("account:d", born, "account:b", 0.7, None) == born
    members = {row["subject_id"]: row["confidence"] for row in made.memberships().to_pylist()}
    assert members == {"a": 0.8, "b": 0.6, "c": 0.7, "d": 0.7}
    assert [(row["event"], row["cluster_id"], row["members"]) for row in made.lineage().to_pylist()] == [
        ("born", born, 4)
    ]
    assert made.cluster_rows()["told_by"].to_pylist() == ["ln_1"]


def test_rows_have_the_columns_of_the_ledger_and_are_provisional() -> None:
    made = links(ring())
    made.join("account:a", "cl_ring", "account:r", 0.7, None)
    assert made.memberships().schema == MEMBERSHIPS.schema
    assert made.cluster_rows().schema == CLUSTERS.schema
    assert made.lineage().schema == LINEAGE.schema
    assert made.memberships()["provisional"].to_pylist() == [True]


def test_a_cluster_that_was_only_looked_at_is_not_touched() -> None:
    made = links(ring(), Cluster("cl_other", 2, 2, 0, 0.8, BEFORE, None, "rs_1"))
    assert len(made) == 0
    made.join("account:a", "cl_ring", "account:r", 0.7, None)
    assert [cluster.id for cluster in made.touched] == ["cl_ring"]
