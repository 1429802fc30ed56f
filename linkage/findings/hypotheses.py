"""The benign explanations of a cluster, scored in bits beside the single actor.

Evidence in bits says how much likelier one actor is than *strangers*. Members of one office, family or campus are no
strangers and no single actor either: what they share looks alike. So each of those explanations is held against the
single actor here, by what it predicts differently: who has a device and a card of their own, whether accounts were
opened in one go, how crowded the shared address is, what they declare.

Every finding is a row of `FINDINGS`: when it holds, what it says, and how many bits it moves each explanation by,
relative to the single actor. A score is the plain sum of its findings, so that it can be read and contradicted.

The weights are stated judgements, not fitted: the orders of magnitude that an investigator would put to them, in whole
bits. One generated world was looked at to see that rings, agencies and a declared customer come out as what they are;
clusters that people judged were not, and nothing here is calibrated. They are to be fitted, and this paragraph
replaced, once there are such clusters. Findings are taken as independent, which they are not quite; less than 3 bits
apart should be read as "cannot be told apart": of two to four accounts, a home and one person often cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from linkage.findings.facts import ClusterFacts
from linkage.findings.words import listed, share


class Cause(StrEnum):
    """What can stand behind a cluster."""

    SINGLE_ACTOR = "single_actor"
    EMPLOYER = "employer"
    FAMILY = "family"
    CAMPUS = "campus"
    RESELLER = "reseller"
    CONFERENCE = "conference"
    CARRIER = "carrier"


ACTOR, EMPLOYER, FAMILY, CAMPUS, RESELLER, CONFERENCE, CARRIER = Cause

#: Cause → what it is called, and the fact that would decide between it and the single actor.
ABOUT: Mapping[Cause, tuple[str, str]] = {
    ACTOR: (
        "one actor",
        "Whether the accounts work in turns or in step, as one program would, beyond what they share.",
    ),
    EMPLOYER: ("one employer", "Whether a contract, a company register or the mail domain names one employer of all."),
    FAMILY: ("a family or household", "Whether names and postal addresses are of one home, and hours of use differ."),
    CAMPUS: (
        "a campus",
        "Whether the members have mailboxes of one university, and courses or terms explain their use.",
    ),
    RESELLER: (
        "a reseller or agency",
        "Whether the payer resells access, and its clients' contents have nothing alike.",
    ),
    CONFERENCE: ("a conference or course", "Whether an event took place there on those days, and use ended with it."),
    CARRIER: (
        "users of one VPN or carrier",
        "Whether the shared addresses are a provider's exits that strangers use too.",
    ),
}

_NETWORK = frozenset({"ip"})
_PAYING = ("payment_method", "bank_account")
_SCHOOLS = frozenset({"university", "school", "college"})
_RESELLERS = frozenset({"reseller", "agency", "marketplace"})
#: What counts as nearly all of the accounts, and as hardly any.
MOST, FEW = 0.8, 0.3


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of the table: when it holds, what it says of the cluster, what it moves each explanation by."""

    name: str
    holds: Callable[[ClusterFacts], bool]
    says: Callable[[ClusterFacts], str]
    bits: Mapping[Cause, float]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A finding as it counts for one explanation."""

    name: str
    bits: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """An explanation with its score in bits relative to the single actor: the sum of its findings."""

    cause: Cause
    findings: tuple[Weighed, ...]

    @property
    def bits(self) -> float:
        """The sum of the findings; 0 for the single actor, whom the others are measured against."""
        return sum(finding.bits for finding in self.findings)

    @property
    def title(self) -> str:
        """What it is called."""
        return ABOUT[self.cause][0]

    @property
    def decided_by(self) -> str:
        """The fact that would decide."""
        return ABOUT[self.cause][1]

    @property
    def reason(self) -> str:
        """The strongest findings for it and against it, in a sentence."""
        if self.cause is ACTOR:
            return "The evidence that made the cluster; the others are measured against it."
        for_it = [finding.sentence for finding in self.findings if finding.bits > 0][:2]
        against = [finding.sentence for finding in self.findings[::-1] if finding.bits < 0][:2]
        told = [f"for it: {listed(for_it)}" if for_it else "", f"against it: {listed(against)}" if against else ""]
        said = "; ".join(part for part in told if part) or "nothing known speaks for it or against it"
        return f"{said[0].upper()}{said[1:]}."


def hypotheses(facts: ClusterFacts) -> list[Hypothesis]:
    """Every explanation with its findings, the likeliest first; findings strongest first."""
    held = [(finding, finding.says(facts)) for finding in FINDINGS if finding.holds(facts)]
    weighed = [
        Hypothesis(
            cause,
            tuple(
                sorted(
                    (
                        Weighed(finding.name, finding.bits[cause], said)
                        for finding, said in held
                        if finding.bits.get(cause)
                    ),
                    key=lambda one: -one.bits,
                )
            ),
        )
        for cause in Cause
    ]
    return sorted(weighed, key=lambda hypothesis: -hypothesis.bits)


# -- the parts that rows are made of


def _own(kind: str) -> Callable[[ClusterFacts], bool]:
    return lambda facts: (own := facts.own_share(kind)) is not None and own >= MOST


def _not_own(kind: str) -> Callable[[ClusterFacts], bool]:
    return lambda facts: (own := facts.own_share(kind)) is not None and own <= FEW


def _share_of_own(kind: str, noun: str) -> Callable[[ClusterFacts], str]:
    def said(facts: ClusterFacts) -> str:
        own = facts.own_share(kind) or 0.0
        return f"{'only ' if 0.005 <= own <= FEW else ''}{share(own)} of the accounts have a {noun} of their own"

    return said


def _shared_among_them(kind: str, least: int, own: float) -> Callable[[ClusterFacts], bool]:
    """So many are shared, and not by a few of the accounts only: fewer than that share have one to themselves."""
    return lambda facts: facts.pool(kind) >= least and ((part := facts.own_share(kind)) is None or part < own)


def _always(text: str) -> Callable[[ClusterFacts], str]:
    return lambda _: text


def _in_class(*classes: str) -> Callable[[ClusterFacts], bool]:
    return lambda facts: facts.holding("ip") >= 0.5 and bool(facts.classes("ip") & set(classes))


def _paying(facts: ClusterFacts) -> float:
    return max(facts.holding(kind) for kind in _PAYING)


def _only_network(facts: ClusterFacts) -> bool:
    return (part := facts.bits_in(_NETWORK)) is not None and part >= 0.8


def _days_on_network(facts: ClusterFacts) -> float | None:
    return next((one.days for one in facts.shared if one.kind == "ip" and one.members >= 0.5 * facts.accounts), None)


def _sign_up(least: float, most: float) -> Callable[[ClusterFacts], bool]:
    return lambda facts: (part := facts.sign_up_share) is not None and least <= part <= most


def _signed_up(facts: ClusterFacts) -> str:
    return f"the accounts signed up within {facts.sign_up_days or 0:,.0f} of {facts.sign_up_span or 0:,.0f} days"


FINDINGS: tuple[Finding, ...] = (
    # What is to be expected before looking, by size alone: most clusters of two to four are homes or one person's
    # second account; few honest groups of dozens share enough to be joined at all.
    Finding(
        "a_handful",
        lambda facts: facts.accounts <= 4,
        lambda facts: f"it has {facts.accounts} accounts only",
        {EMPLOYER: -1, CAMPUS: -2, RESELLER: -2, CONFERENCE: -2, CARRIER: -2},
    ),
    Finding(
        "five_or_more",
        lambda facts: 5 <= facts.accounts <= 8,
        lambda facts: f"it has {facts.accounts} accounts",
        {EMPLOYER: -2, FAMILY: -2, CAMPUS: -2, RESELLER: -2, CONFERENCE: -2, CARRIER: -2},
    ),
    Finding(
        "many_accounts",
        lambda facts: facts.accounts > 8,
        lambda facts: f"it has {facts.accounts:,} accounts",
        {EMPLOYER: -3, FAMILY: -12, CAMPUS: -3, RESELLER: -3, CONFERENCE: -3, CARRIER: -3},
    ),
    # What they declare. A customer that names its members has no reason to hide them.
    Finding(
        "one_declared_organisation",
        lambda facts: facts.largest_declared >= MOST and not facts.declared_as(_SCHOOLS | _RESELLERS),
        lambda facts: f"{share(facts.largest_declared)} of the accounts declare one organisation",
        {EMPLOYER: 8, FAMILY: -2, CAMPUS: -2, RESELLER: -1, CONFERENCE: -3, CARRIER: -4},
    ),
    Finding(
        "several_declared_organisations",
        lambda facts: facts.declared >= 0.5 and facts.largest_declared < 0.5,
        lambda facts: f"they declare {len(facts.organisations)} different organisations",
        {EMPLOYER: -3, FAMILY: -3, RESELLER: 3, CONFERENCE: 2, CARRIER: 2},
    ),
    Finding(
        "nothing_declared",
        lambda facts: facts.declared < 0.2 and facts.accounts >= 5,
        _always("hardly any of the accounts declare an organisation"),
        {EMPLOYER: -2},
    ),
    Finding(
        "a_school_declared",
        lambda facts: facts.declared_as(_SCHOOLS) >= 0.5,
        _always("most of them declare a school or university"),
        {CAMPUS: 8},
    ),
    Finding(
        "a_reseller_declared",
        lambda facts: facts.declared_as(_RESELLERS) >= 0.5,
        _always("most of them declare a reseller or agency"),
        {RESELLER: 8},
    ),
    # What each has to itself. People have a device and a card each; an actor's accounts share pools of them.
    Finding(
        "devices_of_their_own",
        _own("device"),
        _share_of_own("device", "device"),
        {EMPLOYER: 2, FAMILY: 2, CAMPUS: 2, RESELLER: 2, CONFERENCE: 2, CARRIER: 2},
    ),
    Finding(
        "no_devices_of_their_own",
        _not_own("device"),
        _share_of_own("device", "device"),
        {EMPLOYER: -3, FAMILY: -1, CAMPUS: -3, RESELLER: -1, CONFERENCE: -5, CARRIER: -5},
    ),
    Finding(
        "cards_of_their_own",
        _own("payment_method"),
        _share_of_own("payment_method", "payment method"),
        {EMPLOYER: 2, FAMILY: 1, CAMPUS: 3, RESELLER: -3, CONFERENCE: 3, CARRIER: 3},
    ),
    Finding(
        "no_cards_of_their_own",
        _not_own("payment_method"),
        _share_of_own("payment_method", "payment method"),
        {EMPLOYER: 0, FAMILY: 1, CAMPUS: -4, RESELLER: 1, CONFERENCE: -5, CARRIER: -5},
    ),
    Finding(
        "phones_of_their_own",
        _own("phone"),
        _share_of_own("phone", "phone number"),
        {EMPLOYER: 1, FAMILY: 1, CAMPUS: 1, RESELLER: 1, CONFERENCE: 1, CARRIER: 1},
    ),
    # A mailbox is one person's: neither colleagues nor kin open accounts with each other's.
    Finding(
        "a_shared_mailbox",
        _shared_among_them("email", 1, 0.8),
        lambda facts: f"{facts.pool('email'):,} mailboxes serve two accounts or more",
        {EMPLOYER: -4, FAMILY: -3, CAMPUS: -6, RESELLER: -2, CONFERENCE: -6, CARRIER: -6},
    ),
    # Pools: several cards (or devices) used crosswise by many accounts are bought and dealt out.
    Finding(
        "a_pool_of_cards",
        _shared_among_them("payment_method", 3, 0.5),
        lambda facts: f"{facts.pool('payment_method'):,} payment methods serve two accounts or more",
        {EMPLOYER: -3, FAMILY: -3, CAMPUS: -5, RESELLER: -2, CONFERENCE: -6, CARRIER: -6},
    ),
    Finding(
        "a_pool_of_devices",
        _shared_among_them("device", 3, 0.5),
        lambda facts: f"{facts.pool('device'):,} devices serve two accounts or more",
        {EMPLOYER: -2, FAMILY: -3, CAMPUS: -2, RESELLER: -2, CONFERENCE: -5, CARRIER: -5},
    ),
    Finding(
        "one_payer",
        lambda facts: _paying(facts) >= MOST and facts.accounts >= 3,
        lambda facts: f"one payment method serves {share(_paying(facts))} of the accounts",
        {EMPLOYER: 2, FAMILY: 2, CAMPUS: -4, RESELLER: 4, CONFERENCE: -4, CARRIER: -4},
    ),
    Finding(
        "a_card_of_many_clusters",
        lambda facts: "reseller" in facts.classes("payment_method") | facts.classes("bank_account"),
        _always("the shared payment method serves many clusters besides"),
        {FAMILY: -3, RESELLER: 4},
    ),
    # Where they are.
    Finding(
        "a_home_network",
        _in_class("home", "private", "pool"),
        _always("the address that most of them share is a home's, or theirs alone"),
        {FAMILY: 1, CAMPUS: -2, CONFERENCE: -2, CARRIER: -4},
    ),
    Finding(
        "an_office_network",
        _in_class("office"),
        _always("the address that most of them share is an office's"),
        {EMPLOYER: 2, FAMILY: -1, CAMPUS: 1, CONFERENCE: 1},
    ),
    Finding(
        "a_campus_network",
        _in_class("campus"),
        _always("the address that most of them share is a campus's"),
        {EMPLOYER: -1, FAMILY: -2, CAMPUS: 2, CONFERENCE: 1, CARRIER: 1},
    ),
    Finding(
        "a_carriers_network",
        _in_class("mobile", "vpn", "relay", "hosting"),
        _always("the address that most of them share is a carrier's, a VPN's or a hosting company's"),
        {EMPLOYER: -1, FAMILY: -2, CARRIER: 3},
    ),
    Finding(
        "a_public_network",
        _in_class("public"),
        _always("the address that most of them share is a place's that people visit"),
        {EMPLOYER: -1, FAMILY: -2, CAMPUS: 1, CONFERENCE: 2, CARRIER: 1},
    ),
    Finding(
        "only_the_network",
        _only_network,
        _always("hardly anything but addresses ties them"),
        {EMPLOYER: 2, FAMILY: 1, CAMPUS: 3, RESELLER: -2, CONFERENCE: 3, CARRIER: 4},
    ),
    Finding(
        "hardly_the_network",
        lambda facts: (part := facts.bits_in(_NETWORK)) is not None and part < 0.1,
        _always("addresses hardly tie them"),
        {EMPLOYER: -2, FAMILY: -1, CAMPUS: -3, CONFERENCE: -5, CARRIER: -6},
    ),
    Finding(
        "no_common_network",
        lambda facts: facts.holding("ip") < 0.4,
        lambda facts: (
            f"no address serves more than {share(facts.holding('ip'))} of the accounts"
            if facts.holding("ip")
            else "no two of the accounts share an address"
        ),
        {EMPLOYER: -2, FAMILY: -3, CAMPUS: -2, CONFERENCE: -4, CARRIER: -1},
    ),
    Finding(
        "days_on_one_network",
        lambda facts: facts.accounts >= 5 and (days := _days_on_network(facts)) is not None and days <= 7,
        lambda facts: f"they were on one address within {_days_on_network(facts) or 0:.0f} days, and not again",
        {EMPLOYER: -2, FAMILY: -2, CAMPUS: -2, CONFERENCE: 4},
    ),
    # When they were opened. Groups of people grow over months; rings and events come in one go.
    Finding(
        "signed_up_in_one_go",
        lambda facts: facts.accounts >= 3 and _sign_up(0.0, 0.05)(facts),
        _signed_up,
        {EMPLOYER: -2, FAMILY: -2, CAMPUS: -2, RESELLER: -2, CONFERENCE: 3, CARRIER: -4},
    ),
    Finding(
        "signed_up_over_time",
        _sign_up(0.3, 1.0),
        _signed_up,
        {EMPLOYER: 2, FAMILY: 2, CAMPUS: 2, RESELLER: 2, CONFERENCE: -8, CARRIER: 2},
    ),
    # What they do: colleagues and students ask different things; one program asks one thing.
    Finding(
        "one_prompt_template",
        lambda facts: facts.holding("prompt_template") >= 0.5,
        lambda facts: f"one prompt template serves {share(facts.holding('prompt_template'))} of the accounts",
        {EMPLOYER: -1, FAMILY: -2, CAMPUS: -1, RESELLER: -1, CARRIER: -2},
    ),
)
