"""What the peers do, on a tiny world and on facts in a few words; Splink is not needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import peers
from benchmarks.datasets import Dataset
from benchmarks.peers import PEERS, QUICK, Peer
from linkage.engine import Facts, Model, resolve

Told = Callable[[list[tuple[str, str, str]]], Dataset]


def clusters(answers: Mapping[str, pa.Table]) -> set[frozenset[str]]:
    """The clusters of two or more of the only answer."""
    (table,) = answers.values()
    found: dict[object, set[str]] = {}
    for row in table.to_pylist():
        found.setdefault(row["cluster_id"], set()).add(row["account_id"])
    return {frozenset(members) for members in found.values() if len(members) > 1}


@pytest.mark.parametrize("peer", QUICK, ids=lambda peer: peer.name)
def test_every_account_is_in_one_cluster_of_every_answer(peer: Peer, world: Dataset) -> None:
    for table in peer.run(world).values():
        assert sorted(table["account_id"].to_pylist()) == sorted(world.truth["account_id"].to_pylist())
        assert table["cluster_id"].null_count == 0


def test_components_pass_over_values_held_by_more_than_the_cap(told: Told) -> None:
    crowd = [(account, "ip", "10.0.0.1") for account in "abc"]
    facts = told([*crowd, ("a", "device", "d1"), ("b", "device", "d1")])
    assert clusters(peers.components(facts, cap=2)) == {frozenset("ab")}
    assert clusters(peers.components(facts, cap=3)) == {frozenset("abc")}


def test_the_graph_database_wants_three_values_in_common(told: Told) -> None:
    shared = [(account, "device", f"d{number}") for account in "ab" for number in range(3)]
    two = [(account, "ip", f"10.0.0.{number}") for account in "cd" for number in range(2)]
    assert clusters(peers.graph_database(told([*shared, *two]))) == {frozenset("ab")}


def test_one_pass_takes_every_strong_pair_where_one_round_takes_the_best_partners_only(told: Told) -> None:
    """a–b and c–d are each other's best; b–c is strong too, and joins them in one pass."""
    links = {"ab": 4, "bc": 3, "cd": 4}
    rows = [
        (account, kind, f"{kind}-{pair}-{number}")
        for pair, many in links.items()
        for account in pair
        for number in range(many)
        for kind in ("email", "phone")
    ]
    facts = told(rows)
    assert clusters(peers.one_pass(facts)) == {frozenset("abcd")}
    assert clusters({"": _one_round(facts.facts)}) == {frozenset("ab"), frozenset("cd")}


def _one_round(facts: Facts) -> pa.Table:
    model = Model.load()
    once = model.model_copy(
        update={
            "prior": model.prior.model_copy(update={"cores": ()}),
            "rounds": model.rounds.model_copy(update={"maximum": 1}),
        }
    )
    members = resolve(facts, once).memberships
    return members.rename_columns({"subject_id": "account_id", "label": "cluster_id"})


def test_one_pass_joins_nothing_on_a_value_of_many(told: Told) -> None:
    assert clusters(peers.one_pass(told([(f"a{number}", "ip", "10.0.0.1") for number in range(50)]))) == set()


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_components_are_those_of_a_graph_library(edges: list[tuple[int, int]]) -> None:
    graph = nx.Graph(edges)
    graph.add_nodes_from(range(30))
    label = peers.connected(30, [left for left, _ in edges], [right for _, right in edges])
    found = {frozenset(np.flatnonzero(label == number).tolist()) for number in set(label.tolist())}
    assert found == {frozenset(component) for component in nx.connected_components(graph)}


def test_a_peer_says_why_it_is_left_out() -> None:
    absent = Peer("absent", lambda _: {}, needs="no_such_package")
    assert absent.left_out == "the package no_such_package is not installed; make bench installs it"
    assert Peer("present", lambda _: {}, needs="duckdb").left_out == ""


def test_nothing_but_splink_needs_a_package_of_its_own() -> None:
    assert [peer.needs for peer in PEERS if peer.needs] == ["splink"]
