"""What there is to judge a cluster by: how it came to be, what it would fall into, what else could stand behind it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from linkage.errors import NotFound
from linkage.findings import sentences
from linkage.findings.cuts import Cut, weakest_cut
from linkage.findings.facts import ClusterFacts, DeclaredOrganisation, OwnKind, SharedKind
from linkage.findings.hypotheses import Hypothesis, hypotheses
from linkage.graph.reads import Reader, clusters, facts
from linkage.model import Band, Costs, Merge
from linkage.service.explaining import key, sign_up_span

Row = Mapping[str, Any]

DAY = 86400.0
#: A smaller part with more members than this is not laid beside the rest: its sizes say enough.
MOST_ACROSS = 1_000
#: What an organisation says of its type, as the engine reads it too.
_TYPES = ("type", "kind", "category")


@dataclass(frozen=True, slots=True)
class WeakestCut:
    """The weakest cut; `also_shared` are identifiers that both parts hold by now, None where that was not looked up."""

    cut: Cut
    also_shared: Sequence[Row] | None

    @property
    def text(self) -> str:
        """The cut in words."""
        if self.also_shared is None:
            return sentences.fallen(self.cut)
        deciding = {(piece.kind, piece.value) for piece in self.cut.merge.evidence}
        besides = [row["node"] for row in self.also_shared]
        kinds = Counter(node["kind"] for node in besides if (node["kind"], node["value"]) not in deciding)
        return sentences.fallen(self.cut, kinds.most_common())


@dataclass(frozen=True, slots=True)
class Judged:
    """A cluster with everything that there is to judge it by; one that ended has its successors and nothing else.

    `band` is what to do about its members if all are treated alike; None where it ended.
    """

    cluster: Row
    successors: Sequence[Row]
    merges: Sequence[Merge] = ()
    cut: WeakestCut | None = None
    hypotheses: Sequence[Hypothesis] = ()
    band: Band | None = None

    @property
    def live(self) -> bool:
        """Whether it has members."""
        return bool(self.cluster.get("size")) and self.cluster.get("retired_at") is None


async def find(reader: Reader, cluster_id: str) -> Row:
    """The cluster of that id, retired ones too; raise `NotFound` for an unknown one."""
    row = (await clusters.by_ids(reader, [cluster_id])).get(cluster_id)
    if row is None:
        raise NotFound(
            f"there is no cluster {cluster_id!r}",
            next_step="Its id begins with cl_: the explorer lists clusters (linkage serve), and so does linkage demo.",
        )
    return row


async def judge(reader: Reader, cluster: Row, merges: Sequence[Merge], costs: Costs) -> Judged:
    """Gather what there is to judge a cluster by, from its merges and the graph."""
    cluster_id = str(cluster["id"])
    judged = Judged(cluster, ())
    if not judged.live:
        return Judged(cluster, (await clusters.successors(reader, [cluster_id])).get(cluster_id, []))
    cuts, weighed = await asyncio.gather(
        weakest_cuts(reader, {cluster_id: merges}), hypotheses_of(reader, [cluster_id])
    )
    band = costs.band(cluster.get("confidence"))
    return Judged(cluster, (), merges, cuts.get(cluster_id), weighed.get(cluster_id, []), band)


async def weakest_cuts(reader: Reader, merges: Mapping[str, Sequence[Merge]]) -> dict[str, WeakestCut]:
    """For each cluster its weakest cut and what else ties the parts; clusters that rest on no evidence are left out."""
    cuts = {cluster: cut for cluster, its in merges.items() if (cut := weakest_cut(its)) is not None}
    asked = {
        cluster: [key(member) for member in cut.members] for cluster, cut in cuts.items() if cut.smaller <= MOST_ACROSS
    }
    also = await facts.across(reader, asked) if asked else {}
    return {cluster: WeakestCut(cut, also.get(cluster)) for cluster, cut in cuts.items()}


async def hypotheses_of(reader: Reader, ids: Sequence[str]) -> dict[str, list[Hypothesis]]:
    """For each cluster what could stand behind it, the likeliest first."""
    known, span = await asyncio.gather(facts.of_clusters(reader, ids), sign_up_span(reader))
    return {identity: hypotheses(facts_of(row, span)) for identity, row in known.items()}


def facts_of(row: Row, span: float) -> ClusterFacts:
    """The facts as the graph has them; `span` is that of all sign-ups, in days."""
    periods = {one["id"]: one for one in row["periods"]}
    early, late = row["early"], row["late"]
    return ClusterFacts(
        accounts=int(row["accounts"]),
        organisations=tuple(
            DeclaredOrganisation(str(one["id"]), int(one["members"]), one.get("name"), _type(one.get("attributes")))
            for one in row["organisations"]
        ),
        shared=tuple(_shared(one, periods.get(one["most"]["id"])) for one in row["shared"]),
        own=tuple(OwnKind(str(one["kind"]), int(one["known"]), int(one["own"])) for one in row["own"]),
        sign_up_days=(late - early) / DAY if early is not None and late is not None else None,
        sign_up_span=span or None,
    )


def _shared(one: Row, period: Row | None) -> SharedKind:
    most = one["most"]
    known = period is not None and period["first"] is not None
    return SharedKind(
        kind=str(one["kind"]),
        identifiers=int(one["identifiers"]),
        bits=float(one["bits"] or 0.0),
        members=int(most["members"] or 0),
        holders=int(most["holders"] or most["members"] or 0),
        holder_clusters=int(most["holder_clusters"] or 1),
        sharing_class=most["sharing_class"],
        days=(period["last"] - period["first"]).total_seconds() / DAY if period is not None and known else None,
    )


def _type(attributes: str | None) -> str | None:
    held = json.loads(attributes) if attributes else {}
    return next((str(held[name]) for name in _TYPES if held.get(name)), None)
