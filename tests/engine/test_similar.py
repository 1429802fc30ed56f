"""Similar names and addresses: what counts as similar, what must not, and that a pair is evidence and never a group."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.engine import Facts, Model, Resolution, resolve
from linkage.model.identifier import AND
from tests.engine.conftest import accounts, clusters, observed
from tests.engine.oracle import Oracle, Use

MODEL = Model.load()
#: Without the second look: what the rounds alone make.
ROUNDS_ALONE = MODEL.model_copy(update={"confidence": MODEL.confidence.model_copy(update={"least": 0.0})})
#: Names that give words their weights: what a word says depends on how many others have it.
TOWN = [
    f"{first} {second} {third}"
    for first in ("chicago", "ymca", "henry booth house", "salvation army")
    for second in ("north", "uptown", "lincoln", "garfield", "kenwood", "austin")
    for third in ("school", "head start", "center", "day care")
]
STREETS = [f"{number} {side} {street}" for number in (12, 40, 7, 99) for side in "nsew" for street in ("oak", "elm st")]


def pairs(
    kind: str, *values: str, among: list[str] | None = None, model: Model = MODEL
) -> dict[tuple[str, str], float]:
    """The pairs that are found similar among some values of one kind, those of a background left out: bits lost."""
    background = (STREETS if kind == "postal_address" else TOWN) if among is None else among
    rows = [(f"s{number}", kind, value) for number, value in enumerate([*values, *background])]
    found = resolve(Facts(observations=observed(rows)), model).identifiers
    found = found.filter(pc.equal(found["kind"], f"similar_{kind}"))
    said = {tuple(row["value"].split(AND)): row["class_bits"] for row in found.to_pylist()}
    return {pair: bits for pair, bits in said.items() if set(pair) <= set(values)}  # type: ignore[misc]


ALIKE = [
    ("organisation_name", "st agnes nursery", "st agnes nursery school"),
    ("organisation_name", "hull house association uptown west", "hull house uptown west"),
    ("organisation_name", "abraham lincoln centre bronzeville", "abraham lincoln center bronzeville"),
    ("organisation_name", "itsy bitsy people palace", "henry booth house itsy bitsy people palace"),
    ("organisation_name", "palace itsy bitsy", "itsy bitsy palace"),
    ("postal_address", "4520 n beacon", "4520 n beacon st"),
    ("postal_address", "8225 29 s kedzie", "8225 s kedzie"),
    ("postal_address", "2020 w roosevelt rd", "2020 w roosevlet rd"),
    ("person_name", "ashleigh matthews", "ashleigh matthmews"),
    ("person_name", "holly winterbourne", "winterbourne holly"),
]


@pytest.mark.parametrize(("kind", "left", "right"), ALIKE)
def test_spellings_of_one_name_are_similar(kind: str, left: str, right: str) -> None:
    assert list(pairs(kind, left, right)) == [tuple(sorted((left, right)))]


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        ("organisation_name", "ps school 12", "ps school 21"),
        ("organisation_name", "harolds chicken shack 12", "harolds chicken shack 14"),
        ("organisation_name", "henry booth house austin", "henry booth house kenwood"),
        ("organisation_name", "chicago public schools peirce", "chicago public schools brennemann"),
        ("postal_address", "4520 n beacon st", "4522 n beacon st"),
        ("postal_address", "4520 n beacon st", "4520 s beacon ave"),
        ("postal_address", "12 main st unit 3", "12 main st unit 4"),
        ("person_name", "mary winterbourne", "john winterbourne"),
        ("person_name", "anna winterbourne", "anne peterson"),
    ],
)
def test_what_only_looks_alike_is_not(kind: str, left: str, right: str) -> None:
    # branches of a chain, houses of one street, flats of one house, sisters and brothers
    assert not pairs(kind, left, right)


def test_the_more_two_names_have_in_common_the_more_they_say() -> None:
    found = pairs("organisation_name", "itsy bitsy palace", "itsy bitsy palace school", "itsy bitsy palace kedzie")
    shifts = {pair[1]: bits for pair, bits in found.items() if pair[0] == "itsy bitsy palace"}
    assert 0 > shifts["itsy bitsy palace school"] > shifts["itsy bitsy palace kedzie"]


def test_a_chain_of_similar_names_is_no_name_that_all_of_them_have() -> None:
    names = ["dandelion", "dandelion thistle", "dandelion thistle bramble nettle"]
    assert set(pairs("organisation_name", *names)) == {(names[0], names[1]), (names[1], names[2])}
    rows = [(who, "organisation_name", name) for who, name in zip("abc", names, strict=True)]
    for row in resolve(Facts(observations=observed(rows))).identifiers.to_pylist():
        assert row["holders"] == 2


def test_a_similar_name_alone_links_nobody_and_with_an_address_it_does() -> None:
    names = [("a", "organisation_name", "itsy bitsy palace"), ("b", "organisation_name", "itsy bitsy palace school")]
    assert not clusters(resolve(Facts(observations=observed(names))))
    place = [(who, "postal_address", "4520 n beacon st") for who in "ab"]
    resolution = resolve(Facts(observations=observed([*names, *place])))
    assert clusters(resolution) == {frozenset("ab")}
    (merge,) = resolution.merges.to_pylist()
    kinds = {piece["kind"]: piece for piece in json.loads(merge["evidence"])}
    assert kinds["similar_organisation_name"]["value"] == f"itsy bitsy palace{AND}itsy bitsy palace school"
    assert "similar_organisation_name" in {row["kind"] for row in resolution.evidence.to_pylist()}


def test_equal_values_are_not_counted_again_for_a_third_that_is_like_them() -> None:
    equal = [(who, "organisation_name", "itsy bitsy palace") for who in "ab"]
    third = [("c", "organisation_name", "itsy bitsy palace school")]
    phones = [(who, "phone", "1") for who in "ab"]
    alone = resolve(Facts(observations=observed([*equal, *phones]))).merges.to_pylist()
    beside = resolve(Facts(observations=observed([*equal, *third, *phones]))).merges.to_pylist()
    assert beside[0]["bits"] == alone[0]["bits"]


def test_sisters_at_one_address_are_two_people() -> None:
    rows = [(who, "postal_address", "4520 n beacon st") for who in "ab"]
    rows += [("a", "person_name", "mary winterbourne"), ("b", "person_name", "ruth winterbourne")]
    assert not clusters(resolve(Facts(observations=observed(rows))))


def test_one_phone_in_two_houses_is_a_switchboard() -> None:
    phone = [(who, "phone", "3733400") for who in "ab"]
    here = [("a", "postal_address", "37 w 47 st"), ("b", "postal_address", "37 w 47")]
    there = [("a", "postal_address", "37 w 47 st"), ("b", "postal_address", "4910 s king dr")]
    assert clusters(resolve(Facts(observations=observed([*phone, *here])))) == {frozenset("ab")}
    assert not clusters(resolve(Facts(observations=observed([*phone, *there]))))


def test_where_addresses_differ_the_merge_says_what_that_cost() -> None:
    rows = [(who, kind, "1") for who in "ab" for kind in ("phone", "email")]
    rows += [("a", "postal_address", "37 w 47 st"), ("b", "postal_address", "4910 s king dr")]
    (merge,) = resolve(Facts(observations=observed(rows))).merges.to_pylist()
    pieces = {piece["kind"]: piece["bits"] for piece in json.loads(merge["evidence"])}
    assert pieces["difference"] == -MODEL.families["place"].differ
    assert sum(pieces.values()) == pytest.approx(merge["bits"], abs=0.03)


def test_an_organisations_own_name_is_compared_with_what_accounts_say() -> None:
    org = pa.table({"organisation_id": ["o"], "name": ["itsy bitsy palace"]})
    rows = [("a", "organisation_name", "itsy bitsy palace school")]
    found = resolve(Facts(observations=observed(rows), organisations=org, accounts=accounts([{"account_id": "a"}])))
    assert [row["holders"] for row in found.identifiers.to_pylist()] == [2]


def test_a_word_of_too_many_values_proposes_nobody_and_two_such_words_do() -> None:
    letters = [f"{one}{two}" for one in "bcdfghjkl" for two in "mnpqrst"][: MODEL.similarity.crowd]
    many = [f"{word} {letter}" for word in ("kedzie", "clybourn") for letter in letters]
    many += [f"{letter} annex {letter * 2}" for letter in letters]
    assert pairs("organisation_name", "kedzie clybourn", "kedzie clybourn annex", among=many)
    assert not pairs("organisation_name", "kedzie", "kedzie annex", among=many)
    wider = MODEL.model_copy(update={"similarity": MODEL.similarity.model_copy(update={"crowd": 100})})
    assert pairs("organisation_name", "kedzie", "kedzie annex", among=many, model=wider)


def test_without_names_and_addresses_nothing_is_compared() -> None:
    resolution = resolve(Facts(observations=observed([(who, "ip", "1") for who in "ab"])))
    assert "text_words" not in resolution.summary["timings"]


WORDS = st.sampled_from(["agnes", "agnus", "nursery", "st", "school", "12", "21", "annex", "bramble", "uptown", "a"])
NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=2, max_size=12)


def _told(resolution: Resolution) -> list[dict[str, object]]:
    return [row for row in resolution.identifiers.to_pylist() if str(row["kind"]).startswith("similar_")]


@given(names=NAMES, seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_neither_the_order_of_rows_nor_of_sides_matters_and_no_value_is_like_itself(
    names: list[str], seed: int
) -> None:
    rows = [(f"s{number}", "organisation_name", name) for number, name in enumerate(names)]
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)  # noqa: S311  no secret
    told = _told(resolve(Facts(observations=observed(rows))))
    assert told == _told(resolve(Facts(observations=observed(mixed))))
    for row in told:
        left, right = str(row["value"]).split(AND)
        assert left < right
        assert row["holders"] == sum(name in (left, right) for name in names)


def test_the_oracle_finds_the_same_clusters() -> None:
    rng = random.Random(5)  # noqa: S311  no secret
    kinds = {"organisation_name": [f"n{n}" for n in range(6)], "postal_address": [f"{n}" for n in range(6)]}
    kinds["phone"] = [f"p{n}" for n in range(6)]
    uses = [Use(s, kind, rng.choice(values)) for s in range(24) for kind, values in kinds.items() if rng.random() < 0.8]
    rows = [(f"{use.subject:02}", use.kind, use.value) for use in uses]
    known = sorted({use.subject for use in uses})
    number = {subject: place for place, subject in enumerate(known)}
    oracle = Oracle(len(known), [Use(number[u.subject], u.kind, u.value) for u in uses], MODEL)
    expected = {frozenset(f"{known[m]:02}" for m in c) for c in oracle.resolve() if len(c) > 1}
    assert clusters(resolve(Facts(observations=observed(rows)), ROUNDS_ALONE)) == expected
