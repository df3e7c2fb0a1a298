"""The pictures of docs/window-print.md: tickets on paper and on the phone."""

from functools import partial
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from .browser import save
from .park import Park, wait_for
from .receipt_printer import EposPrinter, read_codes
from .till import SIZES, Till, config_of, tills

#: Between two papers that are photographed side by side, in dots.
GAP = 24


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Sell a family its tickets at each size, and photograph how it gets them."""
    _paper(chrome, park, images)
    for till in tills(chrome, park, images):
        display = till.page.context.new_page()
        display.goto(_display(park, till))
        till.sell("成人票", "成人票", "龙吟洞门票")
        till.save("window-receipt")
        till.page.locator(".scenic-show-on-phone").click()
        till.page.locator(".scenic-phone-qr").wait_for()
        till.save("window-phone")
        display.locator(".scenic-display-qr").wait_for()
        till.save("customer-display", display)
        till.page.locator(".modal-footer .btn-primary").click()
        if till.suffix == next(iter(SIZES)):
            _phone(chrome, park, images)
    _printer(chrome, park, images)


def _paper(chrome: Browser, park: Park, images: Path) -> None:
    """What comes out of a receipt printer: tickets, a group's one, and a reprint."""
    manager = park.person("manager")
    config = config_of(park)
    with EposPrinter() as printer:
        manager.call(
            "pos.config",
            "write",
            [config],
            {"other_devices": True, "epson_printer_ip": printer.address},
        )
        till = Till(chrome, park, images)
        till.touch("成人票", "团队票")
        line = till.page.locator(".orderline.selected", has_text="团队票")
        line.wait_for()
        for digit in "12":
            till.page.locator(".numpad button", has_text=digit).first.click()
        line.locator(".qty", has_text="12").wait_for()
        till.pay()
        till.take_cash()
        for _time in range(2):
            done = len(printer.jobs) + 3
            till.page.locator(".receipt-screen .button.print").first.click()
            wait_for(partial(_has_printed, printer, done), "all of it is printed")
        till.close()
    manager.call("pos.config", "write", [config], {"other_devices": False})
    receipt, adult, group, _receipt_again, adult_again, _group_again = printer.jobs
    for paper in (adult, group, adult_again):
        qr_codes, bars = read_codes(paper)
        if (len(qr_codes), len(bars)) != (1, 1):
            raise ValueError(f"{len(qr_codes)} QR codes, {len(bars)} bar codes")
    _side_by_side([adult, group, adult_again], images / "ticket-paper.png")


def _has_printed(printer: EposPrinter, jobs: int) -> bool:
    return len(printer.jobs) == jobs


def _side_by_side(papers: list[Image.Image], path: Path) -> None:
    """Keep papers as they came out, a dot a pixel."""
    width = sum(paper.width + GAP for paper in papers) + GAP
    height = max(paper.height for paper in papers) + 2 * GAP
    table = Image.new("L", (width, height), 208)
    place = GAP
    for paper in papers:
        table.paste(paper, (place, GAP))
        place += paper.width + GAP
    table.quantize(4).save(path, optimize=True)


def _display(park: Park, till: Till) -> str:
    """The address of the customer display of this window."""
    device = till.page.evaluate("localStorage.getItem('device_uuid')")
    return f"{park.server.url}/pos_customer_display/{config_of(park)}/{device}"


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
    config = config_of(park)
    manager.call("pos.config", "write", [config], {"scenic_printer_id": printer})
    park.odoo.cluster.psql(
        park.database,
        "UPDATE scenic_printer SET state = 'no_paper', last_seen = now() AT TIME "
        f"ZONE 'UTC' + interval '1 hour' WHERE id = {printer}",
    )
    for till in tills(chrome, park, images):
        till.sell("成人票", "成人票", "龙吟洞门票")
        till.page.locator(".receipt-screen .button.print").first.click()
        till.page.locator(".scenic-printer-message").wait_for()
        till.save("window-printer")
        till.page.locator(".scenic-print-cancel").click()
    manager.call("pos.config", "write", [config], {"scenic_printer_id": False})
