"""What values look like: owner numbers to text, vectorised over Arrow.

Each kind's writer takes the owner (which thing it is) and a variant (how this account wrote it), and gives
text. Equal owners give the same value up to spelling; different owners give different values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files

import numpy as np

from linkage.scenario.draws import Whole, Word, fraction, mix
from linkage.scenario.habits import Spelling
from linkage.scenario.text import (
    Text,
    base36,
    capitals,
    decimals,
    either,
    gathered,
    hexed,
    join,
    part,
    pick,
    serials,
    without_leading,
)

#: Owner and variant of each row to the text of its value.
Writer = Callable[[Whole, Word], Text]

_WORDS = {
    name: tuple(words.split())
    for name, words in tomllib.loads(files("linkage.scenario").joinpath("words.toml").read_text()).items()
}
FIRST, LAST = _WORDS["first"], _WORDS["last"]
_COMPANY_HEAD, _COMPANY_TAIL = _WORDS["company_head"], _WORDS["company_tail"]
_FORMS = ("Ltd", "GmbH", "Inc.", "LLC", "S.A.", "B.V.", "Pty Ltd", "SAS")
_DOMAIN_ENDS = ("com", "io", "de", "co.uk", "net", "fr", "ai", "org")
#: Providers with their share, whether they take plus tags, and whether dots do not matter to them.
_PROVIDERS = (
    ("gmail.com", 44, True, True),
    ("outlook.com", 12, True, False),
    ("hotmail.com", 6, True, False),
    ("yahoo.com", 8, False, False),
    ("icloud.com", 7, True, False),
    ("proton.me", 5, True, False),
    ("gmx.de", 4, False, False),
    ("web.de", 3, False, False),
    ("qq.com", 3, False, False),
    ("mail.ru", 2, False, False),
    ("aol.com", 2, False, False),
    ("fastmail.com", 1, True, False),
    ("googlemail.com", 1, True, True),
    ("zoho.com", 2, False, False),
)
_TAGS = ("+api", "+dev", "+test", "+1", "+2", "+3", "+work", "+llm", "+news", "+x7", "+ai", "+prod")


# identifiers that are opaque tokens -----------------------------------------------------------------


def _token(prefix: str, salt: int, digits: int) -> Writer:
    def write(owner: Whole, variant: Word) -> Text:
        first = hexed(mix(owner, salt), min(digits, 16))
        return join(prefix, first, hexed(mix(owner, salt + 1), digits - 16)) if digits > 16 else join(prefix, first)

    return write


def _uuid(salt: int) -> Writer:
    def write(owner: Whole, variant: Word) -> Text:
        head, tail = hexed(mix(owner, salt), 16), hexed(mix(owner, salt + 1), 16)
        return join(
            part(head, 0, 8),
            "-",
            part(head, 8, 12),
            "-4",
            part(head, 13, 16),
            "-a",
            part(tail, 1, 4),
            "-",
            part(tail, 4, 16),
        )

    return write


def _card_token(prefix: str, salt: int) -> Writer:
    """Letters among the digits: sixteen digits alone could pass for a card number, which is refused."""

    def write(owner: Whole, variant: Word) -> Text:
        return join(prefix, base36(mix(owner, salt), 12), base36(mix(owner, salt + 1), 5))

    return write


_DEVICES: dict[str, Callable[[int], Writer]] = {
    "tagged": lambda salt: _token("dev-", salt, 20),
    "hex": lambda salt: _token("", salt, 32),
    "uuid": _uuid,
}
_PAYMENTS: dict[str, Callable[[int], Writer]] = {
    "fingerprint": lambda salt: _card_token("fp_", salt),
    "hash": lambda salt: _token("pm_", salt, 24),
    "card": lambda salt: _card_token("card_1", salt),
}


def account_ids(style: str, numbers: Whole, salt: int) -> Text:
    """The provider's account ids for the shuffled numbers."""
    return _ACCOUNTS[style](numbers, salt)


_ACCOUNTS: dict[str, Callable[[Whole, int], Text]] = {
    "serial": lambda numbers, salt: join("acct-", decimals(numbers, 8)),
    "hex": lambda numbers, salt: join("usr_", hexed(mix(numbers, salt), 16)),
    "short": lambda numbers, salt: base36(mix(numbers, salt), 12),
}


# telephone numbers ----------------------------------------------------------------------------------

