from odoo.orm.models import LOG_ACCESS_COLUMNS
from odoo.tests import tagged

from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBulk(ScenicCommon):
    """Many records in one statement, and an ORM that knows of them."""

    def setUp(self):
        super().setUp()
        self.tickets = self._scenic_sell(self.scenic_individual, 3)
        self.ticket = self.tickets[0]
        self.right = self.ticket.entitlement_ids

    def _values(self, amounts):
        return [
            {
                "ticket_id": self.ticket.id,
                "component_id": self.right.component_id.id,
                "site_id": self.right.site_id.id,
                "company_id": self.ticket.company_id.id,
                "entries_total": 1,
                "amount": amount,
                **{
                    name: self.right[name]
                    for name in ("valid_from", "valid_to", "weekdays")
                    if name in self.right._fields
                },
            }
            for amount in amounts
        ]

    def test_records_come_in_the_order_of_their_values(self):
        amounts = [float(n * 7919 % 1000) for n in range(300)]
        rights = self.right._bulk_create(self._values(amounts))
        self.assertEqual(rights.mapped("amount"), amounts)
        self.env.invalidate_all()
        self.assertEqual(rights.mapped("amount"), amounts)

    def test_lists_of_a_parent_grow(self):
        """What is known stays known, with what is new, and nothing is asked for."""
        self.assertEqual(len(self.ticket.entitlement_ids), 1)
        archived = self.ticket.with_context(active_test=False)
        self.assertEqual(len(archived.entitlement_ids), 1)
        new = self.right._bulk_create(self._values([1.0, 2.0]))
        with self.assertQueryCount(0):
            self.assertEqual(self.ticket.entitlement_ids, self.right + new)
            self.assertEqual(new.ticket_id, self.ticket)
        self.assertEqual(archived.entitlement_ids, self.right + new)
        self.env.invalidate_all()
        self.assertEqual(self.ticket.entitlement_ids, self.right + new)

    def test_nothing_new_is_asked_for(self):
        [right] = self.right._bulk_create(self._values([3.0]))
        stored = [
            name
            for name, field in right._fields.items()
            if field.store and field.column_type and name not in LOG_ACCESS_COLUMNS
        ]
        with self.assertQueryCount(0):
            known = [right[name] for name in stored]
        self.env.invalidate_all()
        self.assertEqual([right[name] for name in stored], known)
