"""An order that a window has sold without the server, out of its blanks."""

from odoo import models

from ..exceptions import WindowBlankError


class PosOrder(models.Model):
    _inherit = "pos.order"

    def _scenic_issue(self, lines, amounts):
        self._scenic_check_blanks(lines)
        super()._scenic_issue(lines, amounts)
        self._scenic_count_blank_prints(lines)

    def _scenic_check_blanks(self, lines):
        """All tickets of the order are blanks of this window, or none is one.

        Whoever names blanks is not asked for free places: the tickets are out already.
        """
        if not any(line.scenic_blanks for line in lines):
            return
        for line in lines:
            if len(line._scenic_blank_numbers()) != round(line.qty):
                raise WindowBlankError(
                    self.env._(
                        "%(product)s: an order that was sold offline needs a blank for "
                        "each ticket. Remove the line and choose the ticket again.",
                        product=line.product_id.display_name,
                    )
                )
        numbers = [n for line in lines for n in line._scenic_blank_numbers()]
        # sudo: whose blank it is, whatever the cashier may read
        leases_sudo = (
            self.env["scenic.ticket"].sudo().search([("number", "in", numbers)])
        ).lease_id
        strange_sudo = leases_sudo.filtered(lambda r: r.config_id != self.config_id)
        if strange_sudo:
            raise WindowBlankError(
                self.env._(
                    "The order was sold with blanks of %(till)s, not of this window. "
                    "Send it from there, or sell the tickets again.",
                    till=strange_sudo[0].till,
                ),
                code="BLANK_STRANGE",
            )

    def _scenic_count_blank_prints(self, lines):
        """Count what the window printed while the server could not."""
        for line in lines:
            prints = {b["number"]: b["prints"] for b in line._scenic_blank_list()}
            # sudo: nobody may write tickets; the window had the right to print them
            tickets_sudo = line.sudo().scenic_ticket_ids
            for time in range(max(prints.values(), default=0)):
                tickets_sudo.filtered(
                    lambda t, time=time, prints=prints: prints.get(t.number, 0) > time
                )._count_print("receipt", self.config_id.name, self)
