"""What a cluster would fall into without its weakest merge.

The merges of a cluster are a tree over its members: each names one member of either part. Take the merge with the
least evidence away, and the tree falls into two: those are the parts, as large as they are now, later members
included. What else the two parts share by now is another question, which the graph answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linkage.model import Merge, Subject


@dataclass(frozen=True, slots=True)
class Cut:
    """The weakest merge, and the two parts that it holds together; `members` are those of the smaller one."""

    merge: Merge
    larger: int
    members: tuple[Subject, ...]

    @property
    def smaller(self) -> int:
        """How many subjects the smaller part has."""
        return len(self.members)


def weakest_cut(merges: Sequence[Merge]) -> Cut | None:
    """The cut at the merge with the fewest bits; None where every merge was stated, and none rests on evidence."""
    judged = [at for at, merge in enumerate(merges) if merge.stated is None]
    if not judged:
        return None
    weakest = min(judged, key=lambda at: merges[at].bits)
    roots = _Roots()
    for at, merge in enumerate(merges):
        if at != weakest:
            roots.join(merge.left, merge.right)
    cut = merges[weakest]
    members = sorted({member for merge in merges for member in (merge.left, merge.right)})
    left = [member for member in members if roots.of(member) == roots.of(cut.left)]
    right = [member for member in members if roots.of(member) == roots.of(cut.right)]
    larger, smaller = sorted((left, right), key=lambda part: (len(part), cut.left in part), reverse=True)
    return Cut(cut, len(larger), tuple(smaller))


class _Roots:
    """Who is joined with whom, by one member for each part."""

    def __init__(self) -> None:
        self._parent: dict[Subject, Subject] = {}

    def of(self, member: Subject) -> Subject:
        path = []
        while (above := self._parent.get(member, member)) != member:
            path.append(member)
            member = above
        for passed in path:
            self._parent[passed] = member
        return member

    def join(self, left: Subject, right: Subject) -> None:
        self._parent[self.of(right)] = self.of(left)
