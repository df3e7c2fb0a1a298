import base64
import uuid
import zlib
from datetime import timedelta

import zxingcpp
from PIL import Image

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .test_gate_api import GateHttpCase


@tagged("post_install", "-at_install")
class TestPrinter(GateHttpCase):
    """What a bridge asks to print, and what it says became of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.printer = cls.env["scenic.printer"].create(
            {
                "name": "Window 1",
                "code": "W1",
                "site_id": cls.scenic_area.id,
                "device_id": cls.device.id,
            }
        )
        cls.tickets = cls._scenic_sell(cls.scenic_individual, 3).sorted("number")
        cls.session = str(uuid.uuid4())
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.jobs = self.printer._print(self.tickets, terminal="South")
        self.env.flush_all()

    def _ask(self, job=None, outcome="printed", **values):
        params = {
            "printer": "W1",
            "session": self.session,
            "state": "ready",
            "width": 512,
            **values,
        }
        if job:
            params.update(job=job["job"], outcome=outcome)
        answer = self._call("print", params)
        self.env.invalidate_all()
        return answer["job"]

    def _states(self):
        return self.jobs.mapped("state")

    def _read(self, job):
        """Return the texts of the codes on the paper."""
        rows = zlib.decompress(base64.b64decode(job["dots"]))
        self.assertEqual(len(rows), job["width"] // 8 * job["height"])
        dots = bytes(byte ^ 0xFF for byte in rows)
        size = job["width"], job["height"]
        picture = Image.frombytes("1", size, dots).convert("L")
        return {code.text for code in zxingcpp.read_barcodes(picture)}

    def _expected(self, ticket):
        return {ticket._qr_token(), ticket._barcode_number()}

    def test_one_after_the_other(self):
        job = None
        for number, ticket in enumerate(self.tickets):
            job = self._ask(job)
            self.assertEqual(job["job"], self.jobs[number].id)
            self.assertEqual(self._read(job), self._expected(ticket))
        self.assertIsNone(self._ask(job))
        self.assertEqual(self._states(), ["printed"] * 3)
        self.assertTrue(all(self.jobs.mapped("date_done")))
        self.assertEqual(self.tickets.mapped("print_count"), [1, 1, 1])

    def test_wider_paper(self):
        job = self._ask(width=576)
        self.assertEqual(job["width"], 576)
        self.assertEqual(self._read(job), self._expected(self.tickets[0]))

    def test_answer_got_lost(self):
        """The same process gets the job it never heard of."""
        first, again = self._ask(), self._ask()
        self.assertEqual(first, again)
        self.assertEqual(self._states(), ["sent", "waiting", "waiting"])

    def test_bridge_leaves(self):
        """Its last word about a job; another one is not given to it."""
        job = self._ask()
        self.assertIsNone(self._ask(job, leaving=True))
        self.assertEqual(self._states(), ["printed", "waiting", "waiting"])

    def test_told_twice(self):
        job = self._ask()
        following = self._ask(job)
        self.assertEqual(self._ask(job), following)
        self.assertEqual(self._states(), ["printed", "sent", "waiting"])

    def test_bridge_broke_down(self):
        """What another process had in hand is not printed again."""
        self._ask()
        job = self._ask(session=str(uuid.uuid4()))
        self.assertEqual(job["job"], self.jobs[1].id)
        self.assertEqual(self._states(), ["unsure", "sent", "waiting"])

    def test_no_paper(self):
        """Nothing was begun: it waits for the roll."""
        job = self._ask()
        again = self._ask(job, "waiting", state="no_paper")
        self.assertEqual(again["job"], job["job"])
        self.assertEqual(self.printer.state, "no_paper")
        self.assertEqual(self._states(), ["sent", "waiting", "waiting"])
        self._ask(again, "printed")
        self.assertEqual(self.printer.state, "ready")

    def test_paper_ended_within(self):
        job = self._ask()
        self._ask(job, "unsure", state="no_paper")
        self.assertEqual(self._states(), ["unsure", "sent", "waiting"])

    def test_too_late(self):
        now = fields.Datetime.now() + timedelta(minutes=3)
        values = {
            "printer": "W1",
            "session": self.session,
            "state": "ready",
            "width": 512,
            "job": None,
        }
        answer = self.device._gate_print(self.key_hash, values, now)
        self.assertIsNone(answer["job"])
        self.env.invalidate_all()
        self.assertEqual(self._states(), ["late"] * 3)

    def test_refunded_meanwhile(self):
        self.tickets[0]._refund("R", "rain")
        self.env.flush_all()
        job = self._ask()
        self.assertEqual(job["job"], self.jobs[1].id)
        self.assertEqual(self._states(), ["cancelled", "sent", "waiting"])

    def test_cancelled(self):
        self._ask()
        self.jobs._cancel()
        self.assertEqual(self._states(), ["sent", "cancelled", "cancelled"])

    def test_reprint_is_marked(self):
        self.assertEqual(self.jobs[0]._picture(512).width, 512)
        [reprint] = self.printer._print(self.tickets[0])
        first, second = self.jobs[0]._picture(512), reprint._picture(512)
        self.assertGreater(second.height, first.height)

    def test_another_device(self):
        """A printer answers to its own bridge alone."""
        other = self.env["scenic.device"].create(
            {"name": "north-1", "site_id": self.scenic_area.id}
        )
        self.printer.device_id = other
        self.env.flush_all()
        answer = self._call(
            "print",
            {
                "printer": "W1",
                "session": self.session,
                "state": "ready",
                "width": 512,
            },
        )
        self.assertEqual(answer, {"known": False, "job": None})
        self.env.invalidate_all()
        self.assertEqual(self._states(), ["waiting"] * 3)

    def test_parameters(self):
        good = {
            "printer": "W1",
            "session": self.session,
            "state": "ready",
            "width": 512,
        }
        for bad in (
            {"printer": ""},
            {"session": "x"},
            {"state": "burning"},
            {"width": 500},
            {"width": 384},
            {"width": 513},
            {"job": 1},
            {"job": "1", "outcome": "printed"},
            {"job": 1, "outcome": "lost"},
        ):
            with self.subTest(bad=bad):
                params = {**good, **bad}
                body = {"jsonrpc": "2.0", "id": 7, "method": "call", "params": params}
                response = self._post("print", body)
                self._assert_error(response, 400, -32602, "INVALID_PARAMS", 7)

    def test_other_company(self):
        company = self.env["res.company"].create({"name": "Other park"})
        site = self.env["scenic.site"].create(
            {"name": "Other", "code": "OTHERPRN", "company_id": company.id}
        )
        with self.assertRaises(ValidationError):
            self.printer.site_id = site
