"""The habits of worlds: who lives in them, what they share, how rings work. Parameters only.

Worlds of different names differ in habits, not just in seeds: how long leases last, how crowded an exit is, how
many people share a card, how a ring builds its pools, how it works its hours. An engine that is tuned to one
name should fall on the others, and that is the point of having several.

Shares are of ordinary people unless said otherwise; days are days; ratios are pool entries per account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Sizes:
    """Log-normal sizes: median and spread (sigma of the logarithm), cut to [low, high]."""

    low: int
    median: float
    high: int
    spread: float = 0.8


@dataclass(frozen=True, slots=True)
class People:
    """Ordinary people and what they own."""

    several: tuple[float, ...] = (0.955, 0.035, 0.01)  # 1, 2, 3 accounts
    households: tuple[float, ...] = (0.5, 0.26, 0.13, 0.08, 0.03)  # 1, 2, … people
    life_days: float = 45.0  # mean time from sign-up to the last request
    stay: float = 0.15  # active to the end of the window
    growth: float = 0.85  # 1: steady sign-ups; below: more of them late
    phone: float = 0.47  # share of accounts that show one
    card: float = 0.42
    devices: float = 1.12  # mean per account
    family_card: float = 0.3  # members of a household who pay with its card
    family_device: float = 0.15
    own_mailbox: float = 0.7  # further accounts of a person with a mailbox of their own
    own_device: float = 0.2
    own_card: float = 0.3
    own_phone: float = 0.5
    second_hand: float = 0.02  # devices that had another owner before
    recycled_phone: float = 0.01


@dataclass(frozen=True, slots=True)
class Homes:
    """Lines at home and the addresses their providers lease to them."""

    accounts_per_provider: int = 8_000
    lease_days: float = 20.0
    addresses_per_household: float = 1.3  # near 1: a lease that ends is soon somebody else's
    fixed: float = 0.15  # households that keep their address
    seen: float = 2.2  # mean leases seen per account
    ipv6: float = 0.25  # households with a /64 beside it


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that unrelated people share identifiers: the hard negatives.

    `networks` > 0: so many networks with sizes by Zipf's law; else groups of `sizes`. `stay_days` None: as long as
    the account lives. An event has a date, and `newcomers` of its guests sign up there and then. Members of a
    `customer` are declared to be one organisation and are one actor; members of an `open` organisation are not.
    """

    name: str
    share: float
    networks: int = 0
    sizes: Sizes = Sizes(5, 20, 300)
    people_per_exit: float = 40.0
    visits: float = 1.2
    stay_days: float | None = None
    card: float = 0.0
    people_per_card: float = 1.0
    device: float = 0.0
    people_per_device: float = 1.0
    template: float = 0.0
    event: bool = False
    newcomers: float = 0.0
    referral: float = 0.0
    organisation: str = ""  # "", "customer", "open"
    own_domain: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """What a ring shares of one kind: entries per account, accounts that show it, mean picks of those."""

    ratio: float
    shown: float = 1.0
    picks: float = 1.0


@dataclass(frozen=True, slots=True)
class RingStyle:
    """How a ring is run."""

    name: str
    weight: float
    device: Pool
    card: Pool
    phone: Pool
    mailbox: Pool
    template: Pool
    address: Pool  # `ratio` for the ring's own exits
    routes: tuple[float, float, float, float]  # own exits, VPN, carrier, ordinary people's homes
    homes: float = 3.0  # households per account that a residential route goes through
    popular_templates: float = 0.6  # accounts that also use a template everybody knows
    stolen: float = 0.25  # cards that are ordinary people's
    own_domain: float = 0.1  # rings with mailboxes on a domain of their own
    cell: int = 0  # > 0: pools belong to cells of so many accounts
    crossing: float = 0.0  # picks that come from another cell's pool
    sleep_days: tuple[float, float] = (0.0, 0.0)  # between sign-up and waking with other devices and exits
    customers: float = 0.0  # mean ordinary people whose traffic an account carries
    behaviour: tuple[float, float, float] = (0.5, 0.2, 0.3)  # shared hours, hand-off, blending
    life_days: float = 25.0
    burst: float = 30.0  # accounts signed up in one go
    burst_hours: float = 8.0
    declared: int = 0  # > 0: members are declared in organisations of so many
    hours: float = 12.0  # mean usage rows per account


