"""Everything that can go wrong, drawn as a tree by who must act.

    LinkageError
    ├── CallerError      the call is wrong: mend the call           exit 2, HTTP 4xx
    │   ├── BadInput         BAD_USER_INPUT
    │   ├── NotFound         NOT_FOUND
    │   ├── Conflict         CONFLICT
    │   ├── FellBehind       FELL_BEHIND
    │   ├── Unauthenticated  UNAUTHENTICATED
    │   ├── Forbidden        FORBIDDEN
    │   ├── UnknownDocument  PERSISTED_QUERY_NOT_FOUND
    │   └── TooMuch          call again later
    │       ├── RateLimited      RATE_LIMITED      HTTP 429
    │       └── Overloaded       OVERLOADED        HTTP 503
    ├── DataError        the data is wrong: mend the file           exit 1, HTTP 422
    │   ├── UnreadableFile   UNREADABLE_FILE
    │   ├── BadMapping       BAD_MAPPING
    │   ├── BadModel         BAD_MODEL
    │   ├── BadLabels        BAD_LABELS
    │   └── BadReference     BAD_REFERENCE
    └── OperatorError    the installation is wrong: call the operator   exit 1, HTTP 503
        ├── DatabaseUnavailable   DATABASE_UNAVAILABLE
        ├── LedgerUnavailable     LEDGER_UNAVAILABLE
        ├── LedgerDamaged         LEDGER_DAMAGED
        ├── LocalServerFailed     LOCAL_SERVER_FAILED
        ├── StorageFull           STORAGE_FULL
        ├── KeysUnreadable        KEYS_UNREADABLE
        ├── IdentityProviderUnavailable   IDENTITY_PROVIDER_UNAVAILABLE
        ├── AuditUnavailable      AUDIT_UNAVAILABLE
        ├── AuditDamaged          AUDIT_DAMAGED
        └── BadSettings           BAD_SETTINGS

An error carries a message (what is wrong, in the user's words) and a next step (what to do now).
It becomes a GraphQL error, an HTTP answer or an exit status in one place each:
`linkage.api.errors`, `linkage.server.errors`, `linkage.cli`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class LinkageError(Exception):
    """Base of every error that is meant to be read by a person."""

    code: ClassVar[str] = "INTERNAL"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, next_step: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        #: all the faults of one input, one line each
        self.details = tuple(details)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {line}" for line in self.details)]
        if self.next_step:
            lines.append(self.next_step)
        return "\n".join(lines)


class CallerError(LinkageError):
    """The call cannot be answered as it stands."""

    code = "BAD_USER_INPUT"
    exit_status = 2
    http_status = 400


class BadInput(CallerError):
    """An argument is out of its range or malformed."""


class NotFound(CallerError):
    """Nothing of that name exists."""

    code = "NOT_FOUND"
    exit_status = 1
    http_status = 404


class Conflict(CallerError):
    """The call contradicts what is under way or already recorded."""

    code = "CONFLICT"
    exit_status = 1
    http_status = 409


class FellBehind(CallerError):
    """A consumer took too long; the next step says where to go on."""

    code = "FELL_BEHIND"
    exit_status = 1
    http_status = 408


class Unauthenticated(CallerError):
    """Who calls is not known: no key was shown, or one that is wrong, expired or revoked."""

    code = "UNAUTHENTICATED"
    exit_status = 1
    http_status = 401


class Forbidden(CallerError):
    """Who calls is known, and may not do that."""

    code = "FORBIDDEN"
    exit_status = 1
    http_status = 403


class UnknownDocument(CallerError):
    """No trusted document has that id."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    exit_status = 1


class TooMuch(CallerError):
    """The call is right and comes too soon; `retry_after`: in how many seconds it may come again."""

    def __init__(self, message: str, *, retry_after: int, next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.retry_after = retry_after


class RateLimited(TooMuch):
    """The caller spent, or has under way, all that it may."""

    code = "RATE_LIMITED"
    exit_status = 1
    http_status = 429


class Overloaded(TooMuch):
    """Others keep the service busy."""

    code = "OVERLOADED"
    exit_status = 1
    http_status = 503


class DataError(LinkageError):
    """A file holds something that cannot be taken as a whole (single bad rows are rejections, not errors)."""

    code = "BAD_DATA"
    http_status = 422


class UnreadableFile(DataError):
    """The file is missing, of an unknown format, or broken beyond single rows."""

    code = "UNREADABLE_FILE"


class BadMapping(DataError):
    """A mapping file has faults; `details` names each with its line and column."""

    code = "BAD_MAPPING"


class BadModel(DataError):
    """A model table has faults; `details` names each."""

    code = "BAD_MODEL"


class BadLabels(DataError):
    """What is to teach a model cannot: too little of it, or of other accounts; `details` names each fault."""

    code = "BAD_LABELS"


class BadReference(DataError):
    """A reference file has faults; `details` names each with its line."""

    code = "BAD_REFERENCE"


class OperatorError(LinkageError):
    """The installation cannot do what was asked until somebody mends it."""

    code = "UNAVAILABLE"
    http_status = 503


class DatabaseUnavailable(OperatorError):
    """Neo4j does not answer, or refuses us."""

    code = "DATABASE_UNAVAILABLE"


class LedgerUnavailable(OperatorError):
    """The ledger's storage cannot be read or written."""

    code = "LEDGER_UNAVAILABLE"


class LedgerDamaged(OperatorError):
    """`linkage ledger verify` found files missing or changed."""

    code = "LEDGER_DAMAGED"


class LocalServerFailed(OperatorError):
    """The managed local Neo4j could not be fetched, started or stopped."""

    code = "LOCAL_SERVER_FAILED"


class StorageFull(OperatorError):
    """Too little room is left on the disk to take anything more."""

    code = "STORAGE_FULL"


class KeysUnreadable(OperatorError):
    """The file of API keys cannot be read, or holds what we did not write."""

    code = "KEYS_UNREADABLE"


class IdentityProviderUnavailable(OperatorError):
    """The identity provider does not answer, or with what cannot be its own: tokens cannot be checked."""

    code = "IDENTITY_PROVIDER_UNAVAILABLE"


class AuditUnavailable(OperatorError):
    """The audit cannot be written: what must be accounted for is not answered."""

    code = "AUDIT_UNAVAILABLE"


class AuditDamaged(OperatorError):
    """`linkage audit verify` found records changed, removed, reordered, inserted or cut."""

    code = "AUDIT_DAMAGED"


class BadSettings(OperatorError):
    """The environment or the settings file holds a value that makes no sense."""

    code = "BAD_SETTINGS"
