"""The pictures of docs/window-people.md: concessions and members at the window."""

from pathlib import Path

from playwright.sync_api import Browser, Page

from .browser import logged_in, save
from .gate_day import MEMBER
from .park import Park

#: Citizen numbers of nobody: a child of the year 2021, and the member of the demo.
CHILD = "110105202103070019"
MEMBER_DOCUMENT = "110105199003070017"


def take(
    chrome: Browser, park: Park, images: Path, width: int = 1280, height: int = 800
) -> None:
    """Photograph the dialogs; the order of the till stays empty."""
    park.odoo.shell(park.database, MEMBER)
    page = logged_in(chrome, park, "cashier", width, height)
    (config,) = park.person("cashier").read(
        "pos.config", [["name", "=", "南门售票窗口"]], ["name"]
    )
    page.goto(f"{park.server.url}/pos/ui/{config['id']}")
    page.locator(".open-register-btn").or_(
        page.locator(".product-list")
    ).first.wait_for(timeout=60_000)
    if page.locator(".open-register-btn").is_visible():
        page.locator(".open-register-btn").click()
    opening = page.locator(".modal .modal-footer .btn-primary")
    opening.or_(page.locator(".product-list")).first.wait_for()
    if opening.is_visible():
        opening.click()
    page.locator(".product", has_text="成人票").first.click()
    _press(page, "优惠资格")
    page.fill(".scenic-concession [name=doc_number]", f"小明,男,汉,{CHILD}")
    page.press(".scenic-concession [name=doc_number]", "Enter")
    page.locator(".scenic-offer-chosen").wait_for()
    save(page, images / "window-concession.png")
    page.locator(".modal .btn-close").click()
    _press(page, "会员")
    page.fill(".scenic-members [name=member]", MEMBER_DOCUMENT)
    page.press(".scenic-members [name=member]", "Enter")
    page.locator(".scenic-member").wait_for()
    save(page, images / "window-members.png")
    page.locator(".modal .btn-close").click()


def _press(page: Page, label: str) -> None:
    page.locator(".more-btn").click()
    page.locator(".control-buttons-modal button", has_text=label).click()
