"""A subject: what gets linked, an account or an organisation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SubjectType(StrEnum):
    """What a subject is."""

    ACCOUNT = "account"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """An account or an organisation, by the provider's own id."""

    type: SubjectType
    id: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", SubjectType(self.type))
        if not self.id:
            raise ValueError("a subject needs an id")

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    @classmethod
    def account(cls, account_id: str) -> Subject:
        """The account of that id."""
        return cls(SubjectType.ACCOUNT, account_id)

    @classmethod
    def organisation(cls, organisation_id: str) -> Subject:
        """The organisation of that id."""
        return cls(SubjectType.ORGANISATION, organisation_id)

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Read `account:ID`, `organisation:ID`, or a bare account id."""
        head, colon, tail = text.partition(":")
        if colon and tail and head in SubjectType.__members__.values():
            return cls(SubjectType(head), tail)
        return cls(SubjectType.ACCOUNT, text)