_US_HEADS = tuple(
    f"{area}{exchange}" for area in _WORDS["us_areas"] for exchange in range(220, 910, 7) if exchange % 100 != 11
)
#: Country → code, leading digits of mobile numbers, digits that follow. The numbers are valid in form.
_PHONES: dict[str, tuple[str, tuple[str, ...], int]] = {
    "US": ("+1", _US_HEADS, 4),
    "GB": ("+44", ("7400", "7410", "7450", "7500", "7510", "7530", "7710", "7720", "7780", "7800", "7850", "7870"), 6),
    "DE": ("+49", ("1511", "1512", "1520", "1575", "1601", "1701", "1761"), 7),
    "FR": ("+33", ("61", "62", "64", "66", "67", "68", "74", "76", "77", "78"), 7),
    "ES": ("+34", ("6",), 8),
    "PL": ("+48", ("501", "502", "505", "510", "512", "601", "602", "605", "691", "692", "781", "884"), 6),
    "BR": ("+55", ("119", "219", "319", "519"), 8),
    "IN": ("+91", ("98", "99", "70", "63", "81"), 8),
    "ID": ("+62", ("812", "813", "857"), 8),
    "MX": ("+52", ("55", "33", "81"), 8),
    "CN": ("+86", ("138", "139", "150", "186"), 8),
    "KR": ("+82", ("102", "103", "104", "106", "107", "108", "109"), 7),
    "RU": ("+7", ("915", "916", "926", "903"), 7),
    "SG": ("+65", tuple(str(head) for head in range(81, 99)), 6),
}


def country_of(person: Whole, countries: int) -> Whole:
    """Where somebody lives, as an index of the world's countries."""
    return (mix(person, 37) % np.uint64(countries)).astype(np.int64)


def _phone(spelling: Spelling) -> Writer:
    countries = spelling.countries

    def write(owner: Whole, variant: Word) -> Text:
        country = country_of(owner, len(countries))
        pieces = []
        for code in sorted(set(countries)):
            mine = np.flatnonzero(np.isin(country, [i for i, name in enumerate(countries) if name == code]))
            pieces.append((mine, _phones_of(code, owner[mine])))
        return gathered(pieces)

    return write


