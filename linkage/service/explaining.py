"""Why two subjects are linked, or why not: what they share, weighed by the engine, and the thread between them.

Two members of a cluster need not share anything: A and B share a card, B and C a device. Then the answer is the
thread from the one to the other through what ties the cluster, strongest pieces preferred.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx

from linkage.engine.explain import SharedUse, explain
from linkage.engine.model import Model
from linkage.errors import BadInput, NotFound
from linkage.findings import sentences
from linkage.findings.words import bits_text, noun
from linkage.graph.reads import Page, Reader, decisions, resolutions, subjects
from linkage.graph.reads import shared as reads
from linkage.model import Band, Costs, Explanation, Identifier, Judgement, Merge, Subject

Key = tuple[str, str]
Row = Mapping[str, Any]

#: A thread with more steps than this explains nothing to anybody.
LONGEST_CHAIN = 12


@dataclass(frozen=True, slots=True)
class Step:
    """Two members of a cluster next to each other on the thread."""

    left: Key
    right: Key
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything known of two subjects' link; `decisions` are those of the two, newest first."""

    left: Key
    right: Key
    rows: Mapping[Key, Row]
    explanation: Explanation
    left_place: Row | None
    right_place: Row | None
    decisions: Sequence[Row]
    chain: Sequence[Step]
    costs: Costs

    @property
    def cluster(self) -> Row | None:
        """The cluster that both are in."""
        left, right = self.left_place, self.right_place
        if left is None or right is None or left["cluster"]["id"] != right["cluster"]["id"]:
            return None
        cluster: Row = left["cluster"]
        return cluster

    @property
    def placed(self) -> list[tuple[Key, float | None, Band | None]]:
        """Left, then right: how sure its place in its cluster is, and what to do about it; None where it is alone."""
        places = [(self.left, self.left_place), (self.right, self.right_place)]
        sure = [(one, place["membership"].get("confidence") if place else None) for one, place in places]
        return [(one, confidence, self.costs.band(confidence)) for one, confidence in sure]

    @property
    def needed_bits(self) -> float:
        """What evidence must add up to for a link."""
        threshold = min(max(self.explanation.threshold, 1e-12), 1 - 1e-12)
        return math.log2(threshold / (1 - threshold)) - self.explanation.prior_bits

    @property
    def missing_bits(self) -> float:
        """How much of it is missing."""
        return max(0.0, self.needed_bits - self.explanation.total_bits)


async def find(reader: Reader, model: Model, left: Key, right: Key) -> Finding:
    """Look into the link of two subjects; raise `NotFound` for an unknown one."""
    if left == right:
        raise BadInput("an explanation is about two different subjects")
    rows = await _rows(reader, [left, right])
    pairs, places, said, span = await asyncio.gather(
        _shared(reader, [(left, right)], model),
        subjects.clusters_of(reader, [left, right]),
        decisions.between(reader, left, right),
        sign_up_span(reader),
    )
    scales = _Scales(model, span)
    (direct,) = await _weigh(reader, [(left, right)], pairs, rows, scales)
    ends = places.get(left), places.get(right)
    finding = Finding(left, right, rows, direct, *ends, said, (), model.bands.costs)
    if direct.linked or finding.cluster is None:
        return finding
    keys = await _thread(reader, str(finding.cluster["id"]), left, right)
    steps = list(itertools.pairwise(keys))
    if len(steps) < 2:
        return finding
    rows = rows | await _rows(reader, keys)
    found = await _weigh(reader, steps, await _shared(reader, steps, model), rows, scales)
    chain = [Step(here, there, weighed) for (here, there), weighed in zip(steps, found, strict=True)]
    return replace(finding, rows=rows, chain=chain)


@dataclass(frozen=True, slots=True)
class _Scales:
    """What evidence is weighed with: the model, and in how many days most signed up."""

    model: Model
    sign_up_span: float


