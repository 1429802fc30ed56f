"""The tables of a world as they are written: the public record files and the truth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from linkage.scenario.draws import Whole, choose, mix, stream
from linkage.scenario.habits import Habit
from linkage.scenario.population import BEHAVIOURS, EVASION, WINDOW, Population
from linkage.scenario.text import Text, either, hexed, join, nothing, pick, repeated
from linkage.scenario.values import Writer, country_of, display_names, domains, organisation_names

#: 2026-01-01T00:00:00Z in microseconds.
_EPOCH = 1_767_225_600_000_000
_TIME: pa.DataType = pa.timestamp("us", tz="UTC")
_TEXT: pa.DataType = pa.string()
_WHOLE: pa.DataType = pa.int64()

OBSERVATIONS = pa.schema(
    {
        "account_id": _TEXT,
        "organisation_id": _TEXT,
        "kind": _TEXT,
        "value": _TEXT,
        "first_seen": _TIME,
        "last_seen": _TIME,
        "count": _WHOLE,
        "source": _TEXT,
    }
)
USAGE = pa.schema(
    {
        "account_id": _TEXT,
        "window_start": _TIME,
        "model": _TEXT,
        "endpoint": _TEXT,
        "requests": _WHOLE,
        "input_tokens": _WHOLE,
        "output_tokens": _WHOLE,
    }
)
#: Where a kind is seen.
SOURCES = {
    "email": "signup",
    "phone": "signup",
    "referral_code": "signup",
    "payment_method": "billing",
    "ip": "login",
    "device": "login",
    "user_agent": "login",
    "tls_fingerprint": "login",
    "prompt_template": "usage",
    "domain": "signup",
}
_PLANS = ("free", "paid", "team")
_SEATS = ("US", "GB", "DE", "FR", "SG")
#: Owners of organisations' payment methods, and of those that shells of a ring have in common.
_ORGANISATION_CARDS, _SHELL_CARDS = 1 << 40, 1 << 41


def times(seconds: Whole) -> Text:
    """Seconds of the window as timestamps."""
    return pa.array(seconds * 1_000_000 + _EPOCH).cast(_TIME)


def organisation_ids(number: int, seed: int) -> Text:
    """The provider's ids of so many organisations."""
    return join("org_", hexed(mix(np.arange(number), 31 + seed), 12))


def accounts_table(habit: Habit, population: Population, ids: Text, organisations: Text, seed: int) -> pa.Table:
    """The accounts, in the order of the plan."""
    generator = stream(seed, "accounts")
    number = population.accounts
    suspended = generator.random(number) < np.where(population.ring >= 0, 0.35, 0.02)
    declared = population.organisation
    nobody = nothing(number)
    organisation = _members_of(organisations, declared) if len(organisations) else nobody
    return pa.table(
        {
            "account_id": ids,
            "created_at": times(population.born),
            "status": pick(("active", "suspended"), suspended),
            "organisation_id": organisation,
            "country": pick(habit.spelling.countries, country_of(population.person, len(habit.spelling.countries))),
            "plan": pick(_PLANS, choose(generator, (0.6, 0.28, 0.12), number)),
            "display_name": either(generator.random(number) < 0.6, display_names(population.person), nobody),
        }
    )


def _members_of(organisations: Text, declared: Whole) -> Text:
    return either(declared >= 0, organisations.take(np.maximum(declared, 0)), None)


def truth_table(habit: Habit, population: Population, ids: Text) -> pa.Table:
    """Who runs each account; ordinary accounts are styled by the most crowded company they keep."""
    rings, ring = population.rings, population.ring
    unknown = nothing(population.accounts)
    return pa.table(
        {
            "account_id": ids,
            "actor_id": join("actor-", pa.array(population.actor).cast(_TEXT)),
            "style": _of_ring([s.name for s in habit.rings.styles], rings.style, ring, _company(population)),
            "ring": pa.array(ring >= 0),
            "evasion": _of_ring(EVASION, rings.evasion, ring, unknown),
            "behaviour": _of_ring(BEHAVIOURS, rings.behaviour, ring, unknown),
        }
    )


def _company(population: Population) -> Text:
    ordinary = population.ordinary
    names = ("alone", "household", "several accounts", *(g.place.name for g in population.gatherings))
    company = np.zeros(population.accounts, dtype=np.int64)
    people = np.bincount(population.household[ordinary], minlength=max(population.households, 1))
    company[ordinary] = people[population.household[ordinary]] > 1
    company[np.bincount(population.person, minlength=population.accounts)[population.person] > 1] = 2
    for number, gathering in enumerate(population.gatherings):
        if not gathering.place.networks:
            company[gathering.group >= 0] = 3 + number
    return pick(names, company)


def _of_ring(names: tuple[str, ...] | list[str], codes: Whole, ring: Whole, otherwise: Text) -> Text:
    if not len(codes):
        return otherwise
    return either(ring >= 0, pick(names, codes[np.maximum(ring, 0)]), otherwise)


def organisations_table(population: Population, ids: Text, seed: int) -> pa.Table:
    """The declared organisations."""
    number = np.arange(len(ids))
    return pa.table(
        {
            "organisation_id": ids,
            "name": organisation_names(number),
            "domain": domains(number),
            "country": pick(_SEATS, country_of(number, len(_SEATS))),
            "registration_number": hexed(mix(number, 44 + seed), 9),
            "type": pick(("company", "reseller"), population.organisation_open),
        }
    )


def organisation_observations(population: Population, ids: Text, write: dict[str, Writer]) -> pa.Table:
    """An organisation's own domain and payment method; shells of one ring have three cards between them."""
    number, ring = np.arange(len(ids)), population.organisation_ring
    shell_card = _SHELL_CARDS + ring * 8 + number % 3
    owners = {"domain": number, "payment_method": np.where(ring >= 0, shell_card, _ORGANISATION_CARDS + number)}
    return pa.concat_tables([_organisations_used(kind, owner, ids, write) for kind, owner in owners.items()])


def _organisations_used(kind: str, owner: Whole, ids: Text, write: dict[str, Writer]) -> pa.Table:
    length = len(ids)
    return pa.table(
        [
            nothing(length),
            ids,
            repeated(kind, length),
            write[kind](owner, np.zeros(length, dtype=np.uint64)),
            times(np.zeros(length, dtype=np.int64)),
            times(np.full(length, WINDOW - 1)),
            pa.array(np.full(length, 6)),
            repeated(SOURCES[kind], length),
        ],
        schema=OBSERVATIONS,
    )
