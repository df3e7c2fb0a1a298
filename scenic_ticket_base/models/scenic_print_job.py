import base64
import zlib

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.constants import GC_UNLINK_LIMIT

from ..tools import ticket_raster

# A printer that comes back later does not surprise anybody with old tickets.
MAX_WAIT_SECONDS = 120
OPEN_STATES = ("waiting", "sent")


class ScenicPrintJob(models.Model):
    """One ticket on its way through a printer of a bridge.

    It is printed once at most: what a bridge had taken when it broke down is
    ``unsure``, and a person looks whether it came out.
    """

    _name = "scenic.print.job"
    _description = "Ticket Print Job"
    _order = "id"
    _rec_name = "ticket_id"

    printer_id = fields.Many2one(
        "scenic.printer", required=True, readonly=True, index=True, ondelete="cascade"
    )
    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    number = fields.Integer(
        string="Print", required=True, readonly=True, help="1 for the first print."
    )
    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, ondelete="restrict"
    )
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("sent", "At the Printer"),
            ("printed", "Printed"),
            ("unsure", "Perhaps Printed"),
            ("late", "Not Printed: Too Late"),
            ("cancelled", "Not Printed: Cancelled"),
        ],
        required=True,
        readonly=True,
        default="waiting",
    )
    session = fields.Char(
        readonly=True,
        groups=fields.NO_ACCESS,
        help="The process of the bridge that took the job.",
    )
    date_done = fields.Datetime(string="Done on", readonly=True)
    site_id = fields.Many2one(related="printer_id.site_id", store=True, index=True)
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)

    # what the bridges look for, twice a second
    _open = models.Index("(printer_id, id) WHERE state IN ('waiting', 'sent')")

    def _cancel(self):
        """Take back what no bridge has taken yet."""
        self.flush_model(["state"])
        # the bridges hand jobs out in transactions of their own
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_print_job SET state = 'cancelled', date_done = %s "
                "WHERE id = ANY(%s) AND state = 'waiting'",
                fields.Datetime.now(),
                self.ids,
            )
        )
        self.invalidate_recordset()

    def _picture(self, width):
        """Draw the ticket for a printer.

        :param int width: dots of a line, a multiple of 8
        :return: ``PIL.Image`` in black and white
        """
        self.ensure_one()
        # sudo: whoever asks for the picture answers for the right to print
        job_sudo = self.sudo().with_context(lang=self.sudo().user_id.lang)
        ticket = job_sudo.ticket_id
        reprint = job_sudo.number - 1
        hours = ticket.slot_id._hours_text() if ticket.slot_id else ""
        return ticket_raster.draw(
            width,
            token=ticket._qr_token(),
            digits=ticket._barcode_number(),
            site=ticket.site_id.name,
            product=ticket._product_name(),
            facts=[
                job_sudo.env._(
                    "Valid: %s", f"{ticket._validity_text()} {hours}".strip()
                ),
                job_sudo.env._("Persons: %s", ticket.persons),
            ],
            number=job_sudo.env._("No. %s", ticket.name),
            digits_text=ticket._barcode_text(),
            mark=job_sudo.env._("Reprint %s", reprint) if reprint > 0 else "",
        )

    def _dots(self, width):
        """Return the picture as bridges get it.

        :return: dict of ``width``, ``height`` and ``dots``: rows of bits, 1 is black,
            packed by zlib, in base 64
        """
        picture = self._picture(width)
        # a set bit is white to Pillow and black to the printer
        rows = bytes(byte ^ 0xFF for byte in picture.tobytes())
        return {
            "width": picture.width,
            "height": picture.height,
            "dots": base64.b64encode(zlib.compress(rows)).decode(),
        }

    @api.autovacuum
    def _gc_done(self):
        """Forget what was done a month ago; ``scenic.print`` keeps the prints."""
        self.search(
            [
                ("state", "not in", OPEN_STATES),
                ("create_date", "<", "today -30d"),
            ],
            limit=GC_UNLINK_LIMIT,
        ).unlink()
