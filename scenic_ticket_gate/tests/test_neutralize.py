from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestNeutralize(GateCommon):
    def test_copy_lets_no_gate_in(self):
        self.env.flush_all()
        for query in get_neutralization_queries(["scenic_ticket_gate"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertEqual(self.device.state, "revoked")
        self.assertFalse(self.device.sudo().key_hash)
