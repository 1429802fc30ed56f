"""What is to be erased, and what that makes of the rows of each table: pure functions over rows.

Rows about the subject, or of an identifier that goes, are left out. Rows about others that name it say less: lists lose
the entry, sentences the words. A merge of earlier publications, which names each of its parts by one member, names a
stand-in that nobody else has.

An identifier goes with a subject where nobody else used it; what others used too is a fact about them and stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from linkage.ledger.erasure import Edit, mentions
from linkage.model.decision import PART
from linkage.model.identifier import AND, SIMILAR

#: What stands in a sentence in the place of what was erased.
MARK = "[erased]"
#: Shorter names are not looked for in sentences: they would be found in every second word.
SHORTEST = 4

Row = dict[str, Any]
Change = Callable[[Row], Row | None]


@dataclass(frozen=True)
class Erasure:
    """Subjects (`account:ID`) and identifiers (kind, value) that are to be nowhere any more, and the texts by which
    sentences name them; written down as long as it is under way."""

    erasure_id: str
    subjects: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...]
    texts: tuple[str, ...] = field(default=(), repr=False)

    def written(self) -> str:
        """As it is kept until it is through."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Erasure:
        """What was written."""
        held = json.loads(text)
        pairs = tuple((kind, value) for kind, value in held["identifiers"])
        return cls(held["erasure_id"], tuple(held["subjects"]), pairs, tuple(held["texts"]))

    @property
    def stand_in(self) -> str:
        """What merges of the past name in the place of a subject; made of nothing that is known of it."""
        return f"account:{self.erasure_id}"

    @cached_property
    def gone(self) -> frozenset[tuple[str, str]]:
        """The identifiers."""
        return frozenset(self.identifiers)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The provider's own ids of the subjects."""
        return frozenset(subject.partition(":")[2] for subject in self.subjects)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is looked for in sentences, the longest first."""
        long = {text for text in self.texts if len(text) >= SHORTEST}
        return tuple(sorted(long.union(self.subjects), key=lambda text: (-len(text), text)))

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        alternatives = "|".join(re.escape(name) for name in self.names)
        return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if self.names else None

    def of_type(self, subject_type: str) -> list[str]:
        """The ids of the subjects of a type."""
        return [text.partition(":")[2] for text in self.subjects if text.startswith(f"{subject_type}:")]

    def names_any(self, text: str) -> bool:
        """Whether a text names what goes."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def sentence(self, text: str | None) -> str | None:
        """A sentence without the words."""
        return text if text is None or self._pattern is None else self._pattern.sub(MARK, text)

    def has(self, kind: object, value: object) -> bool:
        """Whether an identifier goes: itself, or two that are alike of which it is one."""
        base = str(kind).removeprefix(SIMILAR)
        return any((base, part) in self.gone for part in str(value).split(AND)) or (kind, value) in self.gone

    def document(self, text: str | None) -> str | None:
        """A JSON document without the entries and the words; what is no JSON is a sentence."""
        if not text:
            return text
        try:
            held = json.loads(text)
        except ValueError:
            return self.sentence(text)
        kept = self._kept(held)
        return text if kept == held else json.dumps(kept, ensure_ascii=False, separators=(",", ":"))

    def _kept(self, held: Any) -> Any:
        if isinstance(held, dict):
            if "kind" in held and "value" in held:
                return held  # an identifier that others hold too
            return {name: self._kept(value) for name, value in held.items()}
        if isinstance(held, list):
            return [self._kept(each) for each in held if not self._goes(each)]
        return self.sentence(held) if isinstance(held, str) else held

    def _goes(self, each: Any) -> bool:
        if isinstance(each, dict):
            return "kind" in each and "value" in each and self.has(each["kind"], each["value"])
        return isinstance(each, str) and each in self.subjects


