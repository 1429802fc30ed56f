"""Observations as records: one row an account, as peers that compare records need them.

A kind is a column: of one value where no account has more, else an array, with a further array for each bound of
rarity. What records are blocked on stands in array columns of its own: values, and the words of kinds made of words,
from the rarest on until they make enough pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb

from benchmarks.datasets import Dataset

#: Blocking takes a kind's values from the rarest on, until they make this many pairs.
PAIRS_PER_RULE = 3_000_000
#: A model is trained on what agrees in so many pairs of records at least: fewer teach little. And in so many a record
#: at most: in a crowd hardly a pair is a match, and training finds none.
TRAINING_PAIRS, TRAINING_PAIRS_PER_RECORD = 100, 20
#: Kinds made of words, which block on each word as well.
_WORDY = ("person_name", "organisation_name", "postal_address", "employer")
#: A value that at most so many accounts hold is rare; an array column has one further column for each.
_RARE = (3, 10, 100)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of identifier as a column; `several` where it is an array, as an account has more than one value."""

    name: str
    several: bool

    @property
    def first(self) -> str:
        """SQL for its value, or the first of its values."""
        return f"{_quoted(self.name)}[1]" if self.several else _quoted(self.name)

    def within(self, most: int | None) -> str:
        """The array column of the values that at most so many accounts hold; None: of all its values."""
        return f"{self.name}_{most}" if most else self.name


@dataclass(frozen=True, slots=True)
class Records:
    """What the columns of the table `account_records` are, beside unique_id and created_at.

    `blocks` are the array columns to block on; `trained` is what agrees in enough pairs of records to train on.
    """

    kinds: tuple[Kind, ...]
    blocks: tuple[str, ...]
    trained: tuple[str, ...]


#: account_id, kind, value: of the source's own columns where the data set has them, of the observations otherwise.
_HELD_RECORDS = "unpivot given_records on columns(* exclude account_id) into name kind value value"
_HELD = """
    select distinct subject_id as account_id, kind, value from observations where subject_type = 'account'
    union all
    select account_id, 'member_of', organisation_id from accounts where organisation_id is not null"""
#: Values with how many accounts hold each.
_COUNTED = "select *, count(*) over (partition by kind, value) as holders from held"
#: Kinds with a value that two accounts share, or whose values may be similar.
_KINDS = """
    select kind, max(values) > 1 as several
    from (select kind, account_id, count(*) as values, max(holders) as holders from counted group by all)
    group by kind having max(holders) > 1 or list_contains($similar, kind) order by kind"""
#: Values and words to block on, the rarest first, until a kind has made its pairs.
_BLOCKED = """
    with terms as (
        select account_id, kind, value as term from held
        union all
        select distinct account_id, kind || '_words', unnest(string_split_regex(lower(value), '[^[:alnum:]]+'))
        from held where list_contains($wordy, kind)),
    sizes as (select kind, term, count(*) as holders from terms where length(term) > 1 group by all having holders > 1),
    summed as (
        select *, sum(holders * (holders - 1) // 2) over (partition by kind order by holders) as pairs from sizes)
    select account_id, kind || '_block' as kind, term from terms join summed using (kind, term) where pairs <= $most"""


def lay_out(dataset: Dataset, connection: duckdb.DuckDBPyConnection, *, similar: Sequence[str]) -> Records:
    """Make the table `account_records`; kinds named in `similar` are columns even where no two values are equal."""
    dataset.facts.register(connection)
    if dataset.records is not None:
        connection.register("given_records", dataset.records)
    connection.execute(f"create temp table held as {_HELD if dataset.records is None else _HELD_RECORDS}")
    connection.execute(f"create temp table counted as {_COUNTED}")
    connection.execute(f"create temp table blocked as {_BLOCKED}", {"wordy": list(_WORDY), "most": PAIRS_PER_RULE})
    found = connection.execute(_KINDS, {"similar": list(similar)}).fetchall()
    kinds = tuple(Kind(name, several) for name, several in found)
    blocks = tuple(name for (name,) in connection.execute("select distinct kind from blocked order by 1").fetchall())
    connection.execute(f"create temp table account_records as {_records_sql(kinds, blocks)}")
    return Records(kinds, blocks, tuple(_trained(kinds, connection)))


def _records_sql(kinds: Iterable[Kind], blocks: Iterable[str]) -> str:
    """One row an account: unique_id, created_at, a column a kind, an array column a block.

    An array column lists what others hold as well first, the rarest before others: training blocks on the first.
    """
    values = [column for kind in kinds for column in _columns(kind)]
    terms = [f"list(term) filter (kind = '{block}') as {_quoted(block)}" for block in blocks]
    return f"""
        with everyone as (select account_id from held union select account_id from accounts),
        valued as (select account_id, {", ".join(values)} from counted group by account_id),
        blocking as (select account_id, {", ".join(terms)} from blocked group by account_id),
        opened as (select account_id, make_timestamp(min(created_at)) as created_at from accounts group by account_id)
        select account_id as unique_id, * exclude (account_id) from everyone
        left join valued using (account_id) left join blocking using (account_id) left join opened using (account_id)"""


def _columns(kind: Kind) -> list[str]:
    of_kind = f"kind = '{kind.name}'"
    if not kind.several:
        return [f"any_value(value) filter ({of_kind}) as {_quoted(kind.name)}"]
    bounds: dict[int | None, str] = {None: "true", **{most: f"holders between 2 and {most}" for most in _RARE}}
    return [
        f"list(value order by holders = 1, holders, value) filter ({of_kind} and {bound})"
        f" as {_quoted(kind.within(most))}"
        for most, bound in bounds.items()
    ]


def _trained(kinds: Sequence[Kind], connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The columns that agree in enough pairs of records and not in too many; where they are none, the next best two."""
    agreeing = "select {0} as number, count(*) as holders from account_records where {1} is not null group by {1}"
    counted = connection.execute(f"""
        select number, pairs between {TRAINING_PAIRS} and
                       {TRAINING_PAIRS_PER_RECORD} * (select count(*) from account_records) as telling
        from (select number, sum(holders * (holders - 1) // 2) as pairs
              from ({" union all ".join(agreeing.format(number, kind.first) for number, kind in enumerate(kinds))})
              group by number)
        where pairs > 0 order by telling desc, pairs desc, number""").fetchall()
    for place, (number, telling) in enumerate(counted):
        if telling or place < 2:
            yield kinds[number].first


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
