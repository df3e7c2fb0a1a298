import re
from datetime import timedelta
from urllib.parse import unquote

import pypdfium2
import zxingcpp
from lxml import html
from PIL import Image

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_b2b.controllers import portal

from .common import B2BHttpCommon


@tagged("post_install", "-at_install")
class TestPortal(B2BHttpCommon):
    def setUp(self):
        super().setUp()
        self._login(self.agent)

    def _texts(self, page, path):
        return [" ".join(node.text_content().split()) for node in page.xpath(path)]

    def _count(self):
        return self.env["sale.order"].search_count([])

    # === HOME AND FORM === #

    def test_home_has_the_tiles_and_counts(self):
        page = html.fromstring(self.url_open("/my").content)
        links = page.xpath("//div[hasclass('o_portal_docs')]//a/@href") or page.xpath(
            "//a/@href"
        )
        self.assertIn("/my/tickets", links)
        self.assertIn("/my/tickets/orders", links)
        names = ["scenic_product_count", "scenic_order_count"]
        counters = self.make_jsonrpc_request("/my/counters", {"counters": names})
        self.assertEqual(counters["scenic_product_count"], 3)
        self.assertEqual(counters["scenic_order_count"], 0)
        self._make_order((self.scenic_individual, 1))
        counters = self.make_jsonrpc_request("/my/counters", {"counters": names})
        self.assertEqual(counters["scenic_order_count"], 1)

    def test_the_form_lists_granted_products_at_own_prices(self):
        page = self._form_page()
        products = page.xpath("//div[contains(@class, 'o_scenic_product')]")
        self.assertEqual(len(products), 3)
        [row] = page.xpath(f"//div[@data-product-id='{self.scenic_individual.id}']")
        text = " ".join(row.text_content().split())
        self.assertIn("90.00", text)
        self.assertIn("10+", text)
        self.assertIn("80.00", text)
        self.assertNotIn("100.00", text)
        self._login(self.stranger)
        page = self._form_page()
        [row] = page.xpath("//div[contains(@class, 'o_scenic_product')]")
        self.assertIn("95.00", row.text_content())

    def test_prices_shown_follow_the_date_and_include_taxes(self):
        tax = self.tax_sale_a.copy(
            {"name": "T6", "amount": 6, "price_include_override": "tax_excluded"}
        )
        self.scenic_individual.taxes_id = tax
        holiday = self.visit_date + timedelta(days=1)
        self.agency.property_product_pricelist.item_ids = [
            Command.create(
                self._price_rule(
                    self.scenic_individual,
                    120,
                    date_start=f"{fields.Date.to_string(holiday)} 00:00:00",
                    min_quantity=1,
                )
            )
        ]
        for day, price in ((self.visit_date, "95.40"), (holiday, "127.20")):
            page = html.fromstring(
                self.url_open(f"/my/tickets?visit_date={day}").content
            )
            [row] = page.xpath(f"//div[@data-product-id='{self.scenic_individual.id}']")
            self.assertIn(price, row.text_content())

    def _quote(self, quantities, **values):
        return self.make_jsonrpc_request(
            "/my/tickets/quote",
            {
                "visit_date": fields.Date.to_string(self.visit_date),
                "quantities": {
                    str(getattr(product, "id", product)): persons
                    for product, persons in quantities.items()
                },
                **values,
            },
        )

    def test_the_quote_is_the_price_of_the_order(self):
        tax = self.tax_sale_a.copy(
            {"name": "T9", "amount": 9.9, "price_include_override": "tax_excluded"}
        )
        (self.scenic_individual | self.scenic_combo).taxes_id = tax
        self.agency.property_product_pricelist.item_ids = [
            Command.create(self._price_rule(self.scenic_combo, 33.33))
        ]
        quantities = {self.scenic_individual: "11", self.scenic_combo: "7"}
        quote = self._quote(quantities)
        self.assertEqual(quote["persons"], 18)
        order = self._order_of(
            self._post_order(quantities, expected_total=quote["total_value"])
        )
        self.assertEqual(quote["total_value"], f"{order.amount_total:.2f}")

    def test_the_quote_of_nonsense(self):
        self.assertIn("error", self._quote({}, visit_date="31/12/2026"))
        self.assertIn("error", self._quote({}, visit_date=None))
        quote = self._quote({self.scenic_individual: "1e9", 999999: "1"})
        self.assertEqual(quote["total_value"], "0.00")
        self.assertEqual(len(quote["errors"]), 2)
        for nonsense in ("x", [1], None, 7):
            quote = self.make_jsonrpc_request(
                "/my/tickets/quote",
                {"visit_date": str(self.visit_date), "quantities": nonsense},
            )
            self.assertEqual(quote["persons"], 0)

    # === ORDER === #

    def test_order_through_the_form(self):
        response = self._post_order(
            {self.scenic_individual: 3, self.scenic_group: 25},
            client_order_ref="TOUR-7",
            guide_name="Li",
            guide_phone="+86 130 0000 0000",
            remark="Bus",
        )
        order = self._order_of(response)
        self.assertEqual(order.partner_id, self.agency)
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.client_order_ref, "TOUR-7")
        self.assertEqual(order.scenic_guide_name, "Li")
        self.assertEqual(order.scenic_guide_phone, "+86 130 0000 0000")
        self.assertEqual(order.scenic_remark, "Bus")
        self.assertEqual(order.create_uid, self.agent)
        self.assertEqual(order.order_line.mapped("price_unit"), [90, 80])
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertEqual(order.scenic_ticket_count, 4)
        self.assertLiabilityIsOpenTickets()

    def test_the_same_form_makes_one_order(self):
        first = self._order_of(self._post_order({self.scenic_individual: 2}))
        again = self._order_of(self._post_order({self.scenic_individual: 2}))
        self.assertEqual(first, again)
        self.assertEqual(first.scenic_ticket_count, 2)
        other = self._order_of(self._post_order({self.scenic_individual: 2}, token=2))
        self.assertNotEqual(first, other)

    def test_the_same_form_with_other_content_is_asked_about(self):
        first = self._order_of(self._post_order({self.scenic_individual: 2}))
        count = self._count()
        response = self._post_order({self.scenic_individual: 5})
        [error] = self._form_errors(response)
        self.assertIn(first.name, error)
        self.assertEqual(self._count(), count)
        page = html.fromstring(response.content)
        [token] = page.xpath("//input[@name='form_token']/@value")
        second = self._order_of(
            self._post_order({self.scenic_individual: 5}, token=token)
        )
        self.assertEqual(second.scenic_ticket_count, 5)

    def test_form_tokens_of_agencies_do_not_meet(self):
        first = self._order_of(self._post_order({self.scenic_individual: 2}))
        self._login(self.stranger)
        other = self._order_of(self._post_order({self.scenic_individual: 2}))
        self.assertNotEqual(first, other)
        self.assertEqual(other.partner_id, self.other_agency)

    def test_bad_input_keeps_the_form_and_changes_nothing(self):
        product = self.scenic_individual
        ungranted = self._scenic_product("Not granted", "individual", 10)
        past = self.today - timedelta(days=1)
        far = self.today + timedelta(days=31)
        for quantities, values in (
            ({}, {}),
            ({product: "0"}, {}),
            ({product: "-1"}, {}),
            ({product: "1.5"}, {}),
            ({product: "²"}, {}),
            ({product: "abc"}, {}),
            ({product: "9" * 30}, {}),
            ({product: "201"}, {}),
            ({self.scenic_group: "256"}, {}),
            ({ungranted: "1"}, {}),
            ({product: "1", ungranted: "1"}, {}),
            ({"../1": "1"}, {}),
            ({product: "1"}, {"visit_date": past}),
            ({product: "1"}, {"visit_date": far}),
            ({product: "1"}, {"token": "short"}),
            ({product: "1"}, {"token": "x" * 65}),
            ({product: "1"}, {"token": "<script>alert(1)</script>"}),
            ({product: "1"}, {"client_order_ref": "x" * 65}),
            ({product: "1"}, {"guide_name": "x" * 65}),
            ({product: "1"}, {"guide_name": "a\0b"}),
            ({product: "1"}, {"guide_name": "a\nb"}),
            ({product: "1\0"}, {}),
            ({product: "1"}, {"guide_phone": "1\0"}),
            ({product: "1"}, {"remark": "x" * 201}),
            ({product: "1"}, {"guide_phone": "<b>"}),
            ({product: "1"}, {"expected_total": "1.00"}),
        ):
            with self.subTest(quantities=quantities, values=values):
                before = self._count()
                response = self._post_order(
                    quantities, **{"client_order_ref": "KEEP-ME", **values}
                )
                self.assertTrue(self._form_errors(response))
                self.assertEqual(self._count(), before)
                page = html.fromstring(response.content)
                if "client_order_ref" not in values:
                    self.assertEqual(
                        page.xpath("//input[@name='client_order_ref']/@value"),
                        ["KEEP-ME"],
                    )
                if product in quantities and "\0" not in quantities[product]:
                    [kept] = page.xpath(f"//input[@name='qty_{product.id}']/@value")
                    self.assertEqual(kept, quantities[product])
                self.assertNotIn("<script>alert", response.text)
        self.assertFalse(self.env["scenic.booking"].search([]))
        self.assertEqual(self._liability_balance(), 0)

    def test_a_corrected_form_goes_through(self):
        response = self._post_order({self.scenic_individual: "201"})
        page = html.fromstring(response.content)
        [token] = page.xpath("//input[@name='form_token']/@value")
        order = self._order_of(
            self._post_order({self.scenic_individual: "20"}, token=token)
        )
        self.assertEqual(order.scenic_ticket_count, 20)

    def test_bad_dates(self):
        for text in ("", "2026-02-30", "tomorrow", "0001-01-01", "9999-12-31"):
            with self.subTest(text=text):
                page = self._form_page()
                [csrf] = page.xpath("//form//input[@name='csrf_token']/@value")
                response = self.url_open(
                    "/my/tickets/order",
                    data={
                        "csrf_token": csrf,
                        "form_token": "x" * 20,
                        "visit_date": text,
                        f"qty_{self.scenic_individual.id}": "1",
                    },
                )
                self.assertTrue(self._form_errors(response))
                self.assertEqual(
                    self.url_open(f"/my/tickets?visit_date={text}").status_code, 200
                )

    @mute_logger("odoo.http")
    def test_no_order_without_csrf_token(self):
        before = self._count()
        response = self.url_open(
            "/my/tickets/order",
            data={
                "form_token": "x" * 20,
                "visit_date": fields.Date.to_string(self.visit_date),
                f"qty_{self.scenic_individual.id}": "1",
            },
        )
        self.assertEqual(response.status_code, 400)
        self.assertEqual(self._count(), before)
        self.assertEqual(self.url_open("/my/tickets/order").status_code, 405)

    def test_no_contract_no_order(self):
        self.contract.action_close()
        page = self._form_page()
        self.assertFalse(page.xpath("//form[contains(@class, 'o_scenic_order_form')]"))
        response = self._post_order(
            {self.scenic_individual: 1},
            csrf_token=self._csrf_of("/my/tickets/orders"),
        )
        self.assertEqual(response.status_code, 422)
        self.assertFalse(self.env["scenic.booking"].search([]))

    def _csrf_of(self, url):
        text = self.url_open(url).text
        return re.search(r'csrf_token: "([^"]+)"', text).group(1)

    # === ORDER PAGES === #

    def test_order_list_search_filter_and_pager(self):
        orders = self.env["sale.order"]
        for turn in range(22):
            orders |= self._make_order(
                (self.scenic_individual, 1),
                client_order_ref=f"REF-{turn:03d}",
                scenic_guide_name=f"Guide {turn}",
            )
        orders[0].action_cancel()

        def listed(query=""):
            page = html.fromstring(self.url_open(f"/my/tickets/orders{query}").content)
            return self._texts(page, "//table//tbody//td[1]/a | //table/tr/td[1]/a")

        self.assertEqual(
            listed(), orders.sorted("id", reverse=True)[:20].mapped("name")
        )
        self.assertEqual(listed("/page/2"), [orders[1].name, orders[0].name])
        self.assertEqual(listed("?search=REF-003"), [orders[3].name])
        self.assertEqual(listed("?search=Guide 7&search_in=guide"), [orders[7].name])
        self.assertEqual(listed("?search=REF-003&search_in=guide"), [])
        self.assertEqual(listed(f"?search={orders[5].name}"), [orders[5].name])
        number = orders[4].scenic_booking_id.ticket_ids.name
        self.assertEqual(listed(f"?search={number}"), [orders[4].name])
        self.assertEqual(listed(f"?search={number}&search_in=ticket"), [orders[4].name])
        self.assertEqual(listed("?filterby=cancel"), [orders[0].name])
        self.assertEqual(listed("?search=nothing-like-this"), [])
        self.assertEqual(len(listed("?search=%00")), 20)
        self.assertEqual(listed("?search=%25%27--"), [])
        self.assertEqual(len(listed("?sortby=x&filterby=y&search_in=z")), 20)

    def test_order_page(self):
        order = self._make_order((self.scenic_individual, 2), (self.scenic_combo, 1))
        tickets = order.scenic_booking_id.ticket_ids.sorted("number")
        used = tickets[0].sudo()
        used.entitlement_ids.entries_used = 1
        used.state = "used"
        page = html.fromstring(self.url_open(f"/my/tickets/orders/{order.id}").content)
        rows = self._texts(page, "//tr[contains(@class, 'o_scenic_ticket')]")
        self.assertEqual(len(rows), 3)
        for ticket, row in zip(tickets, rows, strict=True):
            self.assertIn(ticket.name, row)
        self.assertIn("1 / 0", rows[0])
        [invoice] = page.xpath("//a[contains(@class, 'o_scenic_invoice')]/@href")
        response = self.url_open(invoice)
        self.assertEqual(response.status_code, 200)
        self.assertIn(order.invoice_ids.name, response.text)
        codes = page.xpath("//a[contains(@class, 'o_scenic_codes')]/@href")
        self.assertEqual(codes, [f"/scenic/booking/{order.scenic_booking_id.id}"])

    def test_colleagues_share_their_orders(self):
        order = self._order_of(self._post_order({self.scenic_individual: 2}))
        self._login(self.colleague)
        page = html.fromstring(self.url_open("/my/tickets/orders").content)
        self.assertIn(order.name, page.text_content())
        response = self.url_open(f"/my/tickets/orders/{order.id}")
        self.assertEqual(response.status_code, 200)
        booking = order.scenic_booking_id
        response = self.url_open(f"/scenic/booking/{booking.id}")
        self.assertIn(booking.ticket_ids[0].name, response.text)

    # === CODES === #

    def _draw(self, source):
        """The picture behind an SVG data URI of a QR: one path of strokes."""
        head, data = source.split(",", 1)
        self.assertTrue(head.startswith("data:image/svg+xml"), head)
        svg = html.fromstring(unquote(data))
        [path] = svg.xpath("//path/@d")
        dots, x, y = set(), 0.0, 0.0
        for command, first, second in re.findall(
            r"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", path
        ):
            if command == "h":
                dots |= {(int(x) + step, int(y)) for step in range(int(first))}
                x += float(first)
            elif command == "m":
                x, y = x + float(first), y + float(second or 0)
            else:
                x, y = float(first), float(second)
        side = max(max(dot) for dot in dots) + 5
        image = Image.new("L", (side, side), 255)
        for dot in dots:
            image.putpixel(dot, 0)
        return image.resize((side * 4, side * 4), Image.Resampling.NEAREST)

    def _decoded(self, content):
        """What a reader gets out of the QR codes of a page."""
        tokens = []
        page = html.fromstring(content)
        for source in page.xpath("//img[contains(@class, 'o_scenic_qr')]/@src"):
            [result] = zxingcpp.read_barcodes(self._draw(source))
            tokens.append(result.text)
        return tokens

    def test_the_codes_page_decodes_to_the_tokens(self):
        order = self._order_of(
            self._post_order({self.scenic_individual: 3, self.scenic_group: 12})
        )
        booking = order.scenic_booking_id
        tokens = [ticket._qr_token() for ticket in booking._scenic_live_tickets()]
        self.assertEqual(len(set(tokens)), 4)
        for _turn in range(2):  # again after a reload
            response = self.url_open(f"/scenic/booking/{booking.id}")
            self.assertEqual(self._decoded(response.content), tokens)
            self.assertIn("no-store", response.headers["Cache-Control"])
        parse = self.env["scenic.credential"]._parse
        self.assertEqual({parse(token).status for token in tokens}, {"ok"})

    def test_the_guides_link_needs_no_log_in(self):
        order = self._order_of(self._post_order({self.scenic_individual: 2}))
        page = html.fromstring(self.url_open(f"/my/tickets/orders/{order.id}").content)
        [link] = page.xpath("//input[@id='scenic_share']/@value")
        self.authenticate(None, None)
        response = self.url_open(re.sub(r"^https?://[^/]+", "", link))
        self.assertEqual(
            self._decoded(response.content),
            [t._qr_token() for t in order.scenic_booking_id._scenic_live_tickets()],
        )
        self.assertNotIn("90.00", response.text)
        [pdf] = html.fromstring(response.content).xpath(
            "//a/@href[contains(., '/pdf')]"
        )
        self.assertIn("access_token=", pdf)
        self.assertEqual(self.url_open(pdf).headers["Content-Type"], "application/pdf")

    def test_codes_of_many_tickets_come_in_pages(self):
        self.patch(portal, "CODES_PER_PAGE", 2)
        order = self._make_order((self.scenic_individual, 5))
        booking = order.scenic_booking_id
        url = f"/scenic/booking/{booking.id}"
        found = []
        for number in (1, 2, 3):
            found += self._decoded(self.url_open(f"{url}?page={number}").content)
        self.assertEqual(found, [t._qr_token() for t in booking._scenic_live_tickets()])
        for nonsense in ("0", "-1", "x", "99", "²"):
            self.assertEqual(self.url_open(f"{url}?page={nonsense}").status_code, 200)

    def test_refunded_tickets_show_no_code(self):
        order = self._make_order((self.scenic_individual, 2))
        booking = order.scenic_booking_id
        order.action_cancel()
        response = self.url_open(f"/scenic/booking/{booking.id}")
        self.assertEqual(self._decoded(response.content), [])
        self.assertIn(booking.ticket_ids[0].name, response.text)
        self.assertEqual(
            self.url_open(f"/scenic/booking/{booking.id}/pdf").status_code, 404
        )

    def _print_for_real(self):
        """Tests get HTML for a PDF unless the report is told otherwise."""
        report = self.env.registry["ir.actions.report"]
        original = report._render_qweb_pdf

        def _render_qweb_pdf(records, *args, **kwargs):
            records = records.with_context(force_report_rendering=True)
            return original(records, *args, **kwargs)

        self.patch(report, "_render_qweb_pdf", _render_qweb_pdf)

    def test_the_pdf_has_a_page_per_ticket(self):
        self._print_for_real()
        self.patch(portal, "TICKETS_PER_PDF", 3)
        order = self._make_order((self.scenic_individual, 4))
        tickets = order.scenic_booking_id._scenic_live_tickets()
        pages, tokens = [], []
        for part in (1, 2):
            response = self.url_open(
                f"/scenic/booking/{order.scenic_booking_id.id}/pdf?part={part}"
            )
            document = pypdfium2.PdfDocument(response.content)
            pages.append(len(document))
            for sheet in document:
                image = sheet.render(scale=4).to_pil()
                tokens += [
                    code.text
                    for code in zxingcpp.read_barcodes(image)
                    if code.text.startswith("T1")
                ]
        self.assertEqual(pages, [3, 1])
        self.assertEqual(tokens, [t._qr_token() for t in tickets])
        url = f"/scenic/booking/{order.scenic_booking_id.id}/pdf?part=9"
        self.assertEqual(self.url_open(url).status_code, 404)
