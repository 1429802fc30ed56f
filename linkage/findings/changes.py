"""What a change does to clusters, in words: what is split, what becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linkage.findings.words import listed

#: So many single subjects are named; more are counted.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Flow:
    """So many members that went from one cluster to another; without `old` or `new` it is the subject `alone`, who came
    from nowhere or stands alone now. `new` is whatever tells the clusters apart that there are now."""

    old: str | None
    new: int | None
    members: int
    alone: str | None = None


def changes(flows: Sequence[Flow]) -> list[str]:
    """The change in clauses, such as “splits cl_1 (43) into 40 + 3”; none where everybody stays with everybody."""
    return [*_splits(flows), *_merges(flows)]


def sentence(clauses: Sequence[str]) -> str:
    """The clauses as one sentence."""
    told = "; ".join(clauses)
    return f"{told[0].upper()}{told[1:]}."


def _splits(flows: Sequence[Flow]) -> list[str]:
    told = []
    for old in sorted({flow.old for flow in flows if flow.old is not None}):
        going = [flow for flow in flows if flow.old == old]
        parts = sorted((flow.members for flow in going if flow.new is not None), reverse=True)
        alone = sorted(str(flow.alone) for flow in going if flow.new is None)
        if len(going) < 2:
            continue
        size = sum(flow.members for flow in going)
        if not parts:
            told.append(f"dissolves {old} ({size:,}): all its members stand alone")
        elif len(parts) == 1:
            told.append(f"takes {_counted(alone)} out of {old} ({size:,}), which keeps {parts[0]:,}")
        else:
            into = " + ".join(f"{part:,}" for part in parts)
            rest = f", and leaves {_counted(alone)} alone" if alone else ""
            told.append(f"splits {old} ({size:,}) into {into}{rest}")
    return told


def _merges(flows: Sequence[Flow]) -> list[str]:
    told = []
    sizes: dict[str, int] = {}
    for flow in flows:
        if flow.old is not None:
            sizes[flow.old] = sizes.get(flow.old, 0) + flow.members
    for new in sorted({flow.new for flow in flows if flow.new is not None}):
        coming = [flow for flow in flows if flow.new == new]
        if len(coming) < 2:
            continue
        clusters = sorted((flow for flow in coming if flow.old is not None), key=lambda flow: (-flow.members, flow.old))
        names = [
            f"{flow.old} ({flow.members:,})"
            if flow.members == sizes[str(flow.old)]
            else f"{flow.members:,} of {flow.old}"
            for flow in clusters
        ]
        alone = sorted(str(flow.alone) for flow in coming if flow.old is None)
        size = sum(flow.members for flow in coming)
        told.append(f"merges {listed([*names, *([_counted(alone)] if alone else [])])} into one cluster of {size:,}")
    return told


def _counted(subjects: Sequence[str]) -> str:
    return listed(subjects) if len(subjects) <= NAMED else f"{len(subjects):,} subjects"
