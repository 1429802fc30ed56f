"""Explanations and merges as sentences for somebody who has never heard of bits: a lawyer, a partner, a judge.

What they say is what the engine counted, in its order, and nothing else: each piece with both periods of use, what it
does to the odds, what was discounted and why, then the total, the odds before looking, and the probability that comes
of both. Values are masked. The bits named add up to the total named (`words.adding_up`), left-out pieces included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from linkage.findings import words
from linkage.findings.cuts import Cut
from linkage.model import Band, Evidence, Explanation, Judgement, Merge, Subject, SubjectType
from linkage.model.explanation import BEHAVIOUR, COVERAGE, DIFFERENCE, SIGN_UP, STANDING
from linkage.model.identifier import AND, SIMILAR

#: So many pieces that count are told one by one, and so many of those that count for nothing; then they are summed up.
MOST_COUNTED = 12
MOST_DISCOUNTED = 5
#: Bits that nobody would see after rounding.
NOTHING = 0.05

#: Evidence of a merge that is no identifier.
_BESIDES = {
    SIGN_UP: "the times of sign-up",
    BEHAVIOUR: "the hours they work in",
    COVERAGE: "how few of their members this concerns",
    DIFFERENCE: "what each has of its own and the other has too, but not the same",
    STANDING: "how it stands beside all members at once",
}
_STATED = {
    "declared": "the membership in the organisation is declared",
    "decision": "a person decided that they are one actor's",
}

_DECIDED = {
    Judgement.SAME: "decided that they are one actor's",
    Judgement.DIFFERENT: "decided that they are different actors'",
    Judgement.UNDECIDED: "looked and could not decide",
}


def explained(explanation: Explanation) -> list[str]:
    """The evidence between two subjects, a sentence or two each, ending with total, prior and probability."""
    told = [f"This compares {named(explanation.left)} with {named(explanation.right)}."]
    shown = words.adding_up([piece.bits for piece in explanation.evidence])
    pieces = list(zip(explanation.evidence, shown, strict=True))
    counted = [(piece, bits) for piece, bits in pieces if abs(bits) >= NOTHING]
    silent = [piece for piece, bits in pieces if abs(bits) < NOTHING]
    told += [_piece(explanation, piece, bits) for piece, bits in counted[:MOST_COUNTED]]
    if rest := counted[MOST_COUNTED:]:
        sum_ = sum(bits for _, bits in rest)
        told.append(f"{len(rest):,} weaker pieces count {words.bits_text(sum_)} together.")
    told += [_silent(explanation, piece) for piece in silent[:MOST_DISCOUNTED]]
    if rest_silent := silent[MOST_DISCOUNTED:]:
        told.append(f"{len(rest_silent):,} more things that both used count for nothing for reasons of the same kind.")
    if not explanation.evidence:
        told.append("They were never seen to use the same thing.")
    return [*told, *concluded(explanation, sum(shown))]


def concluded(explanation: Explanation, total: float) -> list[str]:
    """From the total to the probability."""
    against = 2**-explanation.prior_bits
    verdict = "enough" if explanation.linked else "not enough"
    return [
        f"Taken together this comes to {words.bits_text(total)}: it {words.changes(total)} that one actor runs both.",
        f"Before looking, the odds that any two of one neighbourhood are one actor's are taken to be 1 to "
        f"{against:,.0f} ({words.bits_text(explanation.prior_bits)}).",
        f"Both together give a probability of {words.percent(explanation.posterior)} that one actor runs both. A link "
        f"needs {words.percent(explanation.threshold)}: by itself, what the two share is {verdict}.",
    ]


def named(subject: Subject) -> str:
    """`account a1`."""
    return f"{subject.type} {subject.id}"


def placed(member: Subject, confidence: float, band: Band) -> str:
    """How sure a member's place is, and what to do about it."""
    return (
        f"That {named(member)} is its cluster's actor's is held to have a probability of {words.percent(confidence)}: "
        f"{words.band(band)}."
    )


def decided(
    judgement: Judgement,
    *,
    author: str | None = None,
    reason: str | None = None,
    at: datetime | None = None,
    counts: bool = True,
) -> str:
    """What a person said of two subjects; `counts` is false where a later decision took its place."""
    said = f"person {_DECIDED[judgement]}"
    when = f", {words.on(at)}" if at is not None else ""
    who = ": ".join(part for part in (author, reason) if part)
    who = f" ({who})" if who else ""
    return f"A {said}{when}{who}." if counts else f"Before that, a {said}{when}{who}; it no longer counts."


def _piece(explanation: Explanation, piece: Evidence, bits: float) -> str:
    said = f"{_facts(explanation, piece)} This {words.changes(bits)} ({words.bits_text(bits)})."
    if piece.full_bits - piece.bits <= NOTHING:
        return said
    why = "; ".join(piece.reason.split("; ")[1:]) or piece.reason
    return f"{said} Alone it would count {words.bits_text(piece.full_bits)}; it was discounted: {why}."


def _silent(explanation: Explanation, piece: Evidence) -> str:
    reason = piece.reason.removeprefix("0 bits: ")
    return f"{_facts(explanation, piece)} It counts for nothing: {reason}."


