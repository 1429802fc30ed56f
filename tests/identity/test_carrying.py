"""Who is younger than a resolution's facts stays beside present fellows, and what people hold apart stays apart."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from linkage.identity import carry_over

LETTERS = "abcdefgh"
Parts = dict[str, int]


def _subjects(letters: str) -> list[dict[str, object]]:
    return [{"subject_type": "account", "subject_id": letter} for letter in letters]


def carried(
    held: dict[str, str], labels: Parts, young: str, apart: tuple[str, ...] = ()
) -> tuple[dict[str, int], dict[str, bool | None]]:
    """letter → label, letter → provisional; `held`: letter → cluster."""
    previous = [{**row, "cluster_id": held[str(row["subject_id"])], "confidence": 0.7, "provisional": True}
                for row in _subjects("".join(held))]  # fmt: skip
    current = [
        {**row, "label": labels[str(row["subject_id"])], "confidence": 0.9} for row in _subjects("".join(labels))
    ]
    texts = [("subject_type", pa.string()), ("subject_id", pa.string())]
    table = carry_over(
        pa.Table.from_pylist(
            previous,
            schema=pa.schema(
                [*texts, ("cluster_id", pa.string()), ("confidence", pa.float64()), ("provisional", pa.bool_())]
            ),
        ),
        pa.Table.from_pylist(current, schema=pa.schema([*texts, ("label", pa.int64()), ("confidence", pa.float64())])),
        pa.Table.from_pylist(_subjects(young), schema=pa.schema(texts)),
        pa.Table.from_pylist(
            [
                {"decision": number, "side": side, "subject": f"account:{pair[side]}"}
                for number, pair in enumerate(apart)
                for side in (0, 1)
            ],
            schema=pa.schema([("decision", pa.int64()), ("side", pa.int64()), ("subject", pa.string())]),
        ),
    )
    rows = table.to_pylist()
    assert len({row["subject_id"] for row in rows}) == len(rows)
    return (
        {row["subject_id"]: row["label"] for row in rows},
        {row["subject_id"]: row["provisional"] for row in rows},
    )


def parts(labels: Parts) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    for letter, label in labels.items():
        found.setdefault(label, set()).add(letter)
    return {frozenset(members) for members in found.values()}


def test_a_subject_linked_since_goes_where_most_of_its_fellows_go() -> None:
    held = dict.fromkeys("abcx", "c1")
    labels, provisional = carried(held, {"a": 1, "b": 1, "c": 2, "x": 9}, "x")
    assert parts(labels) == {frozenset("abx"), frozenset("c")}
    assert provisional == {"a": None, "b": None, "c": None, "x": True}


def test_a_subject_that_the_resolution_has_never_seen_is_there_all_the_same() -> None:
    labels, _ = carried(dict.fromkeys("ax", "c1"), {"a": 1}, "x")
    assert parts(labels) == {frozenset("ax")}


def test_a_cluster_that_is_all_younger_stays_as_it_is() -> None:
    labels, _ = carried(dict.fromkeys("xy", "c1"), {"a": 1, "x": 1, "y": 1}, "xy")
    assert parts(labels) == {frozenset("xy"), frozenset("a")}


def test_whoever_was_set_apart_since_stays_alone() -> None:
    labels, _ = carried({"a": "c1", "b": "c1"}, {"a": 1, "b": 1, "x": 1}, "x")
    assert parts(labels) == {frozenset("ab"), frozenset("x")}


def test_two_clusters_that_a_decision_holds_apart_are_not_merged() -> None:
    held = {**dict.fromkeys("ab", "c1"), **dict.fromkeys("cd", "c2")}
    labels, _ = carried(held, {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, "", apart=("bd",))
    assert parts(labels) == {frozenset("ab"), frozenset("cd"), frozenset("e")}


def test_a_pair_that_is_together_now_waits_for_its_own_publication() -> None:
    labels, _ = carried(dict.fromkeys("ab", "c1"), {"a": 1, "b": 1}, "", apart=("ab",))
    assert parts(labels) == {frozenset("ab")}


@given(
    held=st.dictionaries(st.sampled_from(LETTERS), st.sampled_from(["c1", "c2", "c3"])),
    labels=st.fixed_dictionaries({letter: st.integers(0, 4) for letter in LETTERS[:6]}),
    young=st.sets(st.sampled_from(LETTERS)),
    apart=st.sets(st.tuples(st.sampled_from(LETTERS), st.sampled_from(LETTERS)), max_size=3),
)
def test_what_always_holds(held: dict[str, str], labels: Parts, young: set[str], apart: set[tuple[str, str]]) -> None:
    pairs = tuple(left + right for left, right in apart if left != right and not _together(held, left, right))
    found, provisional = carried(held, labels, "".join(sorted(young)), pairs)
    # Nobody is lost, nobody is invented.
    assert set(found) == set(labels) | young | {one for one in found if provisional[one] is not None}
    # What people hold apart stays apart.
    assert not [pair for pair in pairs if pair[0] in found and pair[1] in found and found[pair[0]] == found[pair[1]]]
    carried_over = {one for one in found if provisional[one] is not None}
    assert young <= carried_over
    if not pairs:
        assert carried_over == young
    for one in carried_over:
        fellows = [other for other in held if one in held and held[other] == held[one]]
        seen = Counter(found[other] for other in fellows if other not in carried_over and other in labels)
        if seen:
            assert seen[found[one]] == max(seen.values())
        else:
            others = {other for other in found if found[other] == found[one]}
            assert others == ({other for other in fellows if other in carried_over} or {one})
    # Everybody else is where the resolution says.
    assert all(found[one] == labels[one] for one in set(found) - carried_over)


def _together(held: dict[str, str], left: str, right: str) -> bool:
    return left in held and right in held and held[left] == held[right]
