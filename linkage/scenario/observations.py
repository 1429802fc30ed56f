"""What was seen: which account used which value, from when to when, how often.

Functions here yield `Rows` of one kind, as integers; text is made when they are written. Ordinary people first,
then places, then rings; rings copy values from ordinary people (stolen cards, homes they go through), so what
people own is worked out before anything is yielded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linkage.scenario.draws import Flags, Real, Whole, Word, counts, fraction, mix, spread, starts, stream
from linkage.scenario.habits import Habit, Pool
from linkage.scenario.networks import Networks, routes, within
from linkage.scenario.population import DAY, WINDOW, Population
from linkage.scenario.values import OWN_DOMAIN_SHIFT, PRIVATE_DOMAINS, RING_IPV6

_NEVER = -1
#: Owners of things that belong to a place are numbered from here, places apart by this much.
_PLACE_THINGS = 1 << 33
_PLACE_STRIDE = 1 << 28
_RING_TEMPLATES = 1 << 38
_POPULAR_TEMPLATES = 1 << 39
#: Owner numbers step by this, so that one owner can have several things of a kind.
SLOTS = 8


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations of one kind: account number, owner of the value, how it was written, first and last seen."""

    kind: str
    account: Whole
    owner: Whole
    variant: Word
    first: Whole
    last: Whole


@dataclass(frozen=True, slots=True)
class Belongings:
    """The owner number of each account's mailbox, phone, card and first device; −1: it shows none."""

    mailbox: Whole
    domain: Whole
    phone: Whole
    card: Whole
    device: Whole


def observe(habit: Habit, population: Population, networks: Networks, seed: int) -> Iterator[Rows]:
    """Every observation of accounts."""
    own = belongings(habit, population, seed)
    yield from _owned(habit, population, own, seed)
    yield from _homes(habit, population, networks, seed)
    yield from _places(population, networks, seed)
    yield from _templates(habit, population, seed)
    yield from _rings(habit, population, networks, own, seed)
    if habit.spelling.weak_kinds:
        yield from _weak(population, own)


def _rows(kind: str, account: Whole, owner: Whole, first: Whole, last: Whole, variant: Word | None = None) -> Rows:
    first = np.clip(first, 0, WINDOW - 1)
    return Rows(
        kind,
        account,
        owner,
        variant if variant is not None else np.zeros(len(account), dtype=np.uint64),
        first,
        np.clip(last, first, WINDOW - 1),
    )


def belongings(habit: Habit, population: Population, seed: int) -> Belongings:
    """What each account owns, shared or not."""
    generator = stream(seed, "belongings")
    people, accounts = habit.people, population.accounts
    ordinary = population.ordinary
    first_ordinary = population.ring_accounts

    def of_person(own_share: float, family_share: float) -> Whole:
        """Owner of each account's thing: the account, its person, or the head of its household."""
        number = len(ordinary)
        owner = np.where(generator.random(number) < own_share, ordinary, population.person[ordinary])
        family = _per_person(generator, population, family_share)
        return np.where(family, population.household_first[ordinary], owner)

    def shown(share: float) -> Flags:
        return generator.random(len(ordinary)) < share

    mailbox, phone, card, device = np.full((4, accounts), _NEVER)
    mailbox[first_ordinary:] = of_person(people.own_mailbox, 0.0)
    phone[first_ordinary:] = np.where(shown(people.phone), of_person(people.own_phone, 0.04), _NEVER)
    card[first_ordinary:] = np.where(shown(people.card), of_person(people.own_card, people.family_card), _NEVER)
    device[first_ordinary:] = of_person(people.own_device, people.family_device)
    _hand_on(generator, population, device, people.second_hand)
    _hand_on(generator, population, phone, people.recycled_phone)
    domain = np.zeros(accounts, dtype=np.int64)
    _places_belongings(generator, habit, population, card, domain)
    _rings_belongings(generator, habit, population, mailbox, domain, phone, card, device)
    return Belongings(mailbox, domain, phone, card, device)


