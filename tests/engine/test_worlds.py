"""Accuracy on small generated worlds: ratchets, raised when the engine gets better and never lowered."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import duckdb
import pytest

from linkage.engine import Facts, resolve
from linkage.scenario.world import generate


@pytest.mark.parametrize(
    ("name", "precision", "recall", "bystanders"),
    [("retail", 0.99, 0.88, 0.03), ("campus", 0.99, 0.90, 0.06), ("mixed", 0.96, 0.55, 0.05)],
)
def test_rings_are_found_and_bystanders_left_alone(
    tmp_path: Path, name: str, precision: float, recall: float, bystanders: float
) -> None:
    generate(name, 6000, 11, tmp_path)
    read = duckdb.connect()
    observations = read.sql(
        f"""SELECT if(account_id IS NULL, 'organisation', 'account') AS subject_type,
                   coalesce(account_id, organisation_id) AS subject_id, kind, value, first_seen, last_seen
            FROM '{tmp_path}/observations.parquet'"""
    ).to_arrow_table()
    resolution = resolve(Facts(observations=observations, accounts=[str(tmp_path / "accounts.parquet")]))
    actors = read.sql(f"SELECT account_id, actor_id, ring FROM '{tmp_path}/truth.parquet'").fetchall()
    truth = {account: (actor, ring) for account, actor, ring in actors}
    label = {
        row["subject_id"]: row["label"]
        for row in resolution.memberships.to_pylist()
        if row["subject_type"] == "account"
    }
    found = _measures(truth, label)
    assert found[0] >= precision
    assert found[1] >= recall
    assert found[2] <= bystanders


def _measures(truth: dict[str, tuple[str, bool]], label: dict[str, int]) -> tuple[float, float, float]:
    """B-cubed precision and recall over ring members, and the share of others in clusters of five or more."""
    cluster, actor, both = Counter(label[a] for a in truth), Counter(t[0] for t in truth.values()), Counter[object]()
    for account, (owner, _) in truth.items():
        both[label[account], owner] += 1
    rows: dict[bool, list[tuple[float, float, bool]]] = defaultdict(list)
    for account, (owner, ring) in truth.items():
        inside = both[label[account], owner]
        rows[ring].append((inside / cluster[label[account]], inside / actor[owner], cluster[label[account]] >= 5))
    rings, others = rows[True], rows[False]
    mean = [sum(row[i] for row in rings) / len(rings) for i in (0, 1)]
    return mean[0], mean[1], sum(row[2] for row in others) / len(others)
