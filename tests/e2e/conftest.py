"""A running service with a world in it, and a browser that looks at it as a person would."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).parent / "linkage")
PICTURES = ROOT / "out" / "e2e"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where the service listens."""

    origin: str

    @property
    def explorer(self) -> str:
        return f"{self.origin}/graphql"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"linkage {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def await_ready(site: Site, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.poll() is None, f"the service ended: {log.read_text()}"
        try:
            with urllib.request.urlopen(f"{site.origin}/readyz", timeout=5):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"the service was not ready in {PATIENCE} s: {log.read_text()}")


@contextmanager
def served(environment: dict[str, str], log: Path, *options: str) -> Iterator[Site]:
    """`linkage serve`, from when it is ready until it has ended in good order."""
    port = free_port()
    site = Site(f"http://127.0.0.1:{port}")
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [COMMAND, "serve", *options, "--port", str(port)], env=environment, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            await_ready(site, server, log)
            yield site
        finally:
            server.terminate()
            server.wait(timeout=60)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> dict[str, str]:
    """The environment of a fresh data folder, without any setting of the machine's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LINKAGE_")}
    data = tmp_path_factory.mktemp("site") / "data"
    return {**inherited, "LINKAGE_DATA": str(data), "LINKAGE_CACHE": str(cache)}


@pytest.fixture(scope="module")
def site(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service with a managed Neo4j of its own, and a small world loaded and resolved beside it."""
    world = tmp_path_factory.mktemp("world")
    run(environment, "scenario", "mixed", "--accounts", "1000", "--seed", "7", "--out", str(world))
    with served(environment, tmp_path_factory.mktemp("logs") / "serve.log", "--demo") as site:
        run(environment, "load", str(world))
        run(environment, "resolve")
        yield site


@pytest.fixture(scope="module")
def guarded_site(
    site: Site, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, str]]:
    """A second service on the same data that wants a key, and the key."""
    key = run(environment, "keys", "create", "a test", "--role", "analyst").strip()
    with served(environment, tmp_path_factory.mktemp("logs") / "guarded.log") as guarded:
        yield guarded, key


# Playwright keeps an event loop running in this thread: it must end with the browser tests, for those after them.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "these tests need Chromium: run `make browser`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass(slots=True)
class Witness:
    """What the browser did behind the page's back."""

    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page, origin: str) -> None:
        own = (origin, origin.replace("http:", "ws:"), "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(own) else self.foreign.append(request.url))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


FAILED = pytest.StashKey[bool]()


@contextmanager
def opened(browser: Browser, site: Site, scheme: str, request: pytest.FixtureRequest) -> Iterator[tuple[Page, Witness]]:
    """The explorer in a window of its own; a picture of it is kept when the test fails."""
    context = browser.new_context(viewport={"width": 1400, "height": 850}, color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(120_000)  # a busy machine is slow, not wrong
    page, witness = context.new_page(), Witness()
    witness.watch(page, site.origin)
    page.goto(site.explorer)
    page.wait_for_selector(".graphiql-query-editor .monaco-editor")
    yield page, witness
    if request.node.stash.get(FAILED, False):
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture = PICTURES / f"{request.node.name}.png"
        page.screenshot(path=picture)
        print(f"what the browser showed: {picture}")
    context.close()


@pytest.fixture(params=["light"])
def page(site: Site, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The explorer, open and ready. Nothing may leave the origin and nothing may complain, whatever a test does."""
    with opened(browser, site, request.param, request) as (page, witness):
        page.wait_for_selector("#walk-choice option:not([value=''])", state="attached")
        yield page
    assert witness.foreign == []
    assert witness.complaints == []


@pytest.fixture
def guarded_page(
    guarded_site: tuple[Site, str], browser: Browser, request: pytest.FixtureRequest
) -> Iterator[tuple[Page, str]]:
    """The explorer of a service that wants a key, and the key. The browser itself reports each refusal."""
    site, key = guarded_site
    with opened(browser, site, "light", request) as (page, witness):
        yield page, key
    assert witness.foreign == []
    assert all("401" in complaint for complaint in witness.complaints)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember whether the test failed, so that its page can be photographed before it closes."""
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]