def _per_person(generator: np.random.Generator, population: Population, share: float) -> Flags:
    """One draw a person, for each of its accounts."""
    drawn = generator.random(population.accounts) < share
    return drawn[population.person[population.ordinary]]


def _hand_on(generator: np.random.Generator, population: Population, owner: Whole, share: float) -> None:
    """Some things had an owner before, who had stopped using them."""
    ordinary = population.ordinary
    takers = ordinary[(generator.random(len(ordinary)) < share * 3) & (owner[ordinary] >= 0)]
    if not len(takers):
        return
    givers = generator.choice(ordinary, len(takers))
    fits = (population.end[givers] + 2 * DAY < population.born[takers]) & (owner[givers] == givers)
    owner[takers[fits]] = owner[givers[fits]]


def _places_belongings(
    generator: np.random.Generator, habit: Habit, population: Population, card: Whole, domain: Whole
) -> None:
    for number, gathering in enumerate(population.gatherings):
        place, group = gathering.place, gathering.group
        members = np.flatnonzero(group >= 0)
        if place.card > 0 and len(members):
            payers = members[generator.random(len(members)) < place.card]
            cards = np.maximum(1, gathering.size / place.people_per_card).astype(np.int64)
            pick = (generator.random(len(payers)) * cards[group[payers]]).astype(np.int64)
            card[payers] = _PLACE_THINGS + number * _PLACE_STRIDE + starts(cards)[group[payers]] + pick
        if place.own_domain and len(members):
            staff = members[generator.random(len(members)) < 0.9]
            domain[staff] = 1 + population.organisation[staff]
    private = population.ordinary[generator.random(len(population.ordinary)) > habit.spelling.provider_mail]
    alone = private[domain[private] == 0]
    domain[alone] = 1 + PRIVATE_DOMAINS + population.household_first[alone]


