"""``make screenshots``: the pictures of README.md, taken from the running demo park."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.console import say, step
from bootstrap.odoo_server import Odoo
from bootstrap.paths import LOCAL, ROOT
from bootstrap.postgres import Cluster, free_port
from bootstrap.system_tools import browser
from databases import demo_database
from playwright.sync_api import Browser, Page, sync_playwright

from .park import DATABASE, PASSWORD, Park
from .printed import save_pages
from .walk_through import walk_through

IMAGES = ROOT / "docs" / "images"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def take_pictures() -> int:
    """Walk through the park once and photograph it; 0 when all went well."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Cluster("run") as cluster:
        odoo = Odoo(cluster, "run")
        is_new = demo_database(cluster, odoo, DATABASE)
        tickets = LOCAL / "park" / "tickets"
        park = Park(odoo, DATABASE, port=free_port())
        if is_new:
            park.forget()
        with park:
            failures = walk_through(park, tickets)
            with step("taking pictures"), chromium() as chrome:
                _lane_log(chrome, park)
                _window(chrome, park)
            pages = save_pages((tickets / "window.pdf").read_bytes(), tickets / "page")
            shutil.copy(pages[0], IMAGES / "ticket.png")
    for image in sorted(IMAGES.glob("*.png")):
        say(f"  {image.relative_to(ROOT)}")
    return 1 if failures else 0


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


def _lane_log(chrome: Browser, park: Park) -> None:
    page = chrome.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page.goto(park.bridge.url)
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "lane-log.png")


def _window(chrome: Browser, park: Park) -> None:
    page = logged_in(chrome, park, "cashier")
    (config,) = park.person("cashier").read(
        "pos.config", [["name", "=", "南门售票窗口"]], ["name"]
    )
    page.goto(f"{park.server.url}/pos/ui/{config['id']}")
    page.locator(".open-register-btn").click(timeout=60_000)
    opening = page.locator(".modal .modal-footer .btn-primary")
    opening.or_(page.locator(".product-list")).first.wait_for()
    if opening.is_visible():
        opening.click()
    page.locator(".product-list").wait_for()
    for name in ("成人票", "成人票", "团队票", "三景联票"):
        page.locator(".product", has_text=name).first.click()
    page.wait_for_timeout(800)
    page.screenshot(path=IMAGES / "pos.png")
