"""Which tickets a till may sell without the server."""

from odoo import models
from odoo.tools import format_date

from ..exceptions import BlankError
from .scenic_validity_rule import DAY_MODES


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def _scenic_blank_refusal(self):
        """Tell why no blanks of this product can be lent, or False."""
        self.ensure_one()
        if self.service_tracking != "scenic_ticket":
            return self.env._("“%(product)s” is no ticket.", product=self.name)
        if self.scenic_ticket_kind != "individual":
            return self.env._(
                "“%(product)s” is not a ticket for one person, so it cannot be signed "
                "in advance.",
                product=self.name,
            )
        if self.scenic_real_name not in (False, "none"):
            return self.env._(
                "“%(product)s” needs real names, which only the server can check.",
                product=self.name,
            )
        if self._scenic_concessions():
            return self.env._(
                "“%(product)s” is a concession, and only the server can check who is "
                "entitled to it.",
                product=self.name,
            )
        if self.env["scenic.capacity.pool"]._limits(self)[self] == "slot":
            return self.env._(
                "“%(product)s” is sold by time slot, and only the server knows the "
                "places left.",
                product=self.name,
            )
        return False

    def _scenic_check_leasable(self, day):
        """Check that blanks of this product can be lent for a day.

        :raise BlankError: BLANK_PRODUCT
        """
        why = self._scenic_blank_refusal()
        rule = self.scenic_validity_rule_id
        if not why and rule.mode == "fixed_date" and rule.date_from != day:
            why = self.env._(
                "“%(product)s” is for %(date)s, not for today.",
                product=self.name,
                date=format_date(self.env, rule.date_from),
            )
        if why:
            raise BlankError(why, code="BLANK_PRODUCT")

    def _scenic_blank_date(self, day):
        """Return the visit date of blanks that are sold on a day; None: any."""
        self.ensure_one()
        return day if self.scenic_validity_rule_id.mode in DAY_MODES else None
