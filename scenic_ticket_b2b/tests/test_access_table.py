from odoo.tests import tagged

from odoo.addons.scenic_ticket_base.tests.rights import (
    ANYBODY,
    MANAGER,
    Right,
    RightsMixin,
)

from .common import B2BHttpCommon

# the manager sells by sales orders, customer service does so, too
SELLERS = ("customer_service", "manager")
READERS = (*SELLERS, "finance", "auditor")


@tagged("post_install", "-at_install")
class TestAccessTable(RightsMixin, B2BHttpCommon):
    """F1: who may do what with the models of this add-on.

    The portal user of the table is of no agency.
    """

    rights_module = "scenic_ticket_b2b"
    rights = {
        "scenic.agency.contract": Right(read=READERS, write=MANAGER, site=False),
        "scenic.agency.contract.line": Right(read=READERS, write=MANAGER, site=False),
    }
    rights_methods = {
        ("res.partner", "action_scenic_portal_access"): (MANAGER, []),
        ("sale.order", "action_draft"): (SELLERS, []),
        ("sale.order", "action_scenic_refund_unused"): (SELLERS, []),
        ("sale.order", "action_view_scenic_tickets"): (ANYBODY, []),
        ("scenic.agency.contract", "action_close"): (MANAGER, []),
        ("scenic.agency.contract", "action_draft"): (MANAGER, []),
        ("scenic.agency.contract", "action_start"): (MANAGER, []),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._rights_setup(
            {
                "scenic.agency.contract": cls.contract,
                "scenic.agency.contract.line": cls.contract.line_ids,
                "sale.order": cls._make_order(
                    (cls.scenic_individual, 1), confirm=False
                ),
                "res.partner": cls.agency,
            }
        )
