"""Tickets of an order that a printer of a bridge makes."""

from datetime import timedelta

from odoo import fields, models

from odoo.addons.scenic_ticket_base.models.scenic_print_job import OPEN_STATES

# A bridge asks twice a second, and is written down each ten seconds.
SILENCE = timedelta(seconds=25)


class PosOrder(models.Model):
    _inherit = "pos.order"

    def _scenic_print(self, tickets_sudo):
        """Print tickets, or have them printed; each print is counted before."""
        # sudo: which printer stands at the window, for whoever sells there
        printer_sudo = self.sudo().config_id.scenic_printer_id
        if printer_sudo:
            # the printer is the window's; who prints is the cashier
            printer = printer_sudo.sudo(False)
            printer._print(tickets_sudo, self.config_id.name, self)
        else:
            tickets_sudo._count_print("receipt", self.config_id.name, self)

    def scenic_print_state(self):
        """Tell how far the ticket printer is with the newest print of each ticket.

        :return: dict of ``total``, ``printed``, ``open`` (still to come), ``missing``
            (did not come out, or nobody knows) and ``message``: what the cashier can
            do, or False
        :raise WindowRightError: the user may not print tickets
        """
        self.ensure_one()
        self.check_access("read")
        self._scenic_check_cashier()
        jobs_sudo = self._scenic_print_jobs()
        still = jobs_sudo.filtered(lambda job: job.state in OPEN_STATES)
        printed = jobs_sudo.filtered(lambda job: job.state == "printed")
        missing = jobs_sudo - still - printed
        message = False
        if still:
            message = self._scenic_printer_message(still.printer_id[:1])
        elif missing:
            message = self._scenic_missing_message(missing)
        return {
            "total": len(jobs_sudo),
            "printed": len(printed),
            "open": len(still),
            "missing": len(missing),
            "message": message,
        }

    def scenic_print_cancel(self):
        """Take back what the ticket printer has not begun.

        :return: as :meth:`scenic_print_state`
        """
        self.ensure_one()
        self.check_access("read")
        self._scenic_check_cashier()
        self._scenic_print_jobs()._cancel()
        return self.scenic_print_state()

    def scenic_print_missing(self):
        """Print once more what did not come out; it is counted as a reprint.

        :return: as :meth:`scenic_print_state`
        """
        self.ensure_one()
        self.check_access("read")
        self._scenic_check_cashier()
        missing_sudo = self._scenic_print_jobs().filtered(
            lambda job: job.state not in (*OPEN_STATES, "printed")
        )
        tickets_sudo = missing_sudo.ticket_id.filtered(
            lambda ticket: ticket._pos_is_printable()
        )
        if tickets_sudo:
            self._scenic_print(tickets_sudo)
        return self.scenic_print_state()

    def _scenic_print_jobs(self):
        """The newest job of each ticket, if the ticket printer made its last print."""
        tickets_sudo = self._scenic_tickets()
        # sudo: of the tickets of an order that the user may read
        jobs_sudo = self.env["scenic.print.job"].sudo()
        return jobs_sudo.search([("ticket_id", "in", tickets_sudo.ids)]).filtered(
            lambda job: job.number == job.ticket_id.print_count
        )

    def _scenic_printer_message(self, printer_sudo):
        """What keeps the printer from printing, and what to do; or False."""
        now = fields.Datetime.now()
        if not printer_sudo.last_seen or printer_sudo.last_seen < now - SILENCE:
            return self.env._(
                "Printer %(printer)s: the gate bridge that works it does not answer. "
                "Start it or choose another printer; what waits for two minutes is not "
                "printed any more.",
                printer=printer_sudo.name,
            )
        texts = {
            "no_paper": self.env._(
                "Printer %(printer)s has no paper. Put a new roll in, and it goes on.",
                printer=printer_sudo.name,
            ),
            "cover_open": self.env._(
                "The cover of printer %(printer)s is open. Close it, and it goes on.",
                printer=printer_sudo.name,
            ),
            "error": self.env._(
                "Printer %(printer)s reports a fault. Look for jammed paper and switch "
                "it off and on.",
                printer=printer_sudo.name,
            ),
            "offline": self.env._(
                "Printer %(printer)s cannot be reached. Check that it is switched on "
                "and its network cable.",
                printer=printer_sudo.name,
            ),
        }
        return texts.get(printer_sudo.state, False)

    def _scenic_missing_message(self, missing_sudo):
        unsure_sudo = missing_sudo.filtered(lambda job: job.state == "unsure")
        if unsure_sudo:
            return self.env._(
                "Look whether these tickets came out whole: %(tickets)s. Print the "
                "missing only if not, and throw torn ones away.",
                tickets=", ".join(unsure_sudo.ticket_id.mapped("name")),
            )
        return self.env._(
            "These tickets were not printed: %(tickets)s.",
            tickets=", ".join(missing_sudo.ticket_id.mapped("name")),
        )