@dataclass(frozen=True, slots=True)
class Rings:
    """How much of the world is rings, how large they are, how hard they try."""

    share: float
    styles: tuple[RingStyle, ...]
    sizes: Sizes = Sizes(5, 12, 2_000, 1.35)
    evasion: tuple[float, float, float] = (0.5, 0.35, 0.15)  # low, medium, high
    campaign_days: float = 35.0


@dataclass(frozen=True, slots=True)
class Templates:
    """Prompt templates: a few that everybody copies, a long tail, and people's own."""

    mean: float = 1.2  # per account that shows any
    shown: float = 0.72
    popular: float = 0.8  # the rest are a person's own
    tail: float = 1.5  # exponent of popularity: near 1 a long tail, above 2 a few giants
    accounts_per_template: float = 40.0


@dataclass(frozen=True, slots=True)
class Usage:
    """When ordinary accounts work. Shares of accounts; `jobs` at round hours are what naive synchrony finds."""

    casual: float = 0.66
    casual_hours: float = 4.0
    heavy: float = 0.025
    heavy_hours: float = 55.0
    daily: float = 0.035
    weekly: float = 0.04
    job_hours: tuple[int, ...] = (0, 0, 0, 6, 12, 12, 18, 1, 2, 3)
    releases: int = 4
    release: float = 0.06  # accounts that come on a release day
    models: tuple[str, ...] = ("model-0", "model-1", "model-2")
    endpoints: tuple[str, ...] = ("messages", "messages", "messages", "batches")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How this provider writes its values down."""

    account_id: str = "serial"
    device: str = "tagged"
    payment_method: str = "fingerprint"
    provider_mail: float = 0.85  # mailboxes with a public provider
    odd_mail: float = 0.12  # addresses in capitals, with dots or a tag
    countries: tuple[str, ...] = ("US", "US", "US", "GB", "DE", "FR", "IN")
    weak_kinds: bool = False  # user agents and TLS fingerprints as well


@dataclass(frozen=True, slots=True)
class Habit:
    """A world's habits under a name."""

    name: str
    about: str
    people: People
    homes: Homes
    places: tuple[Place, ...]
    rings: Rings
    templates: Templates = Templates()
    usage: Usage = Usage()
    spelling: Spelling = Spelling()


CARRIER = Place("carrier", 0.38, networks=4, people_per_exit=700, visits=2.4, stay_days=1.5)
VPN = Place("vpn", 0.07, networks=6, people_per_exit=250, visits=1.8, stay_days=0.6)
CLOUD = Place("cloud", 0.03, networks=5, people_per_exit=6, visits=1.0, stay_days=20)
OFFICE = Place("office", 0.16, sizes=Sizes(3, 18, 300, 1.0), people_per_exit=40, card=0.05, people_per_card=5)
CAMPUS = Place(
    "campus",
    0.08,
    sizes=Sizes(150, 900, 6_000, 0.7),
    people_per_exit=120,
    device=0.12,
    people_per_device=9,
    template=0.15,
)
CONFERENCE = Place(
    "conference",
    0.015,
    sizes=Sizes(25, 80, 400, 0.6),
    people_per_exit=200,
    stay_days=2,
    event=True,
    newcomers=0.5,
    template=0.6,
)
RESELLER = Place(
    "reseller",
    0.012,
    sizes=Sizes(8, 25, 250, 0.8),
    people_per_exit=200,
    stay_days=30,
    card=0.9,
    people_per_card=60,
    device=0.25,
    people_per_device=15,
    template=0.3,
    organisation="open",
)
ENTERPRISE = Place(
    "enterprise",
    0.02,
    sizes=Sizes(60, 250, 1_500, 0.6),
    people_per_exit=120,
    template=0.4,
    organisation="customer",
    own_domain=True,
)
LIBRARY = Place(
    "library", 0.01, sizes=Sizes(10, 40, 200, 0.6), people_per_exit=60, stay_days=0.3, device=0.8, people_per_device=12
)

