"""The pictures of docs/window.md: what a cashier sees, at both sizes it is made for."""

from pathlib import Path

from playwright.sync_api import Browser, Page

from .browser import logged_in, save
from .park import Park

SIZES = {"": (1280, 800), "-small": (1024, 768)}
#: A dear weekend, a free guide, and rafting with real names.
SET_UP = """
from datetime import datetime, time, timedelta
from odoo import Command
window = env["pos.config"].search([("name", "=", "南门售票窗口")])
pricelist = window.pricelist_id
raft = env.ref("scenic_ticket_base.ticket_raft")
today = datetime.combine(datetime.today(), time())
saturday = today + timedelta(days=(5 - today.weekday()) % 7 or 7)
pricelist.item_ids = [Command.create({
    "applied_on": "1_product",
    "product_tmpl_id": raft.id,
    "compute_price": "fixed",
    "fixed_price": 128,
    "date_start": saturday - timedelta(hours=8),
    "date_end": saturday + timedelta(hours=39, minutes=59),
})]
raft.write({
    "scenic_real_name": "visitor",
    "available_in_pos": True,
    "pos_categ_ids": [Command.set(window.iface_available_categ_ids.ids)],
})
group = env.ref("scenic_ticket_base.ticket_group")
group.write({"scenic_real_name": "visitor", "scenic_guide_per": 15})
env.cr.commit()
"""
GUIDE = ("110105198503070238", "王海燕", "13800138000")
ROSTER = "\n".join(
    (
        "姓名\t证件号码",
        "张晓明\t11010519491231002X",
        "李建国\t110105199003070105",
        "赵雅\t110105199003070202",
        "陈志强\t港澳通行证\tH12345678",
        "周敏\t110105199003070105",
    )
)


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Take every picture of docs/window.md."""
    park.odoo.shell(park.database, SET_UP)
    for suffix, (width, height) in SIZES.items():
        page = open_window(chrome, park, width, height)
        _visit(page, images / f"window-visit{suffix}.png")
        _names(page, images / f"window-names{suffix}.png")
        _group(page, images / f"window-group{suffix}.png")
        page.context.close()


def open_window(
    chrome: Browser, park: Park, width: int = 1280, height: int = 800
) -> Page:
    """Return the cashier's window, with the register open."""
    page = logged_in(chrome, park, "cashier", width, height)
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


def touch(page: Page, product: str) -> None:
    """Touch a product."""
    page.locator(".product", has_text=product).first.click()


def _visit(page: Page, path: Path) -> None:
    """Two weeks of rafting, and the slots of tomorrow."""
    touch(page, "溪谷漂流")
    page.locator(".scenic-visit-picker").wait_for()
    page.locator(".scenic-days .scenic-tile").nth(1).click()
    page.wait_for_timeout(600)
    save(page, path)
    page.locator(".scenic-slots .scenic-tile[aria-disabled=false]").first.click()
    page.locator(".scenic-visit-picker").wait_for(state="hidden")


def _names(page: Page, path: Path) -> None:
    """Two of them, one mistyped."""
    touch(page, "溪谷漂流")
    page.locator(".scenic-slots .scenic-tile[aria-disabled=false]").first.click()
    page.locator(".scenic-visit-picker").wait_for(state="hidden")
    page.locator(".scenic-names button").first.click()
    number = page.locator(".scenic-visitor [name=doc_number]")
    number.nth(0).fill("张晓明，11010519491231002X")
    number.nth(0).press("Enter")
    page.locator(".scenic-visitor .fa-check").first.wait_for()
    number.nth(1).fill("110105199003070106")
    number.nth(1).press("Enter")
    page.locator(".scenic-visitor-message").first.wait_for()
    page.wait_for_timeout(400)
    save(page, path)
    page.keyboard.press("Escape")


def _group(page: Page, path: Path) -> None:
    """Thirty with their guide, and a list with two mistakes."""
    touch(page, "团队票")
    page.locator(".scenic-group-line button").first.click()
    page.locator(".scenic-group [name=size]").fill("30")
    number, name, phone = GUIDE
    guide = page.locator(".scenic-group-guide")
    guide.locator("[name=doc_number]").fill(number)
    guide.locator("[name=name]").fill(name)
    guide.locator("[name=phone]").fill(phone)
    page.locator(".scenic-group textarea").fill(ROSTER)
    page.locator(".scenic-group-read").first.click()
    page.locator(".scenic-group-message").first.wait_for()
    page.wait_for_timeout(600)
    save(page, path)
    page.keyboard.press("Escape")
