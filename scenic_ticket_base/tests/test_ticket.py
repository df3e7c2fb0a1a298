from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..exceptions import (
    ReasonMissingError,
    TicketReservedError,
    TicketStateError,
    TicketUsedError,
)
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestTicket(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ticket = cls._scenic_sell(cls.scenic_combo)

    def _gate(self, ticket=None, state=None, **values):
        """Do what a gate does: straight in the database."""
        ticket = ticket or self.ticket
        self.env.flush_all()
        for name, value in values.items():
            self.env.cr.execute(
                f"UPDATE scenic_entitlement SET {name} = %s WHERE id = %s",
                [value, ticket.entitlement_ids[0].id],
            )
        if state:
            self.env.cr.execute(
                "UPDATE scenic_ticket SET state = %s WHERE id = %s", [state, ticket.id]
            )

    def _assert_refused(self, code, function, *args, error=TicketStateError):
        state = self.ticket.state
        with self.assertRaises(error) as caught:
            function(*args)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.ticket.state, state)

    def test_refund(self):
        self.ticket._refund("POS/0001", "rain")
        self.assertEqual(self.ticket.state, "refunded")
        self.assertEqual(self.ticket.refund_ref, "POS/0001")
        self.assertEqual(self.ticket.amount_open, 0)
        self.assertFalse(any(self.ticket.credential_ids.mapped("active")))
        self.assertIn("POS/0001: rain", self.ticket.message_ids[0].body)
        self._assert_refused("TICKET_REFUNDED", self.ticket._refund, "R", "again")

    def test_used_ticket_is_not_refunded_nor_voided(self):
        """What the cache says does not matter: the gate wrote to the database."""
        self.assertEqual(self.ticket.entitlement_ids.mapped("entries_used"), [0, 0])
        self._gate(entries_used=1, state="part_used")
        for function, args in (
            (self.ticket._refund, ("R", "rain")),
            (self.ticket._void, ("rain",)),
        ):
            self._assert_refused("TICKET_USED", function, *args, error=TicketUsedError)

    def test_ticket_at_a_gate_is_not_refunded_nor_voided(self):
        self._gate(entries_reserved=1)
        for function, args in (
            (self.ticket._refund, ("R", "rain")),
            (self.ticket._void, ("rain",)),
        ):
            self._assert_refused(
                "TICKET_RESERVED", function, *args, error=TicketReservedError
            )

    def test_refund_is_all_or_nothing(self):
        good, bad = self._scenic_sell(self.scenic_individual, 2)
        self._gate(bad, entries_used=1)
        with self.assertRaises(TicketUsedError):
            (good | bad)._refund("R", "rain")
        self.assertEqual(good.state, "valid")
        self.assertTrue(all(good.credential_ids.mapped("active")))

    def test_reason_and_document_are_needed(self):
        for function, args in (
            (self.ticket._refund, ("R", " ")),
            (self.ticket._void, (None,)),
            (self.ticket._freeze, ("",)),
            (self.ticket._unfreeze, ("",)),
        ):
            self._assert_refused(
                "REASON_MISSING", function, *args, error=ReasonMissingError
            )
        self._assert_refused(
            "REFUND_DOCUMENT_MISSING", self.ticket._refund, " ", "rain"
        )

    def test_freeze_and_release(self):
        self.ticket._freeze("reported lost")
        self.assertEqual(self.ticket.state, "frozen")
        self.assertTrue(all(self.ticket.credential_ids.mapped("active")))
        self._assert_refused("TICKET_FROZEN", self.ticket._freeze, "again")
        self._assert_refused("TICKET_FROZEN", self.ticket._refund, "R", "rain")
        self.ticket._unfreeze("found")
        self.assertEqual(self.ticket.state, "valid")
        self._assert_refused("TICKET_VALID", self.ticket._unfreeze, "again")
        bodies = " ".join(self.ticket.message_ids.mapped("body"))
        self.assertIn("reported lost", bodies)
        self.assertIn("found", bodies)

    def test_release_gives_back_what_was_left(self):
        self._gate(entries_used=1, state="part_used")
        self.ticket.invalidate_recordset()
        self.ticket._freeze("dispute")
        self.ticket._unfreeze("settled")
        self.assertEqual(self.ticket.state, "part_used")

    def test_void_keeps_the_money_a_liability(self):
        self.ticket._void("misprint")
        self.assertEqual(self.ticket.state, "void")
        self.assertEqual(self.ticket.amount_open, 140)
        self.assertFalse(any(self.ticket.credential_ids.mapped("active")))
        self._assert_refused("TICKET_VOID", self.ticket._void, "again")

    def test_locks_ticket_before_entitlement(self):
        """The order that gates use too; another one would deadlock."""
        statements = []
        original = type(self.env.cr).execute

        def record(cursor, query, *args, **kwargs):
            statements.append(str(getattr(query, "code", query)))
            return original(cursor, query, *args, **kwargs)

        self.patch(type(self.env.cr), "execute", record)
        self.ticket._refund("R", "rain")
        locks = [text for text in statements if "FOR NO KEY UPDATE" in text]
        self.assertEqual(
            [("scenic_ticket" in text, "scenic_entitlement" in text) for text in locks],
            [(True, False), (False, True)],
        )
        first_write = next(
            index
            for index, text in enumerate(statements)
            if 'UPDATE "scenic_ticket"' in text
        )
        self.assertGreater(first_write, statements.index(locks[-1]))

    def test_prints_are_counted(self):
        self.ticket._count_print()
        self.assertEqual(self.ticket.print_count, 1)
        messages = len(self.ticket.message_ids)
        self.ticket._count_print()
        self.assertEqual(self.ticket.print_count, 2)
        self.assertEqual(len(self.ticket.message_ids), messages + 1)

    def test_expiry(self):
        other = self._scenic_sell(self.scenic_individual)
        held = self._scenic_sell(self.scenic_individual)
        frozen = self._scenic_sell(self.scenic_individual)
        frozen._freeze("dispute")
        self._gate(held, entries_reserved=1)
        tickets = self.ticket | other | held | frozen
        last_moment = max(tickets.entitlement_ids.mapped("valid_to"))
        with freeze_time(last_moment - timedelta(seconds=1)):
            self.env["scenic.ticket"]._cron_expire()
        self.assertEqual(set((tickets - frozen).mapped("state")), {"valid"})
        with freeze_time(last_moment):
            self.env["scenic.ticket"]._cron_expire(limit=1)
        self.assertEqual(
            tickets.mapped("state"), ["expired", "expired", "valid", "frozen"]
        )
        self.assertEqual(other.amount_open, 100, "the money waits for a policy")

    def test_expiry_by_the_scheduler(self):
        with (
            self.enter_registry_test_mode(),
            freeze_time(self.visit_date + timedelta(days=3)),
        ):
            self.env.ref(
                "scenic_ticket_base.ir_cron_expire_tickets"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.ticket.state, "expired")

    # Staff

    def _change(self, group, action):
        user = new_test_user(
            self.env,
            f"change_{group}_{action}",
            f"scenic_ticket_base.group_scenic_{group}",
        )
        wizard = self.env["scenic.ticket.change"].with_user(user)
        wizard.create(
            {
                "ticket_ids": [(6, 0, self.ticket.ids)],
                "action": action,
                "reason": "because",
            }
        ).action_apply()

    def test_staff_change_states_with_a_reason(self):
        self._change("customer_service", "freeze")
        self.assertEqual(self.ticket.state, "frozen")
        self._change("supervisor", "unfreeze")
        self.assertEqual(self.ticket.state, "valid")
        self._change("supervisor", "void")
        self.assertEqual(self.ticket.state, "void")
        message = self.ticket.message_ids[0]
        self.assertIn("because", message.body)
        self.assertEqual(message.author_id.user_ids.login, "change_supervisor_void")

    def test_others_may_not(self):
        for group, action in (
            ("customer_service", "void"),
            ("cashier", "freeze"),
            ("gate_operator", "freeze"),
            ("finance", "void"),
            ("auditor", "freeze"),
        ):
            with self.subTest(group=group), self.assertRaises(AccessError):
                self._change(group, action)
        self.assertEqual(self.ticket.state, "valid")
