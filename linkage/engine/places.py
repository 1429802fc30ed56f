"""What kind of place a shared value is, told from how it is used: names for people to read, with their reason.

A name moves no weight. What the holders of a value are like does (`classes`), and so do the classes that an operator's
reference files give (`lookup`), which go before the patterns here.

What tells most is how long a holder stays: colleagues and students come back for as long as they are customers, a
carrier's exit or a VPN serves the same person for hours or days, a lease at home goes to the next household when it
ends. `RULES` holds it as a table: the first rule that fits names the class, and says why with its figures. Where none
fits, the class is unknown, which is an answer. Hosting and relays are never told from patterns: a server that changes
hands looks like a crowded range of leases, and there are a hundred of those for each.
"""

from __future__ import annotations

from typing import NamedTuple

from linkage.engine.steps import ORGANISATION_TYPE
from linkage.model.sharing_class import CALLED, SharingClass

# Thresholds. Days are days; shares are of the holders, or of the time a holder was seen at all.
FEW = 4  # holders up to whom one cluster's value is its own thing, and no pool
OWNED = 0.8  # of the holders in one cluster: the value is that cluster's
DECLARED = 0.6  # of the holders that declare one organisation
FAMILY = 6  # holders that may live in one home
CROWD = 80  # holders that no ordinary office has behind one address
VISITORS = 8  # holders from whom on a place is more than a home
VISIT_DAYS = 1.0  # of a visitor's stay at most
ROAMING_DAYS = 5.0  # of a stay on one exit of a VPN at most: its customers may come back to it
STAYING = 0.6  # of a holder's time: who belongs there
STAYING_DAYS = 20.0  # the same where it is not known how long holders were seen
PASSING = 0.2  # of a holder's time, below which a machine is somebody else's or everybody's
TOGETHER = 2.0  # holders at a time: a place, and not one after the other
CROWDED = 20.0  # holders at a time behind one exit of a carrier
NEIGHBOURS = 0.7  # of the holders on other exits of the same network
IN_TURN = 0.5  # of the holders who came after all others had gone: one household after the other
MINGLED = 0.4  # of the holders who came so, below which they are there at the same time
EVENT_DAYS, EVENT_HOLDERS, EVENT_OVER = 7.0, 10, 45.0  # four in five came within so many days; it is over after so many
STRANGERS = 0.7  # of the holders in clusters of their own
DEPENDENT = 0.72  # of what holders have that is theirs alone, below which somebody provides for them
CIRCULATING = 4  # clusters that use a text which goes around
EVERYWHERE = 20  # clusters that show a value of any other kind

ADDRESSES = ("ip",)
MACHINES = ("device",)
PAYING = ("payment_method", "bank_account")
HANDED_ON = ("device", "phone")
TEXTS = ("prompt_template", "referral_code")


class Rule(NamedTuple):
    """Which pattern means a class: a condition on the columns of `uses`, and what is said of it, both as SQL.

    `means` is a class, or the name of a column that holds one; no kinds: all of them.
    """

    means: SharingClass | str
    kinds: tuple[str, ...]
    when: str
    says: str


def _days(days: str) -> str:
    """`5 hours`, `1.4 days`, `34 days`."""
    return f"""CASE WHEN {days} < 1 / 24 THEN 'less than an hour'
        WHEN {days} < 1 THEN format('{{}} hours', ceil(24 * {days})::INTEGER)
        WHEN {days} < 10 THEN format('{{:.1f}} days', {days}) ELSE format('{{}} days', round({days})::INTEGER) END"""


def _percent(share: str) -> str:
    return f"format('{{}} %', round(100 * {share})::INTEGER)"


HOLDERS = "format('{:,} holders', n)"
STAY = f"{HOLDERS} || coalesce(' stay ' || {_days('stay')} || ' each', '')"
RESIDENT = f"{STAY} || coalesce(', ' || {_percent('residence')} || ' of their time', '')"
ROAMING = f"{STAY} || coalesce('; ' || {_percent('near')} || ' come back on a neighbouring address', '')"
IN_TURNS = f"{STAY} || ', one after the other'"