def _facts(explanation: Explanation, piece: Evidence) -> str:
    """What is known of one piece: who used what, when, and who else."""
    kind, value = piece.identifier.kind, piece.identifier.value
    if kind == SIGN_UP:
        return f"The two signed up {value}."
    if kind == DIFFERENCE:
        sorts = words.listed([f"{words.noun(sort)}" for sort in value.split(AND)])
        return f"Each of the two has a {sorts}, and neither has the other's or one like it."
    others = piece.holders - 2
    if kind.startswith(SIMILAR):
        also = (
            f"{others:,} {'other has' if others == 1 else 'others have'} one of them too"
            if others > 0
            else "nobody else has either"
        )
        return f"The two have {words.noun(kind, 2)}, {words.masked(kind, value)}; {also}."
    left = words.period(piece.left_first_seen, piece.left_last_seen)
    right = words.period(piece.right_first_seen, piece.right_last_seen)
    if left == right:
        when = f" {left}" if left else ""
    else:
        when = f" ({explanation.left.id} {left or 'at an unknown time'}, {explanation.right.id} "
        when += f"{right or 'at an unknown time'})"
    also = "nobody else ever did" if others < 1 else f"{others:,} {'other' if others == 1 else 'others'} did too"
    return f"{_both(explanation)} used the {words.noun(kind)} {words.masked(kind, value)}{when}; {also}."


def _both(explanation: Explanation) -> str:
    types = {explanation.left.type, explanation.right.type}
    return {
        frozenset({SubjectType.ACCOUNT}): "Both accounts",
        frozenset({SubjectType.ORGANISATION}): "Both organisations",
    }.get(frozenset(types), "Both the account and the organisation")


def merged(merge: Merge) -> str:
    """How two parts became one."""
    parts = f"{_part(merge.left, merge.left_size)} and {_part(merge.right, merge.right_size)}"
    parts = f"{parts[0].upper()}{parts[1:]}"
    if merge.stated is not None:
        return f"{parts} became one, since {_STATED.get(merge.stated, merge.stated)}."
    return (
        f"{parts} became one on {words.bits_text(merge.bits)} of evidence, a probability of "
        f"{words.percent(merge.posterior)}: {pieces_of(merge)}."
    )


def pieces_of(merge: Merge) -> str:
    """The evidence of a merge by kind, strongest first; the bits add up to the merge's."""
    return _by_kind([(piece.kind, piece.value, piece.bits) for piece in merge.evidence], merge.bits)


def strongest(explanation: Explanation) -> str:
    """The evidence of an explanation by kind, strongest first, without what counts for nothing."""
    counted = [piece for piece in explanation.evidence if abs(piece.bits) >= NOTHING]
    return _by_kind([(piece.identifier.kind, piece.identifier.value, piece.bits) for piece in counted])


def _by_kind(pieces: Sequence[tuple[str, str, float]], total: float | None = None) -> str:
    by_kind: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for kind, value, bits in pieces:
        by_kind[kind].append((value, bits))
    groups = sorted(by_kind.items(), key=lambda group: -sum(bits for _, bits in group[1]))
    shown = words.adding_up([sum(bits for _, bits in values) for _, values in groups], total)
    told = [
        f"{_name(kind, values)} ({words.bits_text(bits)})" for (kind, values), bits in zip(groups, shown, strict=True)
    ]
    return words.listed(told) if told else "nothing that counts"


def _name(kind: str, values: Sequence[tuple[str, float]]) -> str:
    if kind in _BESIDES:
        return _BESIDES[kind]
    if len(values) == 1:
        return f"the {words.noun(kind, 2 if kind.startswith(SIMILAR) else 1)} {words.masked(kind, values[0][0])}"
    return f"{len(values):,} {words.noun(kind, len(values))}"


def _part(member: Subject, size: int) -> str:
    return named(member) if size == 1 else f"the part of {size:,} around {named(member)}"


def fallen(cut: Cut, also_shared: Sequence[tuple[str, int]] | None = None) -> str:
    """What a cluster would fall into without its weakest merge.

    `also_shared` counts by kind what both parts hold besides; None: it was not looked up.
    """
    held = pieces_of(cut.merge)
    said = (
        f"Its weakest merge rests on {words.bits_text(cut.merge.bits)}: {held}. Without it the cluster falls into a "
        f"part of {cut.larger:,} and {'one single subject' if cut.smaller == 1 else f'a part of {cut.smaller:,}'}."
    )
    if also_shared is None:
        return said
    if not also_shared:
        return f"{said} Nothing else ties the two parts."
    besides = words.listed([f"{count:,} {words.noun(kind, count)}" for kind, count in also_shared])
    return f"{said} By now the two parts also share {besides}, which decided nothing or came later."


_BECAME = {
    "born": "The cluster {cluster} came to be, with {members} members",
    "grew": "The cluster {cluster} grew to {members} members",
    "shrank": "The cluster {cluster} shrank to {members} members",
    "changed": "The cluster {cluster} gained and lost members and has {members} now",
    "split": "{members} members of the cluster {cluster} are in {successor} now",
    "merged": "The cluster {cluster} ended: its {members} members are in {successor}",
    "retired": "The cluster {cluster} ended: its members are alone",
}
_PUBLISHED = {
    "resolution": "a resolution found so",
    "link": "a new fact said so",
    "decision": "a person decided so",
}


def became(change: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> str:
    """What became of a cluster in a publication, why, and on which evidence if members came in."""
    members, successor = int(change.get("members") or 0), change.get("successor_id")
    what = _BECAME[change["event"]].format(cluster=change["cluster_id"], members=f"{members:,}", successor=successor)
    said = f"{what}: {_PUBLISHED[change['kind']]}."
    if not evidence:
        return said
    pieces = [(piece["kind"], piece["value"], float(piece["bits"])) for piece in evidence]
    return f"{said} The strongest evidence: {_by_kind(pieces)}."
