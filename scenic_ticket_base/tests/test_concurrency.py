from concurrent.futures import ThreadPoolExecutor

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import TicketReservedError, TicketUsedError
from .parallel import ParallelCase


@tagged("post_install", "-at_install")
class TestConcurrency(ParallelCase):
    @mute_logger("odoo.sql_db")
    def _gate(self, ticket_id, change, refund):
        """Let a gate hold the ticket while a refund waits; return its answer."""
        with ThreadPoolExecutor(1) as pool, self._env() as env:
            env.cr.execute(
                "SELECT id FROM scenic_ticket WHERE id = %s FOR NO KEY UPDATE",
                [ticket_id],
            )
            waiting = pool.submit(self._call, refund)
            self._wait_for_lock("scenic_ticket%FOR NO KEY UPDATE")
            env.cr.execute(
                f"UPDATE scenic_entitlement SET {change} WHERE ticket_id = %s",
                [ticket_id],
            )
            env.cr.commit()
            return waiting.result(timeout=60)

    def test_refund_that_waits_for_a_gate_sees_the_reservation(self):
        [ticket_id] = self._sell("PAR-GATE-1")
        answer = self._gate(
            ticket_id,
            "entries_reserved = 1",
            lambda env: env["scenic.ticket"].browse(ticket_id)._refund("R", "rain"),
        )
        self.assertIsInstance(answer, TicketReservedError)
        with self._env() as env:
            self.assertEqual(env["scenic.ticket"].browse(ticket_id).state, "valid")

    def test_void_that_waits_for_a_gate_sees_the_use(self):
        [ticket_id] = self._sell("PAR-GATE-2")
        answer = self._gate(
            ticket_id,
            "entries_used = 1",
            lambda env: env["scenic.ticket"].browse(ticket_id)._void("rain"),
        )
        self.assertIsInstance(answer, TicketUsedError)

    def test_money_is_paid_back_once(self):
        [ticket_id] = self._sell("PAR-REFUND")
        answers = self._at_once(
            lambda env: env["scenic.ticket"].browse(ticket_id)._refund("R", "rain").ids
        )
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        self.assertEqual(len(answers) - len(errors), 1, answers)
        self.assertEqual({error.code for error in errors}, {"TICKET_REFUNDED"})

    def test_same_order_at_once_is_one_booking(self):
        ids = self._at_once(lambda env: self._hold(env, "PAR-HOLD").id)
        self.assertEqual(len(set(ids)), 1, ids)

    def test_confirmed_at_once_issues_once(self):
        with self._env() as env:
            booking_id = self._hold(env, "PAR-CONFIRM", 3).id
        answers = self._at_once(
            lambda env: tuple(env["scenic.booking"].browse(booking_id)._confirm().ids)
        )
        self.assertEqual(len(set(answers)), 1, answers)
        self.assertEqual(len(answers[0]), 3)
        with self._env() as env:
            self.assertEqual(
                env["scenic.ticket"].search_count([("booking_id", "=", booking_id)]), 3
            )
