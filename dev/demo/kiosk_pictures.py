"""The pictures of docs/window-kiosk.md: what a visitor sees at the kiosk."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page

from .agency_portal import AgencyPortal
from .browser import save
from .park import Park, wait_for
from .printed import read_ticket_pdf
from .receipt_printer import EposPrinter
from .till import SIZES

SET_UP = Path(__file__).with_name("kiosk_park.py")
NAME = "南门自助售取票机"


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Buy for another day, and collect what an agency has ordered."""
    path = park.odoo.shell(park.database, SET_UP).split()[-1]
    manager = park.person("manager")
    (kiosk,) = manager.read("pos.config", [["name", "=", NAME]], ["id"])
    with EposPrinter() as printer:
        manager.call(
            "pos.config",
            "write",
            [kiosk["id"]],
            {"other_devices": True, "epson_printer_ip": printer.address},
        )
        for suffix, (width, height) in SIZES.items():
            page = chrome.new_page(
                viewport={"width": width, "height": height},
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
            )
            page.goto(f"{park.server.url}{path}")
            shots = {"page": page, "images": images, "suffix": suffix}
            _buy(**shots)
            _collect(**shots, code=_agency_code(park), printer=printer)
            page.context.close()


def _agency_code(park: Park) -> str:
    portal = AgencyPortal(park.person("qinghe"))
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    return read_ticket_pdf(portal.tickets_pdf(portal.order(today, {"成人票": 2})))[0].qr


def _save(page: Page, images: Path, name: str, suffix: str) -> None:
    page.wait_for_timeout(800)
    save(page, images / f"{name}{suffix}.png")


def _buy(page: Page, images: Path, suffix: str) -> None:
    start = page.locator(".o_pos_landing_footer .btn").first
    start.wait_for(timeout=60_000)
    _save(page, images, "kiosk-start", suffix)
    start.click()
    product = page.locator(".product_list .o_self_product_box")
    for persons, name in enumerate(("成人票", "成人票"), start=1):
        product.filter(has_text=name).first.click()
        page.locator(".to-order .rounded-pill", has_text=str(persons)).wait_for()
    _save(page, images, "kiosk-tickets", suffix)
    page.locator(".page-buttons .cart").click()
    page.locator(".scenic-visit-change").first.wait_for()
    _save(page, images, "kiosk-cart", suffix)
    page.locator(".scenic-visit-change").first.click()
    day = page.locator(".scenic-days .scenic-tile[aria-disabled=false]").nth(1)
    day.wait_for()
    _save(page, images, "kiosk-day", suffix)
    day.click()
    page.locator(".scenic-visit-picker").wait_for(state="hidden")
    page.locator(".page-buttons .cart").click()
    page.locator(".confirmation-page h1").first.wait_for(timeout=60_000)
    _save(page, images, "kiosk-done", suffix)
    page.locator(".confirmation-page .btn").first.click()
    start.wait_for()


def _collect(
    page: Page, images: Path, suffix: str, code: str, printer: EposPrinter
) -> None:
    before = len(printer.jobs)
    page.locator(".o_pos_landing_footer .btn", has_text="取票").click()
    field = page.locator(".scenic-collect input")
    field.fill(code)
    field.press("Enter")
    page.locator(".scenic-collect .alert-success").wait_for(timeout=60_000)
    wait_for(lambda: len(printer.jobs) == before + 2, "both tickets are printed")
    _save(page, images, "kiosk-collect", suffix)
    field.fill(code)
    field.press("Enter")
    page.locator(".scenic-collect-message").wait_for()
    _save(page, images, "kiosk-collected", suffix)
