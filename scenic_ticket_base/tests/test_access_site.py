import psycopg2.errors

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from ..exceptions import BookingError
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestAccessSite(ScenicCommon):
    """F1, H3: a user with sites of his own neither sees nor reaches the others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_area = cls.env["scenic.site"].create(
            {"name": "Other Lake", "code": "OTHERLAK"}
        )
        cls.other_product = cls._scenic_product(
            "Lake 湖票",
            "individual",
            50,
            components=[(cls.other_area, 1, 1.0)],
            scenic_site_id=cls.other_area.id,
        )
        # issued here, admits at both
        cls.both_product = cls._scenic_product(
            "Hill and lake 山湖联票",
            "individual",
            140,
            components=[(cls.scenic_area, 1, 1.0), (cls.other_area, 1, 1.0)],
        )
        cls.spot_product = cls._scenic_product(
            "Cave 洞票",
            "individual",
            30,
            components=[(cls.scenic_spot, 1, 1.0)],
            scenic_site_id=cls.scenic_spot.id,
        )
        cls.hill, cls.lake, cls.both, cls.cave = (
            cls._scenic_sell(product)
            for product in (
                cls.scenic_individual,
                cls.other_product,
                cls.both_product,
                cls.spot_product,
            )
        )
        cls.user = new_test_user(
            cls.env, "limited", "scenic_ticket_base.group_scenic_manager"
        )
        cls.env.flush_all()

    def _limit(self, *sites):
        self.user.scenic_site_ids = [Command.set([site.id for site in sites])]

    def _seen(self, records):
        """Return those of the records that a search finds and a read may read."""
        limited = records.with_user(self.user)
        found = limited.search([("id", "in", records.ids)])
        for record in limited:
            if record in found:
                self.assertTrue(record.read(["display_name"]))
            else:
                with self.assertRaises(AccessError):
                    record.read(["display_name"])
        return records.browse(found.ids)

    def _all_tickets(self):
        return self.hill | self.lake | self.both | self.cave

    def test_f1_without_limit_all_sites(self):
        self.assertEqual(self._seen(self._all_tickets()), self._all_tickets())
        domain = (
            self.env["ir.rule"].with_user(self.user)._compute_domain("scenic.ticket")
        )
        self.assertEqual(
            list(domain),
            [("company_id", "in", self.env.company.ids)],
            "a user without a limit pays nothing for it",
        )

    def test_f1_tickets_issued_or_admitted_at_own_sites(self):
        self._limit(self.scenic_area)
        self.assertEqual(
            self._seen(self._all_tickets()), self.hill | self.both | self.cave
        )
        self._limit(self.scenic_spot)
        self.assertEqual(self._seen(self._all_tickets()), self.cave)
        self._limit(self.other_area)
        self.assertEqual(self._seen(self._all_tickets()), self.lake | self.both)
        self._limit(self.other_area, self.scenic_spot)
        self.assertEqual(
            self._seen(self._all_tickets()), self.lake | self.both | self.cave
        )

    def test_f1_what_hangs_on_a_ticket(self):
        self._limit(self.other_area)
        tickets = self._all_tickets()
        self.assertEqual(
            self._seen(tickets.entitlement_ids),
            self.lake.entitlement_ids
            | self.both.entitlement_ids.filtered(
                lambda e: e.site_id == self.other_area
            ),
        )
        self.assertEqual(
            self._seen(tickets.credential_ids),
            self.lake.credential_ids | self.both.credential_ids,
        )
        self.assertEqual(self._seen(tickets.booking_id), self.lake.booking_id)
        self.assertEqual(self._seen(tickets.booking_line_id), self.lake.booking_line_id)
        entries = self.env["scenic.revenue.entry"]
        for entitlement in tickets.entitlement_ids:
            entries |= entries._recognise(entitlement, 1, self.visit_date)
        self.assertEqual(
            self._seen(entries),
            entries.filtered(lambda entry: entry.site_id == self.other_area),
        )

    def test_f1_issuer_sees_all_entitlements_of_his_tickets(self):
        self._limit(self.scenic_area)
        self.assertEqual(
            self._seen(self.both.entitlement_ids), self.both.entitlement_ids
        )

    def test_f1_sites_and_their_spots(self):
        sites = self.scenic_area | self.scenic_spot | self.other_area
        self._limit(self.scenic_area)
        self.assertEqual(self._seen(sites), self.scenic_area | self.scenic_spot)
        self._limit(self.scenic_spot)
        self.assertEqual(self._seen(sites), self.scenic_spot)

    def test_f1_new_spot_belongs_to_the_limit_at_once(self):
        self._limit(self.scenic_area)
        sites = self.env["scenic.site"].with_user(self.user)
        spot = sites.create(
            {"name": "New cave", "code": "NEWCAVE", "parent_id": self.scenic_area.id}
        )
        product = self._scenic_product(
            "New", "individual", 1, [(spot.sudo(), 1, 1.0)], scenic_site_id=spot.id
        )
        ticket = self._scenic_sell(product)
        self.assertEqual(self._seen(ticket), ticket)
        # and no longer when it moves away
        spot.sudo().parent_id = self.other_area
        self.assertFalse(self._seen(ticket))
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            sites.create({"name": "Own area", "code": "OWN"})
        with self.assertRaises(AccessError):
            self.other_area.with_user(self.user).name = "Mine"

    def test_f1_archived_site_is_still_a_limit(self):
        self._limit(self.scenic_spot)
        self.scenic_spot.active = False
        self.env.registry.clear_cache()
        self.assertEqual(self._seen(self._all_tickets()), self.cave)

    @mute_logger("odoo.sql_db")
    def test_f1_the_only_site_of_a_user_cannot_go(self):
        site = self.env["scenic.site"].create({"name": "Only", "code": "ONLY"})
        self._limit(site)
        with (
            self.assertRaises(psycopg2.errors.ForeignKeyViolation),
            self.env.cr.savepoint(),
        ):
            site.unlink()
        self.assertFalse(self._seen(self._all_tickets()))

    def test_f1_no_user_widens_his_own_limit(self):
        self._limit(self.scenic_spot)
        for values in ({"scenic_site_ids": [Command.clear()]}, {"group_ids": []}):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                self.user.with_user(self.user).write(values)
        cashier = new_test_user(
            self.env, "limited_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        with self.assertRaises(AccessError):
            cashier.with_user(cashier).read(["scenic_site_ids"])

    def test_f1_by_filter_and_group_nothing_leaks(self):
        """Searching and grouping over what is hidden finds nothing of it."""
        self._limit(self.scenic_spot)
        tickets = self.env["scenic.ticket"].with_user(self.user)
        self.assertFalse(tickets.search([("name", "=", self.lake.name)]))
        groups = tickets.formatted_read_group(
            [("company_id", "=", self.env.company.id)],
            ["site_id"],
            ["__count", "amount_total:sum"],
        )
        self.assertEqual(
            [group["site_id"][0] for group in groups], [self.scenic_spot.id]
        )
        lines = self.env["scenic.booking.line"].with_user(self.user)
        self.assertFalse(lines.search([("ticket_ids.name", "=", self.lake.name)]))

    def test_f1_the_trail_of_other_sites_is_hidden(self):
        audit = self.env["scenic.audit"]
        audit._log("closure", self.scenic_area | self.other_area)
        audit._log("closure", self.scenic_rule)
        trail = audit.search([("action", "=", "closure")])
        self._limit(self.other_area)
        self.assertEqual(
            self._seen(trail).mapped("res_model"),
            ["scenic.validity.rule", "scenic.site"],
        )

    def test_f1_change_of_rights_is_audited(self):
        self._limit(self.scenic_spot)
        event = self.env["scenic.audit"].search(
            [("action", "=", "rights_change"), ("res_id", "=", self.user.id)], limit=1
        )
        self.assertEqual(event.before, {"scenic_site_ids": []})
        self.assertEqual(
            event.after, {"scenic_site_ids": [self.scenic_spot.complete_name]}
        )
        group = self.env.ref("scenic_ticket_base.group_scenic_auditor")
        group.user_ids = [Command.link(self.user.id)]
        event = self.env["scenic.audit"].search(
            [("action", "=", "rights_change")], limit=1
        )
        self.assertIn("limited", event.after["user_ids"])
        self.assertNotIn("limited", event.before["user_ids"])

    def test_f1_products_offered_and_sold(self):
        products = (
            self.scenic_individual
            | self.other_product
            | self.both_product
            | self.spot_product
        )
        magnet = self.env["product.product"].create({"name": "Magnet"})
        self._limit(self.other_area)
        self.assertEqual(
            self._seen(products | magnet),
            self.other_product | self.both_product | magnet,
        )
        bookings = self.env["scenic.booking"].with_user(self.user)
        self.assertTrue(
            bookings._hold("window", "MINE", [self._scenic_line(self.other_product)])
        )
        with self.assertRaises(BookingError) as caught, self.env.cr.savepoint():
            bookings._hold(
                "window", "THEIRS", [self._scenic_line(self.scenic_individual)]
            )
        self.assertEqual(caught.exception.code, "SITE_NOT_YOURS")
        self.assertFalse(
            self.env["scenic.booking"].search([("external_ref", "=", "THEIRS")])
        )

    def test_f1_staff_of_a_component_opens_the_ticket(self):
        """All of its screens, with names of what is at other sites."""
        self._limit(self.other_area)
        ticket = self.both.with_user(self.user)
        Form(ticket)
        self.assertIn("Hill and lake", str(ticket.life_line))
        self.assertTrue(ticket.action_life_line())
