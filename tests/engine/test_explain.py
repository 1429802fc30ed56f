"""Explanations: the formulas of the rounds, told for two subjects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.engine import Facts, Model, resolve
from linkage.engine.explain import SharedUse, explain
from linkage.model import Identifier, Subject
from tests.engine.conftest import accounts, day, observed

MODEL = Model.load()
A, B = Subject.account("a"), Subject.account("b")


def _use(kind: str, value: str = "v", *, holders: int = 2, **more: object) -> SharedUse:
    return SharedUse(Identifier(kind, value), holders, holders, **more)  # type: ignore[arg-type]


def test_explaining_a_pair_gives_the_bits_of_its_merge() -> None:
    rows = [
        ("a", "device", "d", 0, 5), ("b", "device", "d", 9, 12), ("a", "email", "e", 0, 1), ("b", "email", "e", 0, 1),
        ("a", "ip", "i", 0, 1), ("b", "ip", "i", 0, 1), ("c", "ip", "i", 0, 1),
        ("a", "ip", "j", 0, 1), ("b", "ip", "j", 3, 4),
    ]  # fmt: skip
    crowd = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(100)]
    pair = [{"account_id": "a", "created_at": day(40)}, {"account_id": "b", "created_at": day(46)}]
    resolution = resolve(Facts(observations=observed(rows), accounts=accounts([*crowd, *pair])), MODEL)
    (merge,) = resolution.merges.to_pylist()

    def period(left: tuple[float, float], right: tuple[float, float]) -> dict[str, object]:
        names = ("left_first_seen", "left_last_seen", "right_first_seen", "right_last_seen")
        return dict(zip(names, map(day, (*left, *right)), strict=True))

    classes = {row["value"]: row["class_bits"] for row in resolution.identifiers.to_pylist()}
    told = explain(
        A,
        B,
        [
            _use("device", "d", class_bits=classes["d"], **period((0, 5), (9, 12))),
            _use("email", "e", class_bits=classes["e"], **period((0, 1), (0, 1))),
            _use("ip", "i", holders=3, class_bits=classes["i"], **period((0, 1), (0, 1))),
            _use("ip", "j", class_bits=classes["j"], **period((0, 1), (3, 4))),
        ],
        model=MODEL,
        left_created=day(40),
        right_created=day(46),
        sign_up_span=resolution.summary["sign_up_span"],
    )
    assert told.total_bits == pytest.approx(merge["bits"], abs=0.01)
    assert told.posterior == pytest.approx(merge["posterior"], abs=1e-4)
    assert told.linked


def test_similar_values_and_what_differs_are_told_as_the_rounds_counted_them() -> None:
    rows = [(who, kind, "v") for who in "ab" for kind in ("phone", "email")]
    rows += [("a", "organisation_name", "itsy bitsy palace"), ("b", "organisation_name", "itsy bitsy palace school")]
    rows += [("a", "postal_address", "37 w 47 st"), ("b", "postal_address", "4910 s king dr")]
    resolution = resolve(Facts(observations=observed(rows)), MODEL)
    (merge,) = resolution.merges.to_pylist()
    shared = [
        _use(row["kind"], row["value"], class_bits=row["class_bits"], class_reason=row["class_reason"])
        for row in resolution.identifiers.to_pylist()
    ]
    kinds = ("phone", "email", "organisation_name", "postal_address")
    told = explain(A, B, shared, model=MODEL, left_kinds=kinds, right_kinds=kinds)
    assert told.total_bits == pytest.approx(merge["bits"], abs=0.02)
    bits = {piece.identifier.kind: piece for piece in told.evidence}
    assert "% of their words agree" in bits["similar_organisation_name"].reason
    assert (bits["difference"].identifier.value, bits["difference"].bits) == (
        "postal_address",
        -MODEL.families["place"].differ,
    )


def test_nothing_shared_is_not_linked() -> None:
    told = explain(A, B, [], model=MODEL)
    assert told.evidence == ()
    assert not told.linked


def test_a_hub_stays_visible_with_the_reason_it_does_not_count() -> None:
    why = "48,211 holders stay 1.4 days each; 38 % come back on a neighbouring address"
    told = explain(A, B, [_use("ip", holders=48_211, sharing_class="mobile", class_reason=why)], model=MODEL)
    (piece,) = told.evidence
    assert piece.bits == 0
    assert piece.reason == f"0 bits: carrier NAT, 48,211 holders in 48,211 clusters; {why}"


def test_time_between_uses_is_told_and_costs_bits() -> None:
    apart = {"left_first_seen": day(0), "left_last_seen": day(1), "right_first_seen": day(31)}
    (piece,) = explain(A, B, [_use("device", **apart)], model=MODEL).evidence
    assert "30 days between" in piece.reason
    assert piece.bits < piece.full_bits


def test_a_piece_that_says_the_same_again_counts_in_part() -> None:
    both = [_use("device"), _use("payment_method", overlap=0.9)]
    bits = {piece.identifier.kind: piece for piece in explain(A, B, both, model=MODEL).evidence}
    assert bits["payment_method"].bits < 0.5 * bits["payment_method"].full_bits
    assert "says in part" in bits["payment_method"].reason


def test_sign_ups_far_apart_speak_against() -> None:
    told = explain(A, B, [], model=MODEL, left_created=day(0), right_created=day(90), sign_up_span=180)
    (piece,) = told.evidence
    assert (piece.identifier.kind, piece.bits < 0) == ("sign_up", True)


_USES = st.lists(
    st.builds(
        SharedUse,
        identifier=st.builds(Identifier, st.sampled_from([*sorted(MODEL.kinds), "loyalty_card"]), st.uuids().map(str)),
        holders=st.integers(2, 50_000),
        holder_clusters=st.integers(1, 50_000),
        left_last_seen=st.none() | st.integers(0, 100).map(day),
        right_last_seen=st.none() | st.integers(0, 100).map(day),
        overlap=st.floats(0, 1),
    ),
    max_size=12,
)


@given(_USES, st.none() | st.integers(0, 100).map(day), st.integers(0, 100).map(day))
def test_the_bits_shown_add_up_to_the_total_that_decides(shared: list[SharedUse], left: object, right: object) -> None:
    told = explain(
        A, B, shared, model=MODEL, left_created=left, right_created=right, sign_up_span=180.0,  # type: ignore[arg-type]
    )  # fmt: skip
    assert told.total_bits == pytest.approx(sum(piece.bits for piece in told.evidence))
    assert told.posterior == pytest.approx(1 / (1 + 2 ** -(told.total_bits + MODEL.prior.bits)))
    assert told.linked == (told.posterior >= MODEL.prior.threshold)
    assert len(told.evidence) == len(shared) + (left is not None)