def _pool_pick(generator: np.random.Generator, habit: Habit, population: Population, name: str, chosen: Whole) -> Whole:
    """The pool entry of each chosen ring account, named by an account of the ring (or of its cell)."""
    rings = population.rings
    ring = population.ring[chosen]
    ratio = np.array([getattr(style, name).ratio for style in habit.rings.styles])[rings.style][ring]
    ratio = ratio + (1 - ratio) * rings.pull[ring] * (ratio < 1)
    cell = np.array([style.cell for style in habit.rings.styles])[rings.style][ring]
    crossing = np.array([style.crossing for style in habit.rings.styles])[rings.style][ring]
    size = rings.size[ring]
    cell = np.where(cell > 0, np.minimum(cell, size), size)
    within_ring = chosen - rings.first[ring]
    cells = -(-size // cell)
    mine = np.where(
        generator.random(len(chosen)) < crossing,
        (generator.random(len(chosen)) * cells).astype(np.int64),
        within_ring // cell,
    )
    begin = rings.first[ring] + mine * cell
    members = np.minimum(cell, rings.first[ring] + size - begin)
    entries = np.maximum(1, np.rint(members * ratio)).astype(np.int64)
    drawn = (generator.random(len(chosen)) * entries).astype(np.int64)
    # A pool as large as the ring is no pool: everybody has their own.
    return np.where(entries >= members, np.where(mine == within_ring // cell, chosen, begin + drawn), begin + drawn)


def _pools(habit: Habit, name: str) -> list[Pool]:
    return [getattr(style, name) for style in habit.rings.styles]


def _style_numbers(habit: Habit, population: Population, chosen: Whole, values: list[float]) -> Real:
    """A number of each chosen ring account's style."""
    return np.array(values, dtype=np.float64)[population.rings.style[population.ring[chosen]]]


def _rings_belongings(
    generator: np.random.Generator,
    habit: Habit,
    population: Population,
    mailbox: Whole,
    domain: Whole,
    phone: Whole,
    card: Whole,
    device: Whole,
) -> None:
    members = population.in_rings
    if not len(members):
        return
    mailbox[members] = _pool_pick(generator, habit, population, "mailbox", members)
    device[members] = _pool_pick(generator, habit, population, "device", members)
    for name, owner in (("phone", phone), ("card", card)):
        shown = _style_numbers(habit, population, members, [pool.shown for pool in _pools(habit, name)])
        showing = members[generator.random(len(members)) < shown]
        owner[showing] = _pool_pick(generator, habit, population, name, showing)
    _steal(generator, habit, population, card)
    share = np.array([style.own_domain for style in habit.rings.styles])[population.rings.style]
    with_domain = generator.random(len(population.rings.size)) < share
    mine = population.ring[members]
    domain[members] = np.where(with_domain[mine], 1 + len(population.organisation_open) + mine, 0)


def _steal(generator: np.random.Generator, habit: Habit, population: Population, card: Whole) -> None:
    """Some entries of a ring's pool of cards are ordinary people's: all who use that entry use the victim's card."""
    members = population.in_rings
    entry = card[members]
    used = np.unique(entry[entry >= 0])
    victims = population.ordinary[card[population.ordinary] >= 0]
    if not len(used) or not len(victims):
        return
    share = _style_numbers(habit, population, used, [style.stolen for style in habit.rings.styles])
    stolen = used[generator.random(len(used)) < share]
    instead = np.arange(population.accounts)
    instead[stolen] = card[generator.choice(victims, len(stolen))]
    card[members] = np.where(entry >= 0, instead[np.maximum(entry, 0)], _NEVER)


def _owned(habit: Habit, population: Population, own: Belongings, seed: int) -> Iterator[Rows]:
    generator = stream(seed, "owned")
    everyone = np.arange(population.accounts)
    born, end = population.born, population.end
    variant = mix(everyone, seed + 5) & np.uint64(0xFFFFFFFF)
    # A sign-up form takes an address once: who comes again with the same mailbox writes it another way.
    variant = np.where(own.mailbox != everyone, variant >> np.uint64(6), variant)
    yield _rows("email", everyone, own.mailbox, born, end, variant | (own.domain.astype(np.uint64) << OWN_DOMAIN_SHIFT))
    for kind, owner in (("phone", own.phone), ("payment_method", own.card)):
        shown = np.flatnonzero(owner >= 0)
        later = born[shown] + (generator.exponential(0.8, len(shown)) * DAY).astype(np.int64)
        later = np.minimum(later, end[shown])
        slot = owner[shown] if kind == "phone" else owner[shown] * SLOTS
        yield _rows(kind, shown, slot, later, end[shown])
    ordinary = population.ordinary
    yield _rows("device", ordinary, own.device[ordinary] * SLOTS, born[ordinary], end[ordinary])
    more = ordinary[generator.random(len(ordinary)) < habit.people.devices - 1]
    # A second device (a telephone beside the laptop) belongs to the person, also with a further account.
    begin = within(generator, born[more], end[more])
    yield _rows("device", more, population.person[more] * SLOTS + 1, begin, end[more])


def _homes(habit: Habit, population: Population, networks: Networks, seed: int) -> Iterator[Rows]:
    generator = stream(seed, "homes")
    lines, ordinary = networks.lines, population.ordinary
    household = population.household[ordinary]
    born, end = population.born[ordinary], population.end[ordinary]
    first_epoch, last_epoch = lines.epoch(household, born), lines.epoch(household, end)
    available = last_epoch - first_epoch + 1
    seen = np.minimum(available, counts(generator, habit.homes.seen, len(ordinary)))
    who = spread(seen)
    turn = np.arange(len(who)) - starts(seen)[who]
    epoch = first_epoch[who] + ((turn + generator.random(len(who))) * (available / np.maximum(seen, 1))[who]).astype(
        np.int64
    )
    begin, finish = lines.period(household[who], epoch)
    begin, finish = np.maximum(begin, born[who]), np.minimum(finish, end[who])
    ok = begin <= finish
    who, begin, finish, epoch = who[ok], begin[ok], finish[ok], epoch[ok]
    length = np.maximum(finish - begin, 1)
    start = begin + (generator.random(len(who)) ** 3 * length * 0.8).astype(np.int64)
    yield _rows("ip", ordinary[who], lines.addresses(household[who], epoch), start, finish)
    six = np.flatnonzero(lines.has_ipv6(household) & (generator.random(len(household)) < 0.8))
    time = within(generator, born[six], end[six])
    host = mix(np.arange(len(six)), seed + 11)
    span = (generator.exponential(6, len(six)) * DAY).astype(np.int64)
    yield _rows("ip", ordinary[six], lines.ipv6(household[six], time), time, np.minimum(time + span, end[six]), host)


def _places(population: Population, networks: Networks, seed: int) -> Iterator[Rows]:
    for number, (gathering, exits) in enumerate(zip(population.gatherings, networks.places, strict=True)):
        place, generator = gathering.place, stream(seed, "visits", str(number))
        members = np.flatnonzero(gathering.group >= 0)
        if not len(members):
            continue
        visits = counts(generator, place.visits, len(members))
        who = members[spread(visits)]
        group = gathering.group[who]
        born, end = population.born[who], population.end[who]
        begin = gathering.held_at[group] if place.event else within(generator, born, end)
        if place.stay_days is None:
            begin = born + (generator.exponential(4, len(who)) * DAY).astype(np.int64)
            finish = end
        else:
            finish = begin + (generator.exponential(place.stay_days, len(who)) * DAY).astype(np.int64)
        begin, finish = np.maximum(begin, born), np.minimum(finish, end)
        there = begin <= finish
        yield _rows("ip", who[there], exits.draw(group[there], generator), begin[there], finish[there])
        yield from _place_things(population, number, members, generator)


def _place_things(
    population: Population, number: int, members: Whole, generator: np.random.Generator
) -> Iterator[Rows]:
    gathering = population.gatherings[number]
    place, base = gathering.place, _PLACE_THINGS + number * _PLACE_STRIDE
    shared = (
        ("device", place.device, gathering.size / place.people_per_device, place.stay_days or 6.0),
        ("prompt_template", place.template, np.ones(len(gathering.size)) * 2, 30.0),
        ("referral_code", place.referral, np.ones(len(gathering.size)), 0.1),
    )
    for kind, share, entries, days in shared:
        users = members[generator.random(len(members)) < share]
        if not len(users):
            continue
        entry = np.maximum(1, entries).astype(np.int64)
        group = gathering.group[users]
        pick = starts(entry)[group] + (generator.random(len(users)) * entry[group]).astype(np.int64)
        begin = within(generator, population.born[users], population.end[users])
        if place.event:
            begin = np.maximum(gathering.held_at[group], population.born[users])
            users, pick, begin = (part[begin <= population.end[users]] for part in (users, pick, begin))
        span = (generator.exponential(days, len(users)) * DAY).astype(np.int64)
        yield _rows(kind, users, (base + pick) * SLOTS, begin, np.minimum(begin + span, population.end[users]))


def _templates(habit: Habit, population: Population, seed: int) -> Iterator[Rows]:
    generator = stream(seed, "templates")
    templates, ordinary = habit.templates, population.ordinary
    showing = ordinary[generator.random(len(ordinary)) < templates.shown]
    who = showing[spread(counts(generator, templates.mean, len(showing)))]
    popular = generator.random(len(who)) < templates.popular
    owner = np.where(popular, _popular(generator, habit, population, len(who)), population.person[who] * SLOTS)
    begin = within(generator, population.born[who], population.end[who])
    yield _rows("prompt_template", who, owner, begin, population.end[who])


def _popular(generator: np.random.Generator, habit: Habit, population: Population, number: int) -> Whole:
    """Templates by a power law of popularity, cut where the world's templates end."""
    templates = habit.templates
    known = max(20, int(population.accounts / templates.accounts_per_template))
    rank = np.power(1 - generator.random(number) * (1 - known ** (1 - templates.tail)), -1 / (templates.tail - 1))
    owner: Whole = _POPULAR_TEMPLATES + np.minimum(rank.astype(np.int64), known)
    return owner


def _rings(habit: Habit, population: Population, networks: Networks, own: Belongings, seed: int) -> Iterator[Rows]:
    generator = stream(seed, "ring values")
    members = population.in_rings
    if not len(members):
        return
    yield from _ring_devices(generator, habit, population, own)
    yield from _ring_mailboxes(generator, habit, population, own, seed)
    yield from _ring_templates(generator, habit, population)
    yield from _ring_addresses(generator, habit, population, networks, seed)
    yield from _customers(generator, habit, population, networks, own)


def _asleep(habit: Habit, population: Population, chosen: Whole) -> Flags:
    return _style_numbers(habit, population, chosen, [style.sleep_days[1] for style in habit.rings.styles]) > 0


def _ring_devices(
    generator: np.random.Generator, habit: Habit, population: Population, own: Belongings
) -> Iterator[Rows]:
    """Sleepers sign up on one set of devices and wake on another."""
    members = population.in_rings
    sleeps = _asleep(habit, population, members)
    born, wake, end = population.born[members], population.wake[members], population.end[members]
    day_one = born + (generator.random(len(members)) * DAY).astype(np.int64)
    yield _rows("device", members, own.device[members] * SLOTS, born, np.where(sleeps, day_one, end))
    woken = members[sleeps]
    yield _rows(
        "device",
        woken,
        _pool_pick(generator, habit, population, "device", woken) * SLOTS + 2,
        wake[sleeps],
        end[sleeps],
    )
    extra = np.array([pool.picks for pool in _pools(habit, "device")]) - 1
    more = members[
        np.repeat(np.arange(len(members)), generator.poisson(extra[population.rings.style[population.ring[members]]]))
    ]
    begin = within(generator, population.wake[more], population.end[more])
    slot = np.where(_asleep(habit, population, more), 2, 0)
    yield _rows(
        "device",
        more,
        _pool_pick(generator, habit, population, "device", more) * SLOTS + slot,
        begin,
        population.end[more],
    )


def _ring_mailboxes(
    generator: np.random.Generator, habit: Habit, population: Population, own: Belongings, seed: int
) -> Iterator[Rows]:
    """Further mailboxes (recovery addresses) from the ring's pool."""
    members = population.in_rings
    extra = _style_numbers(habit, population, members, [pool.picks - 1 for pool in _pools(habit, "mailbox")])
    more = members[generator.random(len(members)) < extra]
    variant = mix(more, seed + 23) & np.uint64(0x3FFFFFF)
    yield _rows(
        "email",
        more,
        _pool_pick(generator, habit, population, "mailbox", more),
        within(generator, population.born[more], population.end[more]),
        population.end[more],
        variant | (own.domain[more].astype(np.uint64) << OWN_DOMAIN_SHIFT),
    )


def _ring_templates(generator: np.random.Generator, habit: Habit, population: Population) -> Iterator[Rows]:
    members = population.in_rings
    shown = _style_numbers(habit, population, members, [pool.shown for pool in _pools(habit, "template")])
    using = members[generator.random(len(members)) < shown]
    yield _rows(
        "prompt_template",
        using,
        _RING_TEMPLATES + _pool_pick(generator, habit, population, "template", using),
        within(generator, population.wake[using], population.end[using]),
        population.end[using],
    )
    known = _style_numbers(habit, population, members, [style.popular_templates for style in habit.rings.styles])
    common = members[generator.random(len(members)) < known]
    yield _rows(
        "prompt_template",
        common,
        _popular(generator, habit, population, len(common)),
        within(generator, population.wake[common], population.end[common]),
        population.end[common],
    )


def _ring_addresses(
    generator: np.random.Generator, habit: Habit, population: Population, networks: Networks, seed: int
) -> Iterator[Rows]:
    members = population.in_rings
    picks = np.array([pool.picks for pool in _pools(habit, "address")])[
        population.rings.style[population.ring[members]]
    ]
    visits = 1 + generator.poisson(picks - 1)
    who = members[spread(visits)]
    style = population.rings.style[population.ring[who]]
    route = routes(generator, np.array([s.routes for s in habit.rings.styles]), style)
    begin = within(generator, population.wake[who], population.end[who])
    sleeps = _asleep(habit, population, who)
    first_visit = (np.arange(len(who)) - starts(visits)[spread(visits)]) == 0
    signing_up = sleeps & first_visit
    begin = np.where(first_visit, population.born[who], begin)
    days = np.array([9.0, 0.6, 1.2, 1.0])[route]
    finish = begin + (generator.exponential(1, len(who)) * days * DAY).astype(np.int64)
    finish = np.where(signing_up, np.minimum(finish, begin + DAY), np.minimum(finish, population.end[who]))
    address = networks.hosting + _pool_pick(generator, habit, population, "address", who) * 2 + signing_up
    for number, name in ((1, "vpn"), (2, "carrier")):
        exits, mine = networks.exits_named(population, name), np.flatnonzero(route == number)
        if exits is not None and len(mine):
            address[mine] = exits.draw((generator.random(len(mine)) * len(exits.count)).astype(np.int64), generator)
    own_ipv6 = (route == 0) & (fraction(mix(population.ring[who], 77)) < habit.homes.ipv6 / 2)
    address = np.where(own_ipv6, RING_IPV6 + address, address)
    home = np.flatnonzero(route == 3)
    if len(home) and population.households:
        address[home], finish[home] = _through_homes(
            generator, habit, population, networks, who[home], begin[home], finish[home]
        )
    yield _rows("ip", who, address, begin, finish, mix(np.arange(len(who)), seed + 13))


def _through_homes(
    generator: np.random.Generator,
    habit: Habit,
    population: Population,
    networks: Networks,
    who: Whole,
    begin: Whole,
    finish: Whole,
) -> tuple[Whole, Whole]:
    """Traffic that leaves through households' lines; the ring rents so many households and comes back to them."""
    ring = population.ring[who]
    size = population.rings.size[ring]
    rented = np.maximum(1, size * _style_numbers(habit, population, who, [s.homes for s in habit.rings.styles])).astype(
        np.int64
    )
    pick = (generator.random(len(who)) * rented).astype(np.int64)
    words = mix(population.rings.first[ring] * 1_000_003 + pick, 41)
    household = (words % np.uint64(population.households)).astype(np.int64)
    epoch = networks.lines.epoch(household, begin)
    _, lease_end = networks.lines.period(household, epoch)
    address = networks.lines.addresses(household, epoch)
    six = networks.lines.has_ipv6(household) & (generator.random(len(who)) < 0.4)
    return np.where(six, networks.lines.ipv6(household, begin), address), np.minimum(finish, lease_end)


def _customers(
    generator: np.random.Generator, habit: Habit, population: Population, networks: Networks, own: Belongings
) -> Iterator[Rows]:
    """Accounts that carry ordinary people's traffic show those people's homes and devices."""
    members = population.in_rings
    mean = _style_numbers(habit, population, members, [style.customers for style in habit.rings.styles])
    carried = generator.poisson(mean)
    who = members[spread(carried)]
    if not len(who) or not len(population.ordinary):
        return
    customer = generator.choice(population.ordinary, len(who))
    begin = within(generator, population.wake[who], population.end[who])
    span = (generator.exponential(1.5, len(who)) * DAY).astype(np.int64)
    household = population.household[customer]
    epoch = networks.lines.epoch(household, begin)
    finish = np.minimum(begin + span, population.end[who])
    yield _rows("ip", who, networks.lines.addresses(household, epoch), begin, finish)
    seen = generator.random(len(who)) < 0.2
    yield _rows("device", who[seen], own.device[customer[seen]] * SLOTS, begin[seen], finish[seen])


def _weak(population: Population, own: Belongings) -> Iterator[Rows]:
    """User agents and TLS fingerprints belong to the device: telling of nobody, but equal where devices are."""
    everyone = np.arange(population.accounts)
    for kind, salt in (("user_agent", 3), ("tls_fingerprint", 4)):
        shown = everyone[fraction(mix(everyone, salt)) < 0.5]
        yield _rows(kind, shown, own.device[shown], population.born[shown], population.end[shown])
