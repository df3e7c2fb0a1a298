"""The pictures of docs/window-people.md: concessions, members, staff cards."""

from pathlib import Path

from playwright.sync_api import Browser

from .park import Park
from .till import DIALOG, Till, tills

#: Citizen numbers of nobody: born in 2021 and in 2004.
CHILD = "小明,男,汉,110105202103070019"
STUDENT = "林晓,女,汉,11010520040307010X"
#: The number of the IC card of a member, as its reader types it, and of a new one.
CARD = "04C5D6E7"
NEW_CARD = "04D4E5F6"


def take(chrome: Browser, park: Park, images: Path) -> None:
    """Photograph the dialogs; nothing is paid for."""
    for till in tills(chrome, park, images):
        _concession(till)
        _members(till)
    for till in tills(chrome, park, images, "supervisor"):
        _freeze(till)
    for till in tills(chrome, park, images, "manager"):
        _staff_card(till)


def _concession(till: Till) -> None:
    page = till.page
    till.touch("成人票")
    till.more("优惠资格")
    till.read(".scenic-concession [name=doc_number]", CHILD)
    page.locator(".scenic-offer-chosen").wait_for()
    till.save("window-concession")
    till.read(".scenic-concession [name=doc_number]", STUDENT)
    offer = page.locator(".scenic-offer", has_text="优惠票")
    offer.wait_for()
    offer.click()
    page.locator(".scenic-proof input").click()
    offer.evaluate("offer => offer.scrollIntoView({block: 'end'})")
    till.save("window-proof")
    till.leave()


def _members(till: Till) -> None:
    page = till.page
    till.more("会员")
    till.read(".scenic-members [name=member]", "周建")
    page.locator(".scenic-member-row").nth(1).wait_for()
    page.locator(".scenic-member-row", has_text="年卡").first.click()
    page.locator(".scenic-member-photo img").wait_for()
    till.save("window-members")
    till.read(".scenic-members [name=member]", CARD)
    page.locator(".scenic-member-row").first.wait_for(state="hidden")
    page.locator(".scenic-member-acts button", has_text="补换卡").click()
    page.fill(".scenic-members [name=card_number]", NEW_CARD)
    page.fill(".scenic-members [name=card_reason]", "遗失")
    till.save("window-replace")
    page.locator(".scenic-member-reading button").click()
    page.locator(DIALOG).wait_for(state="hidden")
    till.more("会员")
    till.read(".scenic-members [name=member]", CARD)
    page.locator(".scenic-member-acts button", has_text="续卡").click()
    page.locator(".scenic-member-line").nth(1).wait_for()
    till.save("window-renew")


def _freeze(till: Till) -> None:
    page = till.page
    till.more("会员")
    till.read(".scenic-members [name=member]", CARD)
    page.locator(".scenic-member-photo img").wait_for()
    page.locator(".scenic-member-acts button", has_text="冻结").click()
    page.locator(f"{DIALOG} .o_form_view").wait_for()
    # the calendar of the first field closes
    page.locator(f"{DIALOG} .modal-title").click()
    page.fill(f"{DIALOG} [name=reason] input", "住院，持医院证明")
    till.save("window-freeze")


def _staff_card(till: Till) -> None:
    page = till.page
    till.more("员工卡")
    form = page.locator(f"{DIALOG} .o_form_view")
    form.wait_for()
    form.locator("[name=holder_name] input").fill("韩冰")
    form.locator("[name=employee_no] input").fill("E-017")
    form.locator("[name=card_number] input").fill("04B7C8D9")
    till.save("window-staff-card")
