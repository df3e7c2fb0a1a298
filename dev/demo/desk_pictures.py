"""The pictures of collecting and checking in docs/window.md, on both screens."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page

from .agency_portal import AgencyPortal
from .browser import logged_in, save
from .park import Park

#: Width and height that the window is made for, and what their pictures are called.
SIZES = ((1280, 800, ""), (1024, 768, "-small"))
PIN = "482915"


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Collect an agency's order, check a used ticket, and ask for an exception."""
    orders = [_agency_order(park) for _size in SIZES]
    supervisor = park.person("supervisor")
    wizard = supervisor.call(
        "scenic.window.pin.set", "create", {"pin": PIN, "pin_again": PIN}
    )
    supervisor.call("scenic.window.pin.set", "action_apply", [wizard])
    (used,) = park.person("cashier").read(
        "scenic.ticket",
        [["pos_order_line_id", "!=", False], ["state", "=", "used"]],
        ["name"],
        order="number",
        limit=1,
    )
    for (width, height, suffix), order in zip(SIZES, orders, strict=True):
        page = open_window(chrome, park, width, height)
        _collect(page, order, images, suffix)
        _check(page, used["name"], images, suffix)


def open_window(chrome: Browser, park: Park, width: int, height: int) -> Page:
    """The demo park's Point of Sale, ready to sell."""
    page = logged_in(chrome, park, "cashier", width, height)
    page.add_init_script("window.print = () => {}")
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
    return page


def _agency_order(park: Park) -> str:
    client = park.person("yuanshan")
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    order = AgencyPortal(client).order(today, {"成人票": 2})
    (booking,) = park.person("cashier").read(
        "scenic.booking",
        [["sale_order_id", "=", order]],
        ["external_ref"],
    )
    return str(booking["external_ref"])


def _open(page: Page, words: str, text: str) -> None:
    page.locator(".pos-rightheader button:has(.fa-bars)").click()
    page.locator(".pos-burger-menu-items .o-dropdown-item", has_text=words).click()
    field = page.locator(".scenic-desk input[name=text]")
    field.fill(text)
    field.press("Enter")


def _close(page: Page) -> None:
    page.locator(".modal-footer button", has_text="关闭").last.click()


def _collect(page: Page, order: str, images: Path, suffix: str) -> None:
    _open(page, "取票", order)
    page.locator(".scenic-collect").wait_for()
    page.wait_for_timeout(500)
    save(page, images / f"window-collect{suffix}.png")
    page.locator(".scenic-collect").click()
    page.locator(".scenic-notice").wait_for()
    page.wait_for_timeout(500)
    save(page, images / f"window-collected{suffix}.png")
    _close(page)


def _check(page: Page, number: str, images: Path, suffix: str) -> None:
    _open(page, "查票", number)
    page.locator(".scenic-life").wait_for()
    page.wait_for_timeout(500)
    save(page, images / f"window-check{suffix}.png")
    page.locator("[data-action=exception]").click()
    page.locator(".scenic-exception").wait_for()
    page.wait_for_timeout(500)
    save(page, images / f"window-exception{suffix}.png")