async def sign_up_span(reader: Reader) -> float:
    """The days within which all but a few accounts signed up, as the last resolution found them; 0: not known."""
    last = await resolutions.page(reader, Page(size=1))
    summary = last.rows[0]["node"].get("summary") if last.rows else None
    found = json.loads(summary) if isinstance(summary, str) and summary else {}
    return float(found.get("sign_up_span") or 0.0)


async def _shared(reader: Reader, pairs: Sequence[tuple[Key, Key]], model: Model) -> list[reads.Shared]:
    compared, differing = tuple(model.similarity.kinds), model.differing_kinds
    return await reads.shared(reader, pairs, compared=compared, differing=differing)


async def _weigh(
    reader: Reader,
    pairs: Sequence[tuple[Key, Key]],
    shared: Sequence[reads.Shared],
    rows: Mapping[Key, Row],
    scales: _Scales,
) -> list[Explanation]:
    """Weigh what each pair shares; where two pieces could be one place's, look how many others hold both."""
    first = [weigh(*pair, uses, rows, scales, {}) for pair, uses in zip(pairs, shared, strict=True)]
    asked: list[tuple[int, str, Row, Row]] = []
    for number, (explanation, uses) in enumerate(zip(first, shared, strict=True)):
        nodes = {(use["node"]["kind"], use["node"]["value"]): use["node"] for use in uses.rows}
        told = [nodes.get((piece.identifier.kind, piece.identifier.value)) for piece in explanation.evidence]
        telling = [node for node, piece in zip(told, explanation.evidence, strict=True) if node and piece.bits > 0]
        asked += [(number, str(node["id"]), node, telling[0]) for node in telling[1:]]
    if not asked:
        return first
    ends = [sorted((node, loudest), key=_holders) for _, _, node, loudest in asked]
    both = await reads.overlaps(reader, [(str(few["id"]), str(many["id"])) for few, many in ends])
    overlaps: list[dict[str, float]] = [{} for _ in pairs]
    for at, ((number, identity, _, _), (few, _)) in enumerate(zip(asked, ends, strict=True)):
        # The share of the rarer one's other holders that hold both, as the rounds of the engine count it.
        overlaps[number][identity] = max(0, both.get(at, 2) - 2) / max(1, _holders(few) - 1)
    return [weigh(*pair, uses, rows, scales, known) for pair, uses, known in zip(pairs, shared, overlaps, strict=True)]


def _holders(node: Row) -> int:
    return max(2, int(node.get("holders") or 2))


def key(of: Subject) -> Key:
    """The (type, id) of a subject, as the graph's reads take it."""
    return of.type.value.capitalize(), of.id


def subject(key: Key) -> Subject:
    """The subject of a (type, id)."""
    type_name, identity = key
    return Subject.parse(f"{type_name.lower()}:{identity}")


def weigh(
    left: Key,
    right: Key,
    uses: reads.Shared,
    rows: Mapping[Key, Row],
    scales: _Scales,
    overlaps: Mapping[str, float],
) -> Explanation:
    """Weigh what two subjects share, as the graph has it."""
    return explain(
        subject(left),
        subject(right),
        [_use(row, overlaps.get(str(row["node"]["id"]), 0.0)) for row in uses.rows],
        model=scales.model,
        left_created=rows[left].get("created_at"),
        right_created=rows[right].get("created_at"),
        sign_up_span=scales.sign_up_span,
        left_kinds=uses.left_kinds,
        right_kinds=uses.right_kinds,
    )


def _use(row: Row, overlap: float) -> SharedUse:
    node, left, right = row["node"], row["left"], row["right"]
    return SharedUse(
        identifier=Identifier(str(node["kind"]), str(node["value"])),
        holders=_holders(node),
        holder_clusters=int(node.get("holder_clusters") or _holders(node)),
        left_first_seen=left.get("first_seen"),
        left_last_seen=left.get("last_seen"),
        right_first_seen=right.get("first_seen"),
        right_last_seen=right.get("last_seen"),
        sharing_class=node.get("sharing_class"),
        class_bits=float(node.get("class_bits") or 0.0),
        class_reason=str(node.get("class_reason") or ""),
        overlap=min(1.0, overlap),
    )


