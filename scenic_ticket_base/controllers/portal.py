from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal

HEADERS = [
    # the address holds the secret of the ticket: keep it out of caches, other
    # sites' logs and search engines
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex, nofollow"),
]


class ScenicTicketPortal(CustomerPortal):
    @http.route(
        "/scenic/ticket/<int:ticket_id>",
        type="http",
        auth="public",
        methods=["GET"],
        readonly=True,
    )
    def scenic_ticket_page(self, ticket_id, access_token=None, **_kw):
        """Show one ticket with its QR on a phone."""
        ticket_sudo = self._scenic_ticket(ticket_id, access_token)
        if not ticket_sudo:
            raise request.not_found()
        response = request.render(
            "scenic_ticket_base.scenic_ticket_page",
            {"tickets": ticket_sudo, "pdf": True},
        )
        response.headers.extend(HEADERS)
        return response

    @http.route(
        "/scenic/ticket/<int:ticket_id>/pdf",
        type="http",
        auth="public",
        methods=["GET"],
        readonly=True,
    )
    def scenic_ticket_pdf(self, ticket_id, access_token=None, **_kw):
        """Return the printable ticket."""
        ticket_sudo = self._scenic_ticket(ticket_id, access_token)
        if not ticket_sudo or not ticket_sudo._shows_codes():
            raise request.not_found()
        # sudo: the token was checked; a visitor may not read reports
        report_sudo = request.env["ir.actions.report"].sudo()
        pdf, _type = report_sudo._render_qweb_pdf(
            "scenic_ticket_base.action_report_scenic_ticket", ticket_sudo.ids
        )
        return request.make_response(
            pdf,
            headers=HEADERS
            + [
                ("Content-Type", "application/pdf"),
                (
                    "Content-Disposition",
                    content_disposition(f"{ticket_sudo.name}.pdf"),
                ),
            ],
        )

    def _scenic_ticket(self, ticket_id, access_token):
        """Return the ticket as superuser if the token or the user may see it."""
        if access_token and not access_token.isascii():
            # tokens are compared as ASCII; anything else would be a server fault
            return None
        try:
            return self._document_check_access(
                "scenic.ticket", ticket_id, access_token=access_token
            )
        except (AccessError, MissingError):
            return None