_OF_ONE = """CASE WHEN largest < n THEN format('{:,} of {:,} holders', largest, n)
    ELSE format('all {:,} holders', n) END || ' are of one cluster'"""
_RESIDENTS = f"coalesce(residence >= {STAYING}, stay >= {STAYING_DAYS}) AND at_once >= {TOGETHER}"
_MINGLED = f"handed < {MINGLED} * (n - 1)"
_ROAMERS = f"n >= {CROWD} AND coalesce(residence < {STAYING}, stay < {STAYING_DAYS})"

RULES: tuple[Rule, ...] = (
    # Who holds it, whatever it is.
    Rule(
        "declared_class",
        (),
        f"n > {FEW} AND declared >= {DECLARED} * n",
        "format('{:,} of {:,} holders declare one organisation', declared, n)",
    ),
    Rule(SharingClass.POOL, (), f"n > {FEW} AND largest >= {OWNED} * n", _OF_ONE),
    Rule(SharingClass.PRIVATE, (), "clusters = 1", _OF_ONE),
    # Addresses of strangers.
    Rule(
        SharingClass.PUBLIC,
        ADDRESSES,
        f"n >= {EVENT_HOLDERS} AND clusters >= {STRANGERS} * n AND arrived <= {EVENT_DAYS} AND used <= {EVENT_OVER}",
        f"'four in five of ' || {HOLDERS} || ' came within ' || {_days('arrived')}",
    ),
    Rule(SharingClass.MOBILE, ADDRESSES, f"{_ROAMERS} AND (at_once >= {CROWDED} OR near >= {NEIGHBOURS})", ROAMING),
    Rule(SharingClass.VPN, ADDRESSES, f"{_ROAMERS} AND stay < {ROAMING_DAYS}", ROAMING),
    Rule(SharingClass.PUBLIC, ADDRESSES, f"n >= {VISITORS} AND stay < {VISIT_DAYS}", STAY),
    Rule(SharingClass.HOME, ADDRESSES, f"n <= 2 * {FAMILY} AND handed >= {IN_TURN} * (n - 1)", IN_TURNS),
    Rule(SharingClass.CAMPUS, ADDRESSES, f"n >= {CROWD} AND {_RESIDENTS}", RESIDENT),
    Rule(SharingClass.OFFICE, ADDRESSES, f"n > {FAMILY} AND {_RESIDENTS}", RESIDENT),
    Rule(SharingClass.HOME, ADDRESSES, f"n <= {FAMILY} AND stay IS NOT NULL", STAY),
    Rule(
        SharingClass.RESELLER,
        ADDRESSES,
        f"n >= {VISITORS} AND stay < {STAYING_DAYS} AND separate < {DEPENDENT} AND {_MINGLED}",
        f"{STAY} || ', and share cards or machines too'",
    ),
    Rule(SharingClass.UNKNOWN, ADDRESSES, "stay IS NOT NULL", f"{RESIDENT} || ', which fits no pattern'"),
    # Machines, telephones, cards.
    Rule(SharingClass.PUBLIC, MACHINES, f"residence < {PASSING}", RESIDENT),
    Rule(SharingClass.SECOND_HAND, HANDED_ON, f"n <= {FEW} AND handed = n - 1", IN_TURNS),
    Rule(SharingClass.HOME, (*HANDED_ON, *PAYING), f"n <= {FAMILY} AND clusters <= {FEW} AND stay IS NOT NULL", STAY),
    Rule(SharingClass.RESELLER, (*MACHINES, *PAYING), f"clusters > {FEW}", STAY),
    # Texts, and everything else that many show.
    Rule(
        SharingClass.PUBLIC, TEXTS, f"clusters >= {CIRCULATING}", "format('it goes round in {:,} clusters', clusters)"
    ),
    Rule(SharingClass.UNKNOWN, (*ADDRESSES, *MACHINES), "stay IS NULL", "'it is not known when it was used'"),
    Rule(SharingClass.PUBLIC, (), f"clusters >= {EVERYWHERE}", "format('{:,} clusters show it', clusters)"),
    Rule(SharingClass.UNKNOWN, (), "true", f"{STAY} || ', which fits no pattern'"),
)


