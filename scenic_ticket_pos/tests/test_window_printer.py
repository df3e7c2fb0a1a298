from datetime import timedelta

import zxingcpp

from odoo import fields
from odoo.tests import new_test_user, tagged

from ..exceptions import WindowRightError
from .common import ScenicPosCommon
from .epos_printer import bar_module, qr_module, read_codes


@tagged("post_install", "-at_install")
class TestWindowPrinter(ScenicPosCommon):
    """Tickets that a printer of a bridge makes; what the bridge says is given here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.printer = cls.env["scenic.printer"].create(
            {"name": "Window 1", "code": "W1", "site_id": cls.scenic_area.id}
        )
        cls.config.scenic_printer_id = cls.printer

    def setUp(self):
        super().setUp()
        self.order = self._sell((self.adult, 2), (self.group, 12))
        self.tickets = self.order.lines.scenic_ticket_ids.sorted("number")
        self.window_order = self.order.with_user(self.cashier)
        self._bridge_says("ready")

    def _print(self):
        self.window_order.scenic_count_ticket_print()
        # sudo: what became of them is told by the bridge, not by a person
        return self.printer.sudo().job_ids.sorted("id")

    def _bridge_says(self, state):
        self.printer.write({"state": state, "last_seen": fields.Datetime.now()})

    def _state(self):
        return self.window_order.scenic_print_state()

    # ---------------------------------------------------------------------

    def test_one_job_a_ticket_counted_before(self):
        jobs = self._print()
        self.assertEqual(jobs.ticket_id, self.tickets)
        self.assertEqual(set(jobs.mapped("state")), {"waiting"})
        self.assertEqual(jobs.user_id, self.cashier)
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1, 1])
        prints = self.env["scenic.print"].search(
            [("ticket_id", "in", self.tickets.ids)]
        )
        self.assertEqual(set(prints.mapped("medium")), {"receipt"})
        self.assertEqual(set(prints.mapped("terminal")), {self.config.name})

    def test_only_what_admits(self):
        [line] = self.order.lines.filtered(lambda line: line.product_id == self.adult)
        self._refund({line: 1})
        self.assertEqual(len(self._print()), 2)

    def test_codes_survive_the_printer(self):
        """Each module of a code is a whole number of dots, on either paper."""
        for job in self._print():
            for width in (512, 576):
                with self.subTest(ticket=job.ticket_id.name, width=width):
                    picture = job._picture(width)
                    self.assertEqual((picture.mode, picture.width), ("1", width))
                    paper = picture.convert("L")
                    [qr_code], [barcode] = read_codes(paper)
                    self.assertEqual(qr_code.text, job.ticket_id._qr_token())
                    self.assertEqual(barcode.text, job.ticket_id._barcode_number())
                    self.assertGreaterEqual(qr_module(paper, qr_code), 6)
                    self.assertGreaterEqual(bar_module(paper, barcode), 3)

    def test_long_names_fit(self):
        self.adult.product_tmpl_id.name = "云溪山国家级风景名胜区" * 8
        [job] = self._print()[:1]
        paper = job._picture(512).convert("L")
        self.assertEqual(len(zxingcpp.read_barcodes(paper)), 2)

    def test_how_far_it_is(self):
        jobs = self._print()
        self.assertEqual(
            self._state(),
            {"total": 3, "printed": 0, "open": 3, "missing": 0, "message": False},
        )
        jobs[0].state = "printed"
        jobs[1].state = "sent"
        state = self._state()
        self.assertEqual((state["printed"], state["open"]), (1, 2))
        jobs.state = "printed"
        self.assertEqual(
            self._state(),
            {"total": 3, "printed": 3, "open": 0, "missing": 0, "message": False},
        )

    def test_what_to_do(self):
        self._print()
        for state, word in (
            ("no_paper", "no paper"),
            ("cover_open", "cover"),
            ("error", "fault"),
            ("offline", "cannot be reached"),
        ):
            with self.subTest(state=state):
                self._bridge_says(state)
                self.assertIn(word, self._state()["message"])
        self.printer.last_seen = fields.Datetime.now() - timedelta(minutes=1)
        self.assertIn("does not answer", self._state()["message"])

    def test_missing_is_printed_again(self):
        jobs = self._print()
        jobs.state = "printed"
        jobs[1].state = "unsure"
        state = self._state()
        self.assertEqual(state["missing"], 1)
        self.assertIn(self.tickets[1].name, state["message"])
        self.assertNotIn(self.tickets[0].name, state["message"])
        state = self.window_order.scenic_print_missing()
        self.assertEqual((state["printed"], state["open"]), (2, 1))
        self.assertEqual(self.tickets.mapped("print_count"), [1, 2, 1])
        # asked twice, it is printed once
        self.window_order.scenic_print_missing()
        self.assertEqual(self.tickets.mapped("print_count"), [1, 2, 1])

    def test_rest_is_cancelled(self):
        jobs = self._print()
        jobs[0].state = "printed"
        jobs[1].state = "sent"
        self.env.flush_all()
        state = self.window_order.scenic_print_cancel()
        self.assertEqual(jobs.mapped("state"), ["printed", "sent", "cancelled"])
        self.assertEqual((state["open"], state["missing"]), (1, 1))

    def test_no_printer_of_a_bridge(self):
        self.config.scenic_printer_id = False
        self.assertFalse(self._print())
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1, 1])
        self.assertEqual(self._state()["total"], 0)

    def test_who_may_print(self):
        clerk = new_test_user(
            self.env,
            "printer_clerk",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
        )
        order = self.order.with_user(clerk)
        for method in (
            "scenic_count_ticket_print",
            "scenic_print_state",
            "scenic_print_cancel",
            "scenic_print_missing",
        ):
            with self.subTest(method=method), self.assertRaises(WindowRightError):
                getattr(order, method)()
