from odoo import fields, models


class ScenicPrinter(models.Model):
    """A ticket printer in the network of a site; a bridge there works it."""

    _name = "scenic.printer"
    _description = "Ticket Printer"
    _inherit = ["scenic.audited"]
    _order = "site_id, name, id"
    # what it says of itself is no setting
    _audited_fields = ("name", "code", "site_id", "active")

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True, help="How the bridge's settings name it, for example W1."
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    active = fields.Boolean(default=True)
    state = fields.Selection(
        [
            ("never", "Never Seen"),
            ("ready", "Ready"),
            ("no_paper", "No Paper"),
            ("cover_open", "Cover Open"),
            ("error", "Fault"),
            ("offline", "Not Reached"),
        ],
        required=True,
        readonly=True,
        default="never",
        copy=False,
    )
    last_seen = fields.Datetime(
        readonly=True, copy=False, help="When its bridge last asked what to print."
    )
    job_ids = fields.One2many("scenic.print.job", "printer_id", string="Jobs")

    _code_unique = models.Constraint(
        "UNIQUE (code, company_id)", "Another printer of this company has this code."
    )

    def _print(self, tickets_sudo, terminal=None, document=None):
        """Count one print of each ticket, and have the printer make it.

        :param tickets_sudo: ``scenic.ticket`` records
        :param str terminal: the point of sale that prints
        :param document: the order behind it, a record
        :return: the jobs, one for each ticket
        """
        self.ensure_one()
        tickets_sudo = tickets_sudo.sorted("number")
        tickets_sudo._count_print("receipt", terminal, document)
        # sudo: nobody may write jobs, only have them made
        return (
            self.env["scenic.print.job"]
            .sudo()
            .create(
                [
                    {
                        "printer_id": self.id,
                        "ticket_id": ticket_sudo.id,
                        "number": ticket_sudo.print_count,
                        "user_id": self.env.uid,
                    }
                    for ticket_sudo in tickets_sudo
                ]
            )
        )
