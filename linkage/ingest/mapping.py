"""Mappings: what makes records of tables of any other shape, as TOML. The guide is `docs/mappings.md`.

phone_region = "US"

[[file]]
name = "logins*"

[[file.observations]]
account_id = "user"                              # a column
kind = "ip"                                      # for `kind` a plain text is the kind itself
value = "remote_ip"
first_seen = { column = "at", format = "epoch" }
source = { constant = "logins" }
"""

from __future__ import annotations

import codecs
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from linkage.errors import BadMapping
from linkage.ingest.cells import EPOCHS
from linkage.ingest.columns import ACCOUNTS, DECISIONS, OBSERVATIONS, ORGANISATIONS, RECORDS, USAGE, Record
from linkage.ingest.shape import Cell, Shape
from linkage.ingest.toml_places import Path as Path_
from linkage.ingest.toml_places import Place, nearest, places
from linkage.normalise import canonical_name

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(BaseModel):
    """Where a value comes from: `"column"`, or a table that says more."""

    model_config = _STRICT

    column: str | None = Field(None, min_length=1, description="the file's column")
    constant: str | None = Field(None, min_length=1, description="the same value for every row, instead of a column")
    prefix: str = Field("", description="put before each value")
    rename: dict[str, str] = Field(default_factory=dict, description="values that are called otherwise here")
    default: str | None = Field(None, min_length=1, description="what an empty cell counts as")

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either a column or a constant")
        return self

    @property
    def cell(self) -> Cell:
        """The cell as the reader works by it."""
        return Cell(**self.model_dump())


class TimeSource(Source):
    """A time; without `format` it is read as ISO 8601, where no offset means UTC."""

    format: str | None = Field(
        None, description="epoch, epoch_ms, epoch_us, epoch_ns, or a strptime format such as %d/%m/%Y %H:%M"
    )

    @field_validator("format")
    @classmethod
    def _known_format(cls, form: str | None) -> str | None:
        if form is None or form in EPOCHS:
            return form
        if "%" not in form:
            raise ValueError(f"the format is neither one of {', '.join(EPOCHS)} nor a strptime format with %")
        moment = datetime(2026, 5, 3, 14, 7, 9, 123456, UTC)
        try:
            datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - only tried out
        except ValueError as error:
            raise ValueError(f"the format cannot be read: {error}") from error
        return form


class KindSource(Source):
    """A kind of identifier; a plain text is the kind itself."""

    @model_validator(mode="after")
    def _kinds_have_names(self) -> KindSource:
        for name in (self.constant, self.default, *self.rename.values()):
            if name is not None and canonical_name(name) is None:
                raise ValueError(f"{name!r} cannot be the name of a kind")
        return self


