from odoo.tests import HttpCase, tagged

from odoo.addons.scenic_ticket_base.tests.rights import ANYBODY, Right, RightsMixin

from .common import ScenicPosCommon

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
    rights = {"scenic.shift": Right(read=SHIFT_READERS)}
    rights_methods = {
        # without a point of sale there is no window to ask for
        ("pos.config", "scenic_check_visitor"): ((), [{}]),
        ("pos.config", "scenic_places"): ((), [0]),
        ("pos.order", "action_pos_order_paid"): ((), []),
        ("pos.order", "action_send_receipt"): ((), ["a@example.com", "", False]),
        ("pos.order", "action_view_scenic_tickets"): ((), []),
        # without a point of sale there is nothing to read
        ("pos.order", "read_pos_data"): (ANYBODY, [[], False]),
        ("pos.order", "scenic_count_ticket_print"): ((), []),
        ("pos.order", "scenic_phone_page"): ((), []),
        ("pos.order", "scenic_print_cancel"): ((), []),
        ("pos.order", "scenic_print_missing"): ((), []),
        ("pos.order", "scenic_print_state"): ((), []),
        ("pos.order", "scenic_refund_quote"): ((), ({},)),
        # an order is refused by what it holds; no order asks for nothing
        ("pos.order", "sync_from_ui"): (ANYBODY, ([],)),
        ("pos.session", "scenic_hand_over"): ((), [1, {}]),
        ("pos.session", "scenic_shift_data"): ((), []),
        ("scenic.shift", "action_export"): (SHIFT_READERS, []),
        ("scenic.shift", "action_print"): (SHIFT_READERS, []),
        ("scenic.shift", "action_print_strip"): (SHIFT_READERS, []),
        ("scenic.shift", "action_view_orders"): (SHIFT_READERS, []),
        ("scenic.shift", "action_view_tickets"): (SHIFT_READERS, []),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._rights_setup({})

    def setUp(self):
        super().setUp()
        self.config.scenic_site_id = self.scenic_area
        order = self._sell((self.adult, 1))
        self.samples = {
            "pos.order": order,
            "pos.session": order.session_id,
            "scenic.shift": order.scenic_shift_id,
        }
