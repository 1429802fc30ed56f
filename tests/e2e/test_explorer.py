"""The GraphQL explorer in a real browser, on a real service: what a newcomer does on the first day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

WEB = Path(__file__).parents[2] / "web"
SAVED = sorted(WEB.glob("investigations/[0-9]*.graphql"))
READS = [path for path in SAVED if "\nmutation " not in path.read_text()]
WRITES = [path for path in SAVED if path not in READS]
#: the first test also starts a Neo4j and loads a world
pytestmark = pytest.mark.timeout(600)
BOTH_SCHEMES = pytest.mark.parametrize("page", ["light", "dark"], indirect=True)


def title_of(path: Path) -> str:
    return path.read_text().splitlines()[0].removeprefix("# ")


def steps(page: Page, path: Path) -> Any:
    return page.locator(".walk-steps button", has_text=title_of(path))


def answer(page: Page, holding: str = "") -> dict[str, Any]:
    """The answer that the response editor shows, once it is a whole one (and holds a field of that name)."""
    shown = page.wait_for_function(
        """(holding) => {
            const model = window.__MONACO.editor.getModels().find((m) => m.uri.path.includes('response'));
            try {
                const answer = JSON.parse(model.getValue());
                return !holding || holding in (answer.data ?? {}) ? answer : null;
            } catch { return null; }
        }""",
        arg=holding,
    )
    return dict(shown.json_value())


def variables(page: Page) -> dict[str, Any]:
    return dict(
        json.loads(
            page.evaluate("window.__MONACO.editor.getModels().find((m) => m.uri.path.includes('variables')).getValue()")
        )
    )


def test_the_page_opens_with_the_largest_clusters_and_one_key_shows_them(page: Page) -> None:
    assert page.inner_text(".bar-caller") == "demo admin"
    page.click("button.graphiql-execute-button")
    clusters = answer(page)["data"]["clusters"]["nodes"]
    sizes = [cluster["size"] for cluster in clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2


@pytest.mark.parametrize("path", READS, ids=lambda path: path.stem)
def test_a_step_that_reads_runs_by_one_click_and_answers(page: Page, path: Path) -> None:
    steps(page, path).click()
    found = answer(page)
    assert "errors" not in found
    assert all(part is not None for part in found["data"].values())


def test_the_walk_leads_into_the_cluster_that_was_chosen(page: Page) -> None:
    chosen = page.locator("#walk-choice option").nth(1)
    page.select_option("#walk-choice", index=1)
    steps(page, SAVED[1]).click()
    cluster = answer(page, "cluster")["data"]["cluster"]
    assert variables(page)["cluster"] == chosen.get_attribute("value")
    assert f"{cluster['size']} members" in (chosen.text_content() or "")


def test_two_members_that_share_a_strong_identifier_are_linked_with_evidence(page: Page) -> None:
    why = next(path for path in SAVED if "why-linked" in path.name)
    steps(page, why).click()
    explanation = answer(page)["data"]["why"]
    assert explanation["linked"]
    assert explanation["evidence"][0]["bits"] > 0


def test_two_accounts_of_different_clusters_are_not_linked(page: Page) -> None:
    why_not = next(path for path in SAVED if "why-not" in path.name)
    steps(page, why_not).click()
    explanation = answer(page)["data"]["whyNot"]
    assert not explanation["linked"]


@pytest.mark.parametrize("path", WRITES, ids=lambda path: path.stem)
def test_a_step_that_writes_waits_for_the_reader(page: Page, path: Path) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    steps(page, path).click()
    page.wait_for_timeout(500)
    assert not any("mutation" in text for text in sent)
    page.click("button.graphiql-execute-button")
    assert "errors" not in answer(page)


def test_who_clicks_on_before_the_answer_sees_the_answer_of_the_last_step(page: Page) -> None:
    for path in READS[1:5]:
        steps(page, path).click()
    assert set(answer(page, "whyNot")["data"]) == {"whyNot"}


def test_each_step_has_a_tab_of_its_own(page: Page) -> None:
    for path in (SAVED[1], SAVED[2], SAVED[1]):
        steps(page, path).click()
    assert page.locator(".graphiql-tab").count() == 3


def test_a_reload_keeps_the_work(page: Page) -> None:
    steps(page, SAVED[1]).click()
    answer(page)
    page.wait_for_timeout(800)  # the page writes its tabs down half a second after the last change
    page.reload()
    page.wait_for_selector(".graphiql-query-editor .monaco-editor")
    assert page.locator(".graphiql-tab").count() == 2


def test_nothing_that_was_typed_outlives_the_tab_and_no_key_is_kept_at_all(page: Page) -> None:
    page.click("text=Headers")
    page.locator("section[aria-label='Headers'] .monaco-editor").last.click()
    page.keyboard.type('{"x-secret": "planted-key"')
    page.click("button.graphiql-execute-button")
    answer(page)
    page.wait_for_timeout(800)
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "planted-key" not in kept
    assert page.evaluate("Object.keys(localStorage).filter((key) => key !== 'graphiql:theme')") == []


def test_a_browser_signs_in_with_a_key_stays_so_and_signs_out(guarded_page: tuple[Page, str]) -> None:
    page, key = guarded_page
    page.click("button.graphiql-execute-button")
    assert answer(page)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    page.fill("#api-key", f"{key}x")
    page.press("#api-key", "Enter")
    page.wait_for_selector(".bar-key [role=alert]:has-text('no key')")
    page.fill("#api-key", key)
    page.press("#api-key", "Enter")
    page.wait_for_selector(".bar-holdings")
    assert page.inner_text(".bar-caller span") == "a test analyst"
    steps(page, SAVED[0]).click()
    page.wait_for_function("() => document.querySelector('.graphiql-response').innerText.includes('totalCount')")
    assert page.evaluate("document.cookie") == ""
    page.reload()
    page.wait_for_selector(".bar-caller:has-text('a test')")
    assert key not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    page.click("text=Sign out")
    page.wait_for_selector("#api-key")
    assert page.locator(".bar-caller").count() == 0


def test_the_documentation_tells_what_a_field_is(page: Page) -> None:
    page.click("button[aria-label='Show Documentation Explorer']")
    page.click(".graphiql-doc-explorer-content a:has-text('Query')")
    assert page.locator(".graphiql-doc-explorer-content a:has-text('clusters')").count()


@BOTH_SCHEMES
def test_everybody_can_read_and_reach_it(page: Page) -> None:
    page.click("button.graphiql-execute-button")
    answer(page)
    axe = WEB / "node_modules" / "axe-core" / "axe.min.js"
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    broken = [
        f"{rule['id']}: {rule['help']} ({rule['nodes'][0]['html'][:200]})"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert broken == []