def _phones_of(country: str, owner: Whole) -> Text:
    code, heads, digits = _PHONES[country]
    space = 10**digits
    # 387420489 is a power of three, so it shares no factor with a power of ten: a permutation of the numbers.
    number = (owner * 387_420_489 + 7) % space
    head = (owner // space + mix(owner % space, 5).astype(np.int64) % 1_000_003) % len(heads)
    return join(code, pick(heads, head), decimals(number, digits))


# addresses ------------------------------------------------------------------------------------------

#: First octets that are public unicast space throughout.
_OCTETS = np.array(
    [
        *(*range(24, 38), *range(40, 45), *range(46, 52), *range(57, 99), *range(104, 126), *range(130, 169)),
        *(*range(173, 185), *range(187, 191), 194, 195, *range(199, 203), *range(204, 223)),
    ],
    dtype=np.int64,
)
IPV6_BIT = 1 << 40
#: Networks of rings' own servers.
RING_IPV6 = IPV6_BIT | 1 << 41


def _ip(owner: Whole, variant: Word) -> Text:
    """Owners below 2⁴⁰ are places in the public IPv4 space; above, /64 networks, the variant being the host."""
    six = owner >= IPV6_BIT
    old, new = np.flatnonzero(~six), np.flatnonzero(six)
    return gathered([(old, _ipv4(owner[old])), (new, _ipv6(owner[new], variant[new]))])


_BYTES = tuple(str(byte) for byte in range(256))


def _ipv4(place: Whole) -> Text:
    first = _OCTETS[(place >> 24) % len(_OCTETS)]
    octets = (first, (place >> 16) & 255, (place >> 8) & 255, place & 255)
    return join(*(pick(_BYTES, octet) for octet in octets), by=".")


def _ipv6(place: Whole, host: Word) -> Text:
    network = mix(place, 61)
    groups = [np.full(len(place), 0x2A02, dtype=np.uint64)]
    groups += [np.maximum((network >> np.uint64(shift)) & np.uint64(0xFFFF), np.uint64(1)) for shift in (0, 16, 32)]
    groups += [np.maximum((host >> np.uint64(shift)) & np.uint64(0xFFFF), np.uint64(1)) for shift in (0, 16, 32, 48)]
    return join(*(without_leading(hexed(group << np.uint64(48), 4), "0") for group in groups), by=":")


# mailboxes ------------------------------------------------------------------------------------------

#: The variant's high half: 0 for a public provider, else one more than the number of a domain of somebody's own.
OWN_DOMAIN_SHIFT = np.uint64(32)
#: Domains from this number on belong to a family, below to an organisation.
PRIVATE_DOMAINS = 100_000_000


def _dotted(name: str) -> str:
    return f"{name[0]}.{name[1:]}"


_FIRSTS = [*FIRST, *(name.title() for name in FIRST), *(name.upper() for name in FIRST), *map(_dotted, FIRST)]
_LASTS = [*LAST, *(name.title() for name in LAST), *(name.upper() for name in LAST), *LAST]
_DOMAINS = [name for name, *_ in _PROVIDERS] + [name.upper() for name, *_ in _PROVIDERS]
_PLUS = np.array([plus for _, _, plus, _ in _PROVIDERS])
_DOTS = np.array([dots for _, _, _, dots in _PROVIDERS])
_PROVIDER_EDGES = np.cumsum([share for _, share, *_ in _PROVIDERS])


def names_of(owner: Whole) -> tuple[Whole, Whole, Whole]:
    """First name, last name and number of a mailbox: together unique to it."""
    names = len(FIRST) * len(LAST)
    place = (owner % names * 7_919 + owner // names * 31) % names  # 7919 is prime: a permutation within each block
    return place % len(FIRST), place // len(FIRST), owner // names


def display_names(owner: Whole) -> Text:
    """The name somebody gives with the account."""
    first, last, _ = names_of(owner)
    return join(pick(_FIRSTS, first + len(FIRST)), " ", pick(_LASTS, last + len(LAST)))


def domains(number: Whole) -> Text:
    """The domain of each organisation or family."""
    head, tail, block = _company(number)
    serial = serials(block)
    company = join(pick(_COMPANY_HEAD, head), pick(_COMPANY_TAIL, tail), serial)
    first, last, block = names_of(np.maximum(number - PRIVATE_DOMAINS, 0))
    serial = serials(block)
    family = join(pick(LAST, last), "-", pick(FIRST, first), serial)
    ends = pick(_DOMAIN_ENDS, number % len(_DOMAIN_ENDS))
    return join(either(number >= PRIVATE_DOMAINS, family, company), ".", ends)


def organisation_names(number: Whole) -> Text:
    """The name of an organisation."""
    head, tail, _ = _company(number)
    title = [name.title() for name in _COMPANY_HEAD], [name.title() for name in _COMPANY_TAIL]
    return join(pick(title[0], head), " ", pick(title[1], tail), " ", pick(_FORMS, (number // 3) % len(_FORMS)))


def _company(number: Whole) -> tuple[Whole, Whole, Whole]:
    names = len(_COMPANY_HEAD) * len(_COMPANY_TAIL)
    place = (number % names * 1_009) % names
    return place % len(_COMPANY_HEAD), place // len(_COMPANY_HEAD), number // names


def _email(spelling: Spelling, salt: int) -> Writer:
    """`first.last7@provider`, written as people do: capitals, dots where the provider ignores them, a plus tag."""

    def write(owner: Whole, variant: Word) -> Text:
        first, last, number = names_of(owner)
        provider = np.searchsorted(_PROVIDER_EDGES, (mix(owner, salt) % np.uint64(100)).astype(np.int64), side="right")
        own = (variant >> OWN_DOMAIN_SHIFT).astype(np.int64)
        low = variant & np.uint64(0xFFFFFFFF)
        odd = low.astype(np.float64) / 2**32 < spelling.odd_mail
        way = (mix(low, 17) % np.uint64(4)).astype(np.int64)  # capitals, title, dots, tag
        public = own == 0
        case = np.where(odd & (way < 2), 1 + way, 0)
        case = np.where(odd & (way == 2) & public & _DOTS[provider], 3, case)
        tagged = odd & (way == 3) & public & _PLUS[provider]
        tag = either(tagged, pick(_TAGS, (mix(low, 18) % np.uint64(len(_TAGS))).astype(np.int64)), "")
        dot = pick(
            (".", "", "_"),
            np.where(_DOTS[provider] & public, way % 2, (mix(owner, salt + 1) % np.uint64(3)).astype(np.int64)),
        )
        serial = serials(number)
        domain = pick(_DOMAINS, provider + np.where(case == 2, len(_PROVIDERS), 0))
        if not public.all():
            domain = either(public, domain, domains(np.maximum(own - 1, 0)))
        return join(
            pick(_FIRSTS, first + case * len(FIRST)),
            dot,
            pick(_LASTS, last + case * len(LAST)),
            serial,
            tag,
            "@",
            domain,
        )

    return write


# weak kinds -----------------------------------------------------------------------------------------

_BROWSERS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for version in range(128, 142)
    for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
)
_CLIENTS = tuple(f"python-requests/2.{minor}.0" for minor in range(25, 33)) + tuple(
    f"openapi-client/{major}.{minor} (node v{node})" for major in (1, 2) for minor in range(6) for node in (18, 20, 22)
)


def _user_agent(owner: Whole, variant: Word) -> Text:
    agents = _BROWSERS + _CLIENTS
    popular = np.minimum((-np.log(1 - fraction(mix(owner, 71))) * 9).astype(np.int64), len(agents) - 1)
    return pick(agents, popular)


def _tls(owner: Whole, variant: Word) -> Text:
    popular = np.minimum((-np.log(1 - fraction(mix(owner, 72))) * 30).astype(np.int64), 400)
    return join("t13d1516h2_", hexed(mix(popular, 73), 12), "_", hexed(mix(popular, 74), 12))


def writers(spelling: Spelling, seed: int) -> dict[str, Writer]:
    """The writer of each kind for a world of this spelling and seed."""
    salt = 100 + (seed % 1_000_003) * 16
    return {
        "email": _email(spelling, salt),
        "phone": _phone(spelling),
        "device": _DEVICES[spelling.device](salt + 2),
        "payment_method": _PAYMENTS[spelling.payment_method](salt + 4),
        "ip": _ip,
        "prompt_template": _token("tpl:", salt + 6, 16),
        "referral_code": lambda owner, variant: capitals(base36(mix(owner, salt + 8), 8)),
        "domain": lambda owner, variant: domains(owner),
        "user_agent": _user_agent,
        "tls_fingerprint": _tls,
    }
