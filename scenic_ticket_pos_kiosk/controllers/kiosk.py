from odoo import http

from odoo.addons.pos_self_order.controllers.orders import PosSelfOrderController


class ScenicKioskController(PosSelfOrderController):
    """Tickets for somebody who is not logged in; see ``models/pos_config.py``."""

    def _verify_pos_config(self, *args, **kwargs):
        config = super()._verify_pos_config(*args, **kwargs)
        return config.with_context(scenic_self_order=True)

    @http.route()
    def process_order(self, order, access_token, table_identifier, device_type):
        """Make or change an order; with tickets its places are kept for the payment."""
        config = self._verify_pos_config(access_token)
        known_sudo, values = config._scenic_self_order(order)
        if values is False:
            # as Odoo takes it, but for what is ours
            order = {
                name: value
                for name, value in order.items()
                if name != "relations_uuid_mapping" and not name.startswith("scenic_")
            }
            return super().process_order(
                order, access_token, table_identifier, device_type
            )
        if values:
            super().process_order(values, access_token, table_identifier, device_type)
            orders = config.env["pos.order"].search([("uuid", "=", values["uuid"])])
            orders._scenic_hold_kiosk()
        else:
            # the answer was lost on the way
            orders = known_sudo.with_env(config.env)
        return self._generate_return_values(orders, config)

    @http.route(
        "/scenic/kiosk/places",
        type="jsonrpc",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def scenic_kiosk_places(self, access_token, product_id, date_from=None, days=14):
        """Tell the places left of a ticket, as ``pos.config.scenic_places`` does."""
        config = self._verify_pos_config(access_token)
        return config.scenic_places(product_id, date_from, days)

    @http.route(
        "/scenic/kiosk/tickets",
        type="jsonrpc",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def scenic_kiosk_tickets(self, access_token, order_id, order_access_token):
        """Hand the tickets of an order to the printer of the kiosk, once."""
        config = self._verify_pos_config(access_token)
        order = config._scenic_self_order_of(order_id, order_access_token)
        return order._scenic_kiosk_tickets()

    @http.route(
        "/scenic/kiosk/collect",
        type="jsonrpc",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def scenic_kiosk_collect(self, access_token, text, key):
        """Hand out what was bought elsewhere, by its code or the buyer's document."""
        config = self._verify_pos_config(access_token)
        return config._scenic_kiosk_collect(text, key)