SLOPPY = RingStyle(
    "sloppy",
    1.0,
    device=Pool(0.18, picks=1.8),
    card=Pool(0.1, 0.8),
    phone=Pool(0.4, 0.35),
    mailbox=Pool(0.75, picks=1.2),
    template=Pool(0.06, 0.6),
    address=Pool(0.12, picks=3.2),
    routes=(0.93, 0.03, 0.02, 0.02),
    own_domain=0.3,
    behaviour=(0.55, 0.2, 0.25),
)
CAREFUL = RingStyle(
    "careful",
    0.8,
    device=Pool(0.5, picks=1.4),
    card=Pool(0.5, 0.5),
    phone=Pool(0.75, 0.3),
    mailbox=Pool(0.95, picks=1.1),
    template=Pool(0.15, 0.35),
    address=Pool(0.45, picks=3.4),
    routes=(0.62, 0.25, 0.05, 0.08),
    life_days=40,
)
HYDRA = RingStyle(
    "hydra",
    1.0,
    device=Pool(1.0, picks=1.0),
    card=Pool(0.2, 0.6),
    phone=Pool(0.8, 0.25),
    mailbox=Pool(1.0),
    template=Pool(0.05, 0.4),
    address=Pool(0.18, picks=3.6),
    routes=(0.8, 0.08, 0.02, 0.1),
    behaviour=(0.35, 0.4, 0.25),
)
RESIDENTIAL = RingStyle(
    "residential",
    0.7,
    device=Pool(0.95, picks=1.05),
    card=Pool(0.9, 0.4),
    phone=Pool(0.85, 0.3),
    mailbox=Pool(1.0),
    template=Pool(0.06, 0.5),
    address=Pool(0.4, picks=5.0),
    routes=(0.06, 0.02, 0.07, 0.85),
    homes=2.5,
    life_days=35,
)
HANDOFF = RingStyle(
    "hand-off",
    0.5,
    device=Pool(0.5, picks=1.2),
    card=Pool(0.35, 0.6),
    phone=Pool(0.7, 0.3),
    mailbox=Pool(1.0),
    template=Pool(0.15, 0.5),
    address=Pool(0.35, picks=3.0),
    routes=(0.75, 0.12, 0.03, 0.1),
    cell=8,
    crossing=0.14,
    behaviour=(0.0, 1.0, 0.0),
    hours=16,
)
SLEEPER = RingStyle(
    "sleeper",
    0.4,
    device=Pool(0.45, picks=1.1),
    card=Pool(0.35, 0.5),
    phone=Pool(0.6, 0.4),
    mailbox=Pool(0.95),
    template=Pool(0.08, 0.5),
    address=Pool(0.25, picks=3.0),
    routes=(0.8, 0.1, 0.02, 0.08),
    sleep_days=(35, 90),
    behaviour=(0.7, 0.15, 0.15),
    burst=12,
    burst_hours=3,
)
MIXED_TRAFFIC = RingStyle(
    "mixed-traffic",
    0.4,
    device=Pool(0.3, picks=1.3),
    card=Pool(0.25, 0.6),
    phone=Pool(0.8, 0.2),
    mailbox=Pool(1.0),
    template=Pool(0.3, 0.2),
    address=Pool(0.2, picks=2.4),
    routes=(0.85, 0.08, 0.02, 0.05),
    popular_templates=0.95,
    customers=2.5,
    behaviour=(0.1, 0.1, 0.8),
    hours=24,
)

