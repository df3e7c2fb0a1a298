from uuid import uuid4

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_base.tests.parallel import ParallelCase

from ..exceptions import (
    WindowCheckError,
    WindowCollectError,
    WindowError,
    WindowRightError,
)
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowCollect(ScenicPosCommon):
    """B8, B9: web and agency orders are handed out at the window, once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.desk = cls.config.with_user(cls.cashier)

    def _web_order(self, ref, quantity=2, product=None, channel="web", **values):
        return self._scenic_sell(
            product or self.adult, quantity, ref=ref, channel=channel, **values
        )

    def _find(self, text):
        return self.desk.scenic_collect_find(text)

    def _assert_code(self, code, method, *args):
        with self.assertRaises(WindowCollectError) as caught, self.cr.savepoint():
            method(*args)
        self.assertEqual(caught.exception.code, code)
        return str(caught.exception)

    def test_found_by_order_number_voucher_and_document(self):
        self.adult.scenic_real_name = "visitor"
        tickets = self._web_order(
            "WEB-7", visitors=[self._scenic_visitor(seed) for seed in (1, 2)]
        )
        booking = tickets.booking_id
        for text in (
            "WEB-7",
            "web-7",
            booking.name,
            tickets[0]._qr_token(),
            tickets[1]._barcode_number(),
            self._scenic_citizen(2),
        ):
            with self.subTest(text=text[:20]):
                [row] = self._find(text)
                self.assertEqual((row["id"], row["due"]), (booking.id, 2))
        [line] = row["lines"]
        self.assertEqual(line["names"], ["游**", "游**"])
        self.assertEqual((line["persons"], line["tickets"]), (2, 2))
        self.assertIn(str(self.visit_date.year), line["visit"])
        self.assertEqual(row["payment"], "paid")
        self.assertFalse(row["notice"])

    def test_collected_once_and_told_where(self):
        tickets = self._web_order("WEB-1")
        booking = tickets.booking_id
        data = self.desk.scenic_collect(booking.id, "first-request")
        self.assertEqual(data["ticket_ids"], tickets.sorted("number").ids)
        self.assertTrue(all(row["pos_qr_token"] for row in data["scenic.ticket"]))
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        self.assertEqual(data["booking"]["due"], 0)
        message = self._assert_code(
            "COLLECT_DONE", self.desk.scenic_collect, booking.id, "second-request"
        )
        self.assertIn("South Gate", message)
        self.assertIn(self.cashier.name, message)
        self.assertEqual(self._find("WEB-1")[0]["notice"], message)
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        self.assertEqual(len(tickets.collection_ids), 2)
        [event] = [e for e in tickets[0]._life_line() if e["kind"] == "collected"]
        self.assertEqual(
            (event["who"], event["where"]), (self.cashier.name, "South Gate")
        )

    def test_replayed_request_gets_the_same_answer(self):
        tickets = self._web_order("WEB-2")
        first = self.desk.scenic_collect(tickets.booking_id.id, "lost-answer")
        again = self.desk.scenic_collect(tickets.booking_id.id, "lost-answer")
        self.assertEqual(again["ticket_ids"], first["ticket_ids"])
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        other = self.cashier.sudo().copy({"login": "other_cashier"})
        self._assert_code(
            "COLLECT_DONE",
            self.config.with_user(other).scenic_collect,
            tickets.booking_id.id,
            "lost-answer",
        )

    def test_reprint_is_counted_and_comes_after_collecting(self):
        tickets = self._web_order("WEB-3")
        self._assert_code("COLLECT_DUE", self.desk.scenic_reprint, tickets.ids)
        data = self.desk.scenic_collect(tickets.booking_id.id, str(uuid4()))
        self.desk.scenic_reprint(data["booking"]["reprint_ids"])
        self.assertEqual(tickets.mapped("print_count"), [2, 2])
        prints = self.env["scenic.print"].search([("ticket_id", "=", tickets[0].id)])
        self.assertEqual(prints.mapped("kind"), ["reprint", "first"])
        self.assertEqual(set(prints.mapped("terminal")), {"South Gate"})

    def test_used_and_refunded_tickets_are_not_printed(self):
        tickets = self._web_order("WEB-4", 3)
        tickets[0]._void("test")
        self._admit(tickets[1])
        [row] = self._find("WEB-4")
        self.assertEqual(row["due"], 1)
        data = self.desk.scenic_collect(row["id"], str(uuid4()))
        self.assertEqual(data["ticket_ids"], tickets[2].ids)

    def test_nothing_due_says_why(self):
        tickets = self._web_order("WEB-5", 1)
        tickets._void("test")
        self._assert_code(
            "COLLECT_NOTHING",
            self.desk.scenic_collect,
            tickets.booking_id.id,
            str(uuid4()),
        )
        held = self.env["scenic.booking"]._hold(
            "web", "WEB-6", [self._scenic_line(self.adult)]
        )
        [row] = self._find("WEB-6")
        self.assertEqual((row["payment"], row["due"]), ("open", 0))
        message = self._assert_code(
            "COLLECT_NOTHING", self.desk.scenic_collect, held.id, str(uuid4())
        )
        self.assertIn("not paid yet", message)

    def test_what_a_window_sold_is_not_collected(self):
        order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        [row] = self._find(ticket._qr_token())
        self.assertEqual(row["due"], 0)
        self.assertIn("order list", row["notice"])
        self.desk.scenic_reprint(ticket.ids)

    def test_group_ticket(self):
        ticket = self._web_order("AG-1", 12, self.group, channel="agency")
        [row] = self._find("AG-1")
        self.assertEqual((row["due"], row["lines"][0]["persons"]), (1, 12))
        data = self.desk.scenic_collect(row["id"], str(uuid4()))
        self.assertEqual(data["ticket_ids"], ticket.ids)

    def test_unknown_says_what_to_do(self):
        message = self._assert_code("COLLECT_UNKNOWN", self._find, "NO-SUCH-ORDER")
        self.assertIn("NO-SUCH-ORDER", message)
        for text in ("", "   ", None, 7, "x" * 301, "a\x00b"):
            with self.subTest(text=text), self.assertRaises(WindowCheckError):
                self._find(text)

    def test_another_company_finds_nothing(self):
        tickets = self._web_order("WEB-8")
        company = self.setup_other_company()["company"]
        both = new_test_user(
            self.env,
            login="cashier_of_two",
            groups="base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_cashier",
            company_id=company.id,
            company_ids=[Command.set((company + self.env.company).ids)],
        )
        there = (
            self.env["pos.config"]
            .with_company(company)
            .create({"name": "Other Gate", "company_id": company.id})
        )
        desk = there.with_user(both).with_context(
            allowed_company_ids=both.company_ids.ids
        )
        for text in ("WEB-8", tickets[0]._qr_token()):
            self._assert_code("COLLECT_UNKNOWN", desk.scenic_collect_find, text)
        for call, *args in (
            (desk.scenic_collect, tickets.booking_id.id, str(uuid4())),
            (desk.scenic_reprint, tickets.ids),
            (desk.scenic_check, tickets[0]._qr_token()),
        ):
            with self.assertRaises(WindowError):
                call(*args)
        self.assertFalse(tickets.collection_ids)

    def test_another_site_finds_nothing(self):
        tickets = self._web_order("WEB-9")
        far = self.env["scenic.site"].create({"name": "Far", "code": "FAROFF"})
        self.cashier.sudo().scenic_site_ids = far
        self._assert_code("COLLECT_UNKNOWN", self._find, "WEB-9")
        self._assert_code(
            "COLLECT_UNKNOWN",
            self.desk.scenic_collect,
            tickets.booking_id.id,
            str(uuid4()),
        )

    def test_who_does_not_serve_collects_nothing(self):
        tickets = self._web_order("WEB-10")
        shop = new_test_user(
            self.env,
            login="shop_collect",
            groups="base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        desk = self.config.with_user(shop)
        for call, *args in (
            (desk.scenic_collect_find, "WEB-10"),
            (desk.scenic_collect, tickets.booking_id.id, str(uuid4())),
            (desk.scenic_reprint, tickets.ids),
        ):
            with self.assertRaises(WindowRightError):
                call(*args)

    def test_forged_requests(self):
        tickets = self._web_order("WEB-11")
        booking_id = tickets.booking_id.id
        for args in (
            (booking_id, "short"),
            (booking_id, None),
            (str(booking_id), str(uuid4())),
            (True, str(uuid4())),
            (10**9, str(uuid4())),
        ):
            with self.subTest(args=args), self.assertRaises(WindowCollectError):
                self.desk.scenic_collect(*args)
        for ids in ([], None, ["1"], [True], [10**9], [*tickets.ids, 10**9]):
            with self.subTest(ids=ids), self.assertRaises(WindowCheckError):
                self.desk.scenic_reprint(ids)
        self.assertFalse(tickets.collection_ids)

    @mute_logger("odoo.sql_db")
    def test_a_collection_is_a_fact(self):
        tickets = self._web_order("WEB-12", 1)
        self.desk.scenic_collect(tickets.booking_id.id, str(uuid4()))
        row = tickets.collection_ids
        for change in (
            lambda: row.write({"terminal": "elsewhere"}),
            row.unlink,
            lambda: row.create({"ticket_id": tickets.id}),
        ):
            with self.assertRaises(AccessError):
                change()


@tagged("post_install", "-at_install")
class TestWindowCollectParallel(ParallelCase):
    def setUp(self):
        super().setUp()
        with self._env() as env:
            config = env["pos.config"].create({"name": f"Window {self.tag}"})
            self.config_id = config.id
        self.made.insert(0, ("pos.config", [self.config_id]))

    def _remove(self):
        with self._env() as env:
            env.cr.execute(
                "SELECT array_agg(id) FROM scenic_ticket WHERE product_id = %s",
                [self.product_id],
            )
            tickets = env.cr.fetchone()[0] or [0]
            for table in ("scenic_collection", "scenic_print"):
                env.cr.execute(
                    f"ALTER TABLE {table} DISABLE TRIGGER append_only_rows;"
                    f"DELETE FROM {table} WHERE ticket_id = ANY(%s);"
                    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_rows",
                    [tickets],
                )
        super()._remove()

    def test_many_windows_at_once_print_once(self):
        with self._env() as env:
            line = {
                "product_id": self.product_id,
                "quantity": 3,
                "visit_date": self.visit_date,
                "price_unit": 10.0,
                "amount_untaxed": 30.0,
                "amount_total": 30.0,
            }
            booking = env["scenic.booking"]._hold("web", f"{self.tag}-C", [line])
            tickets = booking._confirm()
            booking_id, ticket_ids = booking.id, tickets.ids

        def collect(env):
            data = (
                env["pos.config"]
                .browse(self.config_id)
                .scenic_collect(booking_id, str(uuid4()))
            )
            return sorted(data["ticket_ids"])

        with self._retries() as retries:
            answers = self._at_once(collect, 6)
        won = [answer for answer in answers if isinstance(answer, list)]
        self.assertEqual(won, [sorted(ticket_ids)], answers)
        self.assertEqual(
            {a.code for a in answers if not isinstance(a, list)}, {"COLLECT_DONE"}
        )
        self.assertFalse(retries, "they follow each other without a sleep")
        with self._env() as env:
            printed = env["scenic.ticket"].browse(ticket_ids).mapped("print_count")
            self.assertEqual(printed, [1, 1, 1])
