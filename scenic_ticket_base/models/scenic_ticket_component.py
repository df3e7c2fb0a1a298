from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list

from .product_template import WHOLE_PRODUCT


class ScenicTicketComponent(models.Model):
    _name = "scenic.ticket.component"
    _description = "Ticket Component"
    _inherit = ["scenic.audited"]
    _order = "product_tmpl_id.id, sequence, id"

    product_tmpl_id = fields.Many2one(
        "product.template",
        string="Ticket Product",
        required=True,
        index=True,
        ondelete="cascade",
    )
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True, translate=True)
    site_id = fields.Many2one(
        "scenic.site",
        required=True,
        index=True,
        ondelete="restrict",
        help="Gates that lead to this site admit the ticket.",
    )
    entries = fields.Integer(
        string="Entries per Person",
        required=True,
        default=1,
        help="How many times each person may enter.",
    )
    unlimited = fields.Boolean(help="As many entries as wanted while valid.")
    daily_entries = fields.Integer(
        string="Entries per Day",
        help="How many times a person may enter on one day. 0: no daily limit.",
    )
    reentry = fields.Selection(
        [
            ("none", "Each entry counts"),
            ("same_day", "Free again on the same day"),
            ("after_exit", "Free again on the same day after a counted exit"),
        ],
        string="Re-entry",
        required=True,
        default="none",
    )
    reentry_minutes = fields.Integer(
        string="Minutes Between Entries",
        help="A code is refused for so many minutes after its last entry. 0: none.",
    )
    antipassback = fields.Selection(
        [("off", "Off"), ("soft", "Report only"), ("hard", "Refuse")],
        string="Anti-passback",
        required=True,
        default="off",
        help="Whether a code that is inside may enter again before it left.",
    )
    choice_group = fields.Integer(
        string="Either-or",
        help="Of the components with the same number, above zero, only one can be "
        "used.",
    )
    validity_rule_id = fields.Many2one(
        "scenic.validity.rule",
        string="Own Validity",
        index="btree_not_null",
        ondelete="restrict",
        help="Keep empty if this component is valid as long as the ticket.",
    )
    active = fields.Boolean(default=True)
    share = fields.Float(
        string="Price Share",
        required=True,
        default=1.0,
        digits=(16, 2),
        help="Weight of this component in the price of the ticket. With shares "
        "60 and 40, a first use of the second earns 40 % of the price.",
    )

    _entries_positive = models.Constraint(
        "CHECK (entries BETWEEN 1 AND 10000)", "Entries must be 1 to 10000."
    )
    _limits = models.Constraint(
        "CHECK (daily_entries BETWEEN 0 AND 10000 AND "
        "reentry_minutes BETWEEN 0 AND 1440 AND choice_group BETWEEN 0 AND 99)",
        "Entries per day are 0 to 10000, minutes between entries 0 to 1440, and the "
        "number of an either-or is 0 to 99.",
    )
    _share_positive = models.Constraint(
        "CHECK (share > 0)", "The price share must be above zero."
    )

    @api.constrains("site_id", "product_tmpl_id")
    def _check_site(self):
        for component in self:
            product = component.product_tmpl_id
            company = product.scenic_site_id.company_id or product.company_id
            if company and component.site_id.company_id != company:
                raise ValidationError(
                    self.env._(
                        "Component “%(component)s” of “%(product)s”: its site must be "
                        "of the company of the issuing site.",
                        component=component.name,
                        product=product.display_name,
                    )
                )

    @api.constrains(
        "entries", "unlimited", "daily_entries", "choice_group", "active", "site_id"
    )
    def _check_definition(self):
        for component in self:
            if component.unlimited:
                continue
            if component.daily_entries > component.entries:
                raise ValidationError(
                    self.env._(
                        "“%(component)s” admits %(entries)s time(s) in all: it cannot "
                        "admit %(daily)s times a day.",
                        component=component.name,
                        entries=component.entries,
                        daily=component.daily_entries,
                    )
                )
        self._check_product()

    def _check_product(self):
        """Check the product as a whole, unless it is being saved and does so itself."""
        if self.env.context.get("scenic_whole_product") is not WHOLE_PRODUCT:
            self.product_tmpl_id._check_scenic_definition()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sold(self):
        # sudo: tickets the user cannot see count as well
        sold_sudo = (
            self.env["scenic.entitlement"]
            .sudo()
            .search([("component_id", "in", self.ids)], limit=1)
        )
        if sold_sudo:
            raise UserError(
                self.env._(
                    "Tickets with “%(component)s” were sold, so it cannot be deleted. "
                    "Archive it: new tickets will come without it.",
                    component=sold_sudo.component_id.name,
                )
            )

    def unlink(self):
        products = self.product_tmpl_id
        res = super().unlink()
        if self.env.context.get("scenic_whole_product") is not WHOLE_PRODUCT:
            products.exists()._check_scenic_definition()
        return res

    @api.onchange("site_id")
    def _onchange_site_id(self):
        if self.site_id and not self.name:
            self.name = self.site_id.name

    @api.onchange("unlimited")
    def _onchange_unlimited(self):
        if self.unlimited:
            self.entries = 1

    def _text(self):
        """Return what this component allows, as a clause: ``one entry to the cave``."""
        self.ensure_one()
        place = self.name or self.site_id.name or ""
        if self.unlimited:
            text = self.env._("any number of entries to %(place)s", place=place)
        elif self.entries == 1:
            text = self.env._("one entry to %(place)s", place=place)
        else:
            text = self.env._(
                "%(entries)s entries to %(place)s", entries=self.entries, place=place
            )
        details = self._detail_texts()
        if not details:
            return text
        return self.env._(
            "%(text)s (%(details)s)", text=text, details=format_list(self.env, details)
        )

    def _detail_texts(self):
        texts = []
        if self.daily_entries:
            texts.append(
                self.env._("at most %(count)s a day", count=self.daily_entries)
            )
        if self.reentry == "same_day":
            texts.append(self.env._("free again on the same day"))
        elif self.reentry == "after_exit":
            texts.append(self.env._("free again on the same day after the exit"))
        if self.reentry_minutes:
            texts.append(
                self.env._(
                    "%(minutes)s minutes between entries", minutes=self.reentry_minutes
                )
            )
        if self.validity_rule_id:
            texts += self.validity_rule_id._texts()
        return texts

    def _entitlement_values(self, window):
        """Return what an entitlement freezes of this component, with its window.

        :param window: ``tools.window.Window`` of this component
        """
        self.ensure_one()
        rule = self.validity_rule_id or self.product_tmpl_id.scenic_validity_rule_id
        return {
            "unlimited": self.unlimited,
            "daily_entries": self.daily_entries,
            "validity_rule_id": rule.id,
            "valid_from": window.valid_from,
            "valid_to": window.valid_to,
            "weekdays": window.weekdays,
            "minute_from": window.minute_from,
            "minute_to": window.minute_to,
            "revenue_trigger": (
                self.product_tmpl_id.scenic_revenue_trigger or "admission"
            ),
        }

    def _share_weight(self):
        """Return the share as a whole number, for exact splitting."""
        self.ensure_one()
        return round(self.share * 100)
