"""What a connection shows of who calls: an `Authorization`, or the cookie of a browser that is signed in.

A browser sends its cookie whoever's page asks it to. So a cookie alone says nothing: it counts beside the session's
token, which only our own pages know and can send, and not from a page of another origin; of sockets too.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from linkage.access.admission import Admission
from linkage.access.caller import Caller
from linkage.access.sessions import Session, Sessions
from linkage.model.loopback import is_loopback
from linkage.settings import Settings

#: Where our pages say their session's token: in this header, and for sockets in their first message.
TOKEN_HEADER = "x-linkage-session"  # noqa: S105 - a name
TOKEN_MEMBER = "session"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that scripts cannot read, and that no other host can set where the service is reached by TLS."""

    name: str
    secure: bool
    #: `strict`: no other site's page or link makes the browser send it
    same_site: str = "strict"

    def read(self, connection: HTTPConnection) -> str | None:
        return connection.cookies.get(self.name)

    def give(self, response: Response, value: str, seconds: int) -> None:
        """Have the browser keep it so long."""
        self._set(response, value, seconds)

    def take(self, response: Response) -> None:
        """Have the browser forget it."""
        self._set(response, "", 0)

    def _set(self, response: Response, value: str, seconds: int) -> None:
        flags = f"Path=/; Max-Age={seconds}; HttpOnly; SameSite={self.same_site}" + "; Secure" * self.secure
        response.headers.append("set-cookie", f"{self.name}={value}; {flags}")


def cookie_of(settings: Settings, purpose: str, *, same_site: str = "strict") -> Cookie:
    """The cookie of that purpose; with the port in its name on this machine, where ports share their cookies."""
    reached = settings.host if settings.public_url is None else urlsplit(settings.public_url).hostname
    if not is_loopback(reached or ""):
        return Cookie(f"__Host-linkage-{purpose}", True, same_site)
    return Cookie(f"linkage-{purpose}-{settings.port}", False, same_site)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who calls, whatever they show."""

    admission: Admission
    sessions: Sessions
    cookie: Cookie
    #: where browsers reach us; None: at whatever host they ask for
    public_url: str | None = None

    async def caller(self, connection: HTTPConnection, said: Mapping[str, object] | None = None) -> Caller | None:
        """Who calls; `said`: what a socket's first message holds. None: nobody we know."""
        shown = self.shown(connection, said)
        if shown is None:
            session = self.session(connection)
            token = connection.headers.get(TOKEN_HEADER) or (said or {}).get(TOKEN_MEMBER)
            if session is not None and self._is_ours(connection, session, token):
                return await self.still(connection, session)
        return await self.admission.admit(shown)

    @staticmethod
    def shown(connection: HTTPConnection, said: Mapping[str, object] | None = None) -> object:
        """The credentials that come along, good or not; None: there are none."""
        header = connection.headers.get("authorization")
        return header if header is not None else (said or {}).get("authorization")

    def session(self, connection: HTTPConnection) -> Session | None:
        """The session whose cookie comes along. It is known by it, and nothing is allowed yet."""
        identity = self.cookie.read(connection)
        return self.sessions.find(identity) if identity else None

    async def still(self, connection: HTTPConnection, session: Session) -> Caller | None:
        """Whose session it is, as they stand now; it ends where they would not be let in any more."""
        caller = await self.admission.still(session.caller)
        if caller is None:
            self.sessions.close(self.cookie.read(connection) or "")
        return caller

    def begin(self, connection: HTTPConnection, caller: Caller) -> tuple[str, Session]:
        """Begin a session in the place of the one that the browser had; what its cookie is to hold, and the session."""
        self.sessions.close(self.cookie.read(connection) or "")
        return self.sessions.open(caller)

    def is_foreign(self, connection: HTTPConnection) -> bool:
        """Whether a page of another origin asks, as far as a browser says so; programs say nothing."""
        origin = connection.headers.get("origin")
        if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        return origin is not None and not self.is_own(origin, connection.headers.get("host", ""))

    def is_own(self, origin: str, host: str) -> bool:
        """Whether an `Origin` is where our own pages come from."""
        if self.public_url is not None:
            return origin == self.public_url
        try:
            return urlsplit(origin).netloc == host != ""
        except ValueError:
            return False

    def _is_ours(self, connection: HTTPConnection, session: Session, token: object) -> bool:
        if self.is_foreign(connection) or not isinstance(token, str):
            return False
        return hmac.compare_digest(token.encode(), session.token.encode())
