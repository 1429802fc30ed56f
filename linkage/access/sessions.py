"""Sessions of browsers: a random id in a cookie, and what it stands for in this process's memory.

Kept here and not in the cookie itself, so that signing out ends a session for good and a copy of the cookie with it. A
restart ends all; people sign in again. The caller is asked for anew at each request (`Admission.still`): a session
lasts no longer than the key that began it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from linkage.access.caller import Caller

#: How long a session lasts at most, and unused (seconds).
LONGEST = 8 * 3_600
IDLE = 3_600
#: So many are held of one caller, and of all; the oldest go.
EACH = 20
MOST = 10_000


@dataclass(slots=True)
class Session:
    """Somebody's browser, signed in."""

    caller: Caller
    #: what the service's own pages say with each request, and others cannot know
    token: str
    began: float
    used: float


class Sessions:
    """The sessions there are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: in the order in which they began
        self._held: dict[str, Session] = {}
        #: a caller's id → the ids of their sessions, in that order too
        self._own: dict[str, dict[str, None]] = {}

    def open(self, caller: Caller) -> tuple[str, Session]:
        """Begin a session; its id is for the browser's cookie alone."""
        self._make_room(caller)
        now = self._clock()
        session = Session(caller, secrets.token_urlsafe(32), now, now)
        identity = secrets.token_urlsafe(32)
        self._held[identity] = session
        self._own.setdefault(caller.id, {})[identity] = None
        return identity, session

    def find(self, identity: str) -> Session | None:
        """The session of that id, which is in use by this; None: there is none, or no more."""
        session = self._held.get(identity)
        if session is None:
            return None
        if self._is_over(session):
            self.close(identity)
            return None
        session.used = self._clock()
        return session

    def close(self, identity: str) -> None:
        """End a session."""
        session = self._held.pop(identity, None)
        if session is None:
            return
        own = self._own[session.caller.id]
        del own[identity]
        if not own:
            del self._own[session.caller.id]

    def _is_over(self, session: Session) -> bool:
        now = self._clock()
        return now - session.began >= LONGEST or now - session.used >= IDLE

    def _make_room(self, caller: Caller) -> None:
        """Close the oldest where there are as many as there may be. What is over goes when it is met."""
        own = self._own.get(caller.id, {})
        if len(own) >= EACH:
            self.close(next(iter(own)))
        if len(self._held) >= MOST:
            self.close(next(iter(self._held)))
