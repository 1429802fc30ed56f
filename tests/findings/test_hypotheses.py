"""The benign explanations: each wins where the facts are its own, and every score can be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from linkage.findings.facts import ClusterFacts, DeclaredOrganisation, OwnKind, SharedKind
from linkage.findings.hypotheses import ABOUT, FINDINGS, Cause, Hypothesis, hypotheses

SPAN = 180.0


def shared(
    kind: str, identifiers: int, members: int, sharing_class: str = "private", bits: float = 10.0, **more: float
):  # type: ignore[no-untyped-def]
    return SharedKind(kind, identifiers, bits * identifiers, members, members, 1, sharing_class, **more)


def own(accounts: int, **shares: float) -> tuple[OwnKind, ...]:
    return tuple(OwnKind(kind, accounts, round(share * accounts)) for kind, share in shares.items())


RING = ClusterFacts(
    60,
    shared=(shared("payment_method", 8, 20), shared("device", 12, 8), shared("ip", 20, 15), shared("email", 3, 2)),
    own=own(60, device=0.0, payment_method=0.1, email=0.7, phone=0.5),
    sign_up_days=4,
    sign_up_span=SPAN,
)
HYDRA = ClusterFacts(
    200,
    shared=(shared("payment_method", 30, 10), shared("ip", 40, 25, "office")),
    own=own(200, device=1.0, payment_method=0.05, email=1.0),
    sign_up_days=5,
    sign_up_span=SPAN,
)
EMPLOYER = ClusterFacts(
    40,
    organisations=(DeclaredOrganisation("o1", 38, "Acme Ltd", "company"),),
    shared=(shared("ip", 3, 36, "office"), shared("device", 2, 2)),
    own=own(40, device=0.9, payment_method=0.9, email=1.0),
    sign_up_days=100,
    sign_up_span=SPAN,
)
FAMILY = ClusterFacts(
    3,
    shared=(shared("payment_method", 1, 3), shared("ip", 2, 3, "home")),
    own=own(3, device=1.0, email=1.0, phone=1.0),
    sign_up_days=70,
    sign_up_span=SPAN,
)
CAMPUS = ClusterFacts(
    30,
    organisations=(DeclaredOrganisation("u", 20, "University", "University"),),
    shared=(shared("ip", 4, 28, "campus"), shared("device", 1, 3)),
    own=own(30, device=0.9, payment_method=0.9, email=1.0),
    sign_up_days=90,
    sign_up_span=SPAN,
)
RESELLER = ClusterFacts(
    25,
    organisations=tuple(DeclaredOrganisation(f"o{n}", 2) for n in range(10)),
    shared=(shared("payment_method", 1, 24, "reseller"), shared("ip", 1, 5, "office")),
    own=own(25, device=0.9, payment_method=0.0, email=1.0),
    sign_up_days=120,
    sign_up_span=SPAN,
)
CONFERENCE = ClusterFacts(
    40,
    shared=(shared("ip", 2, 40, "public", days=2.0), shared("prompt_template", 1, 30, "public", bits=1.0)),
    own=own(40, device=1.0, payment_method=1.0, email=1.0, phone=1.0),
    sign_up_days=1,
    sign_up_span=SPAN,
)
CARRIER = ClusterFacts(
    30,
    shared=(shared("ip", 6, 28, "mobile", days=150.0),),
    own=own(30, device=1.0, payment_method=1.0, email=1.0, phone=1.0),
    sign_up_days=120,
    sign_up_span=SPAN,
)


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (RING, Cause.SINGLE_ACTOR),
        (HYDRA, Cause.SINGLE_ACTOR),
        (EMPLOYER, Cause.EMPLOYER),
        (FAMILY, Cause.FAMILY),
        (CAMPUS, Cause.CAMPUS),
        (RESELLER, Cause.RESELLER),
        (CONFERENCE, Cause.CONFERENCE),
        (CARRIER, Cause.CARRIER),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else "",
)
def test_each_explanation_leads_where_the_facts_are_its_own(facts: ClusterFacts, cause: Cause) -> None:
    assert hypotheses(facts)[0].cause is cause


def of(facts: ClusterFacts, cause: Cause) -> Hypothesis:
    return next(hypothesis for hypothesis in hypotheses(facts) if hypothesis.cause is cause)


@pytest.mark.parametrize("facts", [RING, EMPLOYER, FAMILY, ClusterFacts(0)])
def test_a_score_is_the_sum_of_its_findings_and_the_single_actor_stands_at_nought(facts: ClusterFacts) -> None:
    found = hypotheses(facts)
    assert {hypothesis.cause for hypothesis in found} == set(Cause)
    assert [hypothesis.bits for hypothesis in found] == sorted((one.bits for one in found), reverse=True)
    assert all(one.bits == sum(finding.bits for finding in one.findings) for one in found)
    assert of(facts, Cause.SINGLE_ACTOR).bits == 0
    assert all(one.reason.endswith(".") and one.decided_by and one.title for one in found)


def test_a_reason_names_what_speaks_for_it_and_against_it() -> None:
    reason = of(HYDRA, Cause.EMPLOYER).reason
    assert "For it: all of the accounts have a device of their own" in reason
    assert "against it: " in reason


def test_what_is_not_known_speaks_neither_for_nor_against() -> None:
    unknown = replace(RING, own=(), sign_up_days=None, sign_up_span=None)
    names = {finding.name for finding in of(unknown, Cause.CONFERENCE).findings}
    assert not names & {"devices_of_their_own", "no_devices_of_their_own", "signed_up_in_one_go", "signed_up_over_time"}
    # a card known of two accounts in sixty says nothing of the others
    few = replace(RING, own=(OwnKind("payment_method", 2, 2),))
    assert few.own_share("payment_method") is None


def test_a_few_shared_cards_among_many_accounts_are_no_pool() -> None:
    many = replace(EMPLOYER, shared=(*EMPLOYER.shared, shared("payment_method", 4, 2)))
    assert "a_pool_of_cards" not in {finding.name for finding in of(many, Cause.EMPLOYER).findings}
    assert "a_pool_of_cards" in {finding.name for finding in of(RING, Cause.EMPLOYER).findings}


def test_one_customer_that_declares_its_members_is_no_single_actor_for_being_one() -> None:
    assert of(EMPLOYER, Cause.EMPLOYER).bits > 3


def test_every_row_of_the_table_has_a_name_of_its_own_and_moves_something_benign() -> None:
    assert len({finding.name for finding in FINDINGS}) == len(FINDINGS)
    assert all(finding.bits and Cause.SINGLE_ACTOR not in finding.bits for finding in FINDINGS)
    assert set(ABOUT) == set(Cause)


def test_every_row_of_the_table_holds_of_some_cluster_here_or_of_a_declared_agency() -> None:
    agency = replace(RESELLER, organisations=(DeclaredOrganisation("o", 20, None, "reseller"),))
    six = replace(RING, accounts=6)
    facts = (RING, HYDRA, EMPLOYER, FAMILY, CAMPUS, RESELLER, CONFERENCE, CARRIER, agency, six)
    silent = {finding.name for finding in FINDINGS if not any(finding.holds(one) for one in facts)}
    sharing = replace(FAMILY, shared=(shared("email", 1, 3),), own=own(3, email=0.0))
    assert {name for name in silent if not _holds(name, sharing)} == set()


def _holds(name: str, facts: ClusterFacts) -> bool:
    return any(finding.name == name and finding.holds(facts) for finding in FINDINGS)