def lives() -> str:
    """Days between the first and the last time each subject was seen at all."""
    return """
        WITH seen AS (
            SELECT subject_type, subject_id, min(coalesce(first_seen, last_seen)) AS first,
                   max(coalesce(last_seen, first_seen)) AS last
            FROM all_observations GROUP BY ALL)
        SELECT s.subject, (o.last - o.first) / 86400e6 AS days
        FROM seen o JOIN subjects s USING (subject_type, subject_id) WHERE o.last > o.first"""


def uses() -> str:
    """Shared values with how they are used (`uses.Uses`), what their holders are like, and what those declare."""
    return f"""
        SELECT v.kind, u.*, h.separate, d.declared, d.declared_class, b.near
        FROM shared_values v JOIN value_uses u ON u.value = v.v JOIN value_classes h ON h.value = v.v
        LEFT JOIN ({_declared()}) d ON d.value = v.v LEFT JOIN ({_neighbours()}) b ON b.value = v.v"""


def _declared() -> str:
    """How many holders of a value declare the commonest organisation among them, and what place that makes of it."""
    return f"""
        SELECT value, max(members) AS declared, arg_max(class, members) AS declared_class FROM (
            SELECT h.value, m.organisation, any_value(coalesce(t.class, 'office')) AS class, count(*) AS members
            FROM holding_rows h JOIN members m USING (subject) LEFT JOIN (
                SELECT s.subject AS organisation, CASE
                    WHEN {ORGANISATION_TYPE} IN ('university', 'school', 'college') THEN '{SharingClass.CAMPUS}'
                    WHEN {ORGANISATION_TYPE} IN ('reseller', 'agency', 'marketplace') THEN '{SharingClass.RESELLER}'
                    WHEN {ORGANISATION_TYPE} = 'public' THEN '{SharingClass.PUBLIC}' END AS class
                FROM organisations f
                JOIN subjects s ON s.subject_type = 'organisation' AND s.subject_id = f.organisation_id
            ) t USING (organisation) GROUP BY ALL)
        GROUP BY value"""


def _neighbours() -> str:
    """Of crowded addresses the share of holders who also use another crowded one of the same /24 or /48."""
    return f"""
        SELECT value, avg(elsewhere) AS near FROM (
            SELECT h.value, CAST(count(*) OVER (PARTITION BY c.network, h.subject) > 1 AS INTEGER) AS elsewhere
            FROM holding_rows h JOIN (
                SELECT v, CASE WHEN value LIKE '%:%' THEN array_to_string(string_split(value, ':')[:3], ':')
                               ELSE array_to_string(string_split(value, '.')[:3], '.') END AS network
                FROM shared_values WHERE kind IN ({_listed(ADDRESSES)}) AND holders >= {CROWD}
            ) c ON c.v = h.value)
        GROUP BY value"""


def value_places() -> str:
    """The class of each shared value, what it is called, and why: by a reference file, else by the rules."""
    applies = [f"({rule.when}){f' AND kind IN ({_listed(rule.kinds)})' if rule.kinds else ''}" for rule in RULES]
    number = " ".join(f"WHEN {when} THEN {at}" for at, when in enumerate(applies))
    means = " ".join(f"WHEN {at} THEN {_named(rule.means)}" for at, rule in enumerate(RULES))
    says = " ".join(f"WHEN {at} THEN {rule.says}" for at, rule in enumerate(RULES))
    called = " ".join(f"WHEN '{name}' THEN '{text.replace(chr(39), chr(39) * 2)}'" for name, text in CALLED.items())
    return f"""
        WITH ruled AS (SELECT *, CASE {number} END AS rule FROM uses),
        told AS (
            SELECT u.value, coalesce(k.class, CASE u.rule {means} END) AS sharing_class,
                   coalesce(k.because, CASE u.rule {says} END) AS because
            FROM ruled u LEFT JOIN known_classes k ON k.value = u.value)
        SELECT value, sharing_class, CASE sharing_class {called} END AS called, because FROM told"""


def _named(means: SharingClass | str) -> str:
    return f"'{means}'" if isinstance(means, SharingClass) else means


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