def edits(erasure: Erasure) -> dict[str, Edit]:
    """Table → what becomes of its rows, in the order in which they are best written."""
    subjects = [subject.partition(":") for subject in erasure.subjects]
    lists = {
        "gone_subjects": _list(
            subject=erasure.subjects,
            subject_type=[type_ for type_, _, _ in subjects],
            subject_id=[identity for _, _, identity in subjects],
        ),
        "gone_identifiers": _list(
            kind=[kind for kind, _ in erasure.identifiers], value=[value for _, value in erasure.identifiers]
        ),
        "gone_members": _list(text=sorted({spelt.lower() for one in erasure.subjects for spelt in _spelt(one)})),
        "gone_ids": _list(text=sorted({spelt.lower() for one in erasure.ids for spelt in _spelt(one)})),
        "gone_texts": _list(text=sorted({spelt.lower() for name in erasure.names for spelt in _spelt(name)})),
        "gone_parts": _list(text=sorted({spelt.lower() for _, v in erasure.identifiers for spelt in _spelt(v)})),
    }
    return {table: Edit(condition, change(erasure), lists) for table, (condition, change) in _TABLE.items()}


def _list(**columns: Iterable[str]) -> pa.Table:
    return pa.table({name: pa.array(list(texts), pa.string()) for name, texts in columns.items()})


def _spelt(text: str) -> set[str]:
    """A text as it is, and as JSON has it."""
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


# ---- which rows

_ABOUT = "(t.subject_type, t.subject_id) IN (SELECT (subject_type, subject_id) FROM gone_subjects)"
_OF_IDENTIFIER = "(t.kind, t.value) IN (SELECT (kind, value) FROM gone_identifiers)"


def _is(column: str, subject_type: str) -> str:
    return f"t.{column} IN (SELECT subject_id FROM gone_subjects WHERE subject_type = '{subject_type}')"


def _mentioned(*columns: str, texts: str = "gone_texts") -> str:
    return " OR ".join(mentions(f't."{column}"', texts) for column in columns)


#: Values of two that are alike hold the value of either.
_OF_ANY = f"{_OF_IDENTIFIER} OR (starts_with(t.kind, '{SIMILAR}') AND {_mentioned('value', texts='gone_parts')})"


def _named(*columns: str) -> str:
    return " OR ".join(f't."{column}" IN (SELECT subject FROM gone_subjects)' for column in columns)


#: Columns of an organisation's record that count as identifiers, and their kinds.
_ORGANISATION_KINDS = {"name": "organisation_name", "domain": "domain", "registration_number": "registration_number"}
_OF_RECORD = " OR ".join(
    f"('{kind}', t.{column}) IN (SELECT (kind, value) FROM gone_identifiers)"
    for column, kind in _ORGANISATION_KINDS.items()
)


# ---- what becomes of them


def _nothing(erasure: Erasure) -> Change:
    return lambda row: None


def _sentences(*columns: str) -> Callable[[Erasure], Change]:
    return lambda erasure: lambda row: row | {name: erasure.sentence(row[name]) for name in columns}


def _documents(*columns: str) -> Callable[[Erasure], Change]:
    return lambda erasure: lambda row: row | {name: erasure.document(row[name]) for name in columns}


def _account(erasure: Erasure) -> Change:
    accounts, organisations = set(erasure.of_type("account")), set(erasure.of_type("organisation"))

    def change(row: Row) -> Row | None:
        if row["account_id"] in accounts:
            return None
        belongs = None if row["organisation_id"] in organisations else row["organisation_id"]
        return row | {"organisation_id": belongs, "attributes": erasure.document(row["attributes"])}

    return change


def _organisation(erasure: Erasure) -> Change:
    organisations = set(erasure.of_type("organisation"))

    def change(row: Row) -> Row | None:
        if row["organisation_id"] in organisations:
            return None
        kept = {
            column: None if (kind, row[column]) in erasure.gone else row[column]
            for column, kind in _ORGANISATION_KINDS.items()
        }
        return row | kept | {"attributes": erasure.document(row["attributes"])}

    return change


