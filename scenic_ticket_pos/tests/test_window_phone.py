import base64
import email
import io
import re
from email import policy

import zxingcpp
from PIL import Image

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.base.tests.common import MockSmtplibCase

from ..exceptions import WindowError, WindowRightError
from .common import ScenicPosCommon, ScenicPosTourCommon
from .epos_printer import read_codes

WHITE = base64.b64encode(b"\xff\xd8\xff\xdb").decode()


@tagged("post_install", "-at_install")
class TestWindowPhone(MockSmtplibCase, ScenicPosCommon, HttpCase):
    """Tickets on the visitor's phone: by e-mail, and by an address that he scans."""

    def setUp(self):
        super().setUp()
        self.opener.headers["Accept-Language"] = "en-US"
        self.order = self._sell((self.adult, 2), (self.group, 12), (self.souvenir, 1))
        self.tickets = self.order.lines.scenic_ticket_ids.sorted("number")

    def test_the_customer_display_speaks_chinese(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        told = self.url_open("/website/translations?lang=zh_CN").json()
        words = {
            message["id"]: message["string"]
            for module in told["modules"].values()
            for message in module["messages"]
        }
        self.assertEqual(words.get("Your tickets"), "您的门票")

    def _send(self, order, user=None):
        """Send the receipt as the window does; return the messages."""
        with self.mock_smtplib_connection(), mute_logger("odoo.addons.mail"):
            order.with_user(user or self.cashier).action_send_receipt(
                "visitor@example.com", WHITE, False
            )
        return [
            email.message_from_string(mail["message"], policy=policy.default)
            for mail in self.emails
        ]

    def _pictures(self, message):
        """Return ``{name in the text: text of the QR code}`` of what it shows."""
        html = message.get_body(("html",)).get_content()
        parts = {part["Content-ID"]: part for part in message.walk()}
        found = {}
        for name in re.findall(r'src="cid:([^"]+)"', html):
            picture = Image.open(io.BytesIO(parts[f"<{name}>"].get_content()))
            [code] = zxingcpp.read_barcodes(picture.convert("L"))
            found[name] = code.text
        return found

    def _prints(self, tickets):
        return self.env["scenic.print"].search([("ticket_id", "in", tickets.ids)])

    def _path(self, order, page=1):
        url = order._scenic_page_url(page)
        return url.removeprefix(order.get_base_url())

    # --- e-mail ----------------------------------------------------------

    def test_codes_are_inside_the_mail(self):
        receipt, tickets = self._send(self.order)
        self.assertFalse(self._pictures(receipt))
        self.assertEqual(
            list(self._pictures(tickets).values()),
            [ticket._qr_token() for ticket in self.tickets],
        )
        self.assertEqual(tickets["To"], "visitor@example.com")
        # shown in the text, so none is listed as a file
        self.assertFalse(list(tickets.iter_attachments()))

    def test_link_of_the_mail_opens_the_tickets(self):
        _receipt, message = self._send(self.order)
        html = message.get_body(("html",)).get_content()
        [url] = re.findall(r'href="([^"]*/scenic/window/order/[^"]+)"', html)
        path = url.replace("&amp;", "&").removeprefix(self.order.get_base_url())
        response = self.url_open(path)
        self.assertEqual(response.status_code, 200)
        for ticket in self.tickets:
            self.assertIn(ticket._barcode_text(), response.text)

    def test_mail_is_written_down_and_no_print(self):
        self._send(self.order)
        self.assertEqual(self.tickets.mapped("print_count"), [0, 0, 0])
        rows = self._prints(self.tickets)
        self.assertEqual(rows.mapped("ticket_id"), self.tickets)
        self.assertEqual(set(rows.mapped("kind")), {"phone"})
        self.assertEqual(set(rows.mapped("medium")), {"mail"})
        self.assertEqual(rows.user_id, self.cashier)
        self.assertEqual(set(rows.mapped("terminal")), {self.config.name})
        # the paper ticket that follows is the first
        self.order.with_user(self.cashier).scenic_count_ticket_print()
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1, 1])
        self.assertEqual(self._prints(self.tickets)[:1].kind, "first")

    def test_nothing_with_a_code_stays(self):
        attachments = self.env["ir.attachment"].sudo()
        before = attachments.search([])
        self._send(self.order)
        self.assertEqual(
            (attachments.search([]) - before).mapped("name"),
            [f"Receipt-{self.order.name}.jpg"],
        )

    def test_many_tickets(self):
        """The first twenty are in the mail, all are behind its link."""
        order = self._sell((self.adult, 23))
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        _receipt, message = self._send(order)
        self.assertEqual(len(self._pictures(message)), 20)
        self.assertIn("23", message.get_body(("html",)).get_content())
        self.assertEqual(len(self._prints(tickets)), 23)
        first, second = (self.url_open(self._path(order, page)) for page in (1, 2))
        self.assertIn(tickets[19]._barcode_text(), first.text)
        self.assertNotIn(tickets[20]._barcode_text(), first.text)
        self.assertIn("21 / 23", second.text)
        self.assertIn(tickets[22]._barcode_text(), second.text)
        # pages that are not there
        for page in ("0", "3", "x", "-1", "９", "1" * 30):
            with self.subTest(page=page):
                response = self.url_open(f"{self._path(order)}&page={page}")
                self.assertEqual(response.status_code, 200)

    def test_order_without_tickets(self):
        order = self._sell((self.souvenir, 1))
        self.assertEqual(len(self._send(order)), 1)

    def test_refunded_tickets_are_not_sent(self):
        [line] = self.order.lines.filtered(lambda line: line.product_id == self.adult)
        self._refund({line: 2})
        _receipt, message = self._send(self.order)
        self.assertEqual(len(self._pictures(message)), 1)

    def test_who_may_send(self):
        clerk = new_test_user(
            self.env,
            "phone_clerk",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
        )
        with self.assertRaises(WindowRightError):
            self._send(self.order, user=clerk)
        with self.assertRaises(WindowRightError):
            self.order.with_user(clerk).scenic_phone_page()
        self.assertFalse(self._prints(self.tickets))

    # --- address ---------------------------------------------------------

    def test_page_survives_a_reload(self):
        first, second = (self.url_open(self._path(self.order)).text for _turn in "12")
        self.assertEqual(first, second)
        for number, ticket in enumerate(self.tickets, 1):
            self.assertIn(ticket._qr_image().replace("&", "&amp;"), first)
            self.assertIn(f"{number} / 3", first)

    def test_address_is_written_down(self):
        page = self.order.with_user(self.cashier).scenic_phone_page()
        self.assertEqual(page["url"], self.order._scenic_page_url())
        rows = self._prints(self.tickets)
        self.assertEqual(rows.mapped("ticket_id"), self.tickets)
        self.assertEqual(set(rows.mapped("medium")), {"page"})
        titles = [event["title"] for event in self.tickets[0]._life_line_events()]
        self.assertIn("Handed to a phone", titles)

    def test_wrong_token(self):
        other = self._sell((self.adult, 1))
        path = f"/scenic/window/order/{self.order.id}"
        for url in (
            path,
            f"{path}?access_token=",
            f"{path}?access_token=x",
            f"{path}?access_token={other._scenic_page_token()}",
            # the one that the client chose for the order
            f"{path}?access_token={self.order.access_token}",
            f"{path}?access_token=%E9%97%A8",
            "/scenic/window/order/2147483000?access_token=x",
            "/scenic/window/order/99999999999999999999?access_token=x",
        ):
            with self.subTest(url=url):
                response = self.url_open(url)
                self.assertEqual(response.status_code, 404)
                self.assertNotIn(self.tickets[0].name, response.text)

    def test_refunded_ticket_shows_no_code(self):
        [line] = self.order.lines.filtered(lambda line: line.product_id == self.group)
        group = line.scenic_ticket_ids
        self._refund({line: 12})
        text = self.url_open(self._path(self.order)).text
        self.assertNotIn(group._barcode_text(), text)
        self.assertIn("Refunded", text)

    def test_nothing_left_to_show(self):
        quantities = {line: line.qty for line in self.order.lines[:2]}
        self._refund(quantities)
        with self.assertRaises(WindowError):
            self.order.with_user(self.cashier).scenic_phone_page()


@tagged("post_install", "-at_install")
class TestWindowPhoneTour(ScenicPosTourCommon):
    def test_show_on_phone(self):
        """Shown here and on the customer display, as long as the cashier lets it."""
        self.start_pos_tour("ScenicWindowPhoneTour")
        order = self.env["pos.order"].search(
            [("session_id", "=", self.config.current_session_id.id)]
        )
        tickets = order.lines.scenic_ticket_ids
        rows = self.env["scenic.print"].search([("ticket_id", "in", tickets.ids)])
        self.assertEqual(
            sorted(rows.mapped("medium")), ["mail", "mail", "page", "page"]
        )
        # the picture of the receipt has no codes
        [receipt] = self.env["ir.attachment"].search(
            [("res_model", "=", "pos.order"), ("res_id", "=", order.id)]
        )
        picture = Image.open(io.BytesIO(receipt.raw)).convert("L")
        self.assertEqual(read_codes(picture), ([], []))

    def test_customer_display(self):
        self.start_tour(
            f"/pos_customer_display/{self.config.id}/{self.config.access_token}",
            "ScenicCustomerDisplayTour",
            login=self.cashier.login,
        )
