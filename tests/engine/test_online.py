"""Between two resolutions newcomers are judged as the rounds and the second look judge."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pytest

from linkage.engine.behaviour import gather_activity
from linkage.engine.classes import separateness
from linkage.engine.forest import plant
from linkage.engine.lessons import World, gather_world
from linkage.engine.model import Model
from linkage.engine.online import NO_MARKS, Fellow, Group, Newcomer, Outcome, Period, Placed, Surroundings, Used, link
from linkage.engine.pairs import merge_evidence
from linkage.engine.resolve import weigh
from linkage.engine.rounds import Rounds
from linkage.engine.scorecard import log_odds
from linkage.engine.standing import look_at, set_scene
from linkage.engine.tables import Ints
from linkage.engine.weigh import Weights
from linkage.model.explanation import STANDING
from linkage.scenario import generate
from linkage.service.filing import read_parts

MODEL = Model.load()
#: Without hours hardly anybody is taken in: a lower bar shows more of them.
OPEN = MODEL.model_copy(update={"newcomers": MODEL.newcomers.model_copy(update={"least": 0.02})})


class Batch:
    """A small world as a resolution sees it, without hours, and with each member laid out as if it came only now."""

    def __init__(self, world: World) -> None:
        g = world.gathered
        nobody = np.zeros(0, np.int32)
        self.activity = gather_activity(nobody, nobody, len(g.created))
        self.gathered = g
        weights, _, self.holdings = weigh(g, MODEL)
        self.weights: Weights = weights._replace(behaviour_cap=0.0)
        rounds = self.rounds()
        rounds.run(MODEL.prior.stages, MODEL.rounds.maximum)
        self.label, _ = rounds.labels()
        self.separate = separateness(g.subject, g.kind[g.value], g.private, self.weights)
        self.value_start = np.searchsorted(self.holdings.value, np.arange(len(g.kind) + 1))

    def rounds(self) -> Rounds:
        return Rounds(self.holdings, self.weights, plant(self.holdings.subjects, NO_MARKS), self.activity, 1)

    def without(self, member: int) -> Ints:
        """The clusters when a member is alone."""
        label = self.label.copy()
        label[member] = label.max() + 1
        return label

    def pair_bits(self, label: Ints, left: int, right: int) -> float:
        """The bits between the clusters of two subjects, as the rounds have them."""
        rounds = self.rounds()
        now = rounds.look(rounds.tabulate(label, rounds.first_rows(), label, int(label.max()) + 1), label)
        told = merge_evidence(label[[left]], label[[right]], now, self.weights)
        sign_up, behaviour, uncovered, differing, _, _, bits, _, _ = told
        return float(bits.sum() + sign_up[0] + behaviour[0] - uncovered[0] - differing[0])

    def newcomer_bits(self, label: Ints, subject: int, cluster: int) -> float:
        """The log2 odds of a newcomer beside a cluster, as the second look has them."""
        scene = set_scene(label, self.holdings, self.separate, self.activity, self.weights)
        seen = look_at(np.array([subject], np.int32), np.array([cluster], np.int32), scene)
        return float(log_odds(seen.seen, MODEL.newcomers)[0])

    def newcomer(self, member: int, label: Ints) -> Newcomer:
        h, g = self.holdings, self.gathered
        rows = np.flatnonzero(h.subject == member)
        uses = tuple(self.used(member, int(row), label) for row in rows)
        return Newcomer(f"account:{member}", None, float(h.created[member]), int(g.private[member]), uses)

    def used(self, member: int, row: int, label: Ints) -> Used:
        h, g = self.holdings, self.gathered
        v = int(h.value[row])
        rows = [r for r in range(self.value_start[v], self.value_start[v + 1]) if h.subject[r] != member]
        fellows = tuple(
            Fellow(f"account:{h.subject[r]}", self.named(int(h.subject[r]), label), float(h.created[h.subject[r]]),
                   Period(float(h.first[r]), float(h.last[r])))
            for r in rows
        )  # fmt: skip
        kind = g.kinds[g.kind[v]]
        # What the batch adds to the kind's own weight, at as many clusters as hold it.
        clusters = len(set(label[h.subject[self.value_start[v] : self.value_start[v + 1]]].tolist()))
        alpha = float(h.values.alpha[v]) - self.weights.alpha[g.kind[v]]
        beta = float(h.values.beta[v]) - self.weights.beta[g.kind[v]]
        class_bits = (alpha - beta * math.log(max(clusters - 1, 1))) / math.log(2)
        return Used(kind, str(v), Period(float(h.first[row]), float(h.last[row])), clusters, class_bits, fellows)

    def named(self, subject: int, label: Ints) -> str | None:
        return f"cl_{label[subject]}" if np.count_nonzero(label == label[subject]) > 1 else None

    def groups(self, label: Ints) -> dict[str, Group]:
        groups = {}
        for cluster in np.flatnonzero(np.bincount(label) > 1):
            created = self.holdings.created[label == cluster].astype(np.float64)
            known = created[~np.isnan(created)]
            mean, spread = (float(known.mean()), float(known.std())) if len(known) else (math.nan, 0.0)
            groups[f"cl_{cluster}"] = Group(int(np.count_nonzero(label == cluster)), mean, spread)
        return groups


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("world")
    generate("mixed", 1_500, 5, folder)
    facts = read_parts(folder, folder).facts
    return Batch(gather_world("mixed", facts, MODEL, bound_by_decisions=True, threads=1))


def test_newcomers_are_judged_by_the_bits_of_a_resolution(batch: Batch) -> None:
    size = np.bincount(batch.label)
    members = np.flatnonzero(size[batch.label] > 3)[::3]
    loners = np.flatnonzero((size[batch.label] == 1) & np.isin(np.arange(len(batch.label)), batch.holdings.subject))
    by_pair = by_standing = 0
    for member in map(int, [*members, *loners]):
        label = batch.without(member)
        around = Surroundings(
            [batch.newcomer(member, label)], batch.groups(label), sign_up_span=batch.weights.sign_up_span
        )
        for placed in link(around, OPEN).placed:
            fellow = int(placed.fellow.removeprefix("account:"))
            if placed.pieces[-1].kind == STANDING:
                odds = batch.newcomer_bits(label, member, int(label[fellow]))
                assert placed.bits - batch.weights.neighbourhood_bits == pytest.approx(odds, abs=0.05)
                by_standing += 1
            else:
                assert placed.bits == pytest.approx(batch.pair_bits(label, member, fellow), abs=0.05)
                by_pair += 1
            assert sum(piece.bits for piece in placed.pieces) == pytest.approx(placed.bits, abs=0.1)
    assert by_pair > len(members) // 4
    assert by_standing > 0


# -- small worlds by hand


def used(kind: str, value: str, *fellows: Fellow, clusters: int | None = None, **pools: int) -> Used:
    apart = {fellow.cluster or fellow.subject for fellow in fellows}
    count = len(apart) + 1 if clusters is None else clusters
    return Used(kind, value, Period(10, 12), count, 0.0 if pools else None, fellows, pools)


def fellow(name: str, cluster: str | None = None, created: float = 10.0) -> Fellow:
    return Fellow(f"account:{name}", cluster, created, Period(10, 12))


def newcomer(name: str, *uses: Used, cluster: str | None = None, own: int = 0, created: float = 10.0) -> Newcomer:
    return Newcomer(f"account:{name}", cluster, created, own, uses)


def look(
    *newcomers: Newcomer, groups: dict[str, Group] | None = None, apart: Mapping[str, Collection[str]] | None = None,
    refused: Sequence[str] = (), own: dict[str, tuple[int, int]] | None = None,
) -> Outcome:  # fmt: skip
    around = Surroundings(newcomers, groups or {}, own or {}, apart or {}, sign_up_span=365.0)
    return link(around, MODEL, refused)


RING = {"cl_ring": Group(6, 10.0, 1.0)}
CARD = used("payment_method", "fp", *(fellow(f"r{n}", "cl_ring") for n in range(6)))
DEVICE = used("device", "d", *(fellow(f"r{n}", "cl_ring") for n in range(6)))


def where(outcome: Outcome) -> dict[str, str | None]:
    return {placed.subject: placed.cluster for placed in outcome.placed}


def test_who_shares_card_and_device_with_a_ring_joins_it() -> None:
    outcome = look(newcomer("new", CARD, DEVICE), groups=RING)
    assert where(outcome) == {"account:new": "cl_ring"}
    assert outcome.placed[0].fellow.startswith("account:r")
    assert 0.5 < outcome.placed[0].confidence < 1


def test_who_was_refused_is_not_asked_again() -> None:
    assert where(look(newcomer("new", CARD, DEVICE), groups=RING, refused=["account:new"])) == {}


def test_a_decision_keeps_a_newcomer_out() -> None:
    assert where(look(newcomer("new", CARD, DEVICE), groups=RING, apart={"account:new": {"cl_ring"}})) == {}


def test_a_decision_between_two_newcomers_lets_the_first_in_and_not_the_second() -> None:
    newcomers = [newcomer(f"n{n}", CARD, DEVICE) for n in range(2)]
    apart = {"account:n0": {"account:n1"}, "account:n1": {"account:n0"}}
    assert len(look(*newcomers, groups=RING, apart=apart).placed) == 1


def test_two_that_are_alone_found_a_cluster_and_a_third_finds_them_in_it() -> None:
    def strong(*others: str) -> tuple[Used, ...]:
        return tuple(used(kind, "x", *(fellow(one) for one in others)) for kind in ("email", "device", "phone"))

    outcome = look(newcomer("a", *strong("b", "c")), newcomer("b", *strong("a", "c")), newcomer("c", *strong("a", "b")))
    assert len(outcome.placed) == 2
    assert all(placed.cluster is None for placed in outcome.placed)
    named = {name for placed in outcome.placed for name in (placed.subject, placed.fellow)}
    assert named == {"account:a", "account:b", "account:c"}


def test_a_crowd_says_nothing_and_the_pool_of_one_cluster_everything() -> None:
    crowd = used("ip", "203.0.113.7", clusters=40_000, cl_ring=3)
    assert where(look(newcomer("new", crowd), groups=RING)) == {}
    large = {"cl_ring": Group(5_000, 10.0, 3.0)}
    pools = [used("payment_method", "fp", clusters=2, cl_ring=4_000), used("device", "d", clusters=2, cl_ring=3_000)]
    assert where(look(newcomer("new", *pools), groups=large)) == {"account:new": "cl_ring"}


def test_a_subject_that_two_clusters_could_be_joined_by_is_told_and_joins_neither_to_the_other() -> None:
    groups = {"cl_a": Group(3, 10.0, 1.0), "cl_b": Group(3, 10.0, 1.0)}
    both = [
        used(kind, "x", *(fellow(f"{side}{n}", f"cl_{side}") for side in "ab" for n in range(3)))
        for kind in ("email", "device", "phone", "payment_method")
    ]
    outcome = look(newcomer("a0", *both, cluster="cl_a"), groups=groups)
    assert where(outcome) == {}
    assert {(bridge.left, bridge.right) for bridge in outcome.bridges} == {("cl_a", "cl_b")}
    assert outcome.bridges[0].subject == "account:a0"


def test_single_fellows_of_who_is_in_a_cluster_are_to_be_looked_at_too() -> None:
    outcome = look(newcomer("r0", used("email", "x", fellow("lone")), cluster="cl_ring"), groups=RING)
    assert outcome.ripples == ("account:lone",)


def test_the_same_surroundings_give_the_same_outcome() -> None:
    newcomers = [newcomer(f"n{n}", CARD, DEVICE) for n in range(5)]

    def placed() -> list[Placed]:
        return list(look(*newcomers, groups=RING).placed)

    assert placed() == placed()


def test_several_newcomers_join_the_ring_before_they_found_a_cluster_of_their_own() -> None:
    newcomers = [newcomer(f"n{n}", CARD, DEVICE) for n in range(5)]
    assert where(look(*newcomers, groups=RING)) == {f"account:n{n}": "cl_ring" for n in range(5)}


def test_newcomers_may_name_the_same_fellows_with_themselves_among_them() -> None:
    others = tuple(fellow(f"r{n}", "cl_ring") for n in range(6))
    everybody = (*others, *(fellow(f"n{n}") for n in range(2)))

    def outcome(*fellows: Fellow) -> Outcome:
        uses = used("payment_method", "fp", *fellows, clusters=0), used("device", "d", *fellows, clusters=0)
        return look(*(newcomer(f"n{n}", *uses) for n in range(2)), groups=RING)

    assert len(outcome(*others).placed) == 2
    assert outcome(*everybody) == outcome(*others)


def test_who_uses_nothing_with_anybody_stays_alone() -> None:
    assert look(newcomer("new")) == Outcome((), (), ())


def test_values_that_no_resolution_has_weighed_are_weighed_by_who_holds_them() -> None:
    # Two that each have much of their own are less likely one actor for a common device.
    device = used("device", "d", fellow("other"))
    phone = used("phone", "p", fellow("other"))
    bare = look(newcomer("new", device, phone), own={"account:other": (0, 2)})
    settled = look(newcomer("new", device, phone, own=8), own={"account:other": (8, 2)})
    assert len(bare.placed) == 1
    assert settled.placed == () or settled.placed[0].bits < bare.placed[0].bits