async def _rows(reader: Reader, keys: Sequence[Key]) -> dict[Key, Row]:
    """What is known of the subjects, one query for each type among them."""
    ids: dict[str, list[str]] = defaultdict(list)
    for type_name, identity in keys:
        ids[type_name].append(identity)
    found = await asyncio.gather(*(subjects.by_ids(reader, type_name, asked) for type_name, asked in ids.items()))
    rows: dict[Key, Row] = {
        (type_name, identity): row
        for type_name, by_id in zip(ids, found, strict=True)
        for identity, row in by_id.items()
    }
    for type_name, identity in keys:
        if (type_name, identity) not in rows:
            raise NotFound(
                f"there is no {type_name.lower()} {identity!r}",
                next_step="Check its id. What was loaded while Neo4j was away: linkage graph catch-up.",
            )
    return rows


async def _thread(reader: Reader, cluster_id: str, left: Key, right: Key) -> list[Key]:
    edges = await reads.threads(reader, cluster_id)
    return await asyncio.to_thread(thread, edges, left, right)


def thread(edges: Sequence[Row], left: Key, right: Key) -> list[Key]:
    """The members from left to right, each sharing something with the next; strong pieces make short steps."""
    graph: nx.Graph[tuple[str, ...]] = nx.Graph()
    for edge in edges:
        graph.add_edge(
            ("subject", edge["type"], edge["id"]),
            ("identifier", edge["identifier"]),
            # What would link by itself costs 2, half of it 5, next to nothing 300: no short cuts over an office.
            weight=1.0 + (17.0 / (1.0 + max(0.0, float(edge["bits"])))) ** 2,
        )
    start, end = ("subject", *left), ("subject", *right)
    try:
        nodes = nx.dijkstra_path(graph, start, end)
    except (nx.NodeNotFound, nx.NetworkXNoPath):
        return []
    keys = [(node[1], node[2]) for node in nodes if node[0] == "subject"]
    return keys if len(keys) <= LONGEST_CHAIN + 1 else []


def joined_at(merges: Sequence[Merge], left: Subject, right: Subject) -> Merge | None:
    """The merge in which the parts of two members became one; merges name their parts by one member each."""
    parent: dict[Subject, Subject] = {}

    def root(member: Subject) -> Subject:
        while parent.get(member, member) != member:
            parent[member] = parent.get(parent[member], parent[member])
            member = parent[member]
        return member

    for merge in merges:
        parent[root(merge.right)] = root(merge.left)
        if root(left) == root(right):
            return merge
    return None


def told(finding: Finding, joined: Merge | None = None) -> list[str]:
    """The whole answer as sentences that a lawyer can read: the evidence, what joined the two, what people said.

    `joined` is the merge that brought the two together, where what they share was not enough (`joined_at`).
    """
    lines = sentences.explained(finding.explanation)
    if finding.cluster is not None and not finding.explanation.linked:
        lines.append("All the same they are held to be one actor's, for what ties them through others.")
        if joined is not None:
            lines.append(f"The step that brought them together: {sentences.merged(joined)}")
        for step in finding.chain:
            ends = f"{sentences.named(step.explanation.left)} and {sentences.named(step.explanation.right)}"
            lines.append(f"{ends[0].upper()}{ends[1:]} are tied by {sentences.strongest(step.explanation)}.")
    lines += [
        sentences.placed(subject(one), confidence, band)
        for one, confidence, band in finding.placed
        if confidence is not None and band is not None
    ]
    return [*lines, *_decided(finding.decisions)]


def _decided(said: Sequence[Row]) -> list[str]:
    """What people said, newest first; what a later decision replaced says so, where both have a time, and what was
    taken back is left out."""
    standing = [decision for decision in said if decision.get("retracted_at") is None]
    times = [decision["decided_at"] for decision in standing if decision.get("decided_at") is not None]
    return [
        sentences.decided(
            Judgement(decision["judgement"]),
            author=decision.get("author"),
            reason=decision.get("reason"),
            at=decision.get("decided_at"),
            counts=decision.get("decided_at") in (None, *times[:1]),
        )
        for decision in standing
    ]


