"""Numbers and curves learnt from what is known, on made-up lessons and members, and on a small world."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from linkage.engine import Facts, Model
from linkage.engine.curves import POINTS, TOGETHER, Judged, judge, learn_scorecard
from linkage.engine.fit import (
    STEP,
    Free,
    Taught,
    ends,
    free_numbers,
    log_loss,
    moved,
    priced,
    read,
    regress,
    steps,
)  # fmt: skip
from linkage.engine.labels import Actors, Decisions, owners, split
from linkage.engine.lessons import Lessons, World, cluster, gather_world, learn, members_of, newcomers_of
from linkage.engine.model import Curve, Scorecard, Surface
from linkage.engine.scorecard import log_odds, probability
from linkage.engine.second_look import number_by_first
from linkage.engine.standing import ASPECTS, EVIDENCE, FELLOWS, HOURS, LOAD, NOBODYS, SIGN_UP, SIZE, Beside
from tests.engine.conftest import accounts, decided, observed

LN2 = float(np.log(2))
ANYWHERE = (np.full(3, -np.inf), np.full(3, np.inf))


def lessons_of(truth: np.ndarray, pairs: int = 20_000, seed: int = 0) -> Lessons:
    """Pairs whose log2 odds are 2·(a random total) + slope · truth, by which they are drawn to be the same or not."""
    random = np.random.default_rng(seed)
    total = random.normal(0, 2, pairs)
    slope = random.normal(0, 1, (pairs, len(truth))) * STEP
    odds = total + slope / STEP @ truth
    same = (random.random(pairs) < 1 / (1 + np.exp2(-odds))).astype(float)
    return Lessons(total, slope, same, np.ones(pairs))


def taught_by(lessons: Lessons, per_world: float = 1e9, wrong: float = 1.0) -> Taught:
    return Taught.by([priced(lessons, wrong)], np.full(lessons.slope.shape[1], STEP), 0.0, per_world)


def test_regression_finds_the_numbers_that_made_the_pairs() -> None:
    truth = np.array([0.8, -0.5, 0.2])
    found = regress(taught_by(lessons_of(truth)), np.zeros(3), np.zeros(3), ANYWHERE, ridge=1e-3)
    assert found.where == pytest.approx(truth, abs=0.05)
    assert found.loss_after < found.loss_before


def test_a_number_that_no_pair_feels_does_not_move() -> None:
    lessons = lessons_of(np.array([0.8, -0.5, 0.2]))
    lessons.slope[:, 1] = 0
    given = np.array([0.3, 0.7, -0.2])
    assert regress(taught_by(lessons), given, given, ANYWHERE).where[1] == pytest.approx(0.7)


def test_ridge_holds_numbers_where_they_were_given() -> None:
    taught = taught_by(lessons_of(np.array([0.8, -0.5, 0.2])), per_world=200)
    weak, strong = (regress(taught, np.zeros(3), np.zeros(3), ANYWHERE, ridge=ridge).where for ridge in (0.1, 100.0))
    assert np.abs(strong).max() < np.abs(weak).max() / 2


def test_numbers_stay_between_their_ends_and_the_others_still_find_their_best() -> None:
    taught = taught_by(lessons_of(np.array([0.8, -0.5, 0.2])))
    low = np.array([-np.inf, 0.0, -np.inf])
    bound = regress(taught, np.zeros(3), np.zeros(3), (low, np.full(3, np.inf)), ridge=1e-3)
    assert bound.where[1] == 0
    assert bound.where[[0, 2]] == pytest.approx([0.8, 0.2], abs=0.08)


def test_a_dear_mistake_makes_for_caution() -> None:
    lessons = lessons_of(np.array([0.0, 0.0, 0.0]))
    lessons.slope[:, 0] = STEP  # adds a bit to every pair
    dear = regress(taught_by(lessons, wrong=8.0), np.zeros(3), np.zeros(3), ANYWHERE, ridge=1e-3)
    assert dear.where[0] < -0.9


def test_log_loss_counts_every_world_alike() -> None:
    one, other = lessons_of(np.zeros(1), 100), lessons_of(np.zeros(1), 10_000)
    both = log_loss([one, other], 0.0)
    assert both == pytest.approx(np.mean([log_loss([one], 0.0), log_loss([other], 0.0)]))
    assert log_loss([], 0.0) is None


@pytest.fixture(scope="module")
def free() -> list[Free]:
    return free_numbers(Model.load(), ["device", "ip", "never heard of"])


def test_only_kinds_and_families_that_are_present_may_move(free: list[Free]) -> None:
    paths = {each.path for each in free}
    assert ("kinds", "device", "purity") in paths
    assert ("families", "network", "within") in paths
    assert not {path for path in paths if path[:2] in (("kinds", "email"), ("kinds", "never heard of"))}


def test_numbers_go_there_and_back(free: list[Free]) -> None:
    model = Model.load()
    here = read(model, free)
    assert moved(model, free, here) == model  # a share of 1 stays 1
    there = np.clip(here + 0.3, *ends(free))
    assert read(moved(model, free, there), free) == pytest.approx(there, abs=1e-2)


def test_every_step_moves_one_number_and_says_how_far(free: list[Free]) -> None:
    model = Model.load()
    here = read(model, free)
    models, taken = steps(model, free)
    for number, (each, by) in enumerate(zip(models, taken, strict=True)):
        assert np.flatnonzero(np.abs(read(each, free) - here) > 1e-9).tolist() == [number]
        assert by == pytest.approx(read(each, free)[number] - here[number])
        assert STEP / 2 < abs(by) < 2 * STEP


# Labels


def test_a_cluster_belongs_to_the_actor_of_most_of_its_members_and_of_two_to_the_first() -> None:
    actor = np.array([1, 1, 0, 2, 0, -1])
    label = np.array([0, 0, 0, 1, 1, 2], np.int32)
    assert owners(label, 3, actor).tolist() == [1, 0, -1]


def test_pairs_of_actors_that_were_held_out_teach_nothing() -> None:
    actors = Actors(np.array([0, 0, 1, 2, -1]), np.array([True, True, False]))
    label = np.arange(5, dtype=np.int32)
    left, right = (np.array(side, np.int32) for side in zip(*combinations(range(5), 2), strict=True))
    told = dict(zip(combinations(range(5), 2), actors.judge(label, 5, left, right).tolist(), strict=True))
    assert {pair: same for pair, same in told.items() if not np.isnan(same)} == {(0, 1): 1, (0, 2): 0, (1, 2): 0}


def test_one_actor_in_three_of_each_size_is_held_out() -> None:
    actor = np.repeat(np.arange(30), [20] * 15 + [1] * 15)
    teaches = split(actor)
    assert teaches[:15].sum() == teaches[15:].sum() == 10
    assert split(actor).tolist() == teaches.tolist()


def decisions(*judged: tuple[int, int, str]) -> Decisions:
    found = Decisions.of(6, judged)
    found.teaches[:] = True
    return found


def asked(found: Decisions, label: list[int], left: int, right: int) -> float:
    one, other = np.array([left], np.int32), np.array([right], np.int32)
    return float(found.judge(np.array(label, np.int32), max(label) + 1, one, other)[0])


def test_decisions_reach_as_far_as_they_follow_from_each_other() -> None:
    found = decisions((0, 1, "same"), (1, 2, "same"), (2, 3, "different"), (4, 5, "undecided"))
    alone = [0, 1, 2, 3, 4, 5]
    assert asked(found, alone, 0, 2) == 1
    assert asked(found, alone, 0, 3) == 0
    assert np.isnan(asked(found, alone, 4, 5))
    assert np.isnan(asked(found, alone, 0, 4))


def test_clusters_of_which_as_many_decisions_say_one_thing_as_the_other_teach_nothing() -> None:
    found = decisions((0, 2, "same"), (1, 3, "different"))
    assert np.isnan(asked(found, [0, 0, 1, 1, 2, 3], 0, 1))


# Scorecards

NOTHING = Scorecard(curves={})


def test_curves_are_calibrated_where_the_figures_tell() -> None:
    random = np.random.default_rng(0)
    seen = np.full((6000, len(ASPECTS)), np.nan)
    seen[:, EVIDENCE] = random.uniform(0, 70, len(seen))
    chance = 1 / (1 + np.exp2(-(seen[:, EVIDENCE] - 20) / 8))
    right = (random.random(len(seen)) < chance).astype(float)
    card = learn_scorecard([Judged(seen[:4000], seen[:4000], right[:4000])], NOTHING)
    said = probability(log_odds(seen[4000:], card))
    assert np.abs(said - chance[4000:]).mean() < 0.03


def members(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    seen = random.uniform(0, 10, (count, len(ASPECTS)))
    return seen, (random.random(count) < 0.8).astype(float)


def test_an_aspect_of_which_nothing_is_known_keeps_its_curve() -> None:
    seen, right = members()
    seen[:, HOURS] = np.nan
    hours = Curve(at=(0, 5), bits=(1, 2))
    found = learn_scorecard([Judged(seen, seen, right)], Scorecard(curves={"hours": hours}))
    assert found.curves["hours"] == hours
    assert set(found.curves) == set(POINTS)
    assert {surface.aspects for surface in found.together} == set(TOGETHER)


def test_aspects_of_which_one_is_not_known_keep_what_they_say_together() -> None:
    seen, right = members()
    seen[:, SIGN_UP] = np.nan
    aspects, at = next((aspects, at) for aspects, at in TOGETHER.items() if aspects[0] == "sign_up")
    told = Surface(aspects=aspects, at=at, bits=tuple((1.0,) * len(at[1]) for _ in at[0]))
    found = learn_scorecard([Judged(seen, seen, right)], Scorecard(curves={}, together=(told,)))
    assert told in found.together
    assert {surface.aspects for surface in found.together} == set(TOGETHER)


def test_what_two_aspects_say_only_together_is_learnt() -> None:
    """Who signed up unlike the others is wrong in large clusters, and right in small ones."""
    seen, _ = members(4000)
    seen[:, SIGN_UP] = np.tile([-2.0, 3.0], 2000)
    seen[:, SIZE] = np.repeat([1.5, 8.0], 2000)
    right = ((seen[:, SIGN_UP] > 0) == (seen[:, SIZE] > 4)).astype(float)
    sure = probability(log_odds(seen, learn_scorecard([Judged(seen, seen, right)], NOTHING)))
    assert np.abs(sure - right).max() < 0.25


def test_what_is_learnt_allows_for_what_a_curve_says_of_the_unknown() -> None:
    seen, right = members()
    seen[:, HOURS] = NOBODYS
    given = Scorecard(curves={"hours": Curve(at=(0, 5), bits=(1, 2), lacking=-3.0)})
    found = learn_scorecard([Judged(seen, seen, right)], given)
    assert probability(log_odds(seen, found)).mean() == pytest.approx(right.mean(), abs=0.01)


def test_the_unknown_has_bits_of_its_own() -> None:
    """Half of those whose hours are known are right, and all whose hours are not."""
    seen, _ = members(4000)
    right = (np.arange(len(seen)) % 2).astype(float)
    seen[::4, HOURS] = np.nan
    right[::4] = 1.0
    sure = probability(log_odds(seen, learn_scorecard([Judged(seen, seen, right)], NOTHING)))
    assert sure[::4].mean() > 0.8
    assert sure[1:][seen[1:, HOURS] > 0].mean() < 0.75


def test_what_nobody_has_is_held_against_nobody() -> None:
    """Who has no hours among those who have is wrong; where nobody has, as many are right as anywhere."""
    seen, _ = members(4000)
    right = (np.arange(len(seen)) % 4 > 0).astype(float)
    seen[right == 0, HOURS] = np.nan
    card = learn_scorecard([Judged(seen, seen, right)], NOTHING)
    assert probability(log_odds(seen[right == 0], card)).max() < 0.2
    seen[:, [HOURS, LOAD]] = NOBODYS
    assert probability(log_odds(seen, card)).mean() == pytest.approx(right.mean(), abs=0.05)


@pytest.mark.parametrize("right", ["all", "none", "few"])
def test_members_all_of_one_sort_or_too_few_teach_no_curve(right: str) -> None:
    seen, some = members(20 if right == "few" else 400)
    some = {"all": np.ones_like(some), "none": np.zeros_like(some), "few": some}[right]
    given = Model.load().confidence
    assert learn_scorecard([Judged(seen, seen, some)], given) == given


def test_who_was_stated_or_held_out_is_left_out() -> None:
    label = np.array([0, 0, 0, 0, 1, 1, 2], np.int32)
    actors = Actors(np.array([0, 0, 1, 0, 2, 2, 0]), np.array([True, True, False]))
    stated = np.array([False, False, False, True, False, False, False])
    members = Beside(
        np.arange(6, dtype=np.int32), label[:6], np.zeros((6, len(ASPECTS))), np.zeros(6), np.ones(6, np.bool_)
    )
    load = np.full(len(label), np.nan)
    assert judge(members, label, actors, stated, load).right.tolist() == [1, 1, 0]
    newcomer = Beside(
        np.array([2], np.int32), np.array([0], np.int32), np.zeros((1, len(ASPECTS))), np.zeros(1), np.ones(1, np.bool_)
    )
    assert judge(newcomer, np.array([0, 0, 3, 0, 1, 1, 2]), actors, stated, load).right.tolist() == [0]


def test_what_actors_can_change_at_will_is_trusted_for_what_it_is_worth_when_they_do() -> None:
    """Who is right works as the others do, unless its actor evades: then as the wrong ones do."""
    seen, right = members(4000)
    random = np.random.default_rng(2)
    evading = seen.copy()
    evading[:, LOAD] = random.normal(-3, 1, len(seen))
    seen[:, LOAD] = np.where(right > 0, random.normal(1, 1, len(seen)), evading[:, LOAD])
    open_handed = learn_scorecard([Judged(seen, seen, right)], NOTHING).curves["load"].bits
    wary = learn_scorecard([Judged(seen, evading, right)], NOTHING).curves["load"].bits
    span, punishes = np.ptp(wary), wary[-1] - wary[1]
    assert 0 < punishes <= span < np.ptp(open_handed)
    sure = probability(log_odds(evading, learn_scorecard([Judged(seen, evading, right)], NOTHING)))
    assert sure[right > 0].mean() > 0.5


def test_actors_of_several_accounts_evade_by_the_loads_of_those_who_have_one() -> None:
    pool, crowd = 12, 200
    random = np.random.default_rng(3)
    load = np.concatenate([random.normal(6, 0.1, pool), random.normal(3, 1, crowd)])
    actor = np.concatenate([np.zeros(pool, np.int64), 1 + np.arange(crowd)])
    label = actor.astype(np.int32)
    scene = np.full((pool, len(ASPECTS)), 5.0)
    beside = Beside(np.arange(pool, dtype=np.int32), label[:pool], scene, np.zeros(pool), np.ones(pool, np.bool_))
    found = judge(beside, label, Actors(actor, np.ones(crowd + 1, np.bool_)), np.zeros(len(label), np.bool_), load)
    assert (found.seen == 5).all()
    assert (np.delete(found.evading, LOAD, axis=1) == 5).all()
    assert abs(found.evading[:, LOAD].mean()) < 0.5
    unknown = judge(
        beside, label, Actors(actor, np.ones(crowd + 1, np.bool_)), np.zeros(len(label), np.bool_), load * np.nan
    )
    assert (unknown.evading == unknown.seen).all()


# A small world


@pytest.fixture(scope="module")
def world() -> World:
    """Thirty rings of four on a shared device and card each, and as many households that share a card."""
    rows: list[tuple[object, ...]] = []
    for ring in range(30):
        rows += [(f"r{ring}-{n}", "device", f"d{ring}", 0, 50) for n in range(4)]
        rows += [(f"r{ring}-{n}", "payment_method", f"c{ring}-{n // 2}", 0, 50) for n in range(4)]
        rows += [(f"h{ring}-{n}", "payment_method", f"family{ring}", 0, 50) for n in range(2)]
        rows += [(f"h{ring}-{n}", "phone", f"phone{ring}-{n}", 0, 50) for n in range(2)]
    return gather_world("small", Facts(observations=observed(rows)), Model.load(), bound_by_decisions=True)


def actors_of(world: World) -> Actors:
    named = [name.split("-")[0] if name.startswith("r") else name for name in world.accounts.to_pylist()]
    actor = np.unique(named, return_inverse=True)[1].astype(np.int64)
    return Actors(actor, np.ones(actor.max() + 1, np.bool_))


def test_a_turn_lowers_the_loss_on_the_pairs_that_taught(world: World) -> None:
    model, actors = Model.load(), actors_of(world)
    free = free_numbers(model, world.gathered.kinds)
    models, taken = steps(model, free)
    lessons, _ = learn(world, actors, model, models)
    assert 0 < lessons.same.sum() < len(lessons.same)
    here = read(model, free)
    bits = -model.prior.bits
    found = regress(Taught.by([lessons], taken, bits, 1000), here, here, ends(free))
    after, _ = learn(world, actors, model, [moved(model, free, found.where)])
    before, now = log_loss([after], bits), log_loss([after], bits, 0)
    assert before is not None
    assert now is not None
    assert now < before


def test_watching_changes_no_cluster_and_the_steps_are_what_the_moved_models_weigh(world: World) -> None:
    model = Model.load()
    louder = model.model_copy(
        update={"kinds": {**model.kinds, "device": model.kinds["device"].model_copy(update={"purity": 0.9})}}
    )
    nobody = Actors(np.full(len(world.accounts), -1, np.int64), np.zeros(0, np.bool_))
    none, _ = learn(world, nobody, model, [])
    unwatched = cluster(world, model)
    lessons, watched = learn(world, actors_of(world), model, [model, louder])
    assert not len(none.total)
    assert watched.tolist() == unwatched.tolist()
    assert np.abs(lessons.slope[:, 0]).max() == 0
    assert lessons.slope[:, 1].max() > 0


def test_members_of_clusters_are_seen(world: World) -> None:
    model = Model.load()
    label = cluster(world, model)
    found = members_of(world, label, model)
    assert found.subject.tolist() == np.flatnonzero(np.bincount(label)[label] > 1).tolist()
    assert found.cluster.tolist() == label[found.subject].tolist()
    assert (found.seen[:, EVIDENCE] > 0).all()


def test_who_is_alone_is_seen_beside_the_cluster_it_shares_most_with(world: World) -> None:
    """Three of a ring, when the fourth was let go, and households, who share with nobody but each other."""
    label = actors_of(world).actor.astype(np.int32)
    names = world.accounts.to_pylist()
    fourth = names.index("r3-3")
    label[fourth] = label.max() + 1
    model = Model.load()
    generous = model.confidence.model_copy(update={"least_by_evidence": 0.0})
    found, kept = newcomers_of(world, number_by_first(label), model.model_copy(update={"confidence": generous}))
    assert [
        (names[s], names[np.flatnonzero(kept == c)[0]]) for s, c in zip(found.subject, found.cluster, strict=True)
    ] == [("r3-3", "r3-0")]
    assert found.seen[0, FELLOWS] == pytest.approx(2.0)  # all three others
    assert found.seen[0, SIZE] == pytest.approx(2.0)  # four with itself


def test_similar_values_weigh_as_they_do_in_the_rounds() -> None:
    """Their shift is the value's own, whatever model is tried."""
    rows = [(f"a{n}", "organisation_name", f"Nordlicht Logistik Werk {n} Hamburg Altona") for n in range(2)]
    rows += [(f"a{n}", "phone", "+4940123456") for n in range(2)]
    model = Model.load()
    world = gather_world("two", Facts(observations=observed(rows)), model, bound_by_decisions=True)
    actors = Actors(np.array([0, 0]), np.array([True]))
    lessons, _ = learn(world, actors, model, [model])
    assert len(lessons.total)
    assert np.abs(lessons.slope).max() == 0


def test_decisions_that_teach_do_not_bind(tmp_path: Path) -> None:
    facts = Facts(
        accounts=accounts([{"account_id": "a"}, {"account_id": "b"}]), decisions=decided([("a", "b", "same")])
    )
    bound, free = (gather_world("two", facts, Model.load(), bound_by_decisions=both) for both in (True, False))
    assert bound.stated.tolist() == [True, True]
    assert free.stated.tolist() == [False, False]
    assert free.judged == ((0, 1, "same"),)
