"""The machine's Chromium, and people who look at Odoo with it, in Chinese."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.system_tools import browser
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from .park import PASSWORD, Park

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COLOURS = 256  # of a picture


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, headless, with a profile of its own."""
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(
            executable_path=str(browser()), args=list(FLAGS)
        )
        try:
            yield chrome
        finally:
            chrome.close()


def logged_in(
    chrome: Browser, park: Park, login: str, width: int = 1280, height: int = 800
) -> Page:
    """Return a page of a person who has logged in, in Chinese."""
    context = chrome.new_context(
        viewport={"width": width, "height": height},
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    page = context.new_page()
    page.goto(f"{park.server.url}/web/login")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/web/login" not in url)
    return page


def save(page: Page, path: Path, **how: Any) -> None:
    """Photograph a page with a small palette."""
    shot = Image.open(io.BytesIO(page.screenshot(**how))).convert("RGB")
    small = shot.quantize(
        COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
    )
    small.save(path, optimize=True)


class Screens:
    """Odoo's screens as one person sees them."""

    def __init__(
        self, chrome: Browser, park: Park, login: str, width: int = 1280
    ) -> None:
        self.page = logged_in(chrome, park, login, width, width * 5 // 8)
        self._url = park.server.url

    def open(self, action: str, record: int | None = None) -> Page:
        """Open an action by its XML id, and one record of it."""
        path = f"/odoo/action-{action}{f'/{record}' if record else ''}"
        self.page.goto(f"{self._url}{path}")
        return self.ready()

    def ready(self) -> Page:
        """Wait until the screen stands still."""
        self.page.locator(".o_action_manager .o_view_controller").first.wait_for()
        self.page.locator(".o_loading_indicator").wait_for(state="hidden")
        self.page.wait_for_timeout(700)
        return self.page

    def view(self, kind: str) -> Page:
        """Switch to another view of the same action."""
        self.page.locator(f".o_switch_view.o_{kind}").click()
        return self.ready()

    def press(self, words: str) -> Page:
        """Press a button by its words, and wait for the dialogue it opens."""
        self.page.locator("button", has_text=words).first.click()
        self.page.locator(".modal").wait_for()
        return self.ready()
