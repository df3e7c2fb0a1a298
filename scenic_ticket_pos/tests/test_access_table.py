from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, tagged

from odoo.addons.scenic_ticket_base.tests.rights import (
    ANYBODY,
    NOBODY,
    WINDOW,
    Right,
    RightsMixin,
    wizard,
)

from .common import ScenicPosCommon

COLLECTION_READERS = (
    "cashier",
    "supervisor",
    "customer_service",
    "finance",
    "manager",
    "auditor",
)
# A cashier sees his own only, and the sample is of somebody else.
SHIFT_READERS = ("supervisor", "finance", "manager", "auditor")


@tagged("post_install", "-at_install")
class TestAccessTable(RightsMixin, ScenicPosCommon, HttpCase):
    """F1: who may do what with the methods of the window.

    None of these users has rights on the point of sale itself, except the manager
    of the park; see test_window_rights for cashiers.
    """

    rights_module = "scenic_ticket_pos"
    rights_refusals = (
        "odoo.exceptions.AccessError",
        "odoo.addons.scenic_ticket_pos.exceptions.WindowRightError",
    )
    rights = {
        "scenic.collection": Right(read=COLLECTION_READERS),
        "scenic.shift": Right(read=SHIFT_READERS),
        # nobody reads what is known of a PIN
        "scenic.window.pin": Right(read=NOBODY, company=False, site=False),
        "scenic.window.pin.set": wizard("supervisor", "manager"),
        "scenic.concession.override": Right(read=(*WINDOW, "finance", "auditor")),
    }
    rights_methods = {
        # without a point of sale there is no window to ask for
        ("pos.config", "scenic_approvers"): ((), [0]),
        ("pos.config", "scenic_ask_concession"): ((), [{}, "", ""]),
        ("pos.config", "scenic_change"): ((), [0, "2030-01-01", None, "key"]),
        ("pos.config", "scenic_change_quote"): ((), [0, "2030-01-01"]),
        ("pos.config", "scenic_check"): ((), ["1"]),
        ("pos.config", "scenic_check_roster"): ((), [[0, False, False], []]),
        ("pos.config", "scenic_check_visitor"): ((), [{}]),
        ("pos.config", "scenic_collect"): ((), [0, "a-request"]),
        ("pos.config", "scenic_collect_find"): ((), ["1"]),
        ("pos.config", "scenic_exception"): ((), [0, 0, "000000", "why"]),
        ("pos.config", "scenic_find_members"): ((), [""]),
        ("pos.config", "scenic_give_card"): ((), [0, ""]),
        ("pos.config", "scenic_member_photo"): ((), [0]),
        ("pos.config", "scenic_open_visitors"): ((), [[]]),
        ("pos.config", "scenic_places"): ((), [0]),
        ("pos.config", "scenic_prices"): ((), [[]]),
        ("pos.config", "scenic_propose"): ((), [{}]),
        ("pos.config", "scenic_read_roster"): ((), [{"text": ""}, [0, False, False]]),
        ("pos.config", "scenic_reissue"): ((), [0, 0, "why"]),
        ("pos.config", "scenic_reprint"): ((), [[0]]),
        ("pos.config", "scenic_review"): ((), [[]]),
        ("pos.config", "scenic_seal_visitors"): ((), [[]]),
        ("pos.config", "scenic_ticket_refund"): ((), [0]),
        ("pos.order", "action_pos_order_paid"): ((), []),
        ("pos.order", "action_send_receipt"): ((), ["a@example.com", "", False]),
        ("pos.order", "action_view_scenic_tickets"): ((), []),
        # without a point of sale there is nothing to read
        ("pos.order", "read_pos_data"): (ANYBODY, [[], False]),
        ("pos.order", "scenic_count_ticket_print"): ((), []),
        ("pos.order", "scenic_phone_page"): ((), []),
        ("pos.order", "scenic_refund_quote"): ((), ({},)),
        # an order is refused by what it holds; no order asks for nothing
        ("pos.order", "sync_from_ui"): (ANYBODY, ([],)),
        ("pos.session", "scenic_hand_over"): ((), [1, {}]),
        ("pos.session", "scenic_return_blanks"): ((), ["browser"]),
        ("pos.session", "scenic_shift_data"): ((), []),
        ("pos.session", "scenic_sync_blanks"): ((), ["browser", []]),
        ("scenic.staff.card.issue", "action_apply"): (("manager",), []),
        ("scenic.concession.override", "action_approve"): (
            ("supervisor", "manager"),
            [],
        ),
        ("scenic.concession.override", "action_refuse"): (
            ("supervisor", "manager"),
            [],
        ),
        ("scenic.shift", "action_export"): (SHIFT_READERS, []),
        ("scenic.shift", "action_print"): (SHIFT_READERS, []),
        ("scenic.shift", "action_print_strip"): (SHIFT_READERS, []),
        ("scenic.shift", "action_view_orders"): (SHIFT_READERS, []),
        ("scenic.shift", "action_view_tickets"): (SHIFT_READERS, []),
        ("scenic.window.pin.set", "action_apply"): (("supervisor", "manager"), []),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._rights_setup({})

    def setUp(self):
        super().setUp()
        self.config.scenic_site_id = self.scenic_area
        order = self._sell((self.adult, 1))
        web = self._scenic_sell(self.adult, ref="RIGHTS-WEB", channel="web")
        self.config.scenic_collect(web.booking_id.id, "rights-sample")
        wizards = self.env["scenic.window.pin.set"]
        self.samples = {
            "scenic.collection": web.collection_ids,
            "scenic.window.pin.set": wizards.create({}),
            "pos.order": order,
            "scenic.concession.override": self._concession_override(),
            "pos.session": order.session_id,
            "scenic.shift": order.scenic_shift_id,
        }

    def _concession_override(self):
        # sudo: nobody may create exceptions
        return (
            self.env["scenic.concession.override"]
            .sudo()
            .create(
                {
                    "order_ref": "26-1",
                    "line_uuid": "line",
                    "config_id": self.config.id,
                    "product_id": self.adult.id,
                    "persons": 1,
                    "company_id": self.env.company.id,
                    "site_id": self.scenic_area.id,
                    "refusal": "too old",
                    "reason": "known to us",
                    "requester_id": self.env.uid,
                    "valid_until": fields.Datetime.now() + timedelta(hours=1),
                }
            )
        )
