"""The pictures of docs/window.md: without the server, and at the end of a shift."""

import io
from pathlib import Path

import pypdfium2
from PIL import Image
from playwright.sync_api import Browser

from .park import Park
from .till import DIALOG, SIZES, Till, config_of, tills

BLANKS = 20
SHEET = "/report/pdf/scenic_ticket_pos.report_scenic_shift"
DPI = 96


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Sell while the line is cut, then count the drawer and hand it over."""
    park.person("manager").call(
        "pos.config", "write", [config_of(park)], {"scenic_blank_size": BLANKS}
    )
    for till in tills(chrome, park, images):
        _offline(till)
        _hand_over(till)
        if till.suffix == list(SIZES)[-1]:
            till.press("交班")
            till.page.locator(f"{DIALOG} .modal-body", has_text="接").wait_for()
    _sheet(park, images)


def _offline(till: Till) -> None:
    page = till.page
    status = page.locator(".scenic-blank-status")
    status.locator("span", has_text="80").wait_for(timeout=60_000)
    page.context.set_offline(True)
    till.sell("成人票", "成人票", "三景联票")
    till.next_order()
    till.touch("成人票")
    till.save("window-offline")
    status.click()
    page.locator(f"{DIALOG} .modal-body").wait_for()
    till.save("window-blanks")
    page.locator(f"{DIALOG} .btn-primary").click()
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    status.locator("span", has_text="80").wait_for(timeout=60_000)


def _hand_over(till: Till) -> None:
    """Ten are missing, and a word about it."""
    page = till.page
    till.menu("交班")
    drawer = page.locator("[data-tender=现金]")
    drawer.wait_for()
    expected = drawer.locator("span", has_text="应有").last.inner_text()
    amount = "".join(sign for sign in expected if sign in "0123456789.")
    drawer.locator("input").fill(f"{float(amount) - 10:.2f}")
    page.fill("#scenic-hand-over-remark", "少收一张十元，已报值班主管")
    till.save("window-hand-over")


def _sheet(park: Park, images: Path) -> None:
    cashier = park.person("cashier")
    (shift,) = cashier.read(
        "scenic.shift",
        [["config_id", "=", config_of(park)], ["state", "=", "closed"]],
        ["name"],
        order="id desc",
        limit=1,
    )
    pdf = cashier.get(f"{SHEET}/{shift['id']}").content
    page = pypdfium2.PdfDocument(io.BytesIO(pdf))[0]
    image: Image.Image = page.render(scale=DPI / 72).to_pil().convert("L")
    image.quantize(16).save(images / "hand-over-sheet.png", optimize=True)
