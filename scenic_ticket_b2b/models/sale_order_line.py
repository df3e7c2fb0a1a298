from odoo import api, fields, models

from ..exceptions import (
    AgencyOrderError,
    TicketsIssuedError,
)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    scenic_visit_date = fields.Date(
        "Visit Date",
        help="Day on the site's clock for which the tickets are. Prices are those of "
        "this day.",
    )
    is_scenic_ticket = fields.Boolean(compute="_compute_is_scenic_ticket")
    scenic_needs_visit_date = fields.Boolean(compute="_compute_is_scenic_ticket")

    # Fields of a ticket line that are fixed once its tickets exist
    _SCENIC_FROZEN = (
        "order_id",
        "product_id",
        "product_uom_qty",
        "product_uom_id",
        "price_unit",
        "discount",
        "tax_ids",
        "scenic_visit_date",
        "display_type",
    )

    @api.depends(
        "product_id.service_tracking", "product_id.scenic_validity_rule_id.mode"
    )
    def _compute_is_scenic_ticket(self):
        for line in self:
            product = line.product_id.product_tmpl_id
            line.is_scenic_ticket = (
                not line.display_type
                and not line.is_downpayment
                and product.service_tracking == "scenic_ticket"
            )
            line.scenic_needs_visit_date = bool(
                line.is_scenic_ticket and product._scenic_needs_visit_date()
            )

    @api.depends("scenic_visit_date")
    def _compute_pricelist_item_id(self):
        super()._compute_pricelist_item_id()

    @api.depends("scenic_visit_date")
    def _compute_price_unit(self):
        super()._compute_price_unit()

    @api.depends("scenic_visit_date")
    def _compute_discount(self):
        super()._compute_discount()

    @api.depends("scenic_visit_date")
    def _compute_name(self):
        super()._compute_name()

    @api.depends("is_scenic_ticket")
    def _compute_qty_to_invoice(self):
        """Tickets are invoiced as ordered, whatever the product's policy says.

        A ticket is delivered by being issued, and its price is owed from then on.
        """
        tickets = self.filtered(lambda line: line.is_scenic_ticket)
        super(SaleOrderLine, self - tickets)._compute_qty_to_invoice()
        for line in tickets:
            line.qty_to_invoice = (
                line.product_uom_qty - line.qty_invoiced if line.state == "sale" else 0
            )

    def _get_order_date(self):
        """Price tickets by the visit date rather than by the order date."""
        self.ensure_one()
        if self.scenic_visit_date and self.is_scenic_ticket:
            return self.product_id.product_tmpl_id._scenic_price_datetime(
                self.scenic_visit_date
            )
        return super()._get_order_date()

    def _get_sale_order_line_multiline_description_sale(self):
        description = super()._get_sale_order_line_multiline_description_sale()
        if self.scenic_visit_date and self.is_scenic_ticket:
            description += "\n" + self.env._(
                "Visit date: %(date)s",
                date=fields.Date.to_string(self.scenic_visit_date),
            )
        return description

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        late = lines.filtered(
            lambda line: line.is_scenic_ticket and line.order_id.state == "sale"
        )
        if late:
            raise late._scenic_frozen_error()
        return lines

    def write(self, vals):
        # Who may not write gets no other answer, whatever the order holds
        self.check_access("write")
        frozen = [name for name in self._SCENIC_FROZEN if name in vals]
        issued = self.filtered(
            lambda line: line.is_scenic_ticket and line.state == "sale"
        )
        if frozen and any(line._scenic_would_change(vals, frozen) for line in issued):
            raise issued._scenic_frozen_error()
        result = super().write(vals)
        # Another line turned into a ticket line when it is too late for that
        for line in self - issued if frozen else ():
            if line.is_scenic_ticket and line.state == "sale":
                raise line._scenic_frozen_error()
        return result

    def _scenic_would_change(self, vals, names):
        """Whether writing `vals` alters one of the fields `names` of this line."""
        self.ensure_one()
        for name in names:
            field = self._fields[name]
            if field.type in ("many2many", "one2many"):
                return True
            value = self[name]
            new = vals[name] or False
            if field.type == "many2one":
                value = value.id
            elif field.type == "date":
                new = fields.Date.to_date(new)
            if (value or False) != (new or False):
                return True
        return False

    def _scenic_frozen_error(self):
        return TicketsIssuedError(
            self.env._(
                "%(order)s is confirmed and its tickets are issued: products, "
                "quantities, prices and visit dates of tickets are fixed. Place a "
                "further order, or cancel this one first.",
                order=", ".join(self.order_id.mapped("name")),
            )
        )

    # === TICKETS === #

    def _scenic_check_line(self):
        """Check that this ticket line can be issued.

        :raise AgencyOrderError:
        """
        self.ensure_one()
        template = self.product_id.product_tmpl_id
        names = {"product": self.product_id.display_name}
        quantity = self.product_uom_qty
        if quantity <= 0 or quantity != int(quantity):
            raise AgencyOrderError(
                self.env._(
                    "%(product)s: the quantity must be a whole number of persons, at "
                    "least 1.",
                    **names,
                ),
                code="QUANTITY_INVALID",
            )
        if self.product_uom_id != self.product_id.uom_id:
            raise AgencyOrderError(
                self.env._(
                    "%(product)s: tickets are ordered in %(uom)s.",
                    uom=self.product_id.uom_id.name,
                    **names,
                ),
                code="QUANTITY_INVALID",
            )
        if self.price_subtotal < 0:
            raise AgencyOrderError(
                self.env._("%(product)s: the price is below zero.", **names),
                code="PRICE_INVALID",
            )
        if self.scenic_needs_visit_date and not self.scenic_visit_date:
            raise AgencyOrderError(
                self.env._("%(product)s: enter the visit date.", **names),
                code="VISIT_DATE_MISSING",
            )
        if self.scenic_visit_date and self.scenic_visit_date < template._scenic_today():
            raise AgencyOrderError(
                self.env._(
                    "%(product)s: the visit date %(date)s is in the past.",
                    date=fields.Date.to_string(self.scenic_visit_date),
                    **names,
                ),
                code="VISIT_DATE_PAST",
            )

    def _scenic_check_grant(self, agency):
        """Check that a running contract of the agency allows this ticket line.

        :raise AgencyOrderError:
        """
        self.ensure_one()
        template = self.product_id.product_tmpl_id
        names = {"product": self.product_id.display_name}
        # sudo: who may sell to an agency need not see its contracts
        grants_sudo = (
            agency.sudo()
            ._scenic_grants(self.order_id.company_id)
            .filtered(lambda grant: grant.product_tmpl_id == template)
        )
        if not grants_sudo:
            raise AgencyOrderError(
                self.env._(
                    "%(product)s: no running contract of %(agency)s grants this "
                    "product.",
                    agency=agency.name,
                    **names,
                ),
                code="PRODUCT_NOT_GRANTED",
            )
        today = template._scenic_today()
        windows = [grant._window(today) for grant in grants_sudo]
        fitting_sudo = grants_sudo._covering(self.scenic_visit_date or today)
        if not fitting_sudo:
            raise AgencyOrderError(
                self.env._(
                    "%(product)s: visits can be ordered from %(first)s to %(last)s.",
                    first=fields.Date.to_string(min(first for first, _ in windows)),
                    last=fields.Date.to_string(max(last for _, last in windows)),
                    **names,
                ),
                code="VISIT_DATE_OUTSIDE",
            )
        least = min(fitting_sudo.mapped("min_quantity"))
        if self.product_uom_qty < least:
            raise AgencyOrderError(
                self.env._(
                    "%(product)s: at least %(least)s persons.", least=least, **names
                ),
                code="QUANTITY_TOO_SMALL",
            )
        most = max(fitting_sudo.contract_id.mapped("max_quantity"))
        if sum(self.order_id._scenic_ticket_lines().mapped("product_uom_qty")) > most:
            raise AgencyOrderError(
                self.env._(
                    "At most %(most)s persons can be ordered at once.", most=most
                ),
                code="ORDER_TOO_LARGE",
            )

    def _prepare_scenic_booking_line(self, amount_untaxed, amount_total):
        self.ensure_one()
        return {
            "product_id": self.product_id.id,
            "quantity": int(self.product_uom_qty),
            "visit_date": self.scenic_visit_date or None,
            "price_unit": self.price_unit * (1 - self.discount / 100),
            "amount_untaxed": amount_untaxed,
            "amount_total": amount_total,
        }

    def _scenic_unit_price_taxed(self):
        """Price of one person with taxes, rounded as money."""
        self.ensure_one()
        price = self.price_unit * (1 - self.discount / 100)
        order = self.order_id
        return self.tax_ids.compute_all(
            price, order.currency_id, 1.0, self.product_id, order.partner_id
        )["total_included"]
