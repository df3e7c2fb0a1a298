from odoo.tests import tagged
from odoo.tools import SQL

from ..tools.quick_fetch import quick_fetch
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestQuickFetch(ScenicCommon):
    """What is found by SQL is what the ORM would find, and known."""

    def setUp(self):
        super().setUp()
        self.pools = self.env["scenic.capacity.pool"].create(
            [
                {"name": name, "site_id": site.id, "capacity": 9, "kind": kind}
                for name, site, kind in (
                    ("A", self.scenic_area, "day"),
                    ("B", self.scenic_area, "slot"),
                    ("C", self.scenic_area, "day"),
                )
            ]
        )

    def _found(self, condition="TRUE"):
        return quick_fetch(
            self.env["scenic.capacity.pool"],
            ["site_id", "kind", "include_spots"],
            SQL("id = ANY(%s) AND " + condition + " ORDER BY id DESC", self.pools.ids),
        )

    def test_fields_are_known(self):
        self.env.flush_all()
        self.env.invalidate_all()
        found = self._found()
        with self.assertQueryCount(0):
            facts = [(p.site_id, p.kind, p.include_spots) for p in found]
        self.assertEqual(found, self.pools[::-1])
        self.env.invalidate_all()
        self.assertEqual(facts, [(p.site_id, p.kind, p.include_spots) for p in found])

    def test_what_is_not_written_yet_is_seen(self):
        self.pools[0].include_spots = True
        self.pools[1].active = False
        self.assertEqual(self._found("include_spots"), self.pools[0])
        self.assertEqual(self._found("active"), self.pools[2] + self.pools[0])
        self.assertTrue(self._found("include_spots").include_spots)

    def test_pools_of_a_product(self):
        """Those of all products, and those that name this one."""
        one, other = self.scenic_individual, self.scenic_group
        mine, everyones, others = self.pools[0], self.pools[1], self.pools[2]
        mine.product_ids = one.product_tmpl_id
        others.product_ids = other.product_tmpl_id
        matching = self.env["scenic.capacity.pool"]._matching
        self.assertEqual(matching(one.product_tmpl_id) & self.pools, mine + everyones)
        self.assertEqual(
            matching(other.product_tmpl_id) & self.pools, everyones + others
        )
        everyones.active = False
        self.assertEqual(matching(one.product_tmpl_id) & self.pools, mine)

    def test_number_of_a_booking(self):
        """The sequence of the company goes before that of all."""
        sequences = self.env["ir.sequence"]
        ours = sequences.create(
            {
                "name": "Ours",
                "code": "scenic.booking",
                "prefix": "OUR%(y)s-",
                "padding": 4,
                "company_id": self.env.company.id,
            }
        )
        [name] = self._scenic_sell(self.scenic_individual).booking_id.mapped("name")
        self.assertRegex(name, r"^OUR\d\d-0001$")
        ours.active = False
        [name] = self._scenic_sell(self.scenic_individual).booking_id.mapped("name")
        self.assertRegex(name, r"^SB\d+$")

    def test_components_of_a_product(self):
        """Read at once, archived ones as the ORM knows them."""
        template = self.scenic_combo.product_tmpl_id
        listed = template.scenic_component_ids
        listed[0].active = False
        self.env.flush_all()
        self.env.invalidate_all()
        template._scenic_fetch_components()
        with self.assertQueryCount(0):
            found = template.scenic_component_ids
            self.assertEqual(found.mapped("entries"), listed[1:].mapped("entries"))
        self.assertEqual(found, listed[1:])
        everything = template.with_context(active_test=False)
        self.assertEqual(everything.scenic_component_ids, listed)
