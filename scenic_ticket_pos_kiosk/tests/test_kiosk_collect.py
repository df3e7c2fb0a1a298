from odoo import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_base.tools.rate_limit import RateLimit
from odoo.addons.scenic_ticket_pos.tests.epos_printer import EposPrinter, read_codes

from ..models import pos_config_collect
from .common import KioskCommon

ROUTE = "/scenic/kiosk/collect"


@tagged("post_install", "-at_install")
class TestKioskCollect(KioskCommon):
    """B8, B9: what was bought elsewhere comes out of the kiosk, once."""

    def setUp(self):
        super().setUp()
        self.booking = self._bought("WEB-4711", 2)
        self.tickets = self.booking.ticket_ids.sorted("number")
        self.code = self.tickets[0]._qr_token()
        # wrong tries are remembered by the process, not by the transaction
        self.seconds = 0
        limit = RateLimit(clock=lambda: self.seconds)
        self.patch(pos_config_collect, "_limit", limit)

    def _bought(self, ref, quantity, product=None, **values):
        line = self._scenic_line(product or self.adult, quantity, **values)
        booking = self.env["scenic.booking"]._hold("web", ref, [line])
        booking._confirm()
        return booking

    def _collect(self, text, key=None):
        return self._request(ROUTE, text=text, key=key or self._uuid())

    def _assert_not_collected(self, text, name="KioskError", key=None, **params):
        self._assert_refused(name, ROUTE, text=text, key=key or self._uuid(), **params)

    def _refusal(self, text):
        """Return the sentence with which the route refuses."""
        with mute_logger("odoo.http"):
            params = {
                "access_token": self.kiosk.access_token,
                "text": text,
                "key": self._uuid(),
            }
            response = self.url_open(ROUTE, json={"params": params})
        self.env.invalidate_all()
        return response.json()["error"]["data"]["message"]

    def test_once(self):
        answer = self._collect(self.code)
        self.assertEqual(answer["ticket_ids"], self.tickets.ids)
        self.assertEqual(
            [row["pos_qr_token"] for row in answer["scenic.ticket"]],
            [ticket._qr_token() for ticket in self.tickets],
        )
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1])
        collected = self.tickets.collection_ids
        self.assertEqual(set(collected.mapped("terminal")), {"Kiosk East"})
        self.assertEqual(collected.user_id, self.cashier)
        self._assert_not_collected(self.code, "WindowCollectError")
        self._assert_not_collected(
            self.tickets[1]._barcode_number(), "WindowCollectError"
        )
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1])
        # anybody may read the screen of a kiosk, the staff that of a window
        told = self._refusal(self.code)
        self.assertIn("Kiosk East", told)
        self.assertNotIn(self.cashier.name, told)
        self.assertIn(
            self.cashier.name, self.tickets.booking_id._pos_notice(self.tickets)
        )

    def test_a_lost_answer_is_given_again(self):
        key = self._uuid()
        self.assertEqual(self._collect(self.code, key), self._collect(self.code, key))
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1])

    def test_by_barcode(self):
        answer = self._collect(self.tickets[0]._barcode_number())
        self.assertEqual(answer["ticket_ids"], self.tickets.ids)

    def test_not_by_what_can_be_guessed(self):
        for text in (
            "WEB-4711",
            self.booking.name,
            self.tickets[0].name,
            "",
            None,
            5,
            "x" * 301,
        ):
            with self.subTest(text=text):
                name = "KioskError"
                if not isinstance(text, str) or not 0 < len(text) <= 300:
                    name = "WindowCheckError"
                self._assert_not_collected(text, name)
        self.assertEqual(self.tickets.mapped("print_count"), [0, 0])

    def test_who_guesses_has_to_wait(self):
        tries = pos_config_collect.WRONG_TRIES
        # what opens an order, or cannot be read, is no guess
        self._collect(self.code)
        for text in (self.code, self.code, ""):
            self._refusal(text)
        other = self._bought("WEB-4713", 1)
        code = other.ticket_ids._qr_token()
        wrong = {self._refusal(self._scenic_citizen(number)) for number in range(tries)}
        self.assertEqual(len(wrong), 1)
        # from now on the right one is not looked for either
        limited = {self._refusal(code), self._refusal(self._scenic_citizen(tries))}
        self.assertEqual(len(limited), 1)
        self.assertFalse(limited & wrong)
        self.assertIn("Wait a minute", *limited)
        self.assertFalse(other.ticket_ids.collection_ids)
        # waiting helps, and one more guess uses it up
        self.seconds += pos_config_collect.WRONG_SECONDS
        self.assertEqual(self._refusal(self._scenic_citizen(tries)), *wrong)
        self.assertEqual(self._refusal(code), *limited)
        self.seconds += pos_config_collect.WRONG_SECONDS
        self.assertEqual(self._collect(code)["ticket_ids"], other.ticket_ids.ids)

    def test_one_kiosk_does_not_stop_the_other(self):
        for number in range(pos_config_collect.WRONG_TRIES):
            self._refusal(self._scenic_citizen(number))
        self._assert_not_collected(self.code)
        other = self._open_other_kiosk()
        answer = self._request(
            ROUTE, text=self.code, key=self._uuid(), access_token=other.access_token
        )
        self.assertEqual(answer["ticket_ids"], self.tickets.ids)

    def test_not_on_the_visitors_telephone(self):
        """The address of a menu hangs on the wall for everybody."""
        self.kiosk.self_ordering_mode = "mobile"
        self._assert_not_collected(self.code)
        self.assertFalse(self.tickets.collection_ids)

    def test_keys(self):
        for key in ("short", "x" * 65):
            self._assert_not_collected(self.code, "WindowCollectError", key=key)

    def test_what_the_kiosk_sold_itself_is_out(self):
        order = self._buy((self.adult, 1))
        self._pay(order)
        self._request(
            "/scenic/kiosk/tickets",
            order_id=order.id,
            order_access_token=order.access_token,
        )
        code = order.lines.scenic_ticket_ids._qr_token()
        self._assert_not_collected(code, "WindowCollectError")

    def test_what_the_kiosk_did_not_print_is_collected_at_the_window(self):
        order = self._buy((self.adult, 1))
        self._pay(order)
        config = self.main_pos_config.with_user(self.cashier)
        [row] = config.scenic_collect_find(order.pos_reference)
        self.assertEqual(row["due"], 1)
        config.scenic_collect(row["id"], self._uuid())
        self._assert_refused(
            "KioskError",
            "/scenic/kiosk/tickets",
            order_id=order.id,
            order_access_token=order.access_token,
        )

    def test_groups_go_to_the_window(self):
        many = self._bought("WEB-BUS", 21)
        self._assert_not_collected(many.ticket_ids[0]._qr_token())
        self.assertFalse(many.ticket_ids.collection_ids)

    def test_of_another_company(self):
        company = self.env["res.company"].create({"name": "Other park"})
        cashier = new_test_user(
            self.env,
            login="other_cashier",
            groups="base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_cashier",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self.cashier.scenic_site_ids = self.env["scenic.site"].create(
            {"name": "Elsewhere", "code": "ELSE"}
        )
        self._assert_not_collected(self.code)
        self.assertFalse(
            self.tickets.with_user(cashier)._filtered_access("read"),
        )

    def test_without_the_token_of_a_kiosk(self):
        self._assert_not_collected(self.code, "Unauthorized", access_token="x")


@tagged("post_install", "-at_install")
class TestKioskCollectTour(KioskCommon):
    @mute_logger("odoo.http")
    def test_scanned_and_printed(self):
        line = self._scenic_line(self.adult, 2)
        booking = self.env["scenic.booking"]._hold("web", "WEB-4712", [line])
        tickets = booking._confirm().sorted("number")
        # what the tour scans cannot be known beforehand: its reader learns it here
        self.kiosk.receipt_header = tickets[0]._barcode_number()
        with EposPrinter() as printer:
            self.kiosk.write(
                {"other_devices": True, "epson_printer_ip": printer.address}
            )
            self.start_tour(
                self.kiosk._get_self_order_route(), "ScenicKioskCollectTour"
            )
            printed = [
                code.text for paper in printer.jobs for code in read_codes(paper)[0]
            ]
        self.assertEqual(printed, [ticket._qr_token() for ticket in tickets])
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
