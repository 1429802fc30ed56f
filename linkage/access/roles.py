"""What a caller is to the service. A key has one role; the table says what it may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """From the least to the most, but for `service`, which sends and looks up."""

    #: looks at clusters and evidence, every value masked
    VIEWER = "viewer"
    #: a program: sends facts, looks up single accounts and identifiers, every value masked
    SERVICE = "service"
    #: searches, and may have single values shown for a purpose
    INVESTIGATOR = "investigator"
    #: an investigator who also decides, withdraws and starts resolutions
    ANALYST = "analyst"
    #: everything, keys and the audit included
    ADMIN = "admin"


EVERYONE = frozenset(Role)
REVEALERS = frozenset({Role.INVESTIGATOR, Role.ANALYST, Role.ADMIN})
DECIDERS = frozenset({Role.ANALYST, Role.ADMIN})
SENDERS = frozenset({Role.SERVICE, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
