"""Prices by the day of the visit, for a window that cannot ask at each keystroke."""

import math
from datetime import datetime

from odoo import fields, models

from ..exceptions import WindowError

MAX_VISITS = 500


class PosConfig(models.Model):
    _inherit = "pos.config"

    def scenic_prices(self, visits):
        """Tell a cashier what tickets cost, in each price list of this window.

        :param list visits: ``[product id, day or False]``, at most 500; without a day
            the price is that of this moment
        :return: list of ``{price list id: [[from so many persons, price], …]}``, one
            for each visit; 0 stands for no price list
        :raise WindowRightError: the user may not sell tickets
        :raise WindowError: one of them is no ticket, or no day
        """
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()
        if not isinstance(visits, list) or len(visits) > MAX_VISITS:
            self._scenic_raise_visits()
        parsed = [self._scenic_parse_visit(visit) for visit in visits]
        known = {}
        for product, day in parsed:
            if (product, day) not in known:
                known.update(self._scenic_day_prices(product, [day]))
        return [known[visit] for visit in parsed]

    def _scenic_parse_visit(self, visit):
        """Return product, as superuser, and day of a visit that a client names."""
        try:
            product_id, day = visit
            day = fields.Date.to_date(day or None)
        except (TypeError, ValueError):
            self._scenic_raise_visits()
        # sudo: what is on sale here does not depend on what the cashier may read
        product_sudo = self.env["product.product"].sudo().with_company(self.company_id)
        if isinstance(product_id, int) and not isinstance(product_id, bool):
            product_sudo = product_sudo.browse(product_id).exists()
        if product_sudo.service_tracking != "scenic_ticket":
            self._scenic_raise_visits()
        product_sudo.product_tmpl_id._scenic_check_sellable(self.company_id)
        return product_sudo, day

    def _scenic_raise_visits(self):
        raise WindowError(
            self.env._("The visits are not readable. Choose the tickets again.")
        )

    def _scenic_pricelists(self):
        """Return the price lists that orders of this window may have, as superuser."""
        config_sudo = self.sudo()  # sudo: a cashier need not read all presets
        pricelists_sudo = config_sudo._get_available_pricelists()
        if config_sudo.use_presets:
            presets_sudo = config_sudo.available_preset_ids
            presets_sudo |= config_sudo.default_preset_id
            pricelists_sudo |= presets_sudo.pricelist_id
        return pricelists_sudo.with_company(config_sudo.company_id)

    def _scenic_price(self, product, quantity, day, pricelist):
        """Return what one person pays, before taxes that are not in the price.

        :param int quantity: persons who pay
        :param date day: of the visit; None: now
        :param pricelist: ``product.pricelist``, maybe empty
        """
        moment = self._scenic_price_moment(product, day)
        return pricelist._get_product_price(
            product, quantity, currency=self.currency_id, date=moment
        )

    def _scenic_price_moment(self, product, day):
        return self.env["scenic.channel"]._price_moment(
            product.scenic_site_id, {"visit_date": day}
        )

    def _scenic_day_prices(self, product, days):
        """Return ``{(product, day): prices}``; see :meth:`scenic_prices`.

        Days on which the same rules apply are priced once.
        """
        result = {(product, day): {} for day in days}
        # sudo: whoever may sell need not read price rules
        none_sudo = self.env["product.pricelist"].sudo()
        for pricelist_sudo in [none_sudo, *self._scenic_pricelists()]:
            rules_sudo = self._scenic_rules(product, pricelist_sudo)
            steps = sorted({1, *(math.ceil(r.min_quantity) or 1 for r in rules_sudo)})
            dated_sudo = rules_sudo.filtered(lambda r: r.date_start or r.date_end)
            known = {}
            for day in days:
                moment = self._scenic_price_moment(product, day)
                applying = tuple(
                    (rule.date_start or datetime.min)
                    <= moment
                    <= (rule.date_end or datetime.max)
                    for rule in dated_sudo
                )
                if applying not in known:
                    known[applying] = self._scenic_steps(
                        product, day, pricelist_sudo, steps
                    )
                result[product, day][pricelist_sudo.id or 0] = known[applying]
        return result

    def _scenic_rules(self, product, pricelist):
        """Return what may decide on a price: the lists that it builds upon included."""
        rules, lists = pricelist.item_ids, pricelist
        while more := rules.base_pricelist_id - lists:
            lists |= more
            rules |= more.item_ids
        return rules.filtered(
            lambda rule: (
                rule.product_id in (product, rule.product_id.browse())
                and rule.product_tmpl_id
                in (product.product_tmpl_id, rule.product_tmpl_id.browse())
            )
        )

    def _scenic_steps(self, product, day, pricelist, steps):
        """Return ``[[from so many persons, price], …]``, as few as tell it all."""
        result = []
        for quantity in steps:
            price = self._scenic_price(product, quantity, day, pricelist)
            if not result or result[-1][1] != price:
                result.append([quantity, price])
        return result
