"""Reference files: what an operator knows of networks, mail domains and single values (docs/reference-files.md).

A folder holds any of the files in `FILES`, each a CSV table with a header. They are read and checked as a whole; every
fault of every file is told at once, with its line. What they say becomes tables that the engine looks its shared values
up in (`lookup`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from linkage.engine.address_ranges import NOBODY, Span, cut_into_segments, span_between, span_of_network
from linkage.engine.csv_table import CsvTable, Row
from linkage.errors import BadReference
from linkage.model.sharing_class import SharingClass
from linkage.normalise import Context, canonical_name, kind_of

DOMAINS = (SharingClass.FREE, SharingClass.DISPOSABLE, SharingClass.RELAY)
PLACES = tuple(name for name in SharingClass if name not in {SharingClass.FREE, SharingClass.DISPOSABLE})
#: Prefixes that may be shown to everybody: what is longer names a household or a server.
_SHOWN_PREFIX = {4: 24, 6: 48}
_MOST_FAULTS = 100

_SAID: dict[str, pa.DataType] = {"class": pa.string(), "because": pa.string()}
_SEGMENTS = pa.schema({"family": pa.int32(), "start": pa.uint64(), **_SAID})
_DOMAINS = pa.schema({"domain": pa.string(), **_SAID})
_IDENTIFIERS = pa.schema({"kind": pa.string(), "value": pa.string(), **_SAID})


@dataclass(frozen=True, slots=True)
class Reference:
    """What the files say.

    networks, systems   family, start, class, because: from each start on, up to the next (NULL: nothing is known)
    domains             domain, class, because
    identifiers         kind, value, class, because
    rows                rows by file, for the summary of a resolution
    fingerprint         a short hash of all files: equal where they say the same
    """

    networks: pa.Table = field(default_factory=_SEGMENTS.empty_table)
    systems: pa.Table = field(default_factory=_SEGMENTS.empty_table)
    domains: pa.Table = field(default_factory=_DOMAINS.empty_table)
    identifiers: pa.Table = field(default_factory=_IDENTIFIERS.empty_table)
    rows: dict[str, int] = field(default_factory=dict)
    fingerprint: str = ""

    @classmethod
    def load(cls, folder: Path) -> Reference:
        """Read the files of a folder; raise `BadReference` with every fault of them."""
        files = {name: Path(folder) / name for name in FILES if (Path(folder) / name).is_file()}
        if not files:
            raise BadReference(
                f"{folder} holds no reference files.",
                next_step=f"Put one of {', '.join(FILES)} there; docs/reference-files.md describes them.",
            )
        made: dict[str, pa.Table] = {}
        rows: dict[str, int] = {}
        faults: list[str] = []
        for name, path in files.items():
            file, made[FILES[name].part] = _read(path, FILES[name])
            rows[name] = len(file.rows)
            faults += file.told()
        if faults:
            more = len(faults) - _MOST_FAULTS
            raise BadReference(
                f"The reference files in {folder} have {len(faults)} fault(s).",
                details=[*faults[:_MOST_FAULTS], *([f"and {more:,} more"] if more > 0 else [])],
                next_step="Mend each of them; docs/reference-files.md describes the files.",
            )
        digest = hashlib.blake2b(digest_size=4)
        for path in files.values():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return cls(**made, rows=rows, fingerprint=digest.hexdigest())


class Shape(NamedTuple):
    """A file's columns, one of `either` in full, with the classes it may name; what it becomes a part of, and how."""

    part: str
    either: tuple[tuple[str, ...], ...]
    classes: tuple[SharingClass, ...]
    make: Callable[[CsvTable, list[int]], pa.Table]


def _read(path: Path, shape: Shape) -> tuple[CsvTable, pa.Table]:
    """A file, with what its rows become."""
    file = CsvTable(path)
    rows = list(_sound(file, shape)) if file.need(*((*columns, "class") for columns in shape.either)) else []
    return file, shape.make(file, rows)


def _sound(file: CsvTable, shape: Shape) -> Iterator[int]:
    """The rows that name a class of the file's; a row of `asn.csv` without any says nothing, and may stand there."""
    names = frozenset(map(str, shape.classes))
    for at, row in enumerate(file.rows):
        row["class"] = row["class"].lower()
        if row["class"] in names:
            yield at
        elif row["class"] or shape.part != "systems":
            file.fault(at, f"{row['class']!r} is no class; classes are {', '.join(shape.classes)}")


def _networks(file: CsvTable, rows: list[int]) -> pa.Table:
    """`networks.csv` as segments."""
    return _segments(file, rows, lambda row: span_of_network(row["network"]), _because_network)


