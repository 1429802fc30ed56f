"""What people decide holds at once and for good, and is never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from linkage.errors import BadInput, NotFound
from linkage.graph.connection import Connection, Graph
from linkage.ledger.tables import DECISIONS
from linkage.model import Judgement, Subject
from linkage.service import Service, deciding
from linkage.service.deciding import Effect, Statement
from linkage.settings import Settings
from tests.small_service import settings_for
from tests.small_world import clusters, link, where

SAME, DIFFERENT, UNDECIDED = Judgement.SAME, Judgement.DIFFERENT, Judgement.UNDECIDED


@pytest.fixture
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for(tmp_path_factory.mktemp("project"), neo4j)


@pytest.fixture
def service(settings: Settings, graph: Graph) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


def say(left: str, right: str, judgement: Judgement, reason: str = "looked at") -> list[Statement]:
    return [Statement(left, right, judgement, "ann", reason)]


def sizes(effect: Effect) -> list[tuple[bool, int, int]]:
    return sorted((not one.size_before, one.size_before, one.size_after) for one in effect.touched)


def foreseen(service: Service, statements: list[Statement]) -> Effect:
    """Decide, and see that the preview said what then happened."""
    before = service.ledger.versions()
    expected = service.preview(statements)
    assert service.ledger.versions() == before
    effect = service.decide(statements)
    assert (effect.summary, effect.changes) == (expected.summary, expected.changes)
    assert sizes(effect) == sizes(expected)
    assert [one.contradicts for one in effect.stated] == [one.contradicts for one in expected.stated]
    for one in effect.touched:
        assert one.cluster_id is not None
    return effect


def test_different_splits_a_cluster_at_once_and_the_next_resolution_keeps_the_two_apart(service: Service) -> None:
    link(service, "abcdef", "gh")
    former, other = where(service, "a"), where(service, "g")
    effect = foreseen(service, say("a", "f", DIFFERENT))
    assert effect.changes == [f"takes account:f out of {former} (6), which keeps 5"]
    assert clusters(service) == {"abcde", "gh"}
    assert (where(service, "a"), where(service, "g")) == (former, other)
    merges = service.merges_of([former])[former]
    assert len(merges) == 4
    assert "f" not in {side.id for merge in merges for side in (merge.left, merge.right)}
    held = service.graph.read("MATCH (:Cluster {id: $id})-[e:EVIDENCED_BY]->(i) RETURN i.value AS value", id=former)
    assert "device-de" in {one["value"] for one in held}
    assert "device-ef" not in {one["value"] for one in held}
    service.resolve()
    assert clusters(service) == {"abcde", "gh"}
    assert where(service, "a") == former


def test_same_joins_clusters_and_single_accounts_at_once_and_in_the_next_resolution(service: Service) -> None:
    link(service, "abc", "de")
    one, other = where(service, "a"), where(service, "d")
    effect = foreseen(service, say("b", "e", SAME))
    assert effect.changes == [f"merges {one} (3) and {other} (2) into one cluster of 5"]
    assert clusters(service) == {"abcde"}
    assert where(service, "e") == one
    assert sizes(effect) == [(False, 2, 0), (False, 3, 5)]
    how = service.merges_of([one])[one]
    assert [merge.stated for merge in how] == [None, None, None, "decision"]
    assert sum(merge.left_size == 1 and merge.right_size == 1 for merge in how) >= 1
    assert service.judge(one).cut is not None
    provisional = "MATCH (s)-[i:IN]->(:Cluster {id: $id}) WHERE i.provisional RETURN s.id AS id ORDER BY id"
    assert {row["id"] for row in service.graph.read(provisional, id=one)} >= {"d", "e"}
    foreseen(service, say("x", f"cluster:{one}", SAME))
    assert foreseen(service, say("y", "z", SAME)).changes == ["merges account:y and account:z into one cluster of 2"]
    assert clusters(service) == {"abcdex", "yz"}
    service.resolve()
    assert clusters(service) == {"abcdex", "yz"}
    assert where(service, "x") == one
    assert service.graph.read(provisional, id=one) == []


def test_different_clusters_never_come_together_whatever_their_members_share_later(service: Service) -> None:
    link(service, "abc", "de")
    effect = foreseen(service, say(where(service, "a"), where(service, "d"), DIFFERENT))
    assert effect.summary == "Nothing changes now: no cluster holds both. They are kept apart from now on."
    assert effect.publication_id is None
    link(service, "cd", "be")
    assert clusters(service) == {"abc", "de"}


def test_a_member_is_taken_out_of_its_cluster_by_being_different_from_it(service: Service) -> None:
    link(service, "abcd")
    foreseen(service, say(where(service, "a"), "d", DIFFERENT))
    assert clusters(service) == {"abc"}
    service.resolve()
    assert clusters(service) == {"abc"}


def test_what_is_the_same_is_kept_apart_transitively(service: Service) -> None:
    link(service, "ab", "cd")
    foreseen(service, say("a", "x", SAME))
    foreseen(service, say("c", "y", SAME))
    foreseen(service, say("x", "y", DIFFERENT))
    effect = foreseen(service, say("b", "d", SAME))
    # The two clusters cannot become one: b and d do, and those who must stay apart are left with what is stated.
    assert not any(set("xy") <= set(one) for one in clusters(service))
    assert [decision.judgement for one in effect.stated for decision in one.contradicts] == []
    assert any(set("bd") <= set(one) for one in clusters(service))
    service.resolve()
    assert not any(set("xy") <= set(one) for one in clusters(service))


def test_a_contradiction_is_told_before_and_listed_after_and_a_retraction_resolves_it(service: Service) -> None:
    link(service, "ab")
    (different,) = foreseen(service, say("a", "b", DIFFERENT)).stated
    foreseen(service, say("a", "x", SAME))
    effect = foreseen(service, say("x", "b", SAME))
    assert [one.id for one in effect.stated[0].contradicts] == [different.decision.id]
    assert effect.summary == "Nothing changes: an earlier decision says that they are different."
    assert service.decisions(about="x")[0].contradicts == [different.decision.id]
    listed = service.decisions(only_contradicting=True)
    assert {one.decision.id for one in listed} == {different.decision.id, effect.stated[0].decision.id}
    resolved = service.resolve()
    (conflict,) = resolved["conflicts"]
    assert (conflict["decision"], conflict["forbidden_by"]) == (effect.stated[0].decision.id, [different.decision.id])

    service.retract(different.decision.id, author="eve", reason="a slip")
    assert service.decisions(only_contradicting=True) == []
    assert clusters(service) == {"abx"}
    (taken_back,) = [one for one in service.decisions() if one.retracted_at]
    assert (taken_back.retracted_by, taken_back.retraction, taken_back.counts) == ("eve", "a slip", False)


def test_taking_back_the_same_lets_go_at_once_and_taking_back_the_different_in_the_next_resolution(
    service: Service,
) -> None:
    link(service, "abc", "de")
    same = foreseen(service, say("a", "d", SAME)).stated[0].decision
    expected = service.preview_retraction(same.id)
    effect = service.retract(same.id, author="ann", reason="a slip")
    assert (effect.summary, sizes(effect)) == (expected.summary, sizes(expected))
    assert clusters(service) == {"abc", "de"}
    different = foreseen(service, say("a", "b", DIFFERENT)).stated[0].decision
    assert clusters(service) == {"bc", "de"}
    assert service.preview_retraction(different.id).summary.startswith("Nothing changes now: what the decision kept")
    assert service.retract(different.id, author="ann", reason="a slip").publication_id is None
    assert service.needs_resolution()
    service.resolve()
    assert clusters(service) == {"abc", "de"}


def test_clusters_that_were_said_to_be_the_same_are_what_they_were_when_that_is_taken_back(service: Service) -> None:
    link(service, "abc", "de")
    both = where(service, "a"), where(service, "d")
    for resolved in (False, True):
        same = foreseen(service, say(where(service, "a"), where(service, "d"), SAME)).stated[0].decision
        assert clusters(service) == {"abcde"}
        if resolved:
            service.resolve()
            assert {merge.stated for merge in service.merges_of([both[0]])[both[0]]} == {"decision"}
        service.retract(same.id, author="ann", reason="a slip")
        assert clusters(service) == {"abc", "de"}
        assert where(service, "a") == both[0]
        told = service.merges_of([both[0]])[both[0]]
        assert [merge.stated for merge in told] == [None, None]
        assert all(merge.bits > 0 and merge.evidence for merge in told)


def test_the_decision_before_counts_again_at_once(service: Service) -> None:
    link(service, "ab")
    foreseen(service, say("a", "x", SAME))
    later = foreseen(service, say("x", "a", UNDECIDED)).stated[0]
    assert later.replaces is not None
    assert later.replaces.judgement is SAME
    assert clusters(service) == {"ab"}
    service.retract(later.decision.id, author="ann", reason="a slip")
    assert clusters(service) == {"abx"}


def test_any_merge_can_be_undone(service: Service) -> None:
    link(service, "abcdef")
    cluster = where(service, "a")
    for merge in service.merges_of([cluster])[cluster]:
        sides = merge.left, merge.right
        expected = service.preview_undoing(cluster, sides, author="ann", reason="a shop's tablet")
        effect = service.undo(cluster, sides, author="ann", reason="a shop's tablet")
        said = effect.stated[0].decision
        assert (len(said.left.members), len(said.right.members)) == (merge.left_size, merge.right_size)
        assert sizes(effect) == sizes(expected)
        parts = [{member.id for member in end.members} for end in (said.left, said.right)]
        assert not any(set(one) & parts[0] and set(one) & parts[1] for one in clusters(service))
        again = service.undo(cluster, sides, author="ann", reason="a shop's tablet")
        assert (again.stated[0].repeated, again.publication_id) == (True, None)
        service.resolve()
        assert not any(set(one) & parts[0] and set(one) & parts[1] for one in clusters(service))
        service.retract(said.id, author="ann", reason="a test")
        service.resolve()
        assert clusters(service) == {"abcdef"}
        assert where(service, "a") == cluster
    with pytest.raises(NotFound, match="no merge of cluster"):
        service.undo(cluster, (Subject.account("a"), Subject.account("x")), author="ann", reason="no such")


def test_what_is_said_again_is_not_written_again(service: Service) -> None:
    link(service, "abc")
    first = foreseen(service, say("a", "c", DIFFERENT))
    versions = service.ledger.versions()
    again = foreseen(service, say("c", "a", DIFFERENT))
    assert again.stated[0].repeated
    assert again.stated[0].decision.id == first.stated[0].decision.id
    assert again.summary == "Nothing changes: it was said before."
    assert service.ledger.versions() == versions
    identity = first.stated[0].decision.id
    for _ in range(2):
        service.retract(identity, author="ann", reason="a slip")
    assert service.ledger.snapshot().table("retractions").num_rows == 1


def test_a_decision_whose_application_was_cut_off_is_applied_when_it_is_said_again(service: Service) -> None:
    link(service, "abc")
    said = say("a", "x", SAME)
    planned = service.preview(said).stated[0].decision
    service.ledger.append("decisions", pa.Table.from_pylist([planned.row], schema=DECISIONS.schema))
    assert clusters(service) == {"abc"}
    effect = service.decide(said)
    assert effect.stated[0].repeated
    assert clusters(service) == {"abcx"}


def test_many_decisions_are_one_change(service: Service) -> None:
    link(service, "abcd", "ef")
    cluster = where(service, "a")
    effect = foreseen(service, [*say("a", "b", DIFFERENT), *say("e", "x", SAME), *say("c", "d", SAME)])
    assert len(effect.stated) == 3
    assert clusters(service) == {"bcd", "efx"}
    assert where(service, "b") == cluster
    assert [row["kind"] for row in service.ledger.snapshot().table("publications").to_pylist()][-1] == "decision"


def test_a_rebuilt_graph_loses_no_decision(service: Service) -> None:
    link(service, "abc", "de")
    first = foreseen(service, say(where(service, "a"), where(service, "d"), SAME)).stated[0].decision
    foreseen(service, say("a", "b", DIFFERENT))
    service.retract(first.id, author="eve", reason="a slip")
    service.catch_up()
    asked = (
        "MATCH (d:Decision) OPTIONAL MATCH (d)-[a:ABOUT]->(s) RETURN d.id, d.retracted_by, a.side, s.id ORDER BY ALL"
    )
    asked = asked.replace("ORDER BY ALL", "ORDER BY d.id, a.side, s.id")
    before, held = service.graph.read(asked), clusters(service)
    assert len(before) == 7
    service.rebuild_graph()
    assert service.graph.read(asked) == before
    assert clusters(service) == held


@pytest.mark.parametrize(
    ("left", "right", "error", "said"),
    [
        ("a", "a", BadInput, "both are account:a"),
        ("a", "", BadInput, "needs a name"),
        ("a", "nobody", NotFound, "there is no account 'nobody'"),
        ("a", "organisation:none", NotFound, "there is no organisation 'none'"),
        ("a", "cl_none", NotFound, "there is no cluster 'cl_none'"),
    ],
)
def test_a_decision_on_nothing_is_refused(
    service: Service, left: str, right: str, error: type[Exception], said: str
) -> None:
    service.record("accounts", [{"account_id": "a"}])
    with pytest.raises(error, match=said):
        service.preview(say(left, right, SAME))


def test_all_that_is_wrong_with_several_decisions_is_told_together(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(service, "ab", "cd")
    both = {where(service, "a"), where(service, "c")}
    foreseen(service, say("a", "c", SAME))
    (ended,) = both - {where(service, "a")}
    wrong = [*say("a", "nobody", SAME), *say("a", "b", SAME, reason=" "), *say(ended, "x", SAME)]
    versions = service.ledger.versions()
    with pytest.raises(BadInput) as told:
        service.decide(wrong)
    assert len(told.value.details) == 3
    assert f"It lives on in {where(service, 'a')}" in str(told.value)
    assert service.ledger.versions() == versions
    with pytest.raises(BadInput, match="1 to 500"):
        service.decide([])
    monkeypatch.setattr(deciding, "MOST_SUBJECTS", 2)
    with pytest.raises(BadInput, match="may be about 2 subjects"):
        service.decide(say(where(service, "a"), "x", SAME))
    with pytest.raises(NotFound, match="no decision 'dc_none'"):
        service.retract("dc_none", author="ann", reason="a slip")


def test_decisions_are_found_by_whom_they_are_about(service: Service) -> None:
    link(service, "abc", "de")
    one = foreseen(service, say(where(service, "a"), "x", SAME)).stated[0].decision
    other = foreseen(service, say("d", "e", SAME)).stated[0].decision

    def ids(about: str | None = None) -> list[str]:
        return [found.decision.id for found in service.decisions(about=about)]

    assert ids() == [other.id, one.id]
    assert ids("b") == ids("account:x") == ids(where(service, "c")) == [one.id]
    assert ids(f"cluster:{where(service, 'd')}") == [other.id]
    assert ids("y") == ids("cl_none") == []


def test_one_taken_out_of_those_who_all_share_one_card_leaves_the_others_together(service: Service) -> None:
    shared = [("payment_method", "card-7Kq2"), ("device", "6f1c-22ab-90de")]
    service.record(
        "observations", [{"account_id": one, "kind": kind, "value": value} for one in "abcde" for kind, value in shared]
    )
    service.resolve()
    assert clusters(service) == {"abcde"}
    foreseen(service, say("a", where(service, "a"), DIFFERENT))
    assert clusters(service) == {"bcde"}
    service.decide(say("b", "c", DIFFERENT))
    service.resolve()
    assert not any({"b", "c"} <= set(part) for part in clusters(service))
