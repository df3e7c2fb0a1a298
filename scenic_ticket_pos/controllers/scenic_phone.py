from odoo import http
from odoo.http import request

from odoo.addons.scenic_ticket_base.controllers.portal import HEADERS

CODES_PER_PAGE = 20


class ScenicPhoneController(http.Controller):
    @http.route(
        "/scenic/window/order/<int(max=2147483647):order_id>",
        type="http",
        auth="public",
        methods=["GET"],
        readonly=True,
    )
    def scenic_order_page(self, order_id, access_token=None, page="1", **_kw):
        """Show the tickets that an order of the window sold; safe to reload."""
        # sudo: the token is the right; it is checked before anything is shown
        order_sudo = request.env["pos.order"].sudo().browse(order_id).exists()
        if not order_sudo or not order_sudo._scenic_check_page_token(access_token):
            raise request.not_found()
        tickets_sudo = order_sudo._scenic_tickets()
        count = len(tickets_sudo)
        last = max(-(-count // CODES_PER_PAGE), 1)
        here = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
        here = min(max(here, 1), last)
        offset = (here - 1) * CODES_PER_PAGE
        if not count:
            raise request.not_found()
        response = request.render(
            "scenic_ticket_base.scenic_ticket_page",
            {
                "tickets": tickets_sudo[offset : offset + CODES_PER_PAGE],
                "offset": offset,
                "ticket_count": count,
                "pages": [
                    {
                        "number": number,
                        "url": order_sudo._scenic_page_url(number),
                        "here": number == here,
                    }
                    for number in range(1, last + 1)
                ],
            },
        )
        response.headers.extend(HEADERS)
        return response
