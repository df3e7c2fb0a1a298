from datetime import datetime, time
from zoneinfo import ZoneInfo

from odoo import api, fields, models, tools

from ..exceptions import BookingError

# The longest that places can be kept without being paid for.
MAX_HOLD_MINUTES = 24 * 60


class ScenicChannel(models.Model):
    _name = "scenic.channel"
    _description = "Sales Channel"
    _inherit = ["scenic.audited"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        help="Short word by which add-ons and partners name this channel.",
    )
    kind = fields.Selection(
        [
            ("window", "Window"),
            ("kiosk", "Kiosk"),
            ("web", "Web"),
            ("agency", "Agency"),
            ("ota", "OTA"),
            ("staff", "Staff"),
        ],
        required=True,
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    hold_minutes = fields.Integer(
        required=True,
        default=15,
        help="How long a booking of this channel is held when it does not say so.",
    )
    accepts_late = fields.Boolean(
        help="Orders may arrive after their visit date, from a till that was offline: "
        "their money is taken, so they get their tickets.",
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        company_dependent=True,
        ondelete="restrict",
        domain="[('company_id', 'in', (False, allowed_company_ids[0]))]",
        help="Prices of this channel for customers without a pricelist of their own. "
        "Rules are chosen by the visit date.",
    )
    request_days = fields.Integer(
        string="Days to Remember Requests",
        required=True,
        default=30,
        help="How long a request that is sent again with the same key gets its first "
        "answer.",
    )

    _code_unique = models.Constraint(
        "UNIQUE (code)", "Another sales channel has this code."
    )
    _hold_minutes_range = models.Constraint(
        f"CHECK (hold_minutes BETWEEN 1 AND {MAX_HOLD_MINUTES})",
        "A booking is held for 1 minute to 24 hours.",
    )
    _request_days_range = models.Constraint(
        "CHECK (request_days BETWEEN 1 AND 3650)",
        "Requests are remembered for 1 to 3650 days.",
    )

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        if {"code", "active"} & vals.keys():
            self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    @tools.ormcache("code")
    def _id_of(self, code):
        """Return the id of the channel in use that has this code, or none, cached."""
        # sudo: whether there is one, for whoever asks
        return self.sudo().search([("code", "=", code)]).id

    def _is_late(self, sold_at):
        """Tell whether a sale reached us so late that it can only be recorded.

        :param datetime sold_at: naive UTC, None: now
        """
        self.ensure_one()
        return bool(
            self.accepts_late
            and sold_at
            and sold_at
            <= fields.Datetime.subtract(
                fields.Datetime.now(), minutes=self.hold_minutes
            )
        )

    # ------------------------------------------------------------------
    # Prices
    # ------------------------------------------------------------------

    def _price(self, lines, company, partner=None, pricelist=None):
        """Return what lines cost, by the pricelist on their visit dates.

        The amounts are those that an invoice of these lines would have: the same
        taxes, fiscal position and rounding.

        :param lines: dicts with ``product_id``, ``quantity`` (persons who pay),
            ``visit_date``, and maybe ``price_quantity``, for how many persons the
            price per person is looked up
        :return: for each line a dict of ``price_unit``, ``amount_untaxed``,
            ``amount_total``, in the currency of the company
        :raise BookingError: the pricelist is of another company
        """
        self.ensure_one()
        # sudo: whoever may sell need not be allowed to read taxes and price rules
        channel_sudo = self.sudo().with_company(company)
        env = channel_sudo.env
        partner_sudo = env["res.partner"].browse(partner.id if partner else [])
        pricelist_sudo = channel_sudo._pricelist(partner_sudo, pricelist)
        position_sudo = env["account.fiscal.position"]._get_fiscal_position(
            partner_sudo
        )
        taxes = env["account.tax"]
        currency = company.currency_id
        base_lines = []
        for line in lines:
            product_sudo = env["product.product"].browse(line["product_id"])
            moment = self._price_moment(product_sudo.scenic_site_id, line)
            asked_in = pricelist_sudo.currency_id or currency
            price = pricelist_sudo._get_product_price(
                product_sudo,
                line.get("price_quantity") or line["quantity"],
                currency=asked_in,
                date=moment,
            )
            price = asked_in._convert(price, currency, company, moment, round=False)
            own_taxes = product_sudo.taxes_id._filter_taxes_by_company(company)
            price = product_sudo._get_tax_included_unit_price_from_price(
                price, own_taxes, fiscal_position=position_sudo
            )
            base_lines.append(
                taxes._prepare_base_line_for_taxes_computation(
                    {},
                    product_id=product_sudo,
                    tax_ids=position_sudo.map_tax(own_taxes),
                    price_unit=max(price, 0.0),
                    quantity=line["quantity"],
                    currency_id=currency,
                    partner_id=partner_sudo,
                )
            )
        taxes._add_tax_details_in_base_lines(base_lines, company)
        taxes._round_base_lines_tax_details(base_lines, company)
        return [self._amounts(base_line) for base_line in base_lines]

    @api.model
    def _amounts(self, base_line):
        details, currency = base_line["tax_details"], base_line["currency_id"]
        untaxed = (
            details["total_excluded_currency"]
            + details["delta_total_excluded_currency"]
        )
        tax = sum(data["tax_amount_currency"] for data in details["taxes_data"])
        return {
            "price_unit": base_line["price_unit"],
            "amount_untaxed": currency.round(untaxed),
            "amount_total": currency.round(untaxed + tax),
        }

    @api.model
    def _price_moment(self, site, line):
        """Return the moment by which price rules are chosen, naive UTC.

        It is noon of the visit at the site: the dates of a rule are moments, and
        noon is inside the day that somebody meant, whatever clock they used.
        """
        if not line["visit_date"]:
            return fields.Datetime.now()
        noon = datetime.combine(line["visit_date"], time(12), ZoneInfo(site.tz))
        return noon.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    def _pricelist(self, partner, pricelist=None):
        """Return the pricelist of a sale; an empty one means list prices.

        The one asked for, else the customer's own, else the channel's. The first
        pricelist of the company, which Odoo gives to whoever has none, may be that of
        an agency.
        """
        pricelist_sudo = (
            # sudo: whoever may sell need not read pricelists
            (pricelist and pricelist.sudo())
            or partner.specific_property_product_pricelist.filtered("active")
            or self.pricelist_id
        )
        company = self.env.company
        if pricelist_sudo.company_id and pricelist_sudo.company_id != company:
            raise BookingError(
                self.env._(
                    "Pricelist “%(pricelist)s” is not of %(company)s.",
                    pricelist=pricelist_sudo.display_name,
                    company=company.name,
                ),
                code="PRICELIST_COMPANY",
            )
        return pricelist_sudo
