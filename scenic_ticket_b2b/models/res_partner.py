from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResPartner(models.Model):
    _inherit = "res.partner"

    is_scenic_agency = fields.Boolean(
        "Ticket Agency",
        index=True,
        tracking=True,
        help="A travel agency that orders tickets at its own prices in the portal.",
    )
    scenic_contract_ids = fields.One2many(
        "scenic.agency.contract", "partner_id", "Agency Contracts"
    )
    scenic_portal_user_count = fields.Integer(
        "Portal Users", compute="_compute_scenic_portal_user_count"
    )

    @api.depends("is_scenic_agency")
    def _compute_scenic_portal_user_count(self):
        self.scenic_portal_user_count = 0
        agencies = self.filtered("is_scenic_agency")
        if not agencies:
            return
        # sudo: a plain count; the office may see it without rights on users
        users_sudo = self.env["res.users"].sudo()
        counts = dict(
            users_sudo._read_group(
                [
                    ("share", "=", True),
                    ("partner_id.commercial_partner_id", "in", agencies.ids),
                ],
                ["partner_id.commercial_partner_id"],
                ["__count"],
            )
        )
        for agency in agencies:
            agency.scenic_portal_user_count = counts.get(agency, 0)

    @api.constrains("is_scenic_agency", "is_company", "parent_id")
    def _check_is_scenic_agency(self):
        for partner in self:
            if partner.is_scenic_agency and partner.commercial_partner_id != partner:
                raise ValidationError(
                    self.env._(
                        "%(partner)s belongs to %(company)s: only the company itself "
                        "can be an agency.",
                        partner=partner.name,
                        company=partner.commercial_partner_id.name,
                    )
                )

    @api.constrains("is_scenic_agency")
    def _check_scenic_contracts(self):
        for partner in self:
            if partner.is_scenic_agency:
                continue
            # sudo: a running contract of another company counts as well
            if partner.sudo().scenic_contract_ids.filtered(
                lambda contract: contract.state == "running"
            ):
                raise ValidationError(
                    self.env._(
                        "%(partner)s has a running agency contract: close it first.",
                        partner=partner.name,
                    )
                )

    def _scenic_agency(self):
        """The agency this contact acts for; empty when it acts for none."""
        return self.commercial_partner_id.filtered("is_scenic_agency")

    def _scenic_grants(self, company):
        """Granted products of this agency that can still be ordered.

        A product granted by two running contracts comes twice.
        """
        if not self:
            return self.env["scenic.agency.contract.line"]
        contracts = self.env["scenic.agency.contract"].search(
            self.env["scenic.agency.contract"]._running_domain(self, company)
        )

        def _is_open(line):
            first, last = line._window(line.product_tmpl_id._scenic_today())
            template = line.product_tmpl_id
            return (
                template.active
                and template.sale_ok
                and template.service_tracking == "scenic_ticket"
                and first <= last
            )

        return contracts.line_ids.filtered(_is_open)

    def action_scenic_portal_access(self):
        """Odoo's own portal wizard for the agency's contacts."""
        self.ensure_one()
        return (
            self.env["portal.wizard"]
            .with_context(active_model="res.partner", active_ids=self.ids)
            .action_open_wizard()
        )
