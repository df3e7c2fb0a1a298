import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import BookingError, MembershipError, ScenicError
from .common import ScenicMixin
from .parallel import ParallelCase


@tagged("post_install", "-at_install")
class TestMembershipParallel(ParallelCase):
    """Two windows, one card, at the same moment."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            product = env["product.product"].browse(self.product_id)
            product.scenic_validity_rule_id.write(
                {"mode": "days_from_sale", "days": 90}
            )
            product.product_tmpl_id.write(
                {
                    "scenic_ticket_kind": "member",
                    "scenic_real_name": "visitor",
                    "scenic_id_scope": "none",
                    "scenic_freeze_days": 30,
                }
            )
        self.card_id = self._sell_card(1)

    def _sell_card(self, seed):
        with self._env() as env:
            line = self._member_line(env, visitors=[ScenicMixin._scenic_visitor(seed)])
            booking = env["scenic.booking"]._hold(
                "window", f"{self.tag}-CARD{seed}", [line]
            )
            return booking._confirm().membership_id.id

    def _member_line(self, env, **values):
        return {
            "product_id": self.product_id,
            "quantity": 1,
            "price_unit": 100.0,
            "amount_untaxed": 100.0,
            "amount_total": 100.0,
            **values,
        }

    def _remove(self):
        with self._env() as env:
            cr = env.cr
            cr.execute(
                "SELECT array_agg(id), array_agg(visitor_id) FROM scenic_membership "
                "WHERE product_id = %s",
                [self.product_id],
            )
            cards, visitors = cr.fetchone()
            cr.execute(
                "DELETE FROM scenic_membership_freeze WHERE membership_id = ANY(%s)",
                [cards],
            )
            cr.execute(
                "DELETE FROM scenic_ticket_holder WHERE visitor_id = ANY(%s)",
                [visitors],
            )
            cr.execute(
                "UPDATE scenic_ticket SET membership_id = NULL, visitor_id = NULL "
                "WHERE membership_id = ANY(%s)",
                [cards],
            )
            cr.execute(
                "UPDATE scenic_booking_line SET renew_membership_id = NULL "
                "WHERE renew_membership_id = ANY(%s)",
                [cards],
            )
            cr.execute("DELETE FROM scenic_membership WHERE id = ANY(%s)", [cards])
            cr.execute("DELETE FROM scenic_visitor WHERE id = ANY(%s)", [visitors])
        super()._remove()

    @mute_logger("odoo.sql_db")
    def _side_by_side(self, *functions):
        """Do different things at the same moment."""
        barrier = threading.Barrier(len(functions))

        def run(function):
            barrier.wait(timeout=30)
            return self._call(function)

        with ThreadPoolExecutor(len(functions)) as pool:
            return list(pool.map(run, functions))

    def _codes(self, results):
        return sorted(r.code for r in results if isinstance(r, ScenicError))

    def test_b3_two_renewals_at_once_are_one(self):
        def renew(env):
            card = env["scenic.membership"].browse(self.card_id)
            line = self._member_line(env, renew_membership_id=card.id)
            booking = env["scenic.booking"]._hold(
                "window", f"{self.tag}-{env.cr._cnx.get_backend_pid()}", [line]
            )
            return booking.id

        results = self._at_once(renew)
        self.assertEqual(self._codes(results), ["RENEWAL_PENDING"] * 3, results)
        self.assertTrue(all(isinstance(r, int | BookingError) for r in results))

    def test_b3_frozen_at_once_is_frozen_once(self):
        results = self._at_once(
            lambda env: env["scenic.membership"].browse(self.card_id)._freeze("x")
        )
        self.assertEqual(self._codes(results), ["MEMBERSHIP_FROZEN"] * 3, results)
        results = self._at_once(
            lambda env: env["scenic.membership"].browse(self.card_id)._unfreeze("y")
        )
        self.assertEqual(self._codes(results), ["MEMBERSHIP_NOT_FROZEN"] * 3)
        with self._env() as env:
            card = env["scenic.membership"].browse(self.card_id)
            self.assertEqual(card.state, "active")
            self.assertEqual(card.freeze_ids.state, "released")

    def test_b3_a_renewal_paid_while_it_freezes_is_frozen(self):
        with self._env() as env:
            line = self._member_line(env, renew_membership_id=self.card_id)
            held = env["scenic.booking"]._hold("window", f"{self.tag}-R", [line])
            booking_id = held.id
        results = self._side_by_side(
            lambda env: env["scenic.booking"].browse(booking_id)._confirm().ids,
            lambda env: env["scenic.membership"].browse(self.card_id)._freeze("x"),
        )
        self.assertFalse(self._codes(results), results)
        with self._env() as env:
            card = env["scenic.membership"].browse(self.card_id)
            self.assertEqual(card.ticket_ids.mapped("state"), ["frozen", "frozen"])

    def test_b3_one_new_medium_for_two_cards(self):
        cards = [self.card_id, self._sell_card(2)]
        number = f"04{self.tag}"

        def replace(card_id, env):
            card = env["scenic.membership"].browse(card_id)
            return card._replace("ic_card", number, "x").ids

        results = self._side_by_side(*(partial(replace, card) for card in cards))
        self.assertEqual(self._codes(results), ["MEDIUM_TAKEN"], results)
        self.assertFalse(any(isinstance(r, MembershipError) for r in results))
        with self._env() as env:
            found = env["scenic.credential"]._find_all(number, "ic_card")
            self.assertEqual(len(found), 1)
