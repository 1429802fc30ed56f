"""Pages: from our own bundle, under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from linkage.server import pages

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_browser_gets_the_page_and_nothing_else_does(client: TestClient) -> None:
    response = client.get("/graphql", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-cache"
    assert client.get("/graphql").status_code == 400
    assert client.get("/graphql", params={"query": "{ __typename }"}, headers=BROWSER).json()["data"]


def test_the_way_in_leads_to_the_explorer(client: TestClient) -> None:
    response = client.get("/", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "/graphql")


def test_a_page_that_is_not_built_says_how_to_build_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "GRAPHIQL", tmp_path / "index.html")
    assert "make web" in client.get("/graphql", headers=BROWSER).text
    (tmp_path / "index.html").write_text("<!doctype html><title>explorer</title>")
    assert "explorer" in client.get("/graphql", headers=BROWSER).text


def test_files_with_a_hash_in_their_name_are_kept_for_ever(tmp_path: Path) -> None:
    (tmp_path / "graphiql" / "assets").mkdir(parents=True)
    (tmp_path / "graphiql" / "assets" / "main-1a2b.js").write_text("1")
    (tmp_path / "graphiql" / "index.html").write_text("<title>x</title>")
    client = TestClient(pages.Bundle(directory=tmp_path))
    hashed = client.get("/graphiql/assets/main-1a2b.js")
    assert "immutable" in hashed.headers["cache-control"]
    assert "javascript" in hashed.headers["content-type"]
    assert client.get("/graphiql/index.html").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/graphiql/../../app.py", "/nowhere"]
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (404, 405)
    assert "Starlette" not in response.text
