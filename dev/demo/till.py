"""The demo park's window in a browser, as its cashier works with it."""

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from .browser import logged_in, save
from .park import Park

#: The screens that the window is made for, and what their pictures are called.
SIZES = {"": (1280, 800), "-small": (1024, 768)}
WINDOW = "南门售票窗口"
DIALOG = ".modal:not(.o_inactive_modal)"


class Till:
    """The window with the register open, in a browser that prints nothing.

    :param images: where the pictures go
    :param suffix: key of ``SIZES``
    """

    def __init__(
        self,
        chrome: Browser,
        park: Park,
        images: Path,
        suffix: str = "",
        login: str = "cashier",
    ) -> None:
        self.images = images
        self.suffix = suffix
        self.page = logged_in(chrome, park, login, *SIZES[suffix])
        self.page.add_init_script("window.print = () => {}")
        self._url = f"{park.server.url}/pos/ui/{config_of(park)}"
        self._open()

    def resize(self, suffix: str) -> None:
        """Begin anew on another screen, with an empty order."""
        width, height = SIZES[suffix]
        self.suffix = suffix
        self.page.set_viewport_size({"width": width, "height": height})
        self._open()
        self.next_order()

    def _open(self) -> None:
        page = self.page
        page.goto(self._url)
        opening = page.locator(f"{DIALOG} .modal-footer .btn-primary")
        products = page.locator(".product-list")
        register = page.locator(".open-register-btn")
        register.or_(products).first.wait_for(timeout=60_000)
        if register.is_visible():
            register.click()
        opening.or_(products).first.wait_for()
        if opening.is_visible():
            opening.click()
        products.wait_for()

    def close(self) -> None:
        self.page.context.close()

    def save(self, name: str, page: Page | None = None) -> None:
        """Photograph what is on the screen when it stands still.

        :raises ValueError: something of a dialog is off the screen
        """
        page = page or self.page
        page.wait_for_timeout(500)
        for box in page.locator(".modal-content").all():
            self._check(name, box)
        save(page, self.images / f"{name}{self.suffix}.png")

    def _check(self, name: str, box: Locator) -> None:
        place = box.bounding_box()
        width, height = SIZES[self.suffix]
        if place and (
            place["x"] + place["width"] > width or place["y"] + place["height"] > height
        ):
            raise ValueError(f"{name}{self.suffix}: the dialog ends at {place}")

    # What a cashier does

    def touch(self, *products: str) -> None:
        """Touch tickets, once for each person."""
        for product in products:
            self.page.locator(".product", has_text=product).first.click()

    def more(self, label: str) -> None:
        """Choose what stands behind ⋮."""
        self.page.locator(".more-btn").first.click()
        self.page.locator(f"{DIALOG} button", has_text=label).click()

    def menu(self, label: str) -> None:
        """Choose what stands behind ☰."""
        self.page.locator(".pos-rightheader button:has(.fa-bars)").click()
        self.page.locator("span.dropdown-item", has_text=label).click()

    def read(self, field: str, text: str) -> None:
        """Type as a reader does: the text, and Enter."""
        self.page.fill(field, text)
        self.page.press(field, "Enter")

    def press(self, label: str) -> None:
        """Press a button at the foot of the dialog."""
        self.page.locator(f"{DIALOG} .modal-footer button", has_text=label).click()

    def leave(self) -> None:
        """Close the dialog on top."""
        dialogs = self.page.locator(".modal")
        left = dialogs.count() - 1
        self.page.locator(f"{DIALOG} .btn-close").click()
        expect(dialogs).to_have_count(left)

    def pay(self) -> None:
        """Go to the payment."""
        self.page.locator(".pay-order-button").click()

    def take_cash(self) -> None:
        """Take the money, and come to the receipt."""
        self.page.locator(".paymentmethods .payment-name", has_text="现金").click()
        self.page.locator(".payment-screen button.validation-button.next").click()
        self.page.locator(".receipt-screen .pos-receipt").wait_for(timeout=60_000)

    def sell(self, *products: str) -> None:
        self.touch(*products)
        self.pay()
        self.take_cash()

    def next_order(self) -> None:
        """From the receipt, or from an order that is left as it is."""
        done = self.page.locator(".receipt-screen .button.next[name=done]")
        if done.is_visible():
            done.click()
        else:
            self.page.locator(".pos-leftheader .list-plus-btn").click()
        self.page.locator(".product-list").wait_for()


def config_of(park: Park) -> int:
    """The id of the window's ``pos.config``."""
    (config,) = park.person("manager").read(
        "pos.config", [["name", "=", WINDOW]], ["id"]
    )
    return int(config["id"])


def tills(
    chrome: Browser, park: Park, images: Path, login: str = "cashier"
) -> Iterator[Till]:
    """The window at each of its sizes, one after the other."""
    first, *others = SIZES
    till = Till(chrome, park, images, first, login)
    yield till
    for suffix in others:
        till.resize(suffix)
        yield till
    till.close()
