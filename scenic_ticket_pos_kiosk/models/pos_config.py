"""What a kiosk may ask for: the order of somebody who is not logged in, made anew.

Odoo takes an order of the kiosk as it comes, prices, payments and all. Where tickets
are in it, only persons, days and slots are taken; the rest is worked out here.
"""

from uuid import uuid4
from zoneinfo import ZoneInfo

from odoo import Command, fields, models
from odoo.fields import Domain
from odoo.tools import consteq

from odoo.addons.scenic_ticket_base.tools.window import local_day

from ..exceptions import KioskError

MAX_LINES = 50
MAX_PERSONS = 1000
# of a product that is put together on the way
CONFIGURED = (
    "attribute_value_ids",
    "combo_id",
    "combo_item_id",
    "combo_line_ids",
    "combo_parent_id",
    "combo_parent_uuid",
    "custom_attribute_value_ids",
)


class PosConfig(models.Model):
    _inherit = "pos.config"

    def _load_self_data_models(self):
        return super()._load_self_data_models() + [
            "scenic.site",
            "scenic.validity.rule",
            "scenic.slot",
            "scenic.ticket",
        ]

    def _scenic_channel(self):
        if self.self_ordering_mode == "kiosk":
            return "kiosk"
        return super()._scenic_channel()

    # ------------------------------------------------------------
    # What a client sends
    # ------------------------------------------------------------

    def _scenic_self_order(self, order):
        """Look at an order that a self-service client sends.

        :param order: anything
        :return: the order of this name, maybe none, and what may be done: False, it
            has no tickets; else the values to make or change it with, none if it is
            paid or cancelled
        :raise KioskError: it cannot be
        """
        self.ensure_one()
        if not isinstance(order, dict) or not isinstance(order.get("uuid"), str):
            self._scenic_raise_unreadable()
        # sudo: whether there is one, of whichever point of sale
        known_sudo = self.env["pos.order"].sudo().search([("uuid", "=", order["uuid"])])
        known_sudo._scenic_check_kiosk_owner(self, order.get("access_token"))
        if known_sudo.state not in (False, "draft") and any(
            line._scenic_is_ticket() for line in known_sudo.lines
        ):
            return known_sudo, {}
        commands = self._scenic_line_commands(known_sudo, order.get("lines"))
        products_sudo = self._scenic_products(
            [vals.get("product_id") for _code, _id, vals in commands]
        )
        products_sudo |= known_sudo.lines.product_id
        if not any(p.service_tracking == "scenic_ticket" for p in products_sudo):
            return known_sudo, False
        if known_sudo.payment_ids:
            raise KioskError(
                self.env._(
                    "Order %(order)s is being paid and cannot be changed. Finish the "
                    "payment, or go to the window with this number.",
                    order=known_sudo.pos_reference,
                )
            )
        return known_sudo, {
            "uuid": order["uuid"],
            "access_token": known_sudo.access_token or str(uuid4()),
            "session_id": self.current_session_id.id,
            "company_id": self.company_id.id,
            "preset_id": order.get("preset_id") or False,
            "state": "draft",
            "lines": [
                self._scenic_line(known_sudo, products_sudo, order, *command)
                for command in commands
            ],
            "payment_ids": [],
            "amount_total": 0,
            "amount_tax": 0,
            "amount_paid": 0,
            "amount_return": 0,
            "to_invoice": False,
            "last_order_preparation_change": "{}",
        }

    def _scenic_line_commands(self, known, commands):
        """Return ``[(code, line id, values)]``: lines of this order only."""
        if not isinstance(commands, list) or len(commands) > MAX_LINES:
            self._scenic_raise_unreadable()
        result = []
        for command in commands:
            if not isinstance(command, list | tuple) or len(command) < 2:
                self._scenic_raise_unreadable()
            code, line_id = command[:2]
            vals = command[2] if len(command) > 2 else {}
            if code in (Command.CREATE, Command.UPDATE):
                if not isinstance(vals, dict):
                    self._scenic_raise_unreadable()
            elif code in (Command.DELETE, Command.UNLINK):
                code, vals = Command.DELETE, {}
            else:
                self._scenic_raise_unreadable()
            if code != Command.CREATE and line_id not in known.lines.ids:
                self._scenic_raise_unreadable()
            result.append((code, line_id, vals))
        return result

    def _scenic_products(self, product_ids):
        """Return products that a client names, as superuser."""
        product_ids = [id_ for id_ in product_ids if id_]
        if not all(type(product_id) is int for product_id in product_ids):
            self._scenic_raise_unreadable()
        # sudo: what is on sale here does not depend on what the user may read
        products_sudo = self.env["product.product"].sudo().with_company(self.company_id)
        return products_sudo.browse(product_ids).exists()

    def _scenic_line(self, known, products, order, code, line_id, vals):
        """Return the command that makes a line as asked for, at our price."""
        if code == Command.DELETE:
            return Command.delete(line_id)
        line = known.lines.browse(line_id) if code == Command.UPDATE else known.lines
        if code == Command.CREATE:
            line = line.browse()
        product = products.browse(vals.get("product_id", line.product_id.id))
        if product not in products or not self._scenic_is_on_sale(product):
            raise KioskError(
                self.env._(
                    "%(product)s is not sold here. Go to the window.",
                    product=(product & products).display_name or self.env._("This"),
                ),
                code="KIOSK_PRODUCT",
            )
        if product.type == "combo" or any(vals.get(name) for name in CONFIGURED):
            raise KioskError(
                self.env._(
                    "%(product)s is not sold together with tickets. Buy the tickets "
                    "first, and it after them.",
                    product=product.display_name,
                ),
                code="KIOSK_PRODUCT",
            )
        quantity = vals.get("qty", line.qty)
        if (
            isinstance(quantity, bool)
            or not isinstance(quantity, int | float)
            or not 0 < quantity <= MAX_PERSONS
        ):
            self._scenic_raise_unreadable()
        values = {
            "product_id": product.id,
            "full_product_name": product.display_name,
            "qty": quantity,
        }
        for name in ("scenic_visit_date", "scenic_slot_id"):
            if name in vals:
                values[name] = self._scenic_visit_value(name, vals[name])
        day = values.get("scenic_visit_date", line.scenic_visit_date)
        values |= self._scenic_line_price(
            product, quantity, day, order.get("preset_id")
        )
        if code == Command.UPDATE:
            return Command.update(line_id, values)
        if not isinstance(vals.get("uuid"), str):
            self._scenic_raise_unreadable()
        return Command.create({**values, "uuid": vals["uuid"], "pack_lot_ids": []})

    def _scenic_is_on_sale(self, product):
        templates = self.env["product.template"].sudo()
        domain = Domain(templates._load_pos_self_data_domain({}, self))
        return bool(
            product.active
            and templates.search_count(
                domain & Domain("id", "=", product.product_tmpl_id.id), limit=1
            )
        )

    def _scenic_visit_value(self, name, value):
        """Check the form of a day or slot; whether it is on sale the core decides."""
        if not value:
            return False
        if name == "scenic_slot_id":
            if type(value) is not int:
                self._scenic_raise_unreadable()
            return value
        try:
            return (
                self.env["pos.order.line"]._fields[name].convert_to_cache(value, self)
            )
        except (TypeError, ValueError):
            self._scenic_raise_unreadable()

    def _scenic_visit_day(self, product, chosen):
        """Return the day whose prices hold for a ticket; None: those of now do."""
        template = product.product_tmpl_id
        if not template._pos_is_dated():
            return None
        if template.scenic_validity_rule_id.mode == "fixed_date":
            return template.scenic_validity_rule_id.date_from
        site = template.scenic_site_id
        return chosen or local_day(fields.Datetime.now(), ZoneInfo(site.tz))

    def _scenic_line_price(self, product, quantity, day, preset_id):
        """Return price and amounts of a line as the kiosk shows them.

        :param product: as superuser
        :param day: chosen for the visit, if any
        :param preset_id: of the order: it may have a pricelist and taxes of its own
        """
        config_sudo = self.sudo()  # sudo: prices and taxes, whoever asks
        pricelist = config_sudo.pricelist_id
        position = config_sudo.default_fiscal_position_id
        if config_sudo.use_presets and type(preset_id) is int:
            preset = config_sudo.available_preset_ids | config_sudo.default_preset_id
            preset = preset.filtered(lambda p: p.id == preset_id)
            if preset:
                pricelist, position = preset.pricelist_id, preset.fiscal_position_id
        taxes = product.taxes_id._filter_taxes_by_company(self.company_id)
        mapped = position.map_tax(taxes)
        day = self._scenic_visit_day(product, day)
        price = config_sudo._scenic_price(product, quantity, day, pricelist)
        sums = mapped.compute_all(
            price, config_sudo.currency_id, quantity, product=product
        )
        return {
            "price_unit": price,
            "discount": 0,
            "tax_ids": [Command.set(taxes.ids)],
            "price_subtotal": sums["total_excluded"],
            "price_subtotal_incl": sums["total_included"],
        }

    def _scenic_self_order_of(self, order_id, access_token):
        """Return the order that a client has made here.

        :raise KioskError: it is not the client's
        """
        orders_sudo = self.env["pos.order"].sudo()  # sudo: whose it is says the token
        if type(order_id) is int:
            orders_sudo = orders_sudo.browse(order_id).exists()
        if not orders_sudo or not access_token:
            self._scenic_raise_unknown()
        orders_sudo._scenic_check_kiosk_owner(self, access_token)
        return orders_sudo.with_env(self.env)

    def _scenic_raise_unknown(self):
        raise KioskError(
            self.env._("This order is not known here. Begin a new one."),
            code="KIOSK_UNKNOWN",
        )

    def _scenic_raise_unreadable(self):
        raise KioskError(
            self.env._("This order is not readable. Cancel it and begin a new one.")
        )

    def _scenic_is_token(self, expected, given):
        return bool(
            expected
            and isinstance(given, str)
            and consteq(expected.encode(), given.encode())
        )