def _column_of(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _constant_of(value: Any) -> Any:
    return {"constant": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


TextCell = Annotated[Source, BeforeValidator(_column_of, json_schema_input_type=str | Source)]
TimeCell = Annotated[TimeSource, BeforeValidator(_column_of, json_schema_input_type=str | TimeSource)]
KindCell = Annotated[KindSource, BeforeValidator(_constant_of, json_schema_input_type=str | KindSource)]
Values = Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class RecordMapping(BaseModel):
    """How each row of a file becomes one record."""

    model_config = _STRICT
    record: ClassVar[Record]

    where: dict[str, Values] = Field({}, description="only rows whose column holds this value, or one of these")

    @model_validator(mode="after")
    def _has_subject(self) -> Self:
        either = self.record.either
        if either and all(getattr(self, name) is None for name in either):
            raise ValueError(f"{' or '.join(either)} is needed")
        return self

    @property
    def shape(self) -> Shape:
        """The shape that the reader works by."""
        found = {column.name: getattr(self, column.name) for column in self.record.columns}
        cells = {name: cell.cell for name, cell in found.items() if cell is not None}
        kept = getattr(self, "attributes", {})
        attributes = kept if isinstance(kept, dict) else {name: name for name in kept}
        return Shape(self.record, cells, attributes, {c: tuple(v) for c, v in self.where.items()}, lenient=True)


_ATTRIBUTES: Any = Field({}, description="further columns to keep, by name; as a table: attribute = column")


class AccountsMapping(RecordMapping):
    """Each row describes an account."""

    record = ACCOUNTS
    account_id: TextCell
    created_at: TimeCell | None = None
    status: TextCell | None = None
    organisation_id: TextCell | None = None
    country: TextCell | None = None
    plan: TextCell | None = None
    display_name: TextCell | None = None
    attributes: list[str] | dict[str, str] = _ATTRIBUTES


class OrganisationsMapping(RecordMapping):
    """Each row describes an organisation."""

    record = ORGANISATIONS
    organisation_id: TextCell
    name: TextCell | None = None
    domain: TextCell | None = None
    country: TextCell | None = None
    registration_number: TextCell | None = None
    attributes: list[str] | dict[str, str] = _ATTRIBUTES


class ObservationsMapping(RecordMapping):
    """Each row says that a subject used an identifier."""

    record = OBSERVATIONS
    account_id: TextCell | None = None
    organisation_id: TextCell | None = None
    kind: KindCell
    value: TextCell
    first_seen: TimeCell | None = None
    last_seen: TimeCell | None = None
    count: TextCell | None = None
    source: TextCell | None = None


class UsageMapping(RecordMapping):
    """Each row counts what an account used in an hour."""

    record = USAGE
    account_id: TextCell
    window_start: TimeCell
    model: TextCell | None = None
    endpoint: TextCell | None = None
    requests: TextCell | None = None
    input_tokens: TextCell | None = None
    output_tokens: TextCell | None = None


class DecisionsMapping(RecordMapping):
    """Each row is what somebody said about two subjects."""

    record = DECISIONS
    left: TextCell
    right: TextCell
    judgement: TextCell
    author: TextCell | None = None
    reason: TextCell | None = None
    decided_at: TimeCell | None = None


class FileMapping(BaseModel):
    """A file, by its name, and the records that each of its rows makes."""

    model_config = _STRICT

    name: str = Field(min_length=1, description="the file's name; * stands for anything")
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="what parts the cells; unset: found out"
    )
    encoding: str | None = Field(None, description="unset: UTF-8, or UTF-16 where the file begins like it")
    accounts: list[AccountsMapping] = []
    organisations: list[OrganisationsMapping] = []
    observations: list[ObservationsMapping] = []
    usage: list[UsageMapping] = []
    decisions: list[DecisionsMapping] = []

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError as error:
            raise ValueError(f"no encoding is called {encoding}") from error
        return encoding

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if not self.shapes:
            raise ValueError(f"the file makes nothing: add {' or '.join(f'[[file.{name}]]' for name in RECORDS)}")
        return self

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """What each row makes, in the order of the records' table."""
        return tuple(made.shape for record in RECORDS for made in getattr(self, record))


class Mapping(BaseModel):
    """A mapping file as a whole. Canonical files that it does not name load as they are."""

    model_config = _STRICT

    about: str | None = Field(None, description="what the mapping is for")
    phone_region: str | None = Field(
        None, pattern="^[A-Z]{2}$", description="region of phone numbers without + and of dates such as 3/4/1970"
    )
    file: list[FileMapping] = []
    #: the TOML it was read from, kept with rejections so that they can be replayed
    _text: str = PrivateAttr("")

    @property
    def text(self) -> str:
        """The TOML the mapping was read from."""
        return self._text

    @classmethod
    def load(cls, path: str | Path) -> Mapping:
        """Read a mapping file; raise `BadMapping` with every fault, its line and its column."""
        try:
            text = Path(path).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise BadMapping(f"{path} cannot be read: {error}", next_step="Give the path of a TOML file.") from error
        return cls.parse(text, name=str(path))

    @classmethod
    def parse(cls, text: str, *, name: str = "the mapping") -> Mapping:
        """Read a mapping from its text; `name` is what messages call it."""
        next_step = "docs/mappings.md has the whole format and examples."
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BadMapping(f"{name} is no TOML: {error}", next_step=next_step) from error
        try:
            mapping = cls.model_validate(values)
        except ValidationError as error:
            faults = sorted(_fault(places(text), fault) for fault in error.errors())
            details = [f"line {line}, column {column}: {told}" for (line, column), told in faults]
            counted = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
            raise BadMapping(f"{name} has {counted}", details=details, next_step=next_step) from error
        mapping._text = text
        return mapping


def _fault(found: dict[Path_, Place], fault: ErrorDetails) -> tuple[Place, str]:
    told = fault["msg"].removeprefix("Value error, ")
    told = {"missing": "is missing", "extra_forbidden": "is no key that this table has"}.get(fault["type"], told)
    path = fault["loc"]
    # A choice between types adds the type's name to the path; only what stands in the text can be pointed at.
    shown = ".".join(str(part + 1) if isinstance(part, int) else part for part in path if not _is_type_name(part))
    return nearest(found, path), f"{shown}: {told[:1].lower()}{told[1:]}" if shown else told


def _is_type_name(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part)
