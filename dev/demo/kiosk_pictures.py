"""The pictures of docs/window-kiosk.md: what a visitor sees at the kiosk."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page

from .agency_portal import AgencyPortal
from .browser import save
from .kiosk import ONLINE, SET_UP, Kiosk, pay
from .park import Park, wait_for
from .printed import read_ticket_pdf
from .receipt_printer import EposPrinter
from .till import SIZES

TELEPHONE = {"width": 390, "height": 844}


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Buy for another day, collect what an agency has ordered, pay by telephone."""
    with EposPrinter() as printer:
        path = park.odoo.shell(
            park.database, SET_UP, SCENIC_PRINTER=printer.address
        ).split()[-1]
        url = f"{park.server.url}{path}"
        for suffix, page in _screens(chrome, url):
            shots = {"page": page, "images": images, "suffix": suffix}
            _buy(**shots)
            _collect(**shots, code=_agency_code(park), printer=printer)
        park.odoo.shell(park.database, ONLINE, SCENIC_URL=park.server.url)
        for suffix, page in _screens(chrome, url):
            with _page(chrome, TELEPHONE, "en-US") as telephone:
                _pay(page, images, suffix, telephone)


def _screens(chrome: Browser, url: str) -> Iterator[tuple[str, Page]]:
    for suffix, (width, height) in SIZES.items():
        with _page(chrome, {"width": width, "height": height}, "zh-CN") as page:
            page.goto(url)
            yield suffix, page


@contextmanager
def _page(chrome: Browser, size: dict[str, int], locale: str) -> Iterator[Page]:
    with chrome.new_context(
        viewport=size,  # type: ignore[arg-type]
        locale=locale,
        timezone_id="Asia/Shanghai",
    ) as context:
        yield context.new_page()


def _agency_code(park: Park) -> str:
    portal = AgencyPortal(park.person("qinghe"))
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    return read_ticket_pdf(portal.tickets_pdf(portal.order(today, {"成人票": 2})))[0].qr


def _save(page: Page, images: Path, name: str, suffix: str) -> None:
    page.wait_for_timeout(800)
    save(page, images / f"{name}{suffix}.png")


def _buy(page: Page, images: Path, suffix: str) -> None:
    kiosk = Kiosk(page)
    kiosk.start.wait_for(timeout=60_000)
    _save(page, images, "kiosk-start", suffix)
    kiosk.choose("成人票", 2)
    _save(page, images, "kiosk-tickets", suffix)
    kiosk.to_cart()
    _save(page, images, "kiosk-cart", suffix)
    page.locator(".scenic-visit-change").first.click()
    day = page.locator(".scenic-days .scenic-tile[aria-disabled=false]").nth(1)
    day.wait_for()
    _save(page, images, "kiosk-day", suffix)
    day.click()
    page.locator(".scenic-visit-picker").wait_for(state="hidden")
    kiosk.order()
    page.locator(".confirmation-page h1").first.wait_for(timeout=60_000)
    # the tick is drawn
    page.wait_for_timeout(1500)
    _save(page, images, "kiosk-done", suffix)
    page.locator(".confirmation-page .btn").first.click()
    kiosk.start.wait_for()


def _pay(page: Page, images: Path, suffix: str, telephone: Page) -> None:
    kiosk = Kiosk(page)
    kiosk.choose("成人票", 2)
    kiosk.to_cart()
    kiosk.order()
    url = kiosk.scan_payment()
    _save(page, images, "kiosk-pay", suffix)
    pay(telephone, url)
    kiosk.wait_for_tickets()
    _save(page, images, "kiosk-paid", suffix)


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
