"""Identifiers of a whole chunk: each distinct raw value is normalised once, canonical ones without Python."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from linkage.ingest.arrow import NO_TEXT, Array, Rows, at, mask_of, pc, rows_where, texts
from linkage.normalise import KINDS, Cards, Context, Kind, canonical_name, kind_of
from linkage.normalise.cards import CANDIDATE
from linkage.normalise.kind import LONGEST_VALUE
from linkage.normalise.text import PLACEHOLDERS

_REMEMBERED = 200_000
_PLACEHOLDERS = pa.array(sorted(PLACEHOLDERS))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell of each of some rows (their places in the chunk)."""

    field: str
    code: str
    reason: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Normalised kinds and values of a chunk, `raw` where it differs, and what could not be taken."""

    kinds: Array
    values: Array
    raw: Array
    faults: list[Fault]
    unknown_kinds: frozenset[str]


@dataclass(slots=True)
class Normaliser:
    """Normalises columns of identifiers and remembers what it made of values that needed Python."""

    context: Context
    _memory: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def identifiers(self, kinds: Array, values: Array) -> Identifiers:
        """Normalise a chunk's identifiers; `kinds` and `values` are texts, null where empty."""
        coded = kinds.dictionary_encode()
        spellings = coded.dictionary.to_pylist()
        by_spelling = texts([canonical_name(text) for text in spellings])
        names = by_spelling.take(coded.indices)
        nameless = rows_where(pc.and_(pc.is_valid(kinds), pc.is_null(names)))
        faults = [Fault("kind", "BAD_KIND", "the kind is no name of letters, digits and underscores", nameless)]
        normal, raw, places = [pa.nulls(0, pa.string())], [pa.nulls(0, pa.string())], [np.zeros(0, np.int64)]
        found = sorted({name for name in by_spelling.to_pylist() if name})
        for kind in map(kind_of, found):
            rows = rows_where(pc.equal(names, kind.name))
            here = at(values, rows)
            values_here, bad, cards = self._column(kind, here)
            faults += [
                Fault("value", "BAD_VALUE", f"the value is not {kind.wanted}", rows[bad]),
                Fault(
                    "value",
                    "CARD_NUMBER",
                    "the value is a payment card's number: send the processor's fingerprint",
                    rows[cards],
                ),
            ]
            normal.append(values_here)
            raw.append(_where_different(kind, here, values_here))
            places.append(rows)
        back = _places_of(np.concatenate(places), len(values))
        unknown = frozenset(name for name in found if name not in KINDS)
        return Identifiers(
            names, pa.concat_arrays(normal).take(back), pa.concat_arrays(raw).take(back), faults, unknown
        )

    def _column(self, kind: Kind, raw: Array) -> tuple[Array, Rows, Rows]:
        """The normal values of one kind, and the places of those that are junk and of those that are cards."""
        coded = raw.dictionary_encode()
        distinct, indices = coded.dictionary, coded.indices
        slow = rows_where(pc.invert(_already_normal(kind, distinct)))
        if not len(slow):
            return raw, slow, slow
        raw_texts = at(distinct, slow).to_pylist()
        made = [self._one(kind, text) for text in raw_texts]
        values = pc.replace_with_mask(distinct, mask_of(slow, len(distinct)), texts(made)).take(indices)
        refused = slow[[value is None and kind.refuses(text) for value, text in zip(made, raw_texts, strict=True)]]
        is_card = pc.fill_null(pc.is_in(indices, value_set=pa.array(refused, indices.type)), False)
        is_junk = pc.and_not(pc.and_(pc.is_valid(raw), pc.is_null(values)), is_card)
        return values, rows_where(is_junk), rows_where(is_card)

    def _one(self, kind: Kind, text: str) -> str | None:
        key = (kind.name, text)
        if key not in self._memory:
            if len(self._memory) >= _REMEMBERED:
                self._memory.clear()
            self._memory[key] = kind.normalise(text, self.context)
        return self._memory[key]


def _already_normal(kind: Kind, values: Array) -> Array:
    if kind.canonical is None:
        return pa.array(np.zeros(len(values), np.bool_))
    normal = pc.and_not(pc.match_substring_regex(values, kind.canonical), pc.is_in(values, value_set=_PLACEHOLDERS))
    if kind.unless:
        normal = pc.and_not(normal, pc.match_substring_regex(values, kind.unless))
    if kind.cards is not Cards.NONE:
        normal = pc.and_not(normal, pc.match_substring_regex(values, CANDIDATE))
    return pc.and_(normal, pc.less_equal(pc.binary_length(values), LONGEST_VALUE))


def _where_different(kind: Kind, raw: Array, normal: Array) -> Array:
    if kind.secret:
        return pa.nulls(len(raw), pa.string())
    return pc.if_else(pc.fill_null(pc.equal(raw, normal), False), NO_TEXT, raw)


def _places_of(order: Rows, length: int) -> Array:
    """Where each row of a chunk of `length` rows stands in `order`; null for one that stands nowhere."""
    back = np.full(length, -1, np.int64)
    back[order] = np.arange(len(order), dtype=np.int64)
    return pa.array(back, mask=back < 0)
