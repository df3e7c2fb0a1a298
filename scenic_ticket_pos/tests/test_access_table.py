from odoo.tests import HttpCase, tagged

from odoo.addons.scenic_ticket_base.tests.rights import ANYBODY, RightsMixin

from .common import ScenicPosCommon


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
    rights = {}
    rights_methods = {
        # without a point of sale there is no window to ask for
        ("pos.config", "scenic_check_visitor"): ((), [{}]),
        ("pos.config", "scenic_places"): ((), [0]),
        ("pos.order", "action_pos_order_paid"): ((), []),
        ("pos.order", "action_view_scenic_tickets"): ((), []),
        # without a point of sale there is nothing to read
        ("pos.order", "read_pos_data"): (ANYBODY, [[], False]),
        ("pos.order", "scenic_count_ticket_print"): ((), []),
        ("pos.order", "scenic_refund_quote"): ((), ({},)),
        # an order is refused by what it holds; no order asks for nothing
        ("pos.order", "sync_from_ui"): (ANYBODY, ([],)),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._rights_setup({})

    def setUp(self):
        super().setUp()
        self.samples = {"pos.order": self._sell((self.adult, 1))}
