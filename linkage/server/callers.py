"""Who calls over HTTP, and whether the table of access lets them to that endpoint: one middleware before all of them.

What has no row in the table is not there. Fields of GraphQL are held against the same table by the schema itself.
"""

from __future__ import annotations

from collections import defaultdict

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from linkage.access.caller import Caller
from linkage.access.table import OPEN_ENDPOINTS, TABLE, Action, action_of, roles_for
from linkage.audit.record import Record
from linkage.errors import Forbidden, LinkageError
from linkage.server.answers import HttpError, of_error, refuse
from linkage.server.doors import close_unopened
from linkage.server.entrance import Entrance
from linkage.server.failures import Failures

CALLER = "linkage.caller"
#: Pages, which hold no data: they are open where nothing is asked of them.
PAGES = frozenset({"/", "/graphql"})
#: Everything under these is one endpoint.
FOLDERS = {"/static/": "/static", "/v1/": "/v1/{record}"}


def _methods() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in (*TABLE, *OPEN_ENDPOINTS):
        method, space, path = row.partition(" ")
        if space:
            found[path].add(method)
    return dict(found)


#: Path → methods that have a row.
METHODS = _methods()


def show_a_key() -> HttpError:
    """What whoever shows no good key is told. Made anew each time: an error that was raised holds on to the request."""
    return HttpError(
        401,
        "show a key that is neither expired nor revoked (`Authorization: Bearer lk_…`), or sign in",
        "UNAUTHENTICATED",
        WWW_Authenticate="Bearer",
    )


class KnownCallers:
    """Lets a request through whose caller is known and may do that.

    A WebSocket may show its key later; one that a page of another origin opens goes no further.
    """

    def __init__(self, app: ASGIApp, entrance: Entrance, failures: Failures) -> None:
        self.app = app
        self.entrance = entrance
        self.failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                scope[CALLER] = await self._admitted(scope)
            except HttpError as error:
                await refuse(error)(scope, receive, send)
                return
        elif scope["type"] == "websocket" and self.entrance.is_foreign(HTTPConnection(scope)):
            await close_unopened(receive, send)
            return
        await self.app(scope, receive, send)

    async def _admitted(self, scope: Scope) -> Caller | None:
        path, method = endpoint_of(scope["path"]), "GET" if scope["method"] == "HEAD" else scope["method"]
        row = f"{method} {path}"
        if row in OPEN_ENDPOINTS or (path in PAGES and method == "GET" and not scope["query_string"]):
            return None
        connection = HTTPConnection(scope)
        try:
            caller = await self.entrance.caller(connection)
        except LinkageError as error:
            raise of_error(error) from error
        if caller is None:
            if self.entrance.shown(connection) is not None:
                self._note(scope)
            raise show_a_key()
        if path not in METHODS:
            raise HttpError(404, "there is nothing here", "NOT_FOUND")
        if method not in METHODS[path]:
            raise HttpError(405, f"that takes {' or '.join(sorted(METHODS[path]))}", Allow=", ".join(METHODS[path]))
        if action_of(caller.role, row) is Action.DENY:
            await _account(scope, caller, row)
            raise HttpError(403, f"the role {caller.role} may not do that; {roles_for(row)} may", "FORBIDDEN")
        return caller

    def _note(self, scope: Scope) -> None:
        try:
            self.failures.note(scope)
        except LinkageError as error:
            raise of_error(error) from error


async def _account(scope: Scope, caller: Caller, row: str) -> None:
    """Write a refusal down, as the schema does for what is asked of it."""
    try:
        await scope["app"].state.parts.audit.write(
            Record(caller.id, caller.name, caller.role, "request", [row], outcome=Forbidden.code)
        )
    except LinkageError as error:
        raise of_error(error) from error


def endpoint_of(path: str) -> str:
    """The path as the table has it."""
    return next((endpoint for folder, endpoint in FOLDERS.items() if path.startswith(folder)), path)
