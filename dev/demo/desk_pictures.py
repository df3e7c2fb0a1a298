"""The pictures of docs/window.md: what was sold, collected, checked and changed."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser

from .agency_portal import AgencyPortal
from .park import Park
from .till import DIALOG, SIZES, Till, tills

PIN = "482915"
REASON = "入园后突发疾病，医务室有记录"


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Collect an agency's order, check tickets, change one, ask for an exception."""
    orders = dict(zip(SIZES, [_agency_order(park) for _size in SIZES], strict=True))
    supervisor = park.person("supervisor")
    wizard = supervisor.call(
        "scenic.window.pin.set", "create", {"pin": PIN, "pin_again": PIN}
    )
    supervisor.call("scenic.window.pin.set", "action_apply", [wizard])
    used = _ticket(park, ["state", "=", "used"], order="number")
    for till in tills(chrome, park, images):
        _collect(till, orders[till.suffix])
        _check(till, used)
        _change(till, park)
        _refund(till, park)


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


def _ticket(park: Park, *terms: list, order: str = "id desc") -> str:
    """The number of a ticket that the window sold."""
    (ticket,) = park.person("cashier").read(
        "scenic.ticket",
        [["pos_order_line_id", "!=", False], *terms],
        ["name"],
        order=order,
        limit=1,
    )
    return str(ticket["name"])


def _look_for(till: Till, words: str, text: str) -> None:
    till.menu(words)
    till.read(".scenic-desk input[name=text]", text)


def _collect(till: Till, order: str) -> None:
    _look_for(till, "取票", order)
    button = till.page.locator(".scenic-collect")
    button.wait_for()
    till.save("window-collect")
    button.click()
    till.page.locator(".scenic-notice").wait_for()
    till.save("window-collected")
    till.leave()


def _check(till: Till, number: str) -> None:
    page = till.page
    _look_for(till, "查票", number)
    page.locator(".scenic-life").wait_for()
    till.save("window-check")
    page.locator("[data-action=exception]").click()
    page.locator(".scenic-exception").wait_for()
    page.fill(".scenic-exception [name=reason]", REASON)
    page.fill(".scenic-exception [name=pin]", PIN)
    till.save("window-exception")
    till.leave()
    till.leave()


def _change(till: Till, park: Park) -> None:
    """From a day of the week to the dearer weekend."""
    page = till.page
    till.touch("溪谷漂流")
    free = "[aria-disabled=false]"
    page.locator(f".scenic-slots .scenic-tile{free}").first.click()
    page.locator(".scenic-visit-picker").wait_for(state="hidden")
    till.pay()
    till.take_cash()
    till.next_order()
    _look_for(till, "查票", _ticket(park, ["state", "=", "valid"]))
    page.locator("[data-action=change]").click()
    page.locator(f".scenic-days .scenic-tile{free}", has_text="周六").first.click()
    page.locator(f".scenic-slots .scenic-tile{free}").first.click()
    page.locator(f"{DIALOG} .modal-body", has_text="30.00").wait_for()
    till.save("window-change")
    till.press("改签")
    page.locator(".payment-screen").wait_for()
    till.save("window-difference")
    till.take_cash()
    till.next_order()


def _refund(till: Till, park: Park) -> None:
    till.sell("成人票")
    till.next_order()
    _look_for(till, "查票", _ticket(park, ["state", "=", "valid"]))
    till.page.locator("[data-action=refund]").click()
    till.page.locator(".payment-screen").wait_for()
    till.save("window-refund")
    till.take_cash()
