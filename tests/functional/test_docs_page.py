"""The page of the API's description in a real browser, which may ask nobody but openstats."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.edge import Edge
from tests.functional import browser
from tests.functional.system import System

SIZE = {"width": 1400, "height": 1000}
LIGHT, DARK = "light", "dark"


@dataclass
class Visit:
    """A page as it was opened, and all that went wrong with it."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.wrong.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.asked.add(request.url))
        self.page.on("requestfailed", lambda request: self.wrong.append(request.url))
        self.page.on("response", self._answered)

    def _answered(self, response: Any) -> None:
        if not response.ok:
            self.wrong.append(f"{response.status} {response.url}")

    def open(self, place: str = "") -> None:
        self.page.goto(f"{self.url}/docs{place and f'#?route={place}'}")
        expect(self.operation("get", "/api/stats/usage/")).to_be_visible()

    def operation(self, method: str, path: str) -> Any:
        spelled = path.replace("{", "-").replace("}", "-")
        return self.page.locator(f'[id="link-{method}-{spelled}"]')

    def hosts(self) -> set[str]:
        """Give who was asked; what has no host is in the page itself."""
        return {urlsplit(url).netloc for url in self.asked} - {""}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.running() as found:
        yield found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve without any cloud."""
    home = tmp_path_factory.mktemp("docs")
    with Edge() as edge, System(home, {}, edge) as system, system.serving() as api:
        yield api.url


@pytest.fixture(params=[LIGHT, DARK])
def visit(chromium: Browser, url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with chromium.new_context(viewport=SIZE, color_scheme=request.param) as context:
        yield Visit(context.new_page(), url)


def described(url: str) -> list[tuple[str, str]]:
    """Give method and path of each operation of the document."""
    with build_opener(ProxyHandler({})).open(f"{url}/openapi.json", timeout=20) as answer:
        paths = json.load(answer)["paths"]
    return [(method, path) for path, operations in paths.items() for method in operations]


def test_every_operation_is_shown_and_nobody_else_is_asked(visit: Visit, tmp_path: Path) -> None:
    visit.open()
    operations = described(visit.url)
    assert len(operations) > 40
    for method, path in operations:
        shown = visit.operation(method, path)
        expect(shown).to_have_count(1)
        # The script leaves the slash at the end out.
        expect(shown).to_contain_text(path.rstrip("/"))
    visit.page.screenshot(path=tmp_path / "docs.png")
    assert visit.page.title() == "openstats: the HTTP API"
    assert visit.hosts() == {urlsplit(visit.url).netloc}
    assert visit.wrong == []


def test_an_operation_tells_its_parameters_and_can_be_tried(visit: Visit, tmp_path: Path) -> None:
    visit.open("get-/api/stats/customer/")
    expect(visit.page.get_by_text("instances of each customer")).to_be_visible()
    with visit.page.expect_response(f"{visit.url}/api/stats/customer/*") as answered:
        visit.page.get_by_role("button", name="Execute").click()
    assert answered.value.json() == []
    expect(visit.page.get_by_text("Response Status: OK")).to_be_visible()
    visit.page.screenshot(path=tmp_path / "tried.png")
    assert visit.hosts() == {urlsplit(visit.url).netloc}
    assert visit.wrong == []


def test_it_is_light_or_dark_as_the_reader_likes(chromium: Browser, url: str) -> None:
    found = {}
    for scheme in (LIGHT, DARK):
        with chromium.new_context(color_scheme=scheme) as context:
            visit = Visit(context.new_page(), url)
            visit.open()
            colour = "e => getComputedStyle(e).backgroundColor"
            found[scheme] = visit.page.locator("openapi-explorer").evaluate(colour)
    assert found == {LIGHT: "rgb(255, 255, 255)", DARK: "rgb(20, 25, 29)"}
