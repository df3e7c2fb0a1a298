"""The pictures of docs/window.md: how tickets are sold."""

from pathlib import Path

from playwright.sync_api import Browser

from .park import Park
from .till import DIALOG, Till, tills

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
    """Fill an order with every kind of ticket, and answer what is asked."""
    for till in tills(chrome, park, images):
        _visit(till)
        _names(till)
        _group(till)
        _order(till)


def _visit(till: Till) -> None:
    """A ticket for a time slot asks by itself."""
    till.touch("溪谷漂流")
    picker = till.page.locator(".scenic-visit-picker")
    picker.locator(".scenic-slots .scenic-tile").first.wait_for()
    till.save("window-visit")
    picker.locator(".scenic-slots .scenic-tile[aria-disabled=false]").first.click()
    picker.wait_for(state="hidden")


def _names(till: Till) -> None:
    """Two of them, one mistyped."""
    page = till.page
    till.touch("实名成人票", "实名成人票")
    page.locator(".scenic-names button").first.click()
    number = page.locator(".scenic-visitor [name=doc_number]")
    number.nth(0).fill("张晓明，11010519491231002X")
    number.nth(0).press("Enter")
    page.locator(".scenic-visitor .fa-check").first.wait_for()
    number.nth(1).fill("110105199003070106")
    number.nth(1).press("Enter")
    page.locator(".scenic-visitor-message").first.wait_for()
    till.save("window-names")
    till.leave()


def _group(till: Till) -> None:
    """Thirty-two with their guide, and a list with mistakes."""
    page = till.page
    till.touch("旅行社团队票")
    page.locator(".scenic-group-line button").first.click()
    page.locator(".scenic-group [name=size]").fill("32")
    number, name, phone = GUIDE
    guide = page.locator(".scenic-group-guide")
    guide.locator("[name=doc_number]").fill(number)
    guide.locator("[name=name]").fill(name)
    guide.locator("[name=phone]").fill(phone)
    page.locator(".scenic-group textarea").fill(ROSTER)
    page.locator(".scenic-group-read").first.click()
    page.locator(".scenic-group-message").first.wait_for()
    till.save("window-group")
    page.locator(f"{DIALOG} button", has_text="删除这些行").click()
    till.press("确定团队")
    page.locator(DIALOG).wait_for(state="hidden")


def _order(till: Till) -> None:
    """A combined ticket says what is in it."""
    till.touch("三景联票")
    till.page.locator(".scenic-parts").first.wait_for()
    till.save("window-order")
