"""Which files are to be read, and as what: known before anything is read, so that faults stop nothing half-way.

A folder is a data set: files in it are known by their names, others are passed over and told. A file named by the
user must be something: known by its name, by the mapping, or else by its columns.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from linkage.errors import UnreadableFile
from linkage.ingest import shape as shapes
from linkage.ingest.chunk import Chunk
from linkage.ingest.columns import RECORDS, TRUTH
from linkage.ingest.mapping import FileMapping, Mapping
from linkage.ingest.readers import columnar, delimited, json_lines
from linkage.ingest.shape import Shape, folded

_ENDING = re.compile(r"\.(csv|tsv|txt|jsonl|ndjson|parquet|pq)(\.gz)?$", re.IGNORECASE)
#: What a part of a canonical file may be called: `observations`, `observations-2026-05`, `usage.part1`.
_PART = re.compile(r"^(?P<record>[a-z]+?)(?:[-_.]\w[\w.\-]*)?$")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read, and the records its rows become."""

    path: Path
    shapes: tuple[Shape, ...]
    file: FileMapping | None = None

    def chunks(self) -> Iterator[Chunk]:
        """The file's rows."""
        known = {column for shape in self.shapes for column in shape.columns}
        encoding, delimiter = _options(self.path, self.file)
        match _format(self.path):
            case "parquet":
                return columnar.read(self.path)
            case "json":
                return json_lines.read(self.path, known)
            case _:
                return delimited.read(self.path, encoding=encoding, delimiter=delimiter)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be read; `passed_over` says of each other file why not."""

    sources: tuple[Source, ...]
    passed_over: tuple[tuple[Path, str], ...] = ()


def _format(path: Path) -> str | None:
    if path.is_dir():
        return None
    ending = _ENDING.search(path.name)
    if ending is None:
        return None
    return {"parquet": "parquet", "pq": "parquet", "jsonl": "json", "ndjson": "json"}.get(
        ending[1].lower(), "delimited"
    )


def _options(path: Path, file: FileMapping | None) -> tuple[str | None, str | None]:
    """Encoding and delimiter of a delimited file, as far as they are said."""
    ending = _ENDING.search(path.name)
    by_ending = "\t" if ending and ending[1].lower() == "tsv" else None
    return (file.encoding, file.delimiter or by_ending) if file else (None, by_ending)


def columns_of(path: Path, file: FileMapping | None = None) -> list[str] | None:
    """The columns of a file; None for an empty one."""
    encoding, delimiter = _options(path, file)
    match _format(path):
        case "parquet":
            return list(columnar.schema_of(path).names)
        case "json":
            return sorted(json_lines.keys_of(path)) or None
        case _:
            dialect = delimited.header_of(path, encoding=encoding, delimiter=delimiter)
            return list(dialect.columns) if dialect else None


def plan(paths: Iterable[str | Path], mapping: Mapping | None = None) -> Plan:
    """Find out what is to be read; raise `UnreadableFile` with every file that cannot be."""
    sources: list[Source] = []
    passed_over: list[tuple[Path, str]] = []
    faults: list[str] = []
    for path, named in _files(paths, faults):
        try:
            found = _source(path, mapping, named=named)
        except UnreadableFile as error:
            faults.append(error.message)
            continue
        except OSError as error:
            faults.append(f"{path} cannot be read: {error.strerror or error}")
            continue
        if isinstance(found, Source):
            sources.append(found)
        else:
            passed_over.append((path, found))
    if not faults and not sources:
        faults.append("nothing to load was found: " + "; ".join(f"{path}: {why}" for path, why in passed_over[:5]))
    if faults:
        raise UnreadableFile(
            faults[0] if len(faults) == 1 else f"{len(faults)} files cannot be read",
            details=faults if len(faults) > 1 else (),
            next_step="Record files are accounts, organisations, observations, usage and decisions, as .csv, .jsonl or "
            ".parquet (also .gz); tables of other shapes need a mapping (docs/mappings.md).",
        )
    return Plan(tuple(sources), tuple(passed_over))


def _files(paths: Iterable[str | Path], faults: list[str]) -> Iterator[tuple[Path, bool]]:
    """Each file once, and whether the user named it."""
    seen: set[Path] = set()
    for given in map(Path, paths):
        if given.is_dir():
            inside = sorted(path for path in given.rglob("*") if path.is_file() and not _is_hidden(path, given))
            found = [(path, False) for path in inside]
        elif given.exists():
            found = [(given, True)]
        else:
            faults.append(f"{given} does not exist")
            continue
        for path, named in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path, named


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def _source(path: Path, mapping: Mapping | None, *, named: bool) -> Source | str:
    """What a file is, or why it is passed over."""
    if file := mapping_for(path, mapping):
        return _mapped(path, file)
    if _format(path) is None:
        if not named:
            return "not a record file"
        raise UnreadableFile(f"{path} is of an unknown format")
    record = _record_named(path)
    if record == TRUTH:
        return "the truth, which only an evaluation reads"
    if record is None and not named:
        return "its name is not that of a record file"
    columns = columns_of(path)
    if columns is None:
        return "empty"
    record = record or _record_by_columns(columns)
    if record is None:
        raise UnreadableFile(f"{path} is no record file by its name or by its columns ({_some(columns)})")
    if lacking := shapes.lacking(RECORDS[record], columns):
        raise UnreadableFile(f"{path} lacks the column {', '.join(lacking)} of {record}; it has {_some(columns)}")
    return Source(path, (shapes.canonical(RECORDS[record], columns, open_ended=_format(path) == "json"),))


def _mapped(path: Path, file: FileMapping) -> Source | str:
    if _format(path) is None:
        raise UnreadableFile(f"{path} is of an unknown format")
    columns = columns_of(path, file)
    if columns is None:
        return "empty"
    shapes_here = file.shapes
    lacking = sorted({name for shape in shapes_here for name in shape.columns} - set(columns))
    # A key that the first objects of a JSON Lines file lack may stand in later ones.
    if lacking and _format(path) != "json":
        raise UnreadableFile(f"{path} lacks the column {', '.join(lacking)} of the mapping; it has {_some(columns)}")
    return Source(path, shapes_here, file)


def mapping_for(path: Path, mapping: Mapping | None) -> FileMapping | None:
    """What a mapping says of a file; it may name the file with or without its ending."""
    names = (path.name, _ENDING.sub("", path.name))
    files = mapping.file if mapping else ()
    return next((file for file in files if any(fnmatch.fnmatchcase(name, file.name) for name in names)), None)


def _record_named(path: Path) -> str | None:
    """The record that a file's name, or that of the folder it is a part of, stands for."""
    for name in (path.name, path.parent.name):
        found = _PART.match(_ENDING.sub("", name).lower())
        if found and found["record"] in (*RECORDS, TRUTH):
            return found["record"]
    return None


def _record_by_columns(columns: Collection[str]) -> str | None:
    have = {folded(name) for name in columns}
    if {"account_id", "actor_id"} <= have:
        return None
    fitting = [record.name for record in RECORDS.values() if not shapes.lacking(record, columns)]
    # Every table with an account_id could be accounts: only if nothing else fits and a column of theirs is there.
    narrow = [name for name in fitting if name not in {"accounts", "organisations"}]
    if len(narrow) == 1:
        return narrow[0]
    described = [name for name in fitting if len(have & {column.name for column in RECORDS[name].columns}) > 1]
    return described[0] if not narrow and len(described) == 1 else None


def _some(columns: Iterable[str]) -> str:
    listed = [name[:40] for name in columns]
    return ", ".join(listed[:12]) + (", …" if len(listed) > 12 else "")
