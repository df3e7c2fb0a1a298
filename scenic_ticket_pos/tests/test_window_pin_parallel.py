from odoo import fields
from odoo.tests import tagged

from ..models.scenic_window_pin import MAX_TRIES
from .window_parallel import WindowParallelCase

GUESSES = 20
PIN = "482915"


@tagged("post_install", "-at_install")
class TestWindowPinParallel(WindowParallelCase):
    """Who guesses a supervisor's PIN at many windows at once gets no more tries."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            # at the window is the superuser: nobody grants an exception to himself
            self.boss = self.ids["cashier"]
            env(user=self.boss)["scenic.window.pin"]._set_own(PIN)
        # a ticket each, so that nobody waits for another one's ticket
        self.tickets = [self._sell(f"ticket-{n}")[0] for n in range(GUESSES)]

    def _remove(self):
        with self._env() as env:
            self._pin(env).unlink()
        super()._remove()

    def _pin(self, env):
        return env["scenic.window.pin"].search([("user_id", "=", self.boss)])

    def _ask(self, env, number, pin):
        config = env["pos.config"].browse(self.ids["config"])
        return config.scenic_exception(self.tickets[number], self.boss, pin, "fell ill")

    def test_tries_at_once(self):
        with self._env() as env:
            locks = [("action", "=", "window_pin_lock"), ("res_id", "=", self.boss)]
            before = env["scenic.audit"].search_count(locks)
        answers = self._at_once_each(
            lambda env, number: self._ask(env, number, f"1234{number:02}"), GUESSES
        )
        self.assertEqual({answer["granted"] for answer in answers}, {False})
        messages = [answer["message"] for answer in answers]
        wrong = sorted(text for text in messages if "locked until" not in text)
        self.assertEqual(
            wrong,
            [
                f"The PIN is wrong. {left} tries are left."
                for left in range(1, MAX_TRIES)
            ],
        )
        self.assertEqual(len(messages) - len(wrong), GUESSES - MAX_TRIES + 1)
        with self._env() as env:
            self.assertGreater(self._pin(env).locked_until, fields.Datetime.now())
            self.assertEqual(env["scenic.audit"].search_count(locks), before + 1)
        answer = self._call(lambda env: self._ask(env, 0, PIN))
        self.assertIn("locked until", answer["message"])
        self.assertFalse(answer["granted"])
