"""Two tables become one partition, whatever their order, types and gaps."""

from __future__ import annotations

import pyarrow as pa
import pytest

from linkage.errors import BadInput
from linkage.evaluate.partition import align

TRUTH = pa.table({"account_id": ["a", "b", "c"], "actor_id": ["x", "x", "y"], "ring": [True, True, False]})


def clusters(**rows: str | None) -> pa.Table:
    return pa.table({"account_id": list(rows), "cluster_id": pa.array(list(rows.values()), pa.string())})


def test_accounts_that_the_clusters_do_not_know_are_single_and_counted() -> None:
    parts = align(clusters(a="1"), TRUTH)
    assert parts.missing == 2
    assert parts.cluster_size.tolist() == [1, 1, 1]


def test_accounts_that_the_truth_does_not_know_are_counted_and_left_out() -> None:
    parts = align(clusters(a="1", b="1", c="2", d="1", e="9"), TRUTH)
    assert parts.extra == 2
    assert parts.cluster_size.tolist() == [2, 2, 1]


def test_a_null_cluster_is_a_single_account() -> None:
    assert align(clusters(a=None, b=None, c="1"), TRUTH).cluster_size.tolist() == [1, 1, 1]


def test_an_account_of_no_known_actor_is_an_actor_of_its_own() -> None:
    truth = pa.table({"account_id": ["a", "b"], "actor_id": pa.array([None, None], pa.string())})
    assert align(clusters(a="1", b="1"), truth).actor_size.tolist() == [1, 1]


def test_numbers_and_texts_name_the_same_account() -> None:
    truth = pa.table({"account_id": [7, 8], "actor_id": [1, 1]})
    assert align(pa.table({"account_id": ["8", "7"], "cluster_id": [3, 3]}), truth).cell_size.tolist() == [2, 2]


def test_organisations_may_stand_in_place_of_accounts() -> None:
    truth = pa.table({"organisation_id": ["a"], "actor_id": ["x"]})
    assert align(clusters(a="1"), truth).missing == 0


def test_without_a_ring_column_actors_of_five_and_more_are_rings() -> None:
    truth = pa.table({"account_id": list("abcdefg"), "actor_id": list("xxxxxyy")})
    parts = align(clusters(a="1"), truth)
    assert parts.ring.tolist() == [True] * 5 + [False] * 2
    assert "five" not in parts.ring_rule
    assert "5" in parts.ring_rule


def test_rings_in_a_text_file_are_words() -> None:
    truth = pa.table({"account_id": ["a", "b", "c"], "actor_id": list("xyz"), "ring": ["true", "False", None]})
    assert align(clusters(a="1"), truth).ring.tolist() == [True, False, False]


def test_a_ring_column_of_other_words_is_refused() -> None:
    truth = pa.table({"account_id": ["a"], "actor_id": ["x"], "ring": ["perhaps"]})
    with pytest.raises(BadInput, match="ring"):
        align(clusters(a="1"), truth)


def test_a_row_said_twice_counts_once() -> None:
    twice = pa.concat_tables([clusters(a="1", b="1"), clusters(a="1")])
    assert align(twice, pa.concat_tables([TRUTH, TRUTH])).cluster_size.tolist() == [2, 2, 1]


def test_an_account_in_two_clusters_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="two places") as refused:
        align(pa.concat_tables([clusters(a="1"), clusters(a="2")]), TRUTH)
    assert refused.value.details == ("account a",)


def test_an_account_of_two_actors_is_refused() -> None:
    other = pa.table({"account_id": ["a"], "actor_id": ["y"], "ring": [True]})
    with pytest.raises(BadInput, match="truth"):
        align(clusters(a="1"), pa.concat_tables([TRUTH, other]))


@pytest.mark.parametrize(
    ("found", "truth", "missing"),
    [
        (pa.table({"account_id": ["a"]}), TRUTH, "cluster_id"),
        (pa.table({"cluster_id": ["1"]}), TRUTH, "account_id"),
        (clusters(a="1"), pa.table({"account_id": ["a"]}), "actor_id"),
        (clusters(a="1"), pa.table({"actor_id": ["a"]}), "account_id"),
    ],
)
def test_a_missing_column_is_named_beside_those_found(found: pa.Table, truth: pa.Table, missing: str) -> None:
    with pytest.raises(BadInput, match=missing) as refused:
        align(found, truth)
    assert "Columns found" in str(refused.value)


def test_an_empty_truth_is_refused() -> None:
    with pytest.raises(BadInput, match="names no account"):
        align(clusters(a="1"), TRUTH.slice(0, 0))
