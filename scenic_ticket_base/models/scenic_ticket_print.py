"""Tickets on paper and on the public page: who may print them, and their texts."""

from odoo import fields, models
from odoo.tools import format_amount, format_date

from ..tools import barcode1d, images
from ..tools.guard import check_groups
from ..tools.lock_first import locks_first

PRINTERS = (
    "scenic_ticket_base.group_scenic_cashier",
    "scenic_ticket_base.group_scenic_customer_service",
)


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    # with it anybody shows the codes: it is for those who print them
    access_token = fields.Char(groups=",".join(PRINTERS))

    def action_print(self):
        """Print the tickets; each print is counted."""
        self._check_printable()
        self._count_print()
        return self.env.ref(
            "scenic_ticket_base.action_report_scenic_ticket"
        ).report_action(self)

    def _check_printable(self):
        """Check that the codes of these tickets may be printed.

        :raise AccessError: reading is not enough, a print is a means of entry
        :raise TicketStateError: the ticket is worth nothing any more
        """
        self.check_access("read")
        if not self.env.su:
            check_groups(
                self.env,
                PRINTERS,
                self.env._("Only cashiers and customer service may print tickets."),
            )
        for ticket in self:
            if not ticket._shows_codes():
                ticket._raise_state()

    def _shows_codes(self):
        """Tell whether the codes may still be shown to the holder.

        Those of a ticket that is over for long cannot: its signing key is gone. Those
        of a blank are the till's, until it is sold.
        """
        self.ensure_one()
        return (
            self.state not in ("held", "refunded", "void")
            and not self._is_unsold_blank()
            and self._code("qr").signing_key_id.state != "purged"
        )

    @locks_first(lambda tickets: tickets._lock_names())
    def _count_print(self, medium="document", terminal=None, document=None):
        """Count one more print of each ticket and keep who printed it and where.

        See ``scenic.print._record``. A reprint shows in the chatter.
        """
        # sudo: no user has the right to write tickets
        tickets_sudo = self.sudo()
        tickets_sudo._lock()
        for ticket_sudo in tickets_sudo:
            ticket_sudo.with_context(tracking_disable=True).print_count += 1
        self.env["scenic.print"]._record(tickets_sudo, medium, terminal, document)
        reprinted_sudo = tickets_sudo.filtered(lambda t: t.print_count > 1)
        reprinted_sudo._log(self.env._("Printed again"))

    def _record_phone(self, medium, terminal=None, document=None):
        """Write down that the codes went to a phone; see ``scenic.print``.

        :param str medium: ``mail``, or ``page`` when its address was shown to be
            scanned
        """
        # sudo: as in :meth:`_count_print`; nothing of a ticket changes
        self.env["scenic.print"]._record(self.sudo(), medium, terminal, document)

    # ------------------------------------------------------------------
    # What a person reads
    # ------------------------------------------------------------------

    def _qr_image(self):
        """Return the QR as a data URI, to put into pages that must not fetch."""
        return images.qr_data_uri(self._qr_token())

    def _qr_png(self):
        """Return the QR as PNG, for mail programs, which show no SVG."""
        return images.qr_png(self._qr_token())

    def _barcode_image(self):
        """Return the Code128-C bars as a data URI."""
        return images.code128_data_uri(self._barcode_number())

    def _barcode_text(self):
        """Return the 22 digits in groups for a person."""
        return barcode1d.grouped(self._barcode_number())

    def _product_name(self):
        """Return the name of the ticket product as visitors know it."""
        self.ensure_one()
        return self.product_id.with_context(display_default_code=False).display_name

    def _price_text(self):
        """Return the price for a person."""
        self.ensure_one()
        return format_amount(self.env, self.amount_total, self.currency_id)

    def _places_text(self):
        """Return what the ticket admits to, for a person."""
        self.ensure_one()
        return " · ".join(
            self.env._(
                "%(place)s %(entries)s×",
                place=entitlement.display_name,
                entries=entitlement.entries_total // self.persons,
            )
            for entitlement in self.entitlement_ids
        )

    def _validity_text(self):
        """Return the valid days for a person."""
        self.ensure_one()
        first = format_date(self.env, self.date_first)
        last = format_date(self.env, self.date_last)
        if first == last:
            return first
        return self.env._("%(first)s to %(last)s", first=first, last=last)
