"""An administrator in a real browser, from the first sign-in to an invitation; no script runs."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from portal.conftest import PASSWORD, Portal

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ANA = "ana@example.org"
NARROW, WIDE = ({"width": width, "height": 800} for width in (320, 1280))

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@contextmanager
def served(portal: Portal) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, portal.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def judge(page: Page) -> None:
    """Hold a page against axe, and against the narrowest screen."""
    found = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in found] == [], page.url
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.url
    page.set_viewport_size(WIDE)


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login")
    page.fill('[name="email"]', ANA)
    page.fill('[name="password"]', PASSWORD)
    page.click("main button")


def test_from_the_first_sign_in_to_an_invitation(portal: Portal) -> None:
    portal.add(ANA, "administrator")
    said: list[str] = []
    with served(portal) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport=WIDE)
        page.on("console", lambda message: message.type == "error" and said.append(message.text))
        sign_in(page, address)
        assert page.url.endswith("/profile/second-factor")
        assert page.evaluate("document.images[0].naturalWidth") > 0, "the policy lets it load"
        judge(page)
        secret = page.inner_text("p code").replace(" ", "")
        page.fill('[name="code"]', pyotp.TOTP(secret).now())
        page.fill('[name="current"]', PASSWORD)
        page.click("text=Turn on")
        judge(page)
        recovery_code = page.inner_text("li:first-child code")

        for path in ("/welcome", "/profile", "/admin/audit", "/admin/users"):
            page.goto(address + path)
            judge(page)
        page.fill('[name="email"]', "ben@example.org")
        page.check('[name="areas"][value="some"]')
        page.check('[name="area"] >> nth=0')
        page.click("text=Make a link")
        assert page.inner_text("main code").startswith(f"{address}/invitation/")
        judge(page)
        page.goto(f"{address}/admin/users")
        page.click("text=ben@example.org")
        assert page.is_checked('[name="area"] >> nth=0')
        judge(page)

        page.click("text=Sign out")
        sign_in(page, address)
        judge(page)
        page.fill('[name="code"]', recovery_code)
        page.click("main button")
        assert page.url == f"{address}/"
        chromium.close()
    assert said == []
