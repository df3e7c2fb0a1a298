from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from ..exceptions import MembershipError
from .test_membership import START, MemberCommon


@tagged("post_install", "-at_install")
class TestMembershipFingerprint(MemberCommon):
    """Consent to a fingerprint: asked for, recorded, withdrawn, forgotten."""

    def _wizard(self, card, user):
        wizards = self.env["scenic.membership.fingerprint"].with_user(user)
        return Form(wizards.with_context(default_membership_id=card.id))

    def _trail(self, card):
        return self.env["scenic.audit"].search(
            [
                ("res_model", "=", card._name),
                ("res_id", "=", card.id),
                ("action", "=like", "fingerprint_%"),
            ],
            order="id",
        )

    @freeze_time(START)
    def test_d4_given_and_withdrawn(self):
        card = self._card()
        self.assertFalse(card.fingerprint_ref)
        cashier = new_test_user(
            self.env, "finger_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        with self._wizard(card, cashier) as form:
            self.assertFalse(form.is_given)
        form.record.action_give()
        self.assertEqual(card.fingerprint_user_id, cashier)
        self.assertTrue(card.fingerprint_date)
        first = card.fingerprint_ref
        self.assertTrue(first)
        self._assert_code(
            MembershipError, "FINGERPRINT_GIVEN", card.action_give_fingerprint
        )
        with self._wizard(card, cashier) as form:
            self.assertTrue(form.is_given)
        form.record.action_withdraw()
        self.assertFalse(
            card.fingerprint_ref or card.fingerprint_date or card.fingerprint_user_id
        )
        self._assert_code(
            MembershipError, "FINGERPRINT_NONE", card.action_withdraw_fingerprint
        )
        self.assertEqual(
            [(event.action, event.user_id) for event in self._trail(card)],
            [("fingerprint_give", cashier), ("fingerprint_withdraw", cashier)],
        )
        # the template of the first consent must not serve the second one
        card.action_give_fingerprint()
        self.assertNotEqual(card.fingerprint_ref, first)

    @freeze_time(START)
    def test_d4_a_guardian_speaks_for_a_child(self):
        card = self._card()
        card.visitor_id.birth_date = date(2012, 12, 2)
        self._assert_code(
            MembershipError,
            "FINGERPRINT_GUARDIAN",
            card.action_give_fingerprint,
            " ",
        )
        self.assertFalse(card.fingerprint_ref)
        card.action_give_fingerprint("王芳")
        self.assertEqual(card.fingerprint_guardian, "王芳")
        exported = card.visitor_id._export("asked for")
        [told] = exported["member_cards"]
        self.assertEqual(
            (told["fingerprint_consent"], told["fingerprint_guardian"]),
            (card.fingerprint_date.isoformat(), "王芳"),
        )
        visitor = card.visitor_id.with_context(tz="Asia/Shanghai")
        page = visitor._render_export(exported)
        for text in ("2026-12-01 11:00", "王芳"):
            self.assertIn(text, page)
        self.assertNotRegex(page, r"\dT\d\d:")
        # nobody is named in the trail
        self.assertEqual(self._trail(card).after, {"guardian": True})
        other = self._card(2)
        other.visitor_id.birth_date = date(2012, 12, 1)
        other.action_give_fingerprint()
        self.assertFalse(other.fingerprint_guardian)

    @freeze_time(START)
    def test_d4_erased_with_the_person(self):
        card = self._card()
        card.action_give_fingerprint()
        card.ticket_ids._refund("R/1", "x")
        self._assert_code(
            MembershipError, "MEMBERSHIP_ENDED", self._ended().action_give_fingerprint
        )
        card.visitor_id._erase("asked to")
        self.assertFalse(card.fingerprint_ref or card.fingerprint_date)
        self.assertEqual(self._trail(card)[-1].action, "fingerprint_withdraw")

    def _ended(self):
        card = self._card(3)
        card.ticket_ids._refund("R/2", "x")
        return card

    def test_d4_not_by_everybody(self):
        card = self._card()
        operator = new_test_user(
            self.env, "finger_gate", "scenic_ticket_base.group_scenic_gate_operator"
        )
        for method in ("action_give_fingerprint", "action_withdraw_fingerprint"):
            with self.assertRaises(AccessError):
                getattr(card.with_user(operator), method)()
