from odoo import api, fields, models

# What shows the code on a phone; anything else is paper.
PHONE_MEDIA = ("mail", "page")


class ScenicPrint(models.Model):
    """One print of a ticket: a means of entry that somebody had in his hand.

    A code that went to a phone is one, too. It is written down like a print, but is
    none of its count: no paper was used, and the paper ticket is no reprint after it.
    """

    _name = "scenic.print"
    _description = "Ticket Print"
    _inherit = ["scenic.append.only"]
    _order = "id desc"
    _rec_name = "ticket_id"
    _log_access = False

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    event_time = fields.Datetime(
        string="Time", required=True, readonly=True, index=True
    )
    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, index=True, ondelete="restrict"
    )
    number = fields.Integer(
        string="Print",
        required=True,
        readonly=True,
        help="1 for the first print; of a code sent to a phone, how many prints there "
        "were before.",
    )
    kind = fields.Selection(
        [
            ("first", "First Print"),
            ("reprint", "Printed Again"),
            ("phone", "On a Phone"),
        ],
        required=True,
        readonly=True,
    )
    medium = fields.Selection(
        [
            ("document", "Document"),
            ("receipt", "Receipt Printer"),
            ("mail", "E-Mail"),
            ("page", "Scanned Address"),
        ],
        required=True,
        readonly=True,
        help="A document goes to any printer, or is kept as a file. The address of the "
        "ticket is scanned from a screen at the window.",
    )
    terminal = fields.Char(
        readonly=True, help="The point of sale or machine that printed."
    )
    document = fields.Char(readonly=True, help="Name of the order behind the print.")
    document_model = fields.Char(readonly=True)
    document_id = fields.Many2oneReference(
        string="Document ID",
        model_field="document_model",
        readonly=True,
        aggregator=None,
    )
    remote_addr = fields.Char(string="Address", readonly=True)
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, ondelete="restrict"
    )

    @api.model
    def _record(self, tickets_sudo, medium, terminal=None, document=None):
        """Write down one print of each ticket: one statement, however many.

        :param tickets_sudo: ``scenic.ticket`` records; for a print locked, and counted
            already
        :param str medium: ``document`` or ``receipt``, or one of :data:`PHONE_MEDIA`
        :param str terminal: the point of sale or machine that printed
        :param document: the order behind it, a record
        """
        if medium not in dict(self._fields["medium"].selection):
            raise ValueError(f"{medium!r} is not a medium of prints")
        common = {
            **self._prepare_now(),
            **self._prepare_document(document),
            "medium": medium,
            "terminal": terminal or None,
        }
        self._insert(
            [
                {
                    **common,
                    "ticket_id": ticket_sudo.id,
                    "number": ticket_sudo.print_count,
                    "kind": self._kind(medium, ticket_sudo),
                    "site_id": ticket_sudo.site_id.id,
                    "company_id": ticket_sudo.company_id.id,
                }
                for ticket_sudo in tickets_sudo
            ]
        )

    @api.model
    def _kind(self, medium, ticket_sudo):
        if medium in PHONE_MEDIA:
            return "phone"
        return "first" if ticket_sudo.print_count == 1 else "reprint"
