"""The record files: their columns, what each holds, and which are required. The public load format as a table.

The ledger's columns follow from these (`arrow`); a test holds both together, since stages do not import each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")


class Type(StrEnum):
    """What a column's cells are read as."""

    ID = "id"
    TEXT = "text"
    TIME = "time"
    WHOLE = "whole"
    KIND = "kind"
    VALUE = "value"
    SUBJECT = "subject"
    JUDGEMENT = "judgement"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a record file; `least` and `default` go for whole numbers."""

    name: str
    type: Type
    about: str
    required: bool = False
    least: int = 0
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A kind of record file. `either` names columns of which one must be there; `ledger` is the table's schema."""

    name: str
    about: str
    columns: tuple[Column, ...]
    ledger: pa.Schema
    either: tuple[str, ...] = ()
    attributes: bool = False

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that must be there, and filled."""
        return tuple(column.name for column in self.columns if column.required)


def _text(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.string()) for name in names]


ACCOUNTS = Record(
    "accounts",
    "accounts as the provider describes them",
    (
        Column("account_id", Type.ID, "the provider's own id", required=True),
        Column("created_at", Type.TIME, "when it was opened"),
        Column("status", Type.TEXT, "the provider's own word: active, suspended, …"),
        Column("organisation_id", Type.ID, "the organisation it belongs to"),
        Column("country", Type.TEXT, "country, best as ISO 3166 code"),
        Column("plan", Type.TEXT, "what it pays for"),
        Column("display_name", Type.TEXT, "the name it shows"),
    ),
    pa.schema(
        [
            *_text("account_id"),
            ("created_at", TIME),
            *_text("status", "organisation_id", "country", "plan", "display_name", "attributes"),
        ]
    ),
    attributes=True,
)
ORGANISATIONS = Record(
    "organisations",
    "organisations that accounts belong to",
    (
        Column("organisation_id", Type.ID, "the provider's own id", required=True),
        Column("name", Type.TEXT, "its name"),
        Column("domain", Type.TEXT, "its domain"),
        Column("country", Type.TEXT, "country, best as ISO 3166 code"),
        Column("registration_number", Type.TEXT, "its number in a public register"),
    ),
    pa.schema(_text("organisation_id", "name", "domain", "country", "registration_number", "attributes")),
    attributes=True,
)
OBSERVATIONS = Record(
    "observations",
    "who used which identifier, when, how often",
    (
        Column("account_id", Type.ID, "the account that used it (or organisation_id)"),
        Column("organisation_id", Type.ID, "the organisation that used it, where account_id is empty"),
        Column("kind", Type.KIND, "kind of identifier: email, ip, device, …", required=True),
        Column("value", Type.VALUE, "the identifier, in any usual spelling", required=True),
        Column("first_seen", Type.TIME, "when it was first used; empty: as last_seen"),
        Column("last_seen", Type.TIME, "when it was last used; empty: as first_seen"),
        Column("count", Type.WHOLE, "how often; empty: once", least=1, default=1),
        Column("source", Type.TEXT, "the system that saw it"),
    ),
    pa.schema(
        [
            *_text("subject_type", "subject_id", "kind", "value", "raw"),
            ("first_seen", TIME),
            ("last_seen", TIME),
            ("count", pa.int64()),
            *_text("source"),
        ]
    ),
    either=("account_id", "organisation_id"),
)
USAGE = Record(
    "usage",
    "requests and tokens of an account in an hour",
    (
        Column("account_id", Type.ID, "the account", required=True),
        Column("window_start", Type.TIME, "start of the hour", required=True),
        Column("model", Type.TEXT, "the model that was used"),
        Column("endpoint", Type.TEXT, "the endpoint that was called"),
        Column("requests", Type.WHOLE, "number of requests", default=0),
        Column("input_tokens", Type.WHOLE, "tokens sent", default=0),
        Column("output_tokens", Type.WHOLE, "tokens received", default=0),
    ),
    pa.schema(
        [
            *_text("account_id"),
            ("window_start", TIME),
            *_text("model", "endpoint"),
            ("requests", pa.int64()),
            ("input_tokens", pa.int64()),
            ("output_tokens", pa.int64()),
        ]
    ),
)
DECISIONS = Record(
    "decisions",
    "what people said about two subjects",
    (
        Column("left", Type.SUBJECT, "an account's id, or `account:ID`, `organisation:ID`", required=True),
        Column("right", Type.SUBJECT, "the other subject", required=True),
        Column("judgement", Type.JUDGEMENT, "same, different or undecided", required=True),
        Column("author", Type.TEXT, "who said so"),
        Column("reason", Type.TEXT, "why"),
        Column("decided_at", Type.TIME, "when"),
    ),
    pa.schema(
        [
            *_text("decision_id", "left", "right", "left_members", "right_members", "judgement", "author", "reason"),
            ("decided_at", TIME),
        ]
    ),
)

RECORDS: dict[str, Record] = {
    record.name: record for record in (ACCOUNTS, ORGANISATIONS, OBSERVATIONS, USAGE, DECISIONS)
}
#: Recognised so that a data set with its truth loads; only `linkage evaluate` reads it.
TRUTH = "truth"

REJECTIONS = pa.schema(
    [
        *_text("rejection_id", "batch_id", "record", "file"),
        ("line", pa.int64()),
        *_text("column", "code", "reason", "raw", "mapping"),
        ("rejected_at", TIME),
    ]
)
