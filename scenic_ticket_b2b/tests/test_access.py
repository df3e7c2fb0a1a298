import json

from odoo.exceptions import AccessError
from odoo.tests import JsonRpcException, tagged
from odoo.tools import mute_logger

from .common import TOKEN, B2BHttpCommon

MODELS = (
    "sale.order",
    "sale.order.line",
    "scenic.ticket",
    "scenic.booking",
    "scenic.booking.line",
    "scenic.credential",
    "scenic.entitlement",
    "scenic.agency.contract",
    "scenic.agency.contract.line",
    "scenic.revenue.entry",
    "scenic.signing.key",
)
# What an agency may read of its own over RPC
OWN_READABLE = {
    "sale.order",
    "sale.order.line",
    "scenic.ticket",
    "scenic.booking",
    "scenic.booking.line",
    "scenic.entitlement",
    "scenic.agency.contract",
    "scenic.agency.contract.line",
}


@tagged("post_install", "-at_install")
class TestAccess(B2BHttpCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._make_order((cls.scenic_individual, 2))
        cls.booking = cls.order.scenic_booking_id
        cls.tickets = cls.booking.ticket_ids
        cls.records = {
            "sale.order": cls.order,
            "sale.order.line": cls.order.order_line,
            "scenic.ticket": cls.tickets,
            "scenic.booking": cls.booking,
            "scenic.booking.line": cls.booking.line_ids,
            "scenic.credential": cls.tickets.credential_ids,
            "scenic.entitlement": cls.tickets.entitlement_ids,
            "scenic.agency.contract": cls.contract,
            "scenic.agency.contract.line": cls.contract.line_ids,
            "scenic.revenue.entry": cls.env["scenic.revenue.entry"]
            .sudo()
            ._recognise(cls.tickets[0].entitlement_ids, 1, cls.today),
            "scenic.signing.key": cls.env["scenic.signing.key"].sudo().search([]),
        }

    def _outsiders(self):
        for user in (self.stranger, self.lone_user, None):
            if user:
                self._login(user)
            else:
                self.authenticate(None, None)
            yield user.login if user else "public"

    # === URL === #

    def test_pages_of_another_agency_do_not_exist(self):
        ticket = self.tickets[0]
        wrong = "0" * 36
        public_share = self.booking.sudo()._portal_ensure_token()
        paths = [
            f"/my/tickets/orders/{self.order.id}",
            f"/my/tickets/orders/{self.order.id}?access_token={wrong}",
            # The right token of the booking is no key to prices
            f"/my/tickets/orders/{self.order.id}?access_token={public_share}",
            f"/scenic/booking/{self.booking.id}",
            f"/scenic/booking/{self.booking.id}?access_token={wrong}",
            f"/scenic/booking/{self.booking.id}?access_token=",
            f"/scenic/booking/{self.booking.id}?access_token=%00",
            f"/scenic/booking/{self.booking.id}?access_token=%C3%A9",
            f"/scenic/booking/{self.booking.id}?access_token={ticket.access_token}",
            f"/scenic/booking/{self.booking.id}/pdf",
            f"/scenic/booking/{self.booking.id}/pdf?access_token={wrong}",
            f"/scenic/ticket/{ticket.id}",
            f"/scenic/ticket/{ticket.id}?access_token={wrong}",
            f"/scenic/ticket/{ticket.id}?access_token={public_share}",
            f"/scenic/ticket/{ticket.id}/pdf?access_token={wrong}",
            f"/my/orders/{self.order.id}",
            f"/my/orders/{self.order.id}?report_type=pdf",
            f"/my/invoices/{self.order.invoice_ids.id}",
        ]
        for login in self._outsiders():
            for path in paths:
                with self.subTest(login=login, path=path):
                    response = self.url_open(path)
                    for secret in (
                        self.order.name,
                        self.order.invoice_ids.name,
                        *self.tickets.mapped("name"),
                        *(ticket._qr_token() for ticket in self.tickets),
                    ):
                        self.assertNotIn(secret, response.text)
                    self.assertNotIn("data:image/png", response.text)
                    self.assertNotEqual(
                        response.headers["Content-Type"], "application/pdf"
                    )
                    if login != "public" and not path.startswith(
                        ("/my/orders", "/my/invoices")
                    ):
                        self.assertEqual(response.status_code, 404)

    def test_ids_that_do_not_exist(self):
        self._login(self.agent)
        for path in (
            "/my/tickets/orders/999999999",
            "/scenic/booking/999999999",
            "/scenic/booking/999999999/pdf?access_token=x",
            "/my/tickets/orders/99999999999999999999",
            "/scenic/booking/99999999999999999999",
            f"/scenic/booking/{self.booking.id}?access_token=%C3%A9",
        ):
            self.assertEqual(self.url_open(path).status_code, 404, path)

    def test_the_public_is_sent_to_log_in(self):
        self.authenticate(None, None)
        for path in (
            "/my/tickets",
            "/my/tickets/orders",
            f"/scenic/booking/{self.booking.id}",
            "/scenic/booking/999999999",
        ):
            response = self.url_open(path)
            self.assertTrue(response.history, path)
            self.assertIn("/web/login", response.url)

    def test_lists_show_only_ones_own(self):
        self._login(self.stranger)
        response = self.url_open(f"/my/tickets/orders?search={self.order.name}")
        self.assertNotIn(f"/my/tickets/orders/{self.order.id}", response.text)
        number = self.tickets[0].name
        response = self.url_open(f"/my/tickets/orders?search={number}&search_in=ticket")
        self.assertNotIn(f"/my/tickets/orders/{self.order.id}", response.text)

    def test_who_is_no_agency_cannot_order(self):
        self._login(self.lone_user)
        self.assertEqual(self.url_open("/my/tickets").status_code, 404)
        self.assertEqual(self.url_open("/my/tickets/orders").status_code, 404)
        counters = self.make_jsonrpc_request(
            "/my/counters", {"counters": ["scenic_product_count", "scenic_order_count"]}
        )
        self.assertEqual(set(counters.values()), {0})
        with self.assertRaises(JsonRpcException), mute_logger("odoo.http"):
            self.make_jsonrpc_request(
                "/my/tickets/quote",
                {"visit_date": str(self.visit_date), "quantities": {}},
            )

    def test_a_crafted_form_cannot_order_for_another_agency(self):
        self._login(self.stranger)
        order = self._order_of(
            self._post_order(
                {self.scenic_individual: 1},
                partner_id=str(self.agency.id),
                agency=str(self.agency.id),
                price_unit="0.01",
                pricelist_id=str(self.agency.property_product_pricelist.id),
            )
        )
        self.assertEqual(order.partner_id, self.other_agency)
        self.assertEqual(order.order_line.price_unit, 95)

    def test_the_token_of_another_agencys_form_finds_nothing(self):
        self._login(self.agent)
        own = self._order_of(self._post_order({self.scenic_individual: 1}, token=9))
        self.assertEqual(own.sudo().scenic_form_token, TOKEN.format(9))
        self._login(self.stranger)
        other = self._order_of(self._post_order({self.scenic_individual: 1}, token=9))
        self.assertNotEqual(other, own)

    # === RPC === #

    def _call_kw(self, model, method, *args, **kwargs):
        return self.make_jsonrpc_request(
            "/web/dataset/call_kw",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def _json2(self, key, model, method, **values):
        return self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps(values),
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
            },
        )

    def _api_key(self, user):
        # sudo: what the user does on the security page
        return (
            self.env["res.users.apikeys"]
            .with_user(user)
            .sudo()
            ._generate("rpc", "test", None)
        )

    def _attacks(self, model):
        """(method, positional arguments) that must not work on a foreign record."""
        ids = self.records[model].ids
        self.assertTrue(ids, model)
        yield "read", [ids]
        yield "read", [ids, ["display_name"]]
        yield "write", [ids, {"active": True}]
        yield "unlink", [ids]
        yield "create", [{"name": "X"}]
        yield "copy", [ids]
        yield "export_data", [ids, ["id"]]

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model")
    def test_call_kw_of_outsiders(self):
        for user in (self.stranger, self.lone_user):
            self._login(user)
            for model in MODELS:
                ids = self.records[model].ids
                with self.subTest(user=user.login, model=model):
                    for method, args in self._attacks(model):
                        with self.assertRaises(JsonRpcException, msg=method):
                            self._call_kw(model, method, *args)
                    for method in ("search_read", "search"):
                        try:
                            rows = self._call_kw(model, method, [("id", "in", ids)])
                        except JsonRpcException:
                            continue
                        self.assertEqual(rows, [])
            for method in ("_qr_token", "_qr_image", "_barcode_number", "_refund"):
                with self.assertRaises(JsonRpcException):
                    self._call_kw("scenic.ticket", method, self.tickets.ids)

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model")
    def test_call_kw_of_the_public(self):
        self.authenticate(None, None)
        for model in MODELS:
            with self.subTest(model=model), self.assertRaises(JsonRpcException):
                self._call_kw(model, "search_read", [])

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model")
    def test_json2_of_outsiders(self):
        self.authenticate(None, None)
        for user in (self.stranger, self.lone_user):
            key = self._api_key(user)
            for model in MODELS:
                ids = self.records[model].ids
                with self.subTest(user=user.login, model=model):
                    for method, values in (
                        ("read", {"ids": ids}),
                        ("write", {"ids": ids, "vals": {"name": "X"}}),
                        ("unlink", {"ids": ids}),
                        ("create", {"vals_list": [{"name": "X"}]}),
                    ):
                        response = self._json2(key, model, method, **values)
                        self.assertIn(response.status_code, (403, 404), method)
                    response = self._json2(
                        key, model, "search_read", domain=[("id", "in", ids)]
                    )
                    if response.status_code != 403:
                        self.assertEqual(response.json(), [])
        for model in MODELS:
            response = self._json2("no-such-key", model, "search_read", domain=[])
            self.assertEqual(response.status_code, 401)

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model")
    def test_an_agency_reads_its_own_and_changes_nothing(self):
        key = self._api_key(self.colleague)
        self.authenticate(None, None)
        for model in MODELS:
            ids = self.records[model].ids
            with self.subTest(model=model):
                response = self._json2(
                    key,
                    model,
                    "search_read",
                    domain=[("id", "in", ids)],
                    fields=["id"],
                )
                if model in OWN_READABLE:
                    self.assertEqual(
                        sorted(row["id"] for row in response.json()), sorted(ids)
                    )
                else:
                    self.assertEqual(response.status_code, 403)
                for method, values in (
                    ("write", {"ids": ids, "vals": {"name": "X"}}),
                    ("unlink", {"ids": ids}),
                    ("create", {"vals_list": [{"name": "X"}]}),
                ):
                    response = self._json2(key, model, method, **values)
                    self.assertEqual(response.status_code, 403, (model, method))

    @mute_logger("odoo.http")
    def test_no_key_to_the_codes_over_rpc(self):
        """Own tickets are readable, what opens their QR codes is not."""
        ticket = self.tickets[0].with_user(self.agent)
        self.assertEqual(ticket.name, self.tickets[0].name)
        for record, name in (
            (ticket, "access_token"),
            (ticket, "credential_ids"),
            (self.booking.with_user(self.agent), "access_token"),
        ):
            with self.assertRaises(AccessError):
                record.read([name])
            self.env.invalidate_all()
        self._login(self.agent)
        secrets = (
            ticket.sudo().access_token,
            ticket._qr_token(),
            ticket._barcode_number(),
            *self.tickets.sudo().credential_ids.mapped("lookup"),
        )
        for name in self._call_kw("scenic.ticket", "fields_get"):
            try:
                [row] = self._call_kw("scenic.ticket", "read", [ticket.id], [name])
            except JsonRpcException:
                continue
            for secret in secrets:
                self.assertNotIn(secret, str(row), name)
        for domain in (
            [("access_token", "=like", "a%")],
            [("credential_ids.lookup", "=like", "a%")],
        ):
            with self.assertRaises(JsonRpcException):
                self._call_kw("scenic.ticket", "search_count", domain)

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model")
    def test_portal_users_do_not_act_on_orders(self):
        self._login(self.agent)
        for method in ("action_cancel", "action_confirm", "action_draft"):
            with self.assertRaises(JsonRpcException, msg=method):
                self._call_kw("sale.order", method, [self.order.id])
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(set(self.tickets.mapped("state")), {"valid"})

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model")
    def test_nobody_makes_themselves_an_agency(self):
        self._login(self.lone_user)
        with self.assertRaises(JsonRpcException):
            self._call_kw(
                "res.partner",
                "write",
                [self.lone_user.partner_id.id],
                {"is_scenic_agency": True},
            )
        self.assertNotIn(
            "is_scenic_agency", self.env["res.partner"]._get_frontend_writable_fields()
        )
