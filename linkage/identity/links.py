"""From placed newcomers to published rows: a cluster grew by one, or was born of two.

What a resolution compares as a whole is known here step by step, so that nothing is read of a cluster but its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from linkage.identity import columns
from linkage.identity.ids import random_id


@dataclass(slots=True)
class Cluster:
    """A cluster as it is published, while it grows; `told_by` is the publication that told its evidence."""

    id: str
    size: int
    accounts: int
    organisations: int
    confidence: float
    created_at: datetime
    weakest: str | None
    told_by: str
    born: bool = False


@dataclass
class Links:
    """The rows of one publication of links, gathered link by link."""

    publication_id: str
    at: datetime
    clusters: dict[str, Cluster] = field(default_factory=dict)
    new_id: Callable[[], str] = random_id
    _members: dict[str, tuple[str, float]] = field(default_factory=dict)
    _born: dict[str, str] = field(default_factory=dict)

    def join(self, subject: str, cluster_id: str | None, fellow: str, sure: float, fellow_sure: float | None) -> str:
        """Put a subject (`account:ID`) into a cluster, or with a fellow that was alone; returns the cluster's id."""
        if cluster_id is None:
            cluster_id = self._born.get(fellow) or self._found(fellow, sure if fellow_sure is None else fellow_sure)
        cluster = self.clusters[cluster_id]
        self._add(cluster, subject, sure)
        if cluster.born:
            self._born[subject] = cluster.id
        return cluster.id

    def _found(self, subject: str, sure: float) -> str:
        cluster = Cluster(self.new_id(), 0, 0, 0, 0.0, self.at, None, self.publication_id, born=True)
        self.clusters[cluster.id] = cluster
        self._add(cluster, subject, sure)
        self._born[subject] = cluster.id
        return cluster.id

    def _add(self, cluster: Cluster, subject: str, sure: float) -> None:
        cluster.confidence = (cluster.confidence * cluster.size + sure) / (cluster.size + 1)
        cluster.size += 1
        if subject.startswith("account:"):
            cluster.accounts += 1
        else:
            cluster.organisations += 1
        self._members[subject] = (cluster.id, sure)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def touched(self) -> list[Cluster]:
        """The clusters that grew or were born."""
        return [self.clusters[identity] for identity in dict.fromkeys(cluster for cluster, _ in self._members.values())]

    def memberships(self) -> pa.Table:
        """Rows of the ledger's table, provisional."""
        rows = []
        for subject, (cluster, sure) in sorted(self._members.items()):
            type_, _, identity = subject.partition(":")
            rows.append(
                {
                    "publication_id": self.publication_id,
                    "subject_type": type_,
                    "subject_id": identity,
                    "cluster_id": cluster,
                    "confidence": sure,
                    "provisional": True,
                }
            )
        return pa.Table.from_pylist(rows, schema=columns.MEMBERSHIPS)

    def cluster_rows(self) -> pa.Table:
        """Rows of the ledger's table `clusters`."""
        rows: list[dict[str, Any]] = [
            {
                "publication_id": self.publication_id,
                "cluster_id": cluster.id,
                "size": cluster.size,
                "accounts": cluster.accounts,
                "organisations": cluster.organisations,
                "confidence": cluster.confidence,
                "created_at": cluster.created_at,
                "weakest": cluster.weakest,
                "told_by": cluster.told_by,
            }
            for cluster in sorted(self.touched, key=lambda cluster: cluster.id)
        ]
        return pa.Table.from_pylist(rows, schema=columns.CLUSTERS)

    def lineage(self) -> pa.Table:
        """Rows of the ledger's table: born, grew."""
        rows = [
            {
                "publication_id": self.publication_id,
                "at": self.at,
                "event": "born" if cluster.born else "grew",
                "cluster_id": cluster.id,
                "successor_id": None,
                "members": cluster.size,
            }
            for cluster in sorted(self.touched, key=lambda cluster: cluster.id)
        ]
        return pa.Table.from_pylist(rows, schema=columns.LINEAGE)
