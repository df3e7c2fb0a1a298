from datetime import timedelta
from uuid import uuid4

from odoo import Command, fields
from odoo.tests import JsonRpcException
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_pos.tests.common import ScenicPosTourCommon

PROCESS = "/pos-self-order/process-order/kiosk/"


class KioskCommon(ScenicPosTourCommon):
    """A kiosk that sells four kinds of tickets and a magnet, and its client."""

    browser_size = "1280x800"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shelf = cls.env["pos.category"].create({"name": "Tickets"})
        on_sale = {
            "available_in_pos": True,
            "taxes_id": [Command.set(cls.tax_6.ids)],
        }
        cls.open_day = cls._scenic_product("Open Day", "individual", 0.0, **on_sale)
        cls.boat = cls._scenic_product(
            "Boat Ride",
            "individual",
            30.0,
            components=[(cls.scenic_spot, 1, 1.0)],
            scenic_site_id=cls.scenic_spot.id,
            **on_sale,
        )
        products = cls.adult + cls.group + cls.open_day + cls.boat + cls.souvenir
        products.pos_categ_ids = cls.shelf
        cls.pool = cls.env["scenic.capacity.pool"].create(
            {
                "name": "Boats",
                "site_id": cls.scenic_spot.id,
                "kind": "day",
                "capacity": 3,
            }
        )
        cls.card_method = cls.env["pos.payment.method"].create(
            {
                "name": "Card",
                "journal_id": cls.config.payment_method_ids.journal_id.filtered(
                    lambda journal: journal.type == "bank"
                )[:1].id,
            }
        )
        cls.config = cls.kiosk = cls._create_kiosk("Kiosk East")

    @classmethod
    def _create_kiosk(cls, name, **values):
        return cls.env["pos.config"].create(
            {
                "name": name,
                "journal_id": cls.main_pos_config.journal_id.id,
                "invoice_journal_id": cls.main_pos_config.invoice_journal_id.id,
                "payment_method_ids": [Command.set(cls.card_method.ids)],
                "use_pricelist": True,
                "pricelist_id": cls.window_pricelist.id,
                "available_pricelist_ids": [Command.set(cls.window_pricelist.ids)],
                "limit_categories": True,
                "iface_available_categ_ids": [Command.set(cls.shelf.ids)],
                "use_presets": False,
                "self_ordering_mode": "kiosk",
                "self_ordering_service_mode": "counter",
                "self_ordering_pay_after": "each",
                "self_ordering_default_user_id": cls.cashier.id,
                **values,
            }
        )

    def setUp(self):
        super().setUp()
        self._open_session()

    def _open_other_kiosk(self):
        other = self._create_kiosk("Kiosk West")
        other.with_user(self.cashier).open_ui()
        other.current_session_id.with_user(self.cashier).set_opening_control(0, "")
        return other

    # ------------------------------------------------------------
    # What the client of a kiosk sends
    # ------------------------------------------------------------

    def _order(self, *lines, **values):
        """An order that was just begun; ``lines`` as for ``_sell``."""
        lines = [
            line if isinstance(line, dict) else self._line_vals(*line) for line in lines
        ]
        return self._order_vals(
            lines, **{"state": "draft", "access_token": False, **values}
        )

    def _request(self, route, **params):
        """Call a route as the browser of the kiosk does: nobody is logged in."""
        params.setdefault("access_token", self.kiosk.access_token)
        answer = self.make_jsonrpc_request(route, params, timeout=60)
        self.env.invalidate_all()
        return answer

    def _process(self, order, **params):
        answer = self._request(
            PROCESS,
            **{
                "order": order,
                "table_identifier": None,
                **params,
            },
        )
        [row] = answer["pos.order"]
        return self.env["pos.order"].browse(row["id"])

    def _buy(self, *lines, **values):
        return self._process(self._order(*lines, **values))

    def _assert_refused(self, name, route, **params):
        """The route refuses with an error of this class, and changes nothing."""
        before = self.env["pos.order"].search_count([])
        with (
            mute_logger("odoo.http"),
            self.assertRaisesRegex(JsonRpcException, rf"\b{name}$"),
        ):
            self._request(route, **params)
        self.env.invalidate_all()
        self.assertEqual(self.env["pos.order"].search_count([]), before)

    def _assert_order_refused(self, order, name="KioskError"):
        self._assert_refused(name, PROCESS, order=order, table_identifier=None)

    def _pay(self, order):
        """What the add-ons of card terminals do when the terminal has said yes."""
        order = order.with_user(self.kiosk.self_ordering_default_user_id)
        order.add_payment(
            {
                "amount": order.amount_total,
                "payment_date": fields.Datetime.now(),
                "payment_method_id": self.card_method.id,
                "pos_order_id": order.id,
            }
        )
        order.action_pos_order_paid()

    def _places(self, product=None):
        """Places left today, as the kiosk is told."""
        answer = self._request(
            "/scenic/kiosk/places", product_id=(product or self.boat).id, days=1
        )
        [day] = answer["days"]
        return day["free"]

    def _pass_time(self, order, minutes):
        """Let an order and what it holds grow old."""
        order.date_order -= timedelta(minutes=minutes)
        booking_sudo = order.sudo().scenic_booking_id
        booking_sudo.held_until -= timedelta(minutes=minutes)

    def _today(self):
        """Today at the sites."""
        return fields.Date.context_today(
            self.env.user.with_context(tz=self.scenic_area.tz)
        )

    def _uuid(self):
        return str(uuid4())
