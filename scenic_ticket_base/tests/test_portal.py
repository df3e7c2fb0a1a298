import re

import pypdfium2
import zxingcpp

from odoo.tests import HttpCase, new_test_user, tagged

from .common import ScenicMixin


@tagged("post_install", "-at_install")
class TestPortal(ScenicMixin, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ticket = cls._scenic_sell(cls.scenic_individual)
        cls.url = cls.ticket._page_url()
        for code in ("en_US", "zh_CN"):
            cls.env["res.lang"]._activate_lang(code)

    def setUp(self):
        super().setUp()
        self.opener.headers["Accept-Language"] = "en-US"

    def test_page_shows_the_ticket(self):
        response = self.url_open(self.url)
        self.assertEqual(response.status_code, 200)
        self.assertIn(self.ticket.name, response.text)
        self.assertIn("Adult 成人票", response.text)
        self.assertIn("Valid", response.text)
        self.assertIn(self.ticket._barcode_text(), response.text)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual(response.headers["Referrer-Policy"], "no-referrer")
        # nothing is fetched from elsewhere
        sources = re.findall(r'(?:src|href)="(?!data:)([^"]*)"', response.text)
        self.assertEqual(
            [url.split("?")[0] for url in sources],
            [f"/scenic/ticket/{self.ticket.id}/pdf"],
        )

    def test_page_speaks_the_language_of_the_phone(self):
        self.opener.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
        self.assertIn('lang="zh-CN"', self.url_open(self.url).text)

    def test_refresh_is_the_same(self):
        first, second = (self.url_open(self.url).text for _turn in range(2))
        self.assertEqual(first, second)
        self.assertIn(self.ticket._qr_image().replace("&", "&amp;"), first)

    def test_wrong_or_missing_token(self):
        other = self._scenic_sell(self.scenic_individual)
        for url in (
            f"/scenic/ticket/{self.ticket.id}",
            f"/scenic/ticket/{self.ticket.id}?access_token=",
            f"/scenic/ticket/{self.ticket.id}?access_token=x",
            f"/scenic/ticket/{self.ticket.id}?access_token={other.access_token}",
            f"/scenic/ticket/{self.ticket.id}/pdf?access_token=x",
            f"/scenic/ticket/{self.ticket.id}?access_token=%E9%97%A8",
            "/scenic/ticket/2147483000?access_token=x",
            "/scenic/ticket/99999999999999999999?access_token=x",
        ):
            with self.subTest(url=url):
                response = self.url_open(url)
                self.assertEqual(response.status_code, 404)
                self.assertNotIn(self.ticket.name, response.text)

    def test_portal_user_without_token(self):
        new_test_user(self.env, "portal_stranger", "base.group_portal")
        self.authenticate("portal_stranger", "portal_stranger")
        response = self.url_open(f"/scenic/ticket/{self.ticket.id}")
        self.assertEqual(response.status_code, 404)

    def test_code_goes_when_the_ticket_ends(self):
        self.ticket._refund("R", "rain")
        response = self.url_open(self.url)
        self.assertIn("Refunded", response.text)
        self.assertNotIn("data:image", response.text)
        self.assertNotIn(self.ticket._barcode_text(), response.text)
        pdf = self.url_open(self.ticket._page_url("/pdf"))
        self.assertEqual(pdf.status_code, 404)

    def test_pdf_is_the_ticket(self):
        report = type(self.env["ir.actions.report"])
        render = report._render_qweb_pdf

        def really_render(self, *args, **kwargs):
            # in tests Odoo answers HTML otherwise
            self = self.with_context(force_report_rendering=True)
            return render(self, *args, **kwargs)

        self.patch(report, "_render_qweb_pdf", really_render)
        response = self.url_open(self.ticket._page_url("/pdf"))
        self.assertEqual(response.headers["Content-Type"], "application/pdf")
        document = pypdfium2.PdfDocument(response.content)
        self.addCleanup(document.close)
        self.assertEqual(len(document), 1)
        codes = zxingcpp.read_barcodes(document[0].render(scale=3).to_pil())
        self.assertIn(self.ticket._qr_token(), [code.text for code in codes])

    def test_token_does_not_open_the_audit_trail(self):
        self.ticket._freeze("suspected fraud")
        for route, params in (
            ("/mail/thread/messages", {"fetch_params": {"limit": 30}}),
            ("/mail/message/post", {"post_data": {"body": "spam"}}),
        ):
            result = self.make_jsonrpc_request_raw(
                route,
                {
                    "thread_model": "scenic.ticket",
                    "thread_id": self.ticket.id,
                    "token": self.ticket.access_token,
                    **params,
                },
            )
            self.assertNotIn("suspected fraud", result)
        self.assertNotIn("spam", str(self.ticket.message_ids.mapped("body")))

    def make_jsonrpc_request_raw(self, route, params):
        response = self.url_open(
            route, json={"jsonrpc": "2.0", "method": "call", "params": params}
        )
        return response.text
