"""Pages: GraphiQL from our own bundle, under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
GRAPHIQL = STATIC / "graphiql" / "index.html"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
PAGE_HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>linkage</title>
<h1>The explorer is not built</h1>
<p>Run <code>make web</code> (it needs Node), then reload. The API itself is up: send your operations to
<code>POST /graphql</code>.</p></html>"""


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and not for the answer to a query."""
    return (
        request.method in ("GET", "HEAD")
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def explorer() -> Response:
    """The GraphiQL page, or a page that says how to get it."""
    if not GRAPHIQL.is_file():
        return HTMLResponse(NOT_BUILT, headers=PAGE_HEADERS)
    return FileResponse(GRAPHIQL, media_type="text/html", headers=PAGE_HEADERS)


async def home(request: Request) -> Response:
    """The way in: the explorer, until there is more to see."""
    return RedirectResponse("/graphql", 307, headers={"Cache-Control": "no-store"})


class Bundle(StaticFiles):
    """The built files: names with a hash never change, others are asked for each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        forever = "/assets/" in f"/{path}"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
        response.headers["Content-Security-Policy"] = POLICY
        return response
