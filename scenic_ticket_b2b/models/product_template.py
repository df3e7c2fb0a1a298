from datetime import datetime, time

import pytz

from odoo import api, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @api.model
    def _get_saleable_tracking_types(self):
        return [*super()._get_saleable_tracking_types(), "scenic_ticket"]

    def _scenic_needs_visit_date(self):
        """Whether a ticket of this product is for one day chosen at sale."""
        self.ensure_one()
        return self.scenic_validity_rule_id.mode == "visit_date"

    def _scenic_tz(self):
        self.ensure_one()
        return pytz.timezone(self.scenic_site_id.tz or "Asia/Shanghai")

    def _scenic_today(self):
        """Today on the clock of the site that admits the visitor."""
        self.ensure_one()
        return datetime.now(pytz.utc).astimezone(self._scenic_tz()).date()

    def _scenic_price_datetime(self, visit_date):
        """The moment (naive UTC) at which pricelists are asked for a visit date.

        Noon at the site: a rule entered for whole days holds for each of them,
        whether its author worked in the site's time zone or in UTC.
        """
        self.ensure_one()
        noon = self._scenic_tz().localize(datetime.combine(visit_date, time(12)))
        return noon.astimezone(pytz.utc).replace(tzinfo=None)
