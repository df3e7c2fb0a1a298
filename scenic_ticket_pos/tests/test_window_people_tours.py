from odoo import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import ScenicPosTourCommon
from .test_window_concession import ConcessionMixin
from .test_window_member import OLD_CARD, MemberMixin


class PeopleTourCommon(ScenicPosTourCommon):
    """On the smallest screen that the window is made for."""

    browser_size = "1024x768"

    def _start_as(self, tour, login, role):
        """Run a tour as another person at the window than the cashier."""
        self.cashier = new_test_user(
            self.env,
            login,
            f"base.group_user,point_of_sale.group_pos_user,"
            f"scenic_ticket_base.group_scenic_{role}",
            lang="en_US",
            tz="Asia/Shanghai",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        self.start_pos_tour(tour)

    def _order(self):
        """Return the one order that a tour paid."""
        return self.env["pos.order"].search(
            [
                ("session_id", "=", self.config.current_session_id.id),
                ("state", "=", "paid"),
            ]
        )


@tagged("post_install", "-at_install")
class TestWindowConcessionTours(ConcessionMixin, PeopleTourCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._setup_concessions()

    def test_concessions(self):
        """Lowest lawful price by the document, a proof, a reason, a height."""
        self._open_session()
        self.start_pos_tour("ScenicConcessionTour")
        order = self._order()
        self.assertEqual(order.amount_total, 180)
        sold = [
            (
                line.product_id.name,
                line.scenic_proof_checked,
                bool(line.scenic_proof_note),
                line.scenic_choice_reason or "",
            )
            for line in order.lines
        ]
        self.assertEqual(
            sold,
            [
                ("Adult Ticket", False, False, ""),
                ("Child Ticket", False, True, ""),
                ("Adult Ticket", False, True, "wants the full ticket"),
                ("Reduced Ticket", True, True, ""),
                ("Reduced Ticket", True, True, ""),
            ],
        )
        self.assertEqual(order.lines[3].scenic_proof_note, "student card")
        trail = self.env["scenic.audit"].search(
            [("action", "in", ("free_ticket", "concession_choice"))]
        )
        self.assertEqual(set(trail.user_id), {self.cashier})
        self.assertEqual(len(trail), 2)

    def test_refuted(self):
        """A document speaks against the ticket: the cashier asks a supervisor."""
        self._open_session()
        self.child.scenic_real_name = "visitor"
        self.start_pos_tour("ScenicConcessionRefutedTour")
        override = self.env["scenic.concession.override"].search([])
        self.assertEqual(len(override), 1)
        self.assertEqual(override.state, "requested")
        self.assertEqual(override.requester_id, self.cashier)
        self.assertEqual(override.reason, "the birth certificate was lost")
        self.assertFalse(self._order())


@tagged("post_install", "-at_install")
class TestWindowMemberTours(MemberMixin, PeopleTourCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._setup_members()

    def setUp(self):
        super().setUp()
        self._open_session()
        self.card = self._card_of(1)
        self.card.sudo()._replace("ic_card", OLD_CARD, "First card")
        self.card.with_user(self.cashier).action_set_photo(self._photo())
        self.sold = self._order()

    def test_members(self):
        """B3: found, renewed, replaced; sold with the card in the hand."""
        self._admit(self._card_of(2, self.count).ticket_ids)
        self.sold = self._order()
        self.start_pos_tour("ScenicMemberTour")
        renewal, sale = (self._order() - self.sold).sorted("id")
        self.assertEqual(renewal.amount_total, 320)
        self.assertEqual(len(self.card.ticket_ids), 2)
        self.assertEqual(self.card.replace_count, 1)
        credentials = self.env["scenic.credential"]
        dead = credentials._find_all(OLD_CARD, "ic_card")
        self.assertFalse(dead.filtered("active"))
        self.assertEqual(
            credentials._find_all("04D4E5F6", "ic_card").ticket_id,
            self.card.ticket_ids,
        )
        self.assertEqual(
            credentials._find_all("04AABBCC", "ic_card").ticket_id,
            sale.lines.scenic_ticket_ids,
        )

    def test_supervisor(self):
        """Frozen, released, and a fee waived, each with its reason."""
        self._start_as("ScenicMemberSupervisorTour", "tour_supervisor", "supervisor")
        self.assertEqual(self.card.state, "active")
        trail = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.membership"), ("user_id", "=", self.cashier.id)]
        )
        self.assertEqual(
            trail.sorted("id").mapped("action"),
            ["membership_freeze", "membership_unfreeze", "membership_replace"],
        )

    def test_staff_card(self):
        self._scenic_product(
            "Staff Card",
            "staff",
            0,
            sale_ok=False,
            scenic_revenue_trigger="straight_line",
            scenic_validity_rule_id=self.scenic_rule_sale.id,
        )
        self._start_as("ScenicStaffCardTour", "tour_manager", "manager")
        card = self.env["scenic.staff.card"].search([("employee_no", "=", "E-17")])
        self.assertEqual((card.holder_name, card.state), ("Wang Qiang", "active"))


@tagged("post_install", "-at_install")
class TestWindowComboTours(PeopleTourCommon):
    @mute_logger("odoo.http")
    def test_combo(self):
        self.env["scenic.capacity.pool"].create(
            {
                "name": "Test Cave",
                "site_id": self.scenic_spot.id,
                "kind": "day",
                "capacity": 2,
            }
        )
        self._open_session()
        self.start_pos_tour("ScenicComboTour")
        order = self._order()
        self.assertEqual(len(order.lines), 1)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)