def why(finding: Finding) -> str:
    """The answer to "why" in words."""
    left, right = _named(finding.left), _named(finding.right)
    direct = finding.explanation
    evidence = _sum(direct)
    if finding.cluster is None:
        if direct.linked:
            return f"{left} and {right} share enough ({evidence}), but no resolution has put them into one cluster yet."
        return f"{left} and {right} are not linked: {evidence}, and a link needs {finding.needed_bits:.1f}."
    size = int(finding.cluster.get("size") or 0)
    if direct.linked:
        return f"{left} and {right} are linked by what they share: {evidence}; a link needs {finding.needed_bits:.1f}."
    if _declared(finding):
        return f"{left} and {right} belong to the same declared organisation, and are in one cluster of {size}."
    if finding.chain:
        steps = len(finding.chain)
        return (
            f"What {left} and {right} share is not enough by itself ({evidence}; a link needs "
            f"{finding.needed_bits:.1f}), but a thread of {steps} {'step' if steps == 1 else 'steps'} through their "
            f"cluster of {size} ties them."
        )
    return (
        f"What {left} and {right} share is not enough by itself ({evidence}); they came into one cluster of {size} "
        "with the parts they were already in."
    )


def why_not(finding: Finding) -> str:
    """The answer to "why not" in words."""
    left, right = _named(finding.left), _named(finding.right)
    if finding.cluster is not None:
        return f"They are linked. {why(finding)}"
    if finding.explanation.linked:
        return why(finding)
    return f"{left} and {right} are not linked: " + " ".join(missing(finding))


def missing(finding: Finding) -> list[str]:
    """What is missing for a link, or speaks against it, a sentence each."""
    direct = finding.explanation
    lines: list[str] = []
    if finding.missing_bits > 0:
        if not direct.evidence:
            lines.append("They share no identifier.")
        lines.append(
            f"The evidence adds up to {bits_text(direct.total_bits)}; a link needs {finding.needed_bits:.1f}: "
            f"{finding.missing_bits:.1f} bits are missing."
        )
    lines += [
        f"Their {noun(piece.identifier.kind)} counts {piece.bits:.1f} of {piece.full_bits:.1f} bits: {piece.reason}."
        for piece in direct.evidence
        if piece.bits < piece.full_bits - 0.05
    ]
    lines += [
        f"Their {noun(piece.identifier.kind)} speaks against it with {bits_text(piece.bits)}."
        for piece in direct.evidence
        if piece.bits < 0
    ]
    left, right = finding.left_place, finding.right_place
    if left is not None and right is not None and finding.cluster is None:
        lines.append(
            f"They are in different clusters, of {left['cluster'].get('size')} and {right['cluster'].get('size')}."
        )
    lines += [
        "A person decided that they are different."
        for decision in [one for one in finding.decisions if one.get("retracted_at") is None][:1]
        if decision.get("judgement") == "different"
    ]
    return lines


def _declared(finding: Finding) -> bool:
    homes = {finding.rows[key].get("organisation_id") for key in (finding.left, finding.right)}
    return len(homes) == 1 and homes != {None}


def _named(key: Key) -> str:
    return f"{key[0].lower()} {key[1]}"


def _sum(explanation: Explanation) -> str:
    if not explanation.evidence:
        return "they share no identifier"
    strongest = sorted(explanation.evidence, key=lambda piece: -piece.bits)[:3]
    pieces = ", ".join(f"{noun(piece.identifier.kind)} {round(piece.bits, 1):.1f}" for piece in strongest)
    more = len(explanation.evidence) - len(strongest)
    return f"{bits_text(explanation.total_bits)} ({pieces}{f' and {more} more' if more > 0 else ''})"