_EVERY_STYLE = (SLOPPY, CAREFUL, HYDRA, RESIDENTIAL, HANDOFF, SLEEPER, MIXED_TRAFFIC)
_EVERY_PLACE = (CARRIER, VPN, CLOUD, OFFICE, CAMPUS, CONFERENCE, RESELLER, ENTERPRISE)

MIXED = Habit(
    "mixed",
    "every ring style and every kind of place, in moderation",
    People(),
    Homes(),
    _EVERY_PLACE,
    Rings(0.11, _EVERY_STYLE),
)

_HABITS = (
    MIXED,
    Habit(
        "hydra",
        "large rings, a device for each account, shared card and exit pools; long-lived leases, few families",
        People(
            households=(0.72, 0.2, 0.08),
            life_days=70,
            growth=1.0,
            phone=0.25,
            card=0.7,
            devices=1.4,
            family_card=0.15,
            family_device=0.05,
        ),
        Homes(lease_days=60, addresses_per_household=2.5, fixed=0.35, seen=1.3, ipv6=0.1),
        (replace(CARRIER, share=0.22, people_per_exit=1500), VPN, replace(CLOUD, share=0.1), OFFICE, ENTERPRISE),
        Rings(
            0.15,
            (
                replace(HYDRA, weight=3.0),
                replace(HYDRA, name="hydra", weight=1.0, cell=40, crossing=0.1, card=Pool(0.3, 0.45)),
                replace(HANDOFF, weight=1.0, cell=20),
                replace(SLOPPY, weight=0.5),
            ),
            sizes=Sizes(5, 35, 20_000, 1.7),
            evasion=(0.35, 0.4, 0.25),
            campaign_days=60,
        ),
        Templates(popular=0.6, tail=2.1),
        Usage(casual_hours=6, daily=0.06, release=0.12, releases=2),
        Spelling(account_id="hex", device="hex", payment_method="hash", weak_kinds=True),
    ),
    Habit(
        "residential",
        "rings that go through ordinary people's homes with nearly everything unique; hours give them away",
        People(life_days=55, family_card=0.35, family_device=0.25, phone=0.6),
        Homes(lease_days=9, addresses_per_household=1.08, fixed=0.05, seen=2.6, ipv6=0.4),
        (replace(CARRIER, share=0.5, people_per_exit=1000, visits=2.2), replace(VPN, share=0.12), OFFICE, LIBRARY),
        Rings(
            0.1,
            (
                replace(RESIDENTIAL, weight=3.0, behaviour=(0.65, 0.25, 0.1), hours=18),
                replace(RESIDENTIAL, weight=1.0, homes=0.5, card=Pool(0.7, 0.5), hours=14),
                replace(CAREFUL, weight=1.0),
                replace(MIXED_TRAFFIC, weight=0.5),
            ),
            sizes=Sizes(5, 15, 1_500, 1.3),
        ),
        Templates(shown=0.85, popular=0.7, tail=1.3),
        Usage(casual_hours=5, daily=0.05, weekly=0.06, job_hours=(0, 4, 8, 12, 16, 20, 0, 0)),
        Spelling(countries=("DE", "FR", "ES", "PL", "BR"), payment_method="hash"),
    ),
    Habit(
        "campus",
        "students: crowded exits, lab and second-hand devices, flats with a shared line, courses with one template",
        People(
            several=(0.9, 0.08, 0.02),
            households=(0.3, 0.22, 0.2, 0.16, 0.12),
            life_days=80,
            stay=0.3,
            card=0.25,
            family_card=0.12,
            family_device=0.06,
            second_hand=0.07,
            phone=0.7,
        ),
        Homes(lease_days=30, seen=1.5, ipv6=0.5),
        (
            replace(CAMPUS, share=0.6, device=0.25, people_per_device=14, template=0.5),
            replace(CARRIER, share=0.5, networks=3),
            replace(VPN, share=0.03),
            replace(CONFERENCE, share=0.05),
            replace(LIBRARY, share=0.06),
        ),
        Rings(
            0.06,
            (replace(SLOPPY, weight=2.0, device=Pool(0.3, picks=1.5)), CAREFUL, SLEEPER, HANDOFF),
            sizes=Sizes(5, 9, 300, 1.0),
            evasion=(0.6, 0.3, 0.1),
        ),
        Templates(shown=0.8, popular=0.9, tail=1.25, accounts_per_template=25),
        Usage(casual_hours=5, heavy=0.01, daily=0.015, weekly=0.08, job_hours=(8, 10, 14, 16, 20)),
        Spelling(account_id="short", device="hex", provider_mail=0.95, countries=("US", "GB", "IN", "CN", "KR")),
    ),
    Habit(
        "enterprise",
        "declared customers with hundreds of members, offices, contractors; rings behind shell organisations",
        People(
            households=(0.85, 0.15),
            life_days=110,
            stay=0.45,
            growth=0.95,
            phone=0.3,
            card=0.2,
            several=(0.93, 0.06, 0.01),
        ),
        Homes(lease_days=40, fixed=0.3, addresses_per_household=1.8, seen=1.4),
        (
            replace(ENTERPRISE, share=0.4, sizes=Sizes(20, 150, 3_000, 1.0)),
            replace(OFFICE, share=0.4, card=0.12, people_per_card=8),
            replace(CARRIER, share=0.3),
            replace(VPN, share=0.2, networks=10, people_per_exit=120),
            replace(RESELLER, share=0.03, name="agency"),
            replace(CLOUD, share=0.12, people_per_exit=10),
            CONFERENCE,
        ),
        Rings(
            0.07,
            (
                replace(CAREFUL, weight=1.5, declared=12, card=Pool(0.25, 0.7), own_domain=0.8),
                replace(HYDRA, weight=1.0, declared=30),
                SLOPPY,
                replace(SLEEPER, weight=0.7),
            ),
            sizes=Sizes(5, 20, 1_500, 1.2),
        ),
        Templates(shown=0.85, popular=0.5, tail=1.7),
        Usage(casual_hours=8, heavy=0.05, daily=0.12, weekly=0.08, job_hours=(0, 1, 2, 6, 7, 8, 9, 12)),
        Spelling(account_id="hex", provider_mail=0.3, odd_mail=0.05, weak_kinds=True),
    ),
    Habit(
        "retail",
        "short-lived free accounts, families on one card, referral codes, recycled phone numbers",
        People(
            several=(0.88, 0.09, 0.03),
            households=(0.32, 0.3, 0.18, 0.14, 0.06),
            life_days=18,
            stay=0.05,
            phone=0.85,
            card=0.2,
            devices=1.35,
            family_card=0.5,
            family_device=0.35,
            second_hand=0.05,
            recycled_phone=0.03,
            own_mailbox=0.5,
        ),
        Homes(lease_days=6, addresses_per_household=1.05, fixed=0.03, seen=2.2, ipv6=0.35),
        (
            replace(CARRIER, share=0.75, people_per_exit=2500, visits=2.6),
            replace(VPN, share=0.1, people_per_exit=500),
            LIBRARY,
            Place("friends", 0.2, sizes=Sizes(3, 5, 30, 0.6), people_per_exit=1000, visits=0.05, referral=0.8),
            CONFERENCE,
        ),
        Rings(
            0.18,
            (
                replace(SLOPPY, weight=2.0, phone=Pool(0.35, 0.85), burst=60, burst_hours=3),
                replace(
                    SLOPPY, name="careful", weight=1.0, device=Pool(0.6), phone=Pool(0.5, 0.9), card=Pool(0.5, 0.15)
                ),
                replace(HYDRA, weight=1.0, card=Pool(0.3, 0.25), phone=Pool(0.45, 0.8)),
                replace(RESIDENTIAL, weight=0.5, phone=Pool(0.6, 0.9)),
                replace(SLEEPER, weight=0.5, sleep_days=(14, 40)),
            ),
            sizes=Sizes(5, 10, 3_000, 1.6),
            evasion=(0.6, 0.3, 0.1),
            campaign_days=15,
        ),
        Templates(shown=0.5, popular=0.9, tail=1.2),
        Usage(casual=0.8, casual_hours=3, heavy=0.01, daily=0.01, weekly=0.01, release=0.15, job_hours=(9, 18, 20)),
        Spelling(account_id="short", odd_mail=0.2, countries=("IN", "BR", "ID", "US", "MX"), payment_method="card"),
    ),
    Habit(
        "resellers",
        "agencies that pay and sign in for their clients, access sellers that carry ordinary people's traffic",
        People(life_days=60, card=0.5, family_card=0.2),
        Homes(lease_days=25, addresses_per_household=1.5),
        (
            replace(RESELLER, share=0.07, sizes=Sizes(5, 30, 800, 1.0), device=0.4),
            replace(
                RESELLER, name="agency", share=0.04, sizes=Sizes(4, 10, 60, 0.6), card=0.6, device=0.6, organisation=""
            ),
            CARRIER,
            VPN,
            replace(CLOUD, share=0.1),
            OFFICE,
        ),
        Rings(
            0.1,
            (
                replace(MIXED_TRAFFIC, weight=2.0),
                replace(MIXED_TRAFFIC, weight=1.0, customers=6.0, device=Pool(0.6)),
                HANDOFF,
                replace(CAREFUL, stolen=0.6),
                SLOPPY,
            ),
            sizes=Sizes(5, 14, 1_000, 1.2),
        ),
        Templates(popular=0.65, tail=1.6),
        Usage(casual_hours=6, daily=0.08, endpoints=("messages", "batches", "embeddings")),
        Spelling(device="uuid", payment_method="hash", weak_kinds=True, countries=("US", "CN", "RU", "SG", "DE")),
    ),
    Habit(
        "quiet",
        "few rings and small ones in a large honest crowd: what precision costs when nearly everybody is innocent",
        People(households=(0.4, 0.28, 0.16, 0.11, 0.05), family_card=0.4, family_device=0.25, second_hand=0.04),
        Homes(lease_days=14, addresses_per_household=1.1),
        (*_EVERY_PLACE, LIBRARY),
        Rings(0.02, _EVERY_STYLE, sizes=Sizes(5, 8, 120, 0.8), evasion=(0.3, 0.4, 0.3)),
    ),
    Habit(
        "patient",
        "rings that open their accounts one by one over months, as people do: sign-up times give nobody away",
        People(life_days=60, growth=1.0),
        Homes(lease_days=25),
        (CARRIER, VPN, replace(CLOUD, share=0.06), OFFICE, CAMPUS, replace(RESELLER, share=0.02), LIBRARY),
        Rings(
            0.09,
            tuple(
                replace(style, burst=1.5, burst_hours=60, life_days=70, own_domain=0.05)
                for style in (SLOPPY, CAREFUL, HYDRA, RESIDENTIAL, HANDOFF, MIXED_TRAFFIC)
            ),
            sizes=Sizes(5, 14, 1_500, 1.3),
            evasion=(0.4, 0.4, 0.2),
            campaign_days=150,
        ),
        Templates(popular=0.7, tail=1.4),
        Usage(casual_hours=5, daily=0.05, weekly=0.05, release=0.1, releases=3),
        Spelling(account_id="hex", device="uuid", countries=("US", "DE", "IN", "BR", "KR")),
    ),
)

#: The worlds by name.
HABITS: dict[str, Habit] = {habit.name: habit for habit in _HABITS}
