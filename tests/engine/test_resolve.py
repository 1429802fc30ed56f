"""Resolution end to end, on facts small enough to think through."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.engine import Facts, Model, resolve
from tests.engine.conftest import accounts, clusters, day, decided, observed, organisations
from tests.engine.oracle import Oracle, Use

Link = Callable[[str, str], list[tuple[object, ...]]]
MODEL = Model.load()
#: Without the second look: what the rounds alone make.
ROUNDS_ALONE = MODEL.model_copy(update={"confidence": MODEL.confidence.model_copy(update={"least": 0.0})})


def test_nothing_known_makes_empty_tables_with_all_columns() -> None:
    resolution = resolve(Facts())
    assert resolution.memberships.num_rows == 0
    assert resolution.memberships.column_names == ["subject_type", "subject_id", "label", "size", "confidence"]
    assert resolution.evidence.column_names == [
        "label", "kind", "value", "bits", "full_bits", "members", "holders", "holder_clusters", "reason",
    ]  # fmt: skip
    assert resolution.merges.column_names == [
        "label", "round", "left", "right", "left_size", "right_size", "bits", "posterior", "evidence",
    ]  # fmt: skip
    assert resolution.identifiers.column_names == [
        "kind", "value", "holders", "holder_clusters", "sharing_class", "class_bits", "class_reason",
    ]  # fmt: skip
    assert resolution.weakest.column_names == ["label", "weakest"]


def test_one_account_is_a_cluster_of_its_own() -> None:
    resolution = resolve(Facts(accounts=accounts([{"account_id": "a"}])))
    assert resolution.memberships.to_pylist() == [
        {"subject_type": "account", "subject_id": "a", "label": 0, "size": 1, "confidence": 1.0}
    ]


def test_a_shared_email_and_phone_link_and_are_told(strong: Link) -> None:
    resolution = resolve(Facts(observations=observed([*strong("a", "b"), ("c", "email", "other")])))
    assert clusters(resolution) == {frozenset("ab")}
    assert {row["kind"] for row in resolution.evidence.to_pylist()} == {"email", "phone"}
    (merge,) = resolution.merges.to_pylist()
    assert (merge["left"], merge["right"], merge["left_size"], merge["right_size"]) == ("account:a", "account:b", 1, 1)
    assert merge["posterior"] > 0.99
    assert sum(piece["bits"] for piece in json.loads(merge["evidence"])) == pytest.approx(merge["bits"], abs=0.02)
    (weakest,) = resolution.weakest.to_pylist()
    assert json.loads(weakest["weakest"])["parts"] == [1, 1]


def test_one_ip_in_common_links_nobody() -> None:
    assert not clusters(resolve(Facts(observations=observed([("a", "ip", "1"), ("b", "ip", "1")]))))


def test_everybody_behind_one_address_stays_apart() -> None:
    everybody = [(f"a{n}", "ip", "nat") for n in range(2000)]
    assert not clusters(resolve(Facts(observations=observed(everybody))))


def test_weak_context_never_links_alone() -> None:
    kinds = ("user_agent", "tls_fingerprint", "email_domain", "signup_cohort", "referral_code")
    rows = [(who, kind, "same") for who in ("a", "b") for kind in kinds]
    assert not clusters(resolve(Facts(observations=observed(rows))))


def test_unknown_kinds_are_told_once_and_link_only_with_others() -> None:
    rows = [(who, "loyalty_card", "same") for who in ("a", "b")]
    resolution = resolve(Facts(observations=observed(rows)))
    assert resolution.summary["unknown_kinds"] == ["loyalty_card"]
    assert not clusters(resolution)


def test_a_strong_value_of_thousands_is_a_star_not_dropped() -> None:
    # one e-mail inbox used by a whole farm: far beyond what proposes pairs
    rows: list[tuple[object, ...]] = [(f"a{n:04}", "email", "farm") for n in range(1500)]
    rows += [(f"a{n:04}", "api_key", f"key{n // 2}") for n in range(1500)]
    rows += [(f"a{n:04}", "api_key", f"more{(n + 1) // 2}") for n in range(1500)]
    assert max(map(len, clusters(resolve(Facts(observations=observed(rows)))))) == 1500


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rows = _random_rows(seed, 60)
    shuffled = random.Random(seed).sample(rows, len(rows))  # noqa: S311
    one, other = (resolve(Facts(observations=observed(order))) for order in (rows, shuffled))
    assert one.memberships == other.memberships
    assert one.merges == other.merges
    assert one.evidence == other.evidence
    assert one.weakest == other.weakest


@pytest.mark.parametrize("seed", range(8))
def test_clusters_are_those_of_the_oracle(seed: int) -> None:
    rows = _random_rows(seed, 24)
    found = clusters(resolve(Facts(observations=observed(rows)), ROUNDS_ALONE))
    numbers = {name: number for number, name in enumerate(sorted({str(row[0]) for row in rows}))}
    uses = [Use(numbers[str(s)], str(k), str(v), (float(str(f)), float(str(t)))) for s, k, v, f, t in rows]
    expected = {cluster for cluster in Oracle(len(numbers), uses, MODEL).resolve() if len(cluster) > 1}
    assert {frozenset(numbers[name] for name in cluster) for cluster in found} == expected


def test_a_must_link_joins_what_shares_nothing() -> None:
    facts = Facts(
        accounts=accounts([{"account_id": "a"}, {"account_id": "b"}]), decisions=decided([("a", "b", "same")])
    )
    resolution = resolve(facts)
    assert clusters(resolution) == {frozenset("ab")}
    assert json.loads(resolution.merges.to_pylist()[0]["evidence"]) == [{"stated": "decision"}]
    assert min(resolution.memberships["confidence"].to_pylist()) >= MODEL.confidence.stated


def test_a_cannot_link_is_never_crossed_not_even_by_way_of_others(strong: Link) -> None:
    rows = [*strong("a", "b"), *strong("b", "c"), *strong("c", "d")]
    facts = Facts(observations=observed(rows), decisions=decided([("a", "d", "different")]))
    resolution = resolve(facts)
    where = dict(
        zip(resolution.memberships["subject_id"].to_pylist(), resolution.memberships["label"].to_pylist(), strict=True)
    )
    assert where["a"] != where["d"]
    assert len(clusters(resolution)) >= 1


def test_a_must_link_across_a_cannot_link_is_reported_and_not_followed() -> None:
    decisions = decided([("a", "c", "different"), ("a", "b", "same"), ("b", "c", "same")])
    resolution = resolve(Facts(decisions=decisions))
    assert clusters(resolution) == {frozenset("ab")}
    (conflict,) = resolution.summary["conflicts"]
    assert (conflict["left"], conflict["right"]) == ("account:b", "account:c")


def test_the_last_judgement_on_a_pair_counts(strong: Link) -> None:
    decisions = decided([("a", "b", "different"), ("b", "a", "undecided")])
    resolution = resolve(Facts(observations=observed(strong("a", "b")), decisions=decisions))
    assert clusters(resolution) == {frozenset("ab")}


def test_members_of_an_organisation_are_one_customer() -> None:
    facts = Facts(accounts=accounts({"account_id": name, "organisation_id": "o"} for name in "ab"))
    assert clusters(resolve(facts)) == {frozenset(["a", "b", "organisation:o"])}


@pytest.mark.parametrize("attributes", ['{"type": "reseller"}', '{"kind": "university"}', '{"open": true}'])
def test_members_of_an_open_organisation_are_not(attributes: str) -> None:
    facts = Facts(
        accounts=accounts({"account_id": name, "organisation_id": "o"} for name in "ab"),
        organisations=organisations([{"organisation_id": "o", "attributes": attributes}]),
    )
    assert not clusters(resolve(facts))


def test_a_card_that_belongs_to_an_open_organisation_does_not_link_its_members() -> None:
    rows = [
        (who, kind, "theirs") for who in ("a", "b", "organisation:o") for kind in ("payment_method", "bank_account")
    ]
    facts = Facts(
        observations=observed(rows),
        accounts=accounts({"account_id": name, "organisation_id": "o"} for name in "ab"),
        organisations=organisations([{"organisation_id": "o", "attributes": '{"type": "reseller"}'}]),
    )
    assert not clusters(resolve(facts))


def test_two_organisations_that_share_name_and_registration_are_one() -> None:
    record = {"name": "acme", "registration_number": "7", "domain": "acme.example"}
    facts = Facts(
        organisations=organisations([{"organisation_id": "o1", **record}, {"organisation_id": "o2", **record}])
    )
    assert clusters(resolve(facts)) == {frozenset(["organisation:o1", "organisation:o2"])}


def test_uses_far_apart_in_time_say_less() -> None:
    def device(gap: float) -> set[frozenset[str]]:
        rows = [("a", kind, "same", 0, 1) for kind in ("device", "api_key")]
        rows += [("b", kind, "same", 1 + gap, 2 + gap) for kind in ("device", "api_key")]
        return clusters(resolve(Facts(observations=observed(rows))))

    assert device(0) == {frozenset("ab")}
    assert not device(2000)


def test_sign_ups_in_one_burst_speak_for_one_actor() -> None:
    def linked(days: float) -> bool:
        crowd = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(180)]
        pair = [{"account_id": "a", "created_at": day(50)}, {"account_id": "b", "created_at": day(50 + days)}]
        rows = [(who, kind, "same") for who in ("a", "b") for kind in ("payment_method", "ip")]
        facts = Facts(observations=observed(rows), accounts=accounts([*crowd, *pair]))
        return bool(clusters(resolve(facts)))

    assert linked(0.1)
    assert not linked(100)


def test_facts_come_from_parquet_files_too(tmp_path: Path, strong: Link) -> None:
    table = observed(strong("a", "b"))
    halves = [tmp_path / "it's one.parquet", tmp_path / "two.parquet"]
    pq.write_table(table.slice(0, 2), halves[0])
    pq.write_table(table.slice(2), halves[1])
    resolution = resolve(Facts(observations=[str(half) for half in halves]))
    assert clusters(resolution) == {frozenset("ab")}


def test_columns_that_a_file_lacks_are_unknown(tmp_path: Path) -> None:
    bare = pa.table({"subject_id": ["a", "b"], "kind": ["email"] * 2, "value": ["x"] * 2})
    pq.write_table(bare, tmp_path / "bare.parquet")
    assert clusters(resolve(Facts(observations=[str(tmp_path / "bare.parquet")]))) == {frozenset("ab")}


def test_little_memory_gives_the_same_clusters() -> None:
    rows = _random_rows(5, 3000)
    plenty = resolve(Facts(observations=observed(rows)))
    little = resolve(Facts(observations=observed(rows)), memory_limit="96MB", threads=1)
    assert little.memberships == plenty.memberships


def test_progress_names_the_steps(strong: Link) -> None:
    steps: list[str] = []
    resolve(
        Facts(observations=observed(strong("a", "b"))), progress=lambda step, done, total=None, /: steps.append(step)
    )
    assert {"subjects", "holding_rows", "rounds", "results"} <= set(steps)


def test_identifiers_tell_holders_and_sharing_class(strong: Link) -> None:
    rows = [*strong("a", "b"), *((f"n{n}", "ip", "office", 0, 90) for n in range(30))]
    told = {row["value"]: row for row in resolve(Facts(observations=observed(rows))).identifiers.to_pylist()}
    assert told["email-a-b"]["sharing_class"] == "private"
    assert (told["office"]["holders"], told["office"]["holder_clusters"]) == (30, 30)
    assert told["office"]["sharing_class"] == "office"


def _random_rows(seed: int, people: int) -> list[tuple[object, ...]]:
    """A small crowd that shares values of several kinds at random, some often, some seldom."""
    chance = random.Random(seed)  # noqa: S311
    pools = {
        "email": people,
        "phone": people // 2,
        "device": people // 2,
        "payment_method": people // 3,
        "ip": people // 4,
    }
    rows: dict[tuple[str, str, str], tuple[object, ...]] = {}
    for person in range(people):
        for kind, pool in pools.items():
            for _ in range(chance.randint(0, 2)):
                first = chance.uniform(0, 20)
                value = f"{kind}{chance.randrange(max(pool, 1))}"
                rows[f"p{person:05}", kind, value] = (
                    f"p{person:05}",
                    kind,
                    value,
                    first,
                    first + chance.uniform(0, 30),
                )
    return list(rows.values())


def _ring(prefix: str, size: int, opened: float) -> tuple[list[tuple[object, ...]], list[dict[str, object]]]:
    """Accounts out of one pool of machines, cards and addresses, opened in one go."""
    rows: list[tuple[object, ...]] = []
    for n in range(size):
        for kind, pool in (("device", 4), ("payment_method", 3), ("ip", 5)):
            rows += [(f"{prefix}{n:02}", kind, f"{prefix} {kind} {(n + more) % pool}", 0, 60) for more in (0, 1)]
    return rows, [{"account_id": f"{prefix}{n:02}", "created_at": day(opened + 0.1 * n)} for n in range(size)]


def test_whose_traffic_a_ring_carries_is_not_of_the_ring() -> None:
    rows, opened = _ring("r", 16, 100)
    for n in range(4):
        # the customer's own machine and line show on one account of the ring
        rows += [(who, kind, f"{kind} of {n}", 0, 170) for who in (f"c{n}", f"r{n:02}") for kind in ("device", "ip")]
        rows += [(f"c{n}", kind, f"{kind} of {n}", 0, 170) for kind in ("email", "phone", "payment_method")]
        opened.append({"account_id": f"c{n}", "created_at": day(40 * n)})
    crowd: list[dict[str, object]] = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(180)]
    found = clusters(resolve(Facts(observations=observed(rows), accounts=accounts([*opened, *crowd]))))
    assert found == {frozenset(f"r{n:02}" for n in range(16))}


def test_two_large_clusters_do_not_join_over_a_member_or_two() -> None:
    (left, opened), (right, others) = _ring("l", 16, 100), _ring("r", 16, 101)
    # one account of each side a value: each by itself nearly a link
    bridge: list[tuple[object, ...]] = [
        (f"{side}{n:02}", kind, f"between {kind}", 0, 60) for n, kind in enumerate(("device", "phone")) for side in "lr"
    ]
    crowd: list[dict[str, object]] = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(180)]
    facts = Facts(observations=observed([*left, *right, *bridge]), accounts=accounts([*opened, *others, *crowd]))
    assert {len(cluster) for cluster in clusters(resolve(facts))} == {16}
