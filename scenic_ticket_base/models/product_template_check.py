"""Refuses tickets that could not be kept or sold, and says what to change."""

from collections import Counter

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import format_list

from ..exceptions import BookingError
from .product_template import MAX_PERSONS
from .scenic_validity_rule import CARD_MODES, DAY_MODES


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @api.constrains(
        "service_tracking",
        "list_price",
        "scenic_ticket_kind",
        "scenic_real_name",
        "scenic_group_codes",
        "scenic_min_persons",
        "scenic_guide_per",
        "scenic_in_sequence",
        "scenic_minutes_from_first",
        "scenic_validity_rule_id",
        "scenic_revenue_trigger",
        "scenic_component_ids",
        "scenic_eligibility_ids",
    )
    def _check_scenic_definition(self):
        """Refuse combinations that no ticket could keep.

        :raise ValidationError: which says what to change
        """
        # sudo: whoever sets a price need not read what the ticket is made of
        products_sudo = self.sudo()
        for product in products_sudo:
            if product.service_tracking != "scenic_ticket":
                continue
            for text in (
                product._scenic_kind_fault()
                or product._scenic_component_fault()
                or product._scenic_revenue_fault()
            ):
                raise ValidationError(
                    self.env._(
                        "“%(product)s”: %(fault)s",
                        product=product.display_name,
                        fault=text,
                    )
                )
        products_sudo.scenic_eligibility_ids._check_company()

    def _scenic_kind_fault(self):
        """Return why the fields do not fit the kind of the ticket, in a list."""
        kind, rule = self.scenic_ticket_kind, self.scenic_validity_rule_id
        if kind != "group" and (self.scenic_min_persons or self.scenic_guide_per):
            return [
                self.env._(
                    "minimum group size and free guides are for group tickets only. "
                    "Set both to 0, or choose the kind Group."
                )
            ]
        if (
            kind == "group"
            and self.scenic_group_codes == "one"
            and self.scenic_min_persons > MAX_PERSONS
        ):
            return [
                self.env._(
                    "one code is for %(max)s persons at most. Choose one code per "
                    "person, or a smaller minimum group size.",
                    max=MAX_PERSONS,
                )
            ]
        if kind in ("member", "staff") and rule and rule.mode not in CARD_MODES:
            return [
                self.env._(
                    "a card is valid for a period, and “%(rule)s” hangs on one visit. "
                    "Choose a validity rule for a period, a date range or a number of "
                    "days from the sale.",
                    rule=rule.name,
                )
            ]
        if kind == "member" and self.scenic_real_name != "visitor":
            return [
                self.env._(
                    "a member card is sold by name. Set Real Names to Every visitor."
                )
            ]
        if kind == "staff" and self.list_price:
            return [self.env._("a staff card is given, not sold. Set its price to 0.")]
        return []

    def _scenic_component_fault(self):
        """Return why the components cannot work together, in a list."""
        components = self.scenic_component_ids
        if not components:
            return []
        if self.scenic_in_sequence:
            if len(components) < 2:
                return [
                    self.env._("a sequence needs two components or more."),
                ]
            if any(components.mapped("choice_group")):
                return [
                    self.env._(
                        "of an either-or only one component is used, so the others "
                        "would block the sequence. Take away one of the two."
                    )
                ]
        if self.scenic_minutes_from_first and not (
            len(components) > 1 or components.entries > 1 or components.unlimited
        ):
            return [
                self.env._(
                    "minutes from the first use mean nothing for a single entry. Set "
                    "them to 0, or give the ticket more entries."
                )
            ]
        sizes = Counter(components.filtered("choice_group").mapped("choice_group"))
        for number, size in sizes.items():
            if size < 2:
                return [
                    self.env._(
                        "either-or %(number)s has one component only. Give the same "
                        "number to another component, or set it to 0.",
                        number=number,
                    )
                ]
        return []

    def _scenic_revenue_fault(self):
        """Return why revenue could not be earned as chosen, in a list."""
        trigger, rule = self.scenic_revenue_trigger, self.scenic_validity_rule_id
        unlimited = any(self.scenic_component_ids.mapped("unlimited"))
        if unlimited and trigger == "admission":
            return [
                self.env._(
                    "with any number of entries no single entry has a price. Let "
                    "revenue be earned day by day over the validity, or on the visit "
                    "date."
                )
            ]
        if trigger == "visit_date" and rule and rule.mode not in DAY_MODES:
            return [
                self.env._(
                    "revenue on the visit date needs a validity rule with a visit "
                    "date, unlike “%(rule)s”.",
                    rule=rule.name,
                )
            ]
        return []

    def _scenic_check_sellable(self, company):
        """Check that tickets of this product can be issued for a company.

        :raise BookingError: the ticket definition is not complete
        :raise AccountMissingError: an account is not set
        """
        self.ensure_one()
        if self.service_tracking != "scenic_ticket":
            raise BookingError(
                self.env._(
                    "“%(product)s” is not a ticket product.", product=self.display_name
                ),
                code="PRODUCT_NOT_TICKET",
            )
        self._scenic_fetch_components()
        missing = [
            self._fields[name]._description_string(self.env)
            for name in (
                "scenic_site_id",
                "scenic_ticket_kind",
                "scenic_validity_rule_id",
                "scenic_component_ids",
            )
            if not self[name]
        ]
        if missing:
            raise BookingError(
                self.env._(
                    "“%(product)s” cannot be sold: please fill in %(fields)s.",
                    product=self.display_name,
                    fields=format_list(self.env, missing),
                ),
                code="PRODUCT_INCOMPLETE",
            )
        if self.scenic_site_id.company_id != company:
            raise BookingError(
                self.env._(
                    "“%(product)s” is issued by a site of %(owner)s and cannot be sold "
                    "by %(company)s.",
                    product=self.display_name,
                    owner=self.scenic_site_id.company_id.name,
                    company=company.name,
                ),
                code="PRODUCT_COMPANY",
            )
        self._scenic_has_accounts(company)
