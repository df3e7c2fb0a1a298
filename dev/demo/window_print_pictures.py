"""The pictures of docs/window-print.md: tickets on the phone, the ticket printer."""

from pathlib import Path

from playwright.sync_api import Browser, Page

from .browser import logged_in, save
from .park import Park

SIZES = {"": (1280, 800), "-small": (1024, 768)}


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Sell a family its tickets at each size, and photograph how it gets them."""
    for suffix, (width, height) in SIZES.items():
        page = _window(chrome, park, width, height)
        display = page.context.new_page()
        display.goto(_display(park, page))
        _sell(page)
        save(page, images / f"window-receipt{suffix}.png")
        page.locator(".scenic-show-on-phone").click()
        page.locator(".scenic-phone-qr").wait_for()
        page.wait_for_timeout(500)
        save(page, images / f"window-phone{suffix}.png")
        display.locator(".scenic-display-qr").wait_for()
        save(display, images / f"customer-display{suffix}.png")
        page.locator(".modal-footer .btn-primary").click()
        if not suffix:
            _phone(chrome, park, images)
        page.context.close()
    _printer(chrome, park, images)


def _window(chrome: Browser, park: Park, width: int, height: int) -> Page:
    page = logged_in(chrome, park, "cashier", width, height)
    (config,) = _config(park)
    page.goto(f"{park.server.url}/pos/ui/{config['id']}")
    register = page.locator(".open-register-btn")
    products = page.locator(".product-list")
    register.or_(products).first.wait_for(timeout=60_000)
    if register.is_visible():
        register.click()
    opening = page.locator(".modal .modal-footer .btn-primary")
    opening.or_(products).first.wait_for()
    if opening.is_visible():
        opening.click()
    products.wait_for()
    return page


def _config(park: Park) -> list[dict]:
    return park.person("manager").read(
        "pos.config", [["name", "=", "南门售票窗口"]], ["access_token"]
    )


def _display(park: Park, page: Page) -> str:
    """The address of the customer display of this window."""
    (config,) = _config(park)
    device = page.evaluate("localStorage.getItem('device_uuid')")
    return f"{park.server.url}/pos_customer_display/{config['id']}/{device}"


def _sell(page: Page) -> None:
    for name in ("成人票", "成人票", "优惠票"):
        page.locator(".product", has_text=name).first.click()
    page.locator(".pay-order-button").click()
    page.locator(".paymentmethods .payment-name", has_text="现金").click()
    page.locator(".payment-screen button.validation-button.next").click()
    page.locator(".receipt-screen .scenic-ticket").first.wait_for()
    page.wait_for_timeout(800)


def _phone(chrome: Browser, park: Park, images: Path) -> None:
    """What the visitor's phone shows."""
    cashier = park.person("cashier")
    (order,) = cashier.read(
        "pos.order", [["state", "=", "paid"]], ["name"], order="id desc", limit=1
    )
    url = cashier.call("pos.order", "scenic_phone_page", [order["id"]])["url"]
    path = url.split("/scenic/", 1)[1]
    phone = chrome.new_page(viewport={"width": 390, "height": 844}, locale="zh-CN")
    phone.goto(f"{park.server.url}/scenic/{path}")
    save(phone, images / "order-phone.png")
    phone.context.close()


def _printer(chrome: Browser, park: Park, images: Path) -> None:
    """A ticket printer whose roll is at its end."""
    manager = park.person("manager")
    (site,) = manager.read("scenic.site", [["parent_id", "=", False]], ["id"], limit=1)
    [printer] = manager.call(
        "scenic.printer",
        "create",
        [{"name": "1号窗口", "code": "W1", "site_id": site["id"]}],
    )
    (config,) = _config(park)
    manager.call("pos.config", "write", [config["id"]], {"scenic_printer_id": printer})
    park.odoo.cluster.psql(
        park.database,
        "UPDATE scenic_printer SET state = 'no_paper', last_seen = now() AT TIME "
        f"ZONE 'UTC' + interval '1 hour' WHERE id = {printer}",
    )
    for suffix, (width, height) in SIZES.items():
        page = _window(chrome, park, width, height)
        _sell(page)
        page.locator(".receipt-screen .button.print").first.click()
        page.locator(".scenic-printer-message").wait_for()
        page.wait_for_timeout(500)
        save(page, images / f"window-printer{suffix}.png")
        page.locator(".scenic-print-cancel").click()
        page.context.close()
    manager.call("pos.config", "write", [config["id"]], {"scenic_printer_id": False})
