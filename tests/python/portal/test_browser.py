"""The pages in a real browser: no script needed, no sideways scrolling, nothing that axe finds."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from cities import City
from la_pipeline_failure_predict.portal.app import create_app
from la_pipeline_failure_predict.portal.auth import accounts
from la_pipeline_failure_predict.portal.config import PortalConfig
from portal.conftest import PASSWORD

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PLANNER = "planner@example.org"
WIDTHS = (320, 768, 1280)
# Maps are drawn without a graphics card.
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
ARGUMENTS += ["--enable-unsafe-swiftshader"]
IDLE = "#map[data-idle]"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def address(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal that is served, with a planner who may sign in."""
    folder = tmp_path_factory.mktemp("browser") / "portal"
    shutil.copytree(published, folder)
    app = create_app(PortalConfig(folder))
    with app.app_context():
        accounts.add(PLANNER, "planner", (), PASSWORD)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def chromium(address: str) -> Iterator[Browser]:
    """A browser without a window; its loop runs here, so accounts are added before it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login")
    page.fill('[name="email"]', PLANNER)
    page.fill('[name="password"]', PASSWORD)
    page.click("main button")


@pytest.fixture
def addresses(areas_of: dict[str, list[str]]) -> list[str]:
    """Addresses of pages with as much on them as they can have."""
    main = areas_of[min(areas_of)][0]
    return [
        *("/", "/risk?likelihood=5", "/plan", "/plan?budget=2000000&renewal=2", "/reports"),
        *("/performance", "/quality", f"/pipe/{main}"),
    ]


def test_pages_fit_every_width_and_keep_their_policy(
    chromium: Browser, address: str, addresses: list[str]
) -> None:
    page = chromium.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    sign_in(page, address)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for one in addresses:
            page.goto(address + one)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (one, width)
    assert said == []


def test_axe_finds_nothing(chromium: Browser, address: str, addresses: list[str]) -> None:
    # axe is put into the page as a script, which the policy of the pages forbids.
    page = chromium.new_context(bypass_csp=True).new_page()
    sign_in(page, address)
    for width in (WIDTHS[0], WIDTHS[-1]):
        page.set_viewport_size({"width": width, "height": 800})
        for one in addresses:
            page.goto(address + one)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            found = Axe().run(page).response["violations"]
            assert [(item["id"], item["nodes"][0]["html"]) for item in found] == [], (one, width)


def test_without_scripts_the_menu_folds_and_the_slider_sets_a_budget(
    chromium: Browser, address: str
) -> None:
    page = chromium.new_context(java_script_enabled=False).new_page()
    sign_in(page, address)
    links = page.locator(".sidebar a")
    for width, is_folded in ((320, True), (767, True), (768, False), (1280, False)):
        page.set_viewport_size({"width": width, "height": 800})
        assert links.first.is_visible() != is_folded, width
    page.set_viewport_size({"width": 320, "height": 800})
    page.locator("#unfold").focus()
    page.keyboard.press("Space")
    page.get_by_role("link", name="Plan", exact=True).click()
    assert page.url == f"{address}/plan"

    slider = page.locator('[type="range"]')
    slider.focus()
    page.keyboard.press("End")
    page.locator("form", has=slider).get_by_role("button").click()
    most = re.search(r"/plan\?budget=(\d+)$", page.url)
    assert most
    assert slider.get_attribute("max") == most[1]
    shown = page.locator('input[name="budget"]:not([type="range"])')
    assert shown.input_value() == most[1]


def test_on_paper_there_is_no_menu_and_no_form(chromium: Browser, address: str) -> None:
    page = chromium.new_page(viewport={"width": 794, "height": 1100})
    sign_in(page, address)
    page.emulate_media(media="print")
    for one in ("/plan", "/risk"):
        page.goto(address + one)
        for part in ("header", ".sidebar", ".filters"):
            assert not page.locator(part).first.is_visible(), (one, part)
        assert page.locator("h1").is_visible()
        assert page.locator("tbody tr").last.is_visible()


def test_the_map_opens_a_main_by_mouse_and_by_keyboard(
    chromium: Browser, address: str, areas_of: dict[str, list[str]]
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, address)
    main = areas_of[min(areas_of)][0]
    page.goto(f"{address}/pipe/{main}")
    page.wait_for_selector(IDLE)
    canvas = page.locator("#map canvas")
    # The map is around the main of the page.
    canvas.click()
    page.wait_for_url(f"{address}/pipe/**")
    page.goto(f"{address}/pipe/{main}")
    page.wait_for_selector(IDLE)
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(1000)
    middle = page.locator(".map-said")
    expect(middle).to_contain_text("In the middle: Main ")
    found = re.search(r"Main (\S+):", middle.inner_text())
    assert found
    page.evaluate("window.isOld = true")
    page.keyboard.press("Enter")
    page.wait_for_function("window.isOld === undefined")
    assert page.url == f"{address}/pipe/{found[1]}"
    assert any("/tiles/" in one for one in asked)
    assert all(one.startswith((address, "blob:", "data:")) for one in asked)


def test_the_map_as_a_file_asks_for_nothing(
    chromium: Browser, sample_cities: dict[str, City], tmp_path: Path
) -> None:
    file = tmp_path / "map.html"
    result = sample_cities["duckdb"].la_pipes("report", "--map", "--to", file)
    assert result.exit_code == 0, result.output
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    page.wait_for_selector(IDLE)
    assert said == []
    assert all(one.startswith((file.as_uri(), "blob:", "data:")) for one in asked)
    first = page.locator("tbody tr").first
    assert first.locator("td").first.text_content() == "1"
    page.locator("#map canvas").focus()
    for _ in range(12):
        page.keyboard.press("+")
        page.wait_for_timeout(400)
    assert page.locator("#map canvas").is_visible()
