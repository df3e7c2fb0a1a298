"""A visitor at the kiosk, and his telephone."""

import io
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Page

from .park import wait_for

#: What ``odoo shell`` runs to set one up, and for payments by telephone.
SET_UP = Path(__file__).with_name("kiosk_park.py")
ONLINE = Path(__file__).with_name("kiosk_online.py")


class Kiosk:
    """The kiosk's screen, in Chinese."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.start = page.locator(".o_pos_landing_footer .btn").first

    def choose(self, name: str, persons: int) -> None:
        """Begin, and touch a ticket once for each person."""
        self.start.wait_for(timeout=60_000)
        self.start.click()
        product = self.page.locator(".product_list .o_self_product_box", has_text=name)
        for number in range(1, persons + 1):
            product.first.click()
            self.page.locator(
                ".to-order .rounded-pill", has_text=str(number)
            ).wait_for()

    def to_cart(self) -> None:
        """Look at what was chosen."""
        self.page.locator(".page-buttons .cart").click()
        self.page.locator(".scenic-visit-change").first.wait_for()

    def order(self) -> None:
        """Order what is in the cart."""
        self.page.locator(".page-buttons .cart").click()

    def scan_payment(self) -> str:
        """Return what a telephone reads off the screen that asks for the money."""
        self.page.locator(".o_self_payment_screen img").wait_for(timeout=60_000)
        # the code itself comes when the order is on the server
        return wait_for(self._read_code, "the kiosk shows a code to pay")

    def _read_code(self) -> str:
        shot = Image.open(io.BytesIO(self.page.screenshot()))
        found = zxingcpp.read_barcodes(shot, formats=zxingcpp.BarcodeFormat.QRCode)
        return found[0].text if found else ""

    def wait_for_tickets(self) -> None:
        """Wait until the kiosk has heard of the money."""
        self.page.locator("h1", has_text="请取走您的门票").wait_for(timeout=60_000)


def pay(telephone: Page, url: str, outcome: str = "done") -> None:
    """Open what was scanned, and pay with Odoo's demonstration provider.

    :param telephone: in English: in Chinese that provider translates the values it
        knows, too
    """
    telephone.goto(url)
    telephone.locator("#customer_input").fill("4111 1111 1111 1111")
    telephone.locator("#simulated_payment_state").select_option(outcome)
    telephone.locator("button[name=o_payment_submit_button]").click()
