from datetime import timedelta

from odoo import Command, fields
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_base.exceptions import ScenicError

from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowException(ScenicPosCommon):
    """Refunds beyond the policy: asked by the cashier, granted by a PIN."""

    PIN = "482915"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.desk = cls.config.with_user(cls.cashier)
        cls.boss = cls._supervisor("pin_boss")
        cls.second = cls._supervisor("pin_second")
        cls._give_pin(cls.boss, cls.PIN)

    @classmethod
    def _supervisor(cls, login, **values):
        return new_test_user(
            cls.env,
            login,
            "scenic_ticket_base.group_scenic_supervisor",
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
            **values,
        )

    @classmethod
    def _give_pin(cls, user, pin, again=None):
        wizard = (
            cls.env["scenic.window.pin.set"]
            .with_user(user)
            .create({"pin": pin, "pin_again": pin if again is None else again})
        )
        wizard.action_apply()

    def setUp(self):
        super().setUp()
        self.ticket = self._sell((self.adult, 1)).lines.scenic_ticket_ids
        self._admit(self.ticket)

    def _ask(self, pin=PIN, user=None, reason="fell ill", ticket=None):
        return self.desk.scenic_exception(
            (ticket or self.ticket).id, (user or self.boss).id, pin, reason
        )

    def _boss_pin(self):
        # sudo: nobody reads PINs
        pins_sudo = self.env["scenic.window.pin"].sudo()
        return pins_sudo.search([("user_id", "=", self.boss.id)])

    def _refund_it(self):
        quote = self.desk.scenic_ticket_refund(self.ticket.id)
        return self._order_vals(
            [
                self._line_vals(
                    self.adult,
                    -1,
                    refunded_orderline_id=quote["line_id"],
                    extra_tax_data=quote["extra_tax_data"],
                    scenic_refund_ticket_id=self.ticket.id,
                )
            ]
        )

    def test_granted_by_pin_and_paid_back_once(self):
        [case] = self.desk.scenic_check(self.ticket.name)
        self.assertFalse(case["actions"]["exception"])
        self.assertTrue(case["actions"]["refund"])
        self.assertEqual(
            self.desk.scenic_approvers(self.ticket.id),
            [{"id": self.boss.id, "name": self.boss.name}],
        )
        self.assertTrue(self._ask()["granted"])
        override = self.env["scenic.refund.override"].search(
            [("ticket_id", "=", self.ticket.id)]
        )
        self.assertEqual(
            (override.requester_id, override.approver_id, override.state),
            (self.cashier, self.boss, "approved"),
        )
        vals = self._refund_it()
        self._sync(vals)
        self.assertEqual(self.ticket.state, "refunded")
        self.assertEqual(self.ticket.refund_ids.override_id, override)
        self.assertEqual(self.ticket.refund_ids.reason, "fell ill")
        # the same money does not go out twice
        self._sync(vals)
        self.assertEqual(len(self.ticket.refund_ids), 1)
        with self.assertRaises(ScenicError), self.cr.savepoint():
            self._ask()

    def test_wrong_pin_is_counted_and_locks(self):
        for left in (4, 3, 2, 1):
            answer = self._ask("000000")
            self.assertFalse(answer["granted"])
            self.assertIn(str(left), answer["message"])
        self.assertIn("locked until", self._ask("000000")["message"])
        # the right one comes too late
        answer = self._ask()
        self.assertFalse(answer["granted"])
        self.assertIn("locked until", answer["message"])
        self.assertFalse(
            self.env["scenic.refund.override"].search(
                [("ticket_id", "=", self.ticket.id)]
            )
        )
        pin = self._boss_pin()
        pin.locked_until = fields.Datetime.now() - timedelta(seconds=1)
        self.assertTrue(self._ask()["granted"])

    def test_a_right_pin_forgives_the_wrong_ones(self):
        for _turn in range(4):
            self._ask("000000")
        self.assertTrue(self._ask()["granted"])
        pin = self._boss_pin()
        self.assertEqual(pin.failures, 0)

    def test_who_may_not_decide(self):
        self.assertFalse(self._ask(user=self.second)["granted"])
        self.assertFalse(self._ask(user=self.cashier)["granted"])
        far = self.env["scenic.site"].create({"name": "Far", "code": "FARPIN"})
        self.boss.sudo().scenic_site_ids = far
        self.assertFalse(self._ask()["granted"])
        self.assertEqual(self.desk.scenic_approvers(self.ticket.id), [])

    def test_nobody_grants_to_himself(self):
        self.cashier.sudo().group_ids += self.env.ref(
            "scenic_ticket_base.group_scenic_supervisor"
        )
        self._give_pin(self.cashier, "739152")
        self.assertFalse(self._ask("739152", user=self.cashier)["granted"])

    def test_policy_that_asks_for_the_manager(self):
        policy = self.env["scenic.refund.policy"].create(
            {"name": "Strict", "override": "manager"}
        )
        self.adult.scenic_refund_policy_id = policy
        ticket = self._sell((self.adult, 1)).lines.scenic_ticket_ids
        self._admit(ticket)
        self.assertFalse(self._ask(ticket=ticket)["granted"])

    def test_garbage_for_a_pin(self):
        for pin in (None, 482915, "", " 482915", "4" * 4000, ["482915"]):
            with self.subTest(pin=pin):
                self._boss_pin().failures = 0
                self.assertFalse(self._ask(pin)["granted"])

    def test_garbage_for_a_supervisor(self):
        """What is equal to the id and no id would not wait for the others' tries."""
        for user_id in (float(self.boss.id), str(self.boss.id), [self.boss.id], None):
            with self.subTest(user_id=user_id):
                answer = self.desk.scenic_exception(
                    self.ticket.id, user_id, self.PIN, "fell ill"
                )
                self.assertFalse(answer["granted"])

    def test_weak_or_different_pins_are_refused(self):
        for pin, again, code in (
            ("12345", None, "PIN_WEAK"),
            ("111122", None, "PIN_WEAK"),
            ("12345a", None, "PIN_WEAK"),
            ("1234567890123", None, "PIN_WEAK"),
            ("", None, "PIN_WEAK"),
            ("482916", "482917", "PIN_DIFFERENT"),
        ):
            with self.subTest(pin=pin), self.assertRaises(ScenicError) as caught:
                self._give_pin(self.second, pin, again)
            self.assertEqual(caught.exception.code, code)

    def test_a_pin_is_kept_as_a_hash_only(self):
        pin = self._boss_pin()
        self.assertNotIn(self.PIN, pin.pin_hash)
        self.env.flush_all()
        self.env.cr.execute("SELECT sealed FROM scenic_window_pin_set")
        self.assertNotIn(self.PIN, str(self.env.cr.fetchall()))

    def test_a_copy_of_the_database_has_no_pins(self):
        self.env.flush_all()
        for query in get_neutralization_queries(["scenic_ticket_pos"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertFalse(self._boss_pin())
