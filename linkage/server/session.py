"""/session: a browser signs in with a key, learns who it is signed in as, and signs out.

A page of another origin can do none of this: what changes something is taken only from our own (`Origin`), and what
is answered is for our own to read. A wrong key and an unknown one are refused in the same words.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from linkage.access.admission import PREFIX
from linkage.access.caller import Caller
from linkage.access.sessions import LONGEST, Session
from linkage.audit.record import Record
from linkage.errors import LinkageError
from linkage.server.answers import HttpError, answer, of_error
from linkage.server.entrance import Entrance
from linkage.server.failures import Failures
from linkage.server.graphql import decode

FOREIGN = "only a page of this service itself may do that"
NO_GOOD_KEY = "that is no key, or one that counts no more"
SIGN_IN = "POST /session"
SIGN_OUT = "DELETE /session"

T = TypeVar("T")


class SessionEndpoint:
    """Sessions of browsers."""

    def __init__(self, entrance: Entrance, failures: Failures, *, with_provider: bool) -> None:
        self.entrance = entrance
        self.failures = failures
        #: whether one can also sign in at an identity provider
        self.with_provider = with_provider

    async def show(self, request: Request) -> Response:
        """Who is signed in, and the token that their pages say with each request; nobody, in a page of others."""
        if self.entrance.is_foreign(request):
            raise HttpError(403, FOREIGN, "FORBIDDEN")
        session = self.entrance.session(request)
        caller = await told(self.entrance.still(request, session)) if session is not None else None
        if session is None or caller is None:
            return self._answer(self.entrance.admission.anonymous, None)
        return self._answer(caller, session)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session with a key."""
        self._must_be_ours(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HttpError(415, "send the key as application/json")
        given = decode(await request.body())
        key = given.get("key") if isinstance(given, dict) else None
        if not isinstance(key, str) or not key.strip():
            raise HttpError(400, 'send the key as {"key": "lk_…"}')
        caller = await told(self.entrance.admission.admit(f"Bearer {key.strip()}"))
        # A token of a provider counts as long as it says; a session would outlive it.
        if caller is None or not caller.id.startswith(PREFIX):
            self._note(request)
            raise HttpError(401, NO_GOOD_KEY, "UNAUTHENTICATED", WWW_Authenticate="Bearer")
        await account(request, caller, SIGN_IN)
        identity, session = self.entrance.begin(request, caller)
        response = self._answer(caller, session)
        self.entrance.cookie.give(response, identity, LONGEST)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session; whoever has none is signed out already."""
        self._must_be_ours(request)
        identity = self.entrance.cookie.read(request)
        session = self.entrance.session(request)
        if identity and session is not None:
            self.entrance.sessions.close(identity)
            await account(request, session.caller, SIGN_OUT)
        response = self._answer(self.entrance.admission.anonymous, None)
        self.entrance.cookie.take(response)
        return response

    def _note(self, request: Request) -> None:
        try:
            self.failures.note(request.scope)
        except LinkageError as error:
            raise of_error(error) from error

    def _must_be_ours(self, request: Request) -> None:
        if "origin" not in request.headers or self.entrance.is_foreign(request):
            raise HttpError(403, FOREIGN, "FORBIDDEN")

    def _answer(self, caller: Caller | None, session: Session | None) -> Response:
        content: dict[str, Any] = {
            "caller": None if caller is None else {"name": caller.name, "role": caller.role},
            "token": None if session is None else session.token,
            "provider": self.with_provider,
        }
        return answer(content)


async def account(request: Request, caller: Caller, what: str) -> None:
    """Write a sign-in or a sign-out into the audit; one that cannot be written is none."""
    record = Record(caller.id, caller.name, caller.role, "session", [what])
    await told(request.app.state.parts.audit.write(record))


async def told(awaited: Awaitable[T]) -> T:
    """What is awaited; one of our errors as an answer over HTTP."""
    try:
        return await awaited
    except LinkageError as error:
        raise of_error(error) from error