def _decision(erasure: Erasure) -> Change:
    def change(row: Row) -> Row | None:
        new = row | {"reason": erasure.sentence(row["reason"])}
        for side in ("left", "right"):
            name, members = row[side], row[f"{side}_members"]
            if name in erasure.subjects:
                return None
            if members is None:
                continue
            left = [member for member in json.loads(members) if member not in erasure.subjects]
            if not left:
                return None
            new[f"{side}_members"] = json.dumps(left, ensure_ascii=False)
            if name.startswith(PART) and name.split(":", 2)[2] in erasure.subjects:
                new[side] = ":".join([*name.split(":", 2)[:2], left[0]])
        return new

    return change


def _saying(about: Callable[[Erasure, Row], bool], *columns: str) -> Callable[[Erasure], Change]:
    """Rows that go where they are about what goes, and else lose words."""

    def made(erasure: Erasure) -> Change:
        return lambda row: (
            None if about(erasure, row) else row | {name: erasure.sentence(row[name]) for name in columns}
        )

    return made


def _is_observed(erasure: Erasure, row: Row) -> bool:
    return (
        f"{row['subject_type']}:{row['subject_id']}" in erasure.subjects
        or (
            row["kind"],
            row["value"],
        )
        in erasure.gone
    )


def _is_shared(erasure: Erasure, row: Row) -> bool:
    return erasure.has(row["kind"], row["value"])


def _rejection(erasure: Erasure) -> Change:
    """A row that was not taken goes where any of its cells is, or any of its sentences names, what goes."""

    def change(row: Row) -> Row | None:
        try:
            cells = json.loads(row["raw"] or "{}")
        except ValueError:
            cells = {}
        said = {str(cell).strip() for cell in cells.values()} if isinstance(cells, dict) else set()
        texts = (row["raw"] or "", row["reason"] or "")
        if said & erasure.ids or any(erasure.names_any(text) for text in texts):
            return None
        return row | {"file": erasure.sentence(row["file"])}

    return change


def _merge(erasure: Erasure) -> Change:
    def change(row: Row) -> Row | None:
        sides = {side: erasure.stand_in if row[side] in erasure.subjects else row[side] for side in ("left", "right")}
        return row | sides | {"evidence": erasure.document(row["evidence"])}

    return change


#: Table → which rows, and what becomes of them.
_TABLE: Mapping[str, tuple[str, Callable[[Erasure], Change]]] = {
    "rejections": (f"{_mentioned('raw', 'reason', 'file')} OR {_mentioned('raw', texts='gone_ids')}", _rejection),
    "withdrawals": (f"{_ABOUT} OR {_OF_IDENTIFIER} OR {_mentioned('reason')}", _saying(_is_observed, "reason")),
    "usage": (_is("account_id", "account"), _nothing),
    "accounts": (
        f"{_is('account_id', 'account')} OR {_is('organisation_id', 'organisation')} OR {_mentioned('attributes')}",
        _account,
    ),
    "organisations": (
        f"{_is('organisation_id', 'organisation')} OR {_OF_RECORD} OR {_mentioned('attributes')}",
        _organisation,
    ),
    "decisions": (
        f"{_named('left', 'right')} OR {_mentioned('left_members', 'right_members', texts='gone_members')} "
        f"OR {_mentioned('reason')}",
        _decision,
    ),
    "retractions": (_mentioned("reason"), _sentences("reason")),
    "reviews": (_mentioned("reason"), _sentences("reason")),
    "memberships": (_ABOUT, _nothing),
    "clusters": (_mentioned("weakest", texts="gone_parts"), _documents("weakest")),
    "evidence": (f"{_OF_ANY} OR {_mentioned('reason')}", _saying(_is_shared, "reason")),
    "merges": (f"{_named('left', 'right')} OR {_mentioned('evidence', texts='gone_parts')}", _merge),
    "identifiers": (f"{_OF_ANY} OR {_mentioned('class_reason')}", _saying(_is_shared, "class_reason")),
    "observations": (f"{_ABOUT} OR {_OF_IDENTIFIER}", _nothing),
}
