from odoo import fields, models

READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in ("cashier", "gate_operator", "customer_service", "finance", "auditor")
)
COMPLAINT_READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in ("supervisor", "customer_service", "auditor")
)
# Tickets that were paid for; the staff's own cards are no purchase.
SOLD = [("kind", "!=", "staff"), ("state", "not in", ("held", "refunded", "void"))]


class ResPartner(models.Model):
    _inherit = "res.partner"

    scenic_is_customer = fields.Boolean(
        store=False, search="_search_scenic_is_customer", groups=READERS
    )
    scenic_currency_id = fields.Many2one(
        "res.currency", compute="_compute_scenic_figures", groups=READERS
    )
    scenic_booking_count = fields.Integer(
        string="Bookings", compute="_compute_scenic_figures", groups=READERS
    )
    scenic_ticket_count = fields.Integer(
        string="Tickets", compute="_compute_scenic_figures", groups=READERS
    )
    scenic_amount = fields.Monetary(
        string="Tickets Bought",
        compute="_compute_scenic_figures",
        currency_field="scenic_currency_id",
        groups=READERS,
        help="Price of the tickets that were neither paid back nor voided, those of "
        "the contacts of a company included.",
    )
    scenic_visit_count = fields.Integer(
        string="Visits",
        compute="_compute_scenic_figures",
        groups=READERS,
        help="Entries that were passed.",
    )
    scenic_membership_count = fields.Integer(
        string="Member Cards", compute="_compute_scenic_figures", groups=READERS
    )
    scenic_complaint_count = fields.Integer(
        string="Complaints",
        compute="_compute_scenic_complaint_count",
        groups=COMPLAINT_READERS,
    )

    def _compute_scenic_figures(self):
        company = self.env.company
        figures = {
            "scenic_booking_count": self._scenic_sums(
                "scenic.booking", "partner_id", "__count"
            ),
            "scenic_ticket_count": self._scenic_sums(
                "scenic.ticket", "partner_id", "__count", SOLD
            ),
            "scenic_amount": self._scenic_sums(
                "scenic.ticket",
                "partner_id",
                "amount_total:sum",
                [*SOLD, ("currency_id", "=", company.currency_id.id)],
            ),
            "scenic_visit_count": self._scenic_sums(
                "scenic.entitlement", "ticket_id.partner_id", "entries_used:sum"
            ),
            "scenic_membership_count": self._scenic_sums(
                "scenic.membership", "partner_id", "__count"
            ),
        }
        for partner in self:
            partner.scenic_currency_id = company.currency_id
            for name, sums in figures.items():
                partner[name] = sums.get(partner._origin.id, 0)

    def _compute_scenic_complaint_count(self):
        counts = self._scenic_sums("scenic.complaint", "partner_id", "__count")
        for partner in self:
            partner.scenic_complaint_count = counts.get(partner._origin.id, 0)

    def _scenic_sums(self, model, path, aggregate, domain=()):
        """Return ``{partner id: sum}`` over their records and their contacts'."""
        own = self.with_context(active_test=False).search_fetch(
            [("id", "child_of", self.ids)], ["parent_id"]
        )
        rows = self.env[model]._read_group(
            [(path, "in", own.ids), *domain], [path], [aggregate]
        )
        sums = {}
        for partner, value in rows:
            while partner:
                sums[partner.id] = sums.get(partner.id, 0) + (value or 0)
                partner = partner.parent_id
        return sums

    def _search_scenic_is_customer(self, operator, value):
        if operator != "in":
            return NotImplemented
        buyers = self.env["scenic.booking"]._search([("partner_id", "!=", False)])
        return [("id", "in", buyers.subselect("partner_id"))]

    def _scenic_open(self, xmlid, domain=()):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return {
            **action,
            "domain": [("partner_id", "child_of", self.ids), *domain],
            "context": {"default_partner_id": self.id},
        }

    def action_scenic_bookings(self):
        """Open the bookings of this customer and its contacts."""
        return self._scenic_open("scenic_ticket_base.scenic_booking_action")

    def action_scenic_tickets(self):
        """Open the tickets behind the number and the amount."""
        return self._scenic_open("scenic_ticket_base.scenic_ticket_action", SOLD)

    def action_scenic_visits(self):
        """Open the tickets that were used."""
        return self._scenic_open(
            "scenic_ticket_base.scenic_ticket_action",
            [("entitlement_ids.entries_used", ">", 0)],
        )

    def action_scenic_memberships(self):
        """Open the member cards of this customer."""
        return self._scenic_open("scenic_ticket_base.scenic_membership_action")

    def action_scenic_complaints(self):
        """Open the complaints of this customer."""
        return self._scenic_open("scenic_ticket_base.scenic_complaint_action")
