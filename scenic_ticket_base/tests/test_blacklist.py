from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import new_test_user, tagged

from ..exceptions import BookingError, ReasonMissingError, VisitorError
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBlacklist(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # the days of a block are those of who blocks
        cls.env = cls.env(context={**cls.env.context, "tz": cls.scenic_area.tz})
        cls.blacklist = cls.env["scenic.blacklist"]
        cls.visitor = cls.env["scenic.visitor"]._find_or_create(
            cls._person(), cls.env.company
        )
        cls.named = cls._scenic_product(
            "Named", "individual", 100, scenic_real_name="visitor"
        )
        cls.today = fields.Date.context_today(cls.blacklist)

    @classmethod
    def _person(cls):
        return {"name": "李四", "doc_kind": "cn_id", "doc_number": "11010519491231002X"}

    def _buy(self, **values):
        return self._scenic_sell(self.named, visitors=[self._person()], **values)

    def _assert_code(self, error, code, call, *args, **kwargs):
        with self.assertRaises(error) as caught, self.env.cr.savepoint():
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)
        return str(caught.exception)

    def test_f5_a_blocked_visitor_cannot_buy(self):
        self.blacklist._block(self.visitor, "climbed the wall at night")
        text = self._assert_code(BookingError, "VISITOR_BLOCKED", self._buy)
        self.assertNotIn("wall", text)
        self.blacklist._lift(self.visitor, "apologised")
        self.assertEqual(len(self._buy()), 1)

    def test_f5_for_the_days_of_the_block_only(self):
        start = self.today + timedelta(days=5)
        self.blacklist._block(self.visitor, "x", start, start + timedelta(days=4))
        for days, blocked in ((4, False), (5, True), (9, True), (10, False)):
            day = self.today + timedelta(days=days)
            with self.subTest(days=days):
                if blocked:
                    self._assert_code(
                        BookingError, "VISITOR_BLOCKED", self._buy, visit_date=day
                    )
                else:
                    self._buy(visit_date=day)
        self.assertEqual(self.visitor.blacklist_ids.state, "planned")

    def test_f5_blocked_today_cannot_buy_for_later(self):
        self.blacklist._block(self.visitor, "x", date_until=self.today)
        self._assert_code(BookingError, "VISITOR_BLOCKED", self._buy)

    def test_f5_a_block_ends_by_itself(self):
        self.blacklist._block(self.visitor, "x", date_until=self.today)
        entry = self.visitor.blacklist_ids
        self.assertEqual(entry.state, "blocked")
        with freeze_time(self.today + timedelta(days=2)):
            entry.invalidate_recordset(["state"])
            self.assertEqual(entry.state, "over")
            self.blacklist._block(self.visitor, "again")
        self.assertEqual(len(self.visitor.blacklist_ids), 2)

    def test_f5_reason_dates_and_doubles(self):
        block, lift = self.blacklist._block, self.blacklist._lift
        self._assert_code(
            ReasonMissingError, "REASON_MISSING", block, self.visitor, " "
        )
        yesterday = self.today - timedelta(days=1)
        self._assert_code(
            VisitorError, "BLOCK_DATES", block, self.visitor, "x", None, yesterday
        )
        self._assert_code(VisitorError, "VISITOR_NOT_BLOCKED", lift, self.visitor, "x")
        self.assertFalse(self.visitor.blocked_from)
        block(self.visitor, "x")
        self._assert_code(
            VisitorError, "VISITOR_BLOCKED_ALREADY", block, self.visitor, "x"
        )

    def test_f5_both_ends_are_in_the_audit_trail(self):
        self.blacklist._block(self.visitor, "x")
        self.blacklist._lift(self.visitor, "y")
        events = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.visitor"), ("res_id", "=", self.visitor.id)],
            order="id",
        )
        self.assertEqual(
            events.filtered(lambda e: "block" in e.action).mapped("action"),
            ["visitor_block", "visitor_unblock"],
        )
        for event in events:
            self.assertNotIn("李四", str(event.read()))

    def test_f5_the_visitor_is_told_all_that_is_kept(self):
        self.blacklist._block(self.visitor, "climbed the wall")
        self.env["scenic.complaint"].create(
            {
                "subject": "Wall",
                "description": "Too high",
                "visitor_id": self.visitor.id,
            }
        )
        exported = self.visitor._export("asked for it")
        self.assertEqual(exported["blacklist"][0]["reason"], "climbed the wall")
        self.assertEqual(exported["complaints"][0]["description"], "Too high")
        page = str(self.visitor._render_export(exported))
        self.assertIn("climbed the wall", page)
        self.assertIn("Too high", page)

    def test_f5_rights(self):
        entry = self.blacklist._block(self.visitor, "x")
        for role, may_read, may_block in (
            ("cashier", False, False),
            ("gate_operator", False, False),
            ("finance", False, False),
            ("auditor", True, False),
            ("supervisor", True, True),
            ("customer_service", True, True),
            ("manager", True, True),
        ):
            user = new_test_user(
                self.env, f"black_{role}", f"scenic_ticket_base.group_scenic_{role}"
            )
            values = {
                "visitor_id": self.visitor.id,
                "action": "lift",
                "reason": "because",
            }
            for model, method, args, allowed in (
                ("scenic.blacklist", "read", [entry.ids, ["reason"]], may_read),
                ("scenic.blacklist", "create", [[{"reason": "x"}]], False),
                ("scenic.blacklist", "write", [entry.ids, {"reason": "y"}], False),
                ("scenic.blacklist", "unlink", [entry.ids], False),
                (
                    "scenic.visitor",
                    "write",
                    [self.visitor.ids, {"blocked_from": False}],
                    False,
                ),
                ("scenic.blacklist", "_lift", [self.visitor.ids, "x"], False),
                ("scenic.visitor.block", "create", [[values]], may_block),
            ):
                self._assert_right(allowed, user, model, method, *args)
            if may_block:
                with self.env.cr.savepoint() as savepoint:
                    [wizard] = self._rpc(
                        user, "scenic.visitor.block", "create", [values]
                    )
                    self._rpc(user, "scenic.visitor.block", "action_apply", [wizard])
                    self.assertFalse(self.visitor.blocked_from)
                    savepoint.rollback()
                self.visitor.invalidate_recordset()
        self.assertTrue(self.visitor.blocked_from)