def _systems(file: CsvTable, rows: list[int]) -> pa.Table:
    """`asn.csv` as segments: networks, or a first and a last address."""
    by_network = "network" in file.columns

    def span(row: Row) -> Span:
        return (
            span_of_network(row["network"]) if by_network else span_between(row["first_address"], row["last_address"])
        )

    return _segments(file, rows, span, _because_system)


def _segments(
    file: CsvTable, sound: list[int], span_of: Callable[[Row], Span], because: Callable[[Row], str]
) -> pa.Table:
    spans: list[Span] = []
    rows: list[int] = []
    first_of: dict[Span, int] = {}
    for at in sound:
        row = file.rows[at]
        try:
            span = span_of(row)
        except ValueError as fault:
            file.fault(at, str(fault))
            continue
        before = first_of.setdefault(span, at)
        if file.rows[before]["class"] != row["class"]:
            file.fault(at, f"the same addresses are {file.rows[before]['class']} further up, and {row['class']} here")
        spans.append(span)
        rows.append(at)
    segments, crossing = cut_into_segments(spans)
    for inner, outer in crossing:
        file.fault(rows[outer], f"{_range(file.rows[rows[outer]])} crosses {_range(file.rows[rows[inner]])}")
    told = [(file.rows[at]["class"], because(file.rows[at])) for at in rows]
    owners = [None if owner == NOBODY else told[owner] for owner in segments.owner]
    return pa.table(
        {
            "family": segments.family,
            "start": segments.start,
            "class": [owner and owner[0] for owner in owners],
            "because": [owner and owner[1] for owner in owners],
        },
        schema=_SEGMENTS,
    )


def _range(row: Row) -> str:
    return row["network"] if "network" in row else f"{row['first_address']} to {row['last_address']}"


def _because_network(row: Row) -> str:
    """A network longer than may be shown stays unnamed: a reason is read by people who see values masked."""
    name = f" as {row['name']}" if row.get("name") else ""
    _, _, length = row["network"].partition("/")
    shown = length and int(length) <= _SHOWN_PREFIX[6 if ":" in row["network"] else 4]
    return f"{row['network'] if shown else 'its network'} is in networks.csv{name}"


def _because_system(row: Row) -> str:
    number = row.get("asn", "").upper().removeprefix("AS")
    name = " ".join(part for part in (f"AS{number}" if number else "", row.get("organisation", "")) if part)
    return f"its network is in asn.csv{f' as {name}' if name else ''}"


def _domains(file: CsvTable, rows: list[int]) -> pa.Table:
    """`email_domains.csv`, in the spelling of the kind."""
    rule = kind_of("email_domain")
    made: dict[str, str] = {}
    for at in rows:
        row = file.rows[at]
        domain = rule.normalise(row["domain"], Context())
        if domain is None:
            file.fault(at, f"{row['domain']!r} is no domain")
        elif made.setdefault(domain, row["class"]) != row["class"]:
            file.fault(at, f"{domain} is {made[domain]} further up, and {row['class']} here")
    return pa.table(
        {
            "domain": list(made),
            "class": list(made.values()),
            "because": [f"{domain} is in email_domains.csv" for domain in made],
        },
        schema=_DOMAINS,
    )


def _identifiers(file: CsvTable, rows: list[int]) -> pa.Table:
    """`identifiers.csv`, in the spelling of each kind."""
    made: dict[tuple[str, str], Row] = {}
    for at in rows:
        row = file.rows[at]
        kind = canonical_name(row["kind"])
        if kind is None:
            file.fault(at, f"{row['kind']!r} cannot be the name of a kind")
            continue
        value = kind_of(kind).normalise(row["value"], Context())
        if value is None:
            file.fault(at, f"{row['value']!r} is no {kind_of(kind).noun or kind}")
        elif made.setdefault((kind, value), row)["class"] != row["class"]:
            file.fault(at, f"the same {kind} is {made[kind, value]['class']} further up, and {row['class']} here")
    return pa.table(
        {
            "kind": [kind for kind, _ in made],
            "value": [value for _, value in made],
            "class": [row["class"] for row in made.values()],
            "because": [
                ": ".join(["it is in identifiers.csv", *filter(None, [row.get("note")])]) for row in made.values()
            ],
        },
        schema=_IDENTIFIERS,
    )


#: The files of a folder. What is more particular comes first, and is asked first.
FILES: dict[str, Shape] = {
    "identifiers.csv": Shape("identifiers", (("kind", "value"),), tuple(SharingClass), _identifiers),
    "networks.csv": Shape("networks", (("network",),), PLACES, _networks),
    "asn.csv": Shape("systems", (("network",), ("first_address", "last_address")), PLACES, _systems),
    "email_domains.csv": Shape("domains", (("domain",),), DOMAINS, _domains),
}


def version(model: str, reference: Reference | None) -> str:
    """The version of a resolution: of its model, and of the reference files where there are any."""
    return model if reference is None else f"{model}+{reference.fingerprint}"
