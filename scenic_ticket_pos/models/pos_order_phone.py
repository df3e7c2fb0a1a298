"""Tickets on the visitor's phone: by e-mail, or by an address that he scans."""

import base64
from urllib.parse import urlencode

from odoo import models
from odoo.tools import consteq, hmac

from odoo.addons.scenic_ticket_base.tools import images

from ..exceptions import WindowError
from .pos_order import PAID_STATES

# An e-mail shows so many codes; the page behind its link shows all.
MAIL_CODES = 20


class PosOrder(models.Model):
    _inherit = "pos.order"

    def scenic_phone_page(self):
        """Return the address of the tickets, for a visitor who scans it here.

        Each call is written down as codes handed out; see ``scenic.print``.

        :return: dict of ``url`` and ``qr``, its QR code as data URI
        :raise WindowRightError: the user may not hand out tickets
        :raise WindowError: no ticket of the order admits anybody
        """
        self.ensure_one()
        self.check_access("read")
        self._scenic_check_cashier()
        tickets_sudo = self._scenic_phone_tickets()
        if not tickets_sudo:
            raise WindowError(
                self.env._(
                    "Order %(order)s has no ticket that still admits anybody.",
                    order=self.pos_reference or self.name,
                )
            )
        tickets_sudo._record_phone("page", self.config_id.name, self)
        url = self._scenic_page_url()
        return {"url": url, "qr": images.text_data_uri(url)}

    def action_send_receipt(self, email, ticket_image, basic_image):
        tickets_sudo = self._scenic_phone_tickets()
        if tickets_sudo:
            self._scenic_check_cashier()
        result = super().action_send_receipt(email, ticket_image, basic_image)
        if tickets_sudo:
            self._scenic_send_tickets(email, tickets_sudo)
        return result

    def _scenic_send_tickets(self, email, tickets_sudo):
        """Send the tickets to an address, their codes inside the message."""
        self.ensure_one()
        self.env.ref("scenic_ticket_pos.mail_template_tickets").send_mail(
            self.id,
            force_send=True,
            email_values={
                "email_to": email,
                # shown in the text, see ir.mail_server
                "attachments": [
                    (
                        ticket_sudo._scenic_mail_picture(),
                        base64.b64encode(ticket_sudo._qr_png()),
                    )
                    for ticket_sudo in tickets_sudo[:MAIL_CODES]
                ],
            },
        )
        tickets_sudo._record_phone("mail", self.config_id.name, self)

    def _scenic_phone_tickets(self):
        """The tickets of a paid order that still admit somebody, by number."""
        if self.state not in PAID_STATES:
            return self._scenic_tickets().browse()
        return self._scenic_tickets().filtered(
            lambda ticket: ticket._pos_is_printable()
        )

    def _scenic_mail_tickets(self):
        """The tickets that the e-mail shows."""
        return self._scenic_phone_tickets()[:MAIL_CODES]

    def _scenic_page_url(self, page=1):
        """Return the public address of the tickets, its secret included.

        Whoever has it may show the tickets: give it to the visitor only.
        """
        self.ensure_one()
        query = {"access_token": self._scenic_page_token()}
        if page > 1:
            query["page"] = page
        return f"{self.get_base_url()}/scenic/window/order/{self.id}?{urlencode(query)}"

    def _scenic_page_token(self):
        # Not the order's own access token: a client chose that one.
        # sudo: the secret of the database
        scope = "scenic_ticket_pos.page"
        return hmac(self.env(su=True), scope, (self.id, self.uuid))

    def _scenic_check_page_token(self, token):
        return bool(
            token and token.isascii() and consteq(token, self._scenic_page_token())
        )
